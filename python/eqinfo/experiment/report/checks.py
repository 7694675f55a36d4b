"""Checks before a study begins: packages, text, memory and device."""

from __future__ import annotations

import math
import os

from eqinfo.experiment import extras
from eqinfo.experiment.analyses.stability import common_words
from eqinfo.experiment.data import StudyText
from eqinfo.experiment.m2.sizes import SIZES
from eqinfo.experiment.report.presets import M2Plan, Preset, scaled_share
from eqinfo.experiment.tokenizations.base import text_bytes
from eqinfo.experiment.tokenizations.catalogue import catalogue

_MEMORY_PER_TRAINING_BYTE = 40  # bytes; fitting a codebook takes slightly less
_MEMORY_PER_WEIGHT = 16  # bytes: weight, gradient and two moments of AdamW in float32
_LARGEST_VOCABULARY = 1 << 16
_LEAST_STEPS = 4  # of training; with fewer, the results mean nothing


def check_packages(preset: Preset, tables_only: bool) -> None:
    """Check that the optional packages of a study are installed.

    Raises:
        UnsupportedError: some are not; the message gives the command that installs them.
    """
    methods = catalogue()
    names = preset.all_methods(tables_only)
    packages = {package for name in names for package in methods[name].packages}
    extras.require({*packages, "matplotlib", "rapidfuzz", *(() if tables_only else ("torch",))})


def check_text(preset: Preset, text: StudyText, tables_only: bool) -> None:
    """Check that the training text is large enough for all methods and analyses.

    Raises:
        ValueError: it is too small for one of them.
    """
    size, methods = text_bytes(text.train), catalogue()
    for name in preset.all_methods(tables_only):
        least = methods[name].least_bytes
        if size < least:
            raise ValueError(
                f"{name}: expected at least {least:,} bytes of training text, found {size:,}; "
                "give more text, or --preset toy"
            )
    least = 0 if tables_only else _least_bytes(preset.plan)
    if size < least:
        raise ValueError(
            f"M2: expected at least {least:,} bytes of training text, found {size:,}; give more "
            "text, or --only tables"
        )
    words = 0 if tables_only else preset.plan.spelling_words
    common_words(text.train, max(preset.prefixes, words))


def _least_bytes(plan: M2Plan) -> int:
    step = plan.batch * plan.context_bytes
    # The smallest M2 that reads text in proportion to its weights takes a step at least.
    smallest = min((scaled_share(plan, size) for size in plan.scaled_sizes), default=1.0)
    return max(_LEAST_STEPS * step, math.ceil(2 * step / smallest))


def check_device(device: str) -> None:
    """Check the device of the M2s, which come after hours of other figures.

    Raises:
        UnsupportedError: PyTorch cannot use it.
    """
    from eqinfo.experiment.m2.devices import require_device

    require_device(device)


def check_memory(preset: Preset, tables_only: bool) -> None:
    """Check that the study fits the memory of this machine.

    Raises:
        ValueError: it does not.
    """
    needed = _MEMORY_PER_TRAINING_BYTE * preset.train_bytes
    if not tables_only:
        sizes = [SIZES[name] for name in preset.plan.sizes]
        weights = max(size.parameters + _LARGEST_VOCABULARY * size.width for size in sizes)
        needed = max(needed, _MEMORY_PER_WEIGHT * weights)
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    if needed > memory:
        raise ValueError(
            f"expected {needed / 1e9:.0f} GB of memory for this preset, found "
            f"{memory / 1e9:.0f} GB; choose a smaller --preset"
        )

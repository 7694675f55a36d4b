"""What must be there before a study begins."""

from __future__ import annotations

import os

from eqinfo.experiment import extras
from eqinfo.experiment.analyses.stability import common_words
from eqinfo.experiment.data import Data
from eqinfo.experiment.m2.sizes import SIZES
from eqinfo.experiment.report.presets import Preset
from eqinfo.experiment.tokenizations.base import text_bytes
from eqinfo.experiment.tokenizations.catalogue import catalogue

_BYTES_A_BYTE = 40  # of memory, of training text: what fitting a codebook takes, and some more
_BYTES_A_WEIGHT = 16  # weight, gradient and two moments of AdamW, in float32
_LARGEST_VOCABULARY = 1 << 16
_LEAST_STEPS = 4  # of training, fewer of which say nothing


def check_packages(preset: Preset, tables_only: bool) -> None:
    """Raise UnsupportedError where an optional package is missing; says which command helps."""
    methods = catalogue()
    names = preset.all_methods(tables_only)
    packages = {package for name in names for package in methods[name].packages}
    extras.require({*packages, "matplotlib", "rapidfuzz", *(() if tables_only else ("torch",))})


def check_text(preset: Preset, data: Data, tables_only: bool) -> None:
    """Raise ValueError where the training text is too small for a method or an analysis."""
    size, methods = text_bytes(data.train), catalogue()
    for name in preset.all_methods(tables_only):
        least = methods[name].least_bytes
        if size < least:
            raise ValueError(
                f"{name}: expected at least {least:,} bytes of training text, found {size:,}; "
                "give more files, or --preset toy"
            )
    least = 0 if tables_only else _LEAST_STEPS * preset.plan.batch * preset.plan.context_bytes
    if size < least:
        raise ValueError(
            f"M2: expected at least {least:,} bytes of training text, found {size:,}; give more "
            "files, or --only tables"
        )
    common_words(data.train, preset.prefixes)


def check_memory(preset: Preset, tables_only: bool) -> None:
    """Raise ValueError where the study would not fit the memory of this machine."""
    needed = _BYTES_A_BYTE * preset.train_bytes
    if not tables_only:
        sizes = [SIZES[name] for name in preset.plan.sizes]
        weights = max(size.parameters + _LARGEST_VOCABULARY * size.width for size in sizes)
        needed = max(needed, _BYTES_A_WEIGHT * weights)
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    if needed > memory:
        raise ValueError(
            f"expected {needed / 1e9:.0f} GB of memory for this preset, found {memory / 1e9:.0f}; "
            "take a smaller --preset"
        )

"""A study in a folder: its parameters, and figures that are computed only once."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from eqinfo.common.renamed import renamed
from eqinfo.errors import ChecksumError
from eqinfo.experiment.data import StudyText, sample
from eqinfo.experiment.m2.dataset import TokenDataset
from eqinfo.experiment.report.presets import Preset
from eqinfo.experiment.tokenizations.base import Ids, Method, Tokenization, text_bytes
from eqinfo.experiment.tokenizations.catalogue import catalogue
from eqinfo.models.protocol import Model
from eqinfo.shards.manifest import read_json, write_json

MANIFEST = "manifest.json"
_PACKAGES = (
    "eqinfo",
    "numpy",
    "sentencepiece",
    "tokenizers",
    "constriction",
    "rapidfuzz",
    "matplotlib",
    "torch",
)


@dataclass(frozen=True)
class StudyParameters:
    """Everything but the text and M1 that determines the figures of a study."""

    preset_name: str
    preset: Preset
    seed: int
    device: str


class Study:
    """Figures as JSON files in a folder, so that an interrupted study can be resumed.

    Every file names its run, a digest of all that determines the figures.

    Args:
        folder: of the study; created if it does not exist.
        text: to train on, and held out.
        model: M1.
        parameters: of the study.
        command: the command line, for the manifest.

    Raises:
        ValueError: the folder holds a different study.
    """

    def __init__(
        self,
        folder: Path,
        text: StudyText,
        model: Model,
        parameters: StudyParameters,
        command: Sequence[str],
    ) -> None:
        self.folder = folder
        self.text = text
        self.model = model
        self.parameters = parameters
        self._tokenizations: dict[str, Tokenization] = {}
        self._datasets: dict[tuple[str, int], TokenDataset] = {}
        self._held_out: dict[str, list[Ids]] = {}
        determinants = {
            "parameters": asdict(parameters),
            "files": text.files,
            "m1": model.fingerprint,
            "eqinfo": version("eqinfo"),
        }
        digest = hashlib.blake2b(json.dumps(determinants, sort_keys=True).encode(), digest_size=8)
        self.run = digest.hexdigest()
        self._begin(determinants, command)

    def _begin(self, determinants: dict[str, Any], command: Sequence[str]) -> None:
        self.folder.mkdir(exist_ok=True)
        (self.folder / "figures").mkdir(exist_ok=True)
        path = self.folder / MANIFEST
        if path.exists():
            found = read_json(path)
            if found.get("run") != self.run:
                raise ValueError(
                    f"{path}: expected a study of the same text, seed, preset, device, M1 and "
                    f"version (run {self.run}), found run {found.get('run')} of the command "
                    f"{found.get('command')}; give another folder"
                )
            return
        write_json(
            path,
            {
                "run": self.run,
                "command": list(command),
                "begun": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
                **json.loads(json.dumps(determinants)),
                "training_bytes": text_bytes(self.text.train),
                "held_out_bytes": text_bytes(self.text.held_out),
                "versions": {
                    "python": platform.python_version(),
                    **{package: _version(package) for package in _PACKAGES},
                },
                "machine": {"processor": platform.machine(), "cores": os.cpu_count()},
            },
        )

    @property
    def preset(self) -> Preset:
        """The size of the study."""
        return self.parameters.preset

    @cached_property
    def manifest(self) -> dict[str, Any]:
        """What made the figures: text, parameters, versions, command."""
        return read_json(self.folder / MANIFEST)

    @cached_property
    def methods(self) -> dict[str, Method]:
        """All methods by name, with the study's M1."""
        return catalogue(self.model)

    def tokenization(self, name: str) -> Tokenization:
        """Return the tokenization of a method, which is trained at the first call."""
        if name not in self._tokenizations:
            self._tokenizations[name] = self.methods[name].train(self.text.train)
        return self._tokenizations[name]

    def held_out(self, name: str) -> list[Ids]:
        """Return the ids of the held-out text under a method, encoded at the first call."""
        if name not in self._held_out:
            self._held_out[name] = self.tokenization(name).encode_batch(self.text.held_out)
        return self._held_out[name]

    def dataset(self, name: str, train_bytes: int | None = None) -> TokenDataset:
        """Return the tokens of the M2s' text under a method, encoded at the first call.

        Args:
            name: of the method.
            train_bytes: of text to train on; None for that of the preset.
        """
        plan = self.preset.plan
        size = plan.train_bytes if train_bytes is None else train_bytes
        if (name, size) not in self._datasets:
            train = sample(self.text.train, size)
            held_out = sample(self.text.held_out, plan.held_out_bytes)
            encoded = TokenDataset.encode(self.tokenization(name), train, held_out)
            self._datasets[name, size] = encoded
        return self._datasets[name, size]

    def figure(self, name: str, make: Callable[[], Any]) -> Any:
        """Return a figure: from its file if this run has written it, else from ``make``.

        Raises:
            ChecksumError: the figure in the file is not the one that this run has written.
            FormatError: the file is not JSON.
        """
        path = self.path(name)
        if path.exists():
            content = read_json(path)
            if content.get("run") == self.run and "checksum" in content:
                return _checked(path, content)
        begin = time.monotonic()
        figure = make()
        content = {"name": name, "run": self.run, "checksum": _checksum(figure), "figure": figure}
        write_json(path, {**content, "seconds": round(time.monotonic() - begin, 2)})
        return read_json(path)["figure"]  # exactly what a resumed study reads

    def seconds(self, name: str) -> float:
        """Return how long a figure in its file took to make, in this run or an earlier one."""
        return float(read_json(self.path(name)).get("seconds", 0.0))

    def path(self, name: str) -> Path:
        """Return the file of a figure."""
        return self.folder / "figures" / f"{re.sub(r'[^A-Za-z0-9]+', '-', name).strip('-')}.json"


def _checked(path: Path, content: dict[str, Any]) -> Any:
    figure = content.get("figure")
    found = _checksum(figure)
    if found != content["checksum"]:
        raise ChecksumError(
            f"{path}: expected a figure with the checksum {content['checksum']}, found {found}: "
            "the file was altered; delete it to compute the figure again"
        )
    return figure


def _checksum(figure: Any) -> str:
    """Return a hash of a figure, the same before it is written and after it is read."""
    return hashlib.blake2b(json.dumps(figure).encode(), digest_size=8).hexdigest()


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


__getattr__ = renamed(__name__, {"Parameters": "StudyParameters"})

"""A study in a folder: what it is made of, and figures that are made once."""

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

from eqinfo.experiment.data import Data, sample
from eqinfo.experiment.m2.dataset import Tokenized
from eqinfo.experiment.report.presets import Preset
from eqinfo.experiment.tokenizations.base import Method, Tokenization, text_bytes
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
class Parameters:
    """What decides every figure of a study, beside its text."""

    preset_name: str
    preset: Preset
    seed: int
    device: str


class Study:
    """Figures as JSON in a folder, each with the run that made it; an interrupted study goes on.

    Args:
        folder: of the study; made if need be.
        data: its text.
        model: M1.
        parameters: of the study.
        command: that was given, for the manifest.

    Raises:
        ValueError: the folder holds another study.
    """

    def __init__(
        self,
        folder: Path,
        data: Data,
        model: Model,
        parameters: Parameters,
        command: Sequence[str],
    ) -> None:
        self.folder = folder
        self.data = data
        self.model = model
        self.parameters = parameters
        self._trained: dict[str, Tokenization] = {}
        self._tokenized: dict[str, Tokenized] = {}
        decides = {
            "parameters": asdict(parameters),
            "files": data.files,
            "m1": model.fingerprint,
            "eqinfo": version("eqinfo"),
        }
        digest = hashlib.blake2b(json.dumps(decides, sort_keys=True).encode(), digest_size=8)
        self.run = digest.hexdigest()
        self._begin(decides, command)

    def _begin(self, decides: dict[str, Any], command: Sequence[str]) -> None:
        self.folder.mkdir(exist_ok=True)
        (self.folder / "figures").mkdir(exist_ok=True)
        path = self.folder / MANIFEST
        if path.exists():
            found = read_json(path)
            if found.get("run") != self.run:
                raise ValueError(
                    f"{path}: expected a study of the same text, seed, preset and version, found "
                    f"another one ({found.get('command')}); give another folder"
                )
            return
        write_json(
            path,
            {
                "run": self.run,
                "command": list(command),
                "begun": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
                **json.loads(json.dumps(decides)),
                "training_bytes": text_bytes(self.data.train),
                "held_out_bytes": text_bytes(self.data.held_out),
                "versions": {
                    "python": platform.python_version(),
                    **{package: _version(package) for package in _PACKAGES},
                },
                "machine": {"processor": platform.machine(), "cores": os.cpu_count()},
            },
        )

    @property
    def preset(self) -> Preset:
        """How large it is."""
        return self.parameters.preset

    @cached_property
    def manifest(self) -> dict[str, Any]:
        """What made the figures."""
        return read_json(self.folder / MANIFEST)

    @cached_property
    def methods(self) -> dict[str, Method]:
        """All methods by name."""
        return catalogue(self.model)

    def tokenization(self, name: str) -> Tokenization:
        """Return a trained method; trained when it is first asked for."""
        if name not in self._trained:
            self._trained[name] = self.methods[name].train(self.data.train)
        return self._trained[name]

    def tokenized(self, name: str) -> Tokenized:
        """Return the tokens of the M2s' text; made when they are first asked for."""
        if name not in self._tokenized:
            plan, data = self.preset.plan, self.data
            texts = sample(data.train, plan.train_bytes), sample(data.held_out, plan.held_out_bytes)
            self._tokenized[name] = Tokenized.of(self.tokenization(name), *texts)
        return self._tokenized[name]

    def figure(self, name: str, make: Callable[[], Any]) -> Any:
        """Return a figure: what an earlier run of this study wrote, or what ``make`` makes now."""
        path = self.path(name)
        if path.exists():
            content = read_json(path)
            if content.get("run") == self.run:
                return content["figure"]
        begin = time.monotonic()
        content = {"name": name, "run": self.run, "figure": make()}
        write_json(path, {**content, "seconds": round(time.monotonic() - begin, 2)})
        return read_json(path)["figure"]  # as any later run sees it

    def path(self, name: str) -> Path:
        """Return the file of a figure."""
        return self.folder / "figures" / f"{re.sub(r'[^A-Za-z0-9]+', '-', name).strip('-')}.json"


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None

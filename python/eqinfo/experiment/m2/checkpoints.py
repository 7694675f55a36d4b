"""Checkpoints of an M2: what was trained on what, and how far."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import nn

from eqinfo.embedding.text_features import Strings
from eqinfo.errors import ModelMismatchError
from eqinfo.experiment.m2.devices import require_device
from eqinfo.experiment.m2.network import Transformer
from eqinfo.experiment.m2.sizes import SIZES
from eqinfo.train.checkpoint import read_checkpoint, write_checkpoint

__all__ = ["check_tokens", "load_m2", "resume_m2", "save_m2"]

CHECKPOINT_KIND = "eqinfo-m2"
_OF_SEQUENCES = {"sequences", "steps"}
"""Names in a key that may differ because the sequences do: one pass over them is so many steps."""


def check_tokens(path: Path, trained: Mapping[str, Any] | None, found: Mapping[str, Any]) -> None:
    """Check that an M2 is given tokens of the method that it was trained on.

    Args:
        path: the checkpoint, for the message.
        trained: what the checkpoint says of its tokens; None, of an older version: nothing.
        found: the same of the tokens that are given.

    Raises:
        ModelMismatchError: they are of another method, codebook or M1.
    """
    if trained is not None and trained["fingerprint"] != found["fingerprint"]:
        raise ModelMismatchError(
            f"{path}: expected tokens of {trained['name']} ({trained['fingerprint']}), which this "
            f"M2 was trained on, found {found['name']} ({found['fingerprint']}); give shards that "
            "`eqinfo tokenize` made in the same way, or another checkpoint file"
        )


def load_m2(
    path: Path, device: str = "cpu", strings: Strings | None = None
) -> tuple[Transformer, Mapping[str, Any] | None]:
    """Return the M2 of a checkpoint, and what it was trained on (see ``tokens`` of `train`).

    An embedding that knows the text of its tokens is frozen: M2 has a plain one.

    Args:
        path: the checkpoint.
        device: where to put M2.
        strings: the texts of its tokens, for an M2 that knows them.

    Raises:
        ModelMismatchError: M2 knows texts, and these are others or none.
        UnsupportedError: PyTorch cannot use the device.
        FormatError, ChecksumError, UnsupportedError: as `read_checkpoint`.
        OSError: the file cannot be read.
    """
    require_device(device)
    content = read_checkpoint(path, CHECKPOINT_KIND, device)
    key = content["key"]
    known = key.get("embedding")
    if known is None:
        strings = None
    model = Transformer(key["vocab_size"], key["context"], SIZES[key["size"]], strings)
    found = getattr(model.embedding, "fingerprint", "none")
    if known is not None and found != known:
        raise ModelMismatchError(
            f"{path}: expected the texts of the tokens that this M2 was trained on (embedding "
            f"{known}), found {found}; give the codebook of the shards, or an M2 that was trained "
            "without --raw-share"
        )
    model.load_state_dict(content["model"])
    if known is not None:
        model.embedding = model.embedding.freeze()
    return model.to(device), content.get("tokens")


def save_m2(
    path: Path,
    key: dict[str, Any],
    tokens: Mapping[str, Any] | None,
    model: nn.Module,
    optimizer: Any,
    step: int,
    points: list[Any],
) -> None:
    """Write a checkpoint atomically.

    Args:
        path: the file.
        key: what determines the run.
        tokens: as for `train`.
        model, optimizer: after ``step`` steps.
        step: steps done.
        points: results of the measurements so far.

    Raises:
        OSError: the file cannot be written.
    """
    content = {
        "key": key,
        "tokens": None if tokens is None else dict(tokens),
        "step": step,
        "points": points,
        "model": model.state_dict(),
        "optimizer": optimizer.state_dict(),
    }
    write_checkpoint(path, CHECKPOINT_KIND, content)


def resume_m2(
    path: Path,
    key: dict[str, Any],
    tokens: Mapping[str, Any] | None,
    model: nn.Module,
    optimizer: Any,
    device: str,
) -> tuple[int, list[Any]]:
    """Load a checkpoint into a model and its optimiser, and return its steps and points.

    Raises:
        ValueError: it is of other settings or of other sequences, or does not say of which.
        ModelMismatchError: it is of an M2 that was trained on tokens of another method.
        FormatError, ChecksumError, UnsupportedError: as `read_checkpoint`.
        OSError: the file cannot be read.
    """
    content = read_checkpoint(path, CHECKPOINT_KIND, device)
    if tokens is not None:
        check_tokens(path, content.get("tokens"), tokens)
    _check_key(path, content["key"], key)
    model.load_state_dict(content["model"])
    optimizer.load_state_dict(content["optimizer"])
    return content["step"], content["points"]


def _check_key(path: Path, trained: Mapping[str, Any], found: Mapping[str, Any]) -> None:
    names = trained.keys() | found.keys()
    different = {name for name in names if trained.get(name) != found.get(name)}
    if different - _OF_SEQUENCES or different == {"steps"}:
        expected, other = (
            ", ".join(f"{name} = {key.get(name)}" for name in sorted(different - {"sequences"}))
            for key in (found, trained)
        )
        raise ValueError(
            f"{path}: expected a checkpoint of a run with {expected}, found {other}; resume with "
            "the settings of that run, or give another file"
        )
    if different and "sequences" not in trained:
        raise ValueError(
            f"{path}: expected a checkpoint that says which sequences its M2 was trained on, found "
            "none, as eqinfo wrote them before; finish the run with the eqinfo that began it, or "
            "start again with another file"
        )
    if different:
        (old, old_digest), (new, new_digest) = trained["sequences"], found["sequences"]
        raise ValueError(
            f"{path}: expected the {old:,} sequences that this M2 was trained on (checksum "
            f"{old_digest}), found {new:,} others ({new_digest}); give the same tokens, with as "
            "many held out and the same share of raw text and pairs, or another checkpoint file"
        )

"""Which model or codebook a member was coded with, and whether it is the one at hand."""

from __future__ import annotations

import hashlib
import os
from typing import TypeAlias, cast

from eqinfo.codebook.table import BUNDLED, Codebook
from eqinfo.common import tensor_file
from eqinfo.container.header import MODEL_ID_BYTES, CodecId, Header
from eqinfo.errors import ModelMismatchError, NumericMismatchError
from eqinfo.models import native_file
from eqinfo.models.fingerprint import numeric_fingerprint
from eqinfo.models.native_model import BUNDLED_MODELS, NativeModel, load
from eqinfo.models.protocol import Model

_NUMERIC_ID_BYTES = 4

CodecModel: TypeAlias = Codebook | Model

_native_ids: dict[str, int] = {}


def bundled(codec_id: CodecId, name: str) -> CodecModel:
    """Return the bundled codebook or model of that name.

    Raises:
        ValueError: there is none.
    """
    return load(name) if codec_id.has_model else Codebook.bundled(name)


def load_file(path: str | os.PathLike[str]) -> CodecModel:
    """Read a codebook file, or the file of a native model.

    Raises:
        EqInfoError, OSError: as `Codebook.load` and `NativeModel.load`.
    """
    native = tensor_file.format_of(path) == native_file.FORMAT
    return NativeModel.load(path) if native else Codebook.load(path)


def fitting(codec_id: CodecId, model: object) -> CodecModel:
    """Return ``model`` as a codec uses it.

    Raises:
        TypeError: a codec and a model of different kinds.
        ValueError: a model over something else than bytes.
    """
    if not codec_id.has_model:
        if not isinstance(model, Codebook):
            raise TypeError(
                f"expected a Codebook for the codec {codec_id.label}, found {type(model).__name__}"
            )
        return model
    if isinstance(model, Codebook) or not hasattr(model, "step"):
        raise TypeError(
            f"expected a model for the codec {codec_id.label}, found {type(model).__name__}"
        )
    model = cast(Model, model)
    if model.vocab_size != 256:
        raise ValueError(f"expected a model over bytes, found {model.vocab_size} symbols")
    if codec_id is CodecId.WINDOWS and isinstance(model, NativeModel):
        return model.without_history()
    return model


def model_id(model: CodecModel) -> bytes:
    """Return what identifies a model or codebook in a header: a hash of its fingerprint."""
    return hashlib.blake2b(model.fingerprint.encode(), digest_size=MODEL_ID_BYTES).digest()


def numeric_id(model: CodecModel) -> int:
    """Return what a model answers here, in 32 bits; 0 for a codebook."""
    if isinstance(model, Codebook):
        return 0
    if not isinstance(model, NativeModel):
        return _answers(model)
    # Integers do not change from call to call: asking once a process is enough.
    if model.fingerprint not in _native_ids:
        _native_ids[model.fingerprint] = _answers(model)
    return _native_ids[model.fingerprint]


def _answers(model: Model) -> int:
    digest = bytes.fromhex(numeric_fingerprint(model))
    return int.from_bytes(digest[:_NUMERIC_ID_BYTES], "little")


def model_of(header: Header, model: object | None, place: str) -> CodecModel:
    """Return the model that a member was coded with: ``model``, or a bundled one.

    Raises:
        ModelMismatchError: another model, or none where none is bundled under that name.
        NumericMismatchError: the model, but it computes otherwise here.
    """
    if model is None:
        names = BUNDLED_MODELS if header.codec_id.has_model else BUNDLED
        if header.model_name not in names:
            raise ModelMismatchError(
                f"{place}: expected the model {header.model_name!r} with the id "
                f"{header.model_id.hex()}, which is not bundled, found none: give it as model"
            )
        model = header.model_name
    try:
        fit = fitting(
            header.codec_id, bundled(header.codec_id, model) if isinstance(model, str) else model
        )
    except (TypeError, ValueError) as error:
        raise ModelMismatchError(f"{place}: {error}") from None
    found = model_id(fit)
    if found != header.model_id:
        raise ModelMismatchError(
            f"{place}: expected the model {header.model_name!r} with the id "
            f"{header.model_id.hex()}, found {found.hex()} ({fit.fingerprint})"
        )
    numerics = numeric_id(fit)
    if numerics != header.numeric_id:
        raise NumericMismatchError(
            f"{place}: expected the model {header.model_name!r} to answer {header.numeric_id:08x}, "
            f"found {numerics:08x}: it computes otherwise on this machine"
        )
    return fit

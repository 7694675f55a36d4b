"""The identity of models and codebooks in headers, and finding the one that a header names."""

from __future__ import annotations

import hashlib
import os
from typing import TypeAlias, cast

from eqinfo.codebook import file as codebook_file
from eqinfo.codebook.table import BUNDLED, Codebook
from eqinfo.common import tensor_file
from eqinfo.container.header import MODEL_ID_BYTES, CodecId, Header
from eqinfo.errors import ModelMismatchError, NumericMismatchError
from eqinfo.models import native_file
from eqinfo.models.fingerprint import numeric_fingerprint
from eqinfo.models.lanes import native_form
from eqinfo.models.native_model import BUNDLED_MODELS, NativeModel, load
from eqinfo.models.protocol import Model

_NUMERIC_ID_BYTES = 4

CodecModel: TypeAlias = Codebook | Model

_native_ids: dict[str, int] = {}


def bundled(codec_id: CodecId, name: str) -> CodecModel:
    """Return the bundled model or codebook of a name, as the codec needs it.

    Raises:
        ValueError: no such name; says which there are.
    """
    return load(name) if codec_id.has_model else Codebook.bundled(name)


def load_file(path: str | os.PathLike[str]) -> CodecModel:
    """Read the file of a codebook or of a model.

    Raises:
        EqInfoError, OSError: as `Codebook.load` and `models.loading.load_file`.
    """
    kind = tensor_file.format_of(path)
    if kind == native_file.FORMAT:
        return NativeModel.load(path)
    if kind is None or kind == codebook_file.FORMAT:
        return Codebook.load(path)
    # Takes long to import, and is rarely needed.
    from eqinfo.models import loading

    return loading.load_file(path) if kind in loading.MODEL_FORMATS else Codebook.load(path)


def suitable(codec_id: CodecId, model: object) -> CodecModel:
    """Return ``model`` in the form in which a codec uses it.

    Windows use a native model without its history.

    Raises:
        TypeError: a model where the codec takes a codebook, or the reverse; a model that is not
            native where the codec takes no other.
        ValueError: a model whose alphabet is not the 256 bytes.
    """
    if codec_id.has_codebook:
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
    if codec_id in (CodecId.MIXED, CodecId.AUTO) and native_form(model) is None:
        raise TypeError(
            f"expected a native model for the codec {codec_id.label}, found {type(model).__name__}"
        )
    if codec_id is CodecId.WINDOWS and isinstance(model, NativeModel):
        return model.without_history()
    return model


def model_id(model: CodecModel) -> bytes:
    """Return the id of a model or codebook in a header: a hash of its fingerprint."""
    return fingerprint_id(model.fingerprint)


def fingerprint_id(fingerprint: str) -> bytes:
    """Return the hash of a fingerprint that headers have."""
    return hashlib.blake2b(fingerprint.encode(), digest_size=MODEL_ID_BYTES).digest()


def name_of(model: CodecModel, size: int) -> str:
    """Return the name in a model's metadata, cut to a header's size; empty if it is not ASCII."""
    name = getattr(model, "metadata", {}).get("name", "")
    fits = isinstance(name, str) and name.isascii() and name.isprintable()
    return name[:size] if fits else ""


def numeric_id(model: CodecModel) -> int:
    """Return 32 bits of a model's numeric fingerprint on this machine; 0 for a codebook."""
    if isinstance(model, Codebook):
        return 0
    if not isinstance(model, NativeModel):
        return _probe(model)
    # Integer arithmetic is the same in every call: computing it once per process is enough.
    if model.fingerprint not in _native_ids:
        _native_ids[model.fingerprint] = _probe(model)
    return _native_ids[model.fingerprint]


def _probe(model: Model) -> int:
    digest = bytes.fromhex(numeric_fingerprint(model))
    return int.from_bytes(digest[:_NUMERIC_ID_BYTES], "little")


def model_of(header: Header, model: object | None, place: str) -> CodecModel:
    """Return the model or codebook that a member was coded with.

    Args:
        header: the member's header.
        model: a model, a codebook, or the name of a bundled one; by default the bundled one that
            the header names.
        place: file and offset, for messages.

    Raises:
        ModelMismatchError: another model, or no model is given and the header's is not bundled.
        NumericMismatchError: it is the right model, but it gives different numbers here.
    """
    if model is None:
        names = BUNDLED_MODELS if header.codec_id.has_model else BUNDLED
        if header.model_name not in names:
            raise ModelMismatchError(
                f"{place}: needs the {'model' if header.codec_id.has_model else 'codebook'} "
                f"{header.model_name or 'without a name'}, id {header.model_id.hex()}, which is "
                "not bundled: pass it as model, or its file with -m FILE"
            )
        model = header.model_name
    try:
        found = suitable(
            header.codec_id, bundled(header.codec_id, model) if isinstance(model, str) else model
        )
    except (TypeError, ValueError) as error:
        raise ModelMismatchError(f"{place}: {error}") from None
    found_id = model_id(found)
    if found_id != header.model_id:
        raise ModelMismatchError(
            f"{place}: expected the model {header.model_name!r} with the id "
            f"{header.model_id.hex()}, found {found_id.hex()} ({found.fingerprint})"
        )
    numerics = numeric_id(found)
    if numerics != header.numeric_id:
        raise NumericMismatchError(
            f"{place}: expected the model {header.model_name!r} with the numeric id "
            f"{header.numeric_id:08x}, found {numerics:08x}; the model gives different numbers on "
            "this machine"
        )
    return found

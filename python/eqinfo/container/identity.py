"""The identity of models and codebooks in headers, and finding the one that a header names."""

from __future__ import annotations

import hashlib
import os
from typing import TypeAlias, cast

from eqinfo.codebook import file as codebook_file
from eqinfo.codebook.table import BUNDLED, Codebook
from eqinfo.common import tensor_file
from eqinfo.container.header import MAX_NAME_BYTES, MODEL_ID_BYTES, CodecId, Header
from eqinfo.errors import ModelMismatchError, NumericMismatchError, UnsupportedError
from eqinfo.models import native_file
from eqinfo.models.check import model_advice
from eqinfo.models.fingerprint import numeric_fingerprint
from eqinfo.models.lanes import native_form
from eqinfo.models.loading import MODELS, load
from eqinfo.models.native_model import NativeModel
from eqinfo.models.protocol import Model, TextModel
from eqinfo.models.transformer.installed import INSTALLED_MODELS, install_command
from eqinfo.models.window_form import window_form

_NUMERIC_ID_BYTES = 4

CodecModel: TypeAlias = Codebook | Model

_native_ids: dict[str, int] = {}


def bundled(codec_id: CodecId, name: str) -> CodecModel:
    """Return the model or bundled codebook of a name, as the codec needs it.

    Raises:
        EqInfoError, OSError: as `eqinfo.models.load`.
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


def is_text_model(model: CodecModel) -> bool:
    """Return whether a model turns text into other symbols than bytes."""
    return (
        not isinstance(model, Codebook) and model.vocab_size != 256 and isinstance(model, TextModel)
    )


def suitable(codec_id: CodecId, model: object) -> CodecModel:
    """Return ``model`` in the form in which a codec uses it.

    Windows use a native model without its history.

    Raises:
        TypeError: a model where the codec takes a codebook, or the reverse; a model that is not
            native where the codec takes no other.
        ValueError: a model whose alphabet is not the 256 bytes where the codec takes no other, or
            which does not take text.
    """
    if codec_id.has_codebook:
        if not isinstance(model, Codebook):
            raise TypeError(
                f"expected a Codebook for the codec {codec_id.label}, found {type(model).__name__}"
            )
        return model
    if isinstance(model, Codebook) or not hasattr(model, "step"):
        advice = "" if isinstance(model, Codebook) else f"; {model_advice(model)}"
        raise TypeError(
            f"expected a model for the codec {codec_id.label}, found {type(model).__name__}{advice}"
        )
    model = cast(Model, model)
    if codec_id is CodecId.ARITHMETIC and is_text_model(model):
        return model
    if model.vocab_size != 256:
        other = "" if codec_id is not CodecId.ARITHMETIC else ", or one that takes text,"
        raise ValueError(
            f"expected a model over bytes{other} for the codec {codec_id.label}, found "
            f"{model.vocab_size} symbols"
        )
    mixes = (CodecId.MIXED, CodecId.MIXED_DICTIONARY, CodecId.AUTO)
    if codec_id in mixes and native_form(model) is None:
        raise TypeError(
            f"expected a native model for the codec {codec_id.label}, found {type(model).__name__}"
        )
    return window_form(model) if codec_id is CodecId.WINDOWS else model


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
    if native_form(model) is None:
        return _probe(model)
    # Integer arithmetic is the same in every call: computing it once per process is enough.
    if model.fingerprint not in _native_ids:
        _native_ids[model.fingerprint] = _probe(model)
    return _native_ids[model.fingerprint]


def _probe(model: Model) -> int:
    digest = bytes.fromhex(numeric_fingerprint(model))
    return int.from_bytes(digest[:_NUMERIC_ID_BYTES], "little")


def named_noun(noun: str, name: str) -> str:
    """Return "an unnamed model", or "a model named 'x'", for messages."""
    return f"a {noun} named {name!r}" if name else f"an unnamed {noun}"


def model_of(header: Header, model: object | None, place: str) -> CodecModel:
    """Return the model or codebook that a member was coded with.

    Args:
        header: the member's header.
        model: a model, a codebook, or the name of one; by default the one that the header names.
        place: file and offset, for messages.

    Raises:
        ModelMismatchError: another model, or no model is given and the header's has no known name.
        NumericMismatchError: it is the right model, but it gives different numbers here.
        UnsupportedError: the model is in a package that is not installed.
        OSError: the model cannot be read.
    """
    if model is None:
        names = MODELS if header.codec_id.has_model else BUNDLED
        noun = "model" if header.codec_id.has_model else "codebook"
        if header.model_name not in names:
            raise ModelMismatchError(
                f"{place}: needs {named_noun(noun, header.model_name)} (id "
                f"{header.model_id.hex()}) that is not bundled; pass its file with -m FILE, or the "
                f"{noun} itself as model"
            )
        model = header.model_name
    try:
        found = suitable(
            header.codec_id, bundled(header.codec_id, model) if isinstance(model, str) else model
        )
    except UnsupportedError as error:
        raise UnsupportedError(
            f"{place}: needs the model {header.model_name}, id {header.model_id.hex()}: {error}"
        ) from None
    except (TypeError, ValueError) as error:
        raise ModelMismatchError(f"{place}: {error}") from None
    found_id = model_id(found)
    if found_id != header.model_id:
        raise ModelMismatchError(
            f"{place}: expected the model {header.model_name!r} with the id "
            f"{header.model_id.hex()}, found {name_of(found, MAX_NAME_BYTES)!r} with "
            f"{found_id.hex()} ({found.fingerprint}){_advice(header)}"
        )
    numerics = numeric_id(found)
    if numerics != header.numeric_id:
        raise NumericMismatchError(
            f"{place}: expected the model {header.model_name!r} with the numeric id "
            f"{header.numeric_id:08x}, found {numerics:08x}; the model gives different numbers on "
            "this machine"
        )
    return found


def _advice(header: Header) -> str:
    """Return where to find the model of a header, if it is in a package."""
    if not header.codec_id.has_model or header.model_name not in INSTALLED_MODELS:
        return ""
    return f"; that model needs {install_command(header.model_name)}"

"""The header that a codec gives its tokens, and the codec that a header asks for."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeAlias

from eqinfo.codebook.table import BUNDLED, Codebook, bundled_fingerprint, bundled_name
from eqinfo.codecs.arithmetic import ArithmeticCodec
from eqinfo.codecs.base import Codec
from eqinfo.codecs.codebook import CodebookCodec
from eqinfo.codecs.model_codec import ModelCodec
from eqinfo.codecs.windows import WindowCodec
from eqinfo.container.header import CodecId
from eqinfo.container.identity import fingerprint_id, model_id, name_of, named_noun, numeric_id
from eqinfo.container.token_file.header import MAX_NAME_BYTES, TokenHeader
from eqinfo.errors import FormatError, ModelMismatchError, NumericMismatchError
from eqinfo.models.loading import load
from eqinfo.models.native_model import BUNDLED_MODELS
from eqinfo.models.protocol import Model
from eqinfo.models.transformer.installed import INSTALLED_MODELS
from eqinfo.models.window_form import window_form

TokenCodec: TypeAlias = Codec | Codebook
"""A codec, or a codebook, whose ids are the tokens."""


def header_of(codec: object) -> TokenHeader:
    """Return the header of the files with a codec's tokens.

    Raises:
        ModelError: the model's predictions cannot be used.
        TypeError: not a codec of this package.
    """
    if isinstance(codec, Codebook | CodebookCodec):
        return _header_of_codebook(codec)
    if isinstance(codec, WindowCodec):
        return _header_of_model_codec(codec, CodecId.WINDOWS, window_bits=codec.window_bits)
    if isinstance(codec, ArithmeticCodec):
        return _header_of_model_codec(codec, CodecId.ARITHMETIC, check_bits=codec.check_bits)
    advice = (
        "; use eqinfo.window_codec(...) for a bundled name or a model"
        if isinstance(codec, str) or hasattr(codec, "step")
        else ""
    )
    raise TypeError(f"expected a codec or a Codebook, found {type(codec).__name__}{advice}")


def _header_of_codebook(codec: Codebook | CodebookCodec) -> TokenHeader:
    if isinstance(codec, Codebook):
        codebook, token_bits = codec, codec.window_bits
        # That of the CodebookCodec with tokens of as many bits.
        fingerprint = f"{codec.fingerprint}-{token_bits}"
    else:
        codebook, token_bits, fingerprint = codec.codebook, codec.token_bits, codec.fingerprint
    return TokenHeader(
        CodecId.CODEBOOK,
        token_bits,
        codebook.window_bits,
        precision=0,
        check_bits=0,
        model_id=model_id(codebook),
        fingerprint_id=fingerprint_id(fingerprint),
        numeric_id=0,
        model_name=bundled_name(codebook) or name_of(codebook, MAX_NAME_BYTES),
    )


def _header_of_model_codec(
    codec: ModelCodec, codec_id: CodecId, window_bits: int = 0, check_bits: int = 0
) -> TokenHeader:
    return TokenHeader(
        codec_id,
        codec.token_bits,
        window_bits,
        codec.precision,
        check_bits,
        model_id=model_id(codec.model),
        fingerprint_id=fingerprint_id(codec.fingerprint),
        numeric_id=numeric_id(codec.model),
        model_name=name_of(codec.model, MAX_NAME_BYTES),
    )


def codec_of(header: TokenHeader, given: TokenCodec | None, place: str) -> TokenCodec:
    """Return the codec that decodes the tokens of a file.

    Args:
        header: the file's header.
        given: the codec that encoded, or its codebook; by default the one of a bundled codebook or
            model that has the parameters in the header.
        place: the file, for messages.

    Returns:
        ``given``, or what it stands for: a `Codebook` if the tokens are its ids.

    Raises:
        FormatError: parameters that no codec has, or that are not those of the header's
            fingerprint.
        ModelMismatchError: another codec encoded, or none is given and the header's is not bundled.
        NumericMismatchError: the same model encoded, but it gives different numbers here.
        TypeError: ``given`` is not a codec of this package.
    """
    try:
        codec = _bundled(header, place) if given is None else given
        if isinstance(codec, Codebook) and header.token_bits != header.window_bits:
            codec = CodebookCodec(codec, header.token_bits)
    except ValueError as error:
        raise FormatError(f"{place}: {error}") from None
    found = header_of(codec)
    if found.fingerprint_id != header.fingerprint_id:
        expected, other = _differences(header, found)
        raise ModelMismatchError(
            f"{place}: expected the codec that encoded the tokens, with {expected}; found one with "
            f"{other}"
        )
    if found.numeric_id != header.numeric_id:
        raise NumericMismatchError(
            f"{place}: expected the model {header.model_name!r} with the numeric id "
            f"{header.numeric_id:08x}, found {found.numeric_id:08x}; the model gives different "
            "numbers on this machine"
        )
    if replace(found, numeric_id=header.numeric_id, model_name=header.model_name) != header:
        expected, other = _differences(found, header)
        raise FormatError(
            f"{place}: expected {expected}, as the fingerprint of the codec says, found {other}"
        )
    return codec


def _bundled(header: TokenHeader, place: str) -> TokenCodec:
    """Return the codec with the bundled codebook or model of a header's id, if there is one."""
    if header.codec_id is CodecId.CODEBOOK:
        for name in BUNDLED:
            if fingerprint_id(bundled_fingerprint(name)) == header.model_id:
                return Codebook.bundled(name)
    else:
        named = (header.model_name,) if header.model_name in INSTALLED_MODELS else ()
        for name in (*BUNDLED_MODELS, *named):
            model: Model = load(name)
            windows = header.codec_id is CodecId.WINDOWS
            form = window_form(model) if windows else model
            if model_id(form) == header.model_id:
                return _model_codec(header, form)
            if windows and model_id(model) == header.model_id:
                raise ModelMismatchError(
                    f"{place}: needs the codec that encoded: the model {name!r} is not reset at "
                    "every window, and a file does not say when; pass it to eqinfo.load_tokens"
                )
    raise ModelMismatchError(
        f"{place}: needs {named_noun(model_noun(header), header.model_name)} (id "
        f"{header.model_id.hex()}) that is not bundled; pass "
        + (
            "its file with -m FILE, or the codebook itself as codec"
            if header.codec_id is CodecId.CODEBOOK
            else "the codec that encoded to eqinfo.load_tokens"
        )
    )


def _model_codec(header: TokenHeader, model: Model) -> ModelCodec:
    precision = header.precision
    if header.codec_id is CodecId.WINDOWS:
        return WindowCodec(model, header.window_bits, header.token_bits, precision=precision)
    return ArithmeticCodec(model, header.token_bits, precision, check_bits=header.check_bits)


def model_noun(header: TokenHeader) -> str:
    """Return what the codec of a header has: "model" or "codebook"."""
    return "model" if header.codec_id.has_model else "codebook"


def _differences(expected: TokenHeader, found: TokenHeader) -> tuple[str, str]:
    """Return what tells two codecs apart, in words: of one, and of the other."""
    pairs = list(zip(_described(expected), _described(found), strict=True))
    different = [pair for pair in pairs if pair[0] != pair[1]]
    if not different:  # the fingerprint is a hash of all others, and of what a header does not list
        return (
            f"the fingerprint id {expected.fingerprint_id.hex()}",
            f"{found.fingerprint_id.hex()}, though all that the file lists is alike: what it does "
            "not list differs, such as variant or reset_every",
        )
    return ", ".join(a for a, _ in different), ", ".join(b for _, b in different)


def _described(header: TokenHeader) -> list[str]:
    noun = model_noun(header)
    name = f"the {noun} {header.model_name}" if header.model_name else f"an unnamed {noun}"
    return [
        f"codec {header.codec_id.label}",
        f"{name} (id {header.model_id.hex()})",
        f"token_bits {header.token_bits}",
        f"window_bits {header.window_bits}",
        f"precision {header.precision}",
        f"check_bits {header.check_bits}",
    ]

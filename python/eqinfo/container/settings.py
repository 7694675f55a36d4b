"""What a writer is told, as a header and a codec."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal, TypeAlias, TypedDict, get_args

from eqinfo.codebook.table import BUNDLED, Codebook
from eqinfo.container.block_codecs.make import make_block_codec
from eqinfo.container.block_codecs.protocol import BlockCodec
from eqinfo.container.block_codecs.ranged import PRECISION as RANGED_PRECISION
from eqinfo.container.header import (
    MAX_BLOCK_BYTES,
    MAX_NAME_BYTES,
    MAX_SEGMENT_BYTES,
    CodecId,
    Header,
)
from eqinfo.container.identity import CodecModel, bundled, fitting, model_id, numeric_id
from eqinfo.models.native_model import BUNDLED_MODELS
from eqinfo.models.protocol import Model
from eqinfo.range_coder import DEFAULT_PRECISION
from eqinfo.window.steps import window_precision

CodecName: TypeAlias = Literal["arithmetic", "windows", "ranged", "codebook", "stored"]
CODECS: tuple[CodecName, ...] = get_args(CodecName)
DEFAULT_BLOCK_BYTES = 1 << 20
DEFAULT_SEGMENT_BYTES = {CodecId.ARITHMETIC: 1 << 15, CodecId.WINDOWS: 1 << 12}
DEFAULT_WINDOW_BITS = 32
DEFAULT_MODEL = "en"
DEFAULT_FILE_CODEBOOK = "en-dense"
MAX_THREADS = 256


class CompressOptions(TypedDict, total=False):
    """Keyword options of `compress` and of `open` for writing.

    codec: "arithmetic" (a model predicts, the range coder writes; the default), "windows" (the same
    model, equal-info windows), "ranged" (ids of a codebook through the range coder; the default
    with a codebook), "codebook" (the ids themselves) or "stored". block_bytes: of data in a block,
    1 to 2^23: what is coded by one thread. segment_bytes: for a model, of data that is coded from
    an empty context, 1 to 2^20: what reading anywhere decodes at least. window_bits: for windows, a
    multiple of 8 from 16 to 128. num_threads: the bytes do not depend on it.
    """

    codec: CodecName | None
    block_bytes: int
    segment_bytes: int
    window_bits: int
    num_threads: int


def settings(
    model: str | Codebook | Model | None, options: CompressOptions
) -> tuple[Header, BlockCodec]:
    """Return the header of a file and its codec.

    Raises:
        TypeError: a model that is none, or not of the codec's kind.
        ValueError: an option out of range, or no bundled model of that name.
    """
    unknown = sorted(set(options) - set(CompressOptions.__annotations__))
    if unknown:
        raise TypeError(f"expected options of CompressOptions, found {', '.join(unknown)}")
    codec_id = _codec_id(model, options.get("codec"))
    block_bytes = options.get("block_bytes", DEFAULT_BLOCK_BYTES)
    _check_range("block_bytes", block_bytes, MAX_BLOCK_BYTES)
    header = Header(codec_id, block_bytes)
    if codec_id is CodecId.STORED:
        return header, make_block_codec(header, None)
    if model is None:
        model = DEFAULT_MODEL if codec_id.has_model else DEFAULT_FILE_CODEBOOK
    name = model if isinstance(model, str) else _name(model)
    fit = fitting(codec_id, bundled(codec_id, model) if isinstance(model, str) else model)
    header = replace(header, model_name=name, model_id=model_id(fit), numeric_id=numeric_id(fit))
    if isinstance(fit, Codebook):
        precision = RANGED_PRECISION if codec_id is CodecId.RANGED else 0
        header = replace(header, window_bits=fit.window_bits, precision=precision)
    else:
        segment_bytes = options.get("segment_bytes", DEFAULT_SEGMENT_BYTES[codec_id])
        _check_range("segment_bytes", segment_bytes, MAX_SEGMENT_BYTES)
        header = replace(header, segment_bytes=segment_bytes, precision=DEFAULT_PRECISION)
        if codec_id is CodecId.WINDOWS:
            window_bits = options.get("window_bits", DEFAULT_WINDOW_BITS)
            precision = window_precision(window_bits, fit.vocab_size)
            header = replace(header, window_bits=window_bits, precision=precision)
    return header, make_block_codec(header, fit)


def _codec_id(model: str | Codebook | Model | None, codec: CodecName | None) -> CodecId:
    if codec is None:
        named = model in BUNDLED and model not in BUNDLED_MODELS
        return CodecId.RANGED if named or isinstance(model, Codebook) else CodecId.ARITHMETIC
    if codec not in CODECS:
        raise ValueError(f"expected a codec among {', '.join(CODECS)}, found {codec!r}")
    return CodecId[codec.upper()]


def _name(model: CodecModel) -> str:
    """Return the name that a model was given where it was made, as far as a header holds it."""
    name = getattr(model, "metadata", {}).get("name", "")
    fits = isinstance(name, str) and name.isascii() and name.isprintable()
    return name[:MAX_NAME_BYTES] if fits else ""


def _check_range(name: str, value: int, largest: int) -> None:
    if not 1 <= value <= largest:
        raise ValueError(f"expected {name} of 1 to {largest}, found {value}")


def check_threads(num_threads: int) -> int:
    """Return ``num_threads``, or raise ValueError where it is out of range."""
    _check_range("num_threads", num_threads, MAX_THREADS)
    return num_threads

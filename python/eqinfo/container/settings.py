"""The options of a writer, and the header and block codec that follow from them."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import Literal, TypeAlias, TypedDict, get_args

from eqinfo.codebook.table import BUNDLED, Codebook
from eqinfo.common.integers import check_integers, check_optional_integers
from eqinfo.container.block_codecs.make import make_block_codec
from eqinfo.container.block_codecs.ranged import PRECISION as RANGED_PRECISION
from eqinfo.container.choice import Coding, Codings, choose
from eqinfo.container.dictionary import Dictionary, FileDictionary, dictionary_from
from eqinfo.container.header import (
    MAX_BLOCK_BYTES,
    MAX_NAME_BYTES,
    MAX_SEGMENT_BYTES,
    CodecId,
    Header,
)
from eqinfo.container.identity import (
    bundled,
    is_text_model,
    model_id,
    name_of,
    numeric_id,
    suitable,
)
from eqinfo.mixer import TABLE_BITS
from eqinfo.models.loading import MODELS
from eqinfo.models.native_model import BUNDLED_MODELS
from eqinfo.models.protocol import Model
from eqinfo.range_coder import DEFAULT_PRECISION
from eqinfo.window.steps import window_precision

CodecName: TypeAlias = Literal[
    "auto", "arithmetic", "mixed", "adaptive", "windows", "fast", "ranged", "codebook", "stored"
]
CODECS: tuple[CodecName, ...] = get_args(CodecName)
Level: TypeAlias = Literal["fast", "balanced", "best"]
LEVELS: dict[Level, CodecName] = {"fast": "fast", "balanced": "auto", "best": "mixed"}
"""The codec of each level."""
DEFAULT_LEVEL: Level = "balanced"
LEARNING_CODECS: tuple[CodecName, ...] = ("mixed", "adaptive")
DEFAULT_BLOCK_BYTES = 1 << 20
DEFAULT_SEGMENT_BYTES = {
    CodecId.ARITHMETIC: 1 << 15,
    CodecId.AUTO: 1 << 15,
    CodecId.WINDOWS: 1 << 12,
}
DEFAULT_TEXT_SEGMENT_BYTES = 1 << 14
"""Of "arithmetic" with a model of text, whose contexts take much memory."""
DEFAULT_WINDOW_BITS = 32
DEFAULT_FILE_MODEL = "en"
DEFAULT_FILE_CODEBOOK = "en-dense"
MAX_THREADS = 256

FileModel: TypeAlias = str | Codebook | Model
"""The name of a model or a bundled codebook, a `Codebook`, or a model over the 256 bytes or a
`TextModel`."""


class CompressOptions(TypedDict, total=False):
    """Keyword options of `compress` and of `open` for writing.

    Attributes:
        level: "fast", "balanced" or "best", instead of a codec: "fast", "auto" or "mixed". The
            default is "balanced", if nothing else decides: a model, a codec or ``segment_bytes``.
        codec: "arithmetic" (a model predicts, the range coder writes), "mixed" (a native model and
            the contexts of a mixer that learns from the data predict together), "adaptive" (the
            same without a model, for any data), "auto" ("mixed" for data of at most 32,752 bytes;
            for others "arithmetic" or "adaptive", whichever makes a sample of a block smaller),
            "windows" (a model and equal-info windows), "fast" (matches, and between them a
            codebook's ids or bytes, for any data), "ranged" (a codebook's ids through the range
            coder), "codebook" (the ids themselves) or "stored". With a model and neither level nor
            codec, "ranged" if the model is a codebook, and "arithmetic" for others.
        block_bytes: bytes of data per block, 1 to 2^23, by default 2^20. A block is one thread's
            work.
        segment_bytes: bytes of data per segment, 1 to 2^20, for "arithmetic", "auto" and
            "windows"; by default 2^15, with "windows" 2^12, with a model of text 2^14. Every
            segment begins with an empty context; a read anywhere decodes at least one segment.
        window_bits: bits per window for "windows", a multiple of 8 from 16 to 128, by default 32.
        solid: whether "mixed" (the default then) or "adaptive" goes on learning from block to
            block. This gives the best ratio; but the blocks of a file are coded and decoded one
            after the other, on one thread, and a read anywhere decodes all blocks before it.
        dictionary: a `Dictionary`, or its bytes: text like the data, which "mixed" (the default
            then, and what "auto" becomes) or "adaptive" reads before each block. Short data become
            much smaller; decompressing needs the same dictionary.
        num_threads: 1 to 256, by default 1. The compressed bytes do not depend on it.
    """

    level: Level | None
    codec: CodecName | None
    block_bytes: int
    segment_bytes: int
    window_bits: int
    solid: bool
    dictionary: FileDictionary | None
    num_threads: int


def candidates(model: FileModel | None, options: CompressOptions) -> tuple[Codings, ...]:
    """Return how a writer codes short and long data, given model and options.

    Without a model, there is one for each bundled model, if the codec needs one. But windows take
    the default model, and a dictionary decides for the data.

    Raises:
        TypeError, ValueError: as `settings`; ValueError for a level that is none, or one beside a
            codec.
    """
    options = _with_dictionary(_with_codec(model, options))
    models: tuple[FileModel | None, ...] = (model,)
    if model is None:
        codec_id = _codec_id(model, options.get("codec"))
        dictionary = options.get("dictionary")
        if codec_id is CodecId.MIXED and isinstance(dictionary, Dictionary):
            models = (_model_of(dictionary.data),)
        elif codec_id.has_model and codec_id is not CodecId.WINDOWS:
            models = BUNDLED_MODELS
    return tuple(_codings(each, options) for each in models)


@lru_cache(maxsize=4)
def _model_of(dictionary: bytes) -> str:
    """Return the name of the bundled model that suits a dictionary."""
    mixed = tuple(_codings(name, {"codec": "mixed"}) for name in BUNDLED_MODELS)
    return choose(mixed, dictionary).short.header.model_name


def _codings(model: FileModel | None, options: CompressOptions) -> Codings:
    """Return how a writer codes with a model.

    Short data take "mixed" for "auto": it is the smallest, and takes no longer for them.
    """
    long = settings(model, options)
    if long.header.solid:
        return Codings(settings(model, {**options, "solid": False}), long)
    if long.header.codec_id is not CodecId.AUTO:
        return Codings(long, long)
    short: CompressOptions = {"codec": "mixed"}
    if "block_bytes" in options:
        short["block_bytes"] = options["block_bytes"]
    return Codings(settings(model, short), long)


def _with_codec(model: FileModel | None, options: CompressOptions) -> CompressOptions:
    """Return the options with the codec of a level, which is the default level if none decides."""
    level, codec = options.get("level"), options.get("codec")
    learns = options.get("solid") or options.get("dictionary") is not None
    if level is None and codec is None and learns:
        level = "best"
    if level is None:
        if codec is not None or model is not None or "segment_bytes" in options:
            return options
        level = DEFAULT_LEVEL
    elif level not in LEVELS:
        raise ValueError(f"expected a level among {', '.join(LEVELS)}, found {level!r}")
    elif codec is not None:
        raise ValueError(
            f"expected a level or a codec, found the level {level!r} and the codec {codec!r}"
        )
    return {**options, "codec": LEVELS[level]}


def _with_dictionary(options: CompressOptions) -> CompressOptions:
    """Return the options with a `Dictionary` in place of its data, and a codec that reads it."""
    dictionary = dictionary_from(options.get("dictionary"))
    if dictionary is None:
        return options
    options = {**options, "dictionary": dictionary}
    if options.get("codec") == "auto":
        options["codec"] = "mixed"
    return options


def settings(model: FileModel | None, options: CompressOptions) -> Coding:
    """Return the header of a file and its block codec; with neither model nor codec, arithmetic.

    Levels are not looked at.

    Raises:
        TypeError: an unknown option, or a model that the codec does not take.
        ValueError: an option out of range, or one that has no effect on the codec; a name that is
            not bundled.
    """
    known = set(CompressOptions.__annotations__)
    unknown = sorted(set(options) - known)
    if unknown:
        raise TypeError(
            f"expected options among {', '.join(sorted(known))}, found {', '.join(unknown)}"
        )
    codec_id = _codec_id(model, options.get("codec"))
    _refuse_without_effect(codec_id, model, options)
    dictionary = dictionary_from(options.get("dictionary"))
    if dictionary is not None:
        codec_id = CodecId[f"{codec_id.name}_DICTIONARY"]
    block_bytes = options.get("block_bytes", DEFAULT_BLOCK_BYTES)
    block_bytes = _checked_range("block_bytes", block_bytes, MAX_BLOCK_BYTES)
    header = Header(codec_id, block_bytes, dictionary="" if dictionary is None else dictionary.id)
    if options.get("solid"):
        header = replace(header, window_bits=TABLE_BITS)
    if not codec_id.has_model and not codec_id.has_codebook:
        return Coding(header, make_block_codec(header, None, dictionary))
    if model is None:
        model = DEFAULT_FILE_MODEL if codec_id.has_model else DEFAULT_FILE_CODEBOOK
    name = model if isinstance(model, str) else name_of(model, MAX_NAME_BYTES)
    found = suitable(codec_id, bundled(codec_id, model) if isinstance(model, str) else model)
    header = replace(
        header, model_name=name, model_id=model_id(found), numeric_id=numeric_id(found)
    )
    if isinstance(found, Codebook):
        precision = RANGED_PRECISION if codec_id is CodecId.RANGED else 0
        header = replace(header, window_bits=found.window_bits, precision=precision)
    else:
        header = replace(header, precision=DEFAULT_PRECISION)
        if codec_id.has_segments:
            default = DEFAULT_SEGMENT_BYTES[codec_id]
            if is_text_model(found):
                default = DEFAULT_TEXT_SEGMENT_BYTES
            segment_bytes = options.get("segment_bytes", default)
            segment_bytes = _checked_range("segment_bytes", segment_bytes, MAX_SEGMENT_BYTES)
            header = replace(header, segment_bytes=segment_bytes)
        if codec_id is CodecId.WINDOWS:
            window_bits = options.get("window_bits", DEFAULT_WINDOW_BITS)
            (window_bits,) = check_integers(window_bits=window_bits)
            precision = window_precision(window_bits, found.vocab_size)
            header = replace(header, window_bits=window_bits, precision=precision)
    return Coding(header, make_block_codec(header, found, dictionary))


def _refuse_without_effect(codec_id: CodecId, model: object, options: CompressOptions) -> None:
    codec = codec_id.name.lower()
    if "window_bits" in options and codec_id is not CodecId.WINDOWS:
        raise ValueError(
            f"expected window_bits only with the codec 'windows', found it with {codec!r}"
        )
    if "segment_bytes" in options and not codec_id.has_segments:
        raise ValueError(
            "expected segment_bytes only with the codecs 'arithmetic', 'auto' and 'windows', found "
            f"it with {codec!r}"
        )
    if options.get("solid") and not codec_id.has_mixer:
        raise ValueError(
            f"expected solid only with the codecs "
            f"{' and '.join(map(repr, LEARNING_CODECS))}, found it with {codec!r}"
        )
    if options.get("dictionary") is not None:
        if not codec_id.has_mixer:
            raise ValueError(
                "expected a dictionary only with the codecs "
                f"{' and '.join(map(repr, LEARNING_CODECS))}, found it with {codec!r}"
            )
        if options.get("solid"):
            raise ValueError("expected solid or a dictionary, found both")
    if model is not None and not codec_id.has_model and not codec_id.has_codebook:
        raise ValueError(f"expected no model with the codec {codec!r}, found one")


def _codec_id(model: FileModel | None, codec: CodecName | None) -> CodecId:
    if codec is None:
        named = model in BUNDLED and model not in MODELS
        return CodecId.RANGED if named or isinstance(model, Codebook) else CodecId.ARITHMETIC
    if codec not in CODECS:
        raise ValueError(f"expected a codec among {', '.join(CODECS)}, found {codec!r}")
    return CodecId[codec.upper()]


def _checked_range(name: str, value: int, largest: int) -> int:
    (value,) = check_integers(**{name: value})
    if not 1 <= value <= largest:
        raise ValueError(f"expected {name} of 1 to {largest}, found {value}")
    return value


def check_output(max_output: int | None) -> None:
    """Raise TypeError or ValueError for a limit of the output that is not None, 0 or more."""
    check_optional_integers(max_output=max_output)
    if max_output is not None and max_output < 0:
        raise ValueError(f"expected max_output of 0 or more, or None, found {max_output}")


def check_threads(num_threads: int) -> int:
    """Return ``num_threads``, or raise ValueError if it is out of range."""
    return _checked_range("num_threads", num_threads, MAX_THREADS)

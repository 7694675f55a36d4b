"""`encode`, `decode` and their kin: one call, any model.

``model`` is the name of a bundled codebook (or, for ``window_bits`` above 20, of a bundled model),
a `Codebook`, a `models.Model`, or a function ``logits(contexts, lengths)`` (see
`models.FunctionModel`). Whoever codes more than a few texts with a model keeps a `WindowCodec`
instead.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, TypedDict, cast

from eqinfo.codebook.from_model import MAX_CODEBOOK_BITS
from eqinfo.codebook.table import Codebook, Parse
from eqinfo.codecs.codebook import CodebookCodec
from eqinfo.codecs.windows import WindowCodec
from eqinfo.common.batch import Documents, TextBatch, TokenBatch
from eqinfo.common.text import Text
from eqinfo.common.tokens import Tokens
from eqinfo.models.function import FunctionModel, LogitsFunction
from eqinfo.models.native_model import load
from eqinfo.models.protocol import Model
from eqinfo.window.steps import Variant

if TYPE_CHECKING:
    from typing_extensions import Unpack

DEFAULT_CODEBOOK = "en"
_CODEBOOK_OPTIONS = {"window_bits", "token_bits", "lanes", "verify", "parse", "num_threads"}
ModelLike = str | Codebook | Model | LogitsFunction


class ModelOptions(TypedDict, total=False):
    """Options of windows with a model; see `WindowCodec`."""

    window_bits: int
    token_bits: int
    precision: int
    variant: Variant
    reset_every: int
    lanes: int
    verify: bool


class WindowOptions(ModelOptions, total=False):
    """Keyword options of `encode` and `decode`; both must be given the same.

    window_bits, token_bits: bits of a window and of a token. parse, num_threads: for codebooks, see
    `CodebookCodec`; decoding does not depend on them. The rest are for models, see `WindowCodec`;
    ``verify`` has `encode` decode before it returns (a codebook is exact without).
    """

    parse: Parse
    num_threads: int


def window_codec(
    model: ModelLike = DEFAULT_CODEBOOK, **options: Unpack[WindowOptions]
) -> CodebookCodec | WindowCodec:
    """Return the codec that `encode` uses.

    Raises:
        TypeError: ``model`` is none of what the module names, or an option that it does not have.
        ValueError: no such bundled codebook or model, or options that do not fit it.
    """
    if isinstance(model, str):
        large = options.get("window_bits", 0) > MAX_CODEBOOK_BITS
        model = load(model) if large else Codebook.bundled(model)
    if isinstance(model, Codebook):
        return _codebook_codec(model, options)
    if hasattr(model, "step"):
        return WindowCodec(cast(Model, model), **_model_options(options))
    if callable(model):
        return WindowCodec(FunctionModel(model), **_model_options(options))
    raise TypeError(
        "expected the name of a codebook, a Codebook, a model or a logits function, "
        f"found {type(model).__name__}"
    )


def encode(
    text: Text, model: ModelLike = DEFAULT_CODEBOOK, **options: Unpack[WindowOptions]
) -> Tokens:
    """Turn text into equal-info windows: uint16 tokens, shape (n,).

    Args:
        text: str (its UTF-8) or bytes; any bytes will do.
        model: see the module; the default is the bundled codebook "en", where a token is a window
            that never crosses the end of a word.
        options: see `WindowOptions`. Models default to windows and tokens of 16 bits.

    Raises:
        ModelError: the model's predictions cannot be used.
        ModelMismatchError: the model answered otherwise when asked again (with ``verify``).
        TypeError: a text or model of a wrong type.
        ValueError: a lone surrogate, or options that do not fit together.
    """
    return window_codec(model, **options).encode(text)


def decode(
    tokens: Tokens | Sequence[int],
    model: ModelLike = DEFAULT_CODEBOOK,
    **options: Unpack[WindowOptions],
) -> str:
    """Turn tokens back into text; the reverse of `encode` with the same model and options.

    Raises:
        FormatError: tokens that `encode` does not write, or bytes that are not UTF-8.
        ModelError: the model's predictions cannot be used.
        TypeError: tokens of another dtype than uint16.
        ValueError: a token out of range, or options that do not fit together.
    """
    return window_codec(model, **options).decode(tokens)


def decode_bytes(
    tokens: Tokens | Sequence[int],
    model: ModelLike = DEFAULT_CODEBOOK,
    **options: Unpack[WindowOptions],
) -> bytes:
    """Turn tokens back into bytes; as `decode` for data that is not text."""
    return window_codec(model, **options).decode_bytes(tokens)


def encode_batch(
    texts: Documents, model: ModelLike = DEFAULT_CODEBOOK, **options: Unpack[WindowOptions]
) -> TokenBatch:
    """Encode documents side by side: the tokens of `encode` for each, in flat arrays.

    Args:
        texts: an iterable of texts, a `TextBatch`, a pair of bytes and int64 offsets, or Arrow
            strings (`batch.flat_texts`).
        model: as for `encode`.
        options: as for `encode`.
    """
    return window_codec(model, **options).encode_batch(texts)


def decode_batch(
    documents: Iterable[Tokens | Sequence[int]],
    model: ModelLike = DEFAULT_CODEBOOK,
    **options: Unpack[WindowOptions],
) -> TextBatch:
    """Decode documents side by side: a sequence of the text of `decode` for each.

    Args:
        documents: a `TokenBatch`, or any iterable of token arrays.
        model: as for `decode`.
        options: as for `decode`.
    """
    return window_codec(model, **options).decode_batch(documents)


def _model_options(options: WindowOptions) -> ModelOptions:
    unknown = sorted(set(options) & {"parse", "num_threads"})
    if unknown:
        raise TypeError(f"windows of a model have no {', '.join(unknown)}: codebooks have")
    return cast(ModelOptions, options)


def _codebook_codec(codebook: Codebook, options: WindowOptions) -> CodebookCodec:
    unknown = sorted(set(options) - _CODEBOOK_OPTIONS)
    if unknown:
        raise TypeError(f"a codebook has no {', '.join(unknown)}: it was fixed when it was made")
    window_bits = options.get("window_bits", codebook.window_bits)
    if window_bits != codebook.window_bits:
        raise ValueError(
            f"expected window_bits of {codebook.window_bits}, which the codebook has, "
            f"found {window_bits}; windows of other sizes need a model"
        )
    return CodebookCodec(
        codebook,
        options.get("token_bits"),
        parse=options.get("parse", "greedy"),
        num_threads=options.get("num_threads", 1),
    )

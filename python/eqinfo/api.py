"""`encode`, `decode` and their batch forms: text to tokens and back, in one call.

A *token* is an integer of a fixed number of bits (``token_bits``), for a language model to be
trained on. A *window* is a stretch of text that is compressed to exactly ``window_bits`` bits, one
token or a few, and that decodes without its neighbours. How much text fits depends on how probable
it is: a long stretch of what was to be expected, or a short one of what was not. A *codebook* lists
the texts of all windows, up to 2^20 of them, so that coding is a look-up. Larger windows need a
*model* (M1): it predicts the next byte, or symbol, and the better it predicts, the more text fits.
(M2 is the model that is then trained on the tokens.)

``model`` says what to code with:

- a name: the bundled codebook of that name or, for ``window_bits`` above 20, the bundled model of
  that name. "en" is the name of a codebook and of a model, both for English.
- a `Codebook`,
- a model: any `models.Model`,
- a function ``logits(contexts, lengths)`` that predicts; see `models.FunctionModel`.

Codecs of bundled codebooks and models are kept between calls, so that a call need not build the
codec or ask the model what it has answered before. The tokens do not depend on that. At most
`KEPT_CODECS` codecs of models are kept, with `KEPT_MEMORY` bytes of answers each. Nothing is kept
of codebooks and models of your own: to code more than a few texts with one of these, make a
`CodebookCodec` or `WindowCodec` and keep that.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import TYPE_CHECKING, TypeAlias, TypedDict, cast

from eqinfo.codebook.sizes import MAX_CODEBOOK_BITS
from eqinfo.codebook.table import Codebook, Parse
from eqinfo.codecs.codebook import CodebookCodec
from eqinfo.common.batch import Documents, TextBatch, TokenBatch
from eqinfo.common.integers import check_integers
from eqinfo.common.text import Text
from eqinfo.common.tokens import AnyTokens, Tokens

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from eqinfo.codecs.windows import WindowCodec
    from eqinfo.models.function import LogitsFunction
    from eqinfo.models.protocol import Model
    from eqinfo.window.steps import Variant

__all__ = [
    "DEFAULT_CODEBOOK",
    "KEPT_CODECS",
    "KEPT_MEMORY",
    "ModelLike",
    "ModelOptions",
    "WindowOptions",
    "decode",
    "decode_batch",
    "decode_bytes",
    "encode",
    "encode_batch",
    "window_codec",
]

DEFAULT_CODEBOOK = "en"
"""The bundled codebook that `encode` and `decode` use unless they are given something else."""

KEPT_CODECS = 4
"""The most codecs of bundled models that are kept between calls; the least recently used goes."""

KEPT_MEMORY = 64 << 20
"""The most bytes of the model's answers that each of them keeps between calls.

While a call runs it may use more: up to `eqinfo.window.engine.DEFAULT_MEMORY`.
"""

# These are small: they only refer to a codebook, which is loaded once anyway.
_KEPT_CODEBOOK_CODECS = 32
_CODEBOOK_OPTIONS = {"window_bits", "token_bits", "verify", "parse", "num_threads"}
ModelLike: TypeAlias = "str | Codebook | Model | LogitsFunction"
"""What ``model`` may be."""


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
    """Keyword options of `encode` and `decode`; give both the same.

    ``window_bits`` and ``token_bits`` are the bits per window and per token. ``parse`` and
    ``num_threads`` are for codebooks, see `CodebookCodec`; decoding does not depend on them. The
    others are for models, see `WindowCodec`. With ``verify``, `encode` decodes the tokens before it
    returns them; codebooks ignore it, because they are always exact.
    """

    parse: Parse
    num_threads: int


def window_codec(
    model: ModelLike = DEFAULT_CODEBOOK, **options: Unpack[WindowOptions]
) -> CodebookCodec | WindowCodec:
    """Return a new codec that codes as `encode` does.

    Raises:
        TypeError: ``model`` is none of what the module lists, or has no such option.
        ValueError: no such bundled codebook or model, or options that do not fit it.
    """
    if isinstance(model, str) and not _needs_model(options):
        model = Codebook.bundled(model)
    if isinstance(model, Codebook):
        return _codebook_codec(model, options)
    # Not needed for codebooks, and not quick to import.
    from eqinfo.codecs.windows import WindowCodec
    from eqinfo.models.function import FunctionModel
    from eqinfo.models.native_model import load

    if isinstance(model, str):
        model = load(model)
    if hasattr(model, "step"):
        return WindowCodec(cast("Model", model), **_model_options(options))
    if callable(model) and not (isinstance(model, type) or hasattr(model, "forward")):
        return WindowCodec(FunctionModel(model), **_model_options(options))
    # A class, or a module of PyTorch, which is callable, too.
    if isinstance(model, type) or hasattr(model, "forward"):
        return WindowCodec(cast("Model", model))  # raises TypeError, and says what to give
    advice = "; use Codebook.load(...) or NativeModel.load(...) for a file"
    raise TypeError(
        "expected the name of a bundled codebook or model, a Codebook, a model or a logits "
        f"function, found {type(model).__name__}{advice if hasattr(model, '__fspath__') else ''}"
    )


def encode(
    text: Text, model: ModelLike = DEFAULT_CODEBOOK, **options: Unpack[WindowOptions]
) -> Tokens:
    """Turn text into the tokens of equal-info windows.

    Examples:
        >>> import eqinfo
        >>> text = "It was the best of times."
        >>> eqinfo.encode(text).tolist()  # one token for each window of 16 bits
        [48625, 41965, 39635, 17192, 31623, 39916, 45420]
        >>> tokens = eqinfo.encode(text, window_bits=32)  # two for each, by the bundled model
        >>> len(tokens), eqinfo.decode(tokens, window_bits=32)
        (4, 'It was the best of times.')

    Args:
        text: str (coded as UTF-8) or bytes, which need not be text.
        model: what to code with: the name of a bundled codebook ("en", "world", ...), a `Codebook`,
            a model of `eqinfo.models`, or a function ``logits(contexts, lengths)``; ``eqinfo.api``
            explains them. The default is the codebook "en": each token is one window, and no window
            crosses the end of a word.
        options: ``window_bits`` and ``token_bits``, the bits per window and per token (both 16 by
            default with a model); ``verify=True`` decodes before it returns. `WindowOptions`, in
            ``eqinfo.api``, has all.

    Returns:
        The tokens: uint16, shape (n,); uint32 if they are ids of more than 16 bits.

    Raises:
        ModelError: the model's predictions cannot be used.
        ModelMismatchError: the model is not deterministic (with ``verify``).
        TypeError: text or model of a wrong type.
        ValueError: a lone surrogate, or options that do not fit together.
    """
    if not options and isinstance(model, str):
        ids = _short_encoder(model)(text)
        if ids is not None:
            return ids
    return _codec(model, options).encode(text)


def decode(
    tokens: AnyTokens,
    model: ModelLike = DEFAULT_CODEBOOK,
    **options: Unpack[WindowOptions],
) -> str:
    """Turn tokens back into text; the reverse of `encode` with the same model and options.

    Tokens do not say how they were made: those of another codebook or model, or of other options,
    and those that have lost or exchanged windows, decode to another text. `save_tokens` stores what
    is needed to notice that.

    Args:
        tokens: what `encode` returned, as an array of its dtype or of signed integers, shape (n,),
            or as a sequence of integers.
        model: as for `encode`.
        options: as for `encode`; give the same.

    Raises:
        FormatError: tokens that `encode` does not write, or bytes that are not UTF-8.
        ModelError: the model's predictions cannot be used.
        TypeError: an array of another unsigned dtype, bytes, or not integers.
        ValueError: a token out of range, or options that do not fit together.
    """
    return _codec(model, options).decode(tokens)


def decode_bytes(
    tokens: AnyTokens,
    model: ModelLike = DEFAULT_CODEBOOK,
    **options: Unpack[WindowOptions],
) -> bytes:
    """Turn tokens back into bytes; as `decode`, for data that is not text."""
    return _codec(model, options).decode_bytes(tokens)


def encode_batch(
    texts: Documents, model: ModelLike = DEFAULT_CODEBOOK, **options: Unpack[WindowOptions]
) -> TokenBatch:
    """Encode many documents in parallel: the tokens of `encode` for each, in flat arrays.

    Args:
        texts: an iterable of texts, a `TextBatch`, a pair of bytes and int64 offsets, or Arrow
            strings (`batch.flat_texts`).
        model: as for `encode`.
        options: as for `encode`.
    """
    return _codec(model, options).encode_batch(texts)


def decode_batch(
    documents: Iterable[AnyTokens],
    model: ModelLike = DEFAULT_CODEBOOK,
    **options: Unpack[WindowOptions],
) -> TextBatch:
    """Decode many documents in parallel: the text of `decode` for each, as a sequence of str.

    Args:
        documents: a `TokenBatch`, or an iterable of token arrays or lists.
        model: as for `decode`.
        options: as for `decode`.
    """
    return _codec(model, options).decode_batch(documents)


def _codec(model: ModelLike, options: WindowOptions) -> CodebookCodec | WindowCodec:
    """Return the codec for a call: a kept one for a bundled codebook or model."""
    if not options and isinstance(model, str):
        return _kept_codebook_codec(model)
    if isinstance(model, str) and all(
        isinstance(value, (int, str, type(None))) for value in options.values()
    ):
        kept = _kept_model_codec if _needs_model(options) else _kept_codebook_codec
        return kept(model, **dict(sorted(options.items())))
    return window_codec(model, **options)


@lru_cache(_KEPT_CODEBOOK_CODECS, typed=True)
def _kept_codebook_codec(name: str, **options: Unpack[WindowOptions]) -> CodebookCodec:
    return _codebook_codec(Codebook.bundled(name), options)


@lru_cache(_KEPT_CODEBOOK_CODECS)
def _short_encoder(name: str) -> Callable[[Text], Tokens | None]:
    """Return what encodes short texts without another call of Python; None for longer ones."""
    return _kept_codebook_codec(name).codebook._encode_short


@lru_cache(KEPT_CODECS, typed=True)
def _kept_model_codec(name: str, **options: Unpack[WindowOptions]) -> WindowCodec:
    from eqinfo.codecs.windows import WindowCodec
    from eqinfo.models.native_model import load

    return WindowCodec(load(name), idle_memory=KEPT_MEMORY, **_model_options(options))


if hasattr(os, "register_at_fork"):
    # A thread that does not exist in the child may have held the lock of a codec.
    os.register_at_fork(after_in_child=_kept_model_codec.cache_clear)


def _needs_model(options: WindowOptions) -> bool:
    (window_bits,) = check_integers(window_bits=options.get("window_bits", 0))
    return window_bits > MAX_CODEBOOK_BITS


def _check_names(options: WindowOptions) -> None:
    """Raise TypeError if there is no such option for any model."""
    known = sorted({*WindowOptions.__annotations__, *ModelOptions.__annotations__})
    for name in options:
        if name not in known:
            from difflib import get_close_matches  # only for errors, and not quick to import

            similar = get_close_matches(name, known, 1)
            advice = f"did you mean {similar[0]}?" if similar else f"there are {', '.join(known)}"
            raise TypeError(f"unknown option {name}; {advice}")


def _model_options(options: WindowOptions) -> ModelOptions:
    _check_names(options)
    unknown = sorted(set(options) & {"parse", "num_threads"})
    if unknown:
        raise TypeError(
            f"expected options of windows with a model, found {', '.join(unknown)}, which only "
            "codebooks have"
        )
    return cast(ModelOptions, options)


def _codebook_codec(codebook: Codebook, options: WindowOptions) -> CodebookCodec:
    _check_names(options)
    unknown = sorted(set(options) - _CODEBOOK_OPTIONS)
    if unknown:
        raise TypeError(
            f"expected options of a codebook, found {', '.join(unknown)}: these were fixed when "
            "the codebook was made"
        )
    window_bits = options.get("window_bits", codebook.window_bits)
    check_integers(window_bits=window_bits)
    if window_bits != codebook.window_bits:
        raise ValueError(
            f"expected window_bits of {codebook.window_bits}, which the codebook has, "
            f"found {window_bits}; for other sizes pass a model (models.load('en')). By name, up "
            f"to {MAX_CODEBOOK_BITS} bits mean the codebook, more mean the model"
        )
    return CodebookCodec(
        codebook,
        options.get("token_bits"),
        parse=options.get("parse", "greedy"),
        num_threads=options.get("num_threads", 1),
    )

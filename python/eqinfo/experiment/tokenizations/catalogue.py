"""Every tokenization by name: those of the paper's tables, and our variants of them.

Names give bits where the paper gives a vocabulary size: ``EqualInfo[16, 8]`` has windows of 16 bits
and tokens of 8 bits. ``padded`` and ``delay`` windows are the paper's, made lossless. All other
windows are bijective. Windows decode on their own unless the name says how often M1 is reset.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from eqinfo.codebook.table import Codebook
from eqinfo.codecs.arithmetic import ArithmeticCodec
from eqinfo.codecs.base import Codec
from eqinfo.codecs.codebook import CodebookCodec
from eqinfo.codecs.windows import WindowCodec
from eqinfo.errors import FormatError
from eqinfo.experiment import extras
from eqinfo.experiment.tokenizations.base import Method, Texts
from eqinfo.experiment.tokenizations.byte_streams import Bytes, GZip
from eqinfo.experiment.tokenizations.codecs import CodecTokenization, WordAlignedWindows
from eqinfo.experiment.tokenizations.equal_text import EqualText
from eqinfo.experiment.tokenizations.subwords import BPE, SentencePiece
from eqinfo.experiment.tokenizations.symbol_codes import ANS, Huffman
from eqinfo.models.native_model import NativeModel, load
from eqinfo.models.protocol import Model
from eqinfo.models.static import StaticModel

WINDOW_BITS = (16, 24, 32, 64, 128)
TOKEN_BITS = (8, 16)
SMALL_BITS = 12
"""log2 of the vocabulary sizes that an M2 on a CPU can learn."""
_WINDOWS_NAME = re.compile(
    r"EqualInfo\[(?P<bits>\d{1,3}), (?P<token_bits>\d{1,2})\]"
    r"(?: reset every (?P<resets>[1-9]\d{0,8})|(?P<never> never reset))?"
)
_TRAINING_BYTES_PER_PIECE = 32  # with less text, SentencePiece may find too few pieces


def catalogue(model: Model | None = None) -> dict[str, Method]:
    """Return all methods by name.

    Args:
        model: M1, over bytes; None for the bundled native model "en".
    """
    model = load("en") if model is None else model
    methods = [
        Method("Bytes", lambda texts: Bytes()),
        _sentencepiece("SentencePiece[32k]", 32_000),
        _sentencepiece("SentencePiece[4k]", 1 << SMALL_BITS),
        *_byte_pair_encodings(),
        *_streams(model),
        *_windows(model),
        *_codebooks(model.without_history() if isinstance(model, NativeModel) else model),
        *_future_work(model),
    ]
    return {method.name: method for method in methods}


def methods(names: Iterable[str], model: Model | None = None) -> list[Method]:
    """Return the methods with these names.

    Besides those of the catalogue, ``EqualInfo`` may have other numbers of bits, and "reset every
    3" and so on.

    Raises:
        ValueError: an unknown name; the message lists the known ones.
        UnsupportedError: a package that a method needs is not installed; the message gives the
            command that installs it.
    """
    model = load("en") if model is None else model
    known = catalogue(model)
    found = []
    for name in names:
        method = known.get(name) or _parsed_windows(name, model)
        if method is None:
            raise ValueError(f"expected a method among {', '.join(known)}; found {name!r}")
        found.append(method)
    extras.require(package for method in found for package in method.packages)
    return found


def is_method(name: str) -> bool:
    """Return whether `methods` takes a name."""
    return name in catalogue() or _WINDOWS_NAME.fullmatch(name) is not None


def windows_name(bits: int, token_bits: int, reset_every: int = 1) -> str:
    """Return the name of the method of bijective windows."""
    often = {0: " never reset", 1: ""}.get(reset_every, f" reset every {reset_every}")
    return f"EqualInfo[{bits}, {token_bits}]{often}"


def _parsed_windows(name: str, model: Model) -> Method | None:
    """Return the method of windows that `windows_name` gives this name; None if there is none."""
    found = _WINDOWS_NAME.fullmatch(name)
    if found is None:
        return None
    bits, token_bits = int(found["bits"]), int(found["token_bits"])
    resets = 0 if found["never"] else int(found["resets"] or 1)
    return _windows_method(model, name, bits, token_bits, reset_every=resets)


def _windows_method(model: Model, name: str, bits: int, token_bits: int, **options: Any) -> Method:
    return _codec_method(
        name, lambda texts: WindowCodec(model, bits, token_bits, **options), uses_model=True
    )


def _sentencepiece(name: str, size: int) -> Method:
    return Method(
        name,
        partial(SentencePiece, vocab_size=size),
        ("sentencepiece",),
        size * _TRAINING_BYTES_PER_PIECE,
        lambda learned: SentencePiece((), size, learned=learned),
    )


def _byte_pair_encodings() -> Iterable[Method]:
    for name, bits in (("BPE[65k]", 16), ("BPE[4k]", SMALL_BITS)):
        yield Method(
            name,
            partial(BPE, vocab_size=1 << bits),
            ("tokenizers",),
            restore=partial(_restored_bpe, 1 << bits),
        )


def _restored_bpe(size: int, learned: bytes) -> BPE:
    return BPE((), size, learned=learned)


def _codec_method(name: str, make: Callable[[Texts], Codec], **options: Any) -> Method:
    return Method(name, lambda texts: CodecTokenization(name, make(texts)), **options)


def _byte_counts(texts: Texts) -> list[int]:
    return list(StaticModel.fit("".join(texts)).counts)


def _restored_counts(name: str, learned: bytes) -> list[int]:
    """Return the counts of the 256 bytes; raises FormatError for anything else."""
    try:
        counts = json.loads(learned)
    except (ValueError, RecursionError):
        counts = None
    if (
        not isinstance(counts, list)
        or len(counts) != 256
        or not all(type(count) is int and 0 <= count < 1 << 63 for count in counts)
    ):
        raise FormatError(
            f"{name}: expected how often each of the 256 bytes occurred in what was learned, found "
            f"{learned[:40]!r}"
        )
    return counts


def _streams(model: Model) -> Iterable[Method]:
    """Yield the methods that encode a document as one stream of bits."""

    def gzip(name: str, bits: int, header: bool) -> Method:
        return Method(name, lambda texts: GZip(name, bits, header))

    def arithmetic(name: str, bits: int) -> Method:
        return _codec_method(name, lambda texts: ArithmeticCodec(model, bits), uses_model=True)

    def static(name: str, bits: int) -> Method:
        def of(counts: Iterable[int]) -> CodecTokenization:
            return CodecTokenization(name, ArithmeticCodec(StaticModel(counts), bits))

        return Method(
            name,
            lambda texts: of(_byte_counts(texts)),
            restore=lambda learned: of(_restored_counts(name, learned)),
        )

    for bits in TOKEN_BITS:
        yield gzip(f"GZip[{bits}]", bits, True)
        yield gzip(f"GZip[{bits}] without header", bits, False)
    for bits in (1, *TOKEN_BITS):
        yield arithmetic(f"AC[{bits}]", bits)
        yield static(f"StaticAC[{bits}]", bits)


def _windows(model: Model) -> Iterable[Method]:
    """Yield the methods that make equal-info windows with a model."""

    windows = partial(_windows_method, model)

    def aligned(name: str, bits: int, token_bits: int) -> Method:
        return Method(
            name,
            lambda texts: WordAlignedWindows(name, WindowCodec(model, bits, token_bits)),
            uses_model=True,
        )

    for token_bits in TOKEN_BITS:
        for bits in WINDOW_BITS:
            name = windows_name(bits, token_bits)
            yield windows(name, bits, token_bits)
            yield windows(f"{name} padded", bits, token_bits, variant="padded")
            yield windows(f"{name} delay", bits, token_bits, variant="delay")
            for resets, often in ((2, "reset every 2"), (0, "never reset")):
                yield windows(f"{name} {often}", bits, token_bits, reset_every=resets)
                yield windows(
                    f"{name} padded {often}", bits, token_bits, variant="padded", reset_every=resets
                )
            if bits % token_bits == 0:
                yield aligned(f"{name} word", bits, token_bits)
    name = windows_name(SMALL_BITS, SMALL_BITS)
    yield windows(name, SMALL_BITS, SMALL_BITS)
    yield windows(f"{name} padded", SMALL_BITS, SMALL_BITS, variant="padded")
    yield aligned(f"{name} word", SMALL_BITS, SMALL_BITS)


def _codebooks(model: Model) -> Iterable[Method]:
    """Yield the methods that make equal-info windows with a codebook."""

    def method(
        name: str, token_bits: int, make: Callable[[Texts], Codebook], **options: Any
    ) -> Method:
        def of(codebook: Codebook) -> CodecTokenization:
            return CodecTokenization(name, CodebookCodec(codebook, token_bits))

        return Method(
            name,
            lambda texts: of(make(texts)),
            restore=lambda learned: of(Codebook.from_bytes(learned, name)),
            **options,
        )

    def of_model(name: str, make: Callable[[Model, int], Codebook], token_bits: int) -> Method:
        return method(name, token_bits, lambda texts: make(model, 16), uses_model=True)

    def fitted(name: str, bits: int, token_bits: int, **options: Any) -> Method:
        return method(name, token_bits, lambda texts: Codebook.fit(texts, bits, **options))

    for token_bits in TOKEN_BITS:
        suffix = f"[16, {token_bits}]"
        yield of_model(f"Codebook{suffix} from_model", Codebook.from_model, token_bits)
        yield of_model(f"Codebook{suffix} optimal", Codebook.optimal, token_bits)
        yield fitted(f"Codebook{suffix} fit", 16, token_bits)
        yield fitted(f"Codebook{suffix} fit word", 16, token_bits, align="word")
    suffix = f"[{SMALL_BITS}, {SMALL_BITS}]"
    yield fitted(f"Codebook{suffix} fit", SMALL_BITS, SMALL_BITS)
    yield fitted(f"Codebook{suffix} fit word", SMALL_BITS, SMALL_BITS, align="word")


def _future_work(model: Model) -> Iterable[Method]:
    """Yield the methods that the paper suggests as future work (appendix B)."""

    def equal_text(name: str, window_bytes: int, bits: int) -> Method:
        return Method(
            name, lambda texts: EqualText(name, model, window_bytes, bits), uses_model=True
        )

    def huffman(name: str, bits: int) -> Method:
        return Method(
            name,
            lambda texts: Huffman(name, _byte_counts(texts), bits),
            ("constriction",),
            restore=lambda learned: Huffman(name, _restored_counts(name, learned), bits),
        )

    def ans(name: str, bits: int) -> Method:
        return Method(
            name, lambda texts: ANS(name, model, bits), ("constriction",), uses_model=True
        )

    for bits in TOKEN_BITS:
        yield equal_text(f"EqualText[8 bytes, {bits}]", 8, bits)
        yield huffman(f"Huffman[{bits}]", bits)
        yield ans(f"ANS[{bits}]", bits)

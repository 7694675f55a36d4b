"""How much text a window holds: bytes per 16 bits of each window code, with the same model.

Trains the order-6 byte n-gram of eqinfo.experiment.ngram on --train and measures on --text, which
is cut into documents of --document-bytes that are coded in parallel lanes. Every variant is decoded
and compared with the text. Without files, both texts are parts of Python's own documentation
(pydoc_data.topics).
"""

from __future__ import annotations

import argparse
import lzma
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from common import Cell, Report, add_json_option, input_file, positive, python_documentation
from eqinfo import frequency
from eqinfo.codebook import Codebook
from eqinfo.codecs.arithmetic import ArithmeticCodec
from eqinfo.experiment.ngram import NgramModel
from eqinfo.models import FRESH, Model, StaticModel
from eqinfo.window import Variant, window_precision
from eqinfo.window.encoded import EncodedWindows
from eqinfo.window.lanes import decode_windows, encode_bijective
from eqinfo.window.padded import decode_padded, encode_padded
from eqinfo.window.parameters import Codewords, WindowParameters

WINDOW_BITS = (16, 24, 32, 64, 128)
ORDER = 6
CODEBOOK_BITS = 16
PRECISIONS = (12, 16, 20, 24)
DECODE_LANES = 1024

Symbols = NDArray[np.int32]


@dataclass(frozen=True)
class Documents:
    """The text to code, cut into pieces."""

    raw: list[bytes]
    symbols: list[Symbols]

    @classmethod
    def cut(cls, text: bytes, size: int) -> Documents:
        """Cut ``text`` into documents of ``size`` bytes."""
        raw = [text[i : i + size] for i in range(0, len(text), size)]
        return cls(raw, [np.frombuffer(piece, np.uint8).astype(np.int32) for piece in raw])


def read_files(paths: Sequence[Path], size: int | None) -> bytes:
    """Return the first ``size`` bytes of the concatenated files, plain or .xz."""
    text = b""
    for path in paths:
        left = -1 if size is None else size - len(text)
        with lzma.open(path) if path.suffix == ".xz" else path.open("rb") as file:
            text += file.read(left)
    return text


def training_text(parser: argparse.ArgumentParser, text: bytes) -> bytes:
    """Return text for the n-gram; exit if it is too short."""
    if len(text) <= ORDER:
        parser.error(f"expected more than {ORDER} bytes to train on, found {len(text)}")
    return text


def bytes_per_16_bits(ends: Sequence[Sequence[int]], window_bits: int) -> float:
    """Return the mean over whole windows; a document's last window is cut short and left out."""
    length = sum(document[-2] for document in ends if len(document) > 1)
    windows = sum(len(document) - 1 for document in ends)
    if not windows:
        sys.exit(
            f"expected documents that fill a window of {window_bits} bits, found none: give more "
            "text, or more --document-bytes"
        )
    return 16 / window_bits * length / windows


def same(decoded: Sequence[Symbols], documents: Documents, what: str) -> None:
    """Raise RuntimeError if a variant does not decode what it encoded."""
    for found, expected in zip(decoded, documents.symbols, strict=True):
        if not np.array_equal(found, expected):
            raise RuntimeError(f"{what}: the decoded text differs from the text")


def misread_alone(
    model: NgramModel,
    documents: Documents,
    encoded: Sequence[EncodedWindows],
    parameters: WindowParameters,
) -> tuple[int, int]:
    """Decode each whole window alone; return how many are wrong, and how many there are."""
    codewords: list[Codewords] = []
    texts = []
    for symbols, windows in zip(documents.symbols, encoded, strict=True):
        ends = [0, *windows.ends[:-1].tolist()]
        codewords += [windows.codewords[i : i + 1] for i in range(len(windows) - 1)]
        texts += [symbols[begin:end] for begin, end in pairwise(ends)]
    decoded = decode_windows(model, codewords, parameters, DECODE_LANES)
    wrong = sum(not np.array_equal(a, b) for a, b in zip(decoded, texts, strict=True))
    return wrong, len(texts)


@dataclass(frozen=True)
class Windows:
    """Results for one window size, in bytes per 16 bits unless a field says differently."""

    bijective: float
    padded: float
    unchecked: float
    delay: float
    misread: float
    """Share of the paper's windows that the paper's decoder gets wrong."""
    shortened: float
    """Symbols that a `padded` window gives back on average."""
    encoded: list[EncodedWindows]
    """The bijective windows."""


def measure_windows(model: NgramModel, documents: Documents, window_bits: int) -> Windows:
    """Code the documents in all variants, the model reset at every window, and decode them."""
    precision = window_precision(window_bits, model.vocab_size)
    symbols, lanes = documents.symbols, len(documents.symbols)

    def parameters(variant: Variant) -> WindowParameters:
        return WindowParameters(window_bits, precision, variant, reset_every=1)

    def density(encoded: Sequence[EncodedWindows]) -> float:
        return bytes_per_16_bits([windows.ends.tolist() for windows in encoded], window_bits)

    bijective = encode_bijective(model, symbols, parameters("bijective"), lanes)
    tokens = [windows.codewords for windows in bijective]
    decoded = decode_windows(model, tokens, parameters("bijective"), DECODE_LANES)
    same(decoded, documents, f"bijective, {window_bits} bits")

    padded = encode_padded(model, symbols, parameters("padded"), lanes)
    tokens = [windows.codewords for windows in padded]
    decoded = decode_padded(model, tokens, parameters("padded"), DECODE_LANES)
    same(decoded, documents, f"padded, {window_bits} bits")
    # After the last window comes one that only says how many symbols to drop.
    padded = [windows[:-1] for windows in padded]
    count = sum(map(len, padded))
    shortened = sum(int(windows.shortened.sum()) for windows in padded)

    unchecked = encode_padded(model, symbols, parameters("padded"), lanes, checked=False)
    wrong, whole = misread_alone(model, documents, unchecked, parameters("padded"))

    delay = encode_padded(model, symbols, parameters("delay"), lanes)
    tokens = [windows.codewords for windows in delay]
    decoded = decode_windows(model, tokens, parameters("delay"), DECODE_LANES)
    same(decoded, documents, f"delay, {window_bits} bits")
    return Windows(
        density(bijective),
        density(padded),
        density(unchecked),
        density(delay),
        wrong / whole,
        shortened / count,
        bijective,
    )


def report_windows(report: Report, model: NgramModel, documents: Documents) -> Windows:
    """Print the table of window sizes; return what `CODEBOOK_BITS` gave."""
    results = {}
    for bits in WINDOW_BITS:
        begin = time.perf_counter()
        results[bits] = measure_windows(model, documents, bits)
        print(f"{bits} bits: {time.perf_counter() - begin:.0f} s", file=sys.stderr)
    rows: list[list[Cell]] = [
        [
            bits,
            f"{found.bijective:.3f}",
            f"{found.padded:.3f}",
            f"{100 * (found.bijective / found.padded - 1):+.2f}",
            f"{found.unchecked:.3f}",
            f"{100 * (found.bijective / found.unchecked - 1):+.2f}",
            f"{100 * found.misread:.1f}",
            f"{found.shortened:.2f}",
            f"{found.delay:.3f}",
        ]
        for bits, found in results.items()
    ]
    header = [
        "window bits",
        "bijective",
        "padded, lossless",
        "% over padded",
        "the paper's encoder",
        "% over the paper's",
        "% misread by its decoder",
        "bytes given back per padded window",
        "delay",
    ]
    report.table("Bytes per 16 bits, model reset at every window", header, rows)
    return results[CODEBOOK_BITS]


def report_codebooks(
    report: Report, model: NgramModel, training: bytes, documents: Documents, windows: Windows
) -> None:
    """Print the table of codebooks with the same model, training text and documents."""
    rows: list[list[Cell]] = []
    for name, codebook in {
        "from_model": Codebook.from_model(model, CODEBOOK_BITS),
        "optimal": Codebook.optimal(model, CODEBOOK_BITS),
        "fit": Codebook.fit(training, CODEBOOK_BITS, rounds=4, prefixes=True),
    }.items():
        ids = codebook.encode_batch(documents.raw)
        if [codebook.decode_bytes(document) for document in ids] != documents.raw:
            raise RuntimeError(f"Codebook.{name}: the decoded text differs from the text")
        if name == "from_model":
            for document, encoded in zip(ids, windows.encoded, strict=True):
                if not np.array_equal(document, encoded.codewords[:, 1]):
                    raise RuntimeError("Codebook.from_model differs from bijective windows")
        ends = [np.cumsum(codebook.lengths[document]).tolist() for document in ids]
        density = bytes_per_16_bits(ends, CODEBOOK_BITS)
        rows.append(
            [
                f"Codebook.{name}",
                f"{density:.3f}",
                f"{100 * (density / windows.bijective - 1):+.2f}",
                f"{100 * (density / windows.padded - 1):+.2f}",
                codebook.max_length,
            ]
        )
    header = ["", "bytes per 16 bits", "% over bijective", "% over padded", "longest string"]
    report.table(f"Codebooks of {CODEBOOK_BITS} bits", header, rows)


@dataclass(eq=False)
class Bits:
    """Information content of a text under a model: actual, and as the model expects it."""

    symbols: float = 0.0
    expected: float = 0.0


def context_bits(model: Model, documents: Documents) -> tuple[Bits, dict[int, Bits]]:
    """Return the bits under the exact softmax, and under the frequencies of each precision."""
    state = model.start(len(documents.symbols))
    exact, integers = Bits(), {precision: Bits() for precision in PRECISIONS}
    previous = np.full(len(documents.symbols), FRESH, np.int32)
    for position in range(max(map(len, documents.symbols))):
        lanes = np.flatnonzero([len(symbols) > position for symbols in documents.symbols])
        chosen = np.array([documents.symbols[i][position] for i in lanes], np.int32)
        logits = np.ascontiguousarray(model.step(state, previous[lanes], lanes))
        previous[lanes] = chosen
        wide = logits.astype(np.float64)
        wide -= wide.max(axis=1, keepdims=True)
        wide -= np.log(np.exp(wide).sum(axis=1, keepdims=True))
        probabilities = np.exp(wide)
        costs = {exact: -wide / np.log(2)}
        for precision, bits in integers.items():
            costs[bits] = precision - np.log2(frequency.frequencies(logits, precision))
        for bits, cost in costs.items():
            bits.symbols += float(cost[np.arange(len(lanes)), chosen].sum())
            bits.expected += float((probabilities * cost).sum())
    return exact, integers


def report_coding_loss(report: Report, models: dict[str, Model], documents: Documents) -> None:
    """Print the loss by integer frequencies, and the size that the range coder reaches."""
    total = sum(map(len, documents.raw))
    rows: list[list[Cell]] = []
    for name, model in models.items():
        exact, integers = context_bits(model, documents)
        codec = ArithmeticCodec(model, lanes=len(documents.raw))
        tokens = codec.encode_batch(documents.raw)
        same(codec.decode_symbols(tokens), documents, f"AC, {name}")
        coded = sum(16 * len(document) for document in tokens)
        expected = [bits.expected / exact.expected - 1 for bits in integers.values()]
        found = [bits.symbols / exact.symbols - 1 for bits in integers.values()]
        rows += [
            [
                f"{name}, the text's bytes",
                f"{exact.symbols / total:.4f}",
                *(f"{100 * loss:+.4f}" for loss in found),
                f"{coded / total:.4f}",
            ],
            [
                f"{name}, bytes drawn from the softmax",
                f"{exact.expected / total:.4f}",
                *(f"{100 * loss:+.4f}" for loss in expected),
                "",
            ],
        ]
    header = [
        "model",
        "softmax, bits per byte",
        *(f"% lost at {precision} bits" for precision in PRECISIONS),
        "AC in 16-bit tokens, bits per byte",
    ]
    report.table("Coding loss, one stream per document", header, rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--train", type=input_file, nargs="+", metavar="FILE", help=".xz or plain")
    parser.add_argument("--text", type=input_file, nargs="+", metavar="FILE", help=".xz or plain")
    parser.add_argument(
        "--train-bytes", type=positive, metavar="N", help="use at most N bytes of the training text"
    )
    parser.add_argument("--text-bytes", type=positive, metavar="N", default=200_000)
    parser.add_argument("--document-bytes", type=positive, metavar="N", default=1000)
    add_json_option(parser)
    arguments = parser.parse_args()
    if (arguments.train is None) != (arguments.text is None):
        parser.error("expected both --train and --text or neither, found one of them")
    if arguments.train is None:
        training, text = python_documentation()
        training, text = training[: arguments.train_bytes], text[: arguments.text_bytes]
    else:
        training = read_files(arguments.train, arguments.train_bytes)
        text = read_files(arguments.text, arguments.text_bytes)
    report = Report(arguments.json)
    documents = Documents.cut(text, arguments.document_bytes)
    print(
        f"Order-6 n-gram of {len(training):,} bytes; text of {len(text):,} bytes in "
        f"{len(documents.raw)} documents."
    )
    begin = time.perf_counter()
    model = NgramModel(training_text(parser, training), ORDER)
    print(f"training: {time.perf_counter() - begin:.0f} s", file=sys.stderr)
    report_coding_loss(report, {"n-gram": model, "static": StaticModel.fit(training)}, documents)
    windows = report_windows(report, model, documents)
    report_codebooks(report, model, training, documents, windows)
    report.save()


if __name__ == "__main__":
    main()

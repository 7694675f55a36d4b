"""How often the window engine calls the model, and the time that it takes besides.

Encodes --text, cut into --documents pieces, with the order-6 byte n-gram of eqinfo.experiment.ngram
trained on --train, or with the bundled native model (--model en). All text is decoded and compared,
and the beginning is also encoded by the plain loops, which have no memo. Without files, both texts
are parts of Python's own documentation (pydoc_data.topics).
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from common import Cell, Report, add_json_option, input_file, positive, python_documentation
from eqinfo.codecs.windows import WindowCodec
from eqinfo.common.tokens import Tokens
from eqinfo.experiment.ngram import NgramModel
from eqinfo.models import Model, load
from eqinfo.window.engine import DEFAULT_MEMORY, EngineStatistics
from eqinfo.window.lanes import encode_bijective
from window import ORDER, read_files, training_text

WINDOW_BITS = (16, 24, 32, 64)
MEMORIES = (0, 16 << 20, 64 << 20, 128 << 20, 256 << 20, DEFAULT_MEMORY, 1 << 30, 4 << 30)
LEAST_BITS = (16, 14, 13)
WITNESS_BYTES = 20_000

Symbols = NDArray[np.int32]


def cut(text: bytes, count: int) -> list[Symbols]:
    """Cut text into documents of about the same size."""
    symbols = np.frombuffer(text, np.uint8).astype(np.int32)
    return np.array_split(symbols, count)


def statistics(codec: WindowCodec) -> EngineStatistics:
    """Return the statistics of a codec that has an engine."""
    found = codec.statistics
    assert found is not None
    return found


class Meter:
    """Model calls, batches and seconds of some work of a codec."""

    def __init__(self, codec: WindowCodec, work: Callable[[], object]) -> None:
        before = statistics(codec)
        begin = time.perf_counter()
        self.result = work()
        self.seconds = time.perf_counter() - begin
        after = statistics(codec)
        self.symbols = after.symbols - before.symbols
        self.calls = after.calls - before.calls
        self.batches = after.batches - before.batches
        self.model_seconds = after.model_seconds - before.model_seconds

    def cells(self) -> list[Cell]:
        """Return calls per byte, contexts per batch, and how the time is spent."""
        other = 1e9 * (self.seconds - self.model_seconds) / self.symbols
        share = 100 * self.model_seconds / self.seconds
        return [
            f"{self.calls / self.symbols:.3f}",
            f"{self.calls / max(1, self.batches):.0f}",
            f"{share:.0f}",
            f"{other:.0f}",
        ]


def check(tokens: list[Tokens], expected: list[Tokens], what: str) -> None:
    """Raise RuntimeError if two ways of coding differ."""
    if any(not np.array_equal(a, b) for a, b in zip(tokens, expected, strict=True)):
        raise RuntimeError(f"{what} differ")


def report_sizes(report: Report, model: Model, documents: list[Symbols]) -> None:
    """Encode and decode with each window size, starting with an empty memo."""
    rows: list[list[Cell]] = []
    for bits in WINDOW_BITS:
        codec = WindowCodec(model, bits)
        encoding = Meter(codec, lambda codec=codec: codec.encode_symbols(documents))  # type: ignore[misc]
        tokens: list[Tokens] = encoding.result  # type: ignore[assignment]
        fresh = WindowCodec(model, bits)
        decoding = Meter(fresh, lambda: fresh.decode_symbols(tokens))  # noqa: B023
        check(decoding.result, documents, "text and decoded text")  # type: ignore[arg-type]
        total = sum(map(len, documents))
        windows = sum(map(len, tokens)) * codec.token_bits // bits
        rows.append([bits, f"{total / windows:.2f}", *encoding.cells(), *decoding.cells()])
        first = [document[: WITNESS_BYTES // len(documents)] for document in documents]
        plain = encode_bijective(model, first, codec.parameters, len(first))
        expected = [codec._pack(windows.codewords) for windows in plain]
        check(codec.encode_symbols(first), expected, "engine and plain loops")
    columns = ["calls per byte", "contexts per call", "% of time in the model", "other ns per byte"]
    header = ["window bits", "bytes per window"]
    header += [f"{way}: {column}" for way in ("encode", "decode") for column in columns]
    report.table("Window sizes, default memory", header, rows)


def report_memory(
    report: Report, model: Model, text: bytes, documents: int, part_bytes: int
) -> None:
    """Encode the text part by part in windows of 32 bits, with different memory limits."""
    rows: list[list[Cell]] = []
    parts = [text[i : i + part_bytes] for i in range(0, len(text) - part_bytes + 1, part_bytes)]
    for memory in MEMORIES:
        codec = WindowCodec(model, 32, memory=memory)
        row: list[Cell] = [f"{memory / 2**20:.0f} MiB"]
        for part in parts:
            pieces = cut(part, documents)
            meter = Meter(codec, lambda pieces=pieces: codec.encode_symbols(pieces))  # type: ignore[misc]  # noqa: B023
            row.append(f"{meter.calls / meter.symbols:.3f}")
        found = statistics(codec)
        used = f"{found.memory_bytes / 2**20:.0f} MiB"
        rows.append([*row, found.prefixes, used, found.times_full])
    names = [f"part {number}" for number in range(1, len(parts) + 1)]
    header = ["memory", *names, "prefixes at the end", "in use at the end", "times full"]
    report.table(
        f"Calls per byte, in consecutive parts of {part_bytes:,} bytes, 32 bits", header, rows
    )


def report_prepared(report: Report, model: Model, documents: list[Symbols]) -> None:
    """Encode after the predictions of the most probable prefixes have been prepared."""
    rows: list[list[Cell]] = []
    for least in (32, *LEAST_BITS):
        codec = WindowCodec(model, 32, memory=1 << 30)
        codec.prepare(least)
        prepared = statistics(codec).prepared
        meter = Meter(codec, lambda codec=codec: codec.encode_symbols(documents))  # type: ignore[misc]
        rows.append([f"2^{least}", prepared, f"{meter.calls / meter.symbols:.3f}"])
    header = ["codewords at least", "calls to prepare", "then calls per byte"]
    report.table("Prepared, 32 bits, 1 GiB", header, rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--model",
        choices=("ngram", "en"),
        default="ngram",
        help="the n-gram, or the bundled native model en",
    )
    parser.add_argument("--train", type=input_file, nargs="+", metavar="FILE", help=".xz or plain")
    parser.add_argument("--text", type=input_file, nargs="+", metavar="FILE", help=".xz or plain")
    parser.add_argument(
        "--train-bytes", type=positive, metavar="N", help="use at most N bytes of the training text"
    )
    parser.add_argument("--text-bytes", type=positive, metavar="N", default=1_000_000)
    parser.add_argument(
        "--part-bytes", type=positive, metavar="N", help="default: a quarter of the text"
    )
    parser.add_argument("--documents", type=positive, metavar="N", default=256)
    add_json_option(parser)
    arguments = parser.parse_args()
    native = arguments.model != "ngram"
    if native and (arguments.train or arguments.train_bytes):
        parser.error("expected --train and --train-bytes only with --model ngram, found --model en")
    if not native and (arguments.train is None) != (arguments.text is None):
        parser.error("expected both --train and --text or neither, found one of them")
    report = Report(arguments.json)
    training, text = python_documentation()
    if arguments.text is not None:
        text = read_files(arguments.text, arguments.text_bytes)
    text = text[: arguments.text_bytes]
    model: Model
    if native:
        model = load(arguments.model).without_history()
        print(f"Native model {arguments.model}", end="")
    else:
        if arguments.train is not None:
            training = read_files(arguments.train, arguments.train_bytes)
        training = training[: arguments.train_bytes]
        model = NgramModel(training_text(parser, training), ORDER)
        print(f"Order-6 n-gram of {len(training):,} bytes", end="")
    print(f"; text of {len(text):,} bytes in {arguments.documents} documents.")
    part_bytes = arguments.part_bytes or len(text) // 4
    if len(text) < 4 * arguments.documents or len(text) < part_bytes:
        parser.error(
            f"expected text of at least 4 bytes for each of {arguments.documents} --documents, and "
            f"of --part-bytes, found {len(text)} bytes"
        )
    documents = cut(text, arguments.documents)
    report_sizes(report, model, documents)
    report_memory(report, model, text, arguments.documents, part_bytes)
    report_prepared(report, model, documents)
    report.save()


if __name__ == "__main__":
    main()

"""The bundled model `en` (M1): bits per byte, windows and speed, beside other compressors.

Prints tables for texts that the model has not seen: one stream with full context and documents of
1,024 bytes, compared with brotli and PPMd; equal-info windows; speed on one core (of the first
text), compared with PyTorch running the same network in float32, one byte at a time. All is decoded
and compared.

python benchmarks/native_model.py FILE... [--bytes 1000000] [--model FILE]
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np

from common import Report, add_json_option, input_file, peer, positive, time_in_turns
from compressors import others
from eqinfo import ArithmeticCodec, WindowCodec
from eqinfo.models import NativeModel, load
from round_trips import packed

WINDOW_BITS = (16, 24, 32, 64, 128)
# arXiv 2404.03626, table 12: bytes of C4 per 16-bit token, with an M1 of 3 million parameters.
PAPER = {16: 5.31, 24: 6.30, 32: 6.97, 64: 8.33, 128: 9.22}
DOCUMENT_BYTES = 1024
TORCH_BYTES = 2000


def documents_of(text: bytes, size: int) -> list[bytes]:
    """Cut a text into documents of ``size`` bytes."""
    return [text[i : i + size] for i in range(0, len(text), size)]


def sizes(name: str, model: NativeModel, text: bytes) -> dict[str, tuple[float, float]]:
    """Return bits per byte of the whole text and of its documents, checked by decoding."""
    documents = documents_of(text, DOCUMENT_BYTES)
    codec = ArithmeticCodec(model, token_bits=8)
    whole = codec.encode(text)
    assert codec.decode_bytes(whole) == text
    coded = codec.encode_batch(documents)
    assert list(codec.decode_batch(coded).iter_bytes()) == documents
    found = {f"eqinfo {name}": (len(whole), len(coded.tokens))}
    for other in others("brotli -11", "PPMd, order 8"):
        alone, cut = (sum(map(len, packed(other, parts))) for parts in ([text], documents))
        found[other.name] = (alone, cut)
    return {name: (8 * a / len(text), 8 * b / len(text)) for name, (a, b) in found.items()}


def windows(model: NativeModel, text: bytes) -> list[list[float | int]]:
    """Measure windows of 256 documents: density, model calls, speed; checked by decoding."""
    documents = documents_of(text, -(-len(text) // 256))
    rows: list[list[float | int]] = []
    for window_bits in WINDOW_BITS:
        codec = WindowCodec(model, window_bits)
        begin = time.process_time()
        tokens = codec.encode_batch(documents)
        encoding = time.process_time() - begin
        assert codec.statistics is not None
        calls = codec.statistics.calls
        begin = time.process_time()
        decoded = codec.decode_batch(tokens)
        decoding = time.process_time() - begin
        assert list(decoded.iter_bytes()) == documents
        rows.append(
            [
                window_bits,
                len(text) / (len(tokens.tokens) * codec.token_bits) * 16,
                PAPER[window_bits],
                calls / len(text),
                len(text) / encoding / 1e6,
                len(text) / decoding / 1e6,
            ]
        )
    return rows


def speeds(model: NativeModel, text: bytes, repeats: int) -> list[list[str | float]]:
    """Time arithmetic coding and PyTorch on one core, after checking by decoding; in kB/s."""
    codec = ArithmeticCodec(model)
    one = text[:100_000]
    many = documents_of(text, -(-len(text) // 256))
    one_tokens, many_tokens = codec.encode(one), codec.encode_batch(many)
    assert codec.decode_bytes(one_tokens) == one
    assert list(codec.decode_batch(many_tokens).iter_bytes()) == many
    cases: dict[str, tuple[int, Callable[[], object]]] = {
        "encode one stream": (len(one), lambda: codec.encode(one)),
        "decode one stream": (len(one), lambda: codec.decode_bytes(one_tokens)),
        f"encode {len(many)} documents": (len(text), lambda: codec.encode_batch(many)),
        f"decode {len(many)} documents": (len(text), lambda: codec.decode_batch(many_tokens)),
    }
    if (steps := torch_steps(model, TORCH_BYTES)) is not None:
        cases["PyTorch: the network alone in float32, one stream"] = (TORCH_BYTES, steps)
    timings = time_in_turns({name: call for name, (_, call) in cases.items()}, repeats)
    return [[name, size / timings[name].best / 1e3] for name, (size, _) in cases.items()]


def torch_steps(model: NativeModel, steps: int) -> Callable[[], object] | None:
    """Return a call of the same network in PyTorch, one byte after the other: one thread."""
    torch = peer("torch")
    if torch is None:
        return None
    torch.set_num_threads(1)
    layers = {
        name: (
            torch.from_numpy(model.tensors[f"{name}.bias"].astype(np.float32)),
            torch.from_numpy(model.tensors[f"{name}.weight"].astype(np.float32)),
        )
        for name in ("recurrent", "hidden", "output")
    }
    rows = [
        torch.from_numpy(np.repeat(model.tensors[f"rows.{k}"].astype(np.float32), 2, axis=1))
        for k in range(10)
    ]

    def run() -> None:
        state = torch.zeros(len(layers["recurrent"][0]) // 2)
        with torch.inference_mode():
            for step in range(steps):
                x = torch.cat([table[step % len(table)] for table in rows])
                candidate, gate = torch.addmv(*layers["recurrent"], x).chunk(2)
                state = state + torch.sigmoid(gate) * (candidate.clamp(-1, 1) - state)
                hidden = torch.addmv(*layers["hidden"], torch.cat([x, state]))
                torch.softmax(torch.addmv(*layers["output"], hidden.clamp(0, 4)), 0)

    return run


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[1])
    parser.add_argument("texts", nargs="+", type=input_file, metavar="FILE")
    parser.add_argument(
        "--bytes", type=positive, default=1_000_000, help="use at most this many bytes of each text"
    )
    parser.add_argument("--repeats", type=positive, default=3)
    parser.add_argument(
        "--model", type=input_file, help="a model file (default: the bundled model en)"
    )
    add_json_option(parser)
    options = parser.parse_args()
    model = NativeModel.load(options.model) if options.model else load("en")
    model_name = options.model.stem if options.model else "en"
    model_bytes = sum(tensor.nbytes for tensor in model.tensors.values())
    report = Report(options.json)
    texts = {path.stem: path.read_bytes()[: options.bytes] for path in options.texts}
    if len(texts) < len(options.texts):
        parser.error("expected files with different names, found the same twice")
    report.table(
        f"Bits per byte; the model's own {model_bytes:,} bytes are not counted",
        ["text", "compressor", "whole text", f"documents of {DOCUMENT_BYTES:,} bytes"],
        [
            [name, compressor, *bits]
            for name, text in texts.items()
            for compressor, bits in sizes(model_name, model, text).items()
        ],
    )
    report.table(
        "Equal-info windows of 256 documents; MB of text per second on one core, in one call each",
        ["text", "bits", "bytes per 16 bits", "paper, C4", "calls per byte", "encode", "decode"],
        [[name, *row] for name, text in texts.items() for row in windows(model, text)],
    )
    text = next(iter(texts.values()))
    rows = speeds(model, text, options.repeats)
    report.table("Arithmetic coding; kB of text per second on one core", ["", "kB/s"], rows)
    report.save()


if __name__ == "__main__":
    main()

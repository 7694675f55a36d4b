"""The bundled model `en` (M1): bits per byte, windows and speed, beside other compressors.

Prints tables for texts that the model has not seen: one stream with full context and documents of
1 kB, compared with brotli and PPMd; equal-info windows; speed on one core, compared with PyTorch
running the same network in float32, one byte at a time.

python benchmarks/native_model.py FILE... [--bytes 1000000]
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from common import Report, add_json_option, peer
from eqinfo import ArithmeticCodec, WindowCodec
from eqinfo.models import NativeModel, load

WINDOW_BITS = (16, 24, 32, 64, 128)
# arXiv 2404.03626, table 12: bytes of C4 per 16-bit token, with an M1 of 3 million parameters.
PAPER = {16: 5.31, 24: 6.30, 32: 6.97, 64: 8.33, 128: 9.22}
DOCUMENT_BYTES = 1024


def documents_of(text: bytes, size: int) -> list[bytes]:
    """Cut a text into documents of ``size`` bytes."""
    return [text[i : i + size] for i in range(0, len(text), size)]


def bits_per_byte(coded: int, text: int) -> float:
    """Return bits per byte of text, from sizes in bytes."""
    return 8 * coded / text


def peers() -> dict[str, Callable[[bytes], bytes]]:
    """Return the installed compressors, each with its best settings for text."""
    found: dict[str, Callable[[bytes], bytes]] = {}
    brotli, pyppmd = peer("brotli"), peer("pyppmd")
    if brotli is not None:
        found["brotli -11"] = lambda data: bytes(brotli.compress(data, quality=11))
    if pyppmd is not None:
        found["PPMd, order 8"] = lambda data: bytes(pyppmd.compress(data, max_order=8))
    return found


def sizes(model: NativeModel, text: bytes) -> dict[str, dict[str, float]]:
    """Return bits per byte of the whole text and of its documents, checked by decoding."""
    documents = documents_of(text, DOCUMENT_BYTES)
    codec = ArithmeticCodec(model, token_bits=8)
    whole = codec.encode(text)
    assert codec.decode_bytes(whole) == text
    coded = codec.encode_batch(documents)
    decoded = codec.decode_batch(coded)
    assert list(decoded.iter_bytes()) == documents
    row = {
        "whole": bits_per_byte(len(whole), len(text)),
        "documents": bits_per_byte(len(coded.tokens), len(text)),
    }
    result = {"eqinfo en": row}
    for name, compress in peers().items():
        result[name] = {
            "whole": bits_per_byte(len(compress(text)), len(text)),
            "documents": bits_per_byte(sum(len(compress(d)) for d in documents), len(text)),
        }
    return result


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


def speeds(model: NativeModel, text: bytes, repeats: int) -> dict[str, float]:
    """Return the median speed of arithmetic coding on one core, in kB/s."""
    codec = ArithmeticCodec(model)
    one = text[:100_000]
    many = documents_of(text, -(-len(text) // 256))
    one_tokens, many_tokens = codec.encode(one), codec.encode_batch(many)
    cases: dict[str, tuple[int, Callable[[], Any]]] = {
        "encode one stream": (len(one), lambda: codec.encode(one)),
        "decode one stream": (len(one), lambda: codec.decode_bytes(one_tokens)),
        "encode 256 documents": (len(text), lambda: codec.encode_batch(many)),
        "decode 256 documents": (len(text), lambda: codec.decode_batch(many_tokens)),
    }
    found: dict[str, list[float]] = {name: [] for name in cases}
    for _ in range(repeats):
        for name, (size, call) in cases.items():
            begin = time.process_time()
            call()
            found[name].append(size / (time.process_time() - begin) / 1e3)
    return {name: statistics.median(values) for name, values in found.items()}


def torch_speed(model: NativeModel, steps: int) -> float | None:
    """Return the speed of the same network in PyTorch: float32, one thread, in kB/s."""
    torch = peer("torch")
    if torch is None:
        return None
    torch.set_num_threads(1)
    layers = {
        name: (
            torch.from_numpy(model.tensors[f"{name}.weight"].astype(np.float32)),
            torch.from_numpy(model.tensors[f"{name}.bias"].astype(np.float32)),
        )
        for name in ("recurrent", "hidden", "output")
    }
    rows = [
        torch.from_numpy(np.repeat(model.tensors[f"rows.{k}"].astype(np.float32), 2, axis=1))
        for k in range(10)
    ]
    state = torch.zeros(len(layers["recurrent"][1]) // 2)
    with torch.inference_mode():
        begin = time.process_time()
        for step in range(steps):
            x = torch.cat([table[step % len(table)] for table in rows])
            candidate, gate = torch.addmv(layers["recurrent"][1], layers["recurrent"][0], x).chunk(
                2
            )
            state = state + torch.sigmoid(gate) * (candidate.clamp(-1, 1) - state)
            hidden = torch.addmv(layers["hidden"][1], layers["hidden"][0], torch.cat([x, state]))
            torch.softmax(
                torch.addmv(layers["output"][1], layers["output"][0], hidden.clamp(0, 4)), 0
            )
        return steps / (time.process_time() - begin) / 1e3


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[1])
    parser.add_argument("texts", nargs="+", type=Path, metavar="FILE")
    parser.add_argument(
        "--bytes", type=int, default=1_000_000, help="use at most this many bytes of each text"
    )
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--model", type=Path, help="a model file (default: the bundled model en)")
    add_json_option(parser)
    options = parser.parse_args()
    model = NativeModel.load(options.model) if options.model else load("en")
    model_bytes = sum(tensor.nbytes for tensor in model.tensors.values())
    report = Report(options.json)
    texts = {path.stem: path.read_bytes()[: options.bytes] for path in options.texts}
    report.table(
        f"Bits per byte; the model's own {model_bytes:,} bytes are not counted",
        ["text", "compressor", "whole text", "documents of 1 kB"],
        [
            [name, compressor, row["whole"], row["documents"]]
            for name, text in texts.items()
            for compressor, row in sizes(model, text).items()
        ],
    )
    report.table(
        "Equal-info windows of 256 documents; MB of text per second on one core",
        ["text", "bits", "bytes per 16 bits", "paper, C4", "calls per byte", "encode", "decode"],
        [[name, *row] for name, text in texts.items() for row in windows(model, text)],
    )
    text = next(iter(texts.values()))
    rows = [[name, value] for name, value in speeds(model, text, options.repeats).items()]
    torch = torch_speed(model, 2000)
    if torch is not None:
        rows.append(["PyTorch: the network alone in float32, one stream", torch])
    report.table("Arithmetic coding; kB of text per second on one core", ["", "kB/s"], rows)
    report.save()


if __name__ == "__main__":
    main()

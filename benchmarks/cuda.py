"""CUDA kernels: throughput compared with the copy bandwidth, the processor and nvCOMP's ANS.

Without a GPU, it prints each kernel's resources as compiled, and predictions from the bytes moved.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from common import Cell, Report, add_json_option, peer, positive, time_in_turns
from cuda_static import PRECISION, Work, report_static, row_work, stream_work
from cuda_transformer import report_transformer
from eqinfo import Codebook, cuda, frequency
from eqinfo.window.parameters import WindowParameters

COPY_BYTES = 1 << 30
ROWS = {256: 1 << 18, 50_257: 1 << 12}
"""Rows of one launch, by alphabet."""


def seconds_of(torch: Any, run: Callable[[], object], repeats: int) -> float:
    """Return the best time of a call on the device in seconds, by events on its stream."""
    run()
    times = []
    for _ in range(repeats):
        begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        begin.record()
        run()
        end.record()
        end.synchronize()
        times.append(begin.elapsed_time(end) / 1e3)
    return min(times)


def copy_bandwidth(torch: Any, repeats: int) -> float:
    """Return the bytes per second, read and written, of a copy on the device."""
    source = torch.empty(COPY_BYTES, dtype=torch.uint8, device="cuda")
    target = torch.empty_like(source)
    return 2 * COPY_BYTES / seconds_of(torch, lambda: target.copy_(source), repeats)


def row(name: str, units: int, seconds: float, work: Work, bandwidth: float) -> list[Cell]:
    """Return a line: million units per second, and the share of the copy bandwidth used."""
    used = units * (work.read + work.written) / seconds
    return [name, units / seconds / 1e6, f"{100 * used / bandwidth:.0f} %"]


def measure_rows(torch: Any, report: Report, bandwidth: float, repeats: int) -> None:
    """Measure frequencies and intervals, and the processor's frequencies of the same rows."""
    from eqinfo.cuda.frequency import frequencies, symbol_intervals

    for alphabet, count in ROWS.items():
        logits = 3 * torch.randn((count, alphabet), device="cuda")
        symbols = torch.randint(0, alphabet, (count,), dtype=torch.int32, device="cuda")
        rows, intervals = row_work(alphabet)[:2]
        lines = []
        for name, run, work in (
            ("frequencies", partial(frequencies, logits, PRECISION), rows),
            ("intervals", partial(symbol_intervals, logits, PRECISION, symbols), intervals),
        ):
            lines.append(row(name, count, seconds_of(torch, run, repeats), work, bandwidth))
        part = logits[: max(1, count // 64)].cpu().numpy()
        timing = time_in_turns(
            {"processor": partial(frequency.frequencies, part, PRECISION)}, repeats
        )
        lines.append(["frequencies, processor", len(part) / timing["processor"].best / 1e6, ""])
        report.table(
            f"{alphabet:,} symbols, float32, {count:,} rows",
            ["stage", "million rows per second", "of the copy bandwidth"],
            lines,
        )


@dataclass(frozen=True)
class Lanes:
    """A model that is never called."""

    lanes: int
    vocab_size: int

    def start(self) -> None:
        """Do nothing."""

    def predict(self, state: None, previous: Any) -> Any:
        """Never called."""


def measure_windows(torch: Any, report: Report, bandwidth: float, repeats: int) -> None:
    """Measure window steps, on the same rows at every step; no lane runs out of symbols."""
    from eqinfo.cuda.windows import CudaKernels, DeviceDecodingLanes, DeviceEncodingLanes

    device = torch.device("cuda")
    parameters = WindowParameters(32, PRECISION, "bijective", 1)
    for alphabet, count in ROWS.items():
        model = Lanes(count, alphabet)
        logits = 3 * torch.randn((count, alphabet), device=device)
        symbols = np.random.default_rng(1).integers(0, alphabet, (count, 4 * repeats), np.int32)
        encoding = DeviceEncodingLanes(list(symbols), model, parameters, device)
        take, step = CudaKernels().encode(encoding)
        take(logits)
        _, _, _, encode, decode = row_work(alphabet)
        lines = [row("encode", count, seconds_of(torch, step, repeats), encode, bandwidth)]
        # Every codeword decodes to a text, so random bits will do.
        codewords = np.zeros((count, 4 * repeats, 2), np.uint64)
        codewords[..., 1] = np.random.default_rng(2).integers(1, 1 << 32, codewords.shape[:2])
        decoding = DeviceDecodingLanes(list(codewords), model, parameters, device)
        take, step_row = CudaKernels().decode(decoding)
        take(logits)
        lines.append(
            row(
                "decode", count, seconds_of(torch, partial(step_row, 0), repeats), decode, bandwidth
            )
        )
        report.table(
            f"Windows of 32 bits, {alphabet:,} symbols, {count:,} lanes",
            ["step", "million symbols per second", "of the copy bandwidth"],
            lines,
        )


def measure_range_coder(torch: Any, report: Report, bandwidth: float, repeats: int) -> None:
    """Measure calls that code one symbol per lane, frequencies included, and check them."""
    from eqinfo.cuda.range_coder import DeviceRangeDecoder, DeviceRangeEncoder

    alphabet, count, steps = 256, ROWS[256], 1 + repeats
    logits = 3 * torch.randn((count, alphabet), device="cuda")
    symbols = torch.randint(0, alphabet, (count,), dtype=torch.int32, device="cuda")
    rows, intervals, decode, *_ = row_work(alphabet)
    encode = stream_work()[0]
    encoder = DeviceRangeEncoder(count, steps, PRECISION)
    encoding = seconds_of(torch, partial(encoder.step, logits, symbols), repeats)
    decoder = DeviceRangeDecoder(encoder.finish(), np.full(count, steps), PRECISION)
    decoded = []
    decoding = seconds_of(torch, lambda: decoded.append(decoder.step(logits)[0]), repeats)
    decoder.end()
    if not all(torch.equal(step, symbols) for step in decoded):
        sys.exit("range coder: the decoded symbols differ from the symbols")
    report.table(
        f"Range coder, {alphabet} symbols, {count:,} lanes, from logits",
        ["step", "million symbols per second", "of the copy bandwidth"],
        [
            row(
                name, count, seconds,
                replace(first, read=first.read + then.read, written=first.written + then.written),
                bandwidth,
            )
            for name, seconds, first, then in (
                ("encode", encoding, intervals, encode),
                ("decode", decoding, rows, decode),
            )
        ],
    )  # fmt: skip


def measure_codebook(torch: Any, report: Report, bandwidth: float, repeats: int) -> None:
    """Measure the codebook `en` on 2^17 documents of 512 bytes, and the processor on a part."""
    from eqinfo.cuda.codebook import DeviceCodebook

    codebook = Codebook.bundled("en")
    letters = np.random.default_rng(1).choice(np.frombuffer(b"etaoin shrdlu", np.uint8), 1 << 26)
    offsets = np.arange(0, len(letters) + 1, 512)
    device = DeviceCodebook(codebook)
    text, starts = torch.from_numpy(letters).cuda(), torch.from_numpy(offsets).cuda()
    ids, counts = device.encode(text, starts)
    kept = torch.arange(512, device="cuda") < counts[:, None]
    packed = ids.view(-1, 512)[kept].contiguous()
    _, encode, write = stream_work()
    some = letters[: 1 << 20].tobytes()
    processor = time_in_turns({"encode": lambda: codebook.encode(some)}, repeats)
    report.table(
        "Codebook, million bytes (encode) or ids (decode) per second",
        ["stage", "million per second", "of the copy bandwidth"],
        [
            row("encode", len(letters),
                seconds_of(torch, lambda: device.encode(text, starts), repeats), encode, bandwidth),
            row("decode", len(packed),
                seconds_of(torch, lambda: device.decode(packed), repeats), write, bandwidth),
            ["encode, processor", len(some) / processor["encode"].best / 1e6, ""],
        ],
    )  # fmt: skip


def measure_transformer(torch: Any, report: Report, repeats: int) -> None:
    """Measure steps of a transformer whose contexts have at most as many positions as steps."""
    from cuda_transformer import LANES, LAYERS
    from eqinfo.cuda.transformer import DeviceTransformer
    from transformer import random_model

    model = random_model(LAYERS, 8).with_context_length(64)
    lines: list[list[Cell]] = []
    for lanes in LANES:
        device = DeviceTransformer(model, lanes, torch.device("cuda"))
        symbols = torch.randint(0, model.vocab_size, (lanes,), dtype=torch.int32, device="cuda")
        step = partial(device.predict, device.start(), symbols)
        lines.append([lanes, lanes / seconds_of(torch, step, min(repeats, 60)) / 1e3])
    report.table(
        "A transformer of the sizes of SmolLM2-135M, 8-bit inputs, up to 64 positions",
        ["lanes", "thousand symbols per second"],
        lines,
    )


def measure_ans(torch: Any, report: Report, repeats: int) -> None:
    """Measure nvCOMP's ANS, which has one table for all symbols; ours has one per symbol."""
    nvcomp = peer("nvidia.nvcomp", "pip install nvidia-nvcomp-cu12")
    if nvcomp is None:
        return
    data = torch.randint(0, 64, (1 << 26,), dtype=torch.uint8, device="cuda")
    codec = nvcomp.Codec(algorithm="ANS")
    array = nvcomp.as_array(data)
    coded = codec.encode(array)
    lines: list[list[Cell]] = [
        [name, len(data) / seconds_of(torch, run, repeats) / 1e6]
        for name, run in (
            ("encode", lambda: codec.encode(array)),
            ("decode", lambda: codec.decode(coded)),
        )
    ]
    report.table("nvCOMP ANS, one static table", ["stage", "million symbols per second"], lines)


def measure(report: Report, repeats: int) -> None:
    """Measure everything that needs a GPU."""
    torch = peer("torch")
    if torch is None:
        return
    bandwidth = copy_bandwidth(torch, repeats)
    report.table(
        "The device",
        ["", "copies, TB/s"],
        [[torch.cuda.get_device_name(), f"{bandwidth / 1e12:.2f}"]],
    )
    measure_rows(torch, report, bandwidth, repeats)
    measure_range_coder(torch, report, bandwidth, repeats)
    measure_windows(torch, report, bandwidth, repeats)
    measure_codebook(torch, report, bandwidth, repeats)
    measure_transformer(torch, report, repeats)
    measure_ans(torch, report, repeats)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=positive, default=15)
    add_json_option(parser)
    arguments = parser.parse_args()
    report = Report(arguments.json)
    available, reason = cuda.availability()
    if available:
        measure(report, arguments.repeats)
    else:
        print(f"\nNothing is measured without a GPU: {reason}")
    report_static(report)
    report_transformer(report)
    report.save()


if __name__ == "__main__":
    main()

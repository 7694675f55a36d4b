"""The mixer on texts that it has not seen: bits per byte and speed, beside the slow and the strong.

With and without the bundled model `en`, at each instruction set, on one thread; PPMd, bz2 and lzma
for comparison. Every result is decoded and compared.

python benchmarks/mixer.py FILE... [--bytes 200000] [--streams 1]
"""

from __future__ import annotations

import argparse
import bz2
import lzma
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from common import Cell, Report, add_json_option, noise, peer, time_in_turns
from eqinfo import frequency, mixer, models

NOTES = """
Times are processor time, the best of {repeats} repeats in turns; those of the mixer are of coding
alone, without a container. The bundled model is for English prose."""


def at_level(level: str, run: Callable[[], bytes]) -> bytes:
    """Run with an instruction set."""
    before = frequency.instruction_set()
    frequency.set_instruction_set(level)
    try:
        return run()
    finally:
        frequency.set_instruction_set(before)


def encode_parts(data: bytes, streams: int, model: models.Model | None) -> bytes:
    """Encode equal parts in one call, and return their streams with the sizes of these."""
    size = -(-len(data) // streams)
    parts = [data[i : i + size] for i in range(0, len(data), size)]
    coded = mixer.encode_batch(parts, model)
    return b"".join(len(stream).to_bytes(4, "little") + stream for stream in coded)


def decode_parts(coded: bytes, bytes_: int, streams: int, model: models.Model | None) -> bytes:
    """Decode what `encode_parts` returned for so many bytes."""
    size = -(-bytes_ // streams)
    parts, at = [], 0
    while at < len(coded):
        end = at + 4 + int.from_bytes(coded[at : at + 4], "little")
        parts.append(coded[at + 4 : end])
        at = end
    room = np.zeros(bytes_, np.uint8)
    rooms = [room[i : i + size] for i in range(0, bytes_, size)]
    mixer.decode_batch_into(parts, rooms, model)
    return room.tobytes()


def contestants(
    data: bytes, streams: int
) -> dict[str, tuple[Callable[[], bytes], Callable[[bytes], bytes]]]:
    """Return what compresses the data and what decompresses the result."""
    found: dict[str, tuple[Callable[[], bytes], Callable[[bytes], bytes]]] = {}
    # The processor has the level in use and those before it.
    levels = frequency.INSTRUCTION_SETS
    for level in levels[: levels.index(frequency.instruction_set()) + 1]:
        for name, model in (("mixer", None), ("mixer with en", models.load("en"))):
            found[f"{name}, {level}"] = (
                partial(at_level, level, partial(encode_parts, data, streams, model)),
                lambda stream, level=level, model=model: at_level(  # type: ignore[misc]
                    level, partial(decode_parts, stream, len(data), streams, model)
                ),
            )
    pyppmd = peer("pyppmd")
    if pyppmd is not None:
        found["PPMd, order 8"] = (
            lambda: bytes(pyppmd.compress(data, max_order=8)),
            lambda coded: bytes(pyppmd.decompress(coded, max_order=8)),
        )
    found["bz2 -9"] = (partial(bz2.compress, data), bz2.decompress)
    found["lzma -9e"] = (
        partial(lzma.compress, data, preset=9 | lzma.PRESET_EXTREME),
        lzma.decompress,
    )
    return found


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
    parser.add_argument("--bytes", type=int, default=200_000, help="of each file, at most")
    parser.add_argument("--streams", type=int, default=1, help="for the mixer, in one call")
    parser.add_argument("--repeats", type=int, default=3)
    add_json_option(parser)
    arguments = parser.parse_args()
    report = Report(arguments.json)
    for path in arguments.files:
        data = path.read_bytes()[: arguments.bytes]
        runs = contestants(data, arguments.streams)
        coded = {name: compress() for name, (compress, _) in runs.items()}
        decompress = {name: partial(run[1], coded[name]) for name, run in runs.items()}
        assert all(run() == data for run in decompress.values())
        writing = time_in_turns({n: run[0] for n, run in runs.items()}, arguments.repeats)
        reading = time_in_turns(decompress, arguments.repeats)
        rows: list[list[Cell]] = [
            [
                name,
                f"{8 * len(coded[name]) / len(data):.3f}",
                f"{len(data) / 1e6 / writing[name].best:.3f}",
                f"{len(data) / 1e6 / reading[name].best:.3f}",
            ]
            for name in runs
        ]
        header = ["", "bits per byte", "compress, MB/s", "decompress, MB/s"]
        report.table(f"{path.name}, {len(data)} bytes; {noise(writing)}", header, rows)
    print(NOTES.format(repeats=arguments.repeats))
    report.save()


if __name__ == "__main__":
    main()

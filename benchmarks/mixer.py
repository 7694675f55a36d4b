"""The mixer on texts that it has not seen: bits per byte and speed, beside the slow and the strong.

With and without the bundled model `en`, at each instruction set, on one thread; PPMd, bzip2 and xz
for comparison. Every result is decoded and compared.

python benchmarks/mixer.py FILE... [--bytes 200000] [--streams 1]
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from common import Report, add_json_option, input_file, positive
from compressors import Compressor, others
from eqinfo import frequency, mixer, models
from round_trips import compare

NOTES = """
Times are processor time, the best of {repeats} repeats in turns; those of the mixer are of coding
alone, without a container. The bundled model is for English prose."""


def at_level(
    level: str, run: Callable[[Sequence[bytes]], list[bytes]], parts: Sequence[bytes]
) -> list[bytes]:
    """Run with an instruction set."""
    before = frequency.instruction_set()
    frequency.set_instruction_set(level)
    try:
        return run(parts)
    finally:
        frequency.set_instruction_set(before)


def pieces(size: int, streams: int) -> list[slice]:
    """Return where equal parts of a text lie."""
    step = -(-size // streams)
    return [slice(begin, begin + step) for begin in range(0, size, step)]


def mixers(size: int, streams: int) -> list[Compressor]:
    """Return the mixer at each instruction set, with and without a model, for texts of a size."""

    def compress(model: models.Model | None, texts: Sequence[bytes]) -> list[bytes]:
        return mixer.encode_batch([t[part] for t in texts for part in pieces(size, streams)], model)

    def decompress(model: models.Model | None, coded: Sequence[bytes]) -> list[bytes]:
        text = np.zeros(size, np.uint8)
        mixer.decode_batch_into(coded, [text[part] for part in pieces(size, streams)], model)
        return [text.tobytes()]

    # The processor has the level in use and those before it.
    levels = frequency.INSTRUCTION_SETS
    return [
        Compressor(
            f"{name}, {level}",
            partial(at_level, level, partial(compress, model)),
            partial(at_level, level, partial(decompress, model)),
        )
        for level in levels[: levels.index(frequency.instruction_set()) + 1]
        for name, model in (("mixer", None), ("mixer with en", models.load("en")))
    ]


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("files", nargs="+", type=input_file, metavar="FILE")
    parser.add_argument("--bytes", type=positive, default=200_000, help="of each file, at most")
    parser.add_argument("--streams", type=positive, default=1, help="for the mixer, in one call")
    parser.add_argument("--repeats", type=positive, default=3)
    add_json_option(parser)
    arguments = parser.parse_args()
    report = Report(arguments.json)
    for path in arguments.files:
        data = path.read_bytes()[: arguments.bytes]
        compressors = [
            *mixers(len(data), arguments.streams),
            *others("PPMd, order 8", "bzip2 -9", "xz -9e"),
        ]
        compare(report, path.name, data, compressors, arguments.repeats)
    print(NOTES.format(repeats=arguments.repeats))
    report.save()


if __name__ == "__main__":
    main()

"""Mix English, other languages and code into one text that a native model learns from.

usage: python scripts/mix_training_text.py ENGLISH WORLD CODE FOLDER

Half of ``FOLDER/mixture.txt`` is English in pieces of 16 kB, a quarter other languages (8 kB), a
quarter code (12 kB), shuffled. An eighth of the English pieces and a twelfth of the others get
CR LF line ends; a sixth of the English pieces gets one line per paragraph. Every 300th piece is
held out: ``held_en.txt``, ``held_world.txt`` and ``held_code.txt``. ``held_curve.txt`` is 8 parts
of these, for `eqinfo train --held-out`.
"""

from __future__ import annotations

import argparse
import random
import re
from dataclasses import dataclass
from pathlib import Path

SEED = 17
HELD_OUT_EVERY = 300
PART_BYTES = 1 << 14


@dataclass(frozen=True)
class Source:
    """How one of the texts is taken.

    Attributes:
        name: the word for it in file names.
        piece_bytes: least size of a piece.
        most_bytes: take no more pieces when there are so many bytes; 0: take all.
        crlf: the part of the pieces that gets CR LF line ends.
        unwrapped: the part of the pieces whose paragraphs become lines.
    """

    name: str
    piece_bytes: int
    most_bytes: int
    crlf: float
    unwrapped: float


SOURCES = (
    Source("en", 16_384, 0, 1 / 8, 1 / 6),
    Source("world", 8_192, 110_000_000, 1 / 12, 0),
    Source("code", 12_288, 110_000_000, 1 / 12, 0),
)


def pieces(data: bytes, size: int) -> list[bytes]:
    """Cut a text at line ends into pieces of at least ``size`` bytes, or where there is no line."""
    found, begin = [], 0
    while begin < len(data):
        end = data.find(b"\n", begin + size)
        end = len(data) if end < 0 or end > begin + 2 * size else end + 1
        if end - begin > 4 * size:
            end = begin + size
        found.append(data[begin:end])
        begin = end
    return found


def unwrapped(piece: bytes) -> bytes:
    """Join the lines of paragraphs; lines that look like headings or tables stay."""
    return re.sub(rb"(?<=[^\n \-=_*|]{8})\n(?=[A-Za-z\"'(\xc2-\xf0])", b" ", piece)


def taken(source: Source, cut: list[bytes], rng: random.Random) -> list[bytes]:
    """Return a source's pieces as the mixture has them."""
    rng.shuffle(cut)
    found, total = [], 0
    for piece in cut:
        if source.unwrapped and rng.random() < source.unwrapped:
            piece = unwrapped(piece)
        if rng.random() < source.crlf and b"\r" not in piece:
            piece = piece.replace(b"\n", b"\r\n")
        found.append(piece)
        total += len(piece)
        if source.most_bytes and total >= source.most_bytes:
            break
    return found


def for_the_curve(en: bytes, world: bytes, code: bytes) -> bytes:
    """Return 8 parts of the held-out texts: 4 English, the last with CR LF, 2 world, 2 code."""
    step = len(en) // 4
    parts = [en[k * step + 1000 :][:PART_BYTES] for k in range(4)]
    parts[3] = parts[3].replace(b"\n", b"\r\n")[:PART_BYTES]
    for text in (world, code):
        parts += [text[1000:][:PART_BYTES], text[len(text) // 2 :][:PART_BYTES]]
    return b"".join(parts)


def main() -> None:
    """Write the mixture and the held-out texts."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for source in SOURCES:
        parser.add_argument(source.name, type=Path)
    parser.add_argument("folder", type=Path)
    arguments = parser.parse_args()
    rng = random.Random(SEED)
    mixed: list[bytes] = []
    held: list[bytes] = []
    for source in SOURCES:
        cut = pieces(getattr(arguments, source.name).read_bytes(), source.piece_bytes)
        held.append(b"".join(cut[HELD_OUT_EVERY // 2 :: HELD_OUT_EVERY]))
        del cut[HELD_OUT_EVERY // 2 :: HELD_OUT_EVERY]
        mixed += taken(source, cut, rng)
    rng.shuffle(mixed)
    arguments.folder.mkdir(parents=True, exist_ok=True)
    (arguments.folder / "mixture.txt").write_bytes(b"".join(mixed))
    (arguments.folder / "held_curve.txt").write_bytes(for_the_curve(*held))
    for source, text in zip(SOURCES, held, strict=True):
        (arguments.folder / f"held_{source.name}.txt").write_bytes(text)


if __name__ == "__main__":
    main()

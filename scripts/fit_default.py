"""Fit the bundled codebooks and write them with their cards.

    python scripts/fit_default.py ENGLISH.txt[.xz] [--world FILE] [--code FILE]
        [--held-out FILE ...] [--only NAME ...] [--threads N]

The tables `world` and `world-18` are fitted to parts of three texts, evenly spaced; the others to
all of the English text.

The corpus is one document: cutting it at paragraphs changed held-out figures by at most 1.4 %,
mostly for the worse. One part in ten is included a second time, with CR LF instead of LF. Without
it, text with such line ends takes a sixth more tokens; with it, other text takes as many as before.
"""

from __future__ import annotations

import argparse
import lzma
import time
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from tqdm import tqdm

from eqinfo.codebook import Codebook
from eqinfo.codebook.file import Align

ENGLISH = "English"
WORLD = "all text"
DATA = Path(__file__).resolve().parent.parent / "python" / "eqinfo" / "data"
MAX_LENGTH = 32
PART_BYTES = 1_000_000
PARTS_TO_ONE_WITH_CRLF = 10


class Table(NamedTuple):
    """A bundled codebook."""

    window_bits: int
    align: Align
    purpose: str
    corpus: str = ENGLISH
    phrase_share: float | None = None
    phrase_words: int | None = None
    mixture: dict[str, int] = {}  # noqa: RUF012, by text: parts of it, for the corpus of all text


ALL = (
    "For text in any language, and source code. A token may span words; such a token is a sequence "
    "of whole words."
)
CROSSES = (
    "Tokens may span words. This compresses best, but is harder to model than word-aligned tokens."
)
STAYS = (
    "No token crosses the end of a word, so the tokens of a word do not depend on its neighbours, "
    "which suits language models."
)
TABLES = {
    "en": Table(16, "word", f"The default codebook. {STAYS}"),
    "en-dense": Table(16, "none", CROSSES),
    "en-4k": Table(12, "word", f"A small codebook, for small models and experiments. {STAYS}"),
    "en-dense-4k": Table(12, "none", f"A small codebook. {CROSSES}"),
    "world": Table(16, "phrase", ALL, WORLD, 0.3, 8, {"english": 55, "world": 65, "code": 30}),
    "world-18": Table(
        18,
        "phrase",
        f"{ALL} Ids are of 18 bits, in uint32.",
        WORLD,
        0.3,
        8,
        {"english": 35, "world": 85, "code": 30},
    ),
}

SOURCES = {
    ENGLISH: """\
English text: 160 MB of Project Gutenberg books; the rest Webster's dictionary of 1913, WordNet
glosses, the jargon file, software documentation (SQLite, PostgreSQL, Python, Rust, LLVM, Apache,
LibreOffice, GNOME, cppreference, the Debian handbook), Europarl, web sentences, speeches, Jane
Austen, and the World English Bible.""",
    WORLD: """\
English text, {english} MB: most of it Project Gutenberg books; the rest Webster's dictionary of
1913, WordNet glosses, the jargon file, software documentation (SQLite, PostgreSQL, Python, Rust,
LLVM, Apache, LibreOffice, GNOME, cppreference, the Debian handbook), Europarl, web sentences,
speeches, Jane Austen, and the World English Bible.

Text in 77 languages, {world} MB: help of LibreOffice and GIMP, manual pages, documentation of
Debian, KiCad, GNOME and GnuCash, interface texts (WordPress, LibreOffice, Wesnoth, Freeciv,
Widelands, Stellarium, 0 A.D., Krita), and words of 41 languages drawn by their frequency in
wordfreq 3.1.

Source code, {code} MB: 41 kinds of files from Debian's packages and PyPI.""",
}
CORPORA = {
    ENGLISH: """\
Fitted to
English prose and documentation, but it encodes any bytes. Source code and text in other languages
take more tokens than with a vocabulary trained on them, because the corpus contains neither.""",
    WORLD: """\
Fitted to
English, text in 77 languages and source code, but it encodes any bytes.""",
}
CARD = """\
# {name}

{purpose}

{strings:,} byte strings of at most {max_length} bytes, one {window_bits}-bit token each. {corpus}

Fingerprint `{fingerprint}`. File {file_kb:.0f} kB, in a wheel {wheel_kb:.0f} kB.

## Recipe

`Codebook.fit(corpus, {window_bits}, align="{align}", max_length={length_limit}{phrases})`
on {megabytes:.0f} MB of text by `scripts/fit_default.py`: no model, exact counts, deterministic. A
tenth of the text is included a second time, with CR LF instead of LF.

## Sources

{sources}

The licences of the sources differ: public domain, permissive, GPL, CC BY-SA, WordNet, Europarl.
The table holds frequent strings of at most {max_length} bytes, but no continuous text.

## Held-out text

Bytes per {window_bits}-bit token on text that is not in the corpus:

| file | bytes | greedy | shortest parse |
|---|---|---|---|
{rows}
"""


def main() -> None:
    """Fit the codebooks, measure them, and write files and cards."""
    parser = argparse.ArgumentParser(description="Fit the bundled codebooks, write their cards.")
    parser.add_argument("english", type=Path)
    parser.add_argument("--world", type=Path, help="text in many languages")
    parser.add_argument("--code", type=Path, help="source code")
    parser.add_argument("--held-out", type=Path, nargs="*", default=[], metavar="FILE")
    parser.add_argument("--only", choices=TABLES, nargs="*", default=list(TABLES))
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    for name in arguments.only:
        text = corpus_of(TABLES[name], arguments)
        began = time.monotonic()
        codebook = fit(TABLES[name], text, name, arguments.threads)
        print(f"{name}: {time.monotonic() - began:.0f} s")
        codebook.save(DATA / f"{name}.safetensors")
        card = card_of(name, codebook, text, arguments.held_out)
        (DATA / f"{name}.md").write_text(card)
        print(card)


def corpus_of(table: Table, arguments: argparse.Namespace) -> bytes:
    """Return the text that a table is fitted to."""
    if table.corpus == ENGLISH:
        return read(arguments.english)
    return b"".join(
        part
        for source, count in table.mixture.items()
        for part in spaced_parts(read(getattr(arguments, source)), count)
    )


def spaced_parts(text: bytes, count: int) -> Iterator[bytes]:
    """Yield ``count`` parts of a text, evenly spaced, that end where lines end."""
    for i in range(count):
        begin = text.find(b"\n", len(text) * i // count) + 1
        end = text.rfind(b"\n", begin, begin + PART_BYTES) + 1
        yield text[begin:end]


def read(path: Path) -> bytes:
    """Return the bytes of a text file, decompressed if its name ends in .xz."""
    return lzma.open(path).read() if path.suffix == ".xz" else path.read_bytes()


def fit(table: Table, text: bytes, name: str, threads: int) -> Codebook:
    """Fit one table, with a progress bar."""
    step = PART_BYTES * PARTS_TO_ONE_WITH_CRLF
    parts = [text[i : i + PART_BYTES] for i in range(0, len(text), step)]
    documents = [text, *(part.replace(b"\n", b"\r\n") for part in parts)]
    with tqdm(desc=name, unit="step") as bar:

        def show(done: int, total: int | None) -> None:
            bar.total = total
            bar.update(done - bar.n)

        return Codebook.fit(
            documents,
            table.window_bits,
            align=table.align,
            max_length=MAX_LENGTH,
            phrase_share=table.phrase_share,
            phrase_words=table.phrase_words,
            num_threads=threads,
            progress=show,
        )


def card_of(name: str, codebook: Codebook, text: bytes, held_out: list[Path]) -> str:
    """Return the card of a codebook that has been saved."""
    table = TABLES[name]
    file = (DATA / f"{name}.safetensors").read_bytes()
    return CARD.format(
        name=name,
        purpose=table.purpose,
        corpus=CORPORA[table.corpus],
        sources=SOURCES[table.corpus].format(**table.mixture),
        phrases=(
            f", phrase_share={table.phrase_share}, phrase_words={table.phrase_words}"
            if table.align == "phrase"
            else ""
        ),
        strings=len(codebook),
        max_length=codebook.max_length,
        window_bits=codebook.window_bits,
        fingerprint=codebook.fingerprint,
        file_kb=len(file) / 1e3,
        wheel_kb=len(zlib.compress(file)) / 1e3,
        align=codebook.align,
        length_limit=MAX_LENGTH,
        megabytes=len(text) / 1e6,
        rows="\n".join(held_out_row(codebook, path) for path in held_out),
    )


def held_out_row(codebook: Codebook, path: Path) -> str:
    """Measure one file and return a row of the card's table."""
    text = read(path)
    name = path.name.removesuffix(".xz").removesuffix(".txt").removeprefix("dev_")
    greedy = len(text) / len(codebook.encode(text))
    shortest = len(text) / len(codebook.encode(text, parse="shortest"))
    return f"| {name} | {len(text):,} | {greedy:.3f} | {shortest:.3f} |"


if __name__ == "__main__":
    main()

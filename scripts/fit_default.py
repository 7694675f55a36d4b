"""Fit the bundled codebook and write it with its card.

    python scripts/fit_default.py CORPUS.txt[.xz] [--held-out FILE ...] [-o en-dense.safetensors]

The corpus is one document: cutting it at paragraphs changed held-out figures by at most 1.4 %,
mostly for the worse.
"""

from __future__ import annotations

import argparse
import lzma
import time
from pathlib import Path

from eqinfo.codebook import Codebook

DATA = Path(__file__).resolve().parent.parent / "python" / "eqinfo" / "data"
WINDOW_BITS = 16
MAX_LENGTH = 32
ROUNDS = 4

CARD = """\
# {name}

The bundled dense codebook: {strings:,} byte strings of at most {max_length} bytes, one
{window_bits}-bit token each. Made for English prose and documentation; any bytes can be encoded
with it. A token may span words: for the best compression, not for the easiest language modelling.

Fingerprint `{fingerprint}`.

## Recipe

`Codebook.fit(corpus, {window_bits}, max_length={max_length}, rounds={rounds})` on
{megabytes:.0f} MB of text as one document, by `scripts/fit_default.py`: no model, exact counts of
the strings at window starts, deterministic.

## Sources

English text: 160 MB of Project Gutenberg books; the rest Webster's dictionary of 1913, WordNet
glosses, the jargon file, software documentation (SQLite, PostgreSQL, Python, Rust, LLVM, Apache,
LibreOffice, GNOME, cppreference, the Debian handbook), Europarl, web sentences, speeches, Jane
Austen, and the World English Bible.

Licences of the sources are mixed: public domain, permissive, GPL, CC BY-SA, WordNet, Europarl. The
table holds frequent strings of at most {max_length} bytes, and no running text of any source.

## Held-out text

Bytes per 16-bit token, greedy encoding, on text that is not in the corpus:

| file | bytes | bytes per token |
|---|---|---|
{rows}
"""


def main() -> None:
    """Fit, measure and write."""
    parser = argparse.ArgumentParser(description="Fit the bundled codebook and write its card.")
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--held-out", type=Path, nargs="*", default=[], metavar="FILE")
    parser.add_argument("-o", "--output", type=Path, default=DATA / "en-dense.safetensors")
    arguments = parser.parse_args()
    corpus = read(arguments.corpus)
    began = time.monotonic()
    codebook = Codebook.fit(
        corpus,
        WINDOW_BITS,
        max_length=MAX_LENGTH,
        rounds=ROUNDS,
        progress=lambda done, total: print(
            f"{done} of {total} counts, {time.monotonic() - began:.0f} s", flush=True
        ),
    )
    codebook.save(arguments.output)
    rows = [held_out_row(codebook, path) for path in arguments.held_out]
    card = CARD.format(
        name=arguments.output.stem,
        strings=len(codebook),
        max_length=codebook.max_length,
        fingerprint=codebook.fingerprint,
        window_bits=WINDOW_BITS,
        rounds=ROUNDS,
        megabytes=len(corpus) / 1e6,
        rows="\n".join(rows),
    )
    arguments.output.with_suffix(".md").write_text(card)
    print("\n".join(rows))


def read(path: Path) -> bytes:
    """Return the bytes of a text file, unpacked."""
    return lzma.open(path).read() if path.suffix == ".xz" else path.read_bytes()


def held_out_row(codebook: Codebook, path: Path) -> str:
    """Measure one file and return a row of the card's table."""
    text = read(path)
    name = path.name.removesuffix(".xz").removesuffix(".txt").removeprefix("dev_")
    return f"| {name} | {len(text):,} | {len(text) / len(codebook.encode(text)):.3f} |"


if __name__ == "__main__":
    main()

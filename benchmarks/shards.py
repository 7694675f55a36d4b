"""Training shards: the cost of reading, cutting, checksums and writing on top of encoding.

One text in documents of 2,000 characters goes through `eqinfo.shards.tokenize` in each input
format, and through `Codebook.encode_batch` alone, all in turns on one thread.
"""

from __future__ import annotations

import argparse
import gzip
import json
import shutil
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from common import Cell, Report, add_json_option, input_file, noise, peer, positive, time_in_turns
from eqinfo import Codebook, shards
from eqinfo.api import DEFAULT_CODEBOOK

DOCUMENT_CHARACTERS = 2000
SEPARATOR = "\0"
END = 0
"""The id that ends a document in shards."""


def write_inputs(folder: Path, documents: list[str]) -> dict[str, Path]:
    """Write the documents in every format that the installed packages support."""
    lines = "".join(json.dumps({"text": document}) + "\n" for document in documents).encode()
    paths = {"text with separators": folder / "text", "JSON lines": folder / "lines.jsonl"}
    paths["text with separators"].write_bytes(SEPARATOR.join(documents).encode())
    paths["JSON lines"].write_bytes(lines)
    paths["JSON lines, gzip"] = folder / "lines.jsonl.gz"
    paths["JSON lines, gzip"].write_bytes(gzip.compress(lines))
    if zstandard := peer("zstandard"):
        paths["JSON lines, Zstandard"] = folder / "lines.jsonl.zst"
        paths["JSON lines, Zstandard"].write_bytes(zstandard.compress(lines))
    if parquet := peer("pyarrow.parquet"):
        paths["Parquet"] = folder / "rows.parquet"
        parquet.write_table(peer("pyarrow").table({"text": documents}), paths["Parquet"])
    return paths


def tokenize(source: Path, out: Path, codebook: Codebook) -> None:
    """Run the whole job, from an empty output folder."""
    shutil.rmtree(out, ignore_errors=True)
    separator = None if source.suffix else SEPARATOR
    shards.tokenize([source], out, codebook, shards.ShardParameters(separator=separator))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("text", type=input_file, help="a text file")
    parser.add_argument("--characters", type=positive, default=20_000_000)
    parser.add_argument("--repeats", type=positive, default=3)
    add_json_option(parser)
    arguments = parser.parse_args()
    report = Report(arguments.json)
    with arguments.text.open(encoding="utf-8", errors="replace") as file:
        text = file.read(arguments.characters).replace(SEPARATOR, " ")
    documents = [
        text[i : i + DOCUMENT_CHARACTERS] for i in range(0, len(text), DOCUMENT_CHARACTERS)
    ]
    size = len(text.encode())
    codebook = Codebook.bundled(DEFAULT_CODEBOOK)
    with tempfile.TemporaryDirectory() as folder:
        contestants: dict[str, Callable[[], object]] = {
            "encode_batch alone": lambda: codebook.encode_batch(documents)
        }
        out = Path(folder) / "out"
        expected = codebook.encode_batch(documents)
        for name, path in write_inputs(Path(folder), documents).items():
            contestants[name] = partial(tokenize, path, out, codebook)
            contestants[name]()
            found = shards.open(out)
            pairs = zip(found, expected, strict=True)
            if not all(np.array_equal(tokens, np.append(ids, END)) for tokens, ids in pairs):
                sys.exit(f"{name}: expected the ids of encode_batch, found others")
        timings = time_in_turns(contestants, arguments.repeats)
    alone = timings["encode_batch alone"].best
    rows: list[list[Cell]] = [
        [name, size / timing.best / 1e6, timing.best / alone] for name, timing in timings.items()
    ]
    title = f"{len(documents):,} documents, {size / 1e6:.0f} MB of text; {noise(timings)}"
    report.table(title, ["input", "MB of text per second", "time / encode_batch"], rows)
    report.save()


if __name__ == "__main__":
    main()

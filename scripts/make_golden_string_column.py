"""Write the golden files of string columns, version 1; run by hand, once per version."""

from __future__ import annotations

import json
from pathlib import Path

from eqinfo import StringColumn
from eqinfo.codebook import Codebook

FOLDER = Path(__file__).resolve().parent.parent / "tests" / "golden" / "v1"
TEXT = "Alice was beginning to get very tired of sitting by her sister on the bank"


def main() -> None:
    """Write the files."""
    rows = [*TEXT.split(), None, "", "\u201cand what is the use of a book,\u201d", TEXT]
    codebook = Codebook.fit(TEXT, 9, max_length=8)
    StringColumn(rows, "en-4k").save(FOLDER / "string_column_bundled.safetensors")
    StringColumn([row if row is None else row.encode() for row in rows] * 3, codebook).save(
        FOLDER / "string_column.safetensors"
    )
    (FOLDER / "string_column.json").write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()

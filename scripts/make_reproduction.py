"""Write docs/reproduction/laptop.json, and the tables of docs/reproduction.md, from a study.

usage: eqinfo report TEXT --held-out TEXT --preset laptop -o STUDY
       python scripts/make_reproduction.py STUDY

The file has the study's manifest and its figures, without those that quote the text. The page has
the sections of the study's report between "<!-- study: NAME -->" and "<!-- end of study -->", which
tests/test_reproduction.py makes again.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

from eqinfo.experiment.report.markdown import blocks
from eqinfo.experiment.report.page import all_sections

DOCS = Path(__file__).parents[1] / "docs"
PAGE, RECORD = DOCS / "reproduction.md", DOCS / "reproduction" / "laptop.json"
QUOTING = {"pieces", "sentencepiece", "token texts"}
BLOCK = re.compile(r"(<!-- study: ([a-z-]+) -->\n).*?(<!-- end of study -->)", re.DOTALL)


def main() -> None:
    """Read a study, and write the record and the page."""
    study = Path(sys.argv[1])
    record = record_of(study)
    RECORD.parent.mkdir(exist_ok=True)
    figures = ",\n".join(
        f"{json.dumps(name)}: {json.dumps(figure)}" for name, figure in record["figures"].items()
    )
    manifest = json.dumps(record["manifest"])
    content = f'{{"manifest": {manifest},\n"figures": {{\n{figures}\n}}}}\n'
    RECORD.write_text(content, encoding="utf-8")
    PAGE.write_text(filled(PAGE.read_text("utf-8"), record), encoding="utf-8")


def record_of(study: Path) -> dict[str, Any]:
    """Return the manifest and the figures of a study, in the order in which they were made."""
    manifest = json.loads((study / "manifest.json").read_text("utf-8"))
    paths = sorted((study / "figures").glob("*.json"), key=lambda path: path.stat().st_mtime_ns)
    files = [json.loads(path.read_text("utf-8")) for path in paths]
    figures = {
        file["name"]: file["figure"]
        for file in files
        if file["run"] == manifest["run"] and file["name"] not in QUOTING
    }
    return {"manifest": manifest, "figures": figures}


def filled(page: str, record: dict[str, Any]) -> str:
    """Return a page with the sections of a study in their places, without their titles."""
    parts = {part.name: part for part in all_sections(record["manifest"], record["figures"])}

    def shown(found: re.Match[str]) -> str:
        begin, name, end = found.groups()
        return "\n\n".join([begin.rstrip(), *blocks(parts[name])[1:], end]).replace(
            "\n### ", "\n#### "
        )

    return BLOCK.sub(shown, page)


if __name__ == "__main__":
    main()

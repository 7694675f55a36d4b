"""The report as Markdown: its words and tables without pictures, to compare and to quote."""

from __future__ import annotations

from collections.abc import Iterable
from html.parser import HTMLParser

from eqinfo.experiment.report.html import Section

_HEADINGS = {"h2": "## ", "h3": "### "}
_SKIPPED = {"figure", "svg"}


def markdown(sections: Iterable[Section]) -> str:
    """Return sections as Markdown.

    Tables have the numbers of the page. Windows of text are separated by "|" outside tables, and
    by "/" in them.
    """
    return "\n\n".join(block for part in sections for block in blocks(part)) + "\n"


def blocks(section: Section) -> list[str]:
    """Return the headings, paragraphs and tables of a section, in order."""
    reader = _Reader()
    reader.feed(section.html())
    reader.close()
    return reader.blocks


class _Reader(HTMLParser):
    """Collects the blocks of HTML that `eqinfo.experiment.report.html` writes."""

    def __init__(self) -> None:
        super().__init__()
        self.blocks: list[str] = []
        self._text = ""
        self._rows: list[list[str]] = []
        self._left: list[bool] = []
        self._skipped = 0  # depth of elements that have no text to show
        self._in_cell = False
        self._spans = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _SKIPPED:
            self._skipped += 1
        elif tag in ("p", "h2", "h3"):
            self._text = ""
        elif tag == "code":
            self._text += "`"
        elif tag == "table":
            self._rows, self._left = [], []
        elif tag == "tr":
            self._rows.append([])
        elif tag in ("td", "th"):
            self._text, self._in_cell, self._spans = "", True, 0
            if len(self._rows) == 1:
                self._left.append(("class", "text") in attrs)
        elif tag == "span":
            if self._spans:
                self._text += " / " if self._in_cell else "|"
            self._spans += 1
        elif tag == "div" and not self._in_cell:
            self._text, self._spans = "", 0

    def handle_endtag(self, tag: str) -> None:
        if tag in _SKIPPED:
            self._skipped -= 1
        elif tag == "code":
            self._text += "`"
        elif tag in ("td", "th"):
            self._rows[-1].append(" ".join(self._text.replace("|", "\\|").split()))
            self._text, self._in_cell, self._spans = "", False, 0
        elif tag == "table":
            self.blocks.append(_table(self._rows, self._left))
        elif tag in ("p", "h2", "h3") or (tag == "div" and not self._in_cell):
            self._end(_HEADINGS.get(tag, ""))

    def handle_data(self, data: str) -> None:
        if not self._skipped:
            self._text += data

    def _end(self, prefix: str) -> None:
        text = self._text.strip()
        if text:
            self.blocks.append(prefix + text)
        self._text, self._spans = "", 0


def _table(rows: list[list[str]], left: list[bool]) -> str:
    rule = ["---" if text else "---:" for text in left]
    return "\n".join(f"| {' | '.join(row)} |" for row in [rows[0], rule, *rows[1:]])

"""HTML of tables, sections and windows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import NamedTuple

Cell = str | int | float | None
COLOURS = ("#cfe3f7", "#fbe3c4", "#d3f0cf", "#f6d0dc", "#e3d6f5", "#f4f0b8")
"""Backgrounds of neighbouring windows, in turn."""


class Markup(str):
    """Text that is already HTML and must not be escaped."""


class Section(NamedTuple):
    """A section of the page: the name of its anchor, its title, and what follows the title."""

    name: str
    title: str
    content: str

    def html(self) -> str:
        """Return the section's HTML."""
        return f'<section id="{self.name}"><h2>{escape(self.title)}</h2>{self.content}</section>'


def cell(value: Cell) -> str:
    """Return a cell's HTML: floats with three decimals, nothing for None."""
    if isinstance(value, Markup):
        return value
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.3f}"
    return escape(f"{value:,}" if isinstance(value, int) else value)


def table(header: Sequence[str], rows: Iterable[Sequence[Cell]], texts: Iterable[int] = ()) -> str:
    """Return a table; the first column and the columns ``texts`` are aligned to the left."""
    left = {0, *texts}

    def line(cells: Sequence[Cell], tag: str) -> str:
        shown = (
            f'<{tag} class="text">{cell(value)}</{tag}>'
            if column in left
            else f"<{tag}>{cell(value)}</{tag}>"
            for column, value in enumerate(cells)
        )
        return f"<tr>{''.join(shown)}</tr>"

    body = "".join(line(row, "td") for row in rows)
    return (
        f'<div class="scroll"><table><thead>{line(header, "th")}</thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def section(name: str, title: str, conclusion: str, *parts: str) -> Section:
    """Return a section.

    Args:
        name: of the anchor.
        title: names the tables and figures of the paper.
        conclusion: what the figures say, in words; comes first.
        parts: HTML.
    """
    return Section(name, title, f'<p class="conclusion">{escape(conclusion)}</p>{"".join(parts)}')


def note(text: str) -> str:
    """Return an explanatory paragraph."""
    return f'<p class="note">{escape(text)}</p>'


def plots(*pictures: str) -> str:
    """Return pictures side by side where the screen is wide enough."""
    return (
        f'<div class="plots">{"".join(f"<figure>{picture}</figure>" for picture in pictures)}</div>'
    )


def windows(parts: Iterable[str]) -> str:
    """Return consecutive texts on alternating backgrounds, with line ends made visible."""
    spans = (
        f'<span class="window" style="background:{COLOURS[number % len(COLOURS)]}">'
        f"{escape(part).replace(chr(10), '⏎')}</span>"
        for number, part in enumerate(parts)
    )
    return f'<div class="windows">{"".join(spans)}</div>'

"""HTML of tables, sections and windows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

Cell = str | int | float | None
COLOURS = ("#cfe3f7", "#fbe3c4", "#d3f0cf", "#f6d0dc", "#e3d6f5", "#f4f0b8")
"""Backgrounds of neighbouring windows, in turn."""


class Markup(str):
    """Text that is already HTML and must not be escaped."""


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


def section(title: str, *parts: str) -> str:
    """Return a section with a title."""
    return f"<section><h2>{escape(title)}</h2>{''.join(parts)}</section>"


def note(text: str) -> str:
    """Return an explanatory paragraph."""
    return f'<p class="note">{escape(text)}</p>'


def windows(parts: Iterable[str]) -> str:
    """Return consecutive texts on alternating backgrounds, with line ends made visible."""
    spans = (
        f'<span class="window" style="background:{COLOURS[number % len(COLOURS)]}">'
        f"{escape(part).replace(chr(10), '⏎')}</span>"
        for number, part in enumerate(parts)
    )
    return f'<div class="windows">{"".join(spans)}</div>'

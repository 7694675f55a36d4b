"""Small pieces of HTML."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

Cell = str | int | float | None


class Markup(str):
    """Text that is HTML already."""


def cell(value: Cell) -> str:
    """Return a cell's text: figures with three decimals, nothing for None."""
    if isinstance(value, Markup):
        return value
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.3f}"
    return escape(f"{value:,}" if isinstance(value, int) else value)


def table(header: Sequence[str], rows: Iterable[Sequence[Cell]], texts: Iterable[int] = ()) -> str:
    """Return a table; the columns ``texts``, and the first, are aligned to the left."""
    left = {0, *texts}

    def line(cells: Sequence[Cell], tag: str) -> str:
        shown = (
            f'<{tag} class="text">{cell(value)}</{tag}>'
            if place in left
            else f"<{tag}>{cell(value)}</{tag}>"
            for place, value in enumerate(cells)
        )
        return f"<tr>{''.join(shown)}</tr>"

    body = "".join(line(row, "td") for row in rows)
    return (
        f'<div class="scroll"><table><thead>{line(header, "th")}</thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def section(title: str, *parts: str) -> str:
    """Return a section."""
    return f"<section><h2>{escape(title)}</h2>{''.join(parts)}</section>"


def note(text: str) -> str:
    """Return a paragraph that explains."""
    return f'<p class="note">{escape(text)}</p>'


def windows(parts: Iterable[str]) -> str:
    """Return texts side by side in turning colours, line ends as signs."""
    colours = ("#cfe3f7", "#fbe3c4", "#d3f0cf", "#f6d0dc", "#e3d6f5", "#f4f0b8")
    spans = (
        f'<span class="window" style="background:{colours[number % len(colours)]}">'
        f"{escape(part).replace(chr(10), '⏎')}</span>"
        for number, part in enumerate(parts)
    )
    return f'<div class="windows">{"".join(spans)}</div>'

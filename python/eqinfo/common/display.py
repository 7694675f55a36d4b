"""Pieces of a text as people can read them: in terminals and in notebooks.

A window may end within a character. Its bytes alone would be escapes, so the character is shown
whole in the window where it begins, and `CONTINUATION` stands for it in the windows after that.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

CONTINUATION = "·"

# Neighbouring windows take these backgrounds in turn, on all of which black is readable.
BACKGROUNDS = ("#b6d7f5", "#fbd9a8", "#bfe5c0", "#f3c4dc", "#e3d7f4", "#f4efae")


def shown_pieces(data: bytes, ends: Iterable[int], keep: str = "") -> list[str]:
    """Return each piece of ``data`` as printable text.

    Args:
        data: any bytes; what is not UTF-8 becomes escapes.
        ends: where each piece ends; ascending, the last one ``len(data)``.
        keep: unprintable characters that stay as they are, such as line feeds. Others become
            escapes.

    >>> shown_pieces("語る".encode(), [2, 4, 6])
    ['語', '·る', '·']
    """
    shown = []
    begin = taken = 0  # bytes before `taken` were shown in an earlier piece
    for end in ends:
        mark = CONTINUATION if taken > begin else ""
        stop = max(_end_of_character(data, end), taken)
        text = data[max(begin, taken) : stop].decode("utf-8", "backslashreplace")
        shown.append(mark + "".join(_printable(character, keep) for character in text))
        begin, taken = end, stop
    return shown


def windows_as_html(pieces: Sequence[str], titles: Sequence[str]) -> str:
    """Return pieces of a text side by side on alternating backgrounds, as HTML.

    Args:
        pieces: as `shown_pieces` returns them.
        titles: what is shown when the pointer is over each piece.
    """
    spans = (
        f'<span title="{escape(title)}" style="background:{BACKGROUNDS[i % len(BACKGROUNDS)]}">'
        f"{escape(piece)}</span>"
        for i, (piece, title) in enumerate(zip(pieces, titles, strict=True))
    )
    return (
        '<div style="font-family:monospace;white-space:pre-wrap;overflow-wrap:anywhere;color:#000">'
        f"{''.join(spans)}</div>"
    )


def table_as_html(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table as HTML; cells are text."""
    head = "".join(f"<th>{escape(cell)}</th>" for cell in header)
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _end_of_character(data: bytes, end: int) -> int:
    """Return where the character ends that ``data[:end]`` cuts, or ``end`` if it cuts none."""
    for begin in range(end - 1, max(end - 4, -1), -1):
        if data[begin] & 0xC0 == 0x80:
            continue
        length = 1 + (data[begin] >= 0xC0) + (data[begin] >= 0xE0) + (data[begin] >= 0xF0)
        if begin + length <= end:
            return end
        try:
            data[begin : begin + length].decode("utf-8")
        except UnicodeDecodeError:
            return end
        return begin + length
    return end


def _printable(character: str, keep: str) -> str:
    return character if character.isprintable() or character in keep else repr(character)[1:-1]

"""Figure 9: which bits of which window hold which bytes, as SVG that fits any screen."""

from __future__ import annotations

from collections import defaultdict
from html import escape

from eqinfo.experiment.report.figures import Figure
from eqinfo.experiment.report.html import COLOURS

_SHOWN_WINDOWS = 12
_WIDTH, _MARGIN = 320.0, 6.0
_LETTERS_Y, _LETTERS_HEIGHT, _BITS_Y, _BITS_HEIGHT = 4, 26, 56, 22
_SHOWN = {" ": "␣", "\n": "⏎"}


def bit_spans(figure: Figure) -> str:
    """Return one picture per window: its bytes above, the bits that hold them below."""
    windows: dict[int, list[Figure]] = defaultdict(list)
    for span in figure["bytes"]:
        windows[span["window"]].append(span)
    pictures = [
        _window(windows[number], figure["window_bits"], figure["token_bits"])
        for number in sorted(windows)[:_SHOWN_WINDOWS]
    ]
    return f'<div class="spans">{"".join(pictures)}</div>'


def _window(spans: list[Figure], window_bits: int, token_bits: int) -> str:
    per_bit = (_WIDTH - 2 * _MARGIN) / window_bits
    pitch = min(26.0, (_WIDTH - 2 * _MARGIN) / len(spans))
    parts = []
    for number, span in enumerate(spans):
        text: str = span["text"]
        colour = COLOURS[number % len(COLOURS)]
        left, right = (_MARGIN + per_bit * span[key] for key in ("first", "last"))
        x = _MARGIN + pitch * number
        bottom = _LETTERS_Y + _LETTERS_HEIGHT
        parts.append(
            f'<path d="M{x:.1f} {bottom} L{x + pitch:.1f} {bottom} L{right:.1f} {_BITS_Y} '
            f'L{left:.1f} {_BITS_Y} Z" fill="{colour}" opacity=".5"/>'
            + _box(x, _LETTERS_Y, pitch, _LETTERS_HEIGHT, colour)
            + _box(left, _BITS_Y, right - left, _BITS_HEIGHT, colour)
            + f'<text x="{x + pitch / 2:.1f}" y="{_LETTERS_Y + 18}" class="letter">'
            f"{escape(_SHOWN.get(text, text))}</text>"
        )
    for bit in range(0, window_bits + 1):
        x, heavy = _MARGIN + per_bit * bit, bit % token_bits == 0
        parts.append(
            f'<path d="M{x:.1f} {_BITS_Y} V{_BITS_Y + _BITS_HEIGHT}" stroke="currentColor" '
            f'stroke-width="{1.6 if heavy else 0.3}"/>'
        )
        if heavy:
            parts.append(
                f'<text x="{x:.1f}" y="{_BITS_Y + _BITS_HEIGHT + 13}" class="bit">{bit}</text>'
            )
    bits = ", ".join(f"{s['text']!r} {s['last'] - s['first']:.1f}" for s in spans)
    label = escape(f"The window {''.join(s['text'] for s in spans)!r}, bits per byte: {bits}")
    return (
        f'<svg viewBox="0 0 {_WIDTH:.0f} {_BITS_Y + _BITS_HEIGHT + 18}" role="img" '
        f'aria-label="{label}">{"".join(parts)}</svg>'
    )


def _box(x: float, y: float, width: float, height: float, colour: str) -> str:
    return (
        f'<rect x="{x:.1f}" y="{y}" width="{width:.1f}" height="{height}" fill="{colour}" '
        'stroke="#888" stroke-width=".3"/>'
    )

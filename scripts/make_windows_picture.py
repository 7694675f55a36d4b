"""Write docs/pictures/windows-{light,dark}.svg: text cut into windows of equal information.

All that is drawn is computed: the bars are the information content of each byte under the bundled
model, and the bits are the codewords that `WindowCodec` makes. CI draws the pictures again and
compares them.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from xml.sax.saxutils import escape

import eqinfo
from eqinfo.range_coder import as_symbols

TEXT = "It was the best of times, it was the worst of times."
WINDOW_BITS = 16
FOLDER = Path(__file__).parents[1] / "docs" / "pictures"

# Sizes in pixels.
WIDTH = 860
PITCH = 14.8  # from one character to the next
LEFT = (WIDTH - PITCH * len(TEXT)) / 2
PER_BIT = 11  # height of a bar
BARS_Y = 124  # foot of the bars
TEXT_Y, TEXT_HEIGHT = 130, 34
CODEWORDS_Y, CODEWORDS_HEIGHT, GAP = 210, 50, 8


@dataclass(frozen=True)
class Theme:
    """Colours: of the text, of its captions, and of the windows in turn."""

    ink: str
    caption: str
    windows: tuple[str, ...]


THEMES = {
    "light": Theme("#1f2328", "#59636e", ("#b6d7f5", "#fbd9a8", "#bfe5c0", "#f3c4dc")),
    "dark": Theme("#e6edf3", "#9198a1", ("#1f4b77", "#70501a", "#23592f", "#6b2c52")),
}


def drawing(theme: Theme) -> str:
    """Return the picture as SVG."""
    model = eqinfo.models.load("en")
    windows = eqinfo.WindowCodec(model, WINDOW_BITS).windows(TEXT)
    texts = [window.text for window in windows]
    # Every window decodes on its own, so the model starts afresh in each.
    symbols = [as_symbols(text) for text in texts]
    information = [bits.tolist() for bits in eqinfo.models.symbol_information(model, symbols)]
    starts = [0, *accumulate(map(len, texts))]
    box = (WIDTH - 2 * LEFT + GAP) / len(windows) - GAP
    parts = [
        _caption(18, "information in each character, as the model sees it", theme),
        _caption(
            CODEWORDS_Y + CODEWORDS_HEIGHT + 24,
            f"{WINDOW_BITS} bits in each window, however long its text is",
            theme,
        ),
    ]
    for number, (window, bits) in enumerate(zip(windows, information, strict=True)):
        colour = theme.windows[number % len(theme.windows)]
        x, width = LEFT + PITCH * starts[number], PITCH * len(window.text)
        box_x = LEFT + (box + GAP) * number
        text_bottom = TEXT_Y + TEXT_HEIGHT
        parts += [
            f'<path d="M{x + 1:.1f} {text_bottom} L{x + width - 1:.1f} {text_bottom} '
            f'L{box_x + box:.1f} {CODEWORDS_Y} L{box_x:.1f} {CODEWORDS_Y} Z" '
            f'fill="{colour}" opacity="0.35"/>',
            _rectangle(x + 1, TEXT_Y, width - 2, TEXT_HEIGHT, colour),
            _rectangle(box_x, CODEWORDS_Y, box, CODEWORDS_HEIGHT, colour),
        ]
        parts += [
            _rectangle(x + PITCH * i + 3, BARS_Y - PER_BIT * b, PITCH - 6, PER_BIT * b, colour)
            for i, b in enumerate(bits)
        ]
        codeword = f"{window.codeword:0{WINDOW_BITS}b}"
        middle = box_x + box / 2
        parts += [
            f'<text x="{middle:.1f}" y="{CODEWORDS_Y + 21 + 18 * line}" text-anchor="middle" '
            f'font-size="13">{codeword[8 * line :][:4]} {codeword[8 * line + 4 :][:4]}</text>'
            for line in range(WINDOW_BITS // 8)
        ]
    centres = " ".join(f"{LEFT + PITCH * (i + 0.5):.1f}" for i in range(len(TEXT)))
    parts.append(
        f'<text x="{centres}" y="{TEXT_Y + 23}" text-anchor="middle" font-size="18" '
        f'xml:space="preserve">{escape(TEXT)}</text>'
    )
    height = CODEWORDS_Y + CODEWORDS_HEIGHT + 36
    body = "\n".join(parts)
    return f"""\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" \
font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, monospace" fill="{theme.ink}">
<title>{len(windows)} windows of {WINDOW_BITS} bits</title>
{body}
</svg>
"""


def _caption(y: int, text: str, theme: Theme) -> str:
    return (
        f'<text x="{LEFT:.1f}" y="{y}" font-size="14" fill="{theme.caption}" '
        f'font-family="system-ui, sans-serif">{escape(text)}</text>'
    )


def _rectangle(x: float, y: float, width: float, height: float, colour: str) -> str:
    return (
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" rx="3" '
        f'fill="{colour}"/>'
    )


def main() -> None:
    """Write both pictures."""
    FOLDER.mkdir(exist_ok=True)
    for name, theme in THEMES.items():
        (FOLDER / f"windows-{name}.svg").write_text(drawing(theme), encoding="utf-8")


if __name__ == "__main__":
    main()

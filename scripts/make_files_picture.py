"""Write docs/pictures/files-{light,dark}.svg: size against speed, as benchmarks/files.py found.

usage: python benchmarks/files.py --json RUN.json && python scripts/make_files_picture.py RUN.json

Both pictures have two parts, to compress and to decompress. A compressor is a point: bits per byte,
a mean over the texts, and MB/s of one thread. The line joins those that no other one beats in both.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import escape

FOLDER = Path(__file__).parents[1] / "docs" / "pictures"
TITLE = "All whole texts: means, speeds, memory"
OURS = "eqinfo "

# Sizes in pixels.
WIDTH, PART_HEIGHT, TOP, LEFT, RIGHT, BOTTOM = 860, 330, 34, 58, 40, 44
RADIUS, LETTER, LINE = 4, 6.4, 13  # of a point; width and height of a letter, about
TICKS = (0.5, 0.75, 1, 1.25, 1.5, 2, 2.5, 3, 4, 5, 6, 8)


@dataclass(frozen=True)
class Theme:
    """Colours: of the text, of axes and captions, of the line, of eqinfo and of the others."""

    ink: str
    caption: str
    grid: str
    ours: str
    others: str


THEMES = {
    "light": Theme("#1f2328", "#59636e", "#d1d9e0", "#0969da", "#7d4e00"),
    "dark": Theme("#e6edf3", "#9198a1", "#3d444d", "#4493f8", "#d29922"),
}


@dataclass(frozen=True)
class Point:
    """A compressor: bits per byte, and MB/s."""

    name: str
    bits: float
    speed: float

    @property
    def ours(self) -> bool:
        """Whether it is eqinfo's."""
        return self.name.startswith(OURS)


def points(run: Path) -> tuple[list[Point], list[Point]]:
    """Return the points of compressing and of decompressing from a run.

    Raises:
        ValueError: the file has no table of means.
    """
    tables = json.loads(run.read_text(encoding="utf-8"))["tables"]
    rows = next((table["rows"] for table in tables if table["title"] == TITLE), None)
    if rows is None:
        raise ValueError(
            f"{run}: expected a table {TITLE!r}, found none; give benchmarks/files.py's"
        )
    return (
        [Point(name, bits, speed) for name, bits, speed, *_ in rows],
        [Point(name, bits, speed) for name, bits, _, speed, *_ in rows],
    )


def frontier(found: Sequence[Point]) -> list[Point]:
    """Return the points that no other one beats in both, the fastest first."""
    best: list[Point] = []
    for point in sorted(found, key=lambda point: (-point.speed, point.bits)):
        if not best or point.bits < best[-1].bits:
            best.append(point)
    return best


def drawing(run: Path, theme: Theme) -> str:
    """Return the picture as SVG."""
    parts = points(run)
    everything = [point for part in parts for point in part]
    bits = [point.bits for point in everything]
    span = 0.95 * min(bits), 1.05 * max(bits)
    speeds = [point.speed for point in everything]
    decades = math.floor(math.log10(min(speeds))), math.ceil(math.log10(max(speeds)))
    body = [
        _part(part, title, k * PART_HEIGHT, span, decades, theme)
        for k, (part, title) in enumerate(zip(parts, ("compress", "decompress"), strict=True))
    ]
    return f"""\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {2 * PART_HEIGHT}" role="img" \
font-family="system-ui, sans-serif" font-size="12" fill="{theme.ink}">
<title>Bits per byte against speed, to compress and to decompress</title>
{chr(10).join(body)}
</svg>
"""


def _part(
    found: Sequence[Point],
    title: str,
    offset: int,
    bits: tuple[float, float],
    decades: tuple[int, int],
    theme: Theme,
) -> str:
    def x(speed: float) -> float:
        part = (math.log10(speed) - decades[0]) / (decades[1] - decades[0])
        return LEFT + part * (WIDTH - LEFT - RIGHT)

    def y(value: float) -> float:
        part = math.log(value / bits[0]) / math.log(bits[1] / bits[0])
        return offset + PART_HEIGHT - BOTTOM - part * (PART_HEIGHT - TOP - BOTTOM)

    lines = [
        f'<text x="{LEFT}" y="{offset + 20}" font-size="14" fill="{theme.caption}">'
        f"bits per byte against MB/s to {title}</text>"
    ]
    for decade in range(decades[0], decades[1] + 1):
        at = x(10.0**decade)
        lines.append(_line(at, y(bits[0]), at, y(bits[1]), theme.grid))
        lines.append(_label(at, y(bits[0]) + 18, f"{10.0**decade:g}", "middle", theme.caption))
    for tick in TICKS:
        if bits[0] <= tick <= bits[1]:
            lines.append(_line(LEFT, y(tick), WIDTH - RIGHT, y(tick), theme.grid))
            lines.append(_label(LEFT - 8, y(tick) + 4, f"{tick:g}", "end", theme.caption))
    path = " ".join(f"{x(point.speed):.1f},{y(point.bits):.1f}" for point in frontier(found))
    lines.append(
        f'<polyline points="{path}" fill="none" stroke="{theme.caption}" stroke-dasharray="4 3"/>'
    )
    places = [(x(point.speed), y(point.bits)) for point in found]
    taken = [_Box(a - RADIUS, b - RADIUS, 2 * RADIUS, 2 * RADIUS) for a, b in places]
    for point, (at_x, at_y) in zip(found, places, strict=True):
        colour = theme.ours if point.ours else theme.others
        lines.append(f'<circle cx="{at_x:.1f}" cy="{at_y:.1f}" r="{RADIUS}" fill="{colour}"/>')
        name = point.name.removeprefix(OURS)
        box = _free_box(at_x, at_y, LETTER * len(name), taken)
        taken.append(box)
        lines.append(_label(box.x, box.y + LINE - 3, name, "start", colour))
    return "\n".join(lines)


@dataclass(frozen=True)
class _Box:
    x: float
    y: float
    width: float
    height: float

    def meets(self, other: _Box) -> bool:
        return (
            self.x < other.x + other.width
            and other.x < self.x + self.width
            and self.y < other.y + other.height
            and other.y < self.y + self.height
        )


def _free_box(x: float, y: float, width: float, taken: Sequence[_Box]) -> _Box:
    """Return the box for a label that is nearest to its point and meets none of those taken."""
    gap = RADIUS + 3
    for far in range(0, 100, 4):
        for left, top in (
            (x + gap, y - LINE / 2 - far),
            (x + gap, y - LINE / 2 + far),
            (x - gap - width, y - LINE / 2 - far),
            (x - gap - width, y - LINE / 2 + far),
        ):
            box = _Box(left, top, width, LINE)
            if left >= LEFT and left + width <= WIDTH and not any(map(box.meets, taken)):
                return box
    return _Box(x + gap, y - LINE / 2, width, LINE)


def _line(x1: float, y1: float, x2: float, y2: float, colour: str) -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}"/>'


def _label(x: float, y: float, text: str, anchor: str, colour: str) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}">'
        f"{escape(text)}</text>"
    )


def main() -> None:
    """Write both pictures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("run", type=Path, help="what benchmarks/files.py wrote with --json")
    parser.add_argument("--folder", type=Path, default=FOLDER)
    arguments = parser.parse_args()
    for name, theme in THEMES.items():
        path = arguments.folder / f"files-{name}.svg"
        path.write_text(drawing(arguments.run, theme), encoding="utf-8")


if __name__ == "__main__":
    main()

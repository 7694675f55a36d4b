"""Pictures of points in a plane, as SVG for light and for dark pages, used by scripts beside it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from xml.sax.saxutils import escape

# Sizes in pixels.
WIDTH, TOP, LEFT, RIGHT, BOTTOM = 860, 34, 58, 40, 44
RADIUS, LETTER, LINE = 4, 6.4, 13  # of a point; width and height of a letter, about


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
    """A point, its label, and whether it has the colour of eqinfo."""

    name: str
    x: float
    y: float
    ours: bool


@dataclass(frozen=True)
class Axis:
    """The ends of an axis, where it has ticks, and whether it is logarithmic."""

    low: float
    high: float
    ticks: Sequence[float]
    logarithmic: bool = True

    def share(self, value: float) -> float:
        """Return where a value is, from 0 at the low end to 1 at the high end."""
        if self.logarithmic:
            return math.log(value / self.low) / math.log(self.high / self.low)
        return (value - self.low) / (self.high - self.low)


@dataclass(frozen=True)
class Part:
    """One of the plots of a picture, which lie below each other.

    Attributes:
        title: of the plot.
        points: all of them.
        x, y: the axes.
        line: joins some of the points.
        height: in pixels; crowded points need more.
    """

    title: str
    points: Sequence[Point]
    x: Axis
    y: Axis
    line: Sequence[Point] = ()
    height: int = 330


def picture(title: str, parts: Sequence[Part], theme: Theme) -> str:
    """Return a picture as SVG."""
    ends = list(accumulate(part.height for part in parts))
    body = [_plot(part, end - part.height, theme) for part, end in zip(parts, ends, strict=True)]
    return f"""\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {ends[-1]}" \
role="img" font-family="system-ui, sans-serif" font-size="12" fill="{theme.ink}">
<title>{escape(title)}</title>
{chr(10).join(body)}
</svg>
"""


def _plot(part: Part, offset: int, theme: Theme) -> str:
    def x(value: float) -> float:
        return LEFT + part.x.share(value) * (WIDTH - LEFT - RIGHT)

    def y(value: float) -> float:
        height = part.height - TOP - BOTTOM
        return offset + part.height - BOTTOM - part.y.share(value) * height

    lines = [
        f'<text x="{LEFT}" y="{offset + 20}" font-size="14" fill="{theme.caption}">'
        f"{escape(part.title)}</text>"
    ]
    bottom, top = y(part.y.low), y(part.y.high)
    for tick in part.x.ticks:
        lines.append(_line(x(tick), bottom, x(tick), top, theme.grid))
        lines.append(_label(x(tick), bottom + 18, f"{tick:g}", "middle", theme.caption))
    for tick in part.y.ticks:
        lines.append(_line(LEFT, y(tick), WIDTH - RIGHT, y(tick), theme.grid))
        lines.append(_label(LEFT - 8, y(tick) + 4, f"{tick:g}", "end", theme.caption))
    if part.line:
        path = " ".join(f"{x(point.x):.1f},{y(point.y):.1f}" for point in part.line)
        lines.append(
            f'<polyline points="{path}" fill="none" stroke="{theme.caption}" '
            'stroke-dasharray="4 3"/>'
        )
    places = [(x(point.x), y(point.y)) for point in part.points]
    taken = [_Box(a - RADIUS, b - RADIUS, 2 * RADIUS, 2 * RADIUS) for a, b in places]
    for point, (at_x, at_y) in zip(part.points, places, strict=True):
        colour = theme.ours if point.ours else theme.others
        lines.append(f'<circle cx="{at_x:.1f}" cy="{at_y:.1f}" r="{RADIUS}" fill="{colour}"/>')
        box = _free_box(at_x, at_y, LETTER * len(point.name), taken)
        taken.append(box)
        if abs(box.y + LINE / 2 - at_y) > LINE:  # another label may be nearer to the point
            end_x = min(max(at_x, box.x), box.x + box.width)
            end_y = box.y + (LINE if box.y < at_y else 0)
            lines.append(_line(at_x, at_y, end_x, end_y, colour))
        lines.append(_label(box.x, box.y + LINE - 3, point.name, "start", colour))
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

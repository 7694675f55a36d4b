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
from pathlib import Path

from scatter import THEMES, Axis, Part, Point, Theme, picture

FOLDER = Path(__file__).parents[1] / "docs" / "pictures"
TITLE = "All whole texts: means, speeds, memory"
OURS = "eqinfo "
TICKS = (0.5, 0.75, 1, 1.25, 1.5, 2, 2.5, 3, 4, 5, 6, 8)


def points(run: Path) -> tuple[list[Point], list[Point]]:
    """Return the points of compressing and of decompressing from a run: MB/s and bits per byte.

    Raises:
        ValueError: the file has no table of means.
    """
    tables = json.loads(run.read_text(encoding="utf-8"))["tables"]
    rows = next((table["rows"] for table in tables if table["title"] == TITLE), None)
    if rows is None:
        raise ValueError(
            f"{run}: expected a table {TITLE!r}, found none; give benchmarks/files.py's"
        )

    def point(name: str, speed: float, bits: float) -> Point:
        return Point(name.removeprefix(OURS), speed, bits, name.startswith(OURS))

    return (
        [point(name, speed, bits) for name, bits, speed, *_ in rows],
        [point(name, speed, bits) for name, bits, _, speed, *_ in rows],
    )


def frontier(found: Sequence[Point]) -> list[Point]:
    """Return the points that no other one beats in both, the fastest first."""
    best: list[Point] = []
    for point in sorted(found, key=lambda point: (-point.x, point.y)):
        if not best or point.y < best[-1].y:
            best.append(point)
    return best


def drawing(run: Path, theme: Theme) -> str:
    """Return the picture as SVG."""
    parts = points(run)
    speeds = [point.x for part in parts for point in part]
    decades = math.floor(math.log10(min(speeds))), math.ceil(math.log10(max(speeds)))
    ticks = [10.0**decade for decade in range(decades[0], decades[1] + 1)]
    speed = Axis(ticks[0], ticks[-1], ticks)
    sizes = [point.y for part in parts for point in part]
    low, high = 0.95 * min(sizes), 1.05 * max(sizes)
    bits = Axis(low, high, [tick for tick in TICKS if low <= tick <= high])
    return picture(
        "Bits per byte against speed, to compress and to decompress",
        [
            Part(f"bits per byte against MB/s to {name}", part, speed, bits, frontier(part))
            for part, name in zip(parts, ("compress", "decompress"), strict=True)
        ],
        theme,
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

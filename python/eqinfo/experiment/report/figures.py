"""The figures of a study, as read from their JSON files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

Figure: TypeAlias = Mapping[str, Any]
"""The numbers of one table row or plot."""
Figures: TypeAlias = Mapping[str, Figure]
"""By name, in the order in which they were made. The first word of a name is the figure's kind."""


def of_kind(figures: Figures, kind: str) -> list[Figure]:
    """Return the figures of a kind, in the order in which they were made."""
    return [figure for name, figure in figures.items() if name.split(" ")[0] == kind]

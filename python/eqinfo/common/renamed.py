"""Old names of public objects, which still work and warn."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Mapping
from typing import Any


def renamed(module: str, names: Mapping[str, str]) -> Callable[[str], Any]:
    """Return a ``__getattr__`` for a module that maps old names (keys) to new ones (values).

    Using an old name gives a DeprecationWarning.
    """

    def getattr_(name: str) -> Any:
        if name not in names:
            raise AttributeError(f"module {module!r} has no attribute {name!r}")
        warnings.warn(
            f"{module}.{name} is now {module}.{names[name]}", DeprecationWarning, stacklevel=2
        )
        return getattr(sys.modules[module], names[name])

    return getattr_

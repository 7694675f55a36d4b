"""Packages that only the study needs."""

from __future__ import annotations

from collections.abc import Iterable
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from eqinfo.errors import UnsupportedError

_COMMANDS = {"torch": "pip install eqinfo[torch]"}
_DEFAULT_COMMAND = "pip install eqinfo[experiment]"


def load(package: str) -> Any:
    """Import an optional package.

    Raises:
        UnsupportedError: it is not installed; says which command installs it.
    """
    require([package])
    return import_module(package)


def require(packages: Iterable[str]) -> None:
    """Raise UnsupportedError where one of the packages is not installed; names all of them."""
    missing = sorted({package for package in packages if not _installed(package)})
    if missing:
        commands = sorted({_COMMANDS.get(package, _DEFAULT_COMMAND) for package in missing})
        raise UnsupportedError(f"not installed: {', '.join(missing)}: {'; '.join(commands)}")


def _installed(package: str) -> bool:
    try:
        return find_spec(package) is not None
    except ValueError:  # what stands in sys.modules has no spec
        return False

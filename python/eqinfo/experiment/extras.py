"""Optional packages that the study needs."""

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
        UnsupportedError: it is not installed; the message gives the command that installs it.
    """
    require([package])
    return import_module(package)


def require(packages: Iterable[str]) -> None:
    """Check that optional packages are installed.

    Raises:
        UnsupportedError: some are not; the message names them and the commands that install them.
    """
    missing = sorted({package for package in packages if not _installed(package)})
    if missing:
        commands = sorted({_COMMANDS.get(package, _DEFAULT_COMMAND) for package in missing})
        raise UnsupportedError(
            f"the study needs packages that are not installed, {', '.join(missing)}: "
            f"{'; '.join(commands)}"
        )


def _installed(package: str) -> bool:
    try:
        return find_spec(package) is not None
    except ValueError:  # an entry of sys.modules has no spec
        return False

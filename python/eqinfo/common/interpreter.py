"""Importing this module raises ImportError outside the main interpreter of a process.

There the import of the compiled module would never return: pybind11 waits for the GIL that the
subinterpreter holds. NumPy does not support subinterpreters either.
"""

from __future__ import annotations

import sys
from importlib import import_module

_MODULE = "_interpreters" if sys.version_info >= (3, 13) else "_xxsubinterpreters"


def require_main_interpreter() -> None:
    """Raise ImportError in a subinterpreter."""
    try:
        interpreters = import_module(_MODULE)
    except ImportError:  # a Python without subinterpreters
        return
    if interpreters.get_current() != interpreters.get_main():
        raise ImportError(
            "eqinfo cannot be imported in a subinterpreter; use the main interpreter, a thread or "
            "a process"
        )


require_main_interpreter()

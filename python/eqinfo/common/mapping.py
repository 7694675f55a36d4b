"""Files mapped into memory that keep no descriptor open."""

from __future__ import annotations

import ctypes
import mmap
import os
import weakref
from pathlib import Path
from typing import Any

import numpy as np

_FAILED = ctypes.c_void_p(-1).value


def map_array(path: Path, dtype: np.dtype[Any], count: int) -> np.ndarray[Any, Any]:
    """Return the first items of a file as a read-only array that is mapped into memory.

    `numpy.memmap` holds a descriptor per file, and systems often allow only 1,024. (From Python
    3.13, `mmap.mmap` can do without.) The mapping ends with the last view of the array.

    Args:
        path: a file of at least ``count`` items.
        dtype: their dtype.
        count: number of items, at least 1.

    Raises:
        OSError: the file cannot be opened or mapped.
    """
    size = count * dtype.itemsize
    if ctypes.sizeof(ctypes.c_long) < 8:
        return np.memmap(path, dtype, "r", shape=(count,))
    library = ctypes.CDLL(None, use_errno=True)
    # The last one is an off_t, which is a long in systems of 64 bits.
    library.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, *[ctypes.c_int] * 3, ctypes.c_long]
    library.mmap.restype = ctypes.c_void_p
    library.munmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
    with open(path, "rb") as file:
        address = library.mmap(None, size, mmap.PROT_READ, mmap.MAP_SHARED, file.fileno(), 0)
    if address == _FAILED:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code), str(path))
    content = (ctypes.c_char * size).from_address(address)
    # Threads may still read when the process exits, which ends the mapping anyway.
    weakref.finalize(content, library.munmap, address, size).atexit = False
    return np.frombuffer(memoryview(content).toreadonly(), dtype)

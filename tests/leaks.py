"""Lets every allocation of native code fail in turn, for LeakSanitizer to look at the end.

Run by tests/test_leaks.py. With the argument "leak", memory is lost on purpose.
"""

from __future__ import annotations

import gc
import sys

from allocation_cases import CASES
from test_allocation import LIBRARY, attempt


def main() -> None:
    for case in CASES.values():
        attempt(case, 0, 0)
        before = 0
        while attempt(case, before, 1)[1] == 0:
            before += 1
    gc.collect()


if __name__ == "__main__":
    if sys.argv[1:] == ["leak"]:
        LIBRARY.eqinfo_leak()
    else:
        main()

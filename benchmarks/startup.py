"""How long a process waits for eqinfo: importing it, and the first text, beside importing NumPy.

python benchmarks/startup.py [--repeats 20]

Every repeat starts one process for each row, in turns, with warm file caches. The times are wall
clock, from the start of the process to its end; compare the least ones.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time

from common import Report, add_json_option

TEXT = "It was the best of times."
PROGRAMS = {
    "python": "pass",
    "import numpy": "import numpy",
    "import eqinfo": "import eqinfo",
    "first encode": f"import eqinfo; eqinfo.encode({TEXT!r})",
    "first round trip": f"import eqinfo; eqinfo.decode(eqinfo.encode({TEXT!r}))",
    "first windows of 32 bits": f"import eqinfo; eqinfo.encode({TEXT!r}, window_bits=32)",
}


def seconds(program: str) -> float:
    """Return how long a Python process takes to run a program."""
    begin = time.perf_counter()
    subprocess.run([sys.executable, "-c", program], check=True)
    return time.perf_counter() - begin


def main() -> None:
    """Print a table of times."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=20)
    add_json_option(parser)
    arguments = parser.parse_args()
    least = dict.fromkeys(PROGRAMS, float("inf"))
    for _ in range(arguments.repeats):
        for name, program in PROGRAMS.items():
            least[name] = min(least[name], seconds(program))
    numpy, imported = least["import numpy"], least["import eqinfo"]
    report = Report(arguments.json)
    report.table(
        "Start-up",
        ("process", "ms", "times import numpy", "ms more than import eqinfo"),
        [
            (name, round(1e3 * time), round(time / numpy, 2), round(1e3 * (time - imported)))
            for name, time in least.items()
        ],
    )
    report.save()


if __name__ == "__main__":
    main()

"""How long a process waits for eqinfo: importing it, and the first text, beside importing NumPy.

python benchmarks/startup.py [--repeats 25]

Every repeat is a new process that takes the stages one after another, with warm file caches. The
times are wall clock, the least of all repeats.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys

from common import Report, add_json_option

STAGES = {
    "import numpy": "import numpy",
    "import eqinfo, after that": "import eqinfo",
    "first encode, after that": "tokens = eqinfo.encode('It was the best of times.')",
    "first decode, after that": "eqinfo.decode(tokens)",
}
PROGRAM = f"""
import json, time
times = [time.perf_counter()]
for stage in {list(STAGES.values())!r}:
    exec(stage)
    times.append(time.perf_counter())
print(json.dumps([end - begin for begin, end in zip(times, times[1:])]))
"""


def main() -> None:
    """Print a table of times."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=25)
    add_json_option(parser)
    arguments = parser.parse_args()
    runs = [
        json.loads(subprocess.check_output([sys.executable, "-c", PROGRAM]))
        for _ in range(arguments.repeats)
    ]
    least = [min(times) for times in zip(*runs, strict=True)]
    report = Report(arguments.json)
    report.table(
        "Start-up",
        ["stage", "ms", "/ import numpy"],
        [
            [stage, f"{1e3 * seconds:.1f}", f"{seconds / least[0]:.2f}"]
            for stage, seconds in zip(STAGES, least, strict=True)
        ],
    )
    report.save()


if __name__ == "__main__":
    main()

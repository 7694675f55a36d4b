"""How long a process waits for eqinfo: importing it, and the first text, beside importing NumPy.

If transformers is installed, the same for a tokenizer.

python benchmarks/startup.py [--repeats 25]

Every repeat is a new process that takes the stages one after another, with warm file caches. The
times are wall clock, the least of all repeats.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys

from common import Report, add_json_option, peer, positive

STAGES = {
    "import numpy": "import numpy",
    "import eqinfo, after that": "import eqinfo",
    "first encode, after that": "tokens = eqinfo.encode('It was the best of times.')",
    "first decode, after that": "eqinfo.decode(tokens)",
}
TOKENIZER_STAGES = {
    "import transformers, after that": "from transformers import PreTrainedTokenizerFast",
    "import eqinfo.tokenizer, after that": "import eqinfo.tokenizer",
    "from_codebook(), after that": "tokenizer = eqinfo.tokenizer.from_codebook()",
    "its first call, after that": "tokenizer('It was the best of times.')",
    "its backend, after that": "tokenizer.backend_tokenizer",
}
PROGRAM = """
import json, sys, time
sys.path[:] = filter(None, sys.path)  # benchmarks/tokenizers.py would hide the package
times = [time.perf_counter()]
for stage in json.loads(sys.argv[1]):
    exec(stage)
    times.append(time.perf_counter())
print(json.dumps([end - begin for begin, end in zip(times, times[1:])]))
"""


def main() -> None:
    """Print a table of times."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=positive, default=25)
    add_json_option(parser)
    arguments = parser.parse_args()
    stages = {**STAGES, **(TOKENIZER_STAGES if peer("transformers") else {})}
    command = [sys.executable, "-c", PROGRAM, json.dumps(list(stages.values()))]
    runs = [json.loads(subprocess.check_output(command)) for _ in range(arguments.repeats)]
    least = [min(times) for times in zip(*runs, strict=True)]
    report = Report(arguments.json)
    report.table(
        "Start-up",
        ["stage", "ms", "/ import numpy"],
        [
            [stage, f"{1e3 * seconds:.1f}", f"{seconds / least[0]:.2f}"]
            for stage, seconds in zip(stages, least, strict=True)
        ],
    )
    report.save()


if __name__ == "__main__":
    main()

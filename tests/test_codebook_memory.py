"""The memory that encoding and decoding take in addition to their results."""

from __future__ import annotations

import subprocess
import sys

import pytest

SCRIPT = """
import sys
from eqinfo.codebook import Codebook

def resident(what):
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) << 10 for line in file if line.startswith(what))

num_threads = int(sys.argv[1])
codebook = Codebook.bundled("en-dense")
text = (" ".join(f"the number {i} and its square {i * i};" for i in range(20_000))) * 200
if sys.argv[2] == "utf-8":
    text = text.replace(";", "\\u2013")
codebook.encode(text[: len(text) // 10], num_threads=num_threads)
with open("/proc/self/clear_refs", "w") as file:
    file.write("5")  # the peak is counted from here on
before = resident("VmRSS")
ids = codebook.encode(text, num_threads=num_threads)
print(len(text), ids.nbytes, resident("VmHWM") - before)

size = len(codebook.decode_bytes(ids, num_threads=num_threads))  # the first call takes more
with open("/proc/self/clear_refs", "w") as file:
    file.write("5")
before = resident("VmRSS")
data = codebook.decode_bytes(ids, num_threads=num_threads)
print(size, len(data), resident("VmHWM") - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("num_threads", [1, 2])
@pytest.mark.parametrize("kind", ["ascii", "utf-8"])
def test_little_is_taken_beside_the_result(num_threads: int, kind: str) -> None:
    """The ids or the bytes, and a few MiB per thread, for any text."""
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(num_threads), kind],
        capture_output=True,
        text=True,
        check=True,
    )
    (size, result, peak), decoding = (map(int, line.split()) for line in done.stdout.splitlines())
    assert size > 100_000_000
    assert result > 40_000_000
    assert peak < 1.02 * result + num_threads * (24 << 20)
    size, result, peak = decoding
    assert size == result > 100_000_000
    assert 0.9 * result < peak < 1.02 * result + (4 << 20)

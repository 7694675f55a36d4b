"""What decoding takes: ``max_output`` bytes and 64 MiB, for any input and number of threads."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import eqinfo
from container_cases import CODECS, words
from eqinfo.container import reader
from eqinfo.container.block_codecs.make import make_block_codec
from eqinfo.container.pipeline import Pipeline
from eqinfo.container.settings import settings

TESTS = Path(__file__).parent
PROMISED = 64 << 20


class Watched(Pipeline[Any, Any]):
    """A pipeline that remembers the most bytes and items that were at work."""

    most_bytes = 0
    most_items = 0

    def put(self, item: Any, size: int) -> Any:
        yield from super().put(item, size)
        Watched.most_bytes = max(Watched.most_bytes, self._bytes)
        Watched.most_items = max(Watched.most_items, len(self._jobs))


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> type[Watched]:
    monkeypatch.setattr(reader, "Pipeline", Watched)
    Watched.most_bytes = Watched.most_items = 0
    return Watched


@pytest.mark.parametrize("codec", CODECS)
def test_many_threads_share_the_memory(watched: type[Watched], codec: Any) -> None:
    """Small blocks are little data, but each has tables or lanes of its own."""
    options: dict[str, Any] = {"codec": codec, "block_bytes": 20}
    if codec in ("windows", "arithmetic"):
        options["segment_bytes"] = 5
    data = words(20 * 600 if codec in ("ranged", "codebook", "stored") else 20 * 100)
    blob = eqinfo.compress(data, **options)
    header, _ = settings(None, options)
    block_codec = make_block_codec(header, _model_of(codec))
    for source in (blob, bytearray(blob)):
        assert eqinfo.decompress(source, max_output=len(data), num_threads=256) == data
    each = 20 + block_codec.working_bytes(20)
    assert watched.most_bytes <= 40 << 20
    # The end of the member is an item, too, which has no size.
    assert 2 <= watched.most_items <= (40 << 20) // each + 1


def _model_of(codec: str) -> Any:
    if codec in ("windows", "arithmetic", "mixed", "auto"):
        return eqinfo.models.load("en")
    return eqinfo.Codebook.bundled("en-dense")


# Prints how far the peak of memory rises above what was in use before, less the data.
MEASURE = """
import sys
sys.path.insert(0, {tests!r})
import struct
import numpy as np
import eqinfo
from container_cases import words
from eqinfo.errors import EqInfoError
from test_container_damage import golden, rebuilt

def field(name):
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) << 10 for line in status if line.startswith(name))

def grown(work):
    with open("/proc/self/clear_refs", "w") as file:
        file.write("5")
    before = field("VmRSS")
    work()
    return field("VmHWM") - before

def large(kind):
    data = words(2_000_000) * 50
    blob = kind(eqinfo.compress(data, codec="stored"))
    size = len(data)
    del data
    eqinfo.decompress(eqinfo.compress(b"warm", codec="stored"))
    return grown(lambda: eqinfo.decompress(blob, max_output=size)) - size

def directory(name):
    # Segments of 4 bytes: the directory takes up the whole block.
    content, data, model = golden(name)
    assert eqinfo.decompress(content, model) == data
    content = content[:14] + struct.pack("<I", 4) + content[18:]
    blob = rebuilt(content, bytes((1 << 23) - 4), 1 << 23, 1 << 23)
    def work():
        try:
            eqinfo.decompress(blob, model, max_output=1 << 23)
        except EqInfoError:
            return
        raise AssertionError("not refused")
    return grown(work) - (1 << 23)

def index():
    # A block per byte: as many blocks as a member may have.
    blob = eqinfo.compress(bytes(1 << 18), codec="stored", block_bytes=1)
    return grown(lambda: eqinfo.decompress(blob, max_output=1 << 18))

print({what})
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs /proc")
@pytest.mark.parametrize(
    "what",
    [
        "large(bytes)",
        "large(bytearray)",
        "large(memoryview)",
        "directory('arithmetic')",
        "directory('windows')",
        "index()",
    ],
)
def test_the_limit_holds(what: str) -> None:
    code = MEASURE.format(tests=str(TESTS), what=what)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=600)
    if "clear_refs" in done.stderr:
        pytest.skip("the peak cannot be reset")
    assert done.returncode == 0, done.stderr[-2000:]
    assert int(done.stdout) < PROMISED

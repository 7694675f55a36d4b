"""Measures one contestant in its own process; started by ``benchmarks/tokenizers.py``.

The argument is a request in JSON; the result is written as JSON to the file that it names.
"""

from __future__ import annotations

import ctypes
import gc
import json
import os
import sys
import time
from collections.abc import Callable, Mapping
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any, TypeVar

Request = Mapping[str, Any]
Result = dict[str, Any]
T = TypeVar("T")

DECODE_AGAIN = "decode string again"
# After this many results of one size were freed, glibc reuses their memory for the next.
RUNS_FOR_MEMORY = 3


def open_contestant(request: Request) -> Any:
    """Import the module of the row's package and open the vocabulary."""
    module = import_module(request["module"])
    return module.make(Path(request["folder"]), **request["arguments"])


def timed(run: Callable[[], T]) -> tuple[T, dict[str, float]]:
    """Return the result, and the seconds: processor time of all threads, and the wall clock."""
    wall, processor = time.perf_counter(), time.process_time()
    result = run()
    return result, {
        "processor": time.process_time() - processor,
        "wall": time.perf_counter() - wall,
    }


def memory(name: str) -> int:
    """Return a field of /proc/self/status in bytes: VmRSS is memory now, VmHWM its peak."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError(f"expected {name} in /proc/self/status, found no such line")


def reset_peak_memory() -> bool:
    """Reset VmHWM, so that what came before does not hide what the next call needs.

    Freed memory, which glibc keeps, is returned to the system first; the call could otherwise reuse
    it without being counted. Returns whether this kernel can reset VmHWM.
    """
    if trim := getattr(ctypes.CDLL(None), "malloc_trim", None):
        trim(0)
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return False
    return True


def cut(text: bytes, begin: int, size: int) -> str:
    """Return whole characters of about ``size`` bytes."""
    return text[begin : begin + size].decode("utf-8", "ignore")


def documents_of(text: str, size: int) -> list[str]:
    """Cut a text into documents of ``size`` characters."""
    return [text[begin : begin + size] for begin in range(0, len(text), size)]


def measure(request: Request) -> Result:
    """Time everything on text that this process has not seen before, and then once more."""
    contestant = open_contestant(request)
    text = Path(request["text"]).read_bytes()
    warm_text = cut(text, 0, request["warm_bytes"])
    string = cut(text, request["warm_bytes"], request["string_bytes"])
    rest = cut(text, request["warm_bytes"] + request["string_bytes"], request["string_bytes"])
    del text
    documents = documents_of(rest, request["document_characters"])
    string_bytes = len(string.encode())
    documents_bytes = len(rest.encode())
    given = contestant.prepare(string)
    given_documents = contestant.prepare_documents(documents)
    warm_documents = contestant.prepare_documents(
        documents_of(warm_text, request["document_characters"])
    )
    seconds: dict[str, dict[str, float]] = {}
    gc.disable()

    warm_ids = contestant.encode(contestant.prepare(warm_text))
    contestant.decode(contestant.decoder_input(warm_ids))
    warm_batch = contestant.encode_documents(warm_documents)
    contestant.decode_documents(contestant.documents_decoder_input(warm_batch))
    del warm_ids, warm_batch

    peak_known = reset_peak_memory()
    before = memory("VmRSS")
    ids, seconds["fresh string"] = timed(lambda: contestant.encode(given))
    peak = memory("VmHWM") - before
    tokens = contestant.tokens(ids)
    del ids
    ids, seconds["hot string"] = timed(lambda: contestant.encode(given))
    batch, seconds["fresh documents"] = timed(lambda: contestant.encode_documents(given_documents))
    del batch
    batch, seconds["hot documents"] = timed(lambda: contestant.encode_documents(given_documents))

    decoder_input = contestant.decoder_input(ids)
    documents_input = contestant.documents_decoder_input(batch)
    decoded, seconds["decode string"] = timed(lambda: contestant.decode(decoder_input))
    for _ in range(RUNS_FOR_MEMORY):
        del decoded
        decoded, seconds[DECODE_AGAIN] = timed(lambda: contestant.decode(decoder_input))
    texts, seconds["decode documents"] = timed(lambda: contestant.decode_documents(documents_input))
    return {
        "seconds": seconds,
        "bytes": {
            name: documents_bytes if "documents" in name else string_bytes for name in seconds
        },
        "tokens": tokens,
        "string_bytes": string_bytes,
        "peak_bytes": peak if peak_known else None,
        "vocabulary": contestant.vocabulary,
        "returns": contestant.returns,
        "lossless": as_text(decoded) == string
        and [*map(as_text, contestant.texts(texts))] == documents,
    }


def measure_long(request: Request) -> Result:
    """Time one string, a text repeated up to a size.

    Decoding is compared with a copy of its bytes. The memory of both is new, so each runs twice, in
    turns, and the faster one counts. Nothing is kept that can be freed.
    """
    import numpy as np

    contestant = open_contestant(request)
    text = Path(request["text"]).read_bytes().decode("utf-8", "replace")
    data = text.encode()
    repeats = max(1, round(request["string_bytes"] / len(data)))
    contestant.decode(contestant.decoder_input(contestant.encode(contestant.prepare(text))))
    given = contestant.prepare(text * repeats)
    ids, encoding = timed(partial(contestant.encode, given))
    del given
    tokens = contestant.tokens(ids)
    ids = contestant.decoder_input(ids)
    decoding, copying = [], []
    for _ in range(2):
        decoded, seconds = timed(partial(contestant.decode, ids))
        decoding.append(seconds["processor"])
        decoded = as_bytes(decoded)
        copied, seconds = timed(np.frombuffer(decoded, np.uint8).copy)
        copying.append(seconds["processor"])
        del copied
    return {
        "seconds": {
            "encode": encoding["processor"],
            "decode": min(decoding),
            "copy": min(copying),
        },
        "string_bytes": repeats * len(data),
        "characters": repeats * len(text),
        "tokens": tokens,
        "lossless": decoded == data * repeats,
    }


def as_bytes(decoded: str | bytes) -> bytes:
    return decoded.encode() if isinstance(decoded, str) else decoded


def as_text(decoded: str | bytes) -> str:
    return decoded.decode() if isinstance(decoded, bytes) else decoded


def measure_memcpy(request: Request) -> Result:
    """Time a copy of the string into memory already in use, like the last of the decodings.

    A first copy would measure page faults, of huge pages here and of small ones for bytes.
    """
    import numpy as np

    begin = request["warm_bytes"]
    string = np.fromfile(request["text"], np.uint8)[begin : begin + request["string_bytes"]]
    copied = string.copy()
    for _ in range(RUNS_FOR_MEMORY):
        del copied
        copied, seconds = timed(string.copy)
    return {"bytes": {DECODE_AGAIN: len(copied)}, "seconds": {DECODE_AGAIN: seconds}}


def count(request: Request) -> Result:
    """Return bytes per token for every file, each encoded as one string."""
    contestant = open_contestant(request)
    result = {}
    for path in request["files"]:
        text = Path(path).read_bytes().decode("utf-8", "replace")
        result[path] = len(text.encode()) / contestant.tokens(
            contestant.encode(contestant.prepare(text))
        )
    return {"bytes_per_token": result, "vocabulary": contestant.vocabulary}


def main() -> None:
    request = json.loads(sys.argv[1])
    if request["core"] is not None:
        os.sched_setaffinity(0, {request["core"]})
    task = {
        "measure": measure,
        "memcpy": measure_memcpy,
        "long": measure_long,
        "count": count,
    }[request["task"]]
    try:
        result = task(request)
    except ImportError as error:
        result = {"reason": f'{error}: pip install "eqinfo[bench]"'}
    except Exception as error:  # reported as the reason that the row is missing
        result = {"reason": f"{type(error).__name__}: {error}"}
    Path(request["result"]).write_text(json.dumps(result))


if __name__ == "__main__":
    main()

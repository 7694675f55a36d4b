"""Threads with a stack of 128 KiB, the default of musl, run all native code."""

from __future__ import annotations

import threading
from collections.abc import Callable

import numpy as np
import pytest

import eqinfo
import eqinfo._core as _core
from eqinfo.codebook import Codebook
from eqinfo.codecs import ArithmeticCodec, WindowCodec
from eqinfo.frequency import frequencies
from eqinfo.models import load
from levels import LEVELS, at_level

STACK = 128 << 10
TEXT = b"All work and no play makes Jack a dull boy. " * 10


def in_small_stack(call: Callable[[], None]) -> None:
    """Call in a thread with a small stack, where an overflow ends the process."""
    raised: list[BaseException] = []

    def guarded() -> None:
        try:
            call()
        except BaseException as error:
            raised.append(error)

    before = threading.stack_size(STACK)
    try:
        thread = threading.Thread(target=guarded)
        thread.start()
    finally:
        threading.stack_size(before)
    thread.join()
    if raised:
        raise raised[0]


def codebooks() -> None:
    codebook = Codebook.bundled("en-4k")
    codebook = Codebook.from_bytes(codebook.to_bytes())
    big = TEXT * 400
    assert codebook.decode_bytes(codebook.encode(big)) == big
    assert codebook.decode_bytes(codebook.encode(big, parse="shortest")) == big
    assert codebook.decode(codebook.encode("\u00e4" * 9)) == "\u00e4" * 9
    batch = codebook.encode_batch([TEXT, b"", TEXT])
    assert list(codebook.decode_batch(batch)) == [TEXT.decode(), "", TEXT.decode()]
    Codebook.fit(TEXT, 9)
    Codebook.fit(TEXT, 9, align="word")


def models() -> None:
    model = load("en")
    documents = [TEXT] * 40  # more than a block of contexts
    for codec in (WindowCodec(model, 32), ArithmeticCodec(model)):
        assert list(codec.decode_batch(codec.encode_batch(documents))) == [TEXT.decode()] * 40
    contexts = _core.TextContexts(2, True)
    contexts.reset(1)
    contexts.rows(np.frombuffer(TEXT * 2, np.uint8).reshape(2, -1))


def stages() -> None:
    logits = np.random.default_rng(1).normal(size=(8, 4096)).astype(np.float32)
    assert frequencies(logits, 20).sum() == 8 << 20
    assert eqinfo.decompress(eqinfo.compress(TEXT)) == TEXT


@pytest.mark.parametrize("calls", [codebooks, models, stages])
@pytest.mark.parametrize("level", LEVELS)
def test_native_code_fits_a_small_stack(level: str, calls: Callable[[], None]) -> None:
    with at_level(level):
        in_small_stack(calls)

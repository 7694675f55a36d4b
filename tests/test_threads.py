"""Eight threads make all kinds of calls on shared objects, and get what one thread gets."""

from __future__ import annotations

import importlib
import io
import re
import signal
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import eqinfo
import eqinfo._core as _core
from eqinfo.codebook import Codebook
from eqinfo.codecs import ArithmeticCodec, CodebookCodec, WindowCodec
from eqinfo.frequency import frequencies
from eqinfo.models import NativeModel
from eqinfo.range_coder import RangeEncoder
from native_cases import random_native_model

THREADS = 8
ROUNDS = 3
TEXT = b"All work and no play makes Jack a dull boy. " * 20
LINE = b"one line of a thread\n"
COUNTS = np.full(256, 1 << 8, np.uint32)
SYMBOLS = np.frombuffer(TEXT, np.uint8).astype(np.int32)

Call = Callable[[], Any]


@pytest.fixture(autouse=True)
def eager_switching() -> Iterator[None]:
    """Let threads interrupt one another as often as possible."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(before)


def lazy_codebook() -> _core.Codebook:
    """Return a codebook whose trie is built when it is first needed, by several threads at once."""
    shared = Codebook.bundled("en-4k")
    return _core.Codebook(shared._depth, shared._symbol, shared._end, True)


def shared_calls() -> dict[str, Call]:
    """Return calls on objects that all of them share; each gives equal results at any time."""
    codebook = Codebook.bundled("en-4k")
    ids = codebook.encode(TEXT)
    lazy = lazy_codebook()
    model: NativeModel = random_native_model()
    codec = WindowCodec(model, 32)
    tokens = codec.encode(TEXT[:60])
    stream = ArithmeticCodec(model)
    column = eqinfo.StringColumn(TEXT.split(), codebook)
    logits = np.random.default_rng(1).normal(size=(64, 256)).astype(np.float32)
    lanes = RangeEncoder(1, 16)
    file = eqinfo.open(io.BytesIO(eqinfo.compress(TEXT, codec="ranged", block_bytes=100)))
    codec_of_ids = CodebookCodec(codebook)

    def coder() -> None:
        # Another thread's call may come between these, so there is no result to compare.
        lanes.extend_static(COUNTS, SYMBOLS)
        lanes.finish()

    def read_again() -> bool:
        file.seek(0)
        return file.read(50) in TEXT * 2

    return {
        "Codebook.encode": lambda: codebook.encode(TEXT, num_threads=2).tolist(),
        "Codebook.encode, lazy": lambda: lazy.encode(TEXT, True, 1).tolist(),
        "Codebook.decode": lambda: codebook.decode(ids),
        "CodebookCodec": lambda: codec_of_ids.encode_batch([TEXT, b"a"]).tokens.tolist(),
        "WindowCodec.encode": lambda: codec.encode(TEXT[:60]).tolist(),
        "WindowCodec.decode": lambda: codec.decode(tokens),
        "ArithmeticCodec": lambda: stream.decode(stream.encode(TEXT[:60])),
        "StringColumn ==": lambda: (column == "work").tolist(),
        "StringColumn.take": lambda: column.take([5, 0, 9]),
        "frequencies": lambda: frequencies(logits, 16).tolist(),
        "RangeEncoder": coder,
        "open for reading": read_again,
        "compress": lambda: eqinfo.decompress(eqinfo.compress(TEXT, codec="ranged")),
        "Codebook.fit": lambda: Codebook.fit(TEXT, 9).to_bytes(),
    }


def in_threads(work: Callable[[int], None]) -> None:
    """Call ``work(number)`` in threads that begin together; raise the first error."""
    errors: list[BaseException] = []
    together = threading.Barrier(THREADS)

    def run(number: int) -> None:
        together.wait(60)
        try:
            work(number)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]


def expect_equal_results(calls: dict[str, Call]) -> None:
    expected = {name: call() for name, call in calls.items()}
    names = list(calls)

    def work(number: int) -> None:
        for i in range(ROUNDS * len(names)):
            name = names[(number + i) % len(names)]
            assert calls[name]() == expected[name], name

    in_threads(work)


def test_calls_on_shared_objects_by_threads() -> None:
    expect_equal_results(shared_calls())


def test_writes_to_a_shared_file_by_threads_that_make_other_calls() -> None:
    out = io.BytesIO()
    codebook = Codebook.bundled("en-4k")
    with eqinfo.open(out, "wb", codec="ranged", block_bytes=200, num_threads=2) as file:

        def work(number: int) -> None:
            for _ in range(40):
                file.write(b"%d " % number + LINE)
                assert codebook.decode_bytes(codebook.encode(TEXT)) == TEXT

        in_threads(work)
    found = Counter(eqinfo.decompress(out.getvalue()).splitlines(keepends=True))
    assert found == {b"%d " % number + LINE: 40 for number in range(THREADS)}


def test_calls_on_a_shared_tokenizer_by_threads() -> None:
    pytest.importorskip("transformers")
    from eqinfo.tokenizer import from_codebook

    tokenizer = from_codebook("en-4k")
    text = TEXT.decode()
    ids = tokenizer(text).input_ids
    expect_equal_results(
        {
            "call": lambda: tokenizer(text).input_ids,
            "batch": lambda: tokenizer([text[:30], text], padding=True).input_ids,
            "words": lambda: tokenizer(text).word_ids(),
            "decode": lambda: tokenizer.decode(ids),
        }
    )


def test_a_coder_takes_one_call_at_a_time() -> None:
    """Its symbols are those of all calls, each call's together."""
    coder = RangeEncoder(1, 16)
    in_threads(lambda number: coder.extend_static(COUNTS, np.full(1000, number, np.int32)))
    stream, _ = coder.finish()
    decoder = eqinfo.range_coder.RangeDecoder(1, 16)
    decoder.start(stream)
    found = decoder.extend_static(COUNTS, 1000 * THREADS).reshape(THREADS, 1000)
    assert sorted(found[:, 0].tolist()) == list(range(THREADS))
    assert (found == found[:, :1]).all()


def test_contexts_of_a_model_take_one_call_at_a_time() -> None:
    model = random_native_model()
    contexts = model.start(THREADS)
    symbols = np.zeros(1, np.int32)
    expected = contexts.predict(np.arange(THREADS), np.zeros(THREADS, np.int32), 16)[:1]
    contexts = model.start(THREADS)
    found = {}

    def predict(number: int) -> None:
        found[number] = contexts.predict(np.array([number]), symbols, 16)

    in_threads(predict)
    assert all(np.array_equal(each, expected) for each in found.values())


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs setitimer")
def test_a_call_within_a_call_of_the_same_coder_is_refused() -> None:
    """A handler may interrupt a call that waits for other threads, or runs long."""
    coder = RangeEncoder(1, 24)
    raised: list[BaseException] = []

    def handler(*_: Any) -> None:
        try:
            coder.put_bits(1, 1)
        except RuntimeError as error:
            raised.append(error)
            raise

    ids = np.zeros(1 << 24, np.int32)
    counts = np.full(256, 1 << 16, np.uint32)
    before = signal.signal(signal.SIGALRM, handler)
    try:
        while not raised:
            signal.setitimer(signal.ITIMER_REAL, 0.01)
            try:
                coder.extend_static(counts, ids)
            except RuntimeError:
                break
            finally:
                signal.setitimer(signal.ITIMER_REAL, 0)
            ids = np.tile(ids, 2)
    finally:
        signal.signal(signal.SIGALRM, before)
    assert "call within another call" in str(raised[0])
    with pytest.raises(RuntimeError, match="half coded"):
        coder.put_bits(1, 1)
    with pytest.raises(RuntimeError, match="half coded"):
        coder.finish()
    coder.put_bits(1, 1)
    assert coder.finish() == (b"\x80", 1)


PACKAGES = ("eqinfo", "codebook", "codecs", "models", "range_coder", "shards", "string_column")
EXTRAS = ("experiment", "tokenizer", "train", "window")


def public_classes() -> set[str]:
    """Return the names of all public classes that this environment can import, but exceptions."""
    found = set()
    for package in PACKAGES + EXTRAS:
        name = package if package == "eqinfo" else f"eqinfo.{package}"
        try:
            module = importlib.import_module(name)
        except (ImportError, eqinfo.errors.UnsupportedError):
            if package in PACKAGES:
                raise
            continue
        for each in getattr(module, "__all__", dir(module)):
            value = getattr(module, each)
            ours = isinstance(value, type) and value.__module__.startswith("eqinfo")
            if ours and not issubclass(value, Exception):
                found.add(each)
    return {each for each in found if not each.startswith("_")}


def test_the_documentation_says_of_every_class_what_may_be_shared() -> None:
    text = (Path(__file__).parent.parent / "docs" / "threads.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`(\w+)`", "".join(re.findall(r"^\|.*?\|", text, re.MULTILINE))))
    assert public_classes() <= named

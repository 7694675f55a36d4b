"""The engine behind `WindowCodec`: windows that begin alike share the model's answers.

If the model is reset at every window, the codewords that a prefix owns follow from the prefix
alone, and so does the prediction after it. The engine keeps both in a trie of prefixes, the memo
(``csrc/cpu/window/memo.h``). It asks the model only where a window leaves the trie, for all
documents or windows at once. `eqinfo.window.lanes` codes the same tokens without a memo.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

import eqinfo._core as _core
from eqinfo.common.forks import ShortLock
from eqinfo.common.lane_loop import lane_count
from eqinfo.common.progress import Progress
from eqinfo.common.symbols import Symbols
from eqinfo.frequency import prediction_rows
from eqinfo.models.checked_calls import calling_model
from eqinfo.models.lanes import native_form
from eqinfo.models.protocol import ContextModel, Model
from eqinfo.window.encoded import EncodedWindows
from eqinfo.window.parameters import Codewords, WindowParameters

DEFAULT_MEMORY = 512 << 20

# Batches that native code runs before Python handles signals and calls `progress`.
_ROUNDS = 64
# The most prefixes that are prepared in one call of the model.
_PREPARING_LANES = 1 << 20

_Run = TypeVar("_Run", bound=_core.WindowRun)


@dataclass(frozen=True)
class EngineStatistics:
    """What the engine has done since it was made.

    Attributes:
        symbols: symbols encoded or decoded.
        calls: predictions that the model was asked for, one for each context.
        batches: calls of the model, each for one or more contexts.
        model_seconds: time spent in the model, in seconds.
        prepared: predictions among ``calls`` that `WindowCodec.prepare` asked for.
        prefixes: prefixes in memory now.
        memory_bytes: memory that they take.
        times_full: how often memory was full, so that the least probable prefixes were dropped.
    """

    symbols: int = 0
    calls: int = 0
    batches: int = 0
    model_seconds: float = 0.0
    prepared: int = 0
    prefixes: int = 0
    memory_bytes: int = 0
    times_full: int = 0


class WindowEngine:
    """A `WindowCoder` for bijective windows with the model reset at each.

    Threads may share it: calls that overlap use a memo each, of up to ``memory`` bytes each.

    Args:
        model: a native model, or a `ContextModel`.
        parameters: of bijective windows, with ``reset_every`` of 1.
        lanes: the most documents or windows that are coded at once.
        memory: the most bytes that a memo takes.
        idle_memory: see `WindowCodec`.
        progress: see `WindowCodec`.
    """

    def __init__(
        self,
        model: Model,
        parameters: WindowParameters,
        lanes: int,
        memory: int,
        idle_memory: int | None = None,
        progress: Progress | None = None,
    ) -> None:
        if memory < 0:
            raise ValueError(f"expected memory of 0 bytes or more, found {memory}")
        if idle_memory is not None and idle_memory < 0:
            raise ValueError(f"expected idle_memory of 0 bytes or more, found {idle_memory}")
        self._arguments = (model, parameters, lanes, memory, idle_memory, progress)
        self._native = native_form(model)
        self._idle: list[_core.WindowMemo] = []
        self._lock = ShortLock()
        self._statistics = EngineStatistics()

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle without the memos."""
        return WindowEngine, self._arguments

    def with_empty_memo(self) -> WindowEngine:
        """Return another engine like this one, which has asked the model nothing yet."""
        return WindowEngine(*self._arguments)

    @staticmethod
    def supports(model: Model, parameters: WindowParameters) -> bool:
        """Return whether the engine can code such windows with this model."""
        return (
            parameters.variant == "bijective"
            and parameters.reset_every == 1
            and (native_form(model) is not None or isinstance(model, ContextModel))
        )

    @property
    def statistics(self) -> EngineStatistics:
        """What all threads together have done so far."""
        with self._lock:
            idle = list(self._idle)
            return replace(
                self._statistics,
                prefixes=sum(memo.nodes for memo in idle),
                memory_bytes=sum(memo.bytes for memo in idle),
                times_full=sum(memo.times_full for memo in idle),
            )

    def encode(self, documents: Sequence[Symbols]) -> list[Codewords]:
        """Encode documents in parallel; an empty one has no windows.

        Raises:
            ModelError: the model's predictions cannot be used.
            ValueError: a symbol outside the alphabet.
        """
        words, _, bounds = self._encode(documents)
        codewords = np.ascontiguousarray(words[:, :2])
        return [
            codewords[begin:end]
            for begin, end in zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True)
        ]

    def windows(self, document: Symbols) -> EncodedWindows:
        """Encode one document; return all that is known of its windows. Raises as `encode`."""
        words, ends, _ = self._encode([document])
        # How many more codewords the window's text owns.
        high, low = words[:, 2:].astype(np.float64).T
        return EncodedWindows(
            np.ascontiguousarray(words[:, :2]),
            ends,
            np.asarray(np.log2(high * 2.0**64 + low + 1.0)),
            np.zeros(len(ends), np.int64),
            np.zeros(len(ends), np.bool_),
        )

    def _encode(
        self, documents: Sequence[Symbols]
    ) -> tuple[NDArray[np.uint64], NDArray[np.int64], NDArray[np.int64]]:
        """Return the windows' words and ends, and the bounds of each document among them."""
        offsets = np.zeros(len(documents) + 1, np.int64)
        np.cumsum([len(document) for document in documents], out=offsets[1:])
        symbols = np.concatenate([np.empty(0, np.int32), *documents])
        lanes = self._lanes(len(documents))
        run = self._run(
            lambda memo: _core.WindowEncoding(memo, self._native, lanes, symbols, offsets),
            len(symbols),
        )
        return run.windows()

    def decode(self, documents: Sequence[Codewords]) -> list[Symbols]:
        """Decode all windows of all documents in parallel; the reverse of `encode`."""
        codewords = np.concatenate([np.empty((0, 2), np.uint64), *documents])
        lanes = self._lanes(len(codewords))
        run = self._run(lambda memo: _core.WindowDecoding(memo, self._native, lanes, codewords))
        symbols, ends = run.decoded()
        windows = np.cumsum([len(document) for document in documents], dtype=np.int64)
        cuts = np.concatenate([np.zeros(1, np.int64), ends])[windows]
        return np.split(symbols, cuts[:-1]) if documents else []

    def prepare(self, least_bits: int) -> None:
        """See `WindowCodec.prepare`."""
        lanes = self._lanes(_PREPARING_LANES)
        run = self._run(lambda memo: _core.WindowPreparing(memo, self._native, lanes, least_bits))
        with self._lock:
            prepared = self._statistics.prepared + run.calls
            self._statistics = replace(self._statistics, prepared=prepared)

    def _lanes(self, items: int) -> int:
        return lane_count(self._arguments[2], items)

    def _run(self, begin: Callable[[_core.WindowMemo], _Run], total: int | None = None) -> _Run:
        """Run to the end what ``begin`` starts; it codes ``total`` symbols, if that is known."""
        memo = self._take_memo()
        try:
            run = begin(memo)
            seconds = self._drive(run, total)
        finally:
            # An error leaves the memo valid.
            self._put_back(memo)
        with self._lock:
            done = self._statistics
            self._statistics = replace(
                done,
                symbols=done.symbols + run.symbols,
                calls=done.calls + run.calls,
                batches=done.batches + run.batches,
                model_seconds=done.model_seconds + seconds,
            )
        return run

    def _take_memo(self) -> _core.WindowMemo:
        with self._lock:
            if self._idle:
                return self._idle.pop()
        model, parameters, _, memory, *_ = self._arguments
        return _core.WindowMemo(
            parameters.window_bits,
            parameters.precision,
            model.vocab_size,
            self._native,
            memory,
        )

    def _put_back(self, memo: _core.WindowMemo) -> None:
        """Keep a memo for the next call, unless idle memos would take too much memory."""
        limit = self._arguments[4]
        with self._lock:
            if limit is None or sum(m.bytes for m in self._idle) + memo.bytes <= limit:
                self._idle.append(memo)

    def _drive(self, run: _core.WindowRun, total: int | None) -> float:
        """Run to the end; return the seconds that the model took."""
        model, *_, progress = self._arguments
        seconds = 0.0
        reported = 0
        done = False
        while not done:
            if self._native is not None:
                done = run.proceed(_ROUNDS)
            elif isinstance(model, ContextModel):
                wanted = run.advance()
                done = wanted == 0
                if not done:
                    contexts, lengths = run.prefixes(model.context_length)
                    begin = time.perf_counter()
                    with calling_model():
                        answer = model.logits_at(contexts, lengths)
                    seconds += time.perf_counter() - begin
                    run.answer(prediction_rows(answer, wanted, model.vocab_size))
            if progress is not None and run.symbols > reported:
                reported = run.symbols
                progress(reported, total)
        return seconds + run.model_seconds

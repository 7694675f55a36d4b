"""The engine behind `WindowCodec`: windows that all begin alike share what the model answered.

With the model reset at every window, the codewords that a prefix owns follow from the prefix alone,
and so does the prediction behind it. The engine keeps both, in a trie of prefixes
(``csrc/cpu/window/memo.h``), and asks the model only where a window leaves the trie, for all
documents or windows at once. `eqinfo.window.lanes` codes the same tokens without a memo.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

import eqinfo._core as _core
from eqinfo.common.symbols import Symbols
from eqinfo.frequency import prediction_rows
from eqinfo.models.checked_calls import calling_model
from eqinfo.models.lanes import native_predictor
from eqinfo.models.protocol import ContextModel, Model
from eqinfo.window.parameters import Codewords, WindowParameters

DEFAULT_MEMORY = 512 << 20
Progress = Callable[[int], None]

# Batches that a native model predicts between two looks at Python's signals and `progress`.
_ROUNDS = 64

_Run = TypeVar("_Run", bound=_core.WindowRun)


@dataclass(frozen=True)
class EncodedWindows:
    """The windows of one document.

    Attributes:
        words: uint64, shape (n, 4): the codeword of each window, and how many more codewords its
            text owns, as two words each.
        ends: int64, shape (n,): where in the document it ends, in symbols.
    """

    words: NDArray[np.uint64]
    ends: NDArray[np.int64]

    @property
    def codewords(self) -> Codewords:
        """uint64, shape (n, 2)."""
        return np.ascontiguousarray(self.words[:, :2])

    @property
    def spare_bits(self) -> NDArray[np.float64]:
        """The bits of information that each window still had room for, shape (n,)."""
        high, low = self.words[:, 2:].astype(np.float64).T
        return np.asarray(np.log2(high * 2.0**64 + low + 1.0))


@dataclass(frozen=True)
class EngineStatistics:
    """What the engine has done since it was made.

    Attributes:
        symbols: symbols encoded or decoded.
        calls: predictions that the model was asked for, one a context.
        batches: how often it was asked.
        model_seconds: what the model took for them, in seconds.
        prepared: those of the calls that `WindowCodec.prepare` made.
        prefixes: prefixes in memory now.
        memory_bytes: what they take.
        times_full: how often there was no room for more, and the least probable were forgotten.
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
    """Codes bijective windows, the model reset at each; made by `WindowCodec`.

    Threads may share it: calls that overlap have a memo each, up to ``memory`` bytes each.

    Args:
        model: native, or with `ContextModel.logits_at`.
        parameters: of bijective windows with ``reset_every`` of 1.
        lanes: documents or windows side by side.
        memory: bytes for the memo.
        progress: see `WindowCodec`.
    """

    def __init__(
        self,
        model: Model,
        parameters: WindowParameters,
        lanes: int,
        memory: int,
        progress: Progress | None,
    ) -> None:
        if memory < 0:
            raise ValueError(f"expected memory of 0 bytes or more, found {memory}")
        self._arguments = (model, parameters, lanes, memory, progress)
        self._predictor = native_predictor(model)
        self._idle: list[_core.WindowMemo] = []
        self._lock = threading.Lock()
        self._statistics = EngineStatistics()

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle without what has been learnt."""
        return WindowEngine, self._arguments

    def forgetting(self) -> WindowEngine:
        """Return another one that has learnt nothing yet."""
        return WindowEngine(*self._arguments)

    @staticmethod
    def serves(model: Model, parameters: WindowParameters) -> bool:
        """Return whether such windows of this model can be coded."""
        return (
            parameters.variant == "bijective"
            and parameters.reset_every == 1
            and (native_predictor(model) is not None or isinstance(model, ContextModel))
        )

    @property
    def statistics(self) -> EngineStatistics:
        """What has been done so far, by all threads."""
        with self._lock:
            idle = list(self._idle)
            return replace(
                self._statistics,
                prefixes=sum(memo.nodes for memo in idle),
                memory_bytes=sum(memo.bytes for memo in idle),
                times_full=sum(memo.times_full for memo in idle),
            )

    def encode(self, documents: Sequence[Symbols]) -> list[EncodedWindows]:
        """Encode documents side by side; an empty one has no windows.

        Raises:
            ModelError: the model's predictions cannot be used.
            ValueError: a symbol outside the alphabet.
        """
        offsets = np.zeros(len(documents) + 1, np.int64)
        np.cumsum([len(document) for document in documents], out=offsets[1:])
        symbols = np.concatenate([np.empty(0, np.int32), *documents])
        lanes = self._lanes(len(documents))
        run = self._run(
            lambda memo: _core.WindowEncoding(memo, self._predictor, lanes, symbols, offsets)
        )
        words, ends, bounds = run.windows()
        return [
            EncodedWindows(words[begin:end], ends[begin:end])
            for begin, end in zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True)
        ]

    def decode(self, documents: Sequence[Codewords]) -> list[Symbols]:
        """Decode all windows of all documents side by side; the reverse of `encode`."""
        codewords = np.concatenate([np.empty((0, 2), np.uint64), *documents])
        lanes = self._lanes(len(codewords))
        run = self._run(lambda memo: _core.WindowDecoding(memo, self._predictor, lanes, codewords))
        symbols, ends = run.decoded()
        windows = np.cumsum([len(document) for document in documents], dtype=np.int64)
        cuts = np.concatenate([np.zeros(1, np.int64), ends])[windows]
        return np.split(symbols, cuts[:-1]) if documents else []

    def prepare(self, least_bits: int) -> None:
        """See `WindowCodec.prepare`."""
        lanes = self._lanes(1 << 20)
        run = self._run(
            lambda memo: _core.WindowPreparing(memo, self._predictor, lanes, least_bits)
        )
        with self._lock:
            prepared = self._statistics.prepared + run.calls
            self._statistics = replace(self._statistics, prepared=prepared)

    def _lanes(self, items: int) -> int:
        return max(1, min(self._arguments[2], items))

    def _run(self, begin: Callable[[_core.WindowMemo], _Run]) -> _Run:
        model, parameters, _, memory, _ = self._arguments
        with self._lock:
            memo = self._idle.pop() if self._idle else None
        if memo is None:
            memo = _core.WindowMemo(
                parameters.window_bits,
                parameters.precision,
                model.vocab_size,
                self._predictor,
                memory,
            )
        try:
            run = begin(memo)
            seconds = self._drive(run)
        finally:
            # A fault leaves the memo as good as it was.
            with self._lock:
                self._idle.append(memo)
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

    def _drive(self, run: _core.WindowRun) -> float:
        """Run to the end; return the seconds that the model took."""
        model, _, _, _, progress = self._arguments
        seconds = 0.0
        reported = 0
        done = False
        while not done:
            if self._predictor is not None:
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
                progress(run.symbols - reported)
                reported = run.symbols
        return seconds + run.model_seconds

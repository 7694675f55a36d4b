"""Padded and delayed windows on lanes: the paper's window codes made lossless, for research.

The paper's encoder closes a window when the next symbol does not fit and pads its bits with zeros;
its decoder (D.5) takes the longest text that still has those bits. Following the codeword, that is
the text up to the first prefix none of whose next symbols has the codeword. The encoder checks
just that ("settled") and else gives symbols back to the next window until it holds. Where no
shorter text is settled either, some prefix has a codeword that straddles two next symbols (a gap),
which a decoder that follows it reads as that prefix. Only the end of a document may leave neither,
so after its last window comes one more codeword: how many symbols to drop. docs/pipeline.md has
the proofs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eqinfo.common.symbols import Symbols
from eqinfo.errors import FormatError
from eqinfo.models.lanes import ModelLanes
from eqinfo.models.protocol import Model
from eqinfo.window.lanes import ClosedWindow, decode_windows
from eqinfo.window.parameters import Codewords, WindowParameters
from eqinfo.window.steps import (
    ENDED,
    WindowDecoder,
    WindowEncoder,
    codeword_ints,
    int_codewords,
    max_padded_symbols,
    padded_gap,
)


@dataclass
class _Lane:
    """A document being encoded; lists are indexed by the length of a prefix of its window."""

    document: int
    text: Symbols
    begin: int = 0
    length: int = 0
    rows: list[NDArray[Any]] = field(default_factory=list)
    codewords: list[int] = field(default_factory=list)
    settled: list[bool] = field(default_factory=list)
    words: list[NDArray[np.uint64]] = field(default_factory=list)
    spare_bits: list[float] = field(default_factory=list)
    windows: int = 0

    @property
    def at_end(self) -> bool:
        return self.begin + self.length == len(self.text)

    def symbol(self) -> int:
        """The symbol to code next; any one at the end, where only `settled` is asked for."""
        return 0 if self.at_end else int(self.text[self.begin + self.length])


class _PaddedEncoding:
    def __init__(
        self, model: Model, parameters: WindowParameters, lanes: int, checked: bool
    ) -> None:
        self.contexts = ModelLanes(model, lanes, parameters.precision)
        self.encoder = WindowEncoder(parameters.window_bits, parameters.precision, lanes, "padded")
        self.parameters = parameters
        self.checked = checked
        self.delay = parameters.variant == "delay"
        self.max_symbols = max_padded_symbols(parameters.window_bits)

    def step(self, lanes: dict[int, _Lane], closed: dict[int, list[ClosedWindow]]) -> list[int]:
        """One prediction on every lane; returns the lanes whose documents are done."""
        self._predict(lanes)
        indices = np.array(sorted(lanes), np.int64)
        states = [lanes[int(i)] for i in indices]
        before = self.encoder.words.copy()
        codewords = codeword_ints(self.encoder.codewords(indices))
        spare = self.encoder.spare_bits(indices)
        rows = np.stack([state.rows[state.length] for state in states])
        symbols = np.array([state.symbol() for state in states], np.int32)
        fits, settled = self.encoder.step_settled(rows, symbols, indices)
        done = []
        for i, state in enumerate(states):
            lane = int(indices[i])
            full = not self.delay and state.length == self.max_symbols
            state.codewords.append(codewords[i])
            state.settled.append(bool(settled[i]) or full)
            state.words.append(before[lane])
            state.spare_bits.append(float(spare[i]))
            if fits[i] and not state.at_end and not full:
                self.contexts.previous[lane] = symbols[i]
                state.length += 1
                continue
            if self._close(lane, state, closed[state.document]):
                done.append(lane)
        return done

    def _predict(self, lanes: dict[int, _Lane]) -> None:
        """Get the missing rows; a lane whose window was shortened may have its row already."""
        wanting = np.array(
            sorted(i for i, state in lanes.items() if state.length == len(state.rows)), np.int64
        )
        if len(wanting):
            for lane, row in zip(wanting, self.contexts.predict(wanting), strict=True):
                lanes[int(lane)].rows.append(row)

    def _close(self, lane: int, state: _Lane, closed: list[ClosedWindow]) -> bool:
        at_end = state.at_end
        codeword, length, drop = self._choose(lane, state)
        misread = not self.delay and not at_end and not state.settled[state.length]
        end = state.begin + length
        shortened = state.length - length
        closed.append(
            ClosedWindow(
                int_codewords([codeword])[0], end, state.spare_bits[length], shortened, misread
            )
        )
        self.encoder.clear(np.array([lane], np.int64))
        state.windows += 1
        if self.parameters.reset_due(np.array([state.windows]))[0]:
            state.windows = 0
            state.rows = []
            self.contexts.reset(np.array([lane], np.int64))
        else:
            state.rows = state.rows[length:]
        state.begin, state.length = end, 0
        state.codewords, state.settled, state.words, state.spare_bits = [], [], [], []
        if end < len(state.text):
            return False
        if self.checked and not self.delay:
            closed.append(ClosedWindow(int_codewords([drop])[0], end, 0.0))
        return True

    def _choose(self, lane: int, state: _Lane) -> tuple[int, int, int]:
        """Return the codeword, the length of its text, and how many symbols to drop after it."""
        if self.delay:
            codeword = state.codewords[state.length]
            return codeword, state.codewords.index(codeword, 1), 0
        if not self.checked:
            return state.codewords[state.length], state.length, 0
        for length in range(state.length, 0, -1):
            if state.settled[length]:
                return state.codewords[length], length, 0
        for length in range(state.length, 0, -1):
            gap = padded_gap(state.words[length], state.rows[length], self.parameters.precision)
            if gap is not None:
                return gap, length, 0
        codeword = state.codewords[state.length]
        return codeword, state.length, self._overhang(lane, state, codeword)

    def _overhang(self, lane: int, state: _Lane, codeword: int) -> int:
        """Symbols that a decoder reads after the end of the text; uses up the lane's context."""
        decoder = WindowDecoder(self.parameters.window_bits, self.parameters.precision, 1, "padded")
        decoder.start(int_codewords([codeword]))
        decoder.words[0] = state.words[state.length]
        lanes = np.array([lane], np.int64)
        row = state.rows[state.length][None]
        count = 0
        while state.length + count < self.max_symbols:
            symbol = int(decoder.step(row)[0])
            if symbol == ENDED:
                break
            count += 1
            self.contexts.previous[lane] = symbol
            row = self.contexts.predict(lanes)
        return count


def encode_padded(
    model: Model,
    documents: Sequence[Symbols],
    parameters: WindowParameters,
    lanes: int,
    *,
    checked: bool = True,
) -> list[list[ClosedWindow]]:
    """Encode documents side by side; an empty document has no windows.

    Args:
        model: the model (M1).
        documents: what to encode.
        parameters: of padded or delayed windows.
        lanes: documents coded side by side.
        checked: see to it that padded windows decode. Without it they are those of the paper's
            encoder, for measurements: the ones marked ``misread`` do not decode, and no codeword
            follows the last.
    """
    closed: dict[int, list[ClosedWindow]] = {i: [] for i in range(len(documents))}
    queue = iter([i for i, document in enumerate(documents) if len(document)])
    lanes = max(1, min(lanes, len(documents)))
    coding = _PaddedEncoding(model, parameters, lanes, checked)
    active: dict[int, _Lane] = {}
    idle = list(range(lanes))
    while True:
        for lane, index in zip(idle, queue, strict=False):
            active[lane] = _Lane(index, documents[index])
        if not active:
            return [closed[i] for i in range(len(documents))]
        idle = coding.step(active, closed)
        coding.contexts.reset(np.array(idle, np.int64))
        for lane in idle:
            del active[lane]


def decode_padded(
    model: Model, documents: Sequence[Codewords], parameters: WindowParameters, lanes: int
) -> list[Symbols]:
    """Decode documents of padded windows.

    Raises:
        FormatError: the last window wants more symbols dropped than there are.
    """
    drops = [codeword_ints(document[-1:])[0] if len(document) else 0 for document in documents]
    texts = decode_windows(model, [document[:-1] for document in documents], parameters, lanes)
    for text, drop in zip(texts, drops, strict=True):
        if drop > len(text):
            raise FormatError(f"expected at most {len(text)} symbols to drop, found {drop}")
    return [text[: len(text) - drop] for text, drop in zip(texts, drops, strict=True)]

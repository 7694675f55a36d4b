"""Padded and delayed windows on lanes: the paper's window codes made lossless, for research.

The paper's encoder closes a window when the next symbol does not fit, and pads its bits with zeros.
Its decoder (D.5) takes the longest text that still has those bits: it follows the codeword up to
the first prefix none of whose next symbols has the codeword. That may be longer than the text that
was encoded. So the encoder checks that the decoder would end the window where it did (the window is
then called settled); if not, it gives symbols back to the next window until that holds. If no
shorter text is settled either, the codeword of some prefix may lie between those of two next
symbols (a gap), and a decoder that follows this codeword ends at that prefix. Only the end of a
document may offer neither. That is why one more codeword follows a document's last window: the
number of symbols to drop. docs/pipeline.md has the proofs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eqinfo.common.lane_loop import LaneIndices, lane_count, run_lanes
from eqinfo.common.symbols import Symbols
from eqinfo.errors import FormatError
from eqinfo.models.lanes import ModelLanes
from eqinfo.models.protocol import Model
from eqinfo.window.encoded import EncodedWindows, WindowCollector
from eqinfo.window.lanes import decode_windows
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
class _OpenWindow:
    """A document being encoded on a lane.

    The lists describe the open window, and are indexed by the length of a prefix of it.
    """

    document: int
    text: Symbols
    begin: int = 0
    length: int = 0
    rows: list[NDArray[Any]] = field(default_factory=list)
    codewords: list[int] = field(default_factory=list)
    settled: list[bool] = field(default_factory=list)
    words: list[NDArray[np.uint64]] = field(default_factory=list)
    spare_bits: list[float] = field(default_factory=list)
    # Since the model was last reset.
    windows: int = 0

    @property
    def at_end(self) -> bool:
        return self.begin + self.length == len(self.text)

    def symbol(self) -> int:
        """The symbol to code next; any one at the end, where only `settled` is asked for."""
        return 0 if self.at_end else int(self.text[self.begin + self.length])


class _PaddedEncoding:
    """A `LaneTask`: documents being encoded.

    Attributes:
        closed: the windows of each document.
    """

    def __init__(
        self,
        model: Model,
        documents: Sequence[Symbols],
        parameters: WindowParameters,
        lanes: int,
        checked: bool,
    ) -> None:
        self.closed = [WindowCollector() for _ in documents]
        self._documents = documents
        self._contexts = ModelLanes(model, lanes, parameters.precision)
        self._encoder = WindowEncoder(parameters.window_bits, parameters.precision, lanes, "padded")
        self._parameters = parameters
        self._checked = checked
        self._delay = parameters.variant == "delay"
        self._max_symbols = max_padded_symbols(parameters.window_bits)
        self._open: dict[int, _OpenWindow] = {}

    def begin(self, lane: int, item: int) -> bool:
        self._open[lane] = _OpenWindow(item, self._documents[item])
        return len(self._documents[item]) > 0

    def step(self, lanes: LaneIndices) -> list[int]:
        """Take one prediction on every lane."""
        states = [self._open[lane] for lane in lanes.tolist()]
        self._predict(lanes, states)
        before = self._encoder.words.copy()
        codewords = codeword_ints(self._encoder.codewords(lanes))
        spare_bits = self._encoder.spare_bits(lanes)
        rows = np.stack([state.rows[state.length] for state in states])
        symbols = np.array([state.symbol() for state in states], np.int32)
        fits, settled = self._encoder.step_settled(rows, symbols, lanes)
        finished = []
        for i, (lane, state) in enumerate(zip(lanes.tolist(), states, strict=True)):
            full = not self._delay and state.length == self._max_symbols
            state.codewords.append(codewords[i])
            state.settled.append(bool(settled[i]) or full)
            state.words.append(before[lane])
            state.spare_bits.append(float(spare_bits[i]))
            if fits[i] and not state.at_end and not full:
                self._contexts.previous[lane] = symbols[i]
                state.length += 1
                continue
            if self._close(lane, state):
                finished.append(lane)
        self._contexts.reset(np.array(finished, np.int64))
        return finished

    def _predict(self, lanes: LaneIndices, states: Sequence[_OpenWindow]) -> None:
        """Get the missing rows; a lane whose window was shortened may have its row already."""
        missing = [i for i, state in enumerate(states) if state.length == len(state.rows)]
        if missing:
            rows = self._contexts.predict(lanes[missing])
            for i, row in zip(missing, rows, strict=True):
                states[i].rows.append(row)

    def _close(self, lane: int, state: _OpenWindow) -> bool:
        """Close the window of a lane; return whether it was the document's last."""
        codeword, length, drop = self._choose(lane, state)
        end = state.begin + length
        windows = self.closed[state.document]
        windows.add(
            int_codewords([codeword])[0],
            end,
            state.spare_bits[length],
            shortened=state.length - length,
            misread=not self._delay and not state.at_end and not state.settled[state.length],
        )
        self._encoder.clear(np.array([lane], np.int64))
        state.windows += 1
        if self._parameters.reset_due(np.array([state.windows]))[0]:
            state.windows = 0
            state.rows = []
            self._contexts.reset(np.array([lane], np.int64))
        else:
            state.rows = state.rows[length:]
        state.begin, state.length = end, 0
        state.codewords, state.settled, state.words, state.spare_bits = [], [], [], []
        if end < len(state.text):
            return False
        if self._checked and not self._delay:
            windows.add(int_codewords([drop])[0], end, 0.0)
        return True

    def _choose(self, lane: int, state: _OpenWindow) -> tuple[int, int, int]:
        """Return the codeword, the length of its text, and how many symbols to drop after it."""
        if self._delay:
            codeword = state.codewords[state.length]
            return codeword, state.codewords.index(codeword, 1), 0
        if not self._checked:
            return state.codewords[state.length], state.length, 0
        for length in range(state.length, 0, -1):
            if state.settled[length]:
                return state.codewords[length], length, 0
        for length in range(state.length, 0, -1):
            gap = padded_gap(state.words[length], state.rows[length], self._parameters.precision)
            if gap is not None:
                return gap, length, 0
        codeword = state.codewords[state.length]
        return codeword, state.length, self._overhang(lane, state, codeword)

    def _overhang(self, lane: int, state: _OpenWindow, codeword: int) -> int:
        """Count the symbols that a decoder reads after the end of the text; spends the context."""
        decoder = WindowDecoder(
            self._parameters.window_bits, self._parameters.precision, 1, "padded"
        )
        decoder.start(int_codewords([codeword]))
        decoder.words[0] = state.words[state.length]
        lanes = np.array([lane], np.int64)
        row = state.rows[state.length][None]
        count = 0
        while state.length + count < self._max_symbols:
            symbol = int(decoder.step(row)[0])
            if symbol == ENDED:
                break
            count += 1
            self._contexts.previous[lane] = symbol
            row = self._contexts.predict(lanes)
        return count


def encode_padded(
    model: Model,
    documents: Sequence[Symbols],
    parameters: WindowParameters,
    lanes: int,
    *,
    checked: bool = True,
) -> list[EncodedWindows]:
    """Encode documents in parallel; an empty document has no windows.

    Args:
        model: the model (M1).
        documents: what to encode.
        parameters: of padded or delayed windows.
        lanes: the most documents that are coded at once.
        checked: make sure that padded windows decode. Without it they are those of the paper's
            encoder, for measurements: the ones marked ``misread`` do not decode, and no codeword
            follows the last window.
    """
    lanes = lane_count(lanes, len(documents))
    encoding = _PaddedEncoding(model, documents, parameters, lanes, checked)
    run_lanes(encoding, range(len(documents)), lanes)
    return [windows.take() for windows in encoding.closed]


def decode_padded(
    model: Model, documents: Sequence[Codewords], parameters: WindowParameters, lanes: int
) -> list[Symbols]:
    """Decode documents of padded or delayed windows; the reverse of `encode_padded` (checked).

    Raises:
        FormatError: a codeword that no delayed window has, or a padded document that says to drop
            more symbols than it has.
    """
    if parameters.variant == "delay":
        return decode_windows(model, documents, parameters, lanes)
    drops = [codeword_ints(document[-1:])[0] if len(document) else 0 for document in documents]
    texts = decode_windows(model, [document[:-1] for document in documents], parameters, lanes)
    for index, (text, drop) in enumerate(zip(texts, drops, strict=True)):
        if drop > len(text):
            raise FormatError(
                f"document {index}: expected at most {len(text)} symbols to drop at its end, "
                f"found {drop}"
            )
    return [text[: len(text) - drop] for text, drop in zip(texts, drops, strict=True)]

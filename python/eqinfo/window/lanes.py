"""Windows of many documents on lanes, one step of the model a symbol: loops of `WindowCodec`.

`eqinfo.window.engine` codes the same tokens with fewer steps, where the model is reset at every
window and answers for whole contexts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eqinfo.common.symbols import Symbols, concatenate_by
from eqinfo.errors import FormatError
from eqinfo.models.lanes import ModelLanes
from eqinfo.models.protocol import Model
from eqinfo.window.parameters import Codewords, WindowParameters
from eqinfo.window.steps import ENDED, WindowDecoder, WindowEncoder, max_padded_symbols

Lanes = NDArray[np.int64]


@dataclass(frozen=True)
class ClosedWindow:
    """A finished window: two words, and where in its document it ends (in symbols)."""

    codeword: Codewords
    end: int
    spare_bits: float
    shortened: int = 0
    misread: bool = False


class EncodingLanes:
    """Documents being encoded into bijective windows, one a lane.

    `run` codes until every lane has reached the end of the text it was given; what then happens
    (the next document, or the next piece of the same one) is the caller's choice.
    """

    def __init__(self, model: Model, parameters: WindowParameters, lanes: int) -> None:
        self.contexts = ModelLanes(model, lanes, parameters.precision)
        self.encoder = WindowEncoder(parameters.window_bits, parameters.precision, lanes)
        self.parameters = parameters
        self.windows = np.zeros(lanes, np.int64)
        self.texts: list[Symbols] = [np.empty(0, np.int32)] * lanes
        self.positions = np.zeros(lanes, np.int64)
        self.closed: list[list[ClosedWindow]] = [[] for _ in range(lanes)]

    def give(self, lane: int, text: Symbols) -> None:
        """Let a lane go on with ``text``."""
        self.texts[lane] = text
        self.positions[lane] = 0

    def restart(self, lane: int) -> list[ClosedWindow]:
        """Close the last window of a lane, empty its context, and return all its windows."""
        lanes = np.array([lane], np.int64)
        self._close(lanes)
        self.contexts.reset(lanes)
        self.windows[lane] = 0
        closed, self.closed[lane] = self.closed[lane], []
        return closed

    def step(self, lanes: Lanes) -> Lanes:
        """Code one symbol, or close a window and reset the model, on each lane.

        Returns the lanes that have come to the end of their text.
        """
        rows = self.contexts.predict(lanes)
        symbols = np.array([self.texts[i][self.positions[i]] for i in lanes], np.int32)
        fits = self.encoder.step(rows, symbols, lanes)
        if not fits.all():
            full = lanes[~fits]
            self._close(full)
            self.windows[full] += 1
            due = self.parameters.reset_due(self.windows[full])
            self.contexts.reset(full[due])
            self.windows[full[due]] = 0
            # Without a reset the prediction stands, and every symbol fits an empty window.
            again = np.flatnonzero(~fits)[~due]
            if len(again):
                fits[again] = self.encoder.step(rows[again], symbols[again], lanes[again])
        taken = lanes[fits]
        self.contexts.previous[taken] = symbols[fits]
        self.positions[taken] += 1
        return np.array([i for i in taken if self.positions[i] == len(self.texts[i])], np.int64)

    def _close(self, lanes: Lanes) -> None:
        spare = self.encoder.spare_bits(lanes)
        codewords = self.encoder.close(lanes)
        for lane, codeword, bits in zip(lanes, codewords, spare, strict=True):
            self.closed[lane].append(ClosedWindow(codeword, int(self.positions[lane]), float(bits)))


def encode_bijective(
    model: Model, documents: Sequence[Symbols], parameters: WindowParameters, lanes: int
) -> list[list[ClosedWindow]]:
    """Encode documents side by side into bijective windows; an empty document has none."""
    results: list[list[ClosedWindow]] = [[] for _ in documents]
    queue = iter([i for i, document in enumerate(documents) if len(document)])
    lanes = max(1, min(lanes, len(documents)))
    coding = EncodingLanes(model, parameters, lanes)
    document = np.zeros(lanes, np.int64)
    active = np.zeros(0, np.int64)
    idle = np.arange(lanes)
    while True:
        started = []
        for lane, index in zip(idle, queue, strict=False):
            document[lane] = index
            coding.give(int(lane), documents[index])
            started.append(int(lane))
        active = np.sort(np.concatenate([active, np.array(started, np.int64)]))
        if len(active) == 0:
            return results
        while len(idle := coding.step(active)) == 0:
            pass
        for lane in idle:
            results[document[lane]] = coding.restart(int(lane))
        active = np.setdiff1d(active, idle)


def decode_windows(
    model: Model, documents: Sequence[Codewords], parameters: WindowParameters, lanes: int
) -> list[Symbols]:
    """Decode the windows of documents side by side, one segment a lane.

    Raises:
        FormatError: a codeword that the variant does not write.
    """
    every = parameters.reset_every
    segments = [
        (index, first, min(first + (every or len(codewords)), len(codewords)))
        for index, codewords in enumerate(documents)
        for first in range(0, len(codewords), every or max(1, len(codewords)))
    ]
    lanes = max(1, min(lanes, len(segments)))
    decoding = _DecodingLanes(model, documents, segments, parameters, lanes)
    return decoding.run()


class _DecodingLanes:
    """Segments being decoded, one a lane."""

    def __init__(
        self,
        model: Model,
        documents: Sequence[Codewords],
        segments: Sequence[tuple[int, int, int]],
        parameters: WindowParameters,
        lanes: int,
    ) -> None:
        self.contexts = ModelLanes(model, lanes, parameters.precision)
        self.decoder = WindowDecoder(
            parameters.window_bits, parameters.precision, lanes, parameters.variant
        )
        self.variant = parameters.variant
        self.max_symbols = max_padded_symbols(parameters.window_bits)
        self.lengths = np.zeros(lanes, np.int64)
        self.documents = documents
        self.segments = segments
        self.queue = iter(range(len(segments)))
        self.segment = np.zeros(lanes, np.int64)
        self.next_window = np.zeros(lanes, np.int64)
        self.last_window = np.zeros(lanes, np.int64)
        # A padded window may end only once its next prediction is known; without a reset
        # the prediction then serves the next window.
        self.kept: dict[int, NDArray[Any]] = {}
        self.keys: list[NDArray[np.int64]] = []
        self.values: list[Symbols] = []

    def run(self) -> list[Symbols]:
        active = self._begin(np.arange(len(self.segment)))
        while len(active):
            rows = self._predict(active)
            symbols = self.decoder.step(rows, active)
            taken = symbols != ENDED
            if not taken.all():
                if self.variant == "delay":
                    raise FormatError(
                        "a codeword that no delayed window has: altered tokens or another model"
                    )
                self.kept.update((int(active[i]), rows[i]) for i in np.flatnonzero(~taken))
            self.contexts.previous[active[taken]] = symbols[taken]
            self.keys.append(self.segment[active[taken]])
            self.values.append(symbols[taken])
            self.lengths[active[taken]] += 1
            ended = ~taken | self.decoder.ended(active)
            if self.variant == "padded":
                ended |= self.lengths[active] == self.max_symbols
            active = np.sort(np.concatenate([active[~ended], self._begin(active[ended])]))
        parts = concatenate_by(self.keys, self.values, len(self.segments))
        texts: list[list[Symbols]] = [[] for _ in self.documents]
        for (index, _, _), part in zip(self.segments, parts, strict=True):
            texts[index].append(part)
        return [np.concatenate([np.empty(0, np.int32), *text]) for text in texts]

    def _predict(self, lanes: Lanes) -> NDArray[Any]:
        if not self.kept:
            return self.contexts.predict(lanes)
        fresh = np.array([int(lane) not in self.kept for lane in lanes])
        some = next(iter(self.kept.values()))
        rows = np.empty((len(lanes), len(some)), some.dtype)
        if fresh.any():
            rows[fresh] = self.contexts.predict(lanes[fresh])
        for i in np.flatnonzero(~fresh):
            rows[i] = self.kept.pop(int(lanes[i]))
        return rows

    def _begin(self, lanes: Lanes) -> Lanes:
        """Give lanes their next windows; return those that have one with a symbol in it."""
        started = []
        while len(lanes):
            current = []
            for lane in lanes.tolist():
                if self.next_window[lane] == self.last_window[lane] and not self._next_segment(
                    lane
                ):
                    continue
                index = self.segments[self.segment[lane]][0]
                word = self.next_window[lane]
                self.decoder.start(
                    self.documents[index][word : word + 1], np.array([lane], np.int64)
                )
                self.next_window[lane] += 1
                self.lengths[lane] = 0
                current.append(lane)
            lanes = np.array(current, np.int64)
            empty = self.decoder.ended(lanes)
            started.append(lanes[~empty])
            lanes = lanes[empty]
        return np.concatenate(started) if started else np.zeros(0, np.int64)

    def _next_segment(self, lane: int) -> bool:
        for number in self.queue:
            _, first, last = self.segments[number]
            self.segment[lane], self.next_window[lane], self.last_window[lane] = number, first, last
            self.contexts.reset(np.array([lane], np.int64))
            self.kept.pop(lane, None)
            return True
        return False

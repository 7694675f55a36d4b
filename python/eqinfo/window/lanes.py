"""Windows of many documents on lanes, with one prediction of the model for every symbol.

`eqinfo.window.engine` gives the same tokens with fewer predictions, where the model is reset at
every window and can predict after whole contexts. These plain loops are what it is tested against.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eqinfo.common.lane_loop import LaneIndices, lane_count, run_lanes
from eqinfo.common.symbols import Symbols, concatenate_by
from eqinfo.errors import FormatError
from eqinfo.models.lanes import ModelLanes
from eqinfo.models.protocol import Model
from eqinfo.window.encoded import EncodedWindows, WindowCollector
from eqinfo.window.parameters import Codewords, WindowParameters
from eqinfo.window.segments import Segment, cut_segments, join_segments
from eqinfo.window.steps import ENDED, WindowDecoder, WindowEncoder, max_padded_symbols


class BijectiveEncoding:
    """Texts being encoded into bijective windows, one on each lane.

    Documents may be given whole or in pieces: `step` reports the lanes that have coded the text
    that they were given, and the caller then gives them more, or closes the last window.
    """

    def __init__(self, model: Model, parameters: WindowParameters, lanes: int) -> None:
        self.closed = [WindowCollector() for _ in range(lanes)]
        self._contexts = ModelLanes(model, lanes, parameters.precision)
        self._encoder = WindowEncoder(parameters.window_bits, parameters.precision, lanes)
        self._parameters = parameters
        # Windows since the model was last reset.
        self._windows = np.zeros(lanes, np.int64)
        self._texts: list[Symbols] = [np.empty(0, np.int32)] * lanes
        self._positions = np.zeros(lanes, np.int64)

    def give(self, lane: int, text: Symbols) -> None:
        """Continue a lane's document with ``text``."""
        self._texts[lane] = text
        self._positions[lane] = 0

    def finish(self, lane: int) -> EncodedWindows:
        """End a lane's document: return its windows, and empty its context for the next one."""
        lanes = np.array([lane], np.int64)
        self._close(lanes)
        self._contexts.reset(lanes)
        self._windows[lane] = 0
        return self.closed[lane].take()

    def step(self, lanes: LaneIndices) -> LaneIndices:
        """Code one symbol, or close a window and reset the model, on each lane.

        Returns the lanes that have come to the end of their text.
        """
        rows = self._contexts.predict(lanes)
        symbols = np.array([self._texts[i][self._positions[i]] for i in lanes], np.int32)
        fits = self._encoder.step(rows, symbols, lanes)
        if not fits.all():
            full = lanes[~fits]
            self._close(full)
            self._windows[full] += 1
            due = self._parameters.reset_due(self._windows[full])
            self._contexts.reset(full[due])
            self._windows[full[due]] = 0
            # Without a reset the prediction still holds, and an empty window takes any symbol.
            again = np.flatnonzero(~fits)[~due]
            if len(again):
                fits[again] = self._encoder.step(rows[again], symbols[again], lanes[again])
        taken = lanes[fits]
        self._contexts.previous[taken] = symbols[fits]
        self._positions[taken] += 1
        return np.array([i for i in taken if self._positions[i] == len(self._texts[i])], np.int64)

    def _close(self, lanes: LaneIndices) -> None:
        spare_bits = self._encoder.spare_bits(lanes)
        codewords = self._encoder.close(lanes)
        for lane, codeword, bits in zip(lanes, codewords, spare_bits, strict=True):
            self.closed[lane].add(codeword, int(self._positions[lane]), float(bits))


class _DocumentEncoding:
    """A `LaneTask`: whole documents, through a `BijectiveEncoding`."""

    def __init__(self, coding: BijectiveEncoding, documents: Sequence[Symbols], lanes: int) -> None:
        self.results = [WindowCollector().take() for _ in documents]
        self._coding = coding
        self._documents = documents
        self._current = np.zeros(lanes, np.int64)

    def begin(self, lane: int, item: int) -> bool:
        self._current[lane] = item
        self._coding.give(lane, self._documents[item])
        return len(self._documents[item]) > 0

    def step(self, lanes: LaneIndices) -> LaneIndices:
        finished = self._coding.step(lanes)
        for lane in finished:
            self.results[self._current[lane]] = self._coding.finish(int(lane))
        return finished


def encode_bijective(
    model: Model, documents: Sequence[Symbols], parameters: WindowParameters, lanes: int
) -> list[EncodedWindows]:
    """Encode documents in parallel into bijective windows; an empty document has none."""
    lanes = lane_count(lanes, len(documents))
    coding = BijectiveEncoding(model, parameters, lanes)
    encoding = _DocumentEncoding(coding, documents, lanes)
    run_lanes(encoding, range(len(documents)), lanes)
    return encoding.results


def decode_windows(
    model: Model, documents: Sequence[Codewords], parameters: WindowParameters, lanes: int
) -> list[Symbols]:
    """Decode the windows of documents in parallel, one lane per segment.

    Raises:
        FormatError: a codeword that the variant does not write.
    """
    segments = cut_segments(documents, parameters)
    lanes = lane_count(lanes, len(segments))
    decoding = _SegmentDecoding(model, segments, parameters, lanes)
    run_lanes(decoding, range(len(segments)), lanes)
    texts = concatenate_by(decoding.keys, decoding.values, len(segments))
    return join_segments(segments, texts, len(documents))


class _SegmentDecoding:
    """A `LaneTask`: segments being decoded."""

    def __init__(
        self,
        model: Model,
        segments: Sequence[Segment],
        parameters: WindowParameters,
        lanes: int,
    ) -> None:
        self._contexts = ModelLanes(model, lanes, parameters.precision)
        self._decoder = WindowDecoder(
            parameters.window_bits, parameters.precision, lanes, parameters.variant
        )
        self._variant = parameters.variant
        self._max_symbols = max_padded_symbols(parameters.window_bits)
        self._segments = segments
        self._current = np.zeros(lanes, np.int64)
        self._next_window = [0] * lanes
        # Each lane as an array of its own.
        self._single = np.arange(lanes, dtype=np.int64).reshape(-1, 1)
        # Symbols of the current window.
        self._lengths = np.zeros(lanes, np.int64)
        # Only the prediction of what follows a padded window shows that it has ended. Without a
        # reset, that prediction then serves the next window.
        self._kept: dict[int, NDArray[Any]] = {}
        self.keys: list[NDArray[np.int64]] = []
        self.values: list[Symbols] = []

    def begin(self, lane: int, item: int) -> bool:
        self._current[lane] = item
        self._next_window[lane] = 0
        self._contexts.reset(self._single[lane])
        self._kept.pop(lane, None)
        return self._begin_window(lane)

    def step(self, lanes: LaneIndices) -> list[int]:
        rows = self._predict(lanes)
        symbols = self._decoder.step(rows, lanes)
        taken = symbols != ENDED
        if not taken.all():
            if self._variant == "delay":
                raise FormatError(
                    "expected a codeword of a delayed window, found one that no text has: the "
                    "tokens are altered, or were written with another model"
                )
            self._kept.update((int(lanes[i]), rows[i]) for i in np.flatnonzero(~taken))
        self._contexts.previous[lanes[taken]] = symbols[taken]
        self.keys.append(self._current[lanes[taken]])
        self.values.append(symbols[taken])
        self._lengths[lanes[taken]] += 1
        ended = ~taken | self._decoder.ended(lanes)
        if self._variant == "padded":
            ended |= self._lengths[lanes] == self._max_symbols
        return [lane for lane in lanes[ended].tolist() if not self._begin_window(lane)]

    def _predict(self, lanes: LaneIndices) -> NDArray[Any]:
        if not self._kept:
            return self._contexts.predict(lanes)
        fresh = np.array([int(lane) not in self._kept for lane in lanes])
        some = next(iter(self._kept.values()))
        rows = np.empty((len(lanes), len(some)), some.dtype)
        if fresh.any():
            rows[fresh] = self._contexts.predict(lanes[fresh])
        for i in np.flatnonzero(~fresh):
            rows[i] = self._kept.pop(int(lanes[i]))
        return rows

    def _begin_window(self, lane: int) -> bool:
        """Begin the next window of the lane's segment; return False if there is none."""
        codewords = self._segments[self._current[lane]].codewords
        window = self._next_window[lane]
        if window == len(codewords):
            return False
        self._decoder.start(codewords[window : window + 1], self._single[lane])
        self._next_window[lane] = window + 1
        self._lengths[lane] = 0
        return True

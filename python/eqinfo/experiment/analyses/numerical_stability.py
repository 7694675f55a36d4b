"""Where streams break if the decoder's M1 gives other numbers than the encoder's (section 3.7)."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import takewhile
from operator import eq
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eqinfo.codecs.arithmetic import ArithmeticCodec
from eqinfo.codecs.base import Codec
from eqinfo.codecs.windows import WindowCodec
from eqinfo.errors import FormatError
from eqinfo.models.protocol import FRESH, Model

__all__ = ["Break", "stream_breaks"]


@dataclass(frozen=True)
class Break:
    """What a decoder with other numbers gets back of a text.

    Attributes:
        stream: "AC", "padded" or "bijective".
        first_wrong: bytes before the first wrong one; the size of the text if none is.
        right: share of the text's bytes that come back: those before the first wrong one; or, of
            windows that decode alone, those of the windows that come back. 0 to 1. Padded windows
            that the decoder refuses at any place count as lost.
    """

    stream: str
    first_wrong: int
    right: float


def stream_breaks(encoder: Model, decoder: Model, text: str, window_bits: int = 16) -> list[Break]:
    """Encode a text with one M1 and decode it with another that should be the same (section 3.7).

    The two may be one float network in other batches, with another number of threads or on another
    machine. An integer M1 never breaks: `encoder` and `decoder` give the same numbers everywhere.
    A stream of AC is lost from the first wrong byte on; windows, from one to the next, only if
    they decode as a whole (padded).

    Args:
        encoder, decoder: M1, over bytes.
        text: not empty.
        window_bits: of both kinds of windows.
    """
    data = text.encode()
    return [
        _stream(encoder, decoder, data),
        _padded(
            WindowCodec(encoder, window_bits, variant="padded"),
            WindowCodec(decoder, window_bits, variant="padded"),
            data,
        ),
        _windows(WindowCodec(encoder, window_bits), WindowCodec(decoder, window_bits), data),
    ]


def _stream(encoder: Model, decoder: Model, data: bytes) -> Break:
    recorder = _Recorder(decoder)
    try:
        found = ArithmeticCodec(recorder).decode_bytes(ArithmeticCodec(encoder).encode(data))
    except FormatError:
        found = bytes(recorder.seen)
    right = _common(data, found)
    return Break("AC", right, right / len(data))


class _Recorder:
    """A model that keeps the symbols of one stream, for a decoder that refuses the end of it."""

    def __init__(self, model: Model) -> None:
        self.vocab_size = model.vocab_size
        self.fingerprint = model.fingerprint
        self.start, self.reset = model.start, model.reset
        self.seen = bytearray()
        self._model = model

    def step(self, state: Any, symbols: NDArray[np.int32], lanes: NDArray[np.int64]) -> Any:
        self.seen += bytes(symbols[symbols != FRESH].tolist())
        return self._model.step(state, symbols, lanes)


def _padded(encoder: Codec, decoder: Codec, data: bytes) -> Break:
    try:
        found = decoder.decode_bytes(encoder.encode(data))
    except FormatError:
        found = b""
    right = _common(data, found)
    return Break("padded", right, right / len(data))


def _windows(encoder: WindowCodec, decoder: WindowCodec, data: bytes) -> Break:
    tokens = encoder.encode(data)
    first, right, place = len(data), 0, 0
    for number, window in enumerate(encoder.windows(data)):
        if decoder.decode_windows(tokens, number, number + 1) == window.text:
            right += len(window.text)
        else:
            first = min(first, place)
        place += len(window.text)
    return Break("bijective", first, right / len(data))


def _common(wanted: bytes, found: bytes) -> int:
    return sum(1 for _ in takewhile(bool, map(eq, wanted, found)))

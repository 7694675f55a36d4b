"""Equal-text windows: the same length of text in each, in as many bits as needed (appendix B)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

import eqinfo._core as _core
from eqinfo.common.text import to_text
from eqinfo.errors import FormatError
from eqinfo.experiment.tokenizations.base import Ids, Piece, Texts, Tokenization
from eqinfo.models.lanes import ModelLanes
from eqinfo.models.protocol import Model
from eqinfo.range_coder import DEFAULT_PRECISION, RangeDecoder, RangeEncoder, as_symbols


class EqualText(Tokenization):
    """Windows of ``window_bytes`` of text, each arithmetic-coded with a fresh model and coder.

    The bits do not say where a window ends, so a special id, 2^token_bits, marks every end. If the
    last window is shorter than the others, one more token after its end holds its length.

    Args:
        name: as in the catalogue.
        model: predicts bytes.
        window_bytes: 1 to 255.
        token_bits: 8 or 16.

    Raises:
        ValueError: window_bytes out of range.
    """

    def __init__(self, name: str, model: Model, window_bytes: int, token_bits: int) -> None:
        super().__init__(name, (1 << token_bits) + 1)
        if not 1 <= window_bytes <= 255:
            raise ValueError(f"expected window_bytes of 1 to 255, found {window_bytes}")
        self.model = model
        self.window_bytes = window_bytes
        self.token_bits = token_bits
        self.end = 1 << token_bits

    def encode_batch(self, texts: Texts) -> list[Ids]:
        """Return the ids of every document."""
        return [self._encode(text.encode()) for text in texts]

    def _encode(self, data: bytes) -> Ids:
        last = len(data) % self.window_bytes
        tail = [np.array([last])] if last else []
        windows = [np.append(tokens, self.end) for tokens in self._windows(data)]
        return np.concatenate([np.empty(0, np.int64), *windows, *tail])

    def _windows(self, data: bytes) -> list[Ids]:
        symbols, lanes = as_symbols(data), -(-len(data) // self.window_bytes)
        if lanes == 0:
            return []
        coder = RangeEncoder(lanes, DEFAULT_PRECISION)
        contexts = ModelLanes(self.model, lanes, DEFAULT_PRECISION)
        for position in range(self.window_bytes):
            column = symbols[position :: self.window_bytes]
            contexts.encode(coder, column[None], np.arange(len(column)))
        streams = [coder.finish(lane) for lane in range(lanes)]
        packed = [_core.pack_bits(stream, bits, self.token_bits) for stream, bits in streams]
        return [tokens.astype(np.int64) for tokens in packed]

    def decode_batch(self, documents: Sequence[Ids]) -> list[str]:
        """Return the text of every document."""
        return [self._decode(self._known(ids)) for ids in documents]

    def _decode(self, ids: Ids) -> str:
        if len(ids) == 0:
            return ""
        ends = np.flatnonzero(ids == self.end)
        tail = ids[ends[-1] + 1 :] if len(ends) else ids
        if len(ends) == 0 or len(tail) > 1 or (tail >= self.window_bytes).any():
            raise FormatError(
                f"{self.name}: expected the id {self.end} after every window, and at most one "
                f"length below {self.window_bytes} after the last; found {len(ends)} window ends "
                f"and {tail[:4].tolist()} after the last"
            )
        windows = np.split(ids[: ends[-1]], ends[:-1])
        lengths = np.full(len(windows), self.window_bytes)
        lengths[-1:] = tail if len(tail) else lengths[-1:]
        coder = RangeDecoder(len(windows), DEFAULT_PRECISION)
        for lane, window in enumerate(windows):
            tokens = window[window != self.end].astype(np.uint16)
            coder.start(_core.unpack_bits(tokens, self.token_bits), lane)
        contexts = ModelLanes(self.model, len(windows), DEFAULT_PRECISION)
        symbols = np.zeros((self.window_bytes, len(windows)), np.uint8)
        for position, decoded in enumerate(symbols):
            lanes = np.flatnonzero(lengths > position)
            decoded[lanes] = contexts.decode(coder, 1, lanes)[0]
        data = symbols.T.reshape(-1)
        return to_text(data[: lengths.sum()].tobytes())

    def pieces(self, text: str) -> list[Piece]:
        """Return the windows; the ids of each include its end."""
        data = text.encode()
        return [
            Piece(data[number * self.window_bytes :][: self.window_bytes], (*tokens, self.end))
            for number, tokens in enumerate(tokens.tolist() for tokens in self._windows(data))
        ]

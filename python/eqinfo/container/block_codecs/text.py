"""Blocks as range-coded ids of a language model's vocabulary, one stream per segment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, cast

from eqinfo.codecs.streams import decode_streams, encode_streams
from eqinfo.common.progress import Advance
from eqinfo.common.symbols import Symbols
from eqinfo.container.block_codec import Data
from eqinfo.container.block_codecs.chosen import ChosenBlockCodec
from eqinfo.container.block_codecs.mixed import MixedBlockCodec
from eqinfo.container.block_codecs.segments import SegmentedBlockCodec
from eqinfo.container.header import CodecId
from eqinfo.errors import EqInfoError, FormatError
from eqinfo.models.lanes import native_form
from eqinfo.models.protocol import Model, TextModel
from eqinfo.range_coder import RangeDecoder

# Segments whose symbols and streams are in memory at a time.
_GROUP = 256
# The most segments that are coded side by side, and the most memory of their contexts.
_LANES = 64
_CONTEXTS_BYTES = 384 << 20
# Data with fewer bytes per id are not text that the vocabulary was made for. They would take long,
# and the mixer makes them smaller.
_MIN_BYTES_PER_ID = 1.5


class _ModelOfText(Model, TextModel, Protocol):
    """A model that turns text into its symbols and back."""


@dataclass(frozen=True)
class _Stream:
    """The stream of a segment."""

    data: bytes

    def check_end(self, coder: RangeDecoder, lane: int) -> None:
        expected = (coder.end(lane) + 7) // 8
        if expected != len(self.data):
            raise FormatError(f"expected a stream of {expected} bytes, found {len(self.data)}")


class TextSegmentsBlockCodec(SegmentedBlockCodec):
    """Codes the ids of each segment as `ArithmeticCodec` does, from an empty context.

    Args:
        model: a `TextModel`.
        precision: bits of the frequencies.
        segment_bytes: bytes of data per segment.
    """

    def __init__(self, model: Model, precision: int, segment_bytes: int) -> None:
        super().__init__(segment_bytes, _GROUP, native_form(model) is not None)
        self._model = cast(_ModelOfText, model)
        self._precision = precision
        self._context_bytes = int(getattr(model, "context_bytes", 0))
        fitting = _CONTEXTS_BYTES // max(1, self._context_bytes)
        self._lanes = max(1, min(_LANES, fitting))

    def symbols(self, segment: Data) -> Symbols:
        """Return the ids of a segment.

        Raises:
            ValueError: the vocabulary has none for its bytes.
        """
        return self._model.tokenize(bytes(segment))

    def encode_symbols(self, segments: Sequence[Symbols], advance: Advance) -> bytes:
        """Encode a block whose segments have these ids; ``advance`` gets numbers of coded ids."""
        streams = encode_streams(
            self._model, segments, self._precision, self._lanes, advance=advance
        )
        return self.joined([stream for stream, _ in streams])

    def _encode(self, segments: Sequence[Data]) -> list[bytes]:
        symbols = [self.symbols(segment) for segment in segments]
        streams = encode_streams(self._model, symbols, self._precision, self._lanes)
        return [stream for stream, _ in streams]

    def _decode(self, streams: Sequence[bytes], raw_bytes: int) -> bytes:
        # Every id stands for at least a byte.
        symbols = decode_streams(
            self._model,
            [_Stream(stream) for stream in streams],
            self._precision,
            self._lanes,
            most=min(self.segment_bytes, raw_bytes),
        )
        short = raw_bytes - (len(streams) - 1) * self.segment_bytes
        parts = []
        for number, ids in enumerate(symbols):
            expected = self.segment_bytes if number < len(symbols) - 1 else short
            parts.append(self._model.detokenize(ids))
            if len(parts[-1]) != expected:
                raise FormatError(
                    f"segment {number}: expected {expected} bytes, found {len(parts[-1])}"
                )
        return b"".join(parts)

    def working_bytes(self, raw_bytes: int) -> int:
        """See `BlockCodec`."""
        lanes = min(self._lanes, -(-raw_bytes // self.segment_bytes))
        # Of a group: streams, ids and the text, twice.
        return lanes * self._context_bytes + 12 * min(raw_bytes, _GROUP * self.segment_bytes)


class TextBlockCodec(ChosenBlockCodec):
    """Codes text as `TextSegmentsBlockCodec`; what is no text, or not smaller then, as `adaptive`.

    Args:
        model: a `TextModel`.
        precision: bits of the frequencies.
        segment_bytes: bytes of data per segment of text.
    """

    def __init__(self, model: Model, precision: int, segment_bytes: int) -> None:
        self._text = TextSegmentsBlockCodec(model, precision, segment_bytes)
        self._adaptive = MixedBlockCodec(None, 0)
        super().__init__(
            {CodecId.ARITHMETIC: self._text, CodecId.ADAPTIVE: self._adaptive}, self._text.exact
        )

    def encode(self, data: Data, advance: Advance = lambda _: None) -> Data:
        """See `BlockCodec`; ``advance`` is called with bytes of text that have been coded."""
        adaptive = bytes([CodecId.ADAPTIVE]) + bytes(self._adaptive.encode(data))
        segments = self._symbols(data)
        if segments is None:
            return adaptive
        count, coded = sum(map(len, segments)), 0

        def advance_bytes(ids: int) -> None:
            """Count the bytes of the ids as the average of the block."""
            nonlocal coded
            before = coded * len(data) // count
            coded += ids
            advance(coded * len(data) // count - before)

        text = bytes([CodecId.ARITHMETIC]) + self._text.encode_symbols(segments, advance_bytes)
        return min(text, adaptive, key=len)

    def _symbols(self, data: Data) -> list[Symbols] | None:
        """Return the ids of each segment, or None if the data are no text."""
        try:
            segments = [self._text.symbols(segment) for segment in self._text.segments(data)]
        except EqInfoError:
            raise
        except ValueError:  # no id for a byte
            return None
        count = sum(map(len, segments))
        return segments if len(data) >= _MIN_BYTES_PER_ID * count else None

"""Blocks as the one of two codecs that makes a sample of them smaller."""

from __future__ import annotations

from eqinfo.container.block_codec import BlockCodec, Data, Room
from eqinfo.container.block_codecs.arithmetic import ArithmeticBlockCodec
from eqinfo.container.block_codecs.mixed import MixedBlockCodec
from eqinfo.container.header import CodecId
from eqinfo.errors import FormatError
from eqinfo.models.protocol import Model

# Takes some hundredths of a second with a model.
SAMPLE_BYTES = 1 << 13


class AutoBlockCodec:
    """Codes each block as `arithmetic` or `adaptive`, whose number stands before the code.

    Both decode in about the same time; the first knows the texts of the model, the second learns
    from the block.

    Args:
        model: a native model over bytes.
        precision: bits of the model's frequencies.
        segment_bytes: bytes of data per segment of `arithmetic`.
    """

    exact = True

    def __init__(self, model: Model, precision: int, segment_bytes: int) -> None:
        # Of equal ones, the encoder takes the first.
        self._codecs: dict[int, BlockCodec] = {
            CodecId.ARITHMETIC: ArithmeticBlockCodec(model, precision, segment_bytes),
            CodecId.ADAPTIVE: MixedBlockCodec(None, 0),
        }

    def encode(self, data: Data) -> Data:
        """See `BlockCodec`; the sample is the middle of the block."""
        begin = max(len(data) - SAMPLE_BYTES, 0) // 2
        sample = bytes(data[begin : begin + SAMPLE_BYTES])
        coded = {number: codec.encode(sample) for number, codec in self._codecs.items()}
        best = min(coded, key=lambda number: len(coded[number]))
        if len(sample) < len(data):
            coded[best] = self._codecs[best].encode(data)
        return bytes([best]) + bytes(coded[best])

    def decode(self, coded: Data, room: Room) -> None:
        """See `BlockCodec`."""
        codec, rest = self.chosen(coded)
        codec.decode(rest, room)

    def chosen(self, coded: Data) -> tuple[BlockCodec, Data]:
        """Return the codec of a block, and what that has coded.

        Raises:
            FormatError: another number.
        """
        number = coded[0] if len(coded) else None
        if number is None or number not in self._codecs:
            expected = " or ".join(str(int(known)) for known in self._codecs)
            raise FormatError(f"expected a codec of {expected} for the block, found {number}")
        return self._codecs[number], memoryview(coded)[1:]

    def working_bytes(self, raw_bytes: int) -> int:
        """See `BlockCodec`."""
        return max(codec.working_bytes(raw_bytes) for codec in self._codecs.values())

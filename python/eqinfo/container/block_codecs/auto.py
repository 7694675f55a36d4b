"""Blocks as the one of two codecs that makes a sample of them smaller."""

from __future__ import annotations

from eqinfo.container.block_codec import Data
from eqinfo.container.block_codecs.arithmetic import ArithmeticBlockCodec
from eqinfo.container.block_codecs.chosen import ChosenBlockCodec
from eqinfo.container.block_codecs.mixed import MixedBlockCodec
from eqinfo.container.header import CodecId
from eqinfo.models.protocol import Model

# Takes some hundredths of a second with a model.
SAMPLE_BYTES = 1 << 13


class AutoBlockCodec(ChosenBlockCodec):
    """Codes each block as `arithmetic` or `adaptive`, whose number stands before the code.

    Both decode in about the same time; the first knows the texts of the model, the second learns
    from the block.

    Args:
        model: a native model over bytes.
        precision: bits of the model's frequencies.
        segment_bytes: bytes of data per segment of `arithmetic`.
    """

    def __init__(self, model: Model, precision: int, segment_bytes: int) -> None:
        # Of equal ones, the encoder takes the first.
        arithmetic = ArithmeticBlockCodec(model, precision, segment_bytes)
        adaptive = MixedBlockCodec(None, 0)
        super().__init__(
            {CodecId.ARITHMETIC: arithmetic, CodecId.ADAPTIVE: adaptive}, arithmetic.exact
        )

    def encode(self, data: Data) -> Data:
        """See `BlockCodec`; the sample is the middle of the block."""
        begin = max(len(data) - SAMPLE_BYTES, 0) // 2
        sample = bytes(data[begin : begin + SAMPLE_BYTES])
        coded = {number: codec.encode(sample) for number, codec in self._codecs.items()}
        best = min(coded, key=lambda number: len(coded[number]))
        if len(sample) < len(data):
            coded[best] = self._codecs[best].encode(data)
        return bytes([best]) + bytes(coded[best])

"""Blocks as the one of two codecs that makes a sample of them smaller."""

from __future__ import annotations

from eqinfo.container.block_codec import Data
from eqinfo.container.block_codecs.arithmetic import ArithmeticBlockCodec
from eqinfo.container.block_codecs.chosen import ChosenBlockCodec
from eqinfo.container.block_codecs.mixed import MixedBlockCodec
from eqinfo.container.header import CodecId
from eqinfo.container.sample import sample_of
from eqinfo.models.protocol import Model

# Takes less than a tenth of a second with a model.
PIECE_BYTES = 1 << 12
# `adaptive` learns: its bits per byte fall with this root of the size of the data, as measured from
# 16 kB to 1 MB of prose, news, code, documentation and 35 languages.
_LEARNING_ROOT = 12


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
        """See `BlockCodec`; the choice is by what a sample says of the block."""
        sample = sample_of(data, PIECE_BYTES)
        coded = {number: codec.encode(sample) for number, codec in self._codecs.items()}
        expected = {number: len(code) ** _LEARNING_ROOT for number, code in coded.items()}
        expected[CodecId.ARITHMETIC] *= len(data)
        expected[CodecId.ADAPTIVE] *= len(sample)
        best = min(expected, key=expected.__getitem__)
        if len(sample) < len(data):
            coded[best] = self._codecs[best].encode(data)
        return bytes([best]) + bytes(coded[best])

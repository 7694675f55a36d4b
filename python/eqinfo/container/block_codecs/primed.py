"""Blocks as streams of a mixer that has read a dictionary."""

from __future__ import annotations

from eqinfo.container.block_codec import Data, Room
from eqinfo.container.block_codecs.mixed import MODEL_BYTES
from eqinfo.container.dictionary import Dictionary
from eqinfo.mixer import primed_table_bits, primed_working_bytes
from eqinfo.models.protocol import Model


class PrimedBlockCodec:
    """Codes every block as if it followed the dictionary, with nothing before the stream.

    The model stays in all blocks: how far it helps is learned from the dictionary. Calls of machine
    code are left as they are, because those in the dictionary are.

    Args:
        dictionary: what is read before each block.
        model: a native model over bytes; None to learn from the data alone.
        precision: bits of the model's frequencies.
    """

    exact = True

    def __init__(self, dictionary: Dictionary, model: Model | None, precision: int) -> None:
        self._dictionary = dictionary
        self._model = model
        self._precision = precision

    def encode(self, data: Data) -> Data:
        """See `BlockCodec`."""
        primed = self._dictionary.primed(self._model, self._precision, len(data))
        return primed.encode(data)

    def decode(self, coded: Data, room: Room) -> None:
        """See `BlockCodec`."""
        primed = self._dictionary.primed(self._model, self._precision, len(room))
        primed.decode_into(coded, room)

    def working_bytes(self, raw_bytes: int) -> int:
        """See `BlockCodec`; with what was learned from the dictionary."""
        bits = primed_table_bits(len(self._dictionary.data), raw_bytes)
        return 2 * (primed_working_bytes(bits) + (MODEL_BYTES if self._model is not None else 0))

"""Blocks as streams of one mixer, which goes on from each block of a member to the next."""

from __future__ import annotations

from eqinfo import mixer
from eqinfo.container.block_codec import Data, Room
from eqinfo.container.block_codecs.mixed import (
    MODEL_BYTES,
    X86,
    from_absolute_calls,
    with_absolute_calls,
)
from eqinfo.errors import FormatError
from eqinfo.mixer import SolidMixer
from eqinfo.models.protocol import Model


class SolidBlockCodec:
    """Codes the blocks of a member one after the other.

    Args:
        model: a native model over bytes; None to learn from the data alone.
        precision: bits of the model's frequencies.
        block_bytes: bytes of data in a block, at most.
    """

    exact = True

    def __init__(self, model: Model | None, precision: int, block_bytes: int) -> None:
        self._model = model
        self._precision = precision
        self._block_bytes = block_bytes

    def begin(self) -> SolidCoder:
        """Return what codes the blocks of one member, from the first on."""
        return SolidCoder(self._model, self._precision, self._block_bytes)


class SolidCoder:
    """Codes the blocks of one member, in order; it takes memory from its first block on.

    Args:
        model, precision, block_bytes: as for `SolidBlockCodec`.
    """

    exact = True

    def __init__(self, model: Model | None, precision: int, block_bytes: int) -> None:
        self._parameters = model, precision, block_bytes
        self._made: SolidMixer | None = None

    @property
    def _mixer(self) -> SolidMixer:
        if self._made is None:
            model, precision, block_bytes = self._parameters
            self._made = SolidMixer(model, precision, block_bytes=block_bytes)
        return self._made

    def encode(self, data: Data) -> Data:
        """Encode the next block, as `BlockCodec.encode`.

        What is stored instead of the result has been learned all the same.
        """
        kind, plain = with_absolute_calls(data)
        return bytes([kind]) + self._mixer.encode(plain.data)

    def decode(self, coded: Data, room: Room) -> None:
        """Decode the next block, as `BlockCodec.decode`."""
        kind = coded[0] if len(coded) else None
        if kind is None or kind > X86:
            raise FormatError(f"expected a first byte of 0 to {X86}, found {kind}")
        self._mixer.decode_into(memoryview(coded)[1:], room)
        if kind & X86:
            from_absolute_calls(room)

    def working_bytes(self, raw_bytes: int) -> int:
        """Return how much memory it takes, whatever the size and the number of the blocks."""
        model, _, block_bytes = self._parameters
        tables = mixer.working_bytes(2 << mixer.TABLE_BITS)
        return tables + mixer.KEPT_BYTES + block_bytes + (MODEL_BYTES if model is not None else 0)

    def learn(self, data: Room) -> None:
        """Take in the next block, which is stored, as the encoder did."""
        self.encode(data.data)

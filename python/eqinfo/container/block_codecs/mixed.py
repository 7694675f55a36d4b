"""Blocks as streams of the mixer, with a model or without one."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

import eqinfo._core as _core
from eqinfo import mixer
from eqinfo.container.block_codec import Data, Room
from eqinfo.errors import FormatError
from eqinfo.models.protocol import Model

# Bits of the first byte of a block's code: calls of x86 machine code have absolute targets; the
# model was left out.
X86, _WITHOUT_MODEL = 1, 2
# A sample shows whether the model helps. It takes at most a tenth of the time of a long block, and
# a block that is not longer is coded in both ways.
_SAMPLE_BYTES = 1 << 13
MODEL_BYTES = 140 << 10
"""Memory of a model's context."""


def with_absolute_calls(data: Data) -> tuple[int, NDArray[np.uint8]]:
    """Return the bit for x86 machine code, or 0, and the data with targets of calls absolute."""
    plain = np.frombuffer(data, np.uint8)
    return (X86, _core.x86_absolute(plain)) if _core.looks_like_x86(plain) else (0, plain)


def from_absolute_calls(room: Room) -> None:
    """Make the targets of calls relative again, in place."""
    _core.x86_relative(room)


class MixedBlockCodec:
    """Codes a block as one stream of `eqinfo.mixer`, which learns from the beginning of the block.

    The encoder leaves the model out of blocks that it does not predict.

    Args:
        model: a native model over bytes; None to learn from the data alone.
        precision: bits of the model's frequencies.
    """

    exact = True

    def __init__(self, model: Model | None, precision: int) -> None:
        self._model = model
        self._precision = precision

    def encode(self, data: Data) -> Data:
        """See `BlockCodec`."""
        kind, plain = with_absolute_calls(data)
        if self._model is None:
            return bytes([kind]) + self._encode(plain, None)
        middle = len(plain) // 2
        sample = plain[max(middle - _SAMPLE_BYTES // 2, 0) :][:_SAMPLE_BYTES]
        with_model, without = self._encode(sample, self._model), self._encode(sample, None)
        model = self._model if len(with_model) < len(without) else None
        if model is None:
            kind |= _WITHOUT_MODEL
        if len(sample) == len(plain):
            return bytes([kind]) + (without if model is None else with_model)
        return bytes([kind]) + self._encode(plain, model)

    def decode(self, coded: Data, room: Room) -> None:
        """See `BlockCodec`."""
        most = X86 if self._model is None else X86 | _WITHOUT_MODEL
        kind = coded[0] if len(coded) else None
        if kind is None or kind > most:
            raise FormatError(f"expected a first byte of 0 to {most}, found {kind}")
        model = None if kind & _WITHOUT_MODEL else self._model
        mixer.decode_into(memoryview(coded)[1:], room, model, self._precision)
        if kind & X86:
            from_absolute_calls(room)

    def working_bytes(self, raw_bytes: int) -> int:
        """See `BlockCodec`."""
        return mixer.working_bytes(raw_bytes) + (MODEL_BYTES if self._model is not None else 0)

    def _encode(self, data: NDArray[np.uint8], model: Model | None) -> bytes:
        return mixer.encode(data.data, model, self._precision)

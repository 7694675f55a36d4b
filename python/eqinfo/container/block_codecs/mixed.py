"""Blocks as streams of the mixer, with a model or without one."""

from __future__ import annotations

import numpy as np

import eqinfo._core as _core
from eqinfo import mixer
from eqinfo.container.block_codec import Data, Room
from eqinfo.errors import FormatError
from eqinfo.models.protocol import Model

# The first byte of a block's code: calls of x86 machine code have absolute targets.
_PLAIN, _X86 = 0, 1
_MODEL_BYTES = 140 << 10


class MixedBlockCodec:
    """Codes a block as one stream of `eqinfo.mixer`, which learns from the beginning of the block.

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
        found = np.frombuffer(data, np.uint8)
        if not _core.looks_like_x86(found):
            return bytes([_PLAIN]) + mixer.encode(data, self._model, self._precision)
        changed = _core.x86_absolute(found)
        return bytes([_X86]) + mixer.encode(changed.data, self._model, self._precision)

    def decode(self, coded: Data, room: Room) -> None:
        """See `BlockCodec`."""
        kind = coded[0] if len(coded) else None
        if kind not in (_PLAIN, _X86):
            raise FormatError(f"expected a first byte of 0 or 1, found {kind}")
        mixer.decode_into(memoryview(coded)[1:], room, self._model, self._precision)
        if kind == _X86:
            _core.x86_relative(room)

    def working_bytes(self, raw_bytes: int) -> int:
        """See `BlockCodec`."""
        return mixer.working_bytes(raw_bytes) + (_MODEL_BYTES if self._model is not None else 0)

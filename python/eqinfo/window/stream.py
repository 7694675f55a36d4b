"""A document that comes in pieces, into bijective windows and tokens."""

from __future__ import annotations

import numpy as np

import eqinfo._core as _core
from eqinfo.common.symbols import Symbols
from eqinfo.common.tokens import Tokens
from eqinfo.models.protocol import Model
from eqinfo.window.lanes import ClosedWindow, EncodingLanes
from eqinfo.window.parameters import WindowParameters


class WindowStream:
    """Encodes one document piece by piece; the tokens do not depend on the pieces."""

    def __init__(self, model: Model, parameters: WindowParameters, token_bits: int) -> None:
        if parameters.variant != "bijective":
            raise ValueError(f"expected bijective windows to stream, found {parameters.variant}")
        self._coding = EncodingLanes(model, parameters, 1)
        self._window_bits = parameters.window_bits
        self._token_bits = token_bits
        self._waiting: list[ClosedWindow] = []
        self._begun = False

    def push(self, text: Symbols) -> Tokens:
        """Encode more symbols; return the tokens that are certain."""
        if len(text):
            self._begun = True
            self._coding.give(0, text)
            lane = np.zeros(1, np.int64)
            while len(self._coding.step(lane)) == 0:
                pass
            self._waiting += self._coding.closed[0]
            self._coding.closed[0] = []
        # Only whole tokens may leave: as many windows as together fill some.
        unit = self._token_bits // np.gcd(self._token_bits, self._window_bits)
        return self._take(len(self._waiting) // int(unit) * int(unit))

    def finish(self) -> Tokens:
        """End the document; return the remaining tokens."""
        if self._begun:
            self._waiting += self._coding.restart(0)
        return self._take(len(self._waiting))

    def _take(self, count: int) -> Tokens:
        taken, self._waiting = self._waiting[:count], self._waiting[count:]
        codewords = np.array([window.codeword for window in taken], np.uint64).reshape(-1, 2)
        return _core.pack_codewords(codewords, self._window_bits, self._token_bits)

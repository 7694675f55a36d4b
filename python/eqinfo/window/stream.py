"""A document that arrives in pieces, encoded into bijective windows and tokens."""

from __future__ import annotations

import numpy as np

import eqinfo._core as _core
from eqinfo.common.symbols import Symbols
from eqinfo.common.tokens import Tokens
from eqinfo.models.protocol import Model
from eqinfo.window.encoded import EncodedWindows
from eqinfo.window.lanes import BijectiveEncoding
from eqinfo.window.parameters import WindowParameters


class WindowStream:
    """Encodes one document piece by piece; the tokens do not depend on where it is cut."""

    def __init__(self, model: Model, parameters: WindowParameters, token_bits: int) -> None:
        if parameters.variant != "bijective":
            raise ValueError(
                f"expected bijective windows to stream, found {parameters.variant} ones"
            )
        self._coding = BijectiveEncoding(model, parameters, 1)
        self._window_bits = parameters.window_bits
        self._token_bits = token_bits
        self._begun = False

    def push(self, text: Symbols) -> Tokens:
        """Encode more symbols; return the tokens that are certain."""
        if len(text):
            self._begun = True
            self._coding.give(0, text)
            lane = np.zeros(1, np.int64)
            while len(self._coding.step(lane)) == 0:
                pass
        # Only as many windows as fill whole tokens may leave.
        unit = self._token_bits // int(np.gcd(self._token_bits, self._window_bits))
        closed = self._coding.closed[0]
        return self._pack(closed.take(len(closed) // unit * unit))

    def finish(self) -> Tokens:
        """End the document; return the remaining tokens."""
        if not self._begun:
            return np.empty(0, np.uint16)
        return self._pack(self._coding.finish(0))

    def _pack(self, windows: EncodedWindows) -> Tokens:
        return _core.pack_codewords(windows.codewords, self._window_bits, self._token_bits)

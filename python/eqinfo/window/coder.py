"""What codes the windows of a `WindowCodec`, and the choice among those that there are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from eqinfo.common.integers import check_integers, check_optional_integers
from eqinfo.common.progress import Progress
from eqinfo.common.symbols import Symbols
from eqinfo.models.protocol import Model
from eqinfo.window.encoded import EncodedWindows
from eqinfo.window.engine import WindowEngine
from eqinfo.window.lanes import decode_windows, encode_bijective
from eqinfo.window.padded import decode_padded, encode_padded
from eqinfo.window.parameters import Codewords, WindowParameters


class WindowCoder(Protocol):
    """Documents of symbols to codewords, and back."""

    def encode(self, documents: Sequence[Symbols]) -> list[Codewords]:
        """Encode documents in parallel; an empty one has no codewords."""
        ...

    def decode(self, documents: Sequence[Codewords]) -> list[Symbols]:
        """Decode documents in parallel; the reverse of `encode`."""
        ...

    def windows(self, document: Symbols) -> EncodedWindows:
        """Encode one document; return all that is known of its windows."""
        ...

    def with_empty_memo(self) -> WindowCoder:
        """Return a coder of the same windows that will ask the model for every prediction."""
        ...


@dataclass(frozen=True)
class LaneCoder:
    """A `WindowCoder` of bijective windows that asks the model for every symbol.

    Attributes:
        model: any model.
        parameters: of the windows.
        lanes: the most documents or segments that are coded at once.
    """

    model: Model
    parameters: WindowParameters
    lanes: int

    def encode(self, documents: Sequence[Symbols]) -> list[Codewords]:
        """See `WindowCoder.encode`."""
        return [windows.codewords for windows in self._encode(documents)]

    def windows(self, document: Symbols) -> EncodedWindows:
        """See `WindowCoder.windows`."""
        return self._encode([document])[0]

    def decode(self, documents: Sequence[Codewords]) -> list[Symbols]:
        """See `WindowCoder.decode`."""
        return decode_windows(self.model, documents, self.parameters, self.lanes)

    def with_empty_memo(self) -> LaneCoder:
        """Return itself: it remembers nothing."""
        return self

    def _encode(self, documents: Sequence[Symbols]) -> list[EncodedWindows]:
        return encode_bijective(self.model, documents, self.parameters, self.lanes)


class PaddedCoder(LaneCoder):
    """A `WindowCoder` of the paper's windows, padded or delayed."""

    def decode(self, documents: Sequence[Codewords]) -> list[Symbols]:
        """See `WindowCoder.decode`."""
        return decode_padded(self.model, documents, self.parameters, self.lanes)

    def _encode(self, documents: Sequence[Symbols]) -> list[EncodedWindows]:
        return encode_padded(self.model, documents, self.parameters, self.lanes)


def choose_coder(
    model: Model,
    parameters: WindowParameters,
    lanes: int,
    memory: int,
    idle_memory: int | None,
    progress: Progress | None,
) -> WindowCoder:
    """Return the fastest coder for such windows; the arguments are those of `WindowCodec`."""
    lanes, memory = check_integers(lanes=lanes, memory=memory)
    (idle_memory,) = check_optional_integers(idle_memory=idle_memory)
    if WindowEngine.supports(model, parameters):
        return WindowEngine(model, parameters, lanes, memory, idle_memory, progress)
    if parameters.variant == "bijective":
        return LaneCoder(model, parameters, lanes)
    return PaddedCoder(model, parameters, lanes)

"""WindowCodec: text as equal-info windows that decode on their own (arXiv 2404.03626, section 3.3).

Encoding runs one lane a document, decoding one lane a segment (the windows between two resets of
the model), all side by side; a lane that finishes takes the next document or segment. With the
model reset at every window, `eqinfo.window.engine` remembers what it answered.
"""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

import eqinfo._core as _core
from eqinfo.codecs.base import DEFAULT_LANES, Codec
from eqinfo.common.batch import Documents, TextBatch, TokenBatch
from eqinfo.common.symbols import Symbols
from eqinfo.common.text import Text, to_bytes
from eqinfo.common.tokens import Tokens, as_tokens
from eqinfo.errors import FormatError, ModelError, UnsupportedError
from eqinfo.frequency import FREQUENCY_RULE
from eqinfo.models.native_model import NativeModel
from eqinfo.models.protocol import Model, TextModel
from eqinfo.range_coder import as_symbols
from eqinfo.window.engine import DEFAULT_MEMORY, EngineStatistics, Progress, WindowEngine
from eqinfo.window.lanes import ClosedWindow, decode_windows, encode_bijective
from eqinfo.window.padded import decode_padded, encode_padded
from eqinfo.window.parameters import Codewords, WindowParameters
from eqinfo.window.steps import Variant, codeword_ints, window_precision
from eqinfo.window.stream import WindowStream

if TYPE_CHECKING:
    from eqinfo.cuda.windows import DeviceWindows


@dataclass(frozen=True)
class WindowView:
    """One window of a text, for people to look at.

    Attributes:
        text: the bytes of the window.
        codeword: below 2^window_bits.
        spare_bits: bits of information that the window still had room for.
        shortened: symbols that a padded or delayed window gave back to the next one.
        misread: True where the paper's decoder would have read past the end of the window that its
            encoder had made (only in padded windows).
    """

    text: bytes
    codeword: int
    spare_bits: float
    shortened: int
    misread: bool


class WindowCodec(Codec):
    """Codes every window of text into the same number of bits.

    Args:
        model: the model (M1). Of a native model that is reset at every window, that without
            history is taken.
        window_bits: bits of a window: from the precision to 128.
        token_bits: bits of a token, 1 to 16 (default: the smaller of 16 and window_bits). The
            codewords follow each other, most significant bit first, and are cut into tokens; it
            need not divide window_bits.
        precision: of the frequencies, in bits (default: min(16, window_bits)); at least ceil(log2
            V) + 4.
        variant: "bijective" (every codeword means one text), "padded" or "delay" (those of the
            paper).
        reset_every: windows between resets of the model; 1 makes every window decode on its own, 0
            means never.
        lanes: documents or segments coded side by side; the tokens do not depend on it.
        memory: bytes in which to remember the model's answers; the tokens do not depend on it.
            Bijective windows with reset_every=1 of a native model or a `ContextModel` remember
            them, from call to call. Calls that overlap in several threads take as much each.
        progress: called with the number of symbols coded since it was called last, again and again,
            where answers are remembered.
        verify: decode before tokens are returned; ModelMismatchError where a model changed its
            answers.

    Raises:
        ValueError: parameters that do not fit together; says which and why.
    """

    def __init__(
        self,
        model: Model,
        window_bits: int = 16,
        token_bits: int | None = None,
        *,
        precision: int | None = None,
        variant: Variant = "bijective",
        reset_every: int = 1,
        lanes: int = DEFAULT_LANES,
        memory: int = DEFAULT_MEMORY,
        progress: Progress | None = None,
        verify: bool = False,
    ) -> None:
        if reset_every == 1 and isinstance(model, NativeModel):
            model = model.without_history()
        precision = window_precision(window_bits, model.vocab_size, precision)
        if token_bits is None:
            token_bits = min(16, window_bits)
        super().__init__(model, precision, token_bits, lanes, verify)
        if variant != "bijective" and token_bits > window_bits:
            raise ValueError(
                f"expected token_bits up to window_bits ({window_bits}) for {variant} windows, "
                f"found {token_bits}"
            )
        if reset_every < 0:
            raise ValueError(f"expected reset_every of 0 (never) or more, found {reset_every}")
        self.parameters = WindowParameters(window_bits, precision, variant, reset_every)
        self._on_device: DeviceWindows | None = None
        self._engine: WindowEngine | None = None
        if WindowEngine.serves(model, self.parameters):
            self._engine = WindowEngine(model, self.parameters, lanes, memory, progress)

    @property
    def window_bits(self) -> int:
        """Bits of a window."""
        return self.parameters.window_bits

    @property
    def fingerprint(self) -> str:
        """Identifies the model and every parameter that the tokens depend on."""
        parts = ("window", 1, FREQUENCY_RULE, self.parameters, self.token_bits)
        digest = hashlib.blake2b(repr((*parts, self.model.fingerprint)).encode(), digest_size=16)
        return digest.hexdigest()

    @property
    def statistics(self) -> EngineStatistics | None:
        """Model calls, symbols and memory so far; None where answers are not remembered."""
        return None if self._engine is None else self._engine.statistics

    def prepare(self, least_bits: int = 16) -> None:
        """Ask the model at once for all windows that begin with what owns 2^least_bits codewords.

        Coding then asks only for longer prefixes. It pays where few documents are coded at a time,
        because the model answers much faster for many contexts at once; else they are asked for as
        they come. Stops where ``memory`` is full.

        Raises:
            UnsupportedError: this model's answers are not remembered.
            ValueError: least_bits beyond 1 to window_bits.
        """
        if self._engine is None:
            raise UnsupportedError(
                "expected bijective windows with reset_every=1 of a native model or a "
                f"ContextModel, found {self.parameters} of {type(self.model).__name__}"
            )
        self._engine.prepare(least_bits)

    def on_device(self, device: str = "cuda") -> WindowCodec:
        """Return this codec with the model's lanes, states and logits on a GPU.

        Bijective windows of a `TorchModel` whose module is there, or of a
        `eqinfo.cuda.models.DeviceModel`. The kernels compute what the processor does, so the tokens
        are those of its logits; but a module's logits differ from device to device, so decode where
        you encoded. ``lanes`` are the rows of the model's calls.

        Raises:
            DeviceError: the module is on another device.
            UnsupportedError: no CUDA, no PyTorch, or another kind of model.
            ValueError: padded or delayed windows.
        """
        from eqinfo.cuda.memory import torch
        from eqinfo.cuda.models import on_device
        from eqinfo.cuda.windows import CudaKernels, DeviceWindows

        kernels = CudaKernels()
        model, place = on_device(self.model, torch.device(device))
        placed = copy.copy(self)
        placed._engine = None
        placed._on_device = DeviceWindows(model, self.parameters, place, kernels)
        return placed

    def encode_batch(self, texts: Documents, *, device: str | None = None) -> TokenBatch:
        """Encode documents side by side: the tokens of `encode` for each.

        Args:
            texts: an iterable of texts, or what `batch.flat_texts` takes.
            device: code on a GPU, as `on_device` says.
        """
        return Codec.encode_batch(self if device is None else self.on_device(device), texts)

    def decode_batch(
        self, documents: Iterable[Tokens | Sequence[int]], *, device: str | None = None
    ) -> TextBatch:
        """Decode documents side by side: the text of `decode` for each, a sequence of str.

        Args:
            documents: the tokens of each.
            device: decode on a GPU, as `on_device` says.
        """
        return Codec.decode_batch(self if device is None else self.on_device(device), documents)

    def _encode_symbols(self, documents: Sequence[Symbols]) -> list[Tokens]:
        if self._on_device is not None:
            encoded = self._on_device.encode(documents)
            _raise_faults(encoded.faults, "symbol")
            return [self._pack(codewords) for codewords in encoded.pieces]
        if self._engine is not None:
            return [self._pack(windows.codewords) for windows in self._engine.encode(documents)]
        closed = self._close_windows(documents)
        return [self._pack(_codewords(windows)) for windows in closed]

    def decode_symbols(self, documents: Sequence[Tokens]) -> list[Symbols]:
        """Decode documents side by side, as `Codec.decode_symbols`."""
        codewords = [self._unpack(tokens) for tokens in documents]
        if self.parameters.variant == "padded":
            return decode_padded(self.model, codewords, self.parameters, self.lanes)
        return self._decode(codewords)

    def _decode_anew(self, documents: Sequence[Tokens]) -> list[Symbols]:
        if self._engine is None:
            return self.decode_symbols(documents)
        return self._engine.forgetting().decode([self._unpack(tokens) for tokens in documents])

    def encode_stream(self, chunks: Iterable[Text]) -> Iterator[Tokens]:
        """Encode a document that comes in pieces, in memory for one window and one piece.

        Yields tokens as soon as they are certain; together they are the tokens of `encode` for the
        joined pieces, however they are cut. Bijective windows only.

        Raises:
            ValueError: other windows, a model over other symbols than bytes, or verify, which
                needs the whole document.
        """
        if isinstance(self.model, TextModel) or self.model.vocab_size != 256:
            raise ValueError("expected a model over bytes to stream: pieces of text are not ids")
        if self.verify:
            raise ValueError(
                "expected a codec without verify to stream: it decodes whole documents"
            )
        stream = WindowStream(self.model, self.parameters, self.token_bits)
        for chunk in chunks:
            yield stream.push(as_symbols(to_bytes(chunk)))
        yield stream.finish()

    def decode_windows(
        self, tokens: Tokens | Sequence[int], start: int = 0, stop: int | None = None
    ) -> bytes:
        """Decode windows ``start`` to ``stop`` - 1 alone, without those before them.

        Raises:
            ValueError: start is not where the model was reset (a multiple of reset_every).
        """
        self._require_text()
        if self.parameters.variant == "padded":
            raise ValueError(
                "a padded document decodes as a whole: its last window says where it ends"
            )
        every = self.parameters.reset_every
        if start < 0 or (start % every if every else start):
            raise ValueError(f"expected start at a reset of the model, found window {start}")
        codewords = self._unpack(as_tokens(tokens))[start:stop]
        symbols = self._decode([codewords])[0]
        return self._from_symbols(symbols)

    def windows(self, text: Text) -> list[WindowView]:
        """Return every window of a text, in order."""
        self._require_text()
        symbols = self._to_symbols(to_bytes(text))
        views, begin = [], 0
        for window in self._closed(symbols):
            views.append(
                WindowView(
                    self._from_symbols(symbols[begin : window.end]),
                    codeword_ints(window.codeword.reshape(1, 2))[0],
                    window.spare_bits,
                    window.shortened,
                    window.misread,
                )
            )
            begin = window.end
        return views

    def _closed(self, symbols: Symbols) -> list[ClosedWindow]:
        if self._engine is None:
            return self._close_windows([symbols])[0]
        windows = self._engine.encode([symbols])[0]
        return [
            ClosedWindow(codeword, int(end), float(spare))
            for codeword, end, spare in zip(
                windows.codewords, windows.ends, windows.spare_bits, strict=True
            )
        ]

    def _close_windows(self, documents: Sequence[Symbols]) -> list[list[ClosedWindow]]:
        bijective = self.parameters.variant == "bijective"
        encode = encode_bijective if bijective else encode_padded
        return encode(self.model, documents, self.parameters, self.lanes)

    def _decode(self, documents: Sequence[Codewords]) -> list[Symbols]:
        if self._on_device is not None:
            decoded = self._on_device.decode(documents)
            _raise_faults(decoded.faults, "window")
            return decoded.pieces
        if self._engine is not None:
            return self._engine.decode(documents)
        return decode_windows(self.model, documents, self.parameters, self.lanes)

    def _pack(self, codewords: Codewords) -> Tokens:
        return _core.pack_codewords(codewords, self.window_bits, self.token_bits)

    def _unpack(self, tokens: Tokens) -> Codewords:
        try:
            return _core.unpack_codewords(tokens, self.window_bits, self.token_bits)
        except FormatError as error:
            raise FormatError(
                f"windows of {self.window_bits} bits in tokens of {self.token_bits}: {error}"
            ) from None


def _raise_faults(faults: Mapping[int, tuple[str, int]], unit: str) -> None:
    if faults:
        first = min(faults)
        what, done = faults[first]
        raise ModelError(f"document {first}, {unit} {done}: {what}")


def _codewords(windows: Sequence[ClosedWindow]) -> Codewords:
    return np.array([window.codeword for window in windows], np.uint64).reshape(-1, 2)

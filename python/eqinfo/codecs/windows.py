"""WindowCodec: text as equal-info windows that decode on their own (arXiv 2404.03626, section 3.3).

The codec checks parameters, and turns text into symbols and codewords into tokens. Between them a
`eqinfo.window.coder.WindowCoder` turns symbols into codewords, in one of four ways: with a memo of
the model's answers (`eqinfo.window.engine`), on lanes without one (`eqinfo.window.lanes`), as the
paper's windows (`eqinfo.window.padded`), or on a GPU (`eqinfo.cuda.windows`).
"""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Iterable, Iterator, Sequence

import eqinfo._core as _core
from eqinfo.codecs.model_codec import DEFAULT_LANES, ModelCodec
from eqinfo.codecs.window_view import WindowView, WindowViews
from eqinfo.common.batch import Documents, TextBatch, TokenBatch
from eqinfo.common.integers import check_integers, check_optional_integers
from eqinfo.common.progress import Progress
from eqinfo.common.symbols import Symbols
from eqinfo.common.text import Text, to_bytes
from eqinfo.common.tokens import AnyTokens, Tokens, as_tokens
from eqinfo.errors import FormatError, UnsupportedError
from eqinfo.frequency import FREQUENCY_RULE
from eqinfo.models.check import check_model
from eqinfo.models.protocol import Model
from eqinfo.models.window_form import window_form
from eqinfo.range_coder import as_symbols
from eqinfo.window.coder import choose_coder
from eqinfo.window.engine import DEFAULT_MEMORY, EngineStatistics, WindowEngine
from eqinfo.window.parameters import Codewords, WindowParameters
from eqinfo.window.steps import Variant, codeword_ints, window_precision
from eqinfo.window.stream import WindowStream


class WindowCodec(ModelCodec):
    """Codes text as windows that all have the same number of bits.

    Examples:
        >>> import eqinfo
        >>> codec = eqinfo.WindowCodec(eqinfo.models.load("en"), window_bits=32)
        >>> codec.encode("It was the best of times.")  # two windows, two tokens each
        array([15368, 24555, 36475, 22886], dtype=uint16)
        >>> [window.text for window in codec.windows("It was the best of times.")]
        [b'It was the best of t', b'imes.']
        >>> codec.decode_windows([15368, 24555, 36475, 22886], start=1)
        b'imes.'

    Args:
        model: the model (M1). One that is reset at every window has small contexts: a native model
            runs without history, a transformer with contexts of at most 64 symbols.
        window_bits: bits per window, from the precision to 128.
        token_bits: bits per token, 1 to 16 (default: window_bits, at most 16). The codewords follow
            each other, most significant bit first, and are cut into tokens; token_bits need not
            divide window_bits.
        precision: bits of the frequencies, at least ceil(log2 V) + 4 for an alphabet of V symbols
            (default: min(16, window_bits), raised to that if need be).
        variant: "bijective" (every codeword means one text), or "padded" or "delay" (those of the
            paper).
        reset_every: windows between two resets of the model. With 1 every window decodes on its
            own; with 0 the model is never reset.
        lanes: the most documents or segments (the windows between two resets) that are coded in
            parallel; the tokens do not depend on it.
        memory: the most bytes in which to remember the model's answers, from call to call; the
            tokens do not depend on it. Answers are remembered for bijective windows with
            reset_every=1 of a native model or a `ContextModel`. Calls that overlap in several
            threads use as much each.
        idle_memory: the most bytes that all answers together may take between calls (default: no
            limit, so what calls have used is kept). Answers that exceed it when a call ends are
            dropped.
        progress: called as ``progress(done, total)`` while a call runs: symbols that it has coded,
            and all that it will code (None when decoding). Only where answers are remembered.
        verify: decode the tokens before they are returned; ModelMismatchError if the model gave a
            different answer for the same context.

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
        idle_memory: int | None = None,
        progress: Progress | None = None,
        verify: bool = False,
    ) -> None:
        check_model(model)
        window_bits, reset_every = check_integers(window_bits=window_bits, reset_every=reset_every)
        if reset_every == 1:
            model = window_form(model)
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
        self._coder = choose_coder(model, self.parameters, lanes, memory, idle_memory, progress)

    def __repr__(self) -> str:
        """Return a short description."""
        of = self.parameters
        return (
            f"WindowCodec({self.model!r}, window_bits={of.window_bits}, "
            f"token_bits={self.token_bits}, precision={of.precision}, variant={of.variant!r}, "
            f"reset_every={of.reset_every})"
        )

    @property
    def window_bits(self) -> int:
        """Bits per window."""
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
        return self._coder.statistics if isinstance(self._coder, WindowEngine) else None

    def prepare(self, least_bits: int = 16) -> None:
        """Ask the model in advance what follows every prefix that owns 2^least_bits codewords.

        Coding then asks only for longer prefixes. This pays where few documents are coded at a
        time, because a model answers much faster for many contexts at once than one by one. It
        stops when ``memory`` is full.

        Raises:
            TypeError: least_bits is not an integer.
            UnsupportedError: this model's answers are not remembered.
            ValueError: least_bits outside 1 to window_bits.
        """
        if not isinstance(self._coder, WindowEngine):
            raise UnsupportedError(
                "expected bijective windows with reset_every=1 of a native model or a "
                f"ContextModel, found {self.parameters} of {type(self.model).__name__}"
            )
        (least_bits,) = check_integers(least_bits=least_bits)
        self._coder.prepare(least_bits)

    def on_device(self, device: str = "cuda") -> WindowCodec:
        """Return this codec with the model's lanes, states and logits on a GPU.

        This needs bijective windows, and a `TransformerModel`, a `TorchModel` whose module is on
        the GPU, or an `eqinfo.cuda.models.DeviceModel`. The kernels compute what the processor
        does. So the tokens of a `TransformerModel` are those of the processor, on ``lanes`` lanes.
        A module's logits differ from device to device, so decode its tokens on the device on which
        you encoded; such a model has lanes of its own.

        Raises:
            DeviceError: the module is on another device.
            UnsupportedError: no CUDA, no PyTorch, or another kind of model.
            ValueError: padded or delayed windows.
        """
        from eqinfo.cuda.windows import device_coder

        placed = copy.copy(self)
        placed._coder = device_coder(self.model, self.parameters, self.lanes, device)
        return placed

    def encode_batch(self, texts: Documents, *, device: str | None = None) -> TokenBatch:
        """Encode documents in parallel: the tokens of `encode` for each.

        Args:
            texts: an iterable of texts, or what `batch.flat_texts` takes.
            device: encode on a GPU, as `on_device` says.

        Raises as `encode`, and as `on_device`.
        """
        if device is not None:
            return self.on_device(device).encode_batch(texts)
        return super().encode_batch(texts)

    def decode_batch(
        self, documents: Iterable[AnyTokens], *, device: str | None = None
    ) -> TextBatch:
        """Decode documents in parallel: the text of `decode` for each, as a sequence of str.

        Args:
            documents: a `TokenBatch`, or an iterable of token arrays or lists.
            device: decode on a GPU, as `on_device` says.

        Raises as `decode`, and as `on_device`.
        """
        if device is not None:
            return self.on_device(device).decode_batch(documents)
        return super().decode_batch(documents)

    def _encode_symbols(self, documents: Sequence[Symbols]) -> list[Tokens]:
        return [self._pack(codewords) for codewords in self._coder.encode(documents)]

    def _decode_symbols(self, documents: Sequence[Tokens]) -> list[Symbols]:
        return self._coder.decode([self._unpack(tokens) for tokens in documents])

    def _decode_without_memo(self, documents: Sequence[Tokens]) -> list[Symbols]:
        coder = self._coder.with_empty_memo()
        return coder.decode([self._unpack(tokens) for tokens in documents])

    def encode_stream(self, chunks: Iterable[Text]) -> Iterator[Tokens]:
        """Encode a document that arrives in pieces, in memory for one window and one piece.

        Yields tokens as soon as they are certain. Joined, they are the tokens of `encode` for the
        joined pieces, however these are cut. Bijective windows only.

        Raises:
            ValueError: other windows, a model over other symbols than bytes, or verify, which
                needs the whole document.
        """
        if self._text_model is not None or self.model.vocab_size != 256:
            raise ValueError(
                "expected a model over bytes to stream, found "
                f"{type(self.model).__name__} with {self.model.vocab_size} symbols: other symbols "
                "than bytes are made from whole documents"
            )
        if self.verify:
            raise ValueError(
                "expected a codec without verify to stream, found verify=True: it decodes whole "
                "documents"
            )
        stream = WindowStream(self.model, self.parameters, self.token_bits)
        for chunk in chunks:
            yield stream.push(as_symbols(to_bytes(chunk)))
        yield stream.finish()

    def decode_windows(self, tokens: AnyTokens, start: int = 0, stop: int | None = None) -> bytes:
        """Decode windows ``start`` to ``stop`` - 1 alone, without those before them.

        Raises:
            TypeError: start or stop is not an integer.
            ValueError: padded windows, or a start where the model is not reset (it must be a
                multiple of reset_every).
        """
        self._require_text()
        (start,) = check_integers(start=start)
        (stop,) = check_optional_integers(stop=stop)
        if self.parameters.variant == "padded":
            raise ValueError(
                "expected bijective or delayed windows to decode some of them, found padded ones: "
                "a padded document decodes as a whole, since its last window says where it ends"
            )
        every = self.parameters.reset_every
        if start < 0 or (start % every if every else start):
            raise ValueError(
                f"expected start at a reset of the model, found window {start} with "
                f"reset_every={every}"
            )
        codewords = self._unpack(as_tokens(tokens))[start:stop]
        return self._from_symbols(self._coder.decode([codewords])[0])

    def windows(self, text: Text) -> WindowViews:
        """Return every window of a text, in order; notebooks show them in colour."""
        self._require_text()
        symbols = self._to_symbols(to_bytes(text))
        found = self._coder.windows(symbols)
        ends = found.ends.tolist()
        columns = zip(
            [0, *ends][: len(ends)],
            ends,
            codeword_ints(found.codewords),
            found.spare_bits.tolist(),
            found.shortened.tolist(),
            found.misread.tolist(),
            strict=True,
        )
        views = (
            WindowView(self._from_symbols(symbols[begin:end]), *rest)
            for begin, end, *rest in columns
        )
        return WindowViews(views, self.window_bits)

    def _pack(self, codewords: Codewords) -> Tokens:
        return _core.pack_codewords(codewords, self.window_bits, self.token_bits)

    def _unpack(self, tokens: Tokens) -> Codewords:
        try:
            return _core.unpack_codewords(tokens, self.window_bits, self.token_bits)
        except FormatError as error:
            raise FormatError(
                f"windows of {self.window_bits} bits in tokens of {self.token_bits}: {error}"
            ) from None

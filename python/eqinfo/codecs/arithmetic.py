"""ArithmeticCodec: a document as one range-coded stream.

The methods AC and StaticAC of arXiv 2404.03626, section 3.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

import eqinfo._core as _core
from eqinfo.codecs.frame import (
    MAX_CHECK_BITS,
    compare_check,
    crc,
    get_length,
    put_check,
    put_length,
)
from eqinfo.codecs.model_codec import DEFAULT_LANES, ModelCodec
from eqinfo.codecs.streams import check_overrun, decode_streams, encode_streams
from eqinfo.common.integers import check_integers
from eqinfo.common.symbols import Symbols
from eqinfo.common.tokens import Tokens
from eqinfo.errors import FormatError
from eqinfo.frequency import FREQUENCY_RULE, MAX_PRECISION, min_precision, prediction_rows
from eqinfo.models.protocol import Model
from eqinfo.range_coder import DEFAULT_PRECISION, RangeDecoder, RangeEncoder

# The most symbols of a static model between looks whether a stream has ended too early.
_STATIC_ROUNDS = 1 << 16


class ArithmeticCodec(ModelCodec):
    """Codes a document as one stream, cut into tokens; it decodes only from its beginning.

    The tokens begin with the number of symbols (6 bits and its binary digits) and end exactly:
    tokens that decode are those that the text they decode to is encoded as. That alone does not
    notice damage: most streams without their last token decode to another text. With
    ``check_bits``, a checksum of the symbols follows them, and damaged tokens or another model's
    are a `ChecksumError` or another FormatError, except for one in 2^check_bits. A model with
    ``static_logits`` (`StaticModel`) is coded without calling it for every symbol; the tokens are
    the same.

    Examples:
        >>> import eqinfo
        >>> codec = eqinfo.ArithmeticCodec(eqinfo.models.load("en"))
        >>> tokens = codec.encode("It was the best of times, it was the worst of times.")
        >>> len(tokens)  # of 16 bits each, for 52 bytes
        6
        >>> codec.decode(tokens)
        'It was the best of times, it was the worst of times.'

    Args:
        model: the model (M1).
        token_bits: bits per token, 1 to 16.
        precision: bits of the frequencies.
        lanes: the most documents that are coded in parallel; the tokens do not depend on it.
        verify: decode the tokens before they are returned; ModelMismatchError if the model gave a
            different answer for the same context.
        check_bits: bits of the checksum that ends every document, 0 to 32, which is what it costs.
            0 gives the paper's streams; 16 or 32 are for tokens that are stored.

    Raises:
        ValueError: a parameter out of range.
    """

    def __init__(
        self,
        model: Model,
        token_bits: int = 16,
        precision: int = DEFAULT_PRECISION,
        lanes: int = DEFAULT_LANES,
        verify: bool = False,
        *,
        check_bits: int = 0,
    ) -> None:
        super().__init__(model, precision, token_bits, lanes, verify)
        least = min_precision(model.vocab_size)
        if not least <= self.precision <= MAX_PRECISION:
            raise ValueError(
                f"expected a precision of {least} to {MAX_PRECISION} bits for an alphabet of "
                f"{model.vocab_size}, found {precision}"
            )
        (check_bits,) = check_integers(check_bits=check_bits)
        if not 0 <= check_bits <= MAX_CHECK_BITS:
            raise ValueError(f"expected check_bits of 0 to {MAX_CHECK_BITS}, found {check_bits}")
        self.check_bits = check_bits

    def __repr__(self) -> str:
        """Return a short description."""
        return (
            f"ArithmeticCodec({self.model!r}, token_bits={self.token_bits}, "
            f"precision={self.precision}, check_bits={self.check_bits})"
        )

    @property
    def fingerprint(self) -> str:
        """Identifies the model and every parameter that the tokens depend on."""
        parameters = ("arithmetic", 1, FREQUENCY_RULE, self.precision, self.token_bits)
        # Without a check, the fingerprint is that of releases that had none.
        check = (f"check {self.check_bits}",) if self.check_bits else ()
        digest = hashlib.blake2b(
            repr((*parameters, *check, self.model.fingerprint)).encode(), digest_size=16
        )
        return digest.hexdigest()

    def _encode_symbols(self, documents: Sequence[Symbols]) -> list[Tokens]:
        static = self._static_frequencies()
        if static is not None:
            streams = [self._encode_static(document, static) for document in documents]
        else:
            streams = encode_streams(
                self.model, documents, self.precision, self.lanes, self.check_bits
            )
        return [_core.pack_bits(stream, bits, self.token_bits) for stream, bits in streams]

    def _decode_symbols(self, documents: Sequence[Tokens]) -> list[Symbols]:
        streams = [_Stream(tokens, self.token_bits) for tokens in documents]
        static = self._static_frequencies()
        if static is not None:
            return [self._decode_static(stream, static) for stream in streams]
        return decode_streams(self.model, streams, self.precision, self.lanes, self.check_bits)

    def _static_frequencies(self) -> NDArray[np.uint32] | None:
        logits = getattr(self.model, "static_logits", None)
        if logits is None:
            return None
        rows = prediction_rows(np.reshape(logits, (1, -1)), 1, self.model.vocab_size)
        return np.asarray(_core.frequencies(rows, self.precision)[0])

    def _encode_static(
        self, document: Symbols, frequencies: NDArray[np.uint32]
    ) -> tuple[bytes, int]:
        coder = RangeEncoder(1, self.precision)
        put_length(coder, len(document), 0)
        coder.extend_static(frequencies, document)
        put_check(coder, document, self.check_bits, 0)
        return coder.finish()

    def _decode_static(self, stream: _Stream, frequencies: NDArray[np.uint32]) -> Symbols:
        coder = RangeDecoder(1, self.precision)
        coder.start(stream.data)
        left = get_length(coder, 0)
        parts: list[Symbols] = []
        while left > 0:
            # The announced length is only believed as far as the stream goes.
            parts.append(coder.extend_static(frequencies, min(left, _STATIC_ROUNDS)))
            left -= len(parts[-1])
            check_overrun(coder, np.zeros(1, np.int64))
        symbols = np.concatenate(parts) if parts else np.empty(0, np.int32)
        if self.check_bits:
            compare_check(coder, crc(symbols), self.check_bits, 0)
        stream.check_end(coder, 0)
        return symbols


class _Stream:
    """The bits of a document's tokens."""

    def __init__(self, tokens: Tokens, token_bits: int) -> None:
        self.data = _core.unpack_bits(tokens, token_bits)
        self._token_bits = token_bits
        self._tokens = len(tokens)

    def check_end(self, coder: RangeDecoder, lane: int) -> None:
        """Check that the stream of a lane ends as an encoder ends it."""
        expected = -(-coder.end(lane) // self._token_bits)
        if expected != self._tokens:
            raise FormatError(
                f"expected {expected} tokens for the text that they decode to, found "
                f"{self._tokens}: the stream is truncated, altered, or from another model"
            )

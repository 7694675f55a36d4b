"""ArithmeticCodec: a document as one range-coded stream.

AC and StaticAC of arXiv 2404.03626, section 3.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

import eqinfo._core as _core
from eqinfo.codecs.base import DEFAULT_LANES, Codec
from eqinfo.common.symbols import Symbols, concatenate_by
from eqinfo.common.tokens import Tokens
from eqinfo.errors import FormatError
from eqinfo.frequency import FREQUENCY_RULE, MAX_PRECISION, min_precision, prediction_rows
from eqinfo.models.lanes import coding_lanes
from eqinfo.models.protocol import Model
from eqinfo.range_coder import DEFAULT_PRECISION, RangeDecoder, RangeEncoder

# The number of symbols stands before them: its bit width in 6 bits, then the bits below its
# leading one.
_WIDTH_BITS = 6
_CHUNK_BITS = 16
# Symbols coded on every lane at once, at most. Decoding looks for the end of a broken stream as
# often; where one document is decoded without a model, after as many symbols as below.
_ROUNDS = 256
_OVERRUN_SYMBOLS = 1 << 16


class ArithmeticCodec(Codec):
    """Codes a document as one stream, cut into tokens; it decodes only from its beginning.

    The tokens begin with the number of symbols (6 bits and its binary digits) and end exactly: any
    truncation or addition is noticed. A model with ``static_logits`` (`StaticModel`) is coded
    without steps; the tokens are the same.

    Args:
        model: the model (M1).
        token_bits: bits of a token, 1 to 16.
        precision: of the frequencies, in bits.
        lanes: documents coded side by side.
        verify: decode before tokens are returned; ModelMismatchError where a model changed its
            answers.
    """

    def __init__(
        self,
        model: Model,
        token_bits: int = 16,
        precision: int = DEFAULT_PRECISION,
        lanes: int = DEFAULT_LANES,
        verify: bool = False,
    ) -> None:
        super().__init__(model, precision, token_bits, lanes, verify)
        least = min_precision(model.vocab_size)
        if not least <= precision <= MAX_PRECISION:
            raise ValueError(
                f"expected a precision of {least} to {MAX_PRECISION}, found {precision}"
            )

    @property
    def fingerprint(self) -> str:
        """Identifies the model and every parameter that the tokens depend on."""
        parameters = ("arithmetic", 1, FREQUENCY_RULE, self.precision, self.token_bits)
        digest = hashlib.blake2b(
            repr((*parameters, self.model.fingerprint)).encode(), digest_size=16
        )
        return digest.hexdigest()

    def _encode_symbols(self, documents: Sequence[Symbols]) -> list[Tokens]:
        streams: list[tuple[bytes, int]] = [(b"", 0)] * len(documents)
        static = self._static_frequencies()
        if static is not None:
            for i, document in enumerate(documents):
                coder = RangeEncoder(1, self.precision)
                _put_length(coder, len(document), 0)
                coder.extend_static(static, document)
                streams[i] = coder.finish()
        else:
            for i, stream in self._encode_lanes(documents):
                streams[i] = stream
        return [_core.pack_bits(stream, bits, self.token_bits) for stream, bits in streams]

    def decode_symbols(self, documents: Sequence[Tokens]) -> list[Symbols]:
        """Decode documents side by side, as `Codec.decode_symbols`."""
        streams = [_core.unpack_bits(tokens, self.token_bits) for tokens in documents]
        static = self._static_frequencies()
        if static is not None:
            return [
                self._decode_static(stream, len(tokens), static)
                for stream, tokens in zip(streams, documents, strict=True)
            ]
        return self._decode_lanes(streams, [len(tokens) for tokens in documents])

    def _static_frequencies(self) -> NDArray[np.uint32] | None:
        logits = getattr(self.model, "static_logits", None)
        if logits is None:
            return None
        rows = prediction_rows(np.reshape(logits, (1, -1)), 1, self.model.vocab_size)
        return np.asarray(_core.frequencies(rows, self.precision)[0])

    def _encode_lanes(
        self, documents: Sequence[Symbols]
    ) -> Iterator[tuple[int, tuple[bytes, int]]]:
        queue = iter(range(len(documents)))
        lanes = max(1, min(self.lanes, len(documents)))
        coder = RangeEncoder(lanes, self.precision)
        contexts = coding_lanes(self.model, lanes, self.precision)
        document = np.zeros(lanes, np.int64)
        position = np.zeros(lanes, np.int64)
        end = np.zeros(lanes, np.int64)
        active = np.zeros(0, np.int64)
        idle = list(range(lanes))
        while True:
            started = []
            for lane in idle:
                for index in queue:
                    _put_length(coder, len(documents[index]), lane)
                    if len(documents[index]) == 0:
                        yield index, coder.finish(lane)
                        continue
                    document[lane], position[lane], end[lane] = index, 0, len(documents[index])
                    started.append(lane)
                    break
            contexts.reset(np.array(started, np.int64))
            active = np.sort(np.concatenate([active, np.array(started, np.int64)]))
            if len(active) == 0:
                return
            rounds = min(_ROUNDS, int((end[active] - position[active]).min()))
            symbols = [
                documents[document[lane]][position[lane] : position[lane] + rounds]
                for lane in active
            ]
            contexts.encode(coder, np.ascontiguousarray(np.transpose(symbols)), active)
            position[active] += rounds
            idle = active[position[active] == end[active]].tolist()
            for lane in idle:
                yield int(document[lane]), coder.finish(lane)
            if idle:
                active = np.setdiff1d(active, idle)

    def _decode_lanes(self, streams: Sequence[bytes], sizes: Sequence[int]) -> list[Symbols]:
        queue = iter(range(len(streams)))
        lanes = max(1, min(self.lanes, len(streams)))
        coder = RangeDecoder(lanes, self.precision)
        contexts = coding_lanes(self.model, lanes, self.precision)
        document = np.zeros(lanes, np.int64)
        left = np.zeros(lanes, np.int64)
        keys: list[NDArray[np.int64]] = []
        values: list[Symbols] = []
        active = np.zeros(0, np.int64)
        idle = list(range(lanes))
        while True:
            started = []
            for lane in idle:
                for index in queue:
                    coder.start(streams[index], lane)
                    length = _get_length(coder, lane)
                    if length == 0:
                        self._finish(coder, lane, sizes[index])
                        continue
                    document[lane], left[lane] = index, length
                    started.append(lane)
                    break
            contexts.reset(np.array(started, np.int64))
            active = np.sort(np.concatenate([active, np.array(started, np.int64)]))
            if len(active) == 0:
                return concatenate_by(keys, values, len(streams))
            rounds = min(_ROUNDS, int(left[active].min()))
            symbols = contexts.decode(coder, rounds, active)
            keys.append(np.repeat(document[active], rounds))
            values.append(symbols.T.ravel())
            left[active] -= rounds
            idle = active[left[active] == 0].tolist()
            for lane in idle:
                self._finish(coder, lane, sizes[document[lane]])
            _check_overrun(coder, active)
            if idle:
                active = np.setdiff1d(active, idle)

    def _decode_static(self, stream: bytes, size: int, frequencies: NDArray[np.uint32]) -> Symbols:
        coder = RangeDecoder(1, self.precision)
        coder.start(stream)
        left = _get_length(coder, 0)
        parts = []
        while left > 0:
            # The length is only believed as far as the stream goes.
            parts.append(coder.extend_static(frequencies, min(left, _OVERRUN_SYMBOLS)))
            left -= len(parts[-1])
            _check_overrun(coder, np.zeros(1, np.int64))
        self._finish(coder, 0, size)
        return np.concatenate(parts) if parts else np.empty(0, np.int32)

    def _finish(self, coder: RangeDecoder, lane: int, size: int) -> None:
        """Check that the stream ends as an encoder ends it; ``size`` in tokens."""
        bits = coder.end(lane)
        expected = -(-bits // self.token_bits)
        if expected != size:
            raise FormatError(
                f"expected {expected} tokens for the text that they decode to, found {size}: "
                "the stream is truncated, altered or from another model"
            )


def _check_overrun(coder: RangeDecoder, lanes: NDArray[np.int64]) -> None:
    for lane in lanes:
        if coder.overrun(int(lane)):
            raise FormatError(
                "the stream ends before its text: truncated, altered, or another model"
            )


def _put_length(coder: RangeEncoder, length: int, lane: int) -> None:
    width = length.bit_length()
    coder.put_bits(width, _WIDTH_BITS, lane)
    left = max(0, width - 1)
    while left > 0:
        taken = min(left, _CHUNK_BITS)
        left -= taken
        coder.put_bits((length >> left) & ((1 << taken) - 1), taken, lane)


def _get_length(coder: RangeDecoder, lane: int) -> int:
    width = coder.get_bits(_WIDTH_BITS, lane)
    length = min(width, 1)
    left = max(0, width - 1)
    while left > 0:
        taken = min(left, _CHUNK_BITS)
        left -= taken
        length = length << taken | coder.get_bits(taken, lane)
    return length

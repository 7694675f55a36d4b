"""Tokenizations that turn a document into one string of bytes: plain UTF-8, and GZip."""

from __future__ import annotations

import zlib
from abc import abstractmethod
from collections.abc import Sequence

import numpy as np

from eqinfo.common.text import to_text
from eqinfo.errors import FormatError
from eqinfo.experiment.tokenizations.base import Ids, Piece, Texts, Tokenization

_GZIP_WBITS = {True: 31, False: -15}  # zlib's codes: gzip's header and footer, or raw Deflate


class ByteStream(Tokenization):
    """A document as a string of bytes, cut into tokens of one or two bytes, big-endian.

    A last token that is only half full is padded with a zero byte.

    Args:
        name: as in the catalogue.
        token_bits: 8 or 16.
    """

    def __init__(self, name: str, token_bits: int) -> None:
        super().__init__(name, 1 << token_bits)
        self._dtype = np.dtype(f">u{token_bits // 8}")

    @abstractmethod
    def _compress(self, data: bytes) -> bytes:
        """Return the stream for a document."""

    @abstractmethod
    def _decompress(self, stream: bytes) -> bytes:
        """Return the document; ignore padding at the end of the stream.

        Raises:
            FormatError: a stream that `_compress` does not write.
        """

    def encode_batch(self, texts: Texts) -> list[Ids]:
        """Return the ids of every document."""
        return [self._tokens(self._compress(text.encode())) for text in texts]

    def _tokens(self, stream: bytes) -> Ids:
        stream += bytes(-len(stream) % self._dtype.itemsize)
        return np.frombuffer(stream, self._dtype).astype(np.int64)

    def decode_batch(self, documents: Sequence[Ids]) -> list[str]:
        """Return the text of every document."""
        streams = (self._known(ids).astype(self._dtype).tobytes() for ids in documents)
        return [to_text(self._decompress(stream)) for stream in streams]


class Bytes(ByteStream):
    """UTF-8 bytes, as in ByT5 but without its special ids."""

    def __init__(self) -> None:
        super().__init__("Bytes", 8)

    def _compress(self, data: bytes) -> bytes:
        return data

    def _decompress(self, stream: bytes) -> bytes:
        return stream

    piece_ids = 1

    def decode_piece(self, ids: Ids) -> bytes:
        """Return the byte."""
        return bytes(self._known(ids).tolist())

    def pieces(self, text: str) -> list[Piece]:
        """Return the bytes, one by one."""
        return [Piece(bytes([byte]), (byte,)) for byte in text.encode()]


class GZip(ByteStream):
    """A document as one Deflate stream at zlib's default level (section 3.4).

    Args:
        name: as in the catalogue.
        token_bits: 8 or 16.
        header: whether to keep gzip's header and footer.
    """

    def __init__(self, name: str, token_bits: int, header: bool) -> None:
        super().__init__(name, token_bits)
        self._wbits = _GZIP_WBITS[header]

    def _compress(self, data: bytes) -> bytes:
        deflate = zlib.compressobj(wbits=self._wbits)
        return deflate.compress(data) + deflate.flush()

    def _decompress(self, stream: bytes) -> bytes:
        inflate = zlib.decompressobj(wbits=self._wbits)
        try:
            data = inflate.decompress(stream)
        except zlib.error as error:
            raise FormatError(f"{self.name}: expected a Deflate stream, found {error}") from None
        if not inflate.eof:
            raise FormatError(
                f"{self.name}: expected a whole Deflate stream, found one that is truncated after "
                f"{len(stream)} bytes"
            )
        return data

"""The header of a token file: which codec the tokens belong to."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any

import numpy as np

from eqinfo.codebook.sizes import MAX_CODEBOOK_BITS
from eqinfo.common.tokens import MAX_TOKEN_BITS
from eqinfo.container.checksum import short_checksum
from eqinfo.container.header import MODEL_ID_BYTES, CodecId
from eqinfo.container.magic import TOKEN_MAGIC, is_container
from eqinfo.container.source import Source
from eqinfo.errors import (
    ChecksumError,
    ForeignFileError,
    FormatError,
    NewerVersionError,
    TruncatedError,
    UnsupportedError,
)

VERSION = 1
MAX_NAME_BYTES = 28

# Magic, version, codec, token_bits, window_bits, precision, check_bits, two zeros, model id, id of
# the codec's fingerprint, numeric id, name filled up with zeros. The checksum follows.
_FIXED = struct.Struct(f"<4s6B2s{MODEL_ID_BYTES}s{MODEL_ID_BYTES}sI{MAX_NAME_BYTES}s")
_CHECKSUM = struct.Struct("<I")
HEADER_BYTES = _FIXED.size + _CHECKSUM.size
_UNUSED = bytes(2)
_CODECS = (CodecId.CODEBOOK, CodecId.WINDOWS, CodecId.ARITHMETIC)


@dataclass(frozen=True)
class TokenHeader:
    """What a token file says about its tokens.

    Attributes:
        codec_id: the kind of codec.
        token_bits: bits per token, 1 to 16; up to 20 if the tokens are the ids of a codebook.
        window_bits: bits per window or id; 0 for `CodecId.ARITHMETIC`.
        precision: bits of the frequencies; 0 for `CodecId.CODEBOOK`.
        check_bits: of `ArithmeticCodec`; 0 for the others.
        model_id: identifies the codebook or model, as in compressed files.
        fingerprint_id: a hash of the codec's fingerprint, that is, of all that the tokens depend
            on.
        numeric_id: hash of the model's predictions for fixed contexts; 0 for a codebook.
        model_name: name of the codebook or model, for people; may be empty.
    """

    codec_id: CodecId
    token_bits: int
    window_bits: int
    precision: int
    check_bits: int
    model_id: bytes
    fingerprint_id: bytes
    numeric_id: int
    model_name: str

    @property
    def dtype(self) -> np.dtype[np.unsignedinteger[Any]]:
        """The dtype of the tokens in the file: little-endian uint16, or uint32 above 16 bits."""
        return np.dtype("<u2" if self.token_bits <= MAX_TOKEN_BITS else "<u4")

    def pack(self) -> bytes:
        """Return the bytes of the header in the file."""
        content = _FIXED.pack(
            TOKEN_MAGIC,
            VERSION,
            self.codec_id,
            self.token_bits,
            self.window_bits,
            self.precision,
            self.check_bits,
            _UNUSED,
            self.model_id,
            self.fingerprint_id,
            self.numeric_id,
            self.model_name.encode("ascii"),
        )
        return content + _CHECKSUM.pack(short_checksum(content))


def read_token_header(source: Source) -> tuple[TokenHeader, bytes]:
    """Read the header of a token file; return it and its bytes.

    Raises:
        ForeignFileError: not a token file.
        NewerVersionError: a later version.
        UnsupportedError: a codec that this release does not have.
        TruncatedError: the file ends within the header.
        ChecksumError: the header has been altered.
        FormatError: parameters that no writer uses.
    """
    place = source.at(source.offset)
    magic = source.up_to(len(TOKEN_MAGIC))
    if magic != TOKEN_MAGIC:
        raise _not_tokens(magic, place)
    version = source.exactly(1, "version")
    if version[0] != VERSION:
        raise NewerVersionError(
            f"{place}: expected version {VERSION} of token files, found {version[0]}; a later "
            "eqinfo may read it"
        )
    data = magic + version + source.exactly(HEADER_BYTES - len(magic) - 1, "header")
    content, (expected,) = data[: _FIXED.size], _CHECKSUM.unpack_from(data, _FIXED.size)
    found = short_checksum(content)
    if found != expected:
        raise ChecksumError(
            f"{place}: expected a header with the checksum {expected:08x}, found {found:08x}"
        )
    return _parse(content, place), data


def _not_tokens(magic: bytes, place: str) -> FormatError:
    if len(magic) < len(TOKEN_MAGIC) and TOKEN_MAGIC.startswith(magic):
        return TruncatedError(
            f"{place}: expected the header of a token file, found the end of the file after "
            f"{len(magic)} bytes"
        )
    if is_container(magic):
        return ForeignFileError(
            f"{place}: expected a token file, found a compressed file; use `eqinfo decompress`"
        )
    return ForeignFileError(
        f"{place}: expected a token file, which begins with {TOKEN_MAGIC!r}, found {magic!r}; "
        "tokens without a header are decoded with --raw"
    )


def _parse(content: bytes, place: str) -> TokenHeader:
    _, _, codec, token_bits, window_bits, precision, check_bits, unused, *rest = _FIXED.unpack(
        content
    )
    model, fingerprint, numeric, padded = rest
    if codec not in _CODECS:
        raise UnsupportedError(
            f"{place}: expected a codec of {', '.join(str(int(c)) for c in _CODECS)}, found {codec}"
        )
    # The ids of a codebook are tokens of any number of bits.
    is_id = codec == CodecId.CODEBOOK and token_bits == window_bits
    most = MAX_CODEBOOK_BITS if is_id else MAX_TOKEN_BITS
    if not 1 <= token_bits <= most:
        raise FormatError(f"{place}: expected tokens of 1 to {most} bits, found {token_bits}")
    name = padded.rstrip(b"\0")
    if unused != _UNUSED or not name.isascii() or not name.decode().isprintable():
        raise FormatError(
            f"{place}: expected two zeros and a name of printable ASCII, found {unused + name!r}"
        )
    return TokenHeader(
        CodecId(codec),
        token_bits,
        window_bits,
        precision,
        check_bits,
        model,
        fingerprint,
        numeric,
        name.decode(),
    )

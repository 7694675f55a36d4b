"""The header of a member: the codec, model and parameters of its blocks."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache

from eqinfo.container.checksum import short_checksum
from eqinfo.container.magic import CHECKPOINT_MAGIC, MAGIC
from eqinfo.container.source import Source
from eqinfo.errors import (
    ChecksumError,
    EqInfoError,
    ForeignFileError,
    FormatError,
    NewerVersionError,
    UnsupportedError,
)
from eqinfo.frequency import FREQUENCY_RULE
from eqinfo.mixer import TABLE_BITS

VERSION = 1
MAX_BLOCK_BYTES = 1 << 23
MAX_SEGMENT_BYTES = 1 << 20
MODEL_ID_BYTES = 8
MAX_NAME_BYTES = 64

# Magic, version, codec, frequency rule, precision, window_bits, length of the name, block_bytes,
# segment_bytes or the dictionary's id, model id, numeric id. The name and the checksum follow.
_FIXED = struct.Struct("<4s6B2I8sI")
_CHECKSUM = struct.Struct("<I")
MIN_HEADER_BYTES = _FIXED.size + _CHECKSUM.size
MAX_HEADER_BYTES = MIN_HEADER_BYTES + MAX_NAME_BYTES


class CodecId(IntEnum):
    """The number of a codec in a header."""

    STORED = 0
    CODEBOOK = 1
    RANGED = 2
    WINDOWS = 3
    ARITHMETIC = 4
    ADAPTIVE = 5
    MIXED = 6
    FAST = 7
    AUTO = 8
    # 9 stands for nothing: a golden file has it as an example of an unknown codec.
    ADAPTIVE_DICTIONARY = 10
    MIXED_DICTIONARY = 11

    @property
    def label(self) -> str:
        """The codec's name in the API and on the command line."""
        return self.name.lower().removesuffix("_dictionary")

    @property
    def has_model(self) -> bool:
        """Whether the codec takes a model (M1)."""
        return self in _WITH_MODEL

    @property
    def has_codebook(self) -> bool:
        """Whether the codec takes a codebook."""
        return self in (CodecId.CODEBOOK, CodecId.RANGED, CodecId.FAST)

    @property
    def has_segments(self) -> bool:
        """Whether the codec cuts a block into segments, which decode alone.

        `AUTO` does so where it takes a codec that does.
        """
        return self in (CodecId.WINDOWS, CodecId.ARITHMETIC, CodecId.AUTO)

    @property
    def has_mixer(self) -> bool:
        """Whether the codec learns from the data, so that a member may be solid."""
        return self in (CodecId.ADAPTIVE, CodecId.MIXED)

    @property
    def has_dictionary(self) -> bool:
        """Whether the codec reads a dictionary before each block."""
        return self in (CodecId.ADAPTIVE_DICTIONARY, CodecId.MIXED_DICTIONARY)


_WITH_MODEL = (
    CodecId.WINDOWS,
    CodecId.ARITHMETIC,
    CodecId.MIXED,
    CodecId.AUTO,
    CodecId.MIXED_DICTIONARY,
)


@dataclass(frozen=True)
class Header:
    """The parameters of a member.

    Attributes:
        codec_id: how blocks are coded.
        block_bytes: the most bytes of data in a block.
        segment_bytes: the most bytes of data in a segment; 0 if the codec has no segments.
        window_bits: bits of the codebook's ids or of the model's windows; for a mixer those of the
            tables of a solid member; 0 if there are none.
        precision: bits of the frequencies; 0 if the codec has none.
        model_id: identifies the codebook or model; zeros if there is none.
        numeric_id: hash of the model's predictions for fixed contexts; 0 if there is no model.
        model_name: name of the codebook or model, which finds a bundled one; may be empty.
        dictionary: id of the dictionary, 8 hexadecimal digits; empty if the codec has none.
    """

    codec_id: CodecId
    block_bytes: int
    segment_bytes: int = 0
    window_bits: int = 0
    precision: int = 0
    model_id: bytes = bytes(MODEL_ID_BYTES)
    numeric_id: int = 0
    model_name: str = ""
    dictionary: str = ""

    @property
    def solid(self) -> bool:
        """Whether each block of the member needs those before it."""
        return self.codec_id.has_mixer and self.window_bits > 0

    @property
    def size(self) -> int:
        """Bytes of the header in the file."""
        return _FIXED.size + len(self.model_name) + _CHECKSUM.size

    def pack(self) -> bytes:
        """Return the bytes of the header in the file."""
        name = self.model_name.encode("ascii")
        content = (
            _FIXED.pack(
                MAGIC,
                VERSION,
                self.codec_id,
                FREQUENCY_RULE if self.precision else 0,
                self.precision,
                self.window_bits,
                len(name),
                self.block_bytes,
                dictionary_number(self.dictionary) if self.dictionary else self.segment_bytes,
                self.model_id,
                self.numeric_id,
            )
            + name
        )
        return content + _CHECKSUM.pack(short_checksum(content))


def dictionary_number(dictionary: str) -> int:
    """Return a dictionary's id as a file has it, a u32."""
    return int.from_bytes(bytes.fromhex(dictionary), "little")


def dictionary_id(number: int) -> str:
    """Return the id of a dictionary from the number in a file."""
    return number.to_bytes(4, "little").hex()


def header_bytes(begin: bytes) -> int:
    """Return how many bytes of a file `read_header` needs, from those that are there.

    The answer is final once there are so many. What is not the beginning of a header is refused
    as it is, so it needs no more.
    """
    if not MAGIC.startswith(begin[: len(MAGIC)]):
        return len(begin)
    if len(begin) < _FIXED.size:
        return _FIXED.size
    name_bytes: int = _FIXED.unpack_from(begin)[6]
    return _FIXED.size + name_bytes + _CHECKSUM.size


def read_header(source: Source, magic: bytes) -> Header:
    """Read the header of a member, whose ``magic`` number has been read already.

    Raises:
        NewerVersionError: a later version.
        ForeignFileError: a training checkpoint.
        UnsupportedError: a codec or frequency rule that this release does not have.
        TruncatedError: the file ends within the header.
        ChecksumError: the header has been altered.
        FormatError: parameters that no writer uses.
    """
    begin = source.offset - len(magic)
    version = source.exactly(1, "version")
    if version[0] == CHECKPOINT_MAGIC[len(MAGIC)]:
        raise ForeignFileError(
            f"{source.at(begin)}: expected a compressed file, found a training checkpoint"
        )
    if version[0] != VERSION:
        raise NewerVersionError(
            f"{source.at(begin)}: expected version {VERSION}, found {version[0]}; a later eqinfo "
            "may read it"
        )
    rest = source.exactly(_FIXED.size - len(MAGIC) - 1, "header")
    fixed = magic + version + rest
    name_bytes = _FIXED.unpack(fixed)[6]
    tail = source.exactly(name_bytes + _CHECKSUM.size, "header")
    name, (expected,) = tail[:name_bytes], _CHECKSUM.unpack(tail[name_bytes:])
    found = short_checksum(fixed, name)
    if found != expected:
        raise ChecksumError(
            f"{source.at(begin)}: expected a header with the checksum {expected:08x}, found "
            f"{found:08x}"
        )
    try:
        return _parse(fixed, name)
    except EqInfoError as error:
        raise type(error)(f"{source.at(begin)}: {error}") from None


# Members of one file mostly have the same header.
@lru_cache(16)
def _parse(fixed: bytes, name: bytes) -> Header:
    _, _, codec, rule, precision, window_bits, _, block_bytes, segment_bytes, model, numeric = (
        _FIXED.unpack(fixed)
    )
    if codec not in list(CodecId):
        raise UnsupportedError(
            f"expected a codec of 0 to {max(CodecId)}, found {codec}; a later eqinfo may have it"
        )
    if rule != (FREQUENCY_RULE if precision else 0):
        raise UnsupportedError(
            f"expected frequency rule {FREQUENCY_RULE if precision else 0}, found {rule}"
        )
    if not 1 <= block_bytes <= MAX_BLOCK_BYTES:
        raise FormatError(f"expected blocks of 1 to {MAX_BLOCK_BYTES} bytes, found {block_bytes}")
    dictionary = ""
    if CodecId(codec).has_dictionary:
        dictionary, segment_bytes = dictionary_id(segment_bytes), 0
    if not (
        segment_bytes <= MAX_SEGMENT_BYTES and bool(segment_bytes) == CodecId(codec).has_segments
    ):
        raise FormatError(
            f"expected segments of 1 to {MAX_SEGMENT_BYTES} bytes for codecs with segments "
            f"and of 0 for others, found {segment_bytes} for {CodecId(codec).label}"
        )
    if CodecId(codec).has_mixer and window_bits not in (0, TABLE_BITS):
        raise UnsupportedError(
            f"expected independent blocks (0) or solid ones with tables of {TABLE_BITS} bits for "
            f"the codec {CodecId(codec).label}, found {window_bits}; a later eqinfo may have them"
        )
    kind = CodecId(codec)
    if any(model) and not (kind.has_model or kind.has_codebook):
        raise FormatError(
            f"expected zeros in place of a model for the codec {kind.label}, found {model.hex()}"
        )
    if numeric and not kind.has_model:
        raise FormatError(
            f"expected zeros in place of numerics for the codec {kind.label}, found {numeric:08x}"
        )
    if len(name) > MAX_NAME_BYTES or not name.isascii() or not name.decode().isprintable():
        raise FormatError(f"expected a name of printable ASCII, found {name!r}")
    return Header(
        CodecId(codec),
        block_bytes,
        segment_bytes,
        window_bits,
        precision,
        model,
        numeric,
        name.decode(),
        dictionary,
    )

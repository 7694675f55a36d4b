"""The compact form of a member: small data in one block, with at most 14 bytes around its code.

What the long form says in a header of its own follows here from two numbers: that of the codec,
and that of a bundled model or codebook.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace
from itertools import product
from typing import ClassVar, TypeAlias

from eqinfo.container.block import Block, memory_for
from eqinfo.container.block_codec import BlockCodec, Data
from eqinfo.container.checksum import short_checksum
from eqinfo.container.header import CodecId, Header, dictionary_id, dictionary_number
from eqinfo.container.magic import COMPACT_MAGIC, MAGIC_BYTES
from eqinfo.container.random_access import RandomAccess
from eqinfo.container.source import Source
from eqinfo.errors import (
    ChecksumError,
    EqInfoError,
    FormatError,
    ModelMismatchError,
    NewerVersionError,
    UnsupportedError,
)

VERSION = 1
MAX_COMPACT_BYTES = (1 << 15) - 16
"""Bytes of data in a compact member, at most: its own length then fits in 15 bits."""

_CHECKSUM = struct.Struct("<I")
_DICTIONARY_BYTES = 4
_MAX_HEAD_BYTES = len(COMPACT_MAGIC) + 2 + _DICTIONARY_BYTES + 2 * 2
_EXTENDED = 0x80  # in the first byte of a length that has two
_CODEC_BITS = 4

Number: TypeAlias = tuple[CodecId, int]

# Numbers of bundled codebooks, with the bits of their ids and their ids in headers. Numbers and
# what they stand for never change; a new codebook or model gets a new number.
_CODEBOOKS = {
    3: ("en", 16, "ccf5b8d2d88331da"),
    4: ("en-dense", 16, "19ef3580874ca9e6"),
    5: ("en-4k", 12, "cbd8e5dc2ec83755"),
    6: ("en-dense-4k", 12, "924bc3fbf0655ea4"),
    7: ("world", 16, "93b7154904016df6"),
}


def _codebook_header(codec_id: CodecId, number: int) -> Header:
    name, bits, model = _CODEBOOKS[number]
    precision = 24 if codec_id is CodecId.RANGED else 0
    return Header(
        codec_id, MAX_COMPACT_BYTES, 0, bits, precision, bytes.fromhex(model), model_name=name
    )


# Numbers of bundled models, with their ids and numeric ids in headers; and the same without their
# history, as windows use them.
_MODELS = {
    1: ("en", "3256c7bbc40c2094", 0x2E1BFF1B),
    8: ("world", "951e96ad8c7e716f", 0x969F9E2D),
}
_MODELS_OF_WINDOWS = {
    2: ("en", "cfbc8ba87225f0e8", 0x2E1BFF1B),
    9: ("world", "430098e10029cba9", 0x969F9E2D),
}


def _model_headers(number: int, name: str, model: str, numerics: int) -> dict[Number, Header]:
    id_ = bytes.fromhex(model)
    return {
        (CodecId.ARITHMETIC, number): Header(
            CodecId.ARITHMETIC, MAX_COMPACT_BYTES, 1 << 15, 0, 24, id_, numerics, name
        ),
        **{
            (codec_id, number): Header(codec_id, MAX_COMPACT_BYTES, 0, 0, 24, id_, numerics, name)
            for codec_id in (CodecId.MIXED, CodecId.MIXED_DICTIONARY)
        },
    }


def _windows_header(name: str, model: str, numerics: int) -> Header:
    return Header(
        CodecId.WINDOWS, MAX_COMPACT_BYTES, 1 << 12, 32, 16, bytes.fromhex(model), numerics, name
    )


# What a header in the long form would say, by the numbers of the codec and of the model.
HEADERS = {
    (CodecId.STORED, 0): Header(CodecId.STORED, MAX_COMPACT_BYTES),
    (CodecId.ADAPTIVE, 0): Header(CodecId.ADAPTIVE, MAX_COMPACT_BYTES),
    (CodecId.ADAPTIVE_DICTIONARY, 0): Header(CodecId.ADAPTIVE_DICTIONARY, MAX_COMPACT_BYTES),
    **{
        key: header
        for number, model in _MODELS.items()
        for key, header in _model_headers(number, *model).items()
    },
    **{
        (CodecId.WINDOWS, number): _windows_header(*model)
        for number, model in _MODELS_OF_WINDOWS.items()
    },
    **{
        key: _codebook_header(*key)
        for key in product((CodecId.CODEBOOK, CodecId.RANGED, CodecId.FAST), _CODEBOOKS)
    },
}
"""By the numbers of codec and model; a dictionary is not part of them."""


def _without_name(header: Header) -> Header:
    """Return what must be equal for two members to be coded alike."""
    return replace(header, block_bytes=MAX_COMPACT_BYTES, model_name="", dictionary="")


_NUMBERS = {_without_name(header): key for key, header in HEADERS.items()}
_CODECS = sorted({int(codec_id) for codec_id, _ in HEADERS})


@dataclass(frozen=True)
class CompactHead:
    """The beginning of a compact member.

    Attributes:
        packed: its bytes in the file.
        header: what the header of a long member would say.
        raw_bytes: bytes of data; 0 for none.
        coded_bytes: bytes coded; as many as of data if they are stored.
    """

    packed: bytes
    header: Header
    raw_bytes: int
    coded_bytes: int

    @property
    def size(self) -> int:
        """Bytes of the whole member in the file."""
        return self._bytes_before_length + len(self.length)

    @property
    def length(self) -> bytes:
        """The length at the end of the member, by which it is found from there."""
        return _length(self._bytes_before_length)[::-1]

    @property
    def _bytes_before_length(self) -> int:
        return len(self.packed) + self.coded_bytes + _CHECKSUM.size


@dataclass(frozen=True)
class CompactBlock(Block):
    """The block of a compact member, whose only checksum is over code and data together.

    Attributes:
        head: the bytes before the code.
    """

    code_is_checked: ClassVar[bool] = False
    digits: ClassVar[int] = 8

    head: bytes

    def checksum_of(self, data: Data) -> int:
        """See `Block`."""
        return short_checksum(self.head, self.coded, data)


@dataclass(frozen=True)
class CompactMember:
    """A compact member that has been read completely.

    Attributes:
        head: its beginning.
        block: what is coded, and the checksum; without data, it is not decoded.
        place: file and offset of its beginning, for messages.
    """

    head: CompactHead
    block: CompactBlock
    place: str


def compact_member(header: Header, codec: BlockCodec, data: bytes) -> bytes | None:
    """Return data as a compact member, or None if there is no compact form of them.

    Args:
        header: that of the long form; the compact one has only some values of each parameter.
        codec: the block codec of the header.
        data: all data of the member.
    """
    numbers = _NUMBERS.get(_without_name(header))
    if numbers is None or len(data) > MAX_COMPACT_BYTES:
        return None
    with memory_for(len(data), codec):
        coded = bytes(codec.encode(data)) if data else data
    lengths = _length(len(data))
    if len(coded) < len(data) and len(second := _length(len(coded))) + len(coded) < len(data):
        lengths += second
    else:
        numbers, coded = (CodecId.STORED, 0), data
    codec_id, number = numbers
    packed = COMPACT_MAGIC + bytes([VERSION << _CODEC_BITS | codec_id, number])
    member_header = HEADERS[numbers]
    if codec_id.has_dictionary:
        packed += dictionary_number(header.dictionary).to_bytes(_DICTIONARY_BYTES, "little")
        member_header = replace(member_header, dictionary=header.dictionary)
    packed += lengths
    head = CompactHead(packed, member_header, len(data), len(coded))
    return packed + coded + _CHECKSUM.pack(short_checksum(packed, coded, data)) + head.length


def compact_bytes(begin: bytes) -> int:
    """Return how many bytes of a file `read_compact` needs, from those that are there.

    The answer is final once there are so many. What no writer writes is refused as it is, so it
    needs no more.
    """
    try:
        head = _parse(begin)
    except EqInfoError:
        return len(begin)
    return len(begin) + 1 if head is None else head.size


def read_compact(source: Source, begin: bytes) -> CompactMember:
    """Read a compact member, whose first bytes ``begin`` have been read already.

    Raises:
        NewerVersionError, UnsupportedError: a later version, or a codec that has no compact form.
        ModelMismatchError: a bundled model or codebook that this release does not have.
        TruncatedError: the file ends within the member.
        ChecksumError: an empty member has been altered; if it has data, decoding them will tell.
        FormatError: lengths that no writer uses.
    """
    place = source.at(source.offset - len(begin))
    while (head := _parse_at(begin, place)) is None:
        begin += source.exactly(1, "header")
    coded = source.block(head.coded_bytes)
    end = source.exactly(_CHECKSUM.size + len(head.length), "the end of a member")
    if end[_CHECKSUM.size :] != head.length:
        raise FormatError(
            f"{place}: expected {head.length.hex()} at the end of the member, which is its length, "
            f"found {end[_CHECKSUM.size :].hex()}"
        )
    (expected,) = _CHECKSUM.unpack_from(end)
    block = CompactBlock(head.raw_bytes, expected, coded, place, head.packed)
    if not head.raw_bytes and (found := block.checksum_of(b"")) != expected:
        raise ChecksumError(
            f"{place}: expected a member with the checksum {expected:08x}, found {found:08x}"
        )
    return CompactMember(head, block, place)


def last_compact(
    file: RandomAccess, name: str, first: int, end: int, tail: bytes
) -> CompactHead | None:
    """Return the beginning of the compact member that ends at offset ``end``.

    None if none ends there, or if it would begin before ``first``. Only lengths and numbers have
    been compared.

    Args:
        file: what is read.
        name: its name, for messages.
        first: where the first member begins.
        end: where the member ends.
        tail: the last bytes before ``end``, two or more if there are as many.
    """
    before, length_bytes = _taken(tail[:-3:-1], 0) or (0, 0)
    begin = end - length_bytes - before
    if not length_bytes or begin < first:
        return None
    try:
        head = _parse(Source(file.forward(begin), name, begin).up_to(_MAX_HEAD_BYTES))
    except EqInfoError:
        return None
    return head if head is not None and head.size == end - begin else None


def _length(value: int) -> bytes:
    """Return a number below 2^15 in one byte, or in two whose first has its uppermost bit set."""
    return bytes([value]) if value < _EXTENDED else (_EXTENDED << 8 | value).to_bytes(2, "big")


def _taken(data: bytes, at: int) -> tuple[int, int] | None:
    """Return the number that `_length` wrote, and where it ends; None if it ends after ``data``."""
    if at >= len(data):
        return None
    if data[at] < _EXTENDED:
        return data[at], at + 1
    if at + 1 == len(data):
        return None
    return (data[at] - _EXTENDED) << 8 | data[at + 1], at + 2


def _parse_at(begin: bytes, place: str) -> CompactHead | None:
    """Call `_parse`, and add the place to its errors."""
    try:
        return _parse(begin)
    except EqInfoError as error:
        raise type(error)(f"{place}: {error}") from None


def _parse(begin: bytes) -> CompactHead | None:
    """Return the beginning of a member from the first bytes of it; None if there are too few."""
    if not begin.startswith(COMPACT_MAGIC[: len(begin)]):
        raise FormatError(f"expected a compact member, found {begin[:MAGIC_BYTES]!r}")
    if len(begin) < MAGIC_BYTES:
        return None
    version, codec = divmod(begin[2], 1 << _CODEC_BITS)
    if version != VERSION:
        raise NewerVersionError(
            f"expected version {VERSION} of the compact form, found {version}; a later eqinfo may "
            "read it"
        )
    if codec not in _CODECS:
        raise UnsupportedError(
            f"expected a codec among {_CODECS} in the compact form, found {codec}"
        )
    codec_id, number = CodecId(codec), begin[3]
    if (codec_id, number) not in HEADERS:
        raise ModelMismatchError(
            f"expected the number of a bundled model or codebook for the codec {codec_id.label}, "
            f"found {number}; a later eqinfo may have it"
        )
    header, lengths_at = HEADERS[codec_id, number], MAGIC_BYTES
    if codec_id.has_dictionary:
        lengths_at += _DICTIONARY_BYTES
        id_number = int.from_bytes(begin[MAGIC_BYTES:lengths_at], "little")
        header = replace(header, dictionary=dictionary_id(id_number))
    raw = _taken(begin, lengths_at)
    coded = raw if codec_id is CodecId.STORED or raw is None else _taken(begin, raw[1])
    if raw is None or coded is None:
        return None
    raw_bytes, coded_bytes, size = raw[0], *coded
    lengths = _length(raw_bytes) + (b"" if coded is raw else _length(coded_bytes))
    if (
        raw_bytes > MAX_COMPACT_BYTES
        or (coded is not raw and coded_bytes >= raw_bytes)
        or begin[lengths_at:size] != lengths
    ):
        raise FormatError(
            f"expected at most {MAX_COMPACT_BYTES} bytes in fewer bytes, found {raw_bytes} in "
            f"{coded_bytes}"
        )
    return CompactHead(begin[:size], header, raw_bytes, coded_bytes)

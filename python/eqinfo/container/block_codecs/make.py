"""The block codec that a header describes."""

from __future__ import annotations

from typing import TypeVar

from eqinfo.codebook.table import Codebook
from eqinfo.container.block_codec import BlockCodec, Data, Room
from eqinfo.container.block_codecs.arithmetic import ArithmeticBlockCodec
from eqinfo.container.block_codecs.auto import AutoBlockCodec
from eqinfo.container.block_codecs.codebook import CodebookBlockCodec
from eqinfo.container.block_codecs.fast import FastBlockCodec
from eqinfo.container.block_codecs.mixed import MixedBlockCodec
from eqinfo.container.block_codecs.primed import PrimedBlockCodec
from eqinfo.container.block_codecs.ranged import PRECISION, RangedBlockCodec
from eqinfo.container.block_codecs.solid import SolidBlockCodec
from eqinfo.container.block_codecs.text import TextBlockCodec
from eqinfo.container.block_codecs.windows import WindowsBlockCodec
from eqinfo.container.dictionary import Dictionary
from eqinfo.container.header import CodecId, Header
from eqinfo.container.identity import CodecModel, is_text_model
from eqinfo.errors import FormatError
from eqinfo.frequency import MAX_PRECISION, min_precision
from eqinfo.mixer import TABLE_BITS

_Codec = TypeVar("_Codec", BlockCodec, SolidBlockCodec)


class StoredBlockCodec:
    """Stores every block as it is."""

    exact = True

    def encode(self, data: Data) -> Data:
        """Return the data."""
        return data

    def decode(self, coded: Data, room: Room) -> None:
        """Raise FormatError: stored data is never decoded."""
        raise FormatError(f"expected a stored block of {len(room)} bytes, found {len(coded)}")

    def working_bytes(self, raw_bytes: int) -> int:
        """See `BlockCodec`."""
        return 0


def make_block_codec(
    header: Header, model: CodecModel | None, dictionary: Dictionary | None = None
) -> BlockCodec | SolidBlockCodec:
    """Return the block codec of a header, of the model and of the dictionary.

    The model is suitable for the codec, and the dictionary is the one that the header names.

    Raises:
        ValueError: parameters that do not go together.
    """
    if header.codec_id is CodecId.STORED:
        return _with(header, StoredBlockCodec(), 0, 0)
    if header.codec_id is CodecId.ADAPTIVE:
        if header.solid:
            solid = SolidBlockCodec(None, header.precision, header.block_bytes)
            return _with(header, solid, TABLE_BITS, 0)
        return _with(header, MixedBlockCodec(None, header.precision), 0, 0)
    if header.codec_id is CodecId.ADAPTIVE_DICTIONARY:
        assert dictionary is not None
        return _with(header, PrimedBlockCodec(dictionary, None, header.precision), 0, 0)
    if isinstance(model, Codebook):
        if header.codec_id is CodecId.RANGED:
            return _with(header, RangedBlockCodec(model), model.window_bits, PRECISION)
        if header.codec_id is CodecId.FAST:
            return _with(header, FastBlockCodec(model), model.window_bits, 0)
        return _with(header, CodebookBlockCodec(model), model.window_bits, 0)
    assert model is not None
    if header.codec_id is CodecId.WINDOWS:
        return WindowsBlockCodec(model, header.precision, header.segment_bytes, header.window_bits)
    least = min_precision(model.vocab_size)
    if not least <= header.precision <= MAX_PRECISION:
        raise ValueError(
            f"expected a precision of {least} to {MAX_PRECISION} bits, found {header.precision}"
        )
    codec: BlockCodec
    if header.codec_id is CodecId.MIXED:
        if header.solid:
            solid = SolidBlockCodec(model, header.precision, header.block_bytes)
            return _with(header, solid, TABLE_BITS, header.precision)
        codec = MixedBlockCodec(model, header.precision)
    elif header.codec_id is CodecId.MIXED_DICTIONARY:
        assert dictionary is not None
        codec = PrimedBlockCodec(dictionary, model, header.precision)
    elif header.codec_id is CodecId.AUTO:
        codec = AutoBlockCodec(model, header.precision, header.segment_bytes)
    elif is_text_model(model):
        codec = TextBlockCodec(model, header.precision, header.segment_bytes)
    else:
        codec = ArithmeticBlockCodec(model, header.precision, header.segment_bytes)
    return _with(header, codec, 0, header.precision)


def _with(header: Header, codec: _Codec, window_bits: int, precision: int) -> _Codec:
    if (header.window_bits, header.precision) != (window_bits, precision):
        raise ValueError(
            f"expected window_bits {window_bits} and precision {precision} for the codec "
            f"{header.codec_id.label}, found {header.window_bits} and {header.precision}"
        )
    return codec


def block_codec_of(
    header: Header, model: CodecModel | None, dictionary: Dictionary | None, place: str
) -> BlockCodec | SolidBlockCodec:
    """Return the block codec for a header that was read, for its model and its dictionary.

    Raises:
        FormatError: parameters that no writer uses.
    """
    try:
        return make_block_codec(header, model, dictionary)
    except ValueError as error:
        raise FormatError(f"{place}: {error}") from None

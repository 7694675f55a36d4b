"""The coder that a header asks for."""

from __future__ import annotations

from eqinfo.codebook.table import Codebook
from eqinfo.container.block_codecs.arithmetic import ArithmeticCoder
from eqinfo.container.block_codecs.codebook import CodebookCoder
from eqinfo.container.block_codecs.protocol import Coder
from eqinfo.container.block_codecs.ranged import PRECISION, RangedCoder
from eqinfo.container.block_codecs.stored import StoredCoder
from eqinfo.container.block_codecs.windows import WindowsCoder
from eqinfo.container.header import Codec, Header
from eqinfo.container.identity import CodecModel, model_of
from eqinfo.errors import FormatError
from eqinfo.frequency import MAX_PRECISION, min_precision


def make_coder(header: Header, model: CodecModel | None) -> Coder:
    """Return the coder of a header and its model, which fits.

    Raises:
        ValueError: parameters that do not fit together.
    """
    if header.codec is Codec.STORED:
        return _with(header, StoredCoder(), 0, 0)
    if isinstance(model, Codebook):
        if header.codec is Codec.RANGED:
            return _with(header, RangedCoder(model), model.window_bits, PRECISION)
        return _with(header, CodebookCoder(model), model.window_bits, 0)
    assert model is not None
    if header.codec is Codec.WINDOWS:
        return WindowsCoder(model, header.precision, header.segment_bytes, header.window_bits)
    least = min_precision(model.vocab_size)
    if not least <= header.precision <= MAX_PRECISION:
        raise ValueError(
            f"expected a precision of {least} to {MAX_PRECISION}, found {header.precision}"
        )
    coder = ArithmeticCoder(model, header.precision, header.segment_bytes)
    return _with(header, coder, 0, header.precision)


def _with(header: Header, coder: Coder, window_bits: int, precision: int) -> Coder:
    if (header.window_bits, header.precision) != (window_bits, precision):
        raise ValueError(
            f"expected window_bits {window_bits} and precision {precision} for the codec "
            f"{header.codec.label}, found {header.window_bits} and {header.precision}"
        )
    return coder


def coder_of(header: Header, model: object | None, place: str) -> Coder:
    """Return the coder for a member that was read; ``model`` as for `model_of`.

    Raises:
        FormatError: parameters that no writer uses.
        ModelMismatchError, NumericMismatchError: as `model_of`.
    """
    fit = None if header.codec is Codec.STORED else model_of(header, model, place)
    try:
        return make_coder(header, fit)
    except ValueError as error:
        raise FormatError(f"{place}: {error}") from None

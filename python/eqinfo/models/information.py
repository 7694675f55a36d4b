"""The information content of texts under a model: the bits that an ideal coder would need."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from eqinfo.common.batch import several_documents
from eqinfo.common.integers import check_bits
from eqinfo.common.symbols import Symbols
from eqinfo.common.text import Text, to_bytes
from eqinfo.frequency import MAX_PRECISION, frequencies
from eqinfo.models.check import check_model
from eqinfo.models.lanes import ModelLanes
from eqinfo.models.protocol import Model, TextModel
from eqinfo.range_coder import as_symbols


def symbol_information(
    model: Model, documents: Sequence[Symbols], precision: int = MAX_PRECISION
) -> list[NDArray[np.float64]]:
    """Return the information content of every symbol, given those before it in its document.

    A symbol of frequency f has log2(2^precision / f) bits. All documents are predicted in parallel,
    one lane each.

    Args:
        model: the model (M1).
        documents: integer symbols, shape (n,) each.
        precision: bits of the frequencies.

    Returns:
        The bits of each document's symbols: float64, shape (n,).

    Raises:
        ModelError: the model's predictions cannot be used.
        TypeError: not a model, symbols or a precision that are not integers, or a single document.
        ValueError: a symbol outside the model's alphabet, or a precision that does not suit it.
    """
    check_model(model)
    (precision,) = check_bits(32, precision=precision)
    documents = [as_symbols(document) for document in several_documents(documents, "symbol")]
    contexts = ModelLanes(model, len(documents), precision)
    lengths = np.array([len(document) for document in documents], np.int64)
    for number, document in enumerate(documents):
        if len(document) and not 0 <= document.min() <= document.max() < model.vocab_size:
            raise ValueError(
                f"document {number}: expected symbols of 0 to {model.vocab_size - 1}, found "
                f"{document.min()} to {document.max()}"
            )
    information = [np.empty(length) for length in lengths]
    for position in range(lengths.max(initial=0)):
        lanes = np.flatnonzero(lengths > position)
        symbols = np.array([documents[lane][position] for lane in lanes.tolist()], np.int32)
        rows = contexts.predict(lanes)
        if rows.dtype == np.float32:
            rows = frequencies(rows, precision)
        contexts.previous[lanes] = symbols
        bits = precision - np.log2(rows[np.arange(len(lanes)), symbols].astype(np.float64))
        for lane, each in zip(lanes, bits, strict=True):
            information[lane][position] = each
    return information


def ideal_bits(model: Model, text: Text, precision: int = MAX_PRECISION) -> float:
    """Return the information content of a text in bits: what an ideal coder would need.

    The bits of coded output minus these are the coder's overhead. The text is one document, so
    windows, which begin without context, also pay for what the model forgets.

    Examples:
        >>> import eqinfo
        >>> model = eqinfo.models.load("en")
        >>> text = "It was the best of times, it was the worst of times."
        >>> tokens = eqinfo.ArithmeticCodec(model, token_bits=1).encode(text)
        >>> ideal = eqinfo.models.ideal_bits(model, text)
        >>> overhead = len(tokens) - ideal  # of this, 11 bits are the number of bytes
        >>> 10 < overhead < 12
        True

    Args:
        model: a model over bytes, or a `TextModel`.
        text: str (its UTF-8 is coded) or bytes.
        precision: bits of the frequencies.

    Raises:
        ModelError: the model's predictions cannot be used.
        TypeError: not a model, or a text that is neither str nor bytes-like.
        ValueError: a model over other symbols that does not take text; see `symbol_information`.
    """
    check_model(model)
    data = to_bytes(text)
    if isinstance(model, TextModel):
        symbols = model.tokenize(data)
    elif model.vocab_size == 256:
        symbols = as_symbols(data)
    else:
        raise ValueError(
            f"expected a model over bytes or a TextModel, found {model.vocab_size} symbols; use "
            "symbol_information"
        )
    return float(symbol_information(model, [symbols], precision)[0].sum())

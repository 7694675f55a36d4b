"""Window stage, step by step: equal-info windows of 8 to 128 bits on many lanes.

A window is coded as one of 2^window_bits codewords, and every codeword means one string of symbols
(block arithmetic coding, Boncelet 1993). ``csrc/window.h`` has the arithmetic, ``reference.shares``
states it in plain Python, and docs/pipeline.md proves what is claimed here. Codewords are uint64
arrays of shape (n, 2), the more significant word first.

The ``padded`` and ``delay`` windows are those of arXiv 2404.03626 (section 3.3 with the decoder of
D.5, and A.5).
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

import eqinfo._core as _core
from eqinfo.common.integers import check_integers, check_optional_integers
from eqinfo.frequency import MAX_PRECISION, as_array, min_precision
from eqinfo.range_coder import as_symbols

Variant = Literal["bijective", "padded", "delay"]
VARIANTS: tuple[Variant, ...] = ("bijective", "padded", "delay")
MAX_WINDOW_BITS = 128
ENDED = -1
"""What `WindowDecoder.step` returns for a lane whose window has ended."""


def window_precision(window_bits: int, vocab_size: int, precision: int | None = None) -> int:
    """Check the parameters of a window code and return its precision in bits.

    The default is min(16, window_bits), raised to what the alphabet needs.

    Raises:
        ValueError: window_bits above 128 or below the precision (some symbol might then not fit an
            empty window), or a precision that is too small for the alphabet: it takes at least
            ceil(log2 V) + 4 bits for V symbols, 12 for bytes.
    """
    (window_bits,) = check_integers(window_bits=window_bits)
    (precision,) = check_optional_integers(precision=precision)
    least = min_precision(vocab_size)
    if precision is None:
        precision = max(min(16, window_bits), least)
    if not least <= precision <= MAX_PRECISION:
        raise ValueError(
            f"expected a precision of {least} to {MAX_PRECISION} bits for an alphabet of "
            f"{vocab_size}, found {precision}"
        )
    if not precision <= window_bits <= MAX_WINDOW_BITS:
        raise ValueError(
            f"expected window_bits from the precision ({precision}) to {MAX_WINDOW_BITS}, "
            f"found {window_bits}"
        )
    return precision


def max_padded_symbols(window_bits: int) -> int:
    """Return the most symbols that a padded window may hold; bijective ones need no bound."""
    return (1 << min(window_bits, 16)) - 1


def padded_gap(words: NDArray[np.uint64], prediction: Any, precision: int) -> int | None:
    """Return a codeword that the text of a padded window has but no longer text, if there is one.

    Args:
        words: uint64, shape (6,): the window, as in ``csrc/padded_window.h``.
        prediction: what follows the text: logits or frequencies, shape (V,).
        precision: bits of the frequencies.
    """
    row = np.ascontiguousarray(as_array(prediction)).reshape(1, -1)
    found = _core.padded_gap(words, row, precision)
    return None if found is None else codeword_ints(found.reshape(1, 2))[0]


def codeword_ints(codewords: NDArray[np.uint64]) -> list[int]:
    """Return codewords as Python integers."""
    return [int(high) << 64 | int(low) for high, low in codewords.tolist()]


def int_codewords(values: list[int]) -> NDArray[np.uint64]:
    """Return Python integers below 2^128 as codewords."""
    mask = (1 << 64) - 1
    return np.array([(v >> 64, v & mask) for v in values], np.uint64).reshape(-1, 2)


def check_variant(variant: Variant) -> None:
    """Raise ValueError if there is no such variant."""
    if variant not in VARIANTS:
        raise ValueError(f"expected a variant among {VARIANTS}, found {variant!r}")


def empty_window(window_bits: int) -> NDArray[np.uint64]:
    """Return the words of an empty bijective window: base and shared, shape (4,)."""
    return int_codewords([0, (1 << window_bits) - 1]).reshape(4)


class _Windows:
    """One window per lane: its words in ``csrc/window.h`` or ``csrc/padded_window.h``."""

    def __init__(self, window_bits: int, precision: int, lanes: int, variant: Variant) -> None:
        check_variant(variant)
        self.window_bits = window_bits
        self.precision = precision
        self.variant = variant
        if variant == "bijective":  # base, shared
            self._empty = empty_window(window_bits)
        else:  # base, width (2^128 wraps to 0), and their fractional parts
            width = int_codewords([0, (1 << window_bits) % (1 << 128)]).reshape(4)
            self._empty = np.concatenate([width, np.zeros(2, np.uint64)])
        self.words: NDArray[np.uint64] = np.tile(self._empty, (lanes, 1))

    def lanes(self, lanes: Any) -> NDArray[np.int64]:
        if lanes is None:
            return np.arange(len(self.words), dtype=np.int64)
        return np.ascontiguousarray(lanes, dtype=np.int64)

    def rows(self, predictions: Any) -> NDArray[Any]:
        return np.ascontiguousarray(as_array(predictions))

    def clear(self, lanes: NDArray[np.int64]) -> None:
        self.words[lanes] = self._empty


class WindowEncoder(_Windows):
    """Windows being encoded, one per lane. Each thread needs its own.

    Args:
        window_bits: bits per window, from the precision to 128.
        precision: bits of the frequencies.
        lanes: number of independent windows.
        variant: "bijective", or "padded" for the windows of the paper (delayed ones too).

    Raises:
        ValueError: no such variant.
    """

    def __init__(
        self, window_bits: int, precision: int, lanes: int = 1, variant: Variant = "bijective"
    ) -> None:
        super().__init__(window_bits, precision, lanes, variant)

    def step(self, predictions: Any, symbols: Any, lanes: Any = None) -> NDArray[np.bool_]:
        """Add symbols[i], predicted by row i, to the window of lanes[i], if it fits.

        Args:
            predictions: float32 logits or uint32 frequencies, shape (n, V).
            symbols: int32, shape (n,).
            lanes: int64, shape (n,) (default: all lanes).

        Returns:
            bool, shape (n,): False where the symbol does not fit. That window is unchanged, and is
            full: close it. An empty window takes any symbol.

        Raises:
            ModelError: unusable predictions; names the row. No lane has changed.
            ValueError: a symbol outside the alphabet, or a lane that does not exist or occurs
                twice.
        """
        if self.variant != "bijective":
            return self.step_settled(predictions, symbols, lanes)[0]
        rows, indices, symbols = self.rows(predictions), self.lanes(lanes), as_symbols(symbols)
        return _core.window_encode(self.words, indices, rows, self.precision, symbols)

    def step_settled(
        self, predictions: Any, symbols: Any, lanes: Any = None
    ) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Do a `step` of padded windows, and tell whether the decoder ends them before the symbol.

        If an improbable symbol does not fit while a probable one still does, and adds only zeros,
        the decoder goes on.

        Returns:
            bool, shape (n,): as `step`; and bool, shape (n,): whether a window that is closed
            before the symbol is settled, that is, whether the decoder ends it there.
        """
        rows, indices, symbols = self.rows(predictions), self.lanes(lanes), as_symbols(symbols)
        fits, settled = _core.padded_encode(self.words, indices, rows, self.precision, symbols)
        return fits, settled

    def codewords(self, lanes: Any = None) -> NDArray[np.uint64]:
        """Return the codewords with which the windows would be closed now, shape (n, 2)."""
        words = self.words[self.lanes(lanes)]
        if self.variant == "bijective":
            return np.array(words[:, :2])
        return _core.padded_codewords(words)[0]

    def spare_bits(self, lanes: Any = None) -> NDArray[np.float64]:
        """Return the bits of information that each window has room for: log2 of its codewords.

        float64, shape (n,).
        """
        words = self.words[self.lanes(lanes)]
        if self.variant == "bijective":
            counts = words[:, 2].astype(np.float64) * 2.0**64 + words[:, 3].astype(np.float64) + 1.0
        else:
            counts = _core.padded_codewords(words)[1]
        return np.asarray(np.log2(counts))

    def close(self, lanes: Any = None) -> NDArray[np.uint64]:
        """Close the windows, return their codewords, and begin empty ones."""
        indices = self.lanes(lanes)
        codewords = self.codewords(indices)
        self.clear(indices)
        return codewords


class WindowDecoder(_Windows):
    """Windows being decoded, one per lane; a lane without a codeword has ended.

    The arguments are those of `WindowEncoder`, and also ``variant="delay"``. Each thread needs its
    own.
    """

    def __init__(
        self, window_bits: int, precision: int, lanes: int = 1, variant: Variant = "bijective"
    ) -> None:
        super().__init__(window_bits, precision, lanes, variant)
        self._codewords = np.zeros((lanes, 2), np.uint64)

    def start(self, codewords: NDArray[np.uint64], lanes: Any = None) -> None:
        """Begin windows with codewords of shape (n, 2), each below 2^window_bits."""
        indices = self.lanes(lanes)
        self.clear(indices)
        self._codewords[indices] = codewords

    def step(self, predictions: Any, lanes: Any = None) -> NDArray[np.int32]:
        """Return the next symbol of each window, or `ENDED`; int32, shape (n,).

        Raises:
            FormatError: a codeword of more than window_bits bits.
            ModelError: unusable predictions; names the row. No lane has changed.
        """
        rows, indices = self.rows(predictions), self.lanes(lanes)
        native = _core.window_decode if self.variant == "bijective" else _core.padded_decode
        return native(self.words, indices, rows, self.precision, self._codewords)

    def ended(self, lanes: Any = None) -> NDArray[np.bool_]:
        """Return which windows are known to have ended without another prediction; bool, (n,)."""
        indices = self.lanes(lanes)
        words = self.words[indices]
        if self.variant == "padded":
            return np.zeros(len(words), np.bool_)
        if self.variant == "bijective":
            return np.asarray((words[:, :2] == self._codewords[indices]).all(axis=1))
        # The shortest text that has the codeword ends a delayed window, but no window is empty.
        own = _core.padded_codewords(words)[0]
        empty = (words == self._empty).all(axis=1)
        return np.asarray((own == self._codewords[indices]).all(axis=1) & ~empty)

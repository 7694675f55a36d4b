"""Word stage: where words end, by word rule 1.

Whether a word ends between two adjacent characters depends only on the classes of these two
(docs/pipeline.md, "Codebook"; ``csrc/word.h``; `eqinfo.reference.word`). So the words of a text do
not depend on what surrounds it. And if no string of a codebook contains a word end, no window
crosses one.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

import eqinfo._core as _core
from eqinfo.common.text import to_array

__all__ = ["split"]


def split(text: str | bytes | bytearray | memoryview) -> NDArray[np.int64]:
    """Return the places where the words of a text end, in bytes.

    Runs of letters, digits, ideographs, punctuation and ill-formed bytes are words of their own.
    But spaces belong to the word after them, line ends to punctuation before them, a hyphen to
    letters after it, and an apostrophe to letters on either side.

    Args:
        text: a str, which stands for its UTF-8, or any bytes.

    Returns:
        int64, ascending, shape (words,); the last place is the length of the text. Empty for an
        empty text.

    Raises:
        TypeError: ``text`` is neither str nor bytes-like.
        ValueError: a str contains a lone surrogate.
    """
    return _core.word_ends(to_array(text))

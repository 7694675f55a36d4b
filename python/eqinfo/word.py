"""Word stage: where words end, by word rule 1.

Whether a word ends between two adjacent characters depends on the classes of these two alone
(``csrc/word.h``, `eqinfo.reference.word`), so words do not depend on what surrounds them, and a
codebook whose strings have no word end inside never lets a window cross one.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

import eqinfo._core as _core
from eqinfo.common.text import to_bytes


def split(text: str | bytes | bytearray | memoryview) -> NDArray[np.int64]:
    """Return where the words of a text end, in bytes.

    Spaces belong to the word after them, line ends to punctuation before them; letters, digits,
    ideographs, punctuation and ill-formed bytes are words of their own, but a hyphen belongs to
    letters after it, and an apostrophe also to letters before it.

    Args:
        text: any bytes; a str means its UTF-8.

    Returns:
        int64, ascending, shape (words,); the last one is the length of the text.

    Raises:
        TypeError: neither str nor bytes-like.
        ValueError: a lone surrogate in a str.
    """
    return _core.word_ends(np.frombuffer(to_bytes(text), np.uint8))

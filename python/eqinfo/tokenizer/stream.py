"""Text of tokens as they come from a model."""

from __future__ import annotations

import codecs
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from eqinfo.tokenizer.hugging_face import EqinfoTokenizer


class DecodeStream:
    """Decodes ids as they come, and never gives half a character.

    All that `step` and `finish` return, joined, is what ``tokenizer.decode`` makes of all ids.

    >>> from eqinfo.tokenizer import from_codebook
    >>> tokenizer = from_codebook()
    >>> stream = DecodeStream(tokenizer)
    >>> "".join(stream.step(id) for id in tokenizer.encode("naïve")) + stream.finish()
    'naïve'

    Args:
        tokenizer: whose ids come.
        skip_special_tokens: leave out special tokens, as ``tokenizer.decode`` does.
    """

    def __init__(self, tokenizer: EqinfoTokenizer, *, skip_special_tokens: bool = False) -> None:
        self._tokenizer = tokenizer
        self._skip_special_tokens = skip_special_tokens
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def step(self, ids: int | Sequence[int]) -> str:
        """Return the characters that one id, or some ids, complete; "" where there is none.

        Bytes that are not UTF-8 give U+FFFD.

        Raises:
            ValueError: an id that the tokenizer does not have.
        """
        data = self._tokenizer.decode_bytes(
            [ids] if isinstance(ids, int) else ids, skip_special_tokens=self._skip_special_tokens
        )
        return self._decoder.decode(data)

    def finish(self) -> str:
        """Return U+FFFD where a character was begun and never completed, else ""; start afresh."""
        rest = self._decoder.decode(b"", final=True)
        self._decoder.reset()
        return rest

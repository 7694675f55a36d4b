"""Decoding of tokens one by one, as a model generates them."""

from __future__ import annotations

import codecs
from collections.abc import Sequence
from typing import Any, Protocol

from eqinfo.tokenizer.special import as_ids


class DecodesBytes(Protocol):
    """What gives the bytes of ids: an `EqinfoTokenizer`, an `Encoding` or a `Codebook`."""

    def decode_bytes(self, ids: Sequence[int], /) -> bytes:
        """Return the bytes of ids."""
        ...


class DecodeStream:
    """Decodes ids one by one, and returns only whole characters.

    What `step` and `finish` return, joined, equals ``tokenizer.decode`` of all ids. Each thread
    needs a stream of its own.

    Examples:
        >>> from eqinfo.tokenizer import DecodeStream, from_codebook
        >>> tokenizer = from_codebook()
        >>> stream = DecodeStream(tokenizer)
        >>> "".join(stream.step(id) for id in tokenizer.encode("naïve")) + stream.finish()
        'naïve'

    Args:
        tokenizer: what the ids belong to: an `EqinfoTokenizer`, an `Encoding` or a `Codebook`.
        skip_special_tokens: whether to leave out special tokens, as in ``tokenizer.decode``; for an
            `EqinfoTokenizer`.

    Raises:
        TypeError: no tokenizer.
    """

    def __init__(self, tokenizer: DecodesBytes, *, skip_special_tokens: bool = False) -> None:
        if not hasattr(tokenizer, "decode_bytes"):
            raise TypeError(
                "expected an EqinfoTokenizer, an Encoding or a Codebook, found "
                f"{type(tokenizer).__name__}; use from_codebook(...) or encoding(...) for a name"
            )
        self._tokenizer: Any = tokenizer
        self._drop_unknown = getattr(tokenizer, "drop_unknown", None)
        self._options = {"skip_special_tokens": True} if skip_special_tokens else {}
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def step(self, ids: int | Sequence[int]) -> str:
        """Return the characters that an id, or several ids, complete; "" if there are none.

        Bytes that are not UTF-8 become U+FFFD. Ids that no token has are left out, as in
        ``tokenizer.decode``; a tokenizer without a method ``drop_unknown`` decides about them.

        Raises:
            TypeError: the ids are not integers.
            ValueError: an id is negative, or they are nested.
        """
        known = [ids] if isinstance(ids, int) else as_ids(ids).tolist()
        if self._drop_unknown is not None:
            known = self._drop_unknown(known)
        data = self._tokenizer.decode_bytes(known, **self._options)
        return self._decoder.decode(data)

    def finish(self) -> str:
        """End the text and return U+FFFD for an incomplete character, else ""; then start anew."""
        rest = self._decoder.decode(b"", final=True)
        self._decoder.reset()
        return rest

"""A codebook with the interface of OpenAI's ``tiktoken``; it needs neither that nor transformers.

``docs/tokenizer.md`` says what is different.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from collections.abc import Set as AbstractSet
from typing import Any, Literal, NoReturn, TypeAlias

import numpy as np
from numpy.typing import NDArray

from eqinfo.api import DEFAULT_CODEBOOK
from eqinfo.codebook.table import BUNDLED, Codebook, bundled_name, codebook_of
from eqinfo.common.batch import Documents
from eqinfo.common.text import Text, to_text
from eqinfo.common.tokens import AnyTokens
from eqinfo.tokenizer.special import (
    END_OF_TEXT,
    as_ids,
    decode_documents,
    finder_of,
    flat_ids,
)

AllowedSpecial: TypeAlias = Literal["all"] | AbstractSet[str]
DisallowedSpecial: TypeAlias = Literal["all"] | Collection[str]
NO_TOKENS: frozenset[str] = frozenset()


def encoding(
    codebook: Codebook | str = DEFAULT_CODEBOOK, *, special_tokens: Sequence[str] = ()
) -> Encoding:
    """Return a codebook with the interface of ``tiktoken.Encoding``.

    Examples:
        >>> import eqinfo.tokenizer
        >>> enc = eqinfo.tokenizer.encoding("world")
        >>> enc.decode(enc.encode("Ids of windows."))
        'Ids of windows.'
        >>> enc.encode("the end<|endoftext|>", allowed_special="all")[-1] == enc.eot_token
        True

    Args:
        codebook: a codebook, or the name of a bundled one.
        special_tokens: special tokens beside ``<|endoftext|>``, which is id 0. They get the ids
            from 2^window_bits up, in this order.

    Raises:
        TypeError: special tokens that are not several str.
        ValueError: no codebook of that name is bundled, or special tokens that are empty or occur
            twice.
    """
    if isinstance(codebook, str):
        return Encoding(codebook, Codebook.bundled(codebook), special_tokens)
    codebook = codebook_of(codebook)
    return Encoding(bundled_name(codebook) or codebook.fingerprint, codebook, special_tokens)


class Encoding:
    """A codebook with the interface of ``tiktoken.Encoding``; made by `encoding`.

    Ids below 2^window_bits are those of `Codebook.encode`. Threads may share an encoding. It can be
    pickled.

    Special tokens in a text are treated as in ``tiktoken``: the methods that take
    ``allowed_special`` ("all" or a set of tokens) give these their own ids, raise ValueError where
    they find one that is in ``disallowed_special`` ("all", by default, means those that are not
    allowed), and encode any other as plain text.

    Attributes:
        name: name of the bundled codebook, or the fingerprint of another one.
        codebook: the codebook.
        max_token_value: the largest id.
    """

    def __init__(self, name: str, codebook: Codebook, special_tokens: Sequence[str]) -> None:
        self.name = name
        self.codebook = codebook
        self._more = tuple(special_tokens)
        if isinstance(special_tokens, str) or not all(isinstance(t, str) for t in self._more):
            raise TypeError(
                f"expected a list of str as special tokens, found {special_tokens!r}; put a single "
                "one into a list"
            )
        self._special = {END_OF_TEXT: 0}
        for index, token in enumerate(self._more, len(codebook)):
            if not token or token in self._special:
                raise ValueError(
                    f"expected special tokens that are not empty and differ, found {token!r} at "
                    f"index {index - len(codebook)}"
                )
            self._special[token] = index
        self._contents = {index: token for token, index in self._special.items()}
        self._all = frozenset(self._special)
        self._any = finder_of(self._all)
        self.max_token_value = len(codebook) + len(self._more) - 1

    def encode_ordinary(self, text: Text) -> list[int]:
        """Return the ids of a text, special tokens as plain text; raises as `Codebook.encode`."""
        return self.codebook.encode_as_list(text)

    def encode(
        self,
        text: str,
        *,
        allowed_special: AllowedSpecial = NO_TOKENS,
        disallowed_special: DisallowedSpecial = "all",
    ) -> list[int]:
        """Return the ids of a text.

        Raises:
            TypeError: not a str.
            ValueError: the text has a disallowed special token, or a lone surrogate.
        """
        parts = self._split(text, allowed_special, disallowed_special)
        if len(parts) == 1:
            return self.codebook.encode_as_list(text)
        return self._joined(parts, self._encode_each(parts[::2], 1))

    def encode_to_numpy(
        self,
        text: str,
        *,
        allowed_special: AllowedSpecial = NO_TOKENS,
        disallowed_special: DisallowedSpecial = "all",
    ) -> NDArray[np.uint32]:
        """Return the ids of a text as uint32, shape (n,); raises as `encode`."""
        parts = self._split(text, allowed_special, disallowed_special)
        if len(parts) == 1:
            return self.codebook.encode(text).astype(np.uint32)
        return np.array(self._joined(parts, self._encode_each(parts[::2], 1)), np.uint32)

    def encode_ordinary_batch(self, text: Documents, *, num_threads: int = 8) -> list[list[int]]:
        """Return the ids of each text, special tokens as plain text.

        Args:
            text: texts, as `Codebook.encode_batch` takes and refuses them.
            num_threads: the most threads, 1 to 256; the ids do not depend on it.
        """
        return list(self._encode_each(text, num_threads))

    def encode_batch(
        self,
        text: Sequence[str],
        *,
        num_threads: int = 8,
        allowed_special: AllowedSpecial = NO_TOKENS,
        disallowed_special: DisallowedSpecial = "all",
    ) -> list[list[int]]:
        """Return the ids of each text.

        Args:
            text: a list of str.
            num_threads: the most threads, 1 to 256; the ids do not depend on it.
            allowed_special: see the class.
            disallowed_special: see the class.

        Raises:
            TypeError, ValueError: as `encode`.
        """
        if isinstance(text, str):
            raise TypeError("expected a list of str, found str; use encode for a single text")
        parts_of = self._parts(text, allowed_special, disallowed_special)
        pieces = [piece for parts in parts_of for piece in parts[::2]]
        encoded = self._encode_each(pieces, num_threads)
        return [self._joined(parts, encoded) for parts in parts_of]

    def encode_single_token(self, text_or_bytes: Text) -> int:
        """Return the id of a string of the codebook, or of a special token.

        Raises:
            KeyError: there is no such token.
        """
        ids = self.codebook.encode(text_or_bytes)
        if len(ids) == 1:
            return int(ids[0])
        token = self.codebook.decode_bytes(ids).decode("utf-8", "replace")
        if token not in self._special:
            raise KeyError(f"expected a token of {self.name}, found {text_or_bytes!r}")
        return self._special[token]

    def decode_bytes(self, tokens: AnyTokens) -> bytes:
        """Return the bytes of ids; those of a special token are its UTF-8.

        Raises:
            KeyError: there is no such id; names the first.
            TypeError: not integers.
            ValueError: nested sequences.
        """
        return self.decode_bytes_batch([tokens])[0]

    def decode(self, tokens: AnyTokens, errors: str = "replace") -> str:
        """Return the text of ids; ``errors`` as for ``bytes.decode``. Raises as `decode_bytes`."""
        return self.decode_bytes(tokens).decode("utf-8", errors)

    def decode_bytes_batch(
        self, batch: Sequence[AnyTokens], *, num_threads: int = 8
    ) -> list[bytes]:
        """Return the bytes of each sequence of ids; raises as `decode_bytes`."""
        ids, offsets = flat_ids(batch)
        try:
            return decode_documents(
                self.codebook, self._contents, ids, offsets, num_threads=num_threads
            )
        except ValueError as error:
            raise KeyError(str(error)) from None

    def decode_batch(
        self, batch: Sequence[AnyTokens], *, errors: str = "replace", num_threads: int = 8
    ) -> list[str]:
        """Return the text of each sequence of ids; as `decode`."""
        decoded = self.decode_bytes_batch(batch, num_threads=num_threads)
        return [data.decode("utf-8", errors) for data in decoded]

    def decode_single_token_bytes(self, token: int) -> bytes:
        """Return the bytes of an id; raises KeyError if there is no such id."""
        if token in self._contents:
            return self._contents[token].encode()
        try:
            return self.codebook[token]
        except IndexError:
            raise KeyError(
                f"expected one of {self.n_vocab} ids, found {token}; decode ids with the codebook "
                "that made them"
            ) from None

    def decode_tokens_bytes(self, tokens: AnyTokens) -> list[bytes]:
        """Return the bytes of each id; raises as `decode_bytes`."""
        return [self.decode_single_token_bytes(token) for token in as_ids(tokens).tolist()]

    def decode_with_offsets(self, tokens: AnyTokens) -> tuple[str, list[int]]:
        """Return the text of ids, and the index of the character that each token begins at or in.

        Raises:
            KeyError, TypeError, ValueError: as `decode_bytes`.
            FormatError: the bytes are not UTF-8.
        """
        pieces = self.decode_tokens_bytes(tokens)
        offsets = []
        characters = 0
        for piece in pieces:
            begins_inside = piece[0] & 0xC0 == 0x80
            offsets.append(characters - begins_inside)  # negative only if it is not UTF-8
            characters += sum(byte & 0xC0 != 0x80 for byte in piece)
        return to_text(b"".join(pieces)), offsets

    def token_byte_values(self) -> list[bytes]:
        """Return the strings of all ids but special tokens, in the order of their ids."""
        return [self.codebook[index] for index in range(1, len(self.codebook))]

    @property
    def special_tokens_set(self) -> set[str]:
        """The special tokens."""
        return set(self._special)

    def is_special_token(self, token: int) -> bool:
        """Whether an id is that of a special token."""
        return token in self._contents

    @property
    def eot_token(self) -> int:
        """The id of ``<|endoftext|>``, 0."""
        return self._special[END_OF_TEXT]

    @property
    def n_vocab(self) -> int:
        """The number of ids, ``max_token_value + 1``."""
        return self.max_token_value + 1

    def __repr__(self) -> str:
        """Return a short description."""
        return f"<Encoding {self.name!r}>"

    def __reduce__(self) -> tuple[Callable[..., Encoding], tuple[Any, ...]]:
        """Pickle the name of a bundled codebook, or all of another one."""
        return _restored, (self.name if self.name in BUNDLED else self.codebook, self._more)

    def _split(
        self, text: str, allowed: AllowedSpecial, disallowed: DisallowedSpecial
    ) -> Sequence[str]:
        """Return plain texts and allowed tokens alternately; with the defaults, only the text."""
        if allowed is NO_TOKENS and disallowed == "all" and isinstance(text, str):
            if (token := self._any.find(text)) is not None:
                _refuse_token(token)
            return (text,)
        return self._parts([text], allowed, disallowed)[0]

    def _parts(
        self, texts: Sequence[str], allowed: AllowedSpecial, disallowed: DisallowedSpecial
    ) -> list[list[str]]:
        """Return for each text plain texts and allowed tokens alternately, plain texts first."""
        for text in texts:
            if not isinstance(text, str):
                _refuse_type(text)
        known = self._all if allowed == "all" else self._all & allowed
        refused = self._all - known if disallowed == "all" else frozenset(disallowed)
        if refused:
            find = finder_of(refused).find
            for text in texts:
                if (token := find(text)) is not None:
                    _refuse_token(token)
        if not known:
            return [[text] for text in texts]
        split = finder_of(known).split
        return [split(text) for text in texts]

    def _encode_each(self, texts: Documents, num_threads: int) -> Iterator[list[int]]:
        batch = self.codebook.encode_batch(texts, num_threads=num_threads)
        return iter(self.codebook.lists(batch))

    def _joined(self, parts: Sequence[str], encoded: Iterator[list[int]]) -> list[int]:
        ids = next(encoded)
        for token in parts[1::2]:
            ids.append(self._special[token])
            ids += next(encoded)
        return ids


def _restored(codebook: Codebook | str, special_tokens: Sequence[str]) -> Encoding:
    return encoding(codebook, special_tokens=special_tokens)


def _refuse_type(text: object) -> NoReturn:
    advice = "; use encode_ordinary for bytes" if isinstance(text, bytes | bytearray) else ""
    advice = "; use encode_batch for several texts" if isinstance(text, list | tuple) else advice
    raise TypeError(f"expected str, found {type(text).__name__}{advice}")


def _refuse_token(token: str) -> NoReturn:
    raise ValueError(
        f"expected text without special tokens, found {token!r}; to encode it as its id, "
        f"pass allowed_special={{{token!r}}}; to encode it as plain text, disallowed_special=()"
    )

"""The tokens of texts and where they are in them; added tokens; the cuts of truncation.

Results are those of the ``tokenizers`` library; the tests compare them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

import eqinfo.word as word
from eqinfo.codebook.table import Codebook
from eqinfo.tokenizer.heads import encode_heads
from eqinfo.tokenizer.special import Finder, finder_of

if TYPE_CHECKING:
    from tokenizers import AddedToken

Array: TypeAlias = NDArray[np.int64]


@dataclass(frozen=True)
class AddedTokens:
    """Tokens that are found in a text before the codebook encodes the rest.

    Attributes:
        ids: ids by content.
        contents: contents by id.
        special: by id, whether it is that of a special token: bool, up to the last such id and one
            more.
        cuts_only_itself: whether no token strips white space or matches only single words.
        phases: finds the tokens that are searched for first, and those that are searched for in
            what remains.
    """

    ids: Mapping[str, int]
    contents: Mapping[int, str]
    special: NDArray[np.bool_]
    cuts_only_itself: bool
    phases: tuple[Finder, ...]

    @classmethod
    def of(cls, tokens: Mapping[int, AddedToken]) -> AddedTokens:
        """Return the added tokens of a tokenizer, given by id. Takes time in their number."""
        phases = [
            frozenset(token.content for token in tokens.values() if token.normalized == last)
            for last in (False, True)
        ]
        special = [index for index, token in tokens.items() if token.special]
        is_special = np.zeros(max(special, default=-1) + 2, np.bool_)
        is_special[special] = True
        return cls(
            ids={token.content: index for index, token in tokens.items()},
            contents={index: token.content for index, token in tokens.items()},
            special=is_special,
            cuts_only_itself=not any(
                token.lstrip or token.rstrip or token.single_word for token in tokens.values()
            ),
            phases=tuple(finder_of(phase) for phase in phases if phase),
        )

    def contain(self, ids: NDArray[np.integer[Any]]) -> NDArray[np.bool_]:
        """Return which of some ids are those of added tokens: bool, shape (n,)."""
        return np.array([index in self.contents for index in ids.tolist()], np.bool_)

    def are_special(self, ids: Array) -> NDArray[np.bool_]:
        """Return which of some ids are those of special tokens: bool, shape (n,)."""
        is_special: NDArray[np.bool_] = self.special[np.clip(ids, -1, len(self.special) - 1)]
        return is_special

    def occur_in(self, text: str) -> bool:
        """Whether ``text`` contains one of the tokens."""
        for finder in self.phases:  # noqa: SIM110 (any() takes twice the time)
            if finder.find(text) is not None:
                return True
        return False

    def occur_in_any(self, texts: Sequence[str]) -> bool:
        """Whether one of the texts contains one of the tokens."""
        return any(finder.is_in_any(texts) for finder in self.phases)

    def occur_in_bytes(self, data: NDArray[np.uint8]) -> bool:
        """Whether UTF-8 contains one of the tokens."""
        return any(finder.is_in_bytes(data) for finder in self.phases)

    def split(self, text: str) -> list[str]:
        """Return plain texts and added tokens alternately; the first and last are plain texts."""
        parts = [text]
        for finder in self.phases:
            splits = (finder.split(p) if i % 2 == 0 else [p] for i, p in enumerate(parts))
            parts = [part for split in splits for part in split]
        return parts


@dataclass(frozen=True)
class EncodedTexts:
    """The tokens of texts, in flat arrays.

    Attributes:
        ids: uint32, shape (n,).
        offsets: int64, shape (texts + 1,): text i has the tokens from offsets[i] to offsets[i + 1].
        spans: int64, shape (n, 2): where each token begins and ends in its text, in characters;
            None if not asked for.
        words: int64, shape (n,): the number of the word of its text that each token belongs to;
            None if not asked for.
    """

    ids: NDArray[np.uint32]
    offsets: Array
    spans: Array | None = None
    words: Array | None = None


def encode_texts(
    codebook: Codebook,
    added: AddedTokens,
    texts: Sequence[str],
    *,
    size: int | None = None,
    with_spans: bool = False,
    with_words: bool = False,
    num_threads: int,
) -> EncodedTexts:
    """Return the tokens of texts, added tokens included.

    Args:
        codebook: gives the ids of plain text.
        added: the added tokens.
        texts: the texts.
        size: how many tokens of each text are needed from its beginning; there may be more. None
            for all.
        with_spans: whether to return spans.
        with_words: whether to return words.
        num_threads: threads that encode.
    """
    any_added = added.occur_in_any(texts)
    if any_added:
        parts_of = [added.split(text) for text in texts]
        pieces = [piece for parts in parts_of for piece in parts[::2]]
        batch = codebook.encode_batch(pieces, num_threads=num_threads)
    elif size is not None:
        texts, batch = encode_heads(codebook, texts, size, num_threads)
    else:
        batch = codebook.encode_batch(texts, num_threads=num_threads)
    ids = batch.tokens.astype(np.uint32)
    offsets = batch.offsets
    if any_added:
        counts = np.array([len(parts) // 2 for parts in parts_of], np.int64)  # of added tokens
        ends = np.cumsum(counts + 1)  # where the pieces of each text end
        offsets = np.append(0, batch.offsets[ends] + np.cumsum(counts))
        places = np.delete(batch.offsets[1:], ends - 1)
        ids = np.insert(ids, places, [added.ids[t] for parts in parts_of for t in parts[1::2]])
    spans = words = None
    if with_spans or with_words:
        spans = character_spans(codebook, added, texts, ids, offsets)
    if spans is not None and with_words:
        is_added = added.contain(ids)
        of_texts = [
            word_numbers(text, spans[begin:end, 0], is_added[begin:end])
            for text, (begin, end) in zip(texts, pairwise(offsets), strict=True)
        ]
        words = np.concatenate([np.zeros(0, np.int64), *of_texts])
    return EncodedTexts(ids, offsets, spans, words)


def character_spans(
    codebook: Codebook,
    added: AddedTokens,
    texts: Sequence[str],
    ids: NDArray[np.uint32],
    offsets: Array,
) -> Array:
    """Return where the tokens of texts begin and end in them, in characters: int64, shape (n, 2).

    A token that holds only some bytes of a character gets the whole character.
    """
    sizes = codebook.lengths[np.minimum(ids, len(codebook) - 1)].astype(np.int64)
    for place in np.flatnonzero(added.contain(ids)).tolist():
        sizes[place] = len(added.contents[int(ids[place])].encode())
    ends = np.cumsum(sizes)
    leading = (np.frombuffer("".join(texts).encode(), np.uint8) & 0xC0) != 0x80
    character_at = np.cumsum(leading) - 1
    spans = np.stack([character_at[ends - sizes], character_at[ends - 1] + 1], axis=1)
    characters = np.cumsum([0, *map(len, texts)])[:-1]  # before each text
    spans -= np.repeat(characters, np.diff(offsets))[:, np.newaxis]
    return spans


def word_numbers(text: str, begins: Array, is_added: NDArray[np.bool_]) -> Array:
    """Return the numbers of the words that the tokens of a text belong to: int64, shape (n,).

    Words are those of `eqinfo.word`. A token belongs to the word of its first character, and an
    added token is a word of its own. Words in which no token begins are not counted, so the numbers
    ascend from 0 in steps of 0 or 1.

    Args:
        text: the text.
        begins: int64, shape (n,): where the tokens begin, in characters; ascending.
        is_added: bool, shape (n,): whether each token is an added one.
    """
    if not len(begins):
        return np.zeros(0, np.int64)
    leading = (np.frombuffer(text.encode(), np.uint8) & 0xC0) != 0x80
    ends = np.cumsum(leading)[word.split(text) - 1]
    in_word = np.searchsorted(ends, begins, side="right")
    begins_one = (np.diff(in_word) != 0) | is_added[1:] | is_added[:-1]
    return np.concatenate([[0], np.cumsum(begins_one)])


def truncation_parts(
    length: int, size: int | None, stride: int, side: str
) -> list[tuple[int, int]]:
    """Return the parts that truncation cuts tokens into: first the kept one, then the overflow.

    Args:
        length: number of tokens.
        size: tokens per part, more than ``stride``; None for no truncation.
        stride: tokens that neighbouring parts share.
        side: the end that is cut off, "right" or "left".

    Returns:
        Where each part begins and ends.
    """
    if size is None or length <= size:
        return [(0, length)]
    step = size - stride
    parts = [(at, min(at + size, length)) for at in range(0, length - stride, step)]
    if side == "right":
        return parts
    return [(length - end, length - begin) for begin, end in parts]

"""The backend of a tokenizer, which is made, looked up and pickled in parts.

A whole backend takes a megabyte, and its regular expression takes a second to make; but native
calls do not need it, and all that its codebook does not say is a few lines. The package `datasets`
pickles the attributes of a tokenizer in every ``map``.
"""

from __future__ import annotations

import hashlib
import pickle
from collections.abc import Callable, Mapping
from typing import Any

from eqinfo.codebook.table import Codebook
from eqinfo.tokenizer.encoded_text import AddedTokens
from eqinfo.tokenizer.export import add_longest_match, strings_of, word_level
from eqinfo.tokenizer.plain_call import PlainCalls
from tokenizers import AddedToken, Tokenizer

PARTS = ("normalizer", "post_processor", "decoder")
"""Parts of a backend that a pickle has. Truncation and padding are not among them: every call of
``transformers`` sets them, so a pickle would depend on the last call."""


class Backend:
    """A tokenizer of the ``tokenizers`` library, with what an `EqinfoTokenizer` looks up in it.

    Args:
        tokenizer: a whole one, or one of `vocabulary_tokenizer`.
        codebook: that of the `vocabulary_tokenizer`; None if ``tokenizer`` is whole.

    Attributes:
        tokenizer: the tokenizer, which may not cut texts into tokens yet.
    """

    def __init__(self, tokenizer: Tokenizer, codebook: Codebook | None = None) -> None:
        self.tokenizer = tokenizer
        self._codebook = codebook
        self._cuts_texts = codebook is None
        self._digest: bytes | None = None  # once the codebook's expression has been made
        self._is_shared = False
        self._added: tuple[int | None, AddedTokens] | None = None
        self._plain_calls: PlainCalls | None = None

    def whole(self) -> Tokenizer:
        """Return the tokenizer for any use, which may change it."""
        if not self._cuts_texts:
            assert self._codebook is not None
            add_longest_match(self.tokenizer, strings_of(self._codebook))
            self._digest = _digest(self.tokenizer)
            self._cuts_texts = True
        self._plain_calls = None
        return self.tokenizer

    def share(self) -> Tokenizer:
        """Return the tokenizer to someone who may keep it, and change it at any time."""
        self._is_shared = True
        self._added = None
        return self.whole()

    def forget(self) -> None:
        """Look everything up again, since tokens have been added."""
        self._added = self._plain_calls = None

    @property
    def added(self) -> AddedTokens:
        """The added tokens, looked up again when some have been added."""
        size = self.tokenizer.get_vocab_size(True) if self._is_shared else None
        if self._added is None or self._added[0] != size:
            self._added = (size, AddedTokens.of(self.tokenizer.get_added_tokens_decoder()))
        return self._added[1]

    def plain_calls(self, codebook: Codebook) -> PlainCalls | None:
        """Return what calls with nothing but texts need, or None if there are no such calls.

        It is kept until someone gets the tokenizer, and looked up every time once it is shared.
        """
        if self._plain_calls is not None:
            return self._plain_calls
        calls = PlainCalls.of(codebook, self.added, self.tokenizer)
        if not self._is_shared:
            self._plain_calls = calls
        return calls

    def __reduce__(self) -> tuple[Callable[..., Backend], tuple[Any, ...]]:
        """Pickle only what the codebook does not say, as far as that is unchanged."""
        tokenizer = self.tokenizer
        may_differ = self._digest is not None
        if self._codebook is None or (may_differ and self._digest != _digest(tokenizer)):
            return Backend, (tokenizer,)
        by_id = tokenizer.get_added_tokens_decoder()
        added = [by_id[index] for index in sorted(by_id)]
        parts = {name: getattr(tokenizer, name) for name in PARTS}
        return _restored, (self._codebook, tokenizer.id_to_token(0), added, parts)


def _restored(
    codebook: Codebook, end_of_text: str, added: list[AddedToken], parts: Mapping[str, Any]
) -> Backend:
    tokenizer = word_level(strings_of(codebook), end_of_text)
    tokenizer.add_tokens(added)  # which get the ids that they had
    for name, part in parts.items():
        if part is not None:
            setattr(tokenizer, name, part)
    return Backend(tokenizer, codebook)


def _digest(tokenizer: Tokenizer) -> bytes:
    """Return a hash of what a whole tokenizer has from its codebook, 16 bytes."""
    exported = pickle.dumps((tokenizer.model, tokenizer.pre_tokenizer))
    return hashlib.blake2b(exported, digest_size=16).digest()

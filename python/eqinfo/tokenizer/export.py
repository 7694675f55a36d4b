"""A codebook in the terms of the ``tokenizers`` library: the same ids with no code of ours.

Text becomes GPT-2's byte alphabet (one printable character a byte), a regular expression cuts it
into the longest strings of the codebook, and a ``WordLevel`` vocabulary gives their ids.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from itertools import accumulate

from eqinfo.api import DEFAULT_CODEBOOK
from eqinfo.codebook.table import Codebook
from eqinfo.common.byte_alphabet import spell
from eqinfo.errors import UnsupportedError
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers

END_OF_TEXT = "<|endoftext|>"
"""How id 0, the empty string, is written: end of document and padding."""

FEW = 16
"""Alternatives that are tried in turn. With 2, 4 or 8, the pattern is larger and no faster."""


def export_tokenizer(
    codebook: Codebook | str = DEFAULT_CODEBOOK, *, end_of_text: str = END_OF_TEXT
) -> Tokenizer:
    """Return a tokenizer of the ``tokenizers`` library with the ids of ``codebook.encode``.

    Its ``save("tokenizer.json")`` writes a file that needs nothing of this package.

    Args:
        codebook: a codebook, or the name of a bundled one.
        end_of_text: how id 0 is written; a special token, so it means id 0 in text, too.

    Raises:
        ValueError: no such bundled codebook, or ``end_of_text`` is empty or a string of the
            codebook.
        UnsupportedError: strings that are too deep for a regular expression, about 2,000 bytes.
    """
    if isinstance(codebook, str):
        codebook = Codebook.bundled(codebook)
    return tokenizer_of([codebook[index] for index in range(len(codebook))], end_of_text)


def tokenizer_of(strings: Sequence[bytes], end_of_text: str) -> Tokenizer:
    """Return a tokenizer of the longest match among ``strings``; an id is a string's place.

    Args:
        strings: the empty one first, and all 256 bytes among them.
        end_of_text: how id 0 is written.

    Raises:
        ValueError: ``end_of_text`` is empty or one of the strings.
        UnsupportedError: strings with 2,000 prefixes or more among the strings.
    """
    vocabulary = {spell(string): index for index, string in enumerate(strings)}
    if end_of_text in vocabulary:
        raise ValueError(
            f"expected an end_of_text that is no string of the codebook, found {end_of_text!r}, "
            f"id {vocabulary[end_of_text]}"
        )
    del vocabulary[""]
    vocabulary[end_of_text] = 0
    # Every byte has an id, so nothing is unknown; "" is no token, so that a defect raises.
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token=""))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
            pre_tokenizers.Split(_regex(longest_match_pattern(strings)), "isolated"),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(end_of_text, special=True, normalized=False)])
    return tokenizer


def _regex(pattern: str) -> Regex:
    try:
        return Regex(pattern)
    except Exception as error:  # the library raises no narrower one
        raise UnsupportedError(
            "expected strings with fewer than 2000 prefixes among the strings, which a regular "
            f"expression can nest, found longer ones ({error})"
        ) from None


def longest_match_pattern(strings: Sequence[bytes]) -> str:
    """Return a regular expression (Oniguruma) for the longest of ``strings``, spelled.

    It is the trie, written down: what follows a node is optional where the node is itself one of
    the strings, and required where it is not. A required rest that does not match fails up to the
    last node that is a string, whose group then matches nothing. Siblings begin with different
    bytes, so no order among them changes the match. The groups are possessive: no text makes the
    search go back into them.
    """
    ends = set(strings)
    branches: dict[bytes, list[tuple[int, str]]] = {}
    nodes = {string[:length] for string in strings for length in range(1, len(string) + 1)}
    for node in sorted(nodes, reverse=True):  # children before their parent
        children = branches.pop(node, [])
        rest = _alternatives(children)
        if node in ends:
            rest = f"(?:{rest})?+" if rest else ""
        elif len(children) > 1:
            rest = f"(?:{rest})"
        count = (node in ends) + sum(count for count, _ in children)
        pattern = re.escape(spell(node[-1:])) + rest
        branches.setdefault(node[:-1], []).append((count, pattern))
    return _alternatives(branches[b""])


def _alternatives(branches: Iterable[tuple[int, str]]) -> str:
    """Join patterns that begin with different characters, those with most strings first.

    They are tried in turn; where there are many, a look at the next character skips the heavier
    half of them, so that a rare one is not behind all others.
    """
    heaviest = sorted(branches, key=lambda branch: -branch[0])
    patterns = [pattern for _, pattern in heaviest]
    if len(patterns) <= FEW:
        return "|".join(patterns)
    sums = list(accumulate(count for count, _ in heaviest))
    split = bisect_left(sums, sums[-1] / 2) + 1
    rest = _alternatives(heaviest[split:])  # never empty: the heavier ones are at most half of all
    if split == 1:
        return f"{patterns[0]}|{rest}"
    first = "".join(pattern[: 1 + pattern.startswith("\\")] for pattern in patterns[:split])
    return f"(?=[{first}])(?:{_alternatives(heaviest[:split])})|{rest}"

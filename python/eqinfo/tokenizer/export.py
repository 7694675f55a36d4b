"""A codebook as a tokenizer of the ``tokenizers`` library, which needs no code of this package.

Text is spelled in GPT-2's byte alphabet (one printable character per byte), a regular expression
cuts it into the longest strings of the codebook, and a ``WordLevel`` vocabulary gives their ids.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from itertools import accumulate

from eqinfo.api import DEFAULT_CODEBOOK
from eqinfo.codebook.table import Codebook, codebook_of
from eqinfo.common.byte_alphabet import spell
from eqinfo.errors import UnsupportedError
from eqinfo.tokenizer.special import END_OF_TEXT
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers

MAX_PREFIXES = 2000
"""A string with as many prefixes among the strings makes the expression nest too deeply."""
FEW = 16
"""Most alternatives that are tried in turn. With 2, 4 or 8, patterns are larger and not faster."""


def export_tokenizer(
    codebook: Codebook | str = DEFAULT_CODEBOOK, *, end_of_text: str = END_OF_TEXT
) -> Tokenizer:
    """Return a tokenizer of the ``tokenizers`` library with the ids of ``codebook.encode``.

    Its ``save("tokenizer.json")`` writes a file that can be used without this package.

    Args:
        codebook: a codebook, or the name of a bundled one.
        end_of_text: how id 0 is written. It is a special token, so it means id 0 in a text, too.

    Raises:
        ValueError: no codebook of that name is bundled, or ``end_of_text`` is empty or a string of
            the codebook.
        TypeError: neither a Codebook nor a name.
        UnsupportedError: strings are too long for a regular expression: about 2,000 bytes.
    """
    codebook = codebook_of(codebook)
    return tokenizer_of(strings_of(codebook), end_of_text)


def strings_of(codebook: Codebook) -> list[bytes]:
    """Return the strings of a codebook by id."""
    return [codebook[index] for index in range(len(codebook))]


def tokenizer_of(strings: Sequence[bytes], end_of_text: str) -> Tokenizer:
    """Return a tokenizer that takes the longest match; the id of a string is its index.

    Args:
        strings: begin with the empty string and include all 256 single bytes.
        end_of_text: how id 0 is written.

    Raises:
        ValueError: ``end_of_text`` is empty or one of the strings.
        UnsupportedError: a string has 2,000 or more prefixes among the strings.
    """
    tokenizer = vocabulary_tokenizer(strings, end_of_text)
    add_longest_match(tokenizer, strings)
    return tokenizer


def vocabulary_tokenizer(strings: Sequence[bytes], end_of_text: str) -> Tokenizer:
    """Return a tokenizer with the ids of `tokenizer_of` that does not cut texts into tokens yet.

    `add_longest_match` takes most of the time that `tokenizer_of` takes.

    Raises:
        ValueError: ``end_of_text`` is empty or one of the strings.
    """
    tokenizer = word_level(strings, end_of_text)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(end_of_text, special=True, normalized=False)])
    return tokenizer


def word_level(strings: Sequence[bytes], end_of_text: str) -> Tokenizer:
    """Return a tokenizer that has the vocabulary of `tokenizer_of`, and nothing else.

    Raises:
        ValueError: ``end_of_text`` is empty or one of the strings.
    """
    vocabulary = {spell(string): index for index, string in enumerate(strings)}
    if end_of_text in vocabulary:
        raise ValueError(
            f"expected an end_of_text that is not a string of the codebook, found {end_of_text!r}, "
            f"id {vocabulary[end_of_text]}"
        )
    del vocabulary[""]
    vocabulary[end_of_text] = 0
    # Every byte has an id, so there are no unknown tokens. "" is not in the vocabulary, so a defect
    # raises an exception.
    return Tokenizer(models.WordLevel(vocabulary, unk_token=""))


def add_longest_match(tokenizer: Tokenizer, strings: Sequence[bytes]) -> None:
    """Let a `vocabulary_tokenizer` cut texts.

    Raises:
        UnsupportedError: a string has 2,000 or more prefixes among the strings.
    """
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
            pre_tokenizers.Split(_regex(longest_match_pattern(strings)), "isolated"),
        ]
    )


def _regex(pattern: str) -> Regex:
    try:
        return Regex(pattern)
    except Exception as error:  # the library does not raise a narrower one
        raise UnsupportedError(
            "expected strings with fewer than 2000 prefixes among the strings, as far as regular "
            f"expressions can nest, found longer ones ({error}); use the codebook itself"
        ) from None


def longest_match_pattern(strings: Sequence[bytes]) -> str:
    """Return a regular expression (Oniguruma) that matches the longest of ``strings``, spelled.

    The expression is the trie of the strings. What follows a node is optional if the node is itself
    one of the strings, and required otherwise. If a required rest does not match, the match fails
    back to the last node that is a string, whose group then matches nothing. Siblings begin with
    different bytes, so their order does not change the match. The groups are possessive, so the
    search never backtracks into them.
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

    The alternatives are tried in turn. If there are many, a lookahead at the next character skips
    the heavier half of them, so that a rare one need not wait for all others to fail.
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

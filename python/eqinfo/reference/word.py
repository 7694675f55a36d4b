"""Word stage: word rule 1 (docs/pipeline.md, "Codebook", on words).

Classes come from the Unicode database of the running Python; csrc/tables/word_classes.h has those
of Unicode 14.
"""

from __future__ import annotations

import unicodedata

CLASSES = (
    "letter",
    "ideograph",
    "digit",
    "apostrophe",
    "hyphen",
    "space",
    "line end",
    "other",
    "ill-formed",
)
ILL_FORMED = "ill-formed"
IDEOGRAPHS = (
    "BOPOMOFO",
    "CJK",
    "HALFWIDTH KATAKANA",
    "HIRAGANA",
    "IDEOGRAPHIC",
    "KATAKANA",
    "NUSHU",
    "TANGUT",
    "YI ",
)
"""Beginnings of the Unicode names of letters that are written without spaces between words."""

STAYS = {
    ("letter", "letter"),
    ("letter", "apostrophe"),  # don't, dogs'
    ("apostrophe", "apostrophe"),
    ("apostrophe", "letter"),
    ("apostrophe", "line end"),
    ("ideograph", "ideograph"),
    ("digit", "digit"),
    ("hyphen", "letter"),  # well|-known
    ("hyphen", "apostrophe"),
    ("hyphen", "hyphen"),
    ("hyphen", "line end"),
    ("hyphen", "other"),
    ("other", "apostrophe"),  # ,'
    ("other", "hyphen"),
    ("other", "line end"),  # the end of a paragraph or of a line of code
    ("other", "other"),
    ("line end", "line end"),
    ("ill-formed", "ill-formed"),
} | {("space", following) for following in CLASSES}
"""The classes of two adjacent characters between which no word ends."""


def word_class(character: str) -> str:
    """Return the class of a character, from its Unicode category and name."""
    category = unicodedata.category(character)
    if character in "\r\n" or category in ("Zl", "Zp"):
        return "line end"
    if character in "\t\v\f" or category == "Zs":
        return "space"
    if character in "'\N{RIGHT SINGLE QUOTATION MARK}":
        return "apostrophe"
    if character in "-\N{HYPHEN}\N{NON-BREAKING HYPHEN}":
        return "hyphen"
    if category[0] == "N":
        return "digit"
    if category[0] in "LM":
        ideograph = unicodedata.name(character, "").startswith(IDEOGRAPHS)
        return "ideograph" if ideograph else "letter"
    return "other"


def characters(text: bytes) -> list[tuple[int, str]]:
    """Return the length in bytes and the class of every character.

    A byte that is not part of well-formed UTF-8 counts as a character of class `ILL_FORMED`.
    """
    result = []
    at = 0
    while at < len(text):
        for length in range(1, 5):
            try:
                character = text[at : at + length].decode()
            except UnicodeDecodeError:
                continue
            result.append((len(character.encode()), word_class(character)))
            break
        else:
            result.append((1, ILL_FORMED))
        at += result[-1][0]
    return result


def split(text: bytes) -> list[int]:
    """Return the places where words end, in bytes; the last one is the length of the text."""
    ends = []
    at = 0
    before = None
    for length, following in characters(text):
        if before is not None and (before, following) not in STAYS:
            ends.append(at)
        at += length
        before = following
    return [*ends, at] if text else []


def within_a_word(string: bytes) -> bool:
    """Return whether a codebook with ``align="word"`` may contain a string.

    It may if the string is whole characters without a word end between them, or a part of one
    character.
    """
    if _well_formed(string):
        return len(split(string)) <= 1
    return len(string) == 1 or _piece_of_a_character(string)


def _piece_of_a_character(string: bytes) -> bool:
    """Return whether bytes before or after it would make the string one character."""
    before = [lead + string for lead in (b"\xc3", b"\xe1", b"\xf1")]
    after = [string + fill * n for fill in (b"\x80", b"\xbf") for n in (1, 2, 3)]
    return any(len(characters(longer)) == 1 and _well_formed(longer) for longer in before + after)


def _well_formed(text: bytes) -> bool:
    return ILL_FORMED not in [kind for _, kind in characters(text)]

"""Text features, rule 1 (docs/pipeline.md, "Text features")."""

from __future__ import annotations

from collections.abc import Iterator

from eqinfo.reference import word

KINDS = ("prefixes", "suffixes", "words", "trigrams", "places")
FEATURES = (
    "prefix",
    "suffix",
    "word",
    "folded word",
    "first word",
    "last word",
    "words",
    "trigram",
    "place",
)
MAX_BYTES = 256
"""Of a longer text, only these first bytes count."""
MAX_AFFIX = 4
PLACES = 16
MAX_WORDS = 8


def features(text: bytes, kinds: tuple[str, ...]) -> Iterator[tuple[str, bytes]]:
    """Yield the features of a text: what each says, and of which bytes."""
    text = text[:MAX_BYTES]
    affixes = range(1, min(len(text), MAX_AFFIX) + 1)
    if "prefixes" in kinds:
        yield from (("prefix", text[:length]) for length in affixes)
    if "suffixes" in kinds:
        yield from (("suffix", text[-length:]) for length in affixes)
    if "words" in kinds and text:
        ends = word.split(text)
        words = [text[begin:end] for begin, end in zip([0, *ends], ends, strict=False)]
        for each in words:
            yield "word", each
            yield "folded word", each.lstrip(b" ").lower()
        yield "first word", words[0]
        yield "last word", words[-1]
        yield "words", bytes([min(len(words), MAX_WORDS)])
    if "trigrams" in kinds:
        yield from (("trigram", text[at : at + 3]) for at in range(len(text) - 2))
    if "places" in kinds:
        yield from (("place", bytes([at, byte])) for at, byte in enumerate(text[:PLACES]))


def bucket(feature: str, content: bytes, buckets: int) -> int:
    """Return the bucket of a feature, 0 to ``buckets - 1``."""
    factor, modulus = 0x9E3779B97F4A7C15, 1 << 64
    state = (FEATURES.index(feature) + 1) * factor % modulus
    for byte in content:
        state = (state ^ byte) * factor % modulus
        state ^= state >> 32
    return (state >> 32) * buckets >> 32


def text_features(text: bytes, kinds: tuple[str, ...], buckets: int) -> list[int]:
    """Return the buckets of the features of a text, in order."""
    return [bucket(feature, content, buckets) for feature, content in features(text, kinds)]

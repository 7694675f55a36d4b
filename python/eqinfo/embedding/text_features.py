"""Text-features stage: hashed features of every token's text, by text feature rule 1.

``csrc/text_features.h``, docs/pipeline.md ("Text features") and `eqinfo.reference.text_features`
define them. They depend on nothing but the text, the kinds and the number of buckets.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

import eqinfo._core as _core
from eqinfo.codebook.table import Codebook
from eqinfo.common.batch import TextBatch, require_iterable
from eqinfo.common.integers import check_integers

KINDS = ("prefixes", "suffixes", "words", "trigrams", "places")
"""Kinds of features; place k in this list is bit k of a set."""
DEFAULT_KINDS = ("prefixes", "suffixes", "words", "trigrams")
DEFAULT_BUCKETS = 16_384
MAX_BUCKETS = 1 << 24
MAX_STRINGS = 1 << 20
TEXT_FEATURE_RULE = 1
Strings: TypeAlias = Codebook | Sequence[bytes | str]
"""The text of every id, in the order of ids. Of the empty string, there are no features."""


@dataclass(frozen=True)
class TextFeatures:
    """The features of the texts of all ids.

    Attributes:
        buckets: int32, shape (n,), the buckets of the features, one id after the other. A bucket
            may come more than once.
        offsets: int32, shape (ids + 1,): those of id i are buckets[offsets[i] : offsets[i + 1]].
        fingerprint: a hash of the texts, the kinds, the number of buckets and the rule: 32
            hexadecimal digits.
    """

    buckets: NDArray[np.int32]
    offsets: NDArray[np.int32]
    fingerprint: str


def text_features(
    strings: Strings,
    buckets: int = DEFAULT_BUCKETS,
    kinds: Collection[str] = DEFAULT_KINDS,
) -> TextFeatures:
    """Return the features of the text of every id.

    Args:
        strings: the text of every id, 1 to 2^20 of them; a str stands for its UTF-8. Only the first
            256 bytes of a text count.
        buckets: number of different values that features are hashed to, 1 to 2^24.
        kinds: of `KINDS`: the "prefixes" and "suffixes" of 1 to 4 bytes; the "words" as they are
            and without case, the first, the last and their number; the "trigrams" of bytes; and
            "places", the first 16 bytes with their places.

    Raises:
        TypeError: a text that is neither str nor bytes-like.
        ValueError: a parameter out of range, or an unknown kind.

    Examples:
        >>> from eqinfo.embedding import text_features
        >>> features = text_features(["", " the", " The"], kinds=["prefixes"])
        >>> features.offsets.tolist()  # the empty text has no features, the others four prefixes
        [0, 0, 4, 8]
        >>> features.buckets[[0, 4]].tolist()  # both begin with the same byte
        [10636, 10636]
    """
    chosen = _kind_bits(kinds)
    (buckets,) = check_integers(buckets=buckets)
    if not 1 <= buckets <= MAX_BUCKETS:
        raise ValueError(
            f"expected 1 to {MAX_BUCKETS} buckets, found {buckets}; for an embedding that does not "
            "know its text, use torch.nn.Embedding"
        )
    texts = texts_of(strings)
    if not 1 <= len(texts) <= MAX_STRINGS:
        raise ValueError(f"expected 1 to {MAX_STRINGS} strings, found {len(texts)}")
    data, offsets = np.ascontiguousarray(texts.data), np.ascontiguousarray(texts.offsets)
    found, bounds = _core.text_features(data, offsets, chosen, buckets)
    digest = hashlib.blake2b(digest_size=16)
    digest.update(f"text features {TEXT_FEATURE_RULE} {chosen} {buckets} {len(texts)}\n".encode())
    digest.update(offsets.astype("<i8").tobytes() + data.tobytes())
    return TextFeatures(found, bounds, digest.hexdigest())


def texts_of(strings: Strings) -> TextBatch:
    """Return the texts of all ids; raises TypeError as `text_features`."""
    if isinstance(strings, Codebook):
        ids = np.arange(len(strings)).astype(strings.dtype)
        offsets = np.concatenate([[0], np.cumsum(strings.lengths, dtype=np.int64)])
        return TextBatch(np.frombuffer(strings.decode_bytes(ids), np.uint8), offsets)
    if isinstance(strings, TextBatch):
        begin, end = strings.offsets[[0, -1]]
        return TextBatch(strings.data[begin:end], strings.offsets - begin)
    if isinstance(strings, str | bytes):
        raise TypeError(
            f"expected the texts of all ids or a Codebook, found one {type(strings).__name__}"
        )
    require_iterable(strings, "texts")
    return TextBatch.concatenate(strings)


def _kind_bits(kinds: Collection[str]) -> int:
    chosen = {*kinds}
    if not chosen or not chosen.issubset(KINDS):
        found = kinds if isinstance(kinds, str) else sorted(map(str, chosen))
        raise ValueError(f"expected kinds among {', '.join(KINDS)}, at least one, found {found!r}")
    return sum(1 << KINDS.index(kind) for kind in chosen)

"""Models and texts that are meant to break coders."""

from __future__ import annotations

import hashlib

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from eqinfo.models import FunctionModel


def examples(count: int) -> settings:
    """So many examples, and as many fewer of them as the profile in use has (see conftest.py)."""
    of_profile: int = settings().max_examples
    return settings(max_examples=max(1, count * of_profile // 100))


KINDS = ("random", "peaked", "ties", "minus_infinity", "equal", "last", "huge")


def logits_row(kind: str, vocab_size: int, context: bytes) -> NDArray[np.float32]:
    """One row that depends on the context alone."""
    seed = int.from_bytes(hashlib.blake2b(context, digest_size=8).digest(), "big")
    rng = np.random.default_rng(seed)
    row = rng.normal(0, 3, vocab_size)
    if kind == "peaked":
        row = np.full(vocab_size, -1e9)
        row[seed % vocab_size] = 0
    elif kind == "ties":
        row = rng.integers(0, 3, vocab_size).astype(np.float64)
    elif kind == "minus_infinity":
        row[rng.random(vocab_size) < 0.9] = -np.inf
        row[seed % vocab_size] = 1
    elif kind == "equal":
        row = np.zeros(vocab_size)
    elif kind == "last":
        row = np.full(vocab_size, -50.0)
        row[-1] = 50
    elif kind == "huge":
        row = rng.choice([-3e38, 3e38, 1e-45, -1e-45, 0.0], vocab_size)
    return row.astype(np.float32)


def adversarial_model(
    kind: str, vocab_size: int = 256, memory: int = 2, context_length: int = 16
) -> FunctionModel:
    """A deterministic model whose rows depend on the last ``memory`` symbols."""
    cache: dict[bytes, NDArray[np.float32]] = {}

    def logits(contexts: NDArray[np.int32], lengths: NDArray[np.int32]) -> NDArray[np.float32]:
        rows = np.empty((len(lengths), vocab_size), np.float32)
        for i, length in enumerate(lengths.tolist()):
            key = contexts[i, max(0, length - memory) : length].tobytes()
            if key not in cache:
                cache[key] = logits_row(kind, vocab_size, key)
            rows[i] = cache[key]
        return rows

    return FunctionModel(logits, vocab_size, context_length, name=f"{kind}-{vocab_size}-{memory}")


def float32_rows(vocab_size: int, rows: int) -> st.SearchStrategy[NDArray[np.float32]]:
    """Any usable logits: -infinity, subnormals and huge values included."""
    value = st.one_of(
        st.floats(width=32, allow_nan=False, allow_infinity=False),
        st.just(-float("inf")),
        st.sampled_from([0.0, -0.0, 1.0, 1e-45, 3.4e38, -3.4e38]),
    )
    row = st.lists(value, min_size=vocab_size, max_size=vocab_size).filter(
        lambda values: max(values) > -float("inf")
    )
    return st.lists(row, min_size=rows, max_size=rows).map(lambda r: np.array(r, np.float32))


TEXTS = (
    b"",
    b"a",
    b"\xff",
    bytes(range(256)),
    b"\xe2\x82",
    b"The quick brown fox jumps over the lazy dog. " * 8,
    b"\r\n" * 50,
    "漢字とかな".encode() * 5,
)

texts = st.one_of(
    st.binary(max_size=120), st.sampled_from(TEXTS), st.text(max_size=60).map(str.encode)
)

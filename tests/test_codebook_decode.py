"""Codebook stage: one thread decodes many ids in one pass; a sample of them predicts the size."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

import codebook_cases as cases
from eqinfo.codebook import Codebook
from eqinfo.common.batch import TokenBatch
from eqinfo.reference import codebook as reference
from strategies import examples

Ids = NDArray[np.uint16]

TABLES = cases.tables()
CODEBOOKS = {name: cases.from_strings(strings) for name, strings in TABLES.items()}
# The size of fewer ids is computed before they are decoded.
MANY = 1 << 15
EMPTY, BYTE = 0, 1


def same_text(table: str, ids: Ids, cuts: list[int]) -> None:
    """Decode ids as one text and, cut into documents, as a batch."""
    strings, codebook = TABLES[table], CODEBOOKS[table]
    wanted = reference.decode(strings, ids.tolist())
    for threads in (1, 2):
        found = codebook.decode_bytes(ids, num_threads=threads)
        assert found == wanted
        assert hash(found) == hash(wanted)
        assert found + b"." == wanted + b"."
    offsets = np.array(cuts, np.int64)
    ends = np.cumsum([0, *(len(strings[i]) for i in ids)])[offsets]
    for threads in (1, 2):
        batch = codebook.decode_batch(TokenBatch(ids, offsets), num_threads=threads)
        assert batch.data.tobytes() == wanted[ends[0] : ends[-1]]
        assert np.array_equal(batch.offsets, ends - ends[0])
        assert batch.data.flags.c_contiguous


def unevenly(sampled: int, others: int, count: int = 2 * MANY + 15) -> Ids:
    """Return ids of which the sample sees only one kind: 16 in a row at 512 places."""
    return np.where(np.arange(count) % 128 < 16, sampled, others).astype(np.uint16)


def longest(table: str, below: int) -> int:
    """Return the id of a longest string that is shorter than ``below``."""
    lengths = CODEBOOKS[table].lengths
    return int(np.argmax(np.where(lengths < below, lengths, 0)))


@pytest.mark.parametrize("table", TABLES)
@examples(8)
@given(data=st.data())
def test_many_ids(table: str, data: st.DataObject) -> None:
    count = data.draw(st.integers(MANY - 1, 2 * MANY + 40))
    seed = data.draw(st.integers(0, 2**32))
    few = data.draw(st.lists(st.integers(0, len(TABLES[table]) - 1), min_size=1, max_size=20))
    ids = np.random.default_rng(seed).choice(np.array(few, np.uint16), count)
    tail = data.draw(st.lists(st.sampled_from(few), max_size=40))
    ids[count - len(tail) :] = tail
    cuts = data.draw(st.lists(st.integers(0, count), min_size=1, max_size=30).map(sorted))
    same_text(table, ids, cuts)


@pytest.mark.parametrize("documents", [900, 9_000])
@pytest.mark.parametrize("table", TABLES)
def test_all_ids(table: str, documents: int) -> None:
    """Every string, common or not, at every place of a group; documents of several sizes."""
    codebook = CODEBOOKS[table]
    ids = np.random.default_rng(4).integers(0, len(codebook), 2 * MANY).astype(np.uint16)
    if codebook.max_length > 100:
        ids = ids[: MANY + 3]
    cuts = np.sort(np.random.default_rng(5).integers(0, len(ids), documents)).tolist()
    same_text(table, ids, [0, 0, *cuts, len(ids), len(ids)])


@pytest.mark.parametrize("long", [2, 16, 17, 33, 4_000])
def test_a_sample_that_misleads(long: int) -> None:
    """The sample predicts far too little room, or far too much."""
    table = "chain"
    string = longest(table, long)
    assert CODEBOOKS[table].lengths[string] == min(long - 1, 3840)
    for pair in ((BYTE, string), (string, BYTE), (EMPTY, string), (string, EMPTY)):
        ids = unevenly(*pair, count=MANY + 15 if long > 1_000 else 2 * MANY + 15)
        count = len(ids)
        same_text(table, ids, [3, 3, 100, count // 2, count // 2 + 5, count - 1, count, count])
    same_text(table, np.append(unevenly(EMPTY, EMPTY), np.uint16(string)), [0, 2 * MANY + 16])


def test_no_text() -> None:
    same_text("chain", np.zeros(MANY, np.uint16), [0, 0, 5, MANY, MANY])
    same_text("chain", np.zeros(0, np.uint16), [0])


@pytest.mark.parametrize("sampled", [EMPTY, BYTE, 300])
@pytest.mark.parametrize("bad", [[0], [5], [8_191, 8_192], [30_000, 50_000], [2 * MANY + 14]])
def test_the_first_bad_id_is_named(sampled: int, bad: list[int]) -> None:
    """Also after the place where the room ran out."""
    codebook = CODEBOOKS["bushy"]
    ids = unevenly(sampled, 300)
    ids[bad] = len(codebook)
    for threads in (1, 2):
        with pytest.raises(ValueError, match=f"token {bad[0]}: no such id"):
            codebook.decode_bytes(ids, num_threads=threads)
        batch = TokenBatch(ids, np.array([0, 7, 40_000, len(ids)], np.int64))
        with pytest.raises(ValueError, match=f"token {bad[0]}: no such id"):
            codebook.decode_batch(batch, num_threads=threads)


def test_wide_ids() -> None:
    codebook = Codebook.fit(cases.TEXT * 20, 17)
    lengths = codebook.lengths
    ids = np.random.default_rng(6).integers(0, len(codebook), MANY).astype(np.uint32)
    for many in (ids, np.full(MANY, np.argmax(lengths), np.uint32)):
        wanted = b"".join(codebook[i] for i in many.tolist())
        assert codebook.decode_bytes(many) == wanted
        batch = codebook.decode_batch([many[:100], many[100:]])
        assert list(pairwise(batch.offsets)) == [
            (0, lengths[many[:100]].sum()),
            (lengths[many[:100]].sum(), len(wanted)),
        ]
        assert batch.data.tobytes() == wanted
    ids[20_000] = len(codebook)
    with pytest.raises(ValueError, match="token 20000: no such id"):
        codebook.decode_bytes(ids)

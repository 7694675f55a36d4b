"""Windows of 32 bits in the study of learnability: their ranges, texts and probabilities."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import torch

from contestants import EMBEDDINGS, MAKERS
from eqinfo.embedding import text_features
from eqinfo.experiment.m2.training import M2Settings
from long_windows import LongWindowEmbedding, LongWindows
from tables import Table
from tiny_lm import train

TEXT = "It was the best of times, it was the worst of times: naïve 漢字.\n".encode() * 9


@cache
def windows_table() -> Table:
    """Return the table of windows of 32 bits in two tokens."""
    table = MAKERS["windows-2"]([], 32)
    assert table is not None
    return table


def long_windows(table: Table) -> LongWindows:
    """Return the texts of its codewords."""
    assert isinstance(table.strings, LongWindows)
    return table.strings


def test_codewords_have_the_texts_that_their_tokens_stand_for() -> None:
    table = windows_table()
    codewords = table.encode(TEXT).reshape(-1, 2) @ [1 << 16, 1]
    texts = long_windows(table).texts(codewords)
    assert b"".join(texts.iter_bytes()) == TEXT
    others = replace(long_windows(table), shuffled=True).texts(codewords)
    assert not set(texts.iter_bytes()) & set(others.iter_bytes())


def test_the_texts_of_a_range_begin_alike() -> None:
    windows = long_windows(windows_table())
    known = int(windows_table().encode(TEXT)[0])
    samples = windows.texts((known << 16) + np.array([1 << 14, 3 << 14]))
    assert {text[:2] for text in samples.iter_bytes()} == {b"It"}
    buckets, offsets = windows.features(np.array([known, 0]), 16)
    wanted = text_features(samples)
    assert buckets[: offsets[1]].tolist() == wanted.buckets.tolist()


def test_a_vector_is_that_of_the_text_and_of_the_last_bits() -> None:
    table = windows_table()
    embedding = LongWindowEmbedding(long_windows(table), 1 << 16, 8)
    tokens = torch.from_numpy(table.encode(TEXT)[:4])[None]
    codeword = int(tokens[0, 2]) << 16 | int(tokens[0, 3])
    (text,) = long_windows(table).texts(np.array([codeword])).iter_bytes()
    buckets = torch.from_numpy(text_features([text]).buckets).long()
    wanted = (
        embedding.own[3][codeword & 255] + embedding.vectors[buckets].sum(0) / len(buckets) ** 0.5
    )
    torch.testing.assert_close(embedding(tokens)[0, 3], wanted)


def test_the_probabilities_of_all_tokens_sum_to_one() -> None:
    embedding = LongWindowEmbedding(long_windows(windows_table()), 1 << 16, 4)
    tokens = torch.arange(1 << 16)[:, None]
    for known in (None, 1234):
        hidden = torch.randn(4).expand(1 << 16, 2, 4)
        ids = torch.zeros((1 << 16, 2), dtype=torch.int64)
        ids[:, 0] = known or 0
        place = slice(0, 1) if known else slice(1, 2)
        with torch.no_grad():
            nats = embedding.nats(hidden, ids, tokens.expand(-1, 2))[:, place]
        torch.testing.assert_close(nats.neg().exp().sum(), torch.tensor(1.0))


def test_windows_of_32_bits_are_learned() -> None:
    text = b"It was the best of times, it was the worst of times. " * 20
    table = windows_table()
    found = []
    for embedding in ("text", "text-shuffled", "plain"):
        (point,) = train(
            [table.encode(text)] * 4,
            [table.encode(text[:530])],
            vocabulary=table.vocabulary,
            train_bytes=4 * len(text),
            context_bytes=80,
            settings=M2Settings("toy", batch=2, learning_rate=1e-2, points=(1.0,)),
            log=lambda point: None,
            make_embedding=EMBEDDINGS[embedding](table),
            window_tokens=2,
        )
        found += point.held_out_bits
    assert found == sorted(found)

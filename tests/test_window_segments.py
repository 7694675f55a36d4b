"""Cutting documents where the model is reset, and joining what their segments decode to."""

from __future__ import annotations

import numpy as np
import pytest

from eqinfo.window.encoded import WindowCollector
from eqinfo.window.parameters import WindowParameters
from eqinfo.window.segments import cut_segments, join_segments
from eqinfo.window.steps import Variant, codeword_ints, int_codewords


def cut(values: list[list[int]], reset_every: int, variant: Variant = "bijective"):  # type: ignore[no-untyped-def]
    parameters = WindowParameters(16, 12, variant, reset_every)
    segments = cut_segments([int_codewords(document) for document in values], parameters)
    return [(s.document, s.first, codeword_ints(s.codewords)) for s in segments]


@pytest.mark.parametrize(
    ("reset_every", "expected"),
    [
        (1, [(0, 0, [5]), (0, 1, [6]), (0, 2, [7]), (2, 0, [8])]),
        (2, [(0, 0, [5, 6]), (0, 2, [7]), (2, 0, [8])]),
        (0, [(0, 0, [5, 6, 7]), (2, 0, [8])]),
    ],
)
def test_documents_are_cut_at_resets(
    reset_every: int, expected: list[tuple[int, int, list[int]]]
) -> None:
    assert cut([[5, 6, 7], [], [8]], reset_every) == expected


def test_only_bijective_windows_of_codeword_0_mean_nothing() -> None:
    assert cut([[0, 5, 0, 0, 6]], 2) == [(0, 0, [5]), (0, 4, [6])]
    assert cut([[0, 5, 0, 0, 6]], 0) == [(0, 0, [5, 6])]
    assert cut([[0], [0, 0]], 1) == []
    for variant in ("padded", "delay"):
        assert cut([[0, 5, 0]], 2, variant) == [(0, 0, [0, 5]), (0, 2, [0])]


def test_texts_are_joined_by_document() -> None:
    parameters = WindowParameters(16, 12, "bijective", 1)
    documents = [int_codewords(values) for values in ([1, 2], [], [3])]
    segments = cut_segments(documents, parameters)
    texts = [np.array(text, np.int32) for text in ([1], [2, 3], [4])]
    joined = join_segments(segments, texts, 3)
    assert [text.tolist() for text in joined] == [[1, 2, 3], [], [4]]
    assert all(text.dtype == np.int32 for text in joined)


def test_a_collector_gives_its_windows_once() -> None:
    collector = WindowCollector()
    for number in range(5):
        collector.add(int_codewords([number])[0], 3 * number, 0.5, number, number > 3)
    assert len(collector) == 5
    first = collector.take(2)
    assert codeword_ints(first.codewords) == [0, 1]
    rest = collector.take()
    assert len(collector) == 0
    assert len(rest) == 3
    assert rest.ends.tolist() == [6, 9, 12]
    assert rest.spare_bits.tolist() == [0.5] * 3
    assert rest[1:].shortened.tolist() == [3, 4]
    assert rest[-1:].misread.tolist() == [True]
    assert collector.take().codewords.shape == (0, 2)

"""The paper's analyses, on streams with known results."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest

from eqinfo.codecs.windows import WindowCodec
from eqinfo.experiment import catalogue
from eqinfo.experiment.analyses.divergence import divergences, random_bits, token_bits
from eqinfo.experiment.analyses.examples import byte_spans, sentence_pieces, windows_by_token
from eqinfo.experiment.analyses.ratios import bits_per_byte, flops_per_byte, measure
from eqinfo.experiment.analyses.stability import common_words, stability
from eqinfo.experiment.tokenizations.base import Ids, Texts, Tokenization
from eqinfo.experiment.tokenizations.byte_streams import Bytes
from experiment_cases import DOCUMENTS, SENTENCES, TRAINING, ngram


class Halves(Tokenization):
    """Two characters per token, of which the second is lost: good enough to count."""

    def __init__(self) -> None:
        super().__init__("halves", 4)

    def encode_batch(self, texts: Texts) -> list[Ids]:
        return [np.array([ord(c) % 4 for c in text[::2]], np.int64) for text in texts]

    def decode_batch(self, documents: Sequence[Ids]) -> list[str]:
        return ["".join(chr(i) * 2 for i in ids.tolist()) for ids in documents]


def test_ratios_and_trivial_models() -> None:
    texts = ["a-a-b-b-", "aöb-"]  # the second one has five bytes
    documents = [np.array([0, 0, 1, 1]), np.array([0, 1])]
    found = measure(Halves(), texts, documents)
    assert (found.text_bytes, found.tokens, found.distinct) == (13, 6, 2)
    assert found.token_ratio == pytest.approx(13 / 6)
    assert found.uniform == pytest.approx(2 * 6 / 13)
    assert found.bit_ratio == pytest.approx(8 * 13 / 12)
    assert found.unigram == pytest.approx(6 / 13)
    assert found.unigram_corrected == pytest.approx((6 + 0.5 / math.log(2)) / 13)
    with pytest.raises(ValueError, match="halves: expected text"):
        measure(Halves(), [""], [np.empty(0, np.int64)])


def test_units_of_the_paper() -> None:
    assert bits_per_byte(10 * math.log(2), 20) == pytest.approx(0.5)
    assert flops_per_byte(1000, 4.0, 10) == pytest.approx(520)


def test_token_bits_come_most_significant_first() -> None:
    assert token_bits([np.array([5]), np.array([1, 6])], 3).tolist() == [1, 0, 1, 0, 0, 1, 1, 1, 0]


def test_divergence_of_random_bits_is_none_once_corrected() -> None:
    found = divergences(random_bits(400_000, 1), overlapping=False, sizes=[1, 8], parts=4)
    assert [each.segments for each in found] == [100_000, 12_500]
    assert found[1].plug_in > 0.01
    for each in found:
        assert abs(each.corrected) < 0.002
        assert each.low <= each.corrected <= each.high


def test_divergence_of_what_repeats() -> None:
    bits = np.tile(np.array([0, 1], np.uint8), 1000)
    tokens = divergences(bits, overlapping=False, sizes=[1, 2], parts=2)
    grams = divergences(bits, overlapping=True, sizes=[2], parts=2)
    assert tokens[0].plug_in == pytest.approx(0, abs=1e-4)
    assert tokens[1].plug_in == pytest.approx(2)
    assert grams[0].plug_in == pytest.approx(1, abs=1e-2)
    with pytest.raises(ValueError, match="expected at least 20 bits, found 19"):
        divergences(bits[:19], overlapping=True, sizes=[2], parts=10)


def test_bytes_are_stable_and_arithmetic_codes_are_not() -> None:
    pytest.importorskip("rapidfuzz")
    words = common_words(TRAINING, 20)
    assert words[0] == "the"
    plain = stability(Bytes(), words, SENTENCES[1])
    coded = stability(catalogue(ngram())["AC[8]"].train([]), words, SENTENCES[1])
    assert sum(plain.distances) == 190
    assert plain.mean <= max(map(len, words))
    assert plain.relative < 0.1 < 0.5 < coded.relative
    with pytest.raises(ValueError, match="at least 5000 different words"):
        common_words(TRAINING, 5000)


def test_windows_of_a_sentence_join_to_it() -> None:
    names = ["Bytes", "EqualInfo[32, 8]", "EqualInfo[16, 8] word"]
    tokenizations = [catalogue(ngram())[name].train([]) for name in names]
    shown = sentence_pieces(tokenizations, SENTENCES[0])
    assert list(shown) == names
    assert all("".join(pieces) == SENTENCES[0] for pieces in shown.values())


def test_a_first_token_says_how_its_windows_begin() -> None:
    tokenization = catalogue(ngram())["EqualInfo[16, 8]"].train([])
    found = windows_by_token(tokenization, TRAINING, tokens=2)
    assert [each.position for each in found] == [0, 0, 1, 1]
    assert found[0].windows >= found[1].windows
    assert found[0].prefix
    for each in found:
        assert all(text.startswith(each.prefix) for text in each.texts)
    with pytest.raises(ValueError, match="windows of at least two tokens, found no windows"):
        windows_by_token(Bytes(), TRAINING)


def test_bits_of_bytes_fill_the_windows() -> None:
    codec = WindowCodec(ngram(), 32)
    spans = byte_spans(codec, DOCUMENTS[2])
    windows = codec.windows(DOCUMENTS[2])
    assert "".join(span.text for span in spans) == DOCUMENTS[2]
    assert max(span.window for span in spans) == len(windows) - 1
    for number, window in enumerate(windows):
        here = [span for span in spans if span.window == number]
        assert here[0].first == pytest.approx(0)
        assert here[-1].last + window.spare_bits == pytest.approx(32, abs=4)
    with pytest.raises(ValueError, match="decode on their own"):
        byte_spans(WindowCodec(ngram(), 32, reset_every=2), "a")

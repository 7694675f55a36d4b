"""Analyses of tokens, of streams that another M1 decodes, and of the results of several seeds."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from eqinfo import WindowCodec
from eqinfo.codecs.arithmetic import ArithmeticCodec
from eqinfo.experiment import NgramModel
from eqinfo.experiment.analyses.comparison import frontier, welch
from eqinfo.experiment.analyses.divergence import Divergence
from eqinfo.experiment.analyses.initial_tokens import initial_tokens
from eqinfo.experiment.analyses.numerical_stability import stream_breaks
from eqinfo.experiment.analyses.repeats import Repeats, repeats
from eqinfo.models import StaticModel
from experiment_cases import DOCUMENTS, TRAINING, ngram


def test_repeats_are_counted_by_place() -> None:
    documents = [np.array([1, 5, 1, 6]), np.array([], np.int64), np.array([2, 1])]
    # 1 occurs three times, the others once; at the first place 1 twice and 2 once.
    assert repeats(documents, 2) == Repeats(0.25, (0.5, 0.0), (2, 3))
    assert repeats(documents) == Repeats(0.25, (0.25,), (4,))
    for bad in ([np.array([1, 2, 3])], [np.array([], np.int64)]):
        with pytest.raises(ValueError, match="expected documents of whole windows of 2 tokens"):
            repeats(bad, 2)


def test_first_tokens_leave_bytes_open() -> None:
    # Every byte has 7.6 bits of information: the second byte of a window is in both tokens.
    model = StaticModel([1] * 128 + [0] * 128)
    codec = WindowCodec(model, 16, 8, precision=14)
    found = initial_tokens(codec, ["abab" * 40, ""])
    assert (found.windows, found.crossing, found.whole_bytes) == (80, 1.0, 1.0)
    # Few windows, and none with another text has the same first token.
    assert (found.repeated, found.alike) == (0, 0.0)
    # "a" and then one bit of the second byte: windows differ, and begin alike.
    many = initial_tokens(codec, ["".join(f"a{chr(second)}" for second in range(128))])
    assert many.repeated > 0
    assert many.alike == 1.0
    for bad in (WindowCodec(model, 16, 16), WindowCodec(model, 16, 12)):
        with pytest.raises(ValueError, match="expected windows of several tokens, found 16 bits"):
            initial_tokens(bad, ["ab"])
    with pytest.raises(ValueError, match="windows of several bytes, found none"):
        initial_tokens(codec, ["", "a"])


def test_noise_of_an_entropy_is_relative() -> None:
    # An entropy of 6 bits, and 90 % of the samples within 5.9 and 6.2.
    assert Divergence(8, 100, 2.1, 2.0, 1.8, 2.1).noise == pytest.approx(0.3 / 6)


class Other(NgramModel):
    """Gives other numbers after the letter w, as another machine might."""

    def probabilities(
        self, history: NDArray[np.uint64], lengths: NDArray[np.int64]
    ) -> NDArray[np.float32]:
        rows: NDArray[Any] = super().probabilities(history, lengths)
        changed = (history & np.uint64(255)) == ord("w")
        rows[changed] = rows[changed][:, ::-1]
        return rows


def test_windows_break_alone_and_other_streams_from_there_on() -> None:
    text = DOCUMENTS[2][:57]
    same = stream_breaks(ngram(), ngram(), text)
    assert [(found.first_wrong, found.right) for found in same] == [(57, 1.0)] * 3
    ac, padded, bijective = stream_breaks(ngram(), Other("".join(TRAINING).encode(), 3), text)
    place = text.index("w") + 1
    assert [found.stream for found in (ac, padded, bijective)] == ["AC", "padded", "bijective"]
    # AC is right as far as the other numbers begin, also if the decoder refuses what follows.
    assert place - 1 <= ac.first_wrong <= place
    assert padded.first_wrong <= place
    assert bijective.first_wrong <= place
    assert bijective.right > max(ac.right, padded.right)


def test_welchs_test() -> None:
    found = welch([1.0, 2.0, 3.0], [2.0, 4.0, 6.0])
    # By hand: variances 1 and 4 over 3 values each; t = -2 / sqrt(5 / 3), freedom = 50 / 17.
    assert found.t == pytest.approx(-(2.4**0.5))
    assert found.freedom == pytest.approx(50 / 17)
    # Student's table: 4.303 with 2 degrees of freedom, 2.776 with 4, at 5 %.
    for t, values in ((4.303, 2), (2.776, 3)):
        same = [float(value) for value in range(values)]
        error = (2 * np.var(same, ddof=1) / values) ** 0.5
        shifted = [value + t * error for value in same]
        assert welch(same, shifted).p == pytest.approx(0.05, abs=1e-4)
    with pytest.raises(ValueError, match="two values or more of each, found 1 and 2"):
        welch([1], [1, 2])
    with pytest.raises(ValueError, match="expected values that vary"):
        welch([1, 1], [2, 2])


def test_the_frontier_has_what_nothing_beats() -> None:
    results = {"a": (1.0, 1.0), "b": (4.0, 1.1), "c": (3.0, 1.2), "d": (5.0, 2.0), "e": (4.0, 1.3)}
    assert frontier(results) == ["d", "b", "a"]


@pytest.mark.parametrize("text", [b"", b"a", b"abcdefg", bytes(range(256)), b"aaaaaaaaaaaa"])
def test_an_ngram_model_of_little_text_predicts(text: bytes) -> None:
    """No context of 6 bytes came twice, or there is none."""
    codec = ArithmeticCodec(NgramModel(text))
    assert codec.decode(codec.encode("abcab, abcab")) == "abcab, abcab"


@pytest.mark.parametrize("order", [-1, 8])
def test_contexts_fit_into_64_bits(order: int) -> None:
    with pytest.raises(ValueError, match=f"^expected order of 0 .*, found {order}$"):
        NgramModel(b"text", order)

"""M2s that learn to spell, and float M1s that are computed in several ways."""

from __future__ import annotations

from dataclasses import replace
from typing import get_args

import pytest

torch = pytest.importorskip("torch", reason="needs the extra torch")

from eqinfo.experiment import catalogue  # noqa: E402
from eqinfo.experiment.analyses import float_models  # noqa: E402
from eqinfo.experiment.m2.network import Transformer  # noqa: E402
from eqinfo.experiment.m2.sizes import SIZES  # noqa: E402
from eqinfo.experiment.m2.spelling import Letters, spelling  # noqa: E402
from eqinfo.experiment.m2.training import M2Settings  # noqa: E402
from experiment_cases import TRAINING, ngram  # noqa: E402

WORDS = ["ab", "bc", "ca"]
SETTINGS = M2Settings("toy", batch=3, steps=150, learning_rate=1e-2, points=(0.01, 1.0))


def test_an_m2_learns_to_spell() -> None:
    torch.manual_seed(0)
    method = catalogue(ngram())["Bytes"].train(())
    model = Transformer(257, 16, SIZES["toy"])
    before = [parameter.clone() for parameter in model.parameters()]
    found = spelling(model, method, WORDS, ["bb", "zz"], SETTINGS)
    assert (found.method, found.letters, found.words) == ("Bytes", "shared", 3)
    first, last = found.points
    assert (first.steps, last.steps) == (2, 150)
    assert first.learnt < last.learnt == 1.0
    assert last.held_out <= 0.5  # no word that it learnt has a z
    # For bytes, the ids of single characters are the same ones.
    short = replace(SETTINGS, steps=3)
    shared, own = (
        spelling(model, method, WORDS, ["bb"], short, kind) for kind in get_args(Letters)
    )
    assert own == replace(shared, letters="own")
    assert all(map(torch.equal, before, model.parameters()))


def test_what_cannot_be_spelt_is_said() -> None:
    methods = catalogue(ngram())
    model = Transformer(257, 16, SIZES["toy"])
    with pytest.raises(ValueError, match="expected at least 3 words, one batch, found 2"):
        spelling(model, methods["Bytes"].train(()), WORDS[:2], ["ab"], SETTINGS)
    windows = methods["EqualInfo[16, 8]"].train(())
    with pytest.raises(ValueError, match="expected an id for every letter of 'ab'"):
        spelling(model, windows, WORDS, ["ab"], SETTINGS, "own")
    with pytest.raises(ValueError, match="expected a longest pair of 1 to 15 tokens, found 40"):
        spelling(model, methods["Bytes"].train(()), WORDS, ["a" * 20], SETTINGS)


def test_float_m1s_are_computed_in_several_ways(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = float_models.Sizes(width=16, heads=1, head_width=16, layers=1, hidden=16, context=16)
    monkeypatch.setattr(float_models, "SIZES", sizes)
    threads = torch.get_num_threads()
    network = float_models.train_float_model(TRAINING * 2, steps=2)
    found = float_models.float_breaks(network, "abc")
    assert torch.get_num_threads() == threads
    assert [each.right for each in found["nothing"]] == [1.0] * 3
    assert set(found) == {"nothing", "8 rows per call", "other threads", "sums in another order"}
    # The sums are the same ones but for rounding.
    tokens = torch.tensor([[256, 97, 98]])
    changed = float_models.reordered(network)
    with torch.no_grad():
        torch.testing.assert_close(changed(tokens), network(tokens), atol=1e-4, rtol=1e-4)
    weights = dict(changed.named_parameters())
    assert not torch.equal(weights["output.weight"], network.output.weight)

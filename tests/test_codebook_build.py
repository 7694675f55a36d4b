"""The two ways from a model to a codebook, compared with their references."""

from __future__ import annotations

from functools import partial
from itertools import pairwise

import numpy as np
import pytest

import codebook_cases as cases
import eqinfo._core as _core
from eqinfo.codebook import Codebook
from eqinfo.errors import ModelError
from eqinfo.reference import codebook as reference


def strings_of(codebook: Codebook) -> list[bytes]:
    return [codebook[i] for i in range(len(codebook))]


def shares(shared: int, frequencies: list[int], precision: int) -> list[int]:
    """Share codewords as the window code does: proportional, then Hamilton's apportionment."""
    total = 2**precision
    whole, rest = divmod(shared, total)
    if whole > 0:
        starts = [sum(frequencies[:i]) * shared // total for i in range(len(frequencies) + 1)]
        return [b - a for a, b in pairwise(starts)]
    parts = [f * rest // total for f in frequencies]
    order = sorted(range(len(frequencies)), key=lambda i: (-(frequencies[i] * rest % total), i))
    for i in order[: rest - sum(parts)]:
        parts[i] += 1
    return parts


def model_frequencies(model: cases.HashModel, precision: int, prefix: bytes) -> list[int]:
    row: list[int] = _core.frequencies(model.row(prefix)[None], precision)[0].tolist()
    return row


FIXED = {
    "flat": cases.flat_frequencies,
    "peaked": cases.peaked_frequencies,
    "text": cases.text_frequencies,
}
HASHED = [(1, 0.0), (2, 3.0), (3, 12.0), (4, 300.0)]


@pytest.mark.parametrize("name", FIXED)
@pytest.mark.parametrize(("window_bits", "precision"), [(12, 12), (14, 12), (14, 14)])
def test_from_model_enumerates_the_window_code(name: str, window_bits: int, precision: int) -> None:
    frequencies = FIXED[name](precision)
    codebook = Codebook.from_model(cases.FixedModel(frequencies), window_bits, precision=precision)
    wanted = reference.from_model(lambda prefix: frequencies, shares, window_bits, precision)
    assert strings_of(codebook) == wanted


@pytest.mark.parametrize(("seed", "temperature"), HASHED)
def test_from_model_follows_the_model(seed: int, temperature: float) -> None:
    model = cases.HashModel(seed, temperature)
    codebook = Codebook.from_model(model, 12)
    wanted = reference.from_model(partial(model_frequencies, model, 12), shares, 12, 12)
    assert strings_of(codebook) == wanted
    assert codebook.metadata["model"] == model.fingerprint
    assert codebook.metadata["precision"] == "12"


@pytest.mark.parametrize("name", FIXED)
def test_every_codeword_means_one_string(name: str) -> None:
    codebook = Codebook.from_model(cases.FixedModel(FIXED[name](16)))
    strings = strings_of(codebook)
    assert len(set(strings)) == 2**16
    assert strings == sorted(strings)
    assert strings[0] == b""


@pytest.mark.parametrize(("seed", "temperature"), HASHED)
def test_ids_are_those_of_the_slow_path(seed: int, temperature: float) -> None:
    model = cases.HashModel(seed, temperature)
    codebook = Codebook.from_model(model, 13, precision=12)
    text = cases.TEXT[:300]
    lane = np.zeros(1, np.int64)
    empty = np.array([[0, 0, 0, 2**13 - 1]], np.uint64)
    ids, window, prefix = [], empty.copy(), b""
    for byte in text:
        symbol = np.array([byte], np.int32)
        if not _core.window_encode(window, lane, model.row(prefix)[None], 12, symbol)[0]:
            ids.append(int(window[0, 1]))
            window, prefix = empty.copy(), b""
            assert _core.window_encode(window, lane, model.row(prefix)[None], 12, symbol)[0]
        prefix += bytes([byte])
    ids.append(int(window[0, 1]))
    assert codebook.encode(text).tolist() == ids


def test_logits_at_is_used_where_a_model_has_it() -> None:
    class Direct(cases.HashModel):
        def logits_at(self, contexts: np.ndarray, lengths: np.ndarray) -> np.ndarray:
            assert contexts.dtype == lengths.dtype == np.int32
            pairs = zip(contexts, lengths, strict=True)
            return np.stack([self.row(bytes(c[:n].astype(np.uint8))) for c, n in pairs])

        def start(self, batch: int) -> list[bytes]:
            raise AssertionError

    slow, direct = cases.HashModel(9, 8.0), Direct(9, 8.0)
    assert Codebook.from_model(slow, 12) == Codebook.from_model(direct, 12)
    assert Codebook.optimal(slow, 10) == Codebook.optimal(direct, 10)


@pytest.mark.parametrize("name", FIXED)
@pytest.mark.parametrize(("window_bits", "precision"), [(9, 12), (9, 24), (10, 16)])
def test_optimal_takes_the_most_probable(name: str, window_bits: int, precision: int) -> None:
    frequencies = FIXED[name](precision)
    codebook = Codebook.optimal(cases.FixedModel(frequencies), window_bits, precision=precision)
    assert strings_of(codebook) == reference.optimal(
        lambda prefix: frequencies, window_bits, precision
    )


@pytest.mark.parametrize(("seed", "temperature"), HASHED)
def test_optimal_follows_the_model(seed: int, temperature: float) -> None:
    model = cases.HashModel(seed, temperature)
    codebook = Codebook.optimal(model, 11)
    wanted = reference.optimal(partial(model_frequencies, model, 16), 11, 16)
    assert strings_of(codebook) == wanted


def test_models_that_are_refused() -> None:
    model = cases.HashModel(1, 1.0)
    for window_bits, precision in [(16, 11), (16, 17), (11, None)]:
        with pytest.raises(ValueError, match="precision"):
            Codebook.from_model(model, window_bits, precision=precision)
    for precision in (11, 25):
        with pytest.raises(ValueError, match=f"found {precision}"):
            Codebook.optimal(model, 10, precision=precision)
    for way in (Codebook.from_model, Codebook.optimal):
        with pytest.raises(ValueError, match="found 21"):
            way(model, 21)

        class Wide(cases.FixedModel):
            vocab_size = 512

        with pytest.raises(ValueError, match="a model of vocab_size 256, found 512"):
            way(Wide([1] * 256))
        for row in (np.zeros((1, 255), np.float32), np.zeros((1, 256))):

            class Wrong(cases.FixedModel):
                def logits_at(self, *arguments: object, row: np.ndarray = row) -> np.ndarray:
                    return row

            with pytest.raises(ModelError, match="the model answered with"):
                way(Wrong([1] * 256))
        with pytest.raises(ModelError, match="sum"):
            way(cases.FixedModel([1] * 256))

        class Broken(cases.HashModel):
            def row(self, prefix: bytes) -> np.ndarray:
                return np.full(256, np.nan, np.float32)

        with pytest.raises(ModelError, match="NaN"):
            way(Broken(1, 1.0))

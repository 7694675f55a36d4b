"""`compress` and `decompress`: any data makes the round trip with every codec and option."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import eqinfo
from container_cases import (
    CODECS,
    TEXT,
    decompress_in_one_piece,
    golden_codebook,
    long_form,
    noise,
    words,
)
from eqinfo.container.block import HEADER_BYTES
from eqinfo.container.header import Header
from eqinfo.container.trailer import Trailer
from eqinfo.errors import (
    FormatError,
    ModelMismatchError,
    NumericMismatchError,
    OutputLimitError,
)
from eqinfo.models import FunctionModel, NativeModel, StaticModel
from native_cases import random_native_model

SMALL = {"block_bytes": 1000, "segment_bytes": 300}


def options_of(codec: str, **options: Any) -> dict[str, Any]:
    if codec in ("windows", "arithmetic"):
        return {"codec": codec, **options}
    return {"codec": codec, **{k: v for k, v in options.items() if k != "segment_bytes"}}


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("size", [0, 1, 2, 299, 300, 301, 999, 1000, 1001, 2000, 3500])
def test_round_trips_at_the_edges_of_blocks(codec: str, size: int) -> None:
    data = words(size)
    blob = eqinfo.compress(data, **options_of(codec, **SMALL))
    assert eqinfo.decompress(blob) == data
    assert eqinfo.decompress(memoryview(blob), num_threads=3) == data
    assert decompress_in_one_piece(blob) == decompress_in_one_piece(blob, num_threads=2) == data


@pytest.mark.parametrize("codec", CODECS)
def test_what_does_not_compress_grows_by_little(codec: str) -> None:
    blob = eqinfo.compress(noise(10_000), **options_of(codec, **SMALL))
    blocks = 10
    assert len(blob) <= 10_000 + 32 * blocks + 128
    assert eqinfo.decompress(blob) == noise(10_000)


def test_the_fixed_cost_is_as_documented() -> None:
    assert HEADER_BYTES == 20
    assert len(Trailer(np.empty((0, 2), np.uint32), 0, 0).pack()) == 28
    assert len(long_form(b"")) == 34 + len("en") + 28


@pytest.mark.parametrize("codec", CODECS)
def test_threads_and_the_size_of_writes_do_not_change_the_bytes(codec: str) -> None:
    data = words(8_000)
    options = options_of(codec, **SMALL)
    blob = eqinfo.compress(data, **options)
    assert eqinfo.compress(data, num_threads=4, **options) == blob
    assert eqinfo.decompress(blob, num_threads=4) == data


@pytest.mark.parametrize("codec", ["codebook", "ranged"])
@pytest.mark.parametrize("kind", ["text", "spaces"])
def test_large_data_in_threads(codec: str, kind: str) -> None:
    """Spaces compress better than the ratio for which memory is allocated in advance."""
    data = words(3_000_001) if kind == "text" else b" " * 4_000_000
    blob = eqinfo.compress(data, codec=codec, num_threads=2, **_blocks(kind))
    assert eqinfo.decompress(blob, num_threads=2) == data
    assert eqinfo.decompress(blob, max_output=len(data)) == data
    assert eqinfo.decompress(bytearray(blob), num_threads=3) == data
    assert decompress_in_one_piece(blob) == data
    with pytest.raises(OutputLimitError):
        eqinfo.decompress(blob, max_output=len(data) - 1, num_threads=2)
    with pytest.raises(FormatError):
        eqinfo.decompress(blob[:-1], num_threads=2)


def _blocks(kind: str) -> dict[str, int]:
    return {"block_bytes": 100_000} if kind == "text" else {}


@given(st.lists(st.sampled_from([b"", b"a", TEXT, TEXT[:37], noise(700)]), max_size=6))
@settings(deadline=None, max_examples=30)
def test_concatenated_files_are_one(parts: list[bytes]) -> None:
    codecs = ("codebook", "ranged", "stored")
    blobs = [
        eqinfo.compress(part, **options_of(codecs[i % 3], block_bytes=100))
        for i, part in enumerate(parts)
    ]
    if blobs:
        blob = b"".join(blobs)
        assert eqinfo.decompress(blob) == decompress_in_one_piece(blob) == b"".join(parts)


def test_members_end_before_their_index_grows_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("eqinfo.container.writer.MAX_BLOCKS", 3)
    blob = eqinfo.compress(TEXT, codec="stored", block_bytes=100)
    assert blob.count(b"\x89EQI") == 2
    assert eqinfo.decompress(blob) == TEXT
    monkeypatch.setattr("eqinfo.container.reader.MAX_BLOCKS", 2)
    with pytest.raises(FormatError, match="at most 2 blocks, found more"):
        eqinfo.decompress(blob)


@pytest.mark.parametrize("codec", CODECS)
def test_max_output(codec: str) -> None:
    blob = eqinfo.compress(words(2_500), **options_of(codec, **SMALL))
    assert eqinfo.decompress(blob, max_output=2_500) == words(2_500)
    for limit in (0, 999, 1000, 2_499):
        with pytest.raises(OutputLimitError, match=f"expected at most {limit} bytes"):
            eqinfo.decompress(blob, max_output=limit)
    assert eqinfo.decompress(eqinfo.compress(b"", codec="stored"), max_output=0) == b""


def test_text_is_its_utf_8() -> None:
    assert eqinfo.decompress(eqinfo.compress("naïve 🐍", codec="ranged")) == "naïve 🐍".encode()


@pytest.mark.parametrize("codec", ["codebook", "ranged"])
def test_other_codebooks_must_be_given(codec: str) -> None:
    blob = eqinfo.compress(TEXT, golden_codebook(), codec=codec)
    assert eqinfo.decompress(blob, golden_codebook()) == TEXT
    with pytest.raises(ModelMismatchError, match="not bundled"):
        eqinfo.decompress(blob)
    with pytest.raises(ModelMismatchError, match=r"with the id [0-9a-f]{16}, found"):
        eqinfo.decompress(blob, eqinfo.Codebook.bundled("en-4k"))


def test_bundled_models_may_be_named() -> None:
    blob = eqinfo.compress(TEXT, "en-4k")
    assert eqinfo.decompress(blob) == eqinfo.decompress(blob, "en-4k") == TEXT
    for model, message in (
        ("en-dense", "expected the model 'en-4k' with the id"),
        ("fr", "expected a bundled codebook among"),
        (StaticModel.fit(b"a"), "expected a Codebook for the codec ranged, found StaticModel"),
    ):
        with pytest.raises(ModelMismatchError, match=f"offset 0: {message}"):
            eqinfo.decompress(blob, model)  # type: ignore[arg-type]


@pytest.mark.parametrize("codec", ["windows", "arithmetic"])
@pytest.mark.parametrize("kind", ["native", "static"])
def test_other_models(codec: str, kind: str) -> None:
    model: Any = random_native_model() if kind == "native" else StaticModel.fit(TEXT)
    blob = eqinfo.compress(TEXT, model, **options_of(codec, **SMALL))
    assert eqinfo.decompress(blob, model, num_threads=2) == TEXT
    with pytest.raises(ModelMismatchError):
        eqinfo.decompress(blob, StaticModel.fit(b"other"))


class Drifting:
    """Logits that differ from some context length on."""

    def __init__(self, drift: float, length: int) -> None:
        self.drift = drift
        self.length = length

    def __call__(
        self, contexts: NDArray[np.int32], lengths: NDArray[np.int32]
    ) -> NDArray[np.float32]:
        rows = np.where(np.isin(np.arange(256), list(TEXT)), 4, 0) * np.ones((len(lengths), 1))
        rows[lengths >= self.length, 32] += self.drift
        return rows.astype(np.float32)


@pytest.mark.parametrize("codec", ["windows", "arithmetic"])
@pytest.mark.parametrize("length", [3, 15])
def test_models_that_give_different_numbers_are_noticed(codec: str, length: int) -> None:
    """At length 3 the numeric id differs; at length 15 only the decoded data shows it."""
    written = FunctionModel(Drifting(0.0, length), name="drifting")
    other = FunctionModel(Drifting(0.5, length), name="drifting")
    blob = eqinfo.compress(TEXT, written, **options_of(codec, **SMALL, **_wide(codec)))
    assert len(blob) < len(TEXT)
    assert eqinfo.decompress(blob, written) == TEXT
    with pytest.raises(NumericMismatchError, match="gives different numbers on this machine"):
        eqinfo.decompress(blob, other)


def _wide(codec: str) -> dict[str, int]:
    return {"window_bits": 128} if codec == "windows" else {}


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"codec": "zip"}, ValueError, "expected a codec among auto, arithmetic, mixed"),
        ({"model": "fr"}, ValueError, "expected the name of a model"),
        ({"model": "fr", "codec": "ranged"}, ValueError, "expected a bundled codebook"),
        ({"model": 3}, TypeError, "expected a model for the codec arithmetic, found int"),
        ({"model": StaticModel([1, 2])}, ValueError, "over bytes, or one that takes text"),
        ({"model": StaticModel.fit(b"a"), "codec": "ranged"}, TypeError, "expected a Codebook"),
        ({"block_bytes": 0}, ValueError, "block_bytes of 1 to 8388608, found 0"),
        ({"block_bytes": 1 << 24}, ValueError, "block_bytes of 1 to 8388608"),
        ({"segment_bytes": 0}, ValueError, "segment_bytes of 1 to 1048576, found 0"),
        ({"codec": "windows", "window_bits": 20}, ValueError, "a multiple of 8, found 20"),
        ({"codec": "windows", "window_bits": 8}, ValueError, "window_bits from the precision"),
        ({"num_threads": 0}, ValueError, "num_threads of 1 to 256, found 0"),
        ({"degree": 9}, TypeError, "found degree"),
    ],
)
def test_wrong_arguments(arguments: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        eqinfo.compress(TEXT, **arguments)


def test_wide_codebooks_are_refused() -> None:
    codebook = eqinfo.Codebook.from_model(StaticModel.fit(TEXT), 17)
    with pytest.raises(ValueError, match=r"a codebook of at most 16 bits, .*found 17"):
        eqinfo.compress(TEXT, codebook)


def test_names_that_no_header_holds_are_left_out() -> None:
    model = NativeModel(random_native_model().tensors, {"name": "näme"})
    assert eqinfo.decompress(eqinfo.compress(b"abc", model), model) == b"abc"
    assert Header.__dataclass_fields__["model_name"].default == ""

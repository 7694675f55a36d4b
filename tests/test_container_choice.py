"""Without a codec and a model, the writer chooses what makes a sample of the data smallest."""

from __future__ import annotations

import io
from pydoc_data import topics
from typing import Any

import pytest

import eqinfo
from container_cases import long_form
from eqinfo.container.choice import SAMPLE_BYTES, choose
from eqinfo.container.header import CodecId
from eqinfo.container.settings import codings
from eqinfo.models import StaticModel

ENGLISH = "".join(topics.topics.values()).encode()[:40_000]
TABLE = b"".join(b"%d\t%d\t%d\n" % (i, i * i, i % 7) for i in range(3000))


def codec_of(blob: bytes) -> CodecId:
    return CodecId(blob[5])


@pytest.mark.parametrize(
    ("data", "expected"),
    [(ENGLISH, CodecId.ARITHMETIC), (TABLE, CodecId.ADAPTIVE), (bytes(50_000), CodecId.ADAPTIVE)],
    ids=["English", "table", "zeros"],
)
def test_long_data_is_coded_as_its_sample(data: bytes, expected: CodecId) -> None:
    blob = long_form(data)
    assert codec_of(blob) is expected
    assert blob == long_form(data, codec=expected.label)
    assert eqinfo.decompress(blob) == data


@pytest.mark.parametrize("data", [ENGLISH[:900], TABLE[:900], bytes(900), b"", b"a"])
def test_short_data_are_mixed(data: bytes) -> None:
    assert eqinfo.compress(data) == eqinfo.compress(data, codec="mixed")
    assert len(eqinfo.compress(data)) <= 1.01 * len(eqinfo.compress(data, codec="arithmetic")) + 1


@pytest.mark.parametrize(
    "options",
    [{"model": StaticModel.fit(b"ab")}, {"codec": "arithmetic"}, {"segment_bytes": 100}],
    ids=["model", "codec", "segments"],
)
def test_what_is_given_is_not_chosen(options: dict[str, Any]) -> None:
    model = options.pop("model", None)
    short, long = codings(model, options)
    assert [short.header.codec_id, *(each.header.codec_id for each in long)] == [
        CodecId.ARITHMETIC
    ] * 2


def test_the_sample_is_the_middle_of_the_first_block() -> None:
    given = codings(None, {}).long
    around = TABLE[:SAMPLE_BYTES] + ENGLISH[:SAMPLE_BYTES] + TABLE[:SAMPLE_BYTES]
    assert choose(given, around).header.codec_id is CodecId.ARITHMETIC
    assert choose(given, TABLE[:10]) in given


def test_all_writers_choose_alike() -> None:
    expected = long_form(TABLE)
    out = io.BytesIO()
    with eqinfo.open(out, "wb") as file:
        for i in range(0, len(TABLE), 999):
            file.write(TABLE[i : i + 999])
    compressor = eqinfo.Compressor(num_threads=2)
    assert out.getvalue() == compressor.compress(TABLE) + compressor.flush() == expected

"""Files that need a dictionary: small, exact, refused without it, and damaged in every way."""

from __future__ import annotations

import io
import json
import pickle
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

import eqinfo
from container_cases import GOLDEN_FOLDER, TEXT, decompress_in_one_piece, long_form, noise, words
from eqinfo.cli.main import main
from eqinfo.container.compact import MAX_COMPACT_BYTES
from eqinfo.container.index import Index
from eqinfo.container.magic import COMPACT_MAGIC
from eqinfo.container.summary import summary
from eqinfo.errors import EqInfoError, FormatError, ModelMismatchError
from eqinfo.mixer import MAX_DICTIONARY_BYTES, PRIMED_TABLE_BITS, primed_table_bits

GOLDEN: dict[str, Any] = json.loads((GOLDEN_FOLDER / "dictionary.json").read_text())
GOOD, BAD = GOLDEN["good"], GOLDEN["bad"]
GOLDEN_DICTIONARY = eqinfo.Dictionary(bytes.fromhex(GOLDEN["dictionary"]))
LINES = [
    f'{{"user": "anna{i}", "action": "login", "from": "10.0.{i}.{i * i % 255}"}}\n'
    for i in range(90)
]
DICTIONARY = eqinfo.Dictionary("".join(LINES[:60]))
OTHER = eqinfo.Dictionary(TEXT)
DOCUMENTS = [line.encode() for line in LINES[60:]]


def read_with_file_object(content: bytes, dictionary: eqinfo.Dictionary | None) -> bytes:
    with eqinfo.open(io.BytesIO(content), dictionary=dictionary) as file:
        return file.read()


def read_from_pipe(content: bytes, dictionary: eqinfo.Dictionary | None) -> bytes:
    pipe = io.BytesIO(content)
    pipe.seekable = lambda: False  # type: ignore[method-assign]
    with eqinfo.open(pipe, dictionary=dictionary) as file:
        return file.read()


def read_in_pieces(content: bytes, dictionary: eqinfo.Dictionary | None) -> bytes:
    decompressor = eqinfo.Decompressor(dictionary=dictionary)
    pieces = (content[i : i + 7] for i in range(0, len(content), 7))
    return b"".join(map(decompressor.decompress, pieces))


def read_whole(content: bytes, dictionary: eqinfo.Dictionary | None) -> bytes:
    return eqinfo.decompress(content, dictionary=dictionary)


READERS = (read_whole, read_with_file_object, read_from_pipe, read_in_pieces)
PLACE = r"offset [0-9]+: "
Read = Callable[[bytes, eqinfo.Dictionary | None], bytes]


@pytest.mark.parametrize("codec", [None, "adaptive", "mixed", "auto"])
def test_short_data_become_smaller(codec: Any) -> None:
    for data in DOCUMENTS[:3]:
        blob = eqinfo.compress(data, codec=codec, dictionary=DICTIONARY)
        assert len(blob) < 0.6 * len(eqinfo.compress(data, codec=codec))
        assert blob == eqinfo.compress(data, codec=codec, dictionary=DICTIONARY.data)
        for read in READERS:
            assert read(blob, DICTIONARY) == data


def test_what_a_dictionary_costs() -> None:
    """Its id takes four bytes of a compact member; the byte that begins a block is saved."""
    data = noise(300) + TEXT[:100]
    blob = eqinfo.compress(data, codec="adaptive", dictionary=b"a")
    assert len(blob) <= len(eqinfo.compress(data, codec="adaptive")) + 4


@pytest.mark.parametrize("read", READERS)
def test_the_dictionary_is_needed(read: Read) -> None:
    for blob in (
        eqinfo.compress(DOCUMENTS[0], dictionary=DICTIONARY),
        long_form(DOCUMENTS[0], codec="adaptive", dictionary=DICTIONARY),
    ):
        for given_one, found in ((None, "none"), (OTHER, OTHER.id)):
            message = f"offset 0: expected the dictionary {DICTIONARY.id}, found {found}; pass"
            with pytest.raises(ModelMismatchError, match=message):
                read(blob, given_one)


def test_writers_that_take_pieces() -> None:
    expected = eqinfo.compress(DOCUMENTS[0], codec="adaptive", dictionary=DICTIONARY)
    compressor = eqinfo.Compressor(codec="adaptive", dictionary=DICTIONARY)
    pieces = [DOCUMENTS[0][i : i + 9] for i in range(0, len(DOCUMENTS[0]), 9)]
    assert b"".join([*map(compressor.compress, pieces), compressor.flush()]) == expected
    out = io.BytesIO()
    with eqinfo.open(out, "wb", codec="adaptive", dictionary=DICTIONARY) as file:
        file.writelines(pieces)
    assert out.getvalue() == expected


def test_other_files_are_read_with_a_dictionary_at_hand() -> None:
    blobs = [eqinfo.compress(b"a"), eqinfo.compress(TEXT, codec="adaptive")]
    blobs.append(eqinfo.compress(DOCUMENTS[0], dictionary=DICTIONARY))
    blobs.append(eqinfo.compress(noise(40), dictionary=DICTIONARY))
    for read in READERS[:3]:
        assert read(b"".join(blobs), DICTIONARY) == b"a" + TEXT + DOCUMENTS[0] + noise(40)
    assert eqinfo.decompress(blobs[3]) == noise(40)  # stored, so it needs none


@pytest.mark.parametrize("codec", ["adaptive", "mixed"])
def test_blocks_decode_alone_on_any_thread(codec: Any) -> None:
    data = b"".join(DOCUMENTS) + noise(500) + b"".join(DOCUMENTS[:9])
    options: Any = {"codec": codec, "block_bytes": 500, "dictionary": DICTIONARY}
    blob = eqinfo.compress(data, **options)
    assert blob == eqinfo.compress(data, num_threads=3, **options)
    assert len(blob) < len(eqinfo.compress(data, codec=codec, block_bytes=500))
    assert eqinfo.decompress(blob, dictionary=DICTIONARY, num_threads=3) == data
    assert eqinfo.decompress(blob, dictionary=DICTIONARY, max_output=len(data)) == data
    with eqinfo.open(io.BytesIO(blob), dictionary=DICTIONARY) as file:
        file.seek(1700)
        assert file.read(50) == data[1700:1750]
    shown = list(summary(Index(io.BytesIO(blob), ""), "name"))
    assert f"    codec      {codec}, version 1" in shown
    assert f"    dictionary {DICTIONARY.id}" in shown


@settings(deadline=None, max_examples=60)
@given(
    data=st.binary(max_size=80) | st.lists(st.sampled_from(DOCUMENTS), max_size=3).map(b"".join),
    sample=st.binary(min_size=1, max_size=60) | st.sampled_from(DOCUMENTS),
    block_bytes=st.integers(1, 200),
)
def test_any_data_and_any_dictionary(data: bytes, sample: bytes, block_bytes: int) -> None:
    dictionary = eqinfo.Dictionary(sample)
    blob = eqinfo.compress(data, codec="adaptive", dictionary=dictionary, block_bytes=block_bytes)
    for read in READERS:
        assert read(blob, dictionary) == data
    assert decompress_in_one_piece(blob, dictionary=dictionary) == data


def test_sizes_of_members_around_the_compact_bound() -> None:
    for size in (MAX_COMPACT_BYTES, MAX_COMPACT_BYTES + 1):
        data = words(size)
        blob = eqinfo.compress(data, codec="adaptive", dictionary=DICTIONARY)
        assert blob.startswith(COMPACT_MAGIC) == (size == MAX_COMPACT_BYTES)
        assert read_with_file_object(blob, DICTIONARY) == data


def test_tables_are_as_large_as_data_and_dictionary_need() -> None:
    assert [primed_table_bits(n, 100) for n in (1, 600, 8000, 16_000, 1 << 20)] == [
        *(8, 9, 12, 13, PRIMED_TABLE_BITS),
    ]
    assert [primed_table_bits(600, n) for n in (1, 5000, 1 << 20)] == [9, 12, 16]


def small_files() -> dict[str, bytes]:
    data = DOCUMENTS[0]
    return {
        "compact": eqinfo.compress(data, codec="adaptive", dictionary=DICTIONARY),
        "long": long_form(data, codec="adaptive", dictionary=DICTIONARY, block_bytes=40),
    }


@pytest.mark.parametrize("name", ["compact", "long"])
def test_every_single_bit_and_every_truncation(name: str) -> None:
    content = small_files()[name]
    for read in READERS[:2]:
        for bit in range(8 * len(content)):
            altered = bytearray(content)
            altered[bit // 8] ^= 1 << bit % 8
            with pytest.raises(EqInfoError, match=PLACE):
                read(bytes(altered), DICTIONARY)
        for size in range(len(content)):
            with pytest.raises(FormatError, match=PLACE):
                read(content[:size], DICTIONARY)


def test_the_table_has_all_golden_files() -> None:
    assert {path.stem for path in GOLDEN_FOLDER.glob("*dictionary-*.eqi")} == {*GOOD, *BAD}


@pytest.mark.parametrize("name", GOOD)
def test_golden_files_are_read_and_still_written(name: str) -> None:
    content = (GOLDEN_FOLDER / f"{name}.eqi").read_bytes()
    data, options = bytes.fromhex(GOOD[name]["data"]), GOOD[name]["options"]
    assert eqinfo.compress(data, dictionary=GOLDEN_DICTIONARY, **options) == content
    for read in READERS:
        assert read(content, GOLDEN_DICTIONARY) == data


@pytest.mark.parametrize("name", BAD)
def test_bad_golden_files_are_refused(name: str) -> None:
    content = (GOLDEN_FOLDER / f"{name}.eqi").read_bytes()
    error = getattr(eqinfo.errors, BAD[name]["error"])
    for read in READERS[:3]:
        with pytest.raises(error, match=BAD[name]["message"]) as raised:
            read(content, GOLDEN_DICTIONARY)
        assert type(raised.value) is error


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"codec": "fast"}, "only with the codecs 'mixed' and 'adaptive', found it with 'fast'"),
        ({"level": "fast"}, "only with the codecs 'mixed' and 'adaptive', found it with 'fast'"),
        ({"codec": "arithmetic"}, "found it with 'arithmetic'"),
        ({"codec": "stored"}, "found it with 'stored'"),
        ({"codec": "adaptive", "solid": True}, "expected solid or a dictionary, found both"),
        ({"solid": True}, "expected solid or a dictionary, found both"),
        ({"segment_bytes": 100}, "found it with 'mixed'"),
        ({"codec": "auto", "segment_bytes": 100}, "found it with 'mixed'"),
        ({"dictionary": b""}, "expected a dictionary of 1 to 1048576 bytes, found 0"),
        ({"dictionary": bytes(MAX_DICTIONARY_BYTES + 1)}, "bytes, found 1048577"),
    ],
)
def test_refused_options(options: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        eqinfo.compress(TEXT, **{"dictionary": b"a", **options})


@pytest.mark.parametrize("level", ["balanced", "best"])
def test_levels_take_the_model_and_the_dictionary(level: Any) -> None:
    blob = eqinfo.compress(DOCUMENTS[0], level=level, dictionary=DICTIONARY)
    assert blob == eqinfo.compress(DOCUMENTS[0], codec="mixed", dictionary=DICTIONARY)
    with pytest.raises(TypeError, match="expected only the options dictionary and num_threads"):
        eqinfo.open(io.BytesIO(blob), level=level)


def test_a_dictionary_object() -> None:
    copy = pickle.loads(pickle.dumps(DICTIONARY))
    assert (copy.id, copy.data) == (DICTIONARY.id, DICTIONARY.data)
    assert repr(copy) == f"Dictionary({copy.id}, {len(copy.data):,} bytes)"
    assert eqinfo.Dictionary("é").id == eqinfo.Dictionary("é".encode()).id != copy.id
    with pytest.raises(TypeError, match="expected bytes or another object with a buffer"):
        eqinfo.Dictionary(7)  # type: ignore[arg-type]


def test_threads_share_a_dictionary() -> None:
    dictionary = eqinfo.Dictionary(DICTIONARY.data)
    expected = [eqinfo.compress(d, codec="adaptive", dictionary=DICTIONARY) for d in DOCUMENTS]
    found: dict[int, list[bytes]] = {}

    def work(number: int) -> None:
        found[number] = [
            eqinfo.compress(d, codec="adaptive", dictionary=dictionary) for d in DOCUMENTS
        ]

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert list(found.values()) == [expected] * 4


def test_a_command_line(tmp_path: Path) -> None:
    (tmp_path / "samples").write_bytes(DICTIONARY.data)
    text = tmp_path / "line"
    text.write_bytes(DOCUMENTS[0])
    blob = tmp_path / "line.eqi"

    def run(*arguments: str, code: int = 0) -> str:
        result = CliRunner().invoke(main, arguments)
        assert result.exit_code == code, result.output
        return result.output

    option = ("-D", str(tmp_path / "samples"))
    run("compress", "-q", str(text), *option)
    assert blob.read_bytes() == eqinfo.compress(DOCUMENTS[0], dictionary=DICTIONARY)
    run("decompress", str(blob), "-o", str(tmp_path / "copy"), *option)
    assert (tmp_path / "copy").read_bytes() == DOCUMENTS[0]
    assert "ok" in run("verify", str(blob), "--dictionary", option[1])
    assert DICTIONARY.id in run("inspect", str(blob))
    assert "or its file with -D FILE" in run("verify", str(blob), code=1)
    for more in (["--solid"], ["--fast"], ["--codec", "stored"]):
        assert "--dictionary only" in run("compress", str(text), *option, *more, code=2)
    (tmp_path / "samples").write_bytes(b"")
    assert "1 to 1,048,576 bytes, found none" in run("compress", str(text), *option, code=2)
    (tmp_path / "samples").write_bytes(bytes(MAX_DICTIONARY_BYTES + 1))
    assert "bytes, found more" in run("compress", str(text), *option, code=2)
    blob.write_bytes(eqinfo.compress(b"needs none", codec="stored"))
    for size in (1, MAX_DICTIONARY_BYTES):
        (tmp_path / "samples").write_bytes(bytes(size))
        assert "ok" in run("verify", str(blob), *option)

"""Codebook files are read completely, or an error says what is wrong; golden files."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pytest
from safetensors.numpy import load_file

import codebook_cases as cases
from eqinfo.codebook import BUNDLED, Codebook
from eqinfo.codebook import file as codebook_file
from eqinfo.common.files import atomic_output
from eqinfo.errors import ChecksumError, EqInfoError, FormatError, NewerVersionError
from eqinfo.reference.word import within_a_word

GOLDEN = Path(__file__).parent / "golden" / "v1"
SMALL = cases.from_strings(cases.grown(4, 9, 9, 0.5))


def saved(path: Path, codebook: Codebook = SMALL) -> bytes:
    codebook.save(path)
    return path.read_bytes()


def parts(data: bytes) -> tuple[dict[str, dict[str, object]], bytes]:
    end = 8 + int.from_bytes(data[:8], "little")
    return json.loads(data[8:end]), data[end:]


def rebuilt(path: Path, header: dict[str, dict[str, object]], body: bytes) -> Path:
    """Write a file with another header and the right checksum of its metadata."""
    metadata = {k: str(v) for k, v in header["__metadata__"].items() if k != "checksum"}
    header["__metadata__"] = {**metadata, "checksum": codebook_file._checksum(metadata)}
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + body)
    return path


@pytest.mark.parametrize("table", cases.tables())
def test_save_and_load(table: str, tmp_path: Path) -> None:
    codebook = cases.from_strings(cases.tables()[table])
    path = tmp_path / "codebook.safetensors"
    data = saved(path, codebook)
    loaded = Codebook.load(path)
    assert loaded == codebook
    assert loaded.metadata == codebook.metadata
    assert saved(path, loaded) == data
    tensors = load_file(path)
    ends = tensors.get("end", np.ones(len(tensors["depth"]), np.bool_))
    assert np.array_equal(tensors["depth"][ends], codebook.lengths)
    wanted = np.uint8 if codebook.max_length < 256 else np.uint16
    assert tensors["depth"].dtype == wanted
    assert tensors["symbol"].dtype == np.uint8


def test_metadata_says_what_was_done(tmp_path: Path) -> None:
    codebook = Codebook.fit(cases.TEXT, 9, max_length=12, rounds=1, prefixes=True)
    codebook.save(tmp_path / "x")
    assert Codebook.load(str(tmp_path / "x")).metadata == {
        "format": "eqinfo-codebook",
        "version": "1",
        "window_bits": "9",
        "max_length": str(codebook.max_length),
        "fingerprint": codebook.fingerprint,
        "method": "fit",
        "fit_max_length": "12",
        "fit_rounds": "1",
    }


def test_every_changed_byte_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "codebook"
    data = saved(path)
    for place in range(len(data)):
        for flip in (0x01, 0xA0):
            changed = bytearray(data)
            changed[place] ^= flip
            path.write_bytes(changed)
            try:
                codebook = Codebook.load(path)
            except EqInfoError:
                continue
            assert codebook.metadata == SMALL.metadata


def test_every_truncation_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "codebook"
    data = saved(path)
    for length in range(len(data)):
        path.write_bytes(data[:length])
        with pytest.raises(FormatError):
            Codebook.load(path)
    path.write_bytes(data + b"x")
    with pytest.raises(FormatError):
        Codebook.load(path)


def test_other_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "codebook"
    for content in (b"", b"x", b"eqinfo" * 100, b"\xff" * 64, (2**40).to_bytes(8, "little")):
        path.write_bytes(content)
        with pytest.raises(FormatError, match="expected a safetensors file"):
            Codebook.load(path)
    with path.open("wb") as file:
        file.truncate(codebook_file.MAX_FILE_BYTES + 1)
    with pytest.raises(FormatError, match="found more"):
        Codebook.load(path)
    with pytest.raises(FileNotFoundError):
        Codebook.load(tmp_path / "none")


@pytest.mark.parametrize(
    ("entry", "value", "error", "message"),
    [
        ("format", "pt", FormatError, "expected format 'eqinfo-codebook'.*found 'pt'"),
        (
            "version",
            "4",
            NewerVersionError,
            "a codebook of version 1 or 2 or 3, found '4'",
        ),
        ("version", "2", FormatError, "expected depth, end, symbol of the same length"),
        ("version", "1.0", FormatError, "found '1.0'"),
        ("window_bits", "10", ChecksumError, "expected .*'window_bits': '9'"),
        ("max_length", "3", ChecksumError, "expected"),
        ("fingerprint", "0" * 32, ChecksumError, "expected the fingerprint 0000"),
    ],
)
def test_metadata_is_checked(
    entry: str, value: str, error: type[Exception], message: str, tmp_path: Path
) -> None:
    header, body = parts(saved(tmp_path / "codebook"))
    header["__metadata__"][entry] = value
    with pytest.raises(error, match=message):
        Codebook.load(rebuilt(tmp_path / "codebook", header, body))


def test_tensors_are_checked(tmp_path: Path) -> None:
    path = tmp_path / "codebook"
    header, body = parts(saved(path))
    size = len(SMALL)

    def refused(change: dict[str, object], match: str, content: bytes = body) -> None:
        with pytest.raises(FormatError, match=match):
            Codebook.load(rebuilt(path, {**header, **change}, content))

    def tensor(dtype: str, shape: list[int], begin: int, end: int) -> dict[str, object]:
        return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}

    refused(
        {"depth": tensor("I8", [size], 0, size)},
        "depth of dtype uint8 or uint16 or uint32.*found int8",
    )
    refused({"depth": tensor("U8", [2, size // 2], 0, size)}, r"shape \(2, 256\)")
    refused({"symbol": tensor("U8", [2, size // 2], size, 2 * size)}, r"symbol of dtype uint8")
    refused({"extra": tensor("U8", [1], 2 * size, 2 * size + 1)}, "same length", body + b"x")
    refused(
        {"depth": tensor("U8", [0], 0, 0), "symbol": tensor("U8", [0], 0, 0)}, "same length", b""
    )
    renamed = {"d": header["depth"], "symbol": header["symbol"]}
    with pytest.raises(FormatError, match="expected a tensor 'depth'"):
        Codebook.load(rebuilt(path, {"__metadata__": header["__metadata__"], **renamed}, body))


def test_a_wrong_trie_is_refused_even_with_a_right_fingerprint(tmp_path: Path) -> None:
    path = tmp_path / "codebook"
    header, body = parts(saved(path))
    depth = np.frombuffer(body[: len(SMALL)], np.uint8).astype(np.uint32)
    depth[1] = 7
    symbol = np.frombuffer(body[len(SMALL) :], np.uint8)
    header["__metadata__"]["fingerprint"] = codebook_file.identity(
        depth, symbol, np.ones(len(depth), np.bool_), "none"
    )["fingerprint"]
    changed = depth.astype(np.uint8).tobytes() + symbol.tobytes()
    with pytest.raises(FormatError, match="node 1: not a sorted dictionary"):
        Codebook.load(rebuilt(path, header, changed))


def test_nodes_without_ids_and_alignment_are_version_2(tmp_path: Path) -> None:
    path = tmp_path / "codebook"
    strings = cases.tables()["sparse letters"]
    arrays = cases.arrays(strings)
    versions = {"none": Codebook(*arrays), "word": Codebook(*arrays, align="word")}
    assert versions["none"].fingerprint != versions["word"].fingerprint
    for align, codebook in versions.items():
        data = saved(path, codebook)
        loaded = Codebook.load(path)
        assert loaded == codebook
        assert loaded.align == align
        assert [loaded[i] for i in range(len(loaded))] == strings
        header, body = parts(data)
        assert header["__metadata__"]["version"] == "2"
        header["__metadata__"]["align"] = "line"
        with pytest.raises(FormatError, match="'none', 'word' or 'phrase', found 'line'"):
            Codebook.load(rebuilt(path, header, body))
        header["__metadata__"]["align"] = {"none": "word", "word": "none"}[align]
        with pytest.raises(ChecksumError, match="fingerprint"):
            Codebook.load(rebuilt(path, header, body))
        bad = body[:-1] + b"\x02"
        with pytest.raises((FormatError, ChecksumError)):
            Codebook.load(rebuilt(path, parts(data)[0], bad))
    assert Codebook(*cases.arrays(cases.tables()["ends"])).metadata["version"] == "1"


def test_phrases_are_version_3_alone(tmp_path: Path) -> None:
    path = tmp_path / "codebook"
    for align, version, wrong in (("phrase", "3", "2"), ("word", "2", "3")):
        arrays = cases.arrays(cases.tables()["sparse letters"])
        codebook = Codebook(*arrays, align=align)  # type: ignore[arg-type]
        header, body = parts(saved(path, codebook))
        assert header["__metadata__"]["version"] == version
        header["__metadata__"]["version"] = wrong
        with pytest.raises(FormatError, match=f"'phrase' in version 3 alone, found '{align}'"):
            Codebook.load(rebuilt(path, header, body))


def test_ends_are_checked_even_with_a_right_fingerprint(tmp_path: Path) -> None:
    path = tmp_path / "codebook"
    codebook = Codebook(*cases.arrays(cases.tables()["sparse letters"]), align="word")
    header, body = parts(saved(path, codebook))
    nodes = header["end"]["shape"][0]  # type: ignore[index]
    assert Codebook.load(rebuilt(path, header, body)) == codebook
    # NumPy takes any byte but 0 for True: the fingerprint would be that of the right file.
    begin, end = header["end"]["data_offsets"]  # type: ignore[misc]
    ends = np.frombuffer(body[begin:end], np.uint8)
    twos = body[:begin] + (2 * ends).tobytes() + body[end:]
    with pytest.raises(FormatError, match=rf"expected {nodes} ends of 0 or 1, found .* most 2"):
        Codebook.load(rebuilt(path, header, twos))
    header["end"]["shape"] = [nodes - 1]
    header["end"]["data_offsets"] = [begin, end - 1]
    with pytest.raises(FormatError, match=rf"expected {nodes} ends of 0 or 1, found {nodes - 1}"):
        Codebook.load(rebuilt(path, header, body[:-1]))


def fail_half_way(file: BinaryIO, error: type[BaseException]) -> None:
    file.write(b"half")
    raise error


def test_output_is_whole_or_absent(tmp_path: Path) -> None:
    path = tmp_path / "out"
    for error in (ValueError, KeyboardInterrupt):
        with pytest.raises(error), atomic_output(path) as file:
            fail_half_way(file, error)
        assert list(tmp_path.iterdir()) == []
    with atomic_output(path) as file:
        file.write(b"first")
        assert not path.exists()
    umask = os.umask(0)
    os.umask(umask)
    assert stat.S_IMODE(path.stat().st_mode) == 0o666 & ~umask
    path.chmod(0o640)
    (tmp_path / "link").symlink_to(path)
    with atomic_output(tmp_path / "link") as file:
        file.write(b"second")
    assert (tmp_path / "link").is_symlink()
    assert path.read_bytes() == b"second"
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    with pytest.raises(ValueError, match="x"), atomic_output(path):
        raise ValueError("x")
    assert path.read_bytes() == b"second"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["link", "out"]
    with pytest.raises(FileNotFoundError), atomic_output(tmp_path / "no" / "out"):
        pass


def test_golden_codebooks() -> None:
    golden = json.loads((GOLDEN / "codebook.json").read_text())
    parameters, precision = golden["fit"], golden["precision"]
    text, bits = parameters.pop("text"), parameters["window_bits"]
    model = cases.FixedModel(golden["frequencies"])
    codebooks = {
        "fit": Codebook.fit(text, **parameters, prefixes=True),
        "from_model": Codebook.from_model(model, bits, precision=precision),
        "optimal": Codebook.optimal(model, bits, precision=precision),
    }
    loaded = Codebook.load(GOLDEN / "codebook.safetensors")
    assert loaded == codebooks["fit"]
    for method, codebook in codebooks.items():
        assert codebook.fingerprint == golden["fingerprints"][method]
        for case in golden["ids"]:
            assert codebook.encode(case["text"]).tolist() == case[method]
            assert codebook.decode(case[method]) == case["text"]


@pytest.mark.parametrize(("version", "align"), [("v2", "word"), ("v3", "phrase")])
def test_golden_codebook_with_parses(version: str, align: str) -> None:
    folder = GOLDEN.parent / version
    golden = json.loads((folder / "codebook.json").read_text())
    codebook = Codebook.load(folder / "codebook.safetensors")
    assert codebook.fingerprint == golden["fingerprint"]
    assert codebook.align == align
    assert codebook.metadata["version"] == version[1:]
    assert [codebook[i].hex() for i in range(len(codebook))] == golden["strings"]
    for case in golden["ids"]:
        assert codebook.encode(case["text"]).tolist() == case["greedy"]
        assert codebook.encode(case["text"], parse="shortest").tolist() == case["shortest"]
    assert Codebook.fit(golden["fit"].pop("text"), **golden["fit"]) == codebook


@pytest.mark.parametrize("version", ["v1", "v2", "v3"])
def test_golden_file_is_written_again(version: str, tmp_path: Path) -> None:
    path = GOLDEN.parent / version / "codebook.safetensors"
    Codebook.load(path).save(tmp_path / "again")
    assert (tmp_path / "again").read_bytes() == path.read_bytes()


@pytest.mark.parametrize("name", BUNDLED)
def test_bundled_tables_are_sound(name: str) -> None:
    path = Path(codebook_file.__file__).parents[1] / "data" / f"{name}.safetensors"
    codebook = Codebook.load(path)
    assert codebook.fingerprint in path.with_suffix(".md").read_text()
    ids = codebook.encode(cases.TEXT)
    assert codebook.decode_bytes(ids) == cases.TEXT
    assert len(cases.TEXT) / len(ids) > (4 if codebook.window_bits >= 16 else 2.8)
    kinds = {"dense": "none", "world": "phrase"}
    assert codebook.align == next((kinds[kind] for kind in kinds if kind in name), "word")
    if codebook.align == "word":
        assert all(within_a_word(codebook[i]) for i in range(1, len(codebook)))

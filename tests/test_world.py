"""The bundled tables for all text: `world`, and `world-18` with ids of more than 16 bits."""

from __future__ import annotations

import io
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import eqinfo
from eqinfo import Codebook, StringColumn
from eqinfo.reference.word import split, within_a_word

# The first article of the Universal Declaration of Human Rights, and other short texts.
TEXTS = [
    "All human beings are born free and equal in dignity and rights.\r\n",
    "Tous les êtres humains naissent libres et égaux en dignité et en droits.\n",
    "Все люди рождаются свободными и равными в своём достоинстве и правах.\n",
    "人人生而自由，在尊严和权利上一律平等。\n",
    "すべての人間は、生まれながらにして自由であり、かつ、尊厳と権利とについて平等である。\n",
    "มนุษย์ทั้งหลายเกิดมามีอิสระและเสมอภาคกันในเกียรติศักดิ์และสิทธิ\n",
    "មនុស្សទាំងអស់ កើតមកមានសេរីភាព និងសមភាព\n",
    "सभी मनुष्यों को गौरव और अधिकारों के मामले में जन्मजात स्वतन्त्रता प्राप्त है।\n",
    "يولد جميع الناس أحرارا متساوين في الكرامة والحقوق.\n",
    "for (int i = 0; i < 10; ++i) {\n        return x[i] + 1234567;\n    }\n",
    "né\u0301e 👩\u200d💻 🇫🇷 \u1000\u103c\u1031\n",
]
NAMES = ("world", "world-18")


@pytest.fixture(params=NAMES)
def codebook(request: Any) -> Codebook:
    return Codebook.bundled(request.param)


def plain_walk(codebook: Codebook, text: bytes) -> np.ndarray:
    return np.concatenate(list(codebook.encode_stream(text[i : i + 1] for i in range(len(text)))))


def longest_match(codebook: Codebook, text: bytes) -> list[int]:
    strings = {codebook[index]: index for index in range(1, len(codebook))}
    ids: list[int] = []
    at = 0
    while at < len(text):
        lengths = range(min(codebook.max_length, len(text) - at), 0, -1)
        length = next(n for n in lengths if text[at : at + n] in strings)
        ids.append(strings[text[at : at + length]])
        at += length
    return ids


def test_sizes(codebook: Codebook) -> None:
    bits = {1 << 16: 16, 1 << 18: 18}[len(codebook)]
    assert codebook.window_bits == bits
    assert codebook.dtype == (np.uint16 if bits == 16 else np.uint32)
    assert codebook.align == "phrase"


def test_all_ways_to_encode_agree(codebook: Codebook, tmp_path: Path) -> None:
    text = "".join(TEXTS).encode()
    ids = codebook.encode(text)
    assert ids.dtype == codebook.dtype
    assert ids.tolist() == longest_match(codebook, text)
    assert codebook.decode_bytes(ids) == text
    codebook.save(tmp_path / "saved")
    for other in (pickle.loads(pickle.dumps(codebook)), Codebook.load(tmp_path / "saved")):
        assert other == codebook
        assert np.array_equal(other.encode(text), ids)
    long = text * (200_000 // len(text))
    ids = codebook.encode(long)
    assert np.array_equal(ids, plain_walk(codebook, long))
    assert np.array_equal(ids, codebook.encode(long, num_threads=3))
    assert np.array_equal(ids, codebook.encode(long.decode(), num_threads=2))
    assert np.array_equal(ids, codebook.encode_batch([long, text]).tokens[: len(ids)])


def test_characters_are_whole_or_single_bytes_or_pieces_of_one(codebook: Codebook) -> None:
    for index in range(1, len(codebook)):
        string = codebook[index]
        if len(string) > 1 and not _is_utf8(string):
            assert within_a_word(string)


def _is_utf8(string: bytes) -> bool:
    try:
        string.decode()
    except UnicodeDecodeError:
        return False
    return True


def test_phrases_are_words(codebook: Codebook) -> None:
    lengths = [len(split(codebook[index])) for index in range(1, len(codebook), 7)]
    assert 0.25 < np.mean(np.array(lengths) > 1) < 0.35
    assert max(lengths) <= 8


def test_any_bytes(codebook: Codebook) -> None:
    noise = np.random.default_rng(5).integers(0, 256, 5_000, np.uint8).tobytes()
    assert codebook.decode_bytes(codebook.encode(noise)) == noise


def test_tokens_are_ids(codebook: Codebook) -> None:
    name = NAMES[codebook.window_bits > 16]
    text = "".join(TEXTS)
    ids = codebook.encode(text)
    tokens = eqinfo.encode(text, name)
    assert tokens.dtype == codebook.dtype
    assert np.array_equal(tokens, ids)
    assert eqinfo.decode(tokens, name) == text
    assert list(eqinfo.decode_batch(eqinfo.encode_batch(TEXTS, name), name)) == TEXTS
    file = io.BytesIO()
    eqinfo.save_tokens(file, tokens, eqinfo.window_codec(name))
    file.seek(0)
    loaded, codec = eqinfo.load_tokens(file)
    assert loaded.dtype == codebook.dtype
    assert codec.decode(loaded) == text


def test_strings_hold_whole_characters_or_a_piece_of_one(codebook: Codebook) -> None:
    for index in range(1, len(codebook), 3):
        whole = codebook[index].decode("utf-8", "ignore")
        assert whole.encode() in (codebook[index], b"")


def test_clusters_may_be_cut() -> None:
    """As docs/pipeline.md says; a composed form is one token."""
    world = Codebook.bundled("world")
    assert [world[index].decode() for index in world.encode("e\u0301")] == ["e", "\u0301"]
    assert len(world.encode("\u00e9")) == 1


def test_columns(codebook: Codebook) -> None:
    column = StringColumn(TEXTS, codebook=codebook)
    assert column.to_list() == TEXTS


def test_tokens_of_16_bits_can_be_asked_for() -> None:
    text = "".join(TEXTS)
    packed = eqinfo.encode(text, "world-18", token_bits=16)
    assert packed.dtype == np.uint16
    assert eqinfo.decode(packed, "world-18", token_bits=16) == text
    with pytest.raises(ValueError, match="token_bits of 1 to 16 or 18, found 17"):
        eqinfo.encode(text, "world-18", token_bits=17)


def test_ids_of_the_larger_table_are_refused_by_the_smaller() -> None:
    ids = Codebook.bundled("world-18").encode("All human beings are born free and equal.")
    larger = r"uint16 (ids|tokens), found uint32; .* a codebook of more than 16 bits \(world-18\)"
    with pytest.raises(TypeError, match=larger):
        Codebook.bundled("world").decode(ids)
    with pytest.raises(TypeError, match=larger):
        Codebook.bundled("world").decode_batch(Codebook.bundled("world-18").encode_batch(["All"]))
    with pytest.raises(
        ValueError, match=r"id \d+: expected 0 to 65535, .*, such as a larger codebook"
    ):
        Codebook.bundled("world").decode([1, *ids.tolist()])
    with pytest.raises(TypeError, match=r"uint32 ids, found uint16; .*\(the codebooks en, world\)"):
        Codebook.bundled("world-18").decode(Codebook.bundled("world").encode("All"))


@pytest.mark.parametrize("codec", ["codebook", "ranged"])
def test_files_of_ids_take_tables_of_16_bits(codec: Any) -> None:
    data = "".join(TEXTS).encode()
    assert eqinfo.decompress(eqinfo.compress(data, "world", codec=codec)) == data
    with pytest.raises(ValueError, match="at most 16 bits, such as 'world', found 18"):
        eqinfo.compress(data, "world-18", codec=codec)

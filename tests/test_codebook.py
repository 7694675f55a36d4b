"""Codebook stage: coding agrees with the reference, and malformed input is refused."""

from __future__ import annotations

import base64
import pickle
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import codebook_cases as cases
from eqinfo.codebook import Codebook, table
from eqinfo.common.batch import TokenBatch
from eqinfo.errors import FormatError, ModelMismatchError
from eqinfo.reference import codebook as reference
from strategies import examples

TABLES = cases.tables()
CODEBOOKS = {name: cases.from_strings(strings) for name, strings in TABLES.items()}
RANDOM = np.random.default_rng(5)
TEXTS = {
    "empty": b"",
    "one byte": b"x",
    "a run": b"a" * 100_000,
    "all bytes": bytes(range(256)),
    "two bytes": RANDOM.integers(0, 2, 5_000, np.uint8).tobytes(),
    "letters": RANDOM.integers(97, 100, 5_000, np.uint8).tobytes(),
    "noise": RANDOM.integers(0, 256, 5_000, np.uint8).tobytes(),
    "prose": cases.TEXT,
    "broken UTF-8": cases.TEXT[1::2],
}


def same_ids(found: np.ndarray, wanted: list[int]) -> None:
    assert found.tolist() == wanted


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("text", TEXTS)
def test_encode_is_greedy_longest_match(table: str, text: str) -> None:
    ids = CODEBOOKS[table].encode(TEXTS[text])
    assert ids.dtype == np.uint16
    same_ids(ids, reference.encode(TABLES[table], TEXTS[text]))
    assert CODEBOOKS[table].decode_bytes(ids) == TEXTS[text]


@pytest.mark.parametrize("table", TABLES)
def test_strings_are_the_dictionary_in_order(table: str) -> None:
    codebook = CODEBOOKS[table]
    assert [codebook[i] for i in range(len(codebook))] == TABLES[table]
    assert codebook.lengths.tolist() == [len(string) for string in TABLES[table]]
    assert codebook.max_length == max(map(len, TABLES[table]))
    assert 2**codebook.window_bits == len(codebook) == len(TABLES[table])


@pytest.mark.parametrize("table", TABLES)
@examples(60)
@given(data=st.data())
def test_any_bytes_round_trip(table: str, data: st.DataObject) -> None:
    symbols = st.sampled_from(
        [b"a", b"b", b"\x00", b"\xff", b"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"]
    )
    text = data.draw(st.binary() | st.lists(symbols, max_size=80).map(b"".join))
    codebook = CODEBOOKS[table]
    ids = codebook.encode(text)
    same_ids(ids, reference.encode(TABLES[table], text))
    assert codebook.decode_bytes(ids) == text


@pytest.mark.parametrize("table", TABLES)
@examples(25)
@given(
    unit=st.binary(min_size=1, max_size=40) | st.text("ab", min_size=1).map(str.encode),
    tail=st.binary(),
)
def test_long_texts_in_pieces(table: str, unit: bytes, tail: bytes) -> None:
    """Long texts are encoded in pieces, which are joined; those of periodic ones may never meet."""
    text = unit * (6_000 // len(unit)) + tail
    codebook = CODEBOOKS[table]
    ids = codebook.encode(text)
    same_ids(ids, reference.encode(TABLES[table], text))
    parts = list(codebook.encode_stream([text[:1], text[1:], text]))
    same_ids(np.concatenate(parts), reference.encode(TABLES[table], text + text))


def adversarial() -> dict[str, bytes]:
    """Texts of about a megabyte that have defeated tokenizers before."""
    random = np.random.default_rng(11)
    noise = random.integers(0, 256, 10**6, np.uint8).tobytes()
    cjk = "".join(map(chr, random.integers(0x4E00, 0x9FFF, 350_000)))
    return {
        "one byte": b"a" * 10**6,
        "spaces": b" " * 10**6,
        "two letters": random.integers(97, 99, 10**6, np.uint8).tobytes(),
        "base64": base64.b64encode(noise[:750_000]),
        "CJK": cjk.encode(),
        "noise": noise,
        "prose": cases.TEXT * (10**6 // len(cases.TEXT)),
        "lines": b"\r\n" * 500_000,
    }


def plain_walk(codebook: Codebook, text: bytes) -> np.ndarray:
    """Encode byte by byte, without pieces, lanes or threads."""
    return np.concatenate(list(codebook.encode_stream(text[i : i + 1] for i in range(len(text)))))


ADVERSARIAL = adversarial()
LARGE = {
    "en-dense": Codebook.bundled("en-dense"),
    **{name: CODEBOOKS[name] for name in ("deep", "sparse", "sparse prose")},
}


@pytest.mark.parametrize("table", LARGE)
@pytest.mark.parametrize("name", ADVERSARIAL)
def test_large_texts_are_walked_alike(table: str, name: str) -> None:
    """Pieces, rounds and threads give the ids of the plain walk."""
    codebook, text = LARGE[table], ADVERSARIAL[name]
    ids = codebook.encode(text)
    start = 30_000
    assert np.array_equal(codebook.encode(text[:start]), plain_walk(codebook, text[:start]))
    assert np.array_equal(codebook.encode(text, num_threads=3), ids)
    assert codebook.decode_bytes(ids, num_threads=3) == text
    parts = list(codebook.encode_stream([text[:start], text[start:]], num_threads=2))
    assert np.array_equal(np.concatenate(parts), ids)
    batch = codebook.encode_batch([text[:start], text[start:]] * 2, num_threads=3)
    assert np.array_equal(batch[0], codebook.encode(text[:start]))
    assert np.array_equal(batch[3], codebook.encode(text[start:]))


@pytest.mark.parametrize("table", ["sparse", "en-dense"])
def test_rounds_of_threads(table: str) -> None:
    """The text is longer than what threads encode between two joins."""
    codebook = LARGE[table]
    text = ADVERSARIAL["two letters"] * 9 + ADVERSARIAL["prose"] * 9
    wanted = codebook.encode(text)
    assert np.array_equal(codebook.encode(text, num_threads=2), wanted)
    cuts = np.array([0, 7, 7, 5_000_000, 17_000_000, 17_000_001, len(text), len(text)], np.int64)
    flat = codebook.encode_batch((text, cuts), num_threads=2)
    for i, (begin, end) in enumerate(pairwise(cuts.tolist())):
        assert np.array_equal(flat[i], codebook.encode(text[begin:end]))
    back = codebook.decode_batch(flat, num_threads=2)
    assert np.array_equal(back.data, np.frombuffer(text, np.uint8))
    assert np.array_equal(back.offsets, cuts)


@pytest.mark.parametrize("table", TABLES)
@examples(40)
@given(
    texts=st.lists(
        st.binary(max_size=300) | st.text("ab", max_size=3_000).map(str.encode), max_size=12
    ),
    num_threads=st.integers(1, 4),
)
def test_batches_are_their_texts(table: str, texts: list[bytes], num_threads: int) -> None:
    codebook = CODEBOOKS[table]
    batch = codebook.encode_batch(texts, num_threads=num_threads)
    assert [ids.tolist() for ids in batch] == [reference.encode(TABLES[table], t) for t in texts]
    assert batch.tokens.dtype == codebook.dtype
    bounds = np.cumsum([3, *map(len, texts)]).astype(np.int64)
    flat = codebook.encode_batch((b"..." + b"".join(texts) + b".", bounds))
    assert np.array_equal(flat.tokens, batch.tokens)
    assert np.array_equal(flat.offsets, batch.offsets)
    back = codebook.decode_batch(batch, num_threads=num_threads)
    assert list(back.iter_bytes()) == texts
    assert list(codebook.decode_batch(batch[1:]).iter_bytes()) == texts[1:]


@pytest.mark.parametrize("table", TABLES)
@examples(30)
@given(text=st.binary(max_size=60) | st.text("abc ", max_size=80).map(str.encode))
def test_shortest_parse_has_the_fewest_windows(table: str, text: bytes) -> None:
    ids = CODEBOOKS[table].encode(text, parse="shortest")
    assert ids.tolist() == reference.encode_shortest(TABLES[table], text)
    assert len(ids) <= len(CODEBOOKS[table].encode(text))
    assert CODEBOOKS[table].decode_bytes(ids) == text


def test_shortest_parse_of_batches() -> None:
    codebook = CODEBOOKS["sparse prose"]
    texts = [cases.TEXT[i : i + 200] for i in range(0, len(cases.TEXT), 150)]
    batch = codebook.encode_batch(texts, parse="shortest", num_threads=3)
    assert [b.tolist() for b in batch] == [
        codebook.encode(t, parse="shortest").tolist() for t in texts
    ]
    long = cases.TEXT * 300
    shortest = codebook.encode(long, parse="shortest")
    assert len(shortest) < len(codebook.encode(long))
    assert codebook.decode_bytes(shortest) == long


@pytest.mark.parametrize("table", TABLES)
def test_any_slice_of_ids_decodes(table: str) -> None:
    codebook = CODEBOOKS[table]
    text = cases.TEXT * 3
    ids = codebook.encode(text)
    ends = np.cumsum(codebook.lengths[ids])
    for begin, end in [(0, 1), (5, 17), (20, 21), (3, len(ids) - 2)]:
        first = int(ends[begin - 1]) if begin else 0
        assert codebook.decode_bytes(ids[begin:end]) == text[first : int(ends[end - 1])]


def test_parameters_are_checked() -> None:
    codebook = CODEBOOKS["bushy"]
    for threads in (0, -1, 257):
        with pytest.raises(ValueError, match=f"1 to 256, found {threads}"):
            codebook.encode("a", num_threads=threads)
        with pytest.raises(ValueError, match="num_threads"):
            codebook.decode([1], num_threads=threads)
    with pytest.raises(ValueError, match="'greedy' or 'shortest', found 'best'"):
        codebook.encode("a", parse="best")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"surrogate U\+D800 at index 4500000"):
        codebook.encode("\u00e9" * 4_500_000 + "\ud800")


def test_long_text_that_is_not_ascii() -> None:
    text = "na\u00efve \u2013 \U0001f40d " * 700_000
    codebook = CODEBOOKS["sparse prose"]
    assert np.array_equal(codebook.encode(text), codebook.encode(text.encode()))


@pytest.mark.parametrize("widest", ["\u00ff", "\u20ac", "\U0001f40d"])
def test_characters_of_every_width_among_ascii(widest: str) -> None:
    """In the three forms in which Python keeps a str, runs of ASCII of every length."""
    codebook = CODEBOOKS["sparse prose"]
    others = [c for c in "\u0080\u00e9\u07ff\u0800\uffff\U00010000" if c <= widest] + [widest]
    ascii_text = "".join(map(chr, range(128)))
    pieces = [ascii_text[i % 7 : i % 7 + i] + others[i % len(others)] * (i % 3) for i in range(90)]
    text = "".join(pieces)
    assert max(text) == widest
    documents = [text[:i] for i in range(200)] + pieces + [text, text * 20]
    found = codebook.encode_batch(documents)
    wanted = codebook.encode_batch([document.encode() for document in documents])
    assert np.array_equal(found.tokens, wanted.tokens)
    assert np.array_equal(found.offsets, wanted.offsets)
    for document in (text, text[:99], text * 20):
        assert np.array_equal(codebook.encode(document), codebook.encode(document.encode()))


@pytest.mark.parametrize("name", ["narrow", "bushy", "sparse", "ends"])
def test_spare_bits_count_the_strings_that_begin_alike(name: str) -> None:
    strings = cases.tables()[name]
    counts = [sum(other.startswith(string) for other in strings) for string in strings]
    assert CODEBOOKS[name].spare_bits.tolist() == np.log2(counts).tolist()


def test_arrow_texts() -> None:
    pa = pytest.importorskip("pyarrow", reason="the extra arrow is not installed")
    codebook = CODEBOOKS["sparse prose"]
    texts = ["one", "", "na\u00efve", "window " * 50]
    wanted = codebook.encode_batch(texts)
    for kind in (pa.string(), pa.large_string(), pa.binary(), pa.string_view()):
        array = pa.array(["before", *texts, "after"]).cast(kind)[1:-1]
        chunked = pa.chunked_array([array[:1], array[1:]])
        for arrow in (array, chunked):
            batch = codebook.encode_batch(arrow)
            assert np.array_equal(batch.tokens, wanted.tokens)
            assert np.array_equal(batch.offsets, wanted.offsets)
    views = pa.array(texts[::-1]).cast(pa.string_view())
    categories = pa.DictionaryArray.from_arrays(pa.array([3, 2, 1, 0], pa.int8()), views)
    assert np.array_equal(codebook.encode_batch(categories).tokens, wanted.tokens)
    assert len(codebook.encode_batch(pa.array([], pa.string()))) == 0
    assert len(codebook.encode_batch(pa.nulls(0))) == 0
    with pytest.raises(ValueError, match="expected no nulls, found one in row 0"):
        codebook.encode_batch(pa.nulls(2))
    with pytest.raises(ValueError, match=r"null.*row 1"):
        codebook.encode_batch(pa.array(["a", None]))
    with pytest.raises(TypeError, match="strings or binary, found int64"):
        codebook.encode_batch(pa.array([1]))


def test_offsets_that_are_refused() -> None:
    codebook = CODEBOOKS["bushy"]
    with pytest.raises(ValueError, match="found 3 before 2 at document 1"):
        codebook.encode_batch((b"abc", np.array([0, 3, 2], np.int64)))
    with pytest.raises(ValueError, match="within 0 to 3, found 0 to 4"):
        codebook.encode_batch((b"abc", np.array([0, 4], np.int64)))
    with pytest.raises(TypeError, match="int64 offsets"):
        codebook.encode_batch((b"abc", np.array([0, 3], np.int32)))
    with pytest.raises(TypeError, match="expected uint16 tokens, found uint32"):
        codebook.decode_batch(TokenBatch(np.array([1], np.uint32), np.array([0, 1], np.int64)))


@pytest.mark.parametrize("table", TABLES)
@examples(60)
@given(data=st.data())
def test_any_ids_decode(table: str, data: st.DataObject) -> None:
    strings = TABLES[table]
    ids = data.draw(st.lists(st.integers(0, len(strings) - 1), max_size=50))
    wanted = reference.decode(strings, ids)
    assert CODEBOOKS[table].decode_bytes(ids) == wanted
    assert CODEBOOKS[table].decode_bytes(np.array(ids, np.uint16)) == wanted
    assert CODEBOOKS[table].decode_bytes(np.repeat(np.array(ids, np.uint16), 2)[::2]) == wanted


@examples(60)
@given(
    table=st.sampled_from(sorted(TABLES)),
    text=st.sampled_from(sorted(TEXTS)),
    cuts=st.lists(st.integers(0, 5_000), max_size=12),
)
def test_streaming_gives_the_same_ids(table: str, text: str, cuts: list[int]) -> None:
    whole = TEXTS[text]
    bounds = [0, *sorted(cuts), len(whole)]
    chunks = [whole[a:b] for a, b in pairwise(bounds)]
    parts = list(CODEBOOKS[table].encode_stream(chunks))
    assert all(len(part) > 0 and part.dtype == np.uint16 for part in parts)
    found = np.concatenate([np.zeros(0, np.uint16), *parts])
    assert np.array_equal(found, CODEBOOKS[table].encode(b"".join(chunks)))


def test_wide_ids() -> None:
    """Above 16 bits, ids are uint32; memory is not quadratic in the length of a chain."""
    chain = 2**20 - 257
    depth = np.ones(2**20, np.uint32)
    symbol = np.zeros(2**20, np.uint8)
    depth[0] = 0
    first = 1 + ord("a")  # the chain hangs from "a"
    symbol[1:first] = np.arange(ord("a"))
    depth[first : first + chain + 1] = np.arange(1, chain + 2)
    symbol[first : first + chain + 1] = ord("a")
    symbol[first + chain + 1 :] = np.arange(ord("b"), 256)
    codebook = Codebook(depth, symbol)
    text = b"a" * (chain + 5) + b"ba" * 3
    ids = codebook.encode(text)
    assert ids.dtype == np.uint32
    b = first + chain + 1
    assert ids.tolist() == [first + chain, first + 3, b, first, b, first, b, first]
    assert codebook.decode_bytes(ids) == text
    assert codebook.decode(ids[1:]) == "aaaababab" + "a"
    assert codebook[first + chain] == b"a" * (chain + 1)
    assert Codebook.fit(b"", 17).encode(b"abc").tolist() != []


def test_threads_share_a_codebook() -> None:
    codebook = CODEBOOKS["bushy"]
    wanted = codebook.encode(TEXTS["noise"])
    with ThreadPoolExecutor(8) as pool:
        for found in pool.map(codebook.encode, [TEXTS["noise"]] * 64):
            assert np.array_equal(found, wanted)
        for text in pool.map(codebook.decode_bytes, [wanted] * 64):
            assert text == TEXTS["noise"]


def test_batches_and_text() -> None:
    codebook = CODEBOOKS["pairs"]
    texts = ["", "na\u00efve \u2013 \U0001f40d", "plain"]
    ids = codebook.encode_batch(texts)
    assert list(codebook.decode_batch(ids)) == texts
    for kind in (bytes, bytearray, memoryview):
        assert np.array_equal(codebook.encode(kind(texts[1].encode())), ids[1])
    assert codebook.decode([]) == ""
    assert codebook.decode([0, 0]) == ""


def test_pickle_and_equality() -> None:
    codebook = CODEBOOKS["narrow"]
    copy = pickle.loads(pickle.dumps(codebook))
    assert copy == codebook
    assert hash(copy) == hash(codebook)
    assert copy.metadata == codebook.metadata
    assert np.array_equal(copy.encode(cases.TEXT), codebook.encode(cases.TEXT))
    assert CODEBOOKS["narrow"] != CODEBOOKS["bushy"]
    assert codebook.fingerprint in repr(codebook)


def test_pickles_of_bundled_codebooks_have_their_name(monkeypatch: pytest.MonkeyPatch) -> None:
    codebook = Codebook.bundled("en-4k")
    stored = pickle.dumps(codebook)
    assert len(stored) < 200
    assert pickle.loads(stored) is codebook
    node_arrays = (codebook._depth, codebook._symbol, codebook._end)
    other = Codebook(*node_arrays, {"method": "mine"}, align=codebook.align)
    assert other == codebook
    assert pickle.loads(pickle.dumps(other)).metadata == other.metadata != codebook.metadata
    monkeypatch.setattr(table, "_bundled", lambda name: CODEBOOKS["narrow"])
    with pytest.raises(ModelMismatchError, match=r"'en-4k' with .*; unpickle it with the version"):
        pickle.loads(stored)


def test_codebooks_cannot_be_changed() -> None:
    strings = TABLES["bushy"]
    depth, symbol, _ = cases.arrays(strings)
    codebook = Codebook(depth, symbol)
    depth[1:] = 1
    assert codebook == CODEBOOKS["bushy"]
    with pytest.raises(ValueError, match="read-only"):
        codebook.lengths[3] = 9
    codebook.metadata["method"] = "magic"
    assert codebook.metadata["method"] == "arrays"


@pytest.mark.parametrize(
    ("ids", "error", "message"),
    [
        (np.array([1], np.int8), TypeError, "expected uint16 ids, found int8"),
        (np.array([1], np.uint32), TypeError, "expected uint16 ids, found uint32"),
        (np.array([1.0]), TypeError, "found float64"),
        ([1.5], TypeError, "expected integer ids, found float64"),
        (["a"], TypeError, "expected integer ids"),
        ([0, 1024], ValueError, "id 1: expected 0 to 1023, found 1024"),
        ([-1], ValueError, "id 0: expected 0 to 1023, found -1"),
        (np.array([5, 65536]), ValueError, "id 1: expected 0 to 1023, found 65536"),
        (np.array([-1], np.int32), ValueError, "id 0: expected 0 to 1023, found -1"),
        (np.array([5, 1024], np.uint16), ValueError, "token 1: no such id"),
        (np.zeros((2, 2), np.uint16), ValueError, "shape"),
        ([[1]], ValueError, "shape"),
    ],
)
def test_ids_that_are_refused(ids: object, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        CODEBOOKS["bushy"].decode_bytes(ids)  # type: ignore[arg-type]


def test_text_goes_where_there_is_room_for_it() -> None:
    codebook = CODEBOOKS["bushy"]
    ids = codebook.encode(cases.TEXT)
    size = len(codebook.decode_bytes(ids))
    memory = np.full(size + 2, 7, np.uint8)
    codebook.decode_into(ids, memory[1:-1])
    assert memory[1:-1].tobytes() == codebook.decode_bytes(ids)
    for other in (size - 1, size + 1):
        room = np.full(other, 7, np.uint8)
        with pytest.raises(ValueError, match=f"expected ids of {other} bytes, found {size} bytes"):
            codebook.decode_into(ids, room)
        assert (room == 7).all()
    with pytest.raises(ValueError, match="token 0: no such id"):
        codebook.decode_into(np.array([1024], np.uint16), memory)
    with pytest.raises(ValueError, match="not writ"):
        codebook.decode_into(ids, np.frombuffer(bytes(size), np.uint8))
    with pytest.raises(TypeError):
        codebook.decode_into(ids, np.zeros(size, np.int8))  # type: ignore[arg-type]


def test_views_are_encoded_as_what_they_show() -> None:
    codebook = CODEBOOKS["bushy"]
    text = cases.TEXT if isinstance(cases.TEXT, bytes) else cases.TEXT.encode()
    view = memoryview(text)
    for part in (view, view[3:50], view[5:5], view[::2], view[::-1], view[:64].cast("H")):
        assert np.array_equal(codebook.encode(part), codebook.encode(bytes(part)))
    changing = memoryview(bytearray(text))
    assert np.array_equal(codebook.encode(changing[3:50]), codebook.encode(text[3:50]))
    view.release()
    with pytest.raises(ValueError, match="released"):
        codebook.encode(view)


def test_text_that_is_refused() -> None:
    codebook = CODEBOOKS["bushy"]
    with pytest.raises(ValueError, match="surrogate"):
        codebook.encode("ab\ud800")
    with pytest.raises(ValueError, match=r"surrogate U\+DC80 at index 2"):
        codebook.encode_batch(["ab", "ab\udc80"])
    with pytest.raises(TypeError, match="int"):
        codebook.encode(3)  # type: ignore[arg-type]
    with pytest.raises(FormatError, match="decode_bytes"):
        codebook.decode(codebook.encode(b"ab\xff"))
    for index in (-1, 1024):
        with pytest.raises(IndexError, match=f"found {index}"):
            codebook[index]


def nodes(table: str = "bushy") -> tuple[np.ndarray, np.ndarray]:
    depth, symbol, _ = cases.arrays(TABLES[table])
    return depth, symbol


def test_arrays_of_a_wrong_kind_are_refused() -> None:
    depth, symbol = nodes()
    with pytest.raises(TypeError, match="depth of uint32, found int64"):
        Codebook(depth.astype(np.int64), symbol)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="symbol of uint8, found list"):
        Codebook(depth, symbol.tolist())  # type: ignore[arg-type]
    for length in (0, 1, 256, 511, 1023):
        with pytest.raises(ValueError, match=f"found {length}"):
            Codebook(depth[:length], symbol[:length])
    with pytest.raises(ValueError, match="expected symbol of shape"):
        Codebook(depth, symbol[:-1])
    with pytest.raises(ValueError, match="shape"):
        Codebook(depth.reshape(2, -1), symbol.reshape(2, -1))


def test_malformed_tries_are_refused() -> None:
    depth, symbol = nodes("ends")

    def fault(node: int, new_depth: int, new_symbol: int, named: int) -> None:
        bad_depth, bad_symbol = depth.copy(), symbol.copy()
        bad_depth[node], bad_symbol[node] = new_depth, new_symbol
        with pytest.raises(FormatError, match=f"node {named}: "):
            Codebook(bad_depth, bad_symbol)

    fault(0, 1, 0, 0)
    fault(0, 0, 1, 0)
    fault(5, 0, 3, 5)  # a second root
    fault(5, 4, 3, 5)  # a depth is left out
    fault(5, 2**32 - 1, 3, 5)
    fault(5, 2, 2, 5)  # siblings in the wrong order
    fault(5, 2, 1, 5)
    fault(1, 2, 0, 1)
    fault(300, 1, 45, 300)  # a byte comes late
    fault(511, 2, 255, 512)  # the last byte is missing
    fault(511, 1, 254, 511)


def test_nodes_that_must_have_an_id() -> None:
    """A byte, or a leaf, on which a walk could not end."""
    depth, symbol = nodes("ends")
    leaf = int(np.flatnonzero(np.diff(depth.astype(int)) <= 0)[0])
    # A further node with an id, so that their number stays right.
    longer = np.append(depth, depth[-1] + 1), np.append(symbol, np.uint8(7))
    for node in (0, 1, leaf):
        end = np.ones(513, np.bool_)
        end[node] = False
        with pytest.raises(FormatError, match=f"node {node}: not a sorted dictionary"):
            Codebook(*longer, end)


def test_too_many_windows_that_close_at_once() -> None:
    """A string of n bytes whose prefixes have no ids and close n windows: n^2 / 2 ids in all."""
    length = 4000
    chain = np.arange(2, length)
    leaves = np.full(255, length)
    depth = np.concatenate([[0], np.ones(98), chain, leaves, np.ones(158)]).astype(np.uint32)
    symbol = np.concatenate([[0], np.arange(98), np.full_like(chain, 98), np.arange(255)])
    symbol = np.concatenate([symbol, np.arange(98, 256)]).astype(np.uint8)
    end = np.ones(len(depth), np.bool_)
    end[99 : 99 + len(chain)] = False
    with pytest.raises(FormatError, match=r"node \d+: not a sorted dictionary"):
        Codebook(depth, symbol, end)


@examples(200)
@given(
    node=st.integers(0, 511),
    depth=st.integers(0, 2**32 - 1) | st.integers(0, 4),
    symbol=st.integers(0, 255),
)
def test_any_change_is_refused_or_harmless(node: int, depth: int, symbol: int) -> None:
    depths, symbols = nodes("ends")
    depths[node], symbols[node] = depth, symbol
    try:
        codebook = Codebook(depths, symbols)
    except FormatError:
        return
    strings = [codebook[i] for i in range(512)]
    assert strings == sorted(set(strings))
    assert codebook.decode_bytes(codebook.encode(cases.TEXT)) == cases.TEXT


@examples(200)
@given(text=st.text(max_size=60))
def test_str_is_its_utf8(text: str) -> None:
    codebook = CODEBOOKS["sparse letters"]
    assert np.array_equal(codebook.encode(text), codebook.encode(text.encode()))


def test_every_character_is_its_utf8() -> None:
    codebook = CODEBOOKS["bushy"]
    characters = [chr(c) for c in range(0x110000) if not 0xD800 <= c < 0xE000]
    for limit in (0x100, 0x10000, 0x110000):  # one for each width of str
        text = "".join(c for c in characters if ord(c) < limit)
        assert codebook.decode(codebook.encode(text)) == text
        assert np.array_equal(codebook.encode(text), codebook.encode(text.encode()))

"""The exported tokenizer.json against plain longest match."""

from __future__ import annotations

import base64
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codebook_cases import TEXT, from_strings, grown, tables
from eqinfo.codebook import Codebook
from eqinfo.errors import UnsupportedError
from eqinfo.reference.codebook import BYTES

REASON = "needs the extra hf"
pytest.importorskip("transformers", reason=REASON)
tokenizers = pytest.importorskip("tokenizers", reason=REASON)

from eqinfo.tokenizer import END_OF_TEXT, export_tokenizer  # noqa: E402
from eqinfo.tokenizer.export import longest_match_pattern, tokenizer_of  # noqa: E402


def longest_match(strings: list[bytes], text: bytes) -> list[int]:
    """Greedy longest match among strings that need not be prefix-closed."""
    ids = {string: index for index, string in enumerate(strings)}
    longest = max(map(len, strings))
    result = []
    while text:
        size = next(n for n in range(min(longest, len(text)), 0, -1) if text[:n] in ids)
        result.append(ids[text[:size]])
        text = text[size:]
    return result


def thinned(strings: list[bytes], seed: int, kept: float) -> list[bytes]:
    """Drop strings at random, except single bytes and leaves."""
    random = np.random.default_rng(seed)
    inner = {string[:-1] for string in strings}
    return [
        string
        for string in strings
        if len(string) <= 1 or string not in inner or random.random() < kept
    ]


@cache
def cases() -> dict[str, list[bytes]]:
    text = [*map(bytes, zip(*(TEXT[i:] for i in range(12)), strict=False))]
    prefixes = {string[:n] for string in text for n in range(2, 13)}
    ascii_tables = {
        "narrow": grown(2, 10, 3, 0.5),
        "deep": [string for string in tables()["deep"] if len(string) <= 200],
        "text": sorted({b"", *BYTES, *prefixes}),
        "closed": tables()["bushy"],
    }
    result = {
        f"{name}-{kept}": thinned(table, 5, kept)
        for name, table in ascii_tables.items()
        for kept in (0.0, 0.3)
    }
    # A rest that fails falls back over several nodes without ids, also inside characters.
    longer = [b"ab", b"abcdefgh", b"abcdXY", b"bcdef", b"(?+", *map(str.encode, ("é€", "é€🙂🙂"))]
    result["fallback"] = sorted({b"", *BYTES, *longer, "🙂".encode()[:3]})
    return result


@cache
def exported(name: str) -> tokenizers.Tokenizer:
    return tokenizer_of(cases()[name], END_OF_TEXT)


def texts_like(strings: list[bytes]) -> st.SearchStrategy[str]:
    """Texts that follow the table's strings for a while."""
    pieces = [string.decode("utf-8", "ignore") for string in strings]
    piece = st.sampled_from(pieces) | st.text(max_size=3)
    cut = st.tuples(piece, st.integers(1, 30)).map(lambda pair: pair[0][: pair[1]])
    return st.lists(piece | cut, max_size=20).map("".join)


@pytest.mark.parametrize("name", list(cases()))
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_ids_are_those_of_longest_match_with_nodes_that_have_no_id(
    name: str, data: st.DataObject
) -> None:
    strings = cases()[name]
    text = data.draw(texts_like(strings))
    encoded = exported(name).encode(text)
    if END_OF_TEXT not in text:
        assert encoded.ids == longest_match(strings, text.encode())
        assert exported(name).decode(encoded.ids) == text


@pytest.mark.parametrize("name", ["sparse", "sparse letters", "sparse prose"])
def test_ids_are_those_of_a_codebook_with_nodes_that_have_no_id(name: str) -> None:
    codebook = from_strings(tables()[name])
    tokenizer = export_tokenizer(codebook)
    random = np.random.default_rng(3)
    text = TEXT.decode() + "".join("abc"[i] for i in random.integers(0, 3, 5000))
    assert tokenizer.encode(text).ids == codebook.encode(text).tolist()


def test_a_required_rest_that_fails_falls_back_as_a_whole() -> None:
    strings = cases()["fallback"]
    ids = {string: index for index, string in enumerate(strings)}
    expected = [b"ab", b"c", b"d", b"X", b"bcdef", b"g", b"abcdefgh"]
    assert exported("fallback").encode("abcdXbcdefgabcdefgh").ids == [ids[s] for s in expected]


def test_the_pattern_is_the_trie() -> None:
    assert longest_match_pattern([b"", b"a", b"abcd", b"abd", b"ab.", b"c"]) == (
        r"a(?:b(?:d|cd|\.))?+|c"
    )


@pytest.mark.parametrize(
    "text",
    [
        "a" * 300_000,
        " " * 300_000,
        "\n" * 300_000,
        "漢字かな交じり文。" * 10_000,
        base64.b64encode(np.random.default_rng(1).bytes(200_000)).decode(),
    ],
    ids=["a", "space", "newline", "cjk", "base64"],
)
def test_long_runs_of_the_bundled_table(text: str) -> None:
    ids = Codebook.bundled("en-dense").encode(text).tolist()
    assert bundled("en-dense").encode(text).ids == ids


@cache
def bundled(name: str) -> tokenizers.Tokenizer:
    return export_tokenizer(name)


@pytest.mark.parametrize("name", ["en-dense", "world"])
def test_the_bundled_table_on_text_and_random_unicode(name: str) -> None:
    codebook = Codebook.bundled(name)
    random = np.random.default_rng(7)
    points = [*range(0xD800), *range(0xE000, 0x110000)]
    texts = [TEXT.decode()] + [
        "".join(chr(points[i]) for i in random.integers(0, high, 40))
        for high in (0x80, 0x800, 0xD800, len(points))
        for _ in range(75)
    ]
    for text in texts:
        assert bundled(name).encode(text).ids == codebook.encode(text).tolist()


def test_a_saved_file_needs_nothing_of_this_package(tmp_path: Path) -> None:
    codebook = Codebook.fit(TEXT, 10)
    path = tmp_path / "tokenizer.json"
    export_tokenizer(codebook).save(str(path))
    loaded = tokenizers.Tokenizer.from_file(str(path))
    text = TEXT.decode()
    assert loaded.encode(text).ids == codebook.encode(text).tolist()
    assert loaded.decode(loaded.encode(text).ids) == text
    letter = codebook.encode("a").tolist()
    assert loaded.encode(f"a{END_OF_TEXT}a").ids == [*letter, 0, *letter]
    stream = tokenizers.decoders.DecodeStream(skip_special_tokens=False)
    steps = [stream.step(loaded, index) for index in loaded.encode("“naïve”").ids]
    assert "".join(step or "" for step in steps) == "“naïve”"


def test_the_end_of_text_must_be_no_string_of_the_codebook() -> None:
    codebook = Codebook.fit(TEXT, 10, prefixes=True)
    index = codebook.encode("the")[0]
    assert codebook[index] == b"the"
    with pytest.raises(ValueError, match=f"found 'the', id {index}"):
        export_tokenizer(codebook, end_of_text="the")
    with pytest.raises(ValueError, match="found '', id 0"):
        export_tokenizer(codebook, end_of_text="")


def test_strings_too_deep_for_a_regular_expression() -> None:
    with pytest.raises(UnsupportedError, match="fewer than 2000 prefixes"):
        tokenizer_of(tables()["chain"], END_OF_TEXT)


def test_names() -> None:
    with pytest.raises(ValueError, match="bundled codebook"):
        export_tokenizer("nonesuch")

"""`Codebook.fit`, compared with its reference."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import codebook_cases as cases
from eqinfo import word
from eqinfo.codebook import Codebook
from eqinfo.codebook import fit as codebook_fit
from eqinfo.common.batch import TextBatch
from eqinfo.reference import codebook_fit as reference
from eqinfo.reference.word import within_a_word
from strategies import examples

PROSE = cases.TEXT * 2
CORPORA = {
    "nothing": [],
    "empty documents": [b"", b""],
    "tiny": [b"abc"],
    "one run": [b"a" * 3_000],
    "prose": [PROSE],
    "lines": PROSE.splitlines(keepends=True),
    "words": PROSE.split(),
    "noise": [np.random.default_rng(7).integers(0, 256, 3_000, np.uint8).tobytes()],
}
DOCUMENTS = st.lists(
    st.binary(max_size=60)
    | st.lists(st.sampled_from(["a", "b", " ab", "aab", "é", "中", ".", "\n"]), max_size=300).map(
        lambda parts: "".join(parts).encode()
    ),
    max_size=6,
)


def strings_of(codebook: Codebook) -> list[bytes]:
    return [codebook[i] for i in range(len(codebook))]


@pytest.mark.parametrize("corpus", CORPORA)
@pytest.mark.parametrize(
    ("window_bits", "max_length", "rounds"),
    [(9, 32, 0), (9, 32, 3), (10, 255, 2), (11, 3, 1), (16, 2, 1)],
)
def test_fit_counts_exactly(corpus: str, window_bits: int, max_length: int, rounds: int) -> None:
    documents = CORPORA[corpus]
    codebook = Codebook.fit(
        documents, window_bits, max_length=max_length, rounds=rounds, prefixes=True
    )
    wanted = reference.fit(documents, window_bits, max_length, rounds)
    assert strings_of(codebook) == wanted
    assert codebook.metadata["method"] == "fit"
    assert codebook.metadata["fit_rounds"] == str(rounds)


@examples(40)
@given(
    documents=DOCUMENTS,
    window_bits=st.integers(9, 10),
    max_length=st.integers(2, 40),
    rounds=st.integers(0, 2),
)
def test_fit_of_anything(
    documents: list[bytes], window_bits: int, max_length: int, rounds: int
) -> None:
    codebook = Codebook.fit(
        documents, window_bits, max_length=max_length, rounds=rounds, prefixes=True
    )
    assert strings_of(codebook) == reference.fit(documents, window_bits, max_length, rounds)


@pytest.mark.parametrize("corpus", CORPORA)
@pytest.mark.parametrize(("max_length", "rounds"), [(32, 1), (3, 0)])
def test_pruning_is_the_reference(corpus: str, max_length: int, rounds: int) -> None:
    documents = CORPORA[corpus]
    codebook = Codebook.fit(documents, 9, max_length=max_length, rounds=rounds, num_threads=2)
    assert strings_of(codebook) == reference.fit_pruned(documents, 9, max_length, rounds)


@examples(15)
@given(documents=DOCUMENTS, threads=st.integers(1, 3))
def test_pruning_of_anything(documents: list[bytes], threads: int) -> None:
    codebook = Codebook.fit(documents, 9, max_length=9, num_threads=threads)
    assert strings_of(codebook) == reference.fit_pruned(documents, 9, 9, 1)


def test_flat_texts_are_those_of_a_list() -> None:
    texts = [b"the cat\xff", b"", "das Brötchen".encode()] * 40
    wanted = Codebook.fit(texts, 9)
    batch = TextBatch.concatenate([b"before", *texts, b"after"])[1:-1]
    assert Codebook.fit(batch, 9) == wanted
    assert Codebook.fit((batch.data.tobytes(), batch.offsets), 9) == wanted
    pyarrow = pytest.importorskip("pyarrow")
    assert Codebook.fit(pyarrow.chunked_array([texts[:7], texts[7:]]), 9) == wanted
    with pytest.raises(ValueError, match="null"):
        Codebook.fit(pyarrow.array(["the", None]), 9)


def test_pruning_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(codebook_fit, "PART_BYTES", 700)
    codebook = Codebook.fit(CORPORA["lines"], 9)
    assert strings_of(codebook) == reference.fit_pruned(CORPORA["lines"], 9, 32, 1)


@pytest.mark.parametrize("corpus", CORPORA)
def test_words_are_the_reference(corpus: str) -> None:
    documents = CORPORA[corpus]
    codebook = Codebook.fit(documents, 9, align="word")
    assert strings_of(codebook) == reference.fit_words(documents, 9, 32)


@examples(15)
@given(documents=DOCUMENTS)
def test_words_of_anything(documents: list[bytes]) -> None:
    codebook = Codebook.fit(documents, 9, align="word", max_length=9)
    assert strings_of(codebook) == reference.fit_words(documents, 9, 9)


@given(st.binary(max_size=60) | st.text(max_size=60).map(str.encode))
def test_windows_end_where_words_do(text: bytes) -> None:
    codebook = word_codebook()
    ends = np.cumsum(codebook.lengths[codebook.encode(text)])
    word_ends = word.split(text)
    assert set(word_ends.tolist()) <= set(ends.tolist())
    alone = [codebook.encode(text[begin:end]) for begin, end in pairwise([0, *word_ends.tolist()])]
    assert codebook.encode(text).tolist() == [i for ids in alone for i in ids]


def word_codebook(cached: list[Codebook] = []) -> Codebook:  # noqa: B006
    if not cached:
        cached.append(Codebook.fit([PROSE, "中文中文 é\r\n" * 9], 10, align="word"))
    return cached[0]


def test_strings_of_a_word_table() -> None:
    codebook = word_codebook()
    assert codebook.align == "word"
    strings = strings_of(codebook)
    assert all(within_a_word(string) for string in strings[1:])
    assert "中文中文".encode() in strings
    assert strings == sorted(set(strings))


def test_word_table_fills_up_with_ascii() -> None:
    codebook = Codebook.fit(["abcd"], 16, align="word")
    assert all(within_a_word(codebook[i]) for i in range(1, len(codebook)))
    assert len(codebook) == 2**16
    assert codebook[codebook.encode("abcd")[0]] == b"abcd"


@pytest.mark.parametrize("corpus", ["prose", "lines"])
@pytest.mark.parametrize(("share", "most_words", "max_length"), [(0.1, 5, 32), (0.03, 2, 12)])
def test_phrases_are_the_reference(
    corpus: str, share: float, most_words: int, max_length: int
) -> None:
    documents = CORPORA[corpus]
    codebook = Codebook.fit(
        documents,
        9,
        align="phrase",
        phrase_share=share,
        phrase_words=most_words,
        max_length=max_length,
        num_threads=2,
    )
    wanted = reference.fit_phrases(documents, 9, max_length, share, most_words)
    assert strings_of(codebook) == wanted
    assert codebook.align == "phrase"
    assert codebook.metadata["fit_phrase_share"] == str(share)
    assert codebook.metadata["fit_phrase_words"] == str(most_words)


def test_phrases_of_a_long_corpus_are_pruned_on_some_parts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(codebook_fit, "PART_BYTES", 200)
    monkeypatch.setattr(codebook_fit, "PRUNED_BYTES", 700)
    documents = CORPORA["prose"]
    codebook = Codebook.fit(documents, 9, align="phrase", phrase_share=0.1)
    assert strings_of(codebook) == reference.fit_phrases(documents, 9, 32, 0.1, 5)
    monkeypatch.undo()
    assert codebook != Codebook.fit(documents, 9, align="phrase", phrase_share=0.1)


@examples(15)
@given(documents=DOCUMENTS, most_words=st.integers(2, 4), phrases=st.integers(1, 9))
def test_phrases_of_anything(documents: list[bytes], most_words: int, phrases: int) -> None:
    share = phrases / 512

    def fit() -> list[bytes]:
        return strings_of(
            Codebook.fit(
                documents,
                9,
                align="phrase",
                phrase_share=share,
                phrase_words=most_words,
                max_length=9,
            )
        )

    try:
        wanted = reference.fit_phrases(documents, 9, 9, share, most_words)
    except ValueError:
        with pytest.raises(ValueError, match="give more text, a smaller phrase_share"):
            fit()
    else:
        assert fit() == wanted


def phrase_codebook(cached: list[Codebook] = []) -> Codebook:  # noqa: B006
    if not cached:
        emoji = "👩\u200d💻 né\u0301e 中文。かな\r\n    return x\r\n" * 9
        cached.append(Codebook.fit([PROSE, emoji], 10, align="phrase", phrase_share=0.15))
    return cached[0]


def test_strings_of_a_phrase_table_are_whole_words_of_the_corpus() -> None:
    codebook = phrase_codebook()
    documents = [PROSE, "👩\u200d💻 né\u0301e 中文。かな\r\n    return x\r\n".encode() * 9]
    ends = [{0, *word.split(document).tolist()} for document in documents]
    phrases = [s for s in strings_of(codebook)[1:] if not within_a_word(s)]
    assert len(phrases) == int(0.15 * 1024)
    for phrase in phrases:
        assert 2 <= len(word.split(phrase)) <= 5
        assert any(
            begin in places and begin + len(phrase) in places
            for document, places in zip(documents, ends, strict=True)
            for begin in range(len(document))
            if document.startswith(phrase, begin)
        )
    assert any("👩\u200d💻".encode() in phrase for phrase in phrases)
    assert any(b"\r\n    return" in phrase for phrase in phrases)


@given(st.text(max_size=60).map(str.encode) | st.binary(max_size=60))
def test_a_phrase_table_cuts_characters_only_into_bytes_and_pieces_of_one(text: bytes) -> None:
    codebook = phrase_codebook()
    ids = codebook.encode(text)
    assert codebook.decode_bytes(ids) == text
    assert all(
        within_a_word(string) or string.decode()
        for string in {codebook[index] for index in ids.tolist()}
    )


def test_a_phrase_that_is_often_cut_is_not_chosen() -> None:
    """It would save most windows, but often end inside a word that is longer than its own."""
    phrases = [b" of the", b" in a", b" of then", b" of they", b" of them", b" of thee"]
    counts = [30, 20, 15, 15, 15, 15]
    documents = [p for p, count in zip(phrases, counts, strict=True) for _ in range(count)]
    codebook = Codebook.fit(
        documents, 9, align="phrase", phrase_share=1 / 512, phrase_words=2, max_length=9
    )
    chosen = [string for string in strings_of(codebook)[1:] if not within_a_word(string)]
    assert chosen == [b" in a"]


def test_pruning_takes_fewer_windows() -> None:
    counts = [
        len(Codebook.fit([PROSE], 10, prefixes=prefixes).encode(PROSE))
        for prefixes in (True, False)
    ]
    assert counts[1] < counts[0]


def test_fit_fills_up_with_three_bytes() -> None:
    codebook = Codebook.fit(["abcd"], 17, rounds=1, prefixes=True)
    assert len(codebook) == 2**17
    assert (codebook.lengths[:4] == [0, 1, 2, 3]).all()
    assert codebook[codebook.encode("abcd")[0]] == b"abcd"
    assert (codebook.lengths == 2).sum() == 2**16


@pytest.mark.parametrize(
    "options",
    [
        {"prefixes": True, "rounds": 2},
        {"rounds": 2},
        {"align": "word"},
        {"align": "phrase", "phrase_share": 0.004},
    ],
)
def test_fit_takes_text_and_reports_progress(options: dict[str, object]) -> None:
    text = cases.TEXT.decode()
    calls: list[tuple[int, int]] = []
    codebook = Codebook.fit(
        text, 10, progress=lambda done, total: calls.append((done, total)), **options
    )  # type: ignore[arg-type]
    done, totals = zip(*calls, strict=True)
    assert done[0] == 0
    assert list(done) == sorted(done)
    assert len(set(totals)) == 1
    assert done[-1] == totals[0]
    assert codebook == Codebook.fit(cases.TEXT, 10, **options)  # type: ignore[arg-type]
    assert codebook == Codebook.fit(iter([text]), 10, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"window_bits": 8}, ValueError, "9 to 20 .*all 256 bytes.*found 8"),
        ({"window_bits": 21}, ValueError, "found 21"),
        ({"max_length": 1}, ValueError, "max_length of 2 to 255, found 1"),
        ({"max_length": 2, "window_bits": 17}, ValueError, "max_length of 3 to 255, found 2"),
        ({"max_length": 256}, ValueError, "found 256"),
        ({"rounds": -1}, ValueError, "found -1"),
        ({"num_threads": 0}, ValueError, "found 0"),
        ({"align": "line"}, ValueError, "'none', 'word' or 'phrase', found 'line'"),
        (
            {"align": "phrase", "rounds": 3},
            ValueError,
            'no rounds with align="phrase", .*, found 3',
        ),
        ({"align": "phrase", "prefixes": True}, ValueError, "prefixes=False"),
        ({"align": "phrase", "phrase_words": 1}, ValueError, "phrase_words of at least 2, found 1"),
        (
            {"align": "phrase", "phrase_share": 1.0},
            ValueError,
            "phrase_share that gives 1 to 65279 of 65536 ids to phrases, found 1.0",
        ),
        ({"align": "phrase", "phrase_share": 0.0}, ValueError, "found 0.0"),
        ({"align": "phrase", "phrase_share": math.nan}, ValueError, "to phrases, found nan"),
        ({"align": "phrase", "phrase_share": math.inf}, ValueError, "to phrases, found inf"),
        (
            {"align": "phrase"},
            ValueError,
            "32,768 phrases of 2 to 5 words that occur twice, found 0; give more text, "
            "a smaller phrase_share, or align='word'",
        ),
        ({"align": "word", "phrase_share": 0.5}, ValueError, "no phrase_share without .*found 0.5"),
        ({"phrase_words": 3}, ValueError, "no phrase_words without .*found 3"),
        ({"align": "word", "rounds": 3}, ValueError, "expected no rounds with .*, found 3"),
        ({"align": "word", "rounds": 0}, ValueError, "found 0"),
        ({"align": "word", "prefixes": True}, ValueError, "prefixes=False"),
        ({"corpus": [b"a", 3]}, TypeError, "int"),
        ({"corpus": "\udc80"}, ValueError, "surrogate"),
    ],
)
def test_fit_refuses(arguments: dict[str, object], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        Codebook.fit(**{"corpus": b"text", **arguments})  # type: ignore[arg-type]

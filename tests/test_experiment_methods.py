"""Every named tokenization decodes to the text that it encoded."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

import numpy as np
import pytest

from eqinfo.codecs.windows import WindowCodec
from eqinfo.errors import FormatError, UnsupportedError
from eqinfo.experiment import Tokenization, catalogue, extras, methods
from eqinfo.experiment.tokenizations.catalogue import windows_name
from eqinfo.experiment.tokenizations.codecs import WordAlignedWindows
from eqinfo.experiment.tokenizations.subwords import SentencePiece
from eqinfo.models import load
from eqinfo.word import split
from experiment_cases import DOCUMENTS, TRAINING, ngram

CATALOGUE = catalogue(ngram())
NAMES = [name for name in CATALOGUE if not name.startswith("SentencePiece")]


@cache
def train(name: str) -> Tokenization:
    for package in CATALOGUE[name].packages:
        pytest.importorskip(package)
    return CATALOGUE[name].train(TRAINING)


@pytest.mark.parametrize("name", NAMES)
def test_documents_come_back(name: str) -> None:
    tokenization = train(name)
    documents = tokenization.encode_batch(DOCUMENTS)
    assert tokenization.decode_batch(documents) == DOCUMENTS
    joined = np.concatenate(documents)
    assert joined.min() >= 0
    assert joined.max() < tokenization.vocab_size
    if name.startswith("BPE"):
        assert tokenization.vocab_size <= 1 << 16
    else:
        assert tokenization.name == name


@pytest.mark.parametrize("name", NAMES)
def test_pieces_join_to_text_and_ids(name: str) -> None:
    tokenization = train(name)
    text = DOCUMENTS[2]
    try:
        pieces = tokenization.pieces(text)
    except UnsupportedError:
        assert tokenization.window_tokens == 0
        return
    assert b"".join(piece.text for piece in pieces) == text.encode()
    assert [id_ for piece in pieces for id_ in piece.ids][:9] == tokenization.encode(text)[
        :9
    ].tolist()


@pytest.mark.parametrize("name", ["GZip[{}]", "AC[{}]", "StaticAC[{}]", "EqualInfo[24, {}] padded"])
def test_wide_tokens_are_narrow_ones_two_by_two(name: str) -> None:
    narrow, wide = (train(name.format(bits)).encode(DOCUMENTS[2]) for bits in (8, 16))
    pairs = np.append(narrow, np.zeros(len(narrow) % 2, np.int64)).reshape(-1, 2)
    assert (pairs[:, 0] << 8 | pairs[:, 1]).tolist() == wide.tolist()


def test_sentencepiece_is_lossless_but_for_its_own_space() -> None:
    pytest.importorskip("sentencepiece")
    tokenization = SentencePiece(TRAINING, 320)
    documents = tokenization.encode_batch(DOCUMENTS)
    assert tokenization.decode_batch(documents) == DOCUMENTS
    pieces = tokenization.pieces(DOCUMENTS[3])
    assert b"".join(piece.text for piece in pieces).decode() == DOCUMENTS[3]
    with pytest.raises(ValueError, match=r"document 1, character 2: expected text without U\+2581"):
        tokenization.encode_batch(["a", "b \u2581"])
    with pytest.raises(ValueError, match="expected training text that yields 30000 pieces"):
        SentencePiece(TRAINING, 30_000)


def test_the_bundled_model_is_the_default_m1() -> None:
    tokenization = catalogue()["EqualInfo[32, 8]"].train([])
    tokens = WindowCodec(load("en"), 32, 8).encode(DOCUMENTS[2])
    assert tokenization.encode(DOCUMENTS[2]).tolist() == tokens.tolist()


def test_word_aligned_windows_end_where_words_end() -> None:
    tokenization = train("EqualInfo[16, 8] word")
    text = DOCUMENTS[2]
    ends = np.cumsum([len(piece.text) for piece in tokenization.pieces(text)])
    assert set(split(text).tolist()) <= set(ends.tolist())
    never = WindowCodec(ngram(), 16, 8, reset_every=0)
    padded = WindowCodec(ngram(), 16, 8, variant="padded")
    for codec in (never, padded):
        with pytest.raises(ValueError, match="decode on their own"):
            WordAlignedWindows("other", codec)


@pytest.mark.parametrize("name", ["GZip[8]", "EqualText[8 bytes, 8]", "Huffman[8]"])
def test_truncated_tokens_are_refused(name: str) -> None:
    tokenization = train(name)
    ids = tokenization.encode(DOCUMENTS[2])
    with pytest.raises(FormatError):
        tokenization.decode(ids[:-2])


@pytest.mark.parametrize(
    "name",
    [
        "Bytes",
        "BPE[4k]",
        "GZip[8]",
        "AC[16]",
        "EqualInfo[16, 16]",
        "Codebook[12, 12] fit",
        "EqualText[8 bytes, 8]",
        "Huffman[16]",
    ],
)
def test_ids_that_a_method_does_not_have_are_refused(name: str) -> None:
    """They would stand for other ids, such as 65,536 for 0, or for no text."""
    tokenization = train(name)
    for bad in (-1, tokenization.vocab_size, 1 << 40):
        ids = np.array([*tokenization.encode(DOCUMENTS[2])[:4], bad], np.int64)
        message = rf": id 4: expected 0 to {tokenization.vocab_size - 1}, found {bad}; decode ids"
        with pytest.raises(FormatError, match=message):
            tokenization.decode(ids)
        if tokenization.piece_ids:
            with pytest.raises(FormatError, match=message):
                tokenization.decode_piece(ids)


def test_pieces_that_sentencepiece_does_not_have_are_refused() -> None:
    pytest.importorskip("sentencepiece")
    tokenization = SentencePiece(TRAINING, 320)
    for bad in (-1, 320):
        for call in (tokenization.decode, tokenization.decode_piece):
            with pytest.raises(FormatError, match=f"id 0: expected 0 to 319, found {bad}; decode"):
                call(np.array([bad]))
    with pytest.raises(FormatError, match=r"expected 300 pieces in what .* learned, found 320"):
        SentencePiece((), 300, learned=tokenization.learned())


LEARNED = (
    b"",
    b"5",
    b"null",
    b"{}",
    b"[1]",
    b"[" * 100_000,
    b"\xff",
    b"[1.5" + b", 1" * 255 + b"]",
)


@pytest.mark.parametrize(
    "name",
    [
        "SentencePiece[4k]",
        "BPE[65k]",
        "StaticAC[8]",
        "Codebook[16, 8] fit",
        "Huffman[16]",
    ],
)
def test_what_no_method_has_learned_is_refused(name: str) -> None:
    (method,) = methods([name], ngram())
    for package in method.packages:
        pytest.importorskip(package)
    assert method.restore is not None
    for learned in (
        *LEARNED,
        b"[-1" + b", 1" * 255 + b"]",
        b"[1" + b"0" * 99 + b", 1" * 255 + b"]",
    ):
        with pytest.raises(FormatError):
            method.restore(learned)


def test_unknown_methods_are_named() -> None:
    with pytest.raises(ValueError, match=r"expected a method among Bytes, .*; found 'Byte'"):
        methods(["Byte"], ngram())


@contextmanager
def without(package: str) -> Iterator[None]:
    before = sys.modules.get(package)
    sys.modules[package] = None  # type: ignore[assignment]  # as if it were not installed
    try:
        yield
    finally:
        del sys.modules[package]
        if before is not None:
            sys.modules[package] = before


def test_missing_packages_are_said_before_any_work() -> None:
    with without("constriction"), pytest.raises(UnsupportedError, match=r"eqinfo\[experiment\]"):
        methods(["Bytes", "Huffman[8]"], ngram())
    with without("torch"), pytest.raises(UnsupportedError, match=r"torch: pip .*eqinfo\[torch\]"):
        extras.load("torch")


def test_importing_the_study_imports_no_extra() -> None:
    packages = ["constriction", "matplotlib", "rapidfuzz", "sentencepiece", "tokenizers", "torch"]
    program = f"import eqinfo.experiment, sys; print([p for p in {packages} if p in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout == "[]\n", done.stderr


@pytest.mark.parametrize("resets", [0, 1, 3])
def test_names_of_windows_say_how_often_they_are_reset(resets: int) -> None:
    (method,) = methods([windows_name(20, 4, resets)], ngram())
    codec = method.train([]).codec  # type: ignore[attr-defined]
    parameters = codec.parameters
    assert (parameters.window_bits, codec.token_bits, parameters.reset_every) == (20, 4, resets)

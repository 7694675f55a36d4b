"""Pieces of text as people can read them: whole characters, escapes, HTML."""

from hypothesis import given
from hypothesis import strategies as st

import eqinfo
from eqinfo.common.display import CONTINUATION, shown_pieces, table_as_html, windows_as_html
from transformer_cases import random_transformer


def shown(*pieces: bytes, keep: str = "") -> list[str]:
    ends, total = [], 0
    for piece in pieces:
        total += len(piece)
        ends.append(total)
    return shown_pieces(b"".join(pieces), ends, keep)


def test_a_character_is_shown_whole_in_the_window_where_it_begins() -> None:
    assert shown(b"a\xe6", b"\xbc", b"\xa2b") == ["a漢", "·", "·b"]
    assert shown(b"\xf0\x9f", b"\x98\x80") == ["😀", "·"]
    assert shown("né".encode(), b"x") == ["né", "x"]


def test_bytes_that_are_no_character_are_escapes() -> None:
    assert shown(b"\xe6", b"\xbc") == ["\\xe6", "\\xbc"]
    assert shown(b"\xff", b"\x80a") == ["\\xff", "\\x80a"]
    assert shown(b"\xc3", b"(") == ["\\xc3", "("]
    assert shown(b"a\x80", b"b") == ["a\\x80", "b"]  # after a whole character
    assert shown(b"\xed\xa0", b"\x80") == ["\\xed\\xa0", "\\x80"]  # a surrogate


def test_unprintable_characters_are_escapes_unless_kept() -> None:
    assert shown(b"a\n", b"\tb") == ["a\\n", "\\tb"]
    assert shown(b"a\n", b"\tb\x1b", keep="\n\t") == ["a\n", "\tb\\x1b"]


@given(st.text(), st.lists(st.integers(0, 60)))
def test_without_the_marks_the_pieces_are_the_text(text: str, cuts: list[int]) -> None:
    data = text.replace(CONTINUATION, "").encode("utf-8")
    ends = [*sorted(cut for cut in cuts if cut < len(data)), len(data)]
    joined = "".join(shown_pieces(data, ends)).replace(CONTINUATION, "")
    assert joined == shown_pieces(data, [len(data)])[0]


@given(st.binary(), st.lists(st.integers(0, 60)))
def test_every_piece_of_any_bytes_is_printable(data: bytes, cuts: list[int]) -> None:
    ends = [*sorted(cut for cut in cuts if cut < len(data)), len(data)]
    pieces = shown_pieces(data, ends)
    assert len(pieces) == len(ends)
    assert all(piece.isprintable() for piece in pieces)


def test_html_is_escaped() -> None:
    html = windows_as_html(["<b>", "&"], ['"', "x"])
    assert "<b>" not in html
    assert "&lt;b&gt;" in html
    assert 'title="&quot;"' in html
    assert "<td>&lt;i&gt;</td>" in table_as_html(["a"], [["<i>"]])


def test_windows_of_codebooks_and_models_are_shown_alike() -> None:
    text = "It was 漢字 & <b>."
    codebook = eqinfo.Codebook.bundled("en")
    model = eqinfo.models.load("en")
    for codec in (eqinfo.CodebookCodec(codebook), eqinfo.WindowCodec(model, window_bits=16)):
        views = codec.windows(text)
        assert b"".join(view.text for view in views) == text.encode()
        assert [view.codeword for view in views] == codec.encode(text).tolist()
        assert "".join(views.shown()).replace(CONTINUATION, "") == text
        html = views._repr_html_()
        assert html.count("<tr>") == 1 + len(views)
        assert "漢" in html
        assert "<b>" not in html
        assert "漢" in views[0].__class__("漢".encode(), 5, 0.0)._repr_html_()


def test_a_long_text_has_a_short_table() -> None:
    views = eqinfo.CodebookCodec(eqinfo.Codebook.bundled("en")).windows("word " * 1000)
    assert views._repr_html_().count("<tr>") == 41
    assert "and 961 more windows" in views._repr_html_()


def test_a_codebook_shows_what_it_is() -> None:
    html = eqinfo.Codebook.bundled("en")._repr_html_()
    assert "65,536" in html
    assert eqinfo.Codebook.bundled("en").fingerprint in html


def test_models_and_codecs_say_what_they_are() -> None:
    model = eqinfo.models.load("en")
    codebook = eqinfo.Codebook.bundled("en-4k")
    function = eqinfo.models.FunctionModel(print, context_length=3)
    assert repr(model) == "NativeModel('en', history=True)"
    assert repr(function) == "FunctionModel(print, vocab_size=256, context_length=3)"
    assert repr(random_transformer()).startswith("TransformerModel('")
    assert repr(eqinfo.WindowCodec(model, 32)) == (
        "WindowCodec(NativeModel('en', history=False), window_bits=32, token_bits=16, "
        "precision=16, variant='bijective', reset_every=1)"
    )
    assert repr(eqinfo.ArithmeticCodec(model, 8, check_bits=32)) == (
        "ArithmeticCodec(NativeModel('en', history=True), token_bits=8, precision=24, "
        "check_bits=32)"
    )
    assert repr(eqinfo.CodebookCodec(codebook)) == f"CodebookCodec({codebook!r}, token_bits=12)"

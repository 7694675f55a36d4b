"""The page cuts text as the package does: its script on its own, and the page in a browser."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from eqinfo import ArithmeticCodec, Codebook, WindowCodec, models
from eqinfo.cli import main
from eqinfo.common.display import shown_pieces
from eqinfo.experiment.report.page import codebook_trie, page_data, render
from eqinfo.experiment.tokenizations.subwords import SentencePiece
from experiment_cases import DOCUMENTS, TRAINING

TEXT = "Whales, I presume: naïve 北京 🙂 x  y\n<script> and so on."
BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)


@pytest.fixture(scope="module")
def study_page(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The page of a study of toy size, with everything but M2s."""
    pytest.importorskip("matplotlib")
    pytest.importorskip("rapidfuzz")
    folder = tmp_path_factory.mktemp("study")
    (folder / "text.txt").write_text("".join(TRAINING) * 50)
    arguments = ("report", folder / "text.txt", "-o", folder / "study", "--preset", "toy")
    done = CliRunner().invoke(main, [*map(str, arguments), "--only", "tables"])
    assert done.exit_code == 0, done.output
    return (folder / "study" / "report.html").read_text()


def test_pictures_say_what_they_show(study_page: str) -> None:
    pictures = re.findall(r"<svg[^>]*>", study_page)
    assert pictures
    assert all('role="img"' in tag and re.search('aria-label="[^"]', tag) for tag in pictures)


def test_every_section_begins_with_a_conclusion_and_is_in_the_contents(study_page: str) -> None:
    sections = re.findall(
        r'<section id="([^"]+)">\s*<h2>.*?</h2>\s*<p class="([a-z]*)">', study_page
    )
    assert {kind for _, kind in sections} == {"conclusion"}
    assert [f"#{name}" for name, _ in sections] == re.findall(r'<li><a href="([^"]+)">', study_page)
    assert sections[1][0] == "byte-spans"


def script_context(*names: str) -> Any:
    quickjs = pytest.importorskip("quickjs")
    context = quickjs.Context()
    for name in names or ("walk.js",):
        script = (files("eqinfo.experiment.report") / name).read_text(encoding="utf-8")
        context.eval(script.replace('"use strict";', ""))
    return context


def evaluated(context: Any, expression: str) -> Any:
    """Return the value of an expression; integers of any size become str."""
    plain = '(key, value) => typeof value === "bigint" ? value.toString() : value'
    return json.loads(context.eval(f"JSON.stringify({expression}, {plain})"))


@pytest.mark.parametrize("name", ["en-4k", "en-dense-4k"])
@pytest.mark.parametrize("text", [TEXT, *DOCUMENTS])
def test_windows_are_those_of_the_codebook(name: str, text: str) -> None:
    context = script_context()
    codebook = Codebook.bundled(name)
    depth, symbol, end = (array.astype(int).tolist() for array in codebook_trie(codebook))
    context.eval(f"const trie = makeTrie({depth}, {symbol}, {end})")
    data = text.encode()
    found = json.loads(context.eval(f"JSON.stringify(windows(trie, {list(data)}))"))
    assert [window["id"] for window in found] == codebook.encode(text).tolist()
    assert b"".join(data[w["begin"] : w["end"]] for w in found) == data
    spare = codebook.spare_bits
    assert [w["spare"] for w in found] == pytest.approx([spare[w["id"]] for w in found])


def test_pieces_are_those_of_sentencepiece() -> None:
    pytest.importorskip("sentencepiece")
    context = script_context()
    tokenization = SentencePiece(TRAINING, 320)
    scores, unknown = tokenization.scores()
    context.eval(f"const scores = new Map({json.dumps(list(scores.items()))})")
    for text in (*TRAINING[:2], TEXT):
        call = f"pieces(scores, {max(map(len, scores))}, {unknown}, {json.dumps(text)})"
        found = json.loads(context.eval(f"JSON.stringify({call})"))
        assert "".join(piece["text"] for piece in found) == text
        assert sum(piece["tokens"] for piece in found) == len(tokenization.encode(text))


@pytest.fixture(scope="module")
def neural() -> Any:
    """A context with the scripts of M1 and its tensors as ``tensors``."""
    context = script_context("model.js", "coder.js")
    context.eval("const tensors = {}")
    kinds = {"int32": "Int32Array", "int8": "Int8Array", "uint8": "Uint8Array"}
    for name, tensor in models.load("en").tensors.items():
        array = kinds[tensor.dtype.name]
        context.eval(f"tensors[{name!r}] = {array}.from({json.dumps(tensor.ravel().tolist())})")
    return context


@pytest.mark.parametrize("window_bits", [12, 16, 24, 64])
def test_windows_of_m1_are_those_of_the_codec(neural: Any, window_bits: int) -> None:
    data = TEXT.encode()
    found = evaluated(
        neural, f"neuralWindows(tensors, Uint8Array.of({bytes_of(data)}), {window_bits})"
    )
    views = WindowCodec(models.load("en"), window_bits).windows(data)
    assert [int(window["codeword"]) for window in found] == [view.codeword for view in views]
    assert [data[w["begin"] : w["end"]] for w in found] == [view.text for view in views]
    assert [w["spare"] for w in found] == pytest.approx([view.spare_bits for view in views])


@pytest.mark.parametrize(
    "text", ["", "a", TEXT, "so on, and so on, and so on, and so on, and so on"]
)
def test_the_stream_of_m1_is_that_of_the_codec(neural: Any, text: str) -> None:
    data = text.encode()
    found = evaluated(neural, f"arithmeticStream(tensors, Uint8Array.of({bytes_of(data)}))")
    tokens = ArithmeticCodec(models.load("en"), token_bits=1).encode(data)
    assert found["bits"] == "".join(map(str, tokens.tolist()))
    assert len(found["ends"]) == len(data)
    assert found["ends"] == sorted(found["ends"])


def bytes_of(data: bytes) -> str:
    return ", ".join(map(str, data))


@given(st.one_of(st.binary(max_size=40), st.text(max_size=20).map(str.encode)), st.data())
@settings(max_examples=60, deadline=None)
def test_whole_characters_are_those_of_the_package(data: bytes, draw: st.DataObject) -> None:
    cuts = draw.draw(st.sets(st.integers(1, max(1, len(data) - 1)), max_size=8))
    ends = [*sorted(cut for cut in cuts if cut < len(data)), len(data)]
    call = f"wholeCharacters(Uint8Array.of({bytes_of(data)}), {ends})"
    everything = "".join(map(chr, range(0x110000)))
    assert evaluated(script_context(), call) == shown_pieces(data, ends, keep=everything)


def test_arrays_of_the_page_fit_their_bytes() -> None:
    for book in page_data()["codebooks"]:
        codebook = Codebook.bundled(book["name"])
        assert book["window_bits"] == codebook.window_bits
        assert codebook.max_length < 256


@pytest.mark.skipif(BROWSER is None, reason="chromium is not installed")
def test_a_text_that_is_typed_gets_windows_in_a_browser(tmp_path: Path) -> None:
    page = render("", [], {**page_data(), "sentencepiece": None})
    page += f"""<script>
      document.getElementById("text").value = {json.dumps(TEXT)};
      document.getElementById("text").dispatchEvent(new Event("input"));
    </script>"""
    shown = dump(page, tmp_path)
    windows = re.search(r'<div id="windows".*?</div>', shown, re.S)
    assert windows is not None
    found = re.findall(r'data-bytes="([0-9a-f]+)"', windows.group())
    assert len(found) == len(Codebook.bundled("en").encode(TEXT))
    assert bytes.fromhex("".join(found)).decode() == TEXT
    neural = re.search(r'<div id="neural".*?</div>', shown, re.S)
    assert neural is not None
    found = re.findall(r'data-bytes="([0-9a-f]+)"', neural.group())
    assert len(found) == len(WindowCodec(models.load("en"), 16).windows(TEXT))
    assert '<article id="sentencepiece" hidden="">' in shown


@pytest.mark.skipif(BROWSER is None, reason="chromium is not installed")
@pytest.mark.parametrize("width", [390, 1500])
def test_the_page_fits_the_width_of_a_screen(tmp_path: Path, study_page: str, width: int) -> None:
    (tmp_path / "page.html").write_text(study_page)
    frame = f"""<iframe id="f" src="page.html" width="{width}" height="800"></iframe><script>
      document.getElementById("f").onload = () => {{
        const inside = document.getElementById("f").contentDocument;
        const heights = Array.from(inside.querySelectorAll("tr"), (row) => row.offsetHeight);
        document.title = JSON.stringify([inside.documentElement.scrollWidth, Math.max(...heights)]);
      }};
    </script>"""
    title = re.search(r"<title>(.*?)</title>", dump("<title></title>" + frame, tmp_path))
    assert title is not None
    found, highest_row = json.loads(title.group(1))
    assert found <= width
    assert highest_row < 120


def dump(page: str, folder: Path) -> str:
    """Return the document that a browser makes of a page."""
    path = folder / "shown.html"
    path.write_text(page)
    options = ("--headless", "--no-sandbox", "--disable-gpu", "--allow-file-access-from-files")
    done = subprocess.run(
        [str(BROWSER), *options, "--virtual-time-budget=20000", "--dump-dom", path.as_uri()],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.stdout, done.stderr
    return done.stdout

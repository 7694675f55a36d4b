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

from eqinfo import Codebook
from eqinfo.experiment.report.page import codebook_trie, page_data, render
from eqinfo.experiment.tokenizations.subwords import SentencePiece
from experiment_cases import DOCUMENTS, TRAINING

TEXT = "Whales, I presume: naïve 北京 🙂 x  y\n<script> and so on."
BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)


def script_context() -> Any:
    quickjs = pytest.importorskip("quickjs")
    context = quickjs.Context()
    walk = files("eqinfo.experiment.report") / "walk.js"
    context.eval(walk.read_text(encoding="utf-8").replace('"use strict";', ""))
    return context


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


def test_arrays_of_the_page_fit_their_bytes() -> None:
    for book in page_data()["codebooks"]:
        codebook = Codebook.bundled(book["name"])
        assert book["window_bits"] == codebook.window_bits
        assert codebook.max_length < 256


@pytest.mark.skipif(BROWSER is None, reason="chromium is not installed")
def test_a_text_that_is_typed_gets_windows_in_a_browser(tmp_path: Path) -> None:
    page = render("", "", {**page_data(), "sentencepiece": None})
    page += f"""<script>
      document.getElementById("text").value = {json.dumps(TEXT)};
      document.getElementById("text").dispatchEvent(new Event("input"));
    </script>"""
    path = tmp_path / "page.html"
    path.write_text(page)
    done = subprocess.run(
        [str(BROWSER), "--headless", "--no-sandbox", "--disable-gpu", "--dump-dom", path.as_uri()],
        capture_output=True,
        text=True,
        timeout=120,
    )
    shown = re.search(r'<div id="windows".*?</div>', done.stdout, re.S)
    assert shown is not None, done.stderr
    windows = re.findall(r'data-bytes="([0-9a-f]+)"', shown.group())
    assert len(windows) == len(Codebook.bundled("en").encode(TEXT))
    assert bytes.fromhex("".join(windows)).decode() == TEXT

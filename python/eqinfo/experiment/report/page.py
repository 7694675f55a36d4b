"""The report: one HTML file that needs no other file and no network."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from html import escape
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eqinfo.codebook.table import Codebook
from eqinfo.codebook.trie import TrieArrays, trie_arrays
from eqinfo.common.files import atomic_output
from eqinfo.experiment.report import sections, sections_m2
from eqinfo.experiment.report.figures import Figures
from eqinfo.experiment.report.html import COLOURS, table

REPORT = "report.html"
CODEBOOKS = ("en", "en-dense")
"""Bundled codebooks that the page can cut text with."""


def write_page(folder: Path, manifest: Mapping[str, Any], figures: Figures) -> Path:
    """Write the report of a study and return its path.

    Args:
        folder: for `REPORT`.
        manifest: of the study.
        figures: of the study.
    """
    parts = [
        sections.compression(figures),
        sections.trivial_models(figures),
        sections.pieces(figures),
        sections.token_texts(figures),
        sections.byte_spans(figures),
        sections.stability(figures),
        sections.divergence(figures),
        sections_m2.learning(figures),
        sections_m2.tasks(figures),
        _manifest(manifest),
    ]
    data = {**page_data(), "sentencepiece": figures.get("sentencepiece")}
    path = folder / REPORT
    with atomic_output(path) as file:
        file.write(render(figures["pieces"]["sentence"], "\n".join(parts), data).encode())
    return path


def render(sentence: str, content: str, data: Mapping[str, Any]) -> str:
    """Return the page.

    Args:
        sentence: that the page cuts first.
        content: HTML of the sections.
        data: read by ``page.js``.
    """
    return Template(_asset("page.html")).substitute(
        style=_asset("page.css"),
        sections=content,
        books="".join(f"<option>{name}</option>" for name in CODEBOOKS),
        sentence=escape(sentence),
        data=_script_json(data),
        walk=_asset("walk.js"),
        script=_asset("page.js"),
    )


def page_data() -> dict[str, Any]:
    """Return the data for ``page.js``: the codebooks, and the colours of windows."""
    codebooks = []
    for name in CODEBOOKS:
        codebook = Codebook.bundled(name)
        trie = codebook_trie(codebook)
        arrays = {key: _base64(array) for key, array in trie._asdict().items()}
        codebooks.append({"name": name, "window_bits": codebook.window_bits, **arrays})
    return {"codebooks": codebooks, "colours": COLOURS}


def codebook_trie(codebook: Codebook) -> TrieArrays:
    """Return the trie of a codebook's strings, node by node, as ``walk.js`` expects it."""
    return trie_arrays(codebook[id_] for id_ in range(1, len(codebook)))


def _base64(array: NDArray[Any]) -> str:
    return base64.b64encode(array.astype(np.uint8).tobytes()).decode()


def _script_json(value: object) -> str:
    # A "<" could end the script element.
    return json.dumps(value, ensure_ascii=False).replace("<", "\\u003c")


def _asset(name: str) -> str:
    return (files("eqinfo.experiment.report") / name).read_text(encoding="utf-8")


def _manifest(manifest: Mapping[str, Any]) -> str:
    data = [[f["name"], f["bytes"], f["xxh3_128"]] for f in manifest["files"]]
    versions = ", ".join(f"{k} {v}" for k, v in manifest["versions"].items() if v)
    parameters = manifest["parameters"]
    return "".join(
        [
            "<section><h2>What was run</h2>",
            f"<p>Preset {escape(parameters['preset_name'])}, seed {parameters['seed']}, "
            f"run {escape(manifest['run'])}, begun {escape(manifest['begun'])}; "
            f"{manifest['training_bytes']:,} bytes of training text, "
            f"{manifest['held_out_bytes']:,} bytes held out; M1 {escape(manifest['m1'])}.</p>",
            f"<p><code>eqinfo {escape(' '.join(manifest['command']))}</code></p>",
            table(["file", "bytes", "XXH3-128"], data, [2]),
            f'<p class="note">{escape(versions)}. All figures above are in figures/*.json next to '
            "this page.</p></section>",
        ]
    )

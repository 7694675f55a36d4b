"""The report: one HTML file that needs nothing else, not even a network."""

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
from eqinfo.experiment.report import sections
from eqinfo.experiment.report import sections_m2 as m2_sections
from eqinfo.experiment.report.html import table

REPORT = "report.html"
BOOKS = ("en", "en-dense")
"""Bundled codebooks that the page cuts text with."""


def write_page(folder: Path, manifest: Mapping[str, Any], figures: sections.Figures) -> Path:
    """Write the report of a study and return its path.

    Args:
        folder: for `REPORT`.
        manifest: of the study.
        figures: by name, in the order that they are made in.
    """
    parts = [
        sections.compression(figures),
        sections.trivial(figures),
        sections.pieces(figures),
        sections.token_texts(figures),
        sections.byte_bits(figures),
        sections.stability(figures),
        sections.divergence(figures),
        m2_sections.learning(figures),
        m2_sections.tasks(figures),
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
        sentence: to begin with.
        content: HTML of the sections.
        data: for ``page.js``.
    """
    return Template(_asset("page.html")).substitute(
        style=_asset("page.css"),
        sections=content,
        books="".join(f"<option>{name}</option>" for name in BOOKS),
        sentence=escape(sentence),
        data=_script_json(data),
        walk=_asset("walk.js"),
        script=_asset("page.js"),
    )


def page_data() -> dict[str, Any]:
    """Return the codebooks for ``walk.js``."""
    books = []
    for name in BOOKS:
        codebook = Codebook.bundled(name)
        trie = codebook_trie(codebook)
        arrays = {key: _base64(array) for key, array in trie._asdict().items()}
        books.append({"name": name, "window_bits": codebook.window_bits, **arrays})
    return {"codebooks": books}


def codebook_trie(codebook: Codebook) -> TrieArrays:
    """Return the nodes of a codebook's strings, as ``walk.js`` takes them."""
    return trie_arrays(codebook[id_] for id_ in range(1, len(codebook)))


def _base64(array: NDArray[Any]) -> str:
    return base64.b64encode(array.astype(np.uint8).tobytes()).decode()


def _script_json(value: object) -> str:
    # Nothing in a script element may look like its end.
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
            f"{manifest['training_bytes']:,} bytes to train on, "
            f"{manifest['held_out_bytes']:,} held out; M1 {escape(manifest['m1'])}.</p>",
            f"<p><code>eqinfo {escape(' '.join(manifest['command']))}</code></p>",
            table(["file", "bytes", "XXH3-128"], data, [2]),
            f'<p class="note">{escape(versions)}. Every figure above is in figures/*.json beside '
            "this page.</p></section>",
        ]
    )

"""The report: one HTML file that needs no other file and no network."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
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
from eqinfo.experiment.report import (
    section_run,
    sections,
    sections_m2,
    sections_tasks,
    sections_tokens,
)
from eqinfo.experiment.report.figures import Figures
from eqinfo.experiment.report.html import COLOURS, Section
from eqinfo.experiment.report.markdown import markdown
from eqinfo.models.native_model import load

REPORT, TEXT = "report.html", "report.md"
CODEBOOKS = ("en", "en-dense")
"""Bundled codebooks that the page can cut text with."""
MODEL = "en"
"""The bundled M1 that the page runs."""
WINDOW_BITS = (16, 24, 32, 64)
"""Bits per window that the page offers for M1."""
SCRIPTS = ("walk.js", "model.js", "coder.js", "page.js")


def write_page(folder: Path, manifest: Mapping[str, Any], figures: Figures) -> Path:
    """Write the report of a study, and its words and tables as Markdown; return the page's path.

    Args:
        folder: for `REPORT` and `TEXT`.
        manifest: of the study.
        figures: of the study.
    """
    parts = all_sections(manifest, figures)
    data = {**page_data(), "sentencepiece": figures.get("sentencepiece")}
    page = render(figures["pieces"]["sentence"], parts, data)
    for name, text in ((REPORT, page), (TEXT, markdown(parts))):
        with atomic_output(folder / name) as file:
            file.write(text.encode())
    return folder / REPORT


def all_sections(manifest: Mapping[str, Any], figures: Figures) -> list[Section]:
    """Return the sections of a study, without those that need an M2 if it has none."""
    found = (
        sections.byte_spans(figures),
        sections.compression(figures),
        sections.pieces(figures),
        sections.token_texts(figures),
        sections.trivial_models(figures),
        sections.stability(figures),
        sections.divergence(figures),
        sections_tokens.repeats(figures),
        sections_m2.learning(figures),
        sections_tasks.scaled(figures),
        sections_tasks.tasks(figures),
        sections_tasks.spelling(figures),
        sections_tokens.float_models(figures),
        section_run.run(manifest, figures),
    )
    return [part for part in found if part]


def render(sentence: str, parts: Sequence[Section], data: Mapping[str, Any]) -> str:
    """Return the page.

    Args:
        sentence: that the page cuts first.
        parts: its sections.
        data: read by ``page.js``.
    """
    links = (f'<li><a href="#{part.name}">{escape(part.title)}</a></li>' for part in parts)
    return Template(_asset("page.html")).substitute(
        style=_asset("page.css"),
        contents="".join(links),
        sections="\n".join(part.html() for part in parts),
        books="".join(f"<option>{name}</option>" for name in CODEBOOKS),
        window_bits="".join(f"<option>{bits}</option>" for bits in WINDOW_BITS),
        sentence=escape(sentence),
        data=_script_json(data),
        scripts="\n".join(f"<script>\n{_asset(name)}</script>" for name in SCRIPTS),
    )


def page_data() -> dict[str, Any]:
    """Return the data for ``page.js``: M1, the codebooks, and the colours of windows."""
    codebooks = []
    for name in CODEBOOKS:
        codebook = Codebook.bundled(name)
        trie = codebook_trie(codebook)
        arrays = {key: _base64(array.astype(np.uint8)) for key, array in trie._asdict().items()}
        codebooks.append({"name": name, "window_bits": codebook.window_bits, **arrays})
    return {"model": model_data(), "codebooks": codebooks, "colours": COLOURS}


def model_data() -> dict[str, tuple[str, str]]:
    """Return the tensors of the bundled M1 as ``model.js`` expects them: dtype and base64."""
    tensors = load(MODEL).tensors
    return {name: (tensor.dtype.name, _base64(tensor)) for name, tensor in tensors.items()}


def codebook_trie(codebook: Codebook) -> TrieArrays:
    """Return the trie of a codebook's strings, node by node, as ``walk.js`` expects it."""
    return trie_arrays(codebook[id_] for id_ in range(1, len(codebook)))


def _base64(array: NDArray[Any]) -> str:
    return base64.b64encode(array.astype(array.dtype.newbyteorder("<")).tobytes()).decode()


def _script_json(value: object) -> str:
    # A "<" could end the script element.
    return json.dumps(value, ensure_ascii=False).replace("<", "\\u003c")


def _asset(name: str) -> str:
    return (files("eqinfo.experiment.report") / name).read_text(encoding="utf-8")

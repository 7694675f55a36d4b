"""The domain set: texts of many kinds.

All of it comes from this machine, without the network: sources and documentation of Python and of
the packages that ``pip install "eqinfo[bench]"`` brings, this package's own compiled module, and
records made from a seed. Prose, news and encyclopedias are not found on most machines: give files
of your own. The model `world` has learned from half of the lines of cmake and javascript.
``python benchmarks/domains.py --write FOLDER`` writes the texts, to look at them.
"""

from __future__ import annotations

import argparse
import ast
import os
import random
import re
import sys
import sysconfig
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import eqinfo._core as _core
from common import positive
from domain_records import csv, logs, xml

LEAST_BYTES = 2_000
"""Texts that this machine has less of are left out."""
PROSE = "prose"
"""The name of the text that the derived ones are made from, if it was given."""
WITHOUT_DOCUMENTS = ("elf", "zeros", "random")
"""The texts of the set that are not measured as short documents."""

_LONGEST_FILE = 200_000
_TESTS = {"test", "tests", "testing", "site-packages", "dist-packages", "encodings", "__pycache__"}
_DOCUMENTED = ("numpy", "torch", "pandas", "transformers", "matplotlib", "pyarrow")
_LICENCE = re.compile(r"(?i)(licen[cs]e|copying|notice)[^.]*(\.txt|\.md|\.rst)?$")


@dataclass(frozen=True)
class Text:
    """A text of the set.

    Attributes:
        name: the word for it in tables.
        source: what it was made from.
        data: the text.
    """

    name: str
    source: str
    data: bytes


@dataclass(frozen=True)
class Source:
    """Something on this machine that gives a text.

    Attributes:
        name: as in `Text`.
        source: as in `Text`.
        read: returns up to so many bytes, drawn with a generator; fewer if there are no more.
    """

    name: str
    source: str
    read: Callable[[int, random.Random], bytes]


def domain_set(
    size: int, seed: int = 0, given: Mapping[str, bytes] | None = None
) -> tuple[list[Text], list[str]]:
    """Return the texts, and for each text that this machine lacks, what was expected.

    Args:
        size: bytes of each text, at most.
        seed: decides which files are taken, and the records.
        given: texts of the user's own by name. Derived texts are made from the one named "prose",
            or else from "docs".
    """
    texts = [Text(name, "given", data[:size]) for name, data in (given or {}).items()]
    missing: list[str] = []
    for source in SOURCES:
        text = read(source, size, seed)
        if len(text.data) < min(size, LEAST_BYTES):
            missing.append(
                f"{source.name}: expected {LEAST_BYTES:,} bytes of {source.source}, "
                f"found {len(text.data):,}"
            )
        else:
            texts.append(text)
    by_name = {text.name: text for text in texts}
    if (base := by_name.get(PROSE) or by_name.get("docs")) is not None:
        texts += derived(base, size)
    return texts, missing


def document_sources(
    size: int, seed: int = 0, given: Mapping[str, bytes] | None = None
) -> Iterator[Text]:
    """Yield longer texts of the kinds of which short documents are measured, and those given."""
    for name, data in (given or {}).items():
        yield Text(name, "given", data[:size])
    for source in SOURCES:
        if source.name not in WITHOUT_DOCUMENTS:
            yield read(source, size, seed)


def read(source: Source, size: int, seed: int) -> Text:
    """Return a source's text; a prefix of what a larger size gives, where files are whole lines."""
    generator = random.Random(f"{seed} {source.name}")
    return Text(source.name, source.source, source.read(size, generator)[:size])


def derived(base: Text, size: int) -> list[Text]:
    """Return a text with CR LF line ends, and its beginning ten times."""
    lines = base.data.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    return [
        Text(f"{base.name}, CR LF", f"{base.name} with CR LF line ends", lines[:size]),
        Text(
            f"{base.name} x 10", f"a tenth of {base.name}, ten times", base.data[: size // 10] * 10
        ),
    ]


def _files(roots: Iterable[Path], accept: Callable[[str], bool], rng: random.Random) -> list[Path]:
    """Return the files below the folders, but for tests, in an order that only ``rng`` decides."""
    found: list[str] = []
    for root in roots:
        for folder, folders, names in os.walk(root):
            folders[:] = sorted(set(folders) - _TESTS)
            found += [f"{folder}/{name}" for name in sorted(names) if accept(name)]
    rng.shuffle(found)
    return [Path(path) for path in found]


def _packages(*names: str) -> list[Path]:
    """Return the folders of those packages that are installed; none of them is imported."""
    specs = [find_spec(name) for name in names]
    return [Path(spec.origin).parent for spec in specs if spec is not None and spec.origin]


def _mixed_files(
    roots: Callable[[], list[Path]], *suffixes: str
) -> Callable[[int, random.Random], bytes]:
    """Return a reader of whole files with these suffixes, in a drawn order."""

    def reader(size: int, rng: random.Random) -> bytes:
        def accept(name: str) -> bool:
            return name.endswith(suffixes) and ".min." not in name

        data = bytearray()
        for path in _files(roots(), accept, rng):
            if len(data) >= size:
                break
            if 200 <= path.stat().st_size <= _LONGEST_FILE:
                data += path.read_bytes()
        return bytes(data)

    return reader


def _standard_library() -> list[Path]:
    return [Path(sysconfig.get_path("stdlib"))]


def _site_packages() -> list[Path]:
    return [Path(sysconfig.get_path("purelib"))]


def _docstrings(size: int, rng: random.Random) -> bytes:
    """Return documentation from packages: strings of modules, classes and functions, each once."""
    found: dict[str, None] = {}
    total = 0
    for path in _files(_packages(*_DOCUMENTED), lambda name: name.endswith(".py"), rng):
        if total >= size:
            break
        if path.stat().st_size > _LONGEST_FILE:
            continue
        for text in _docstrings_of(path.read_text(encoding="utf-8", errors="replace")):
            if text not in found:
                found[text] = None
                total += len(text) + 2
    return "\n\n".join(found).encode()


def _docstrings_of(code: str) -> Iterator[str]:
    try:
        tree = ast.parse(code)
    except (SyntaxError, ValueError):
        return
    for node in ast.walk(tree):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            text = ast.get_docstring(node, clean=True)
            if text is not None and len(text) >= 200:
                yield text


def _licences(size: int, rng: random.Random) -> bytes:
    """Return the licences of installed packages, each paragraph once."""
    found: dict[str, str] = {}
    for path in _files(_site_packages(), lambda name: bool(_LICENCE.match(name)), rng):
        text = path.read_text(encoding="utf-8", errors="replace")
        for paragraph in re.split(r"\n\s*\n", text):
            if len(paragraph) >= 60:
                found.setdefault(" ".join(paragraph.lower().split()), paragraph)
    return "\n\n".join(found.values()).encode()[:size]


def _translations(language: str) -> Callable[[int, random.Random], bytes]:
    """Return a reader of the translated texts of Django, without the English ones."""

    def reader(size: int, rng: random.Random) -> bytes:
        texts: list[str] = []
        for path in _files(_packages("django"), lambda name: name.endswith(".po"), rng):
            if path.parent.match(f"locale/{language}/LC_MESSAGES"):
                texts += _translated(path.read_text(encoding="utf-8"))
        return "\n".join(dict.fromkeys(texts)).encode()[:size]

    return reader


def _translated(catalogue: str) -> Iterator[str]:
    """Yield the translations of a .po file: ``msgstr`` and the strings on the lines below it."""
    for match in re.finditer(r'^msgstr(?:\[\d\])? ((?:".*"\n?)+)', catalogue, re.MULTILINE):
        parts = re.findall(r'^"(.*)"$', match[1], re.MULTILINE)
        text = "".join(parts).replace(r"\n", "\n").replace(r"\"", '"').strip()
        if text and not text.startswith("Project-Id-Version"):  # the catalogue's own header
            yield text


def _module(size: int, rng: random.Random) -> bytes:
    return Path(_core.__file__).read_bytes()[:size]


SOURCES = (
    Source("docs", f"docstrings of {', '.join(_DOCUMENTED)}", _docstrings),
    Source("licences", "licences of the installed packages", _licences),
    Source("python", "Python's standard library", _mixed_files(_standard_library, ".py")),
    Source("c++", "headers of torch", _mixed_files(lambda: _packages("torch"), ".h", ".hpp")),
    Source("javascript", "scripts of Django", _mixed_files(lambda: _packages("django"), ".js")),
    Source("cmake", "modules of CMake", _mixed_files(lambda: _packages("cmake"), ".cmake")),
    Source("japanese", "Django's translation", _translations("ja")),
    Source("russian", "Django's translation", _translations("ru")),
    Source("arabic", "Django's translation", _translations("ar")),
    Source("logs", "made: JSON lines of a web shop", logs),
    Source("csv", "made: a table of measurements", csv),
    Source("xml", "made: orders", xml),
    Source("elf", "the compiled module of eqinfo", _module),
    Source("zeros", "made", lambda size, rng: bytes(size)),
    Source("random", "made", lambda size, rng: rng.randbytes(size)),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", type=Path, required=True, metavar="FOLDER")
    parser.add_argument(
        "--bytes", type=positive, default=300_000, help="bytes of each text, at most"
    )
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    arguments.write.mkdir(parents=True, exist_ok=True)
    texts, missing = domain_set(arguments.bytes, arguments.seed)
    for text in texts:
        (arguments.write / text.name).write_bytes(text.data)
        print(f"{text.name}: {len(text.data):,} bytes, {text.source}")
    for reason in missing:
        print(f"left out: {reason}", file=sys.stderr)


if __name__ == "__main__":
    main()

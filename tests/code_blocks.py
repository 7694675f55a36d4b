"""The code blocks of README.md and docs/, and how tests/test_code_blocks.py runs them.

Blocks of Python and shell run as they are written, each in a fresh folder and a process of its own.
A comment on the line before a block changes that:

- ``<!-- continues -->``: it goes on after the last block on the page that runs, in the same folder.
  A Python block right after another one also has its variables.
- ``<!-- not run: REASON -->``: it cannot run here, because it takes hours, a GPU, or a model to
  download. It is checked for syntax only.

``<!-- output -->`` before a block of text says that the block before it prints this; ``...`` stands
for anything.

A block that needs an extra shows how to install it, as in ``# pip install "eqinfo[hf]"``, and is
skipped where the extra is missing. In shell blocks, `pip` and `pytest` do nothing, and `eqinfo` and
`python` are those of the tests. Inputs that a reader would have are in every folder: `give_files`.
"""

from __future__ import annotations

import doctest
import gzip
import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path

import eqinfo

ROOT = Path(__file__).resolve().parents[1]
FENCE = re.compile(r"( *)```(\w*)$")
COMMENT = re.compile(r" *<!-- (continues|not run: .+|output) -->$")
INSTALL = re.compile(r"pip install ([^&\n]+)")
PACKAGE = re.compile(r"([\w.-]+)(?:\[([\w,]+)\])?")
RUN = {"python", "sh"}
SHOWN = {"", "text", "yaml"}
TEXT = "It was the best of times, it was the worst of times, it was the age of wisdom.\n"


@dataclass
class Block:
    """A fenced code block.

    Attributes:
        page: path of its page.
        line: the page's line that the code begins on, from 1.
        language: as the fence says.
        code: its text.
        comment: "continues", "not run: ...", "output" or "".
        before: the blocks that it continues, in order.
        output: what it prints; "" if the page does not say.
    """

    page: Path
    line: int
    language: str
    code: str
    comment: str
    before: list[Block] = field(default_factory=list)
    output: str = ""

    @property
    def name(self) -> str:
        """Where it is: page and line."""
        return f"{self.page.relative_to(ROOT).as_posix()}:{self.line}"

    @property
    def runs(self) -> bool:
        """Whether it can run here."""
        return not self.comment.startswith("not run: ")

    def missing(self, extras: dict[str, list[str]]) -> list[str]:
        """Return the packages that are not installed here, of those that the reader is to install.

        Args:
            extras: the requirements of each extra.

        Raises:
            KeyError: there is no such extra.
        """
        code = "".join(block.code for block in (*self.before, self))
        found = INSTALL.findall(code)
        return sorted({name for each in found for name in _missing(shlex.split(each), extras)})


def pages() -> list[Path]:
    """Return the pages whose blocks run."""
    docs = (path for path in (ROOT / "docs").rglob("*.md") if "adr" not in path.parts)
    return [ROOT / "README.md", *sorted(docs)]


def blocks_of(page: Path) -> list[Block]:
    """Return the blocks of a page, in order.

    Raises:
        ValueError: there is an unknown comment before a block.
    """
    blocks: list[Block] = []
    lines = page.read_text("utf-8").splitlines()
    number = 0
    while number < len(lines):
        fence = FENCE.match(lines[number])
        if fence:
            indent, language = fence.groups()
            end = lines.index(f"{indent}```", number + 1)
            code = "".join(f"{line.removeprefix(indent)}\n" for line in lines[number + 1 : end])
            block = Block(page, number + 2, language, code, _comment(lines[number - 1]))
            last = next((each for each in reversed(blocks) if each.language in RUN), None)
            if block.comment == "output":
                assert last is not None
                last.output = code
            if block.comment == "continues":
                last = [each for each in blocks if each.language in RUN and each.runs][-1]
                block.before = [*last.before, last]
            blocks.append(block)
            number = end
        number += 1
    return blocks


def _comment(line: str) -> str:
    comment = COMMENT.match(line)
    if comment is None and line.lstrip().startswith("<!--"):
        raise ValueError(f"expected a comment that says how to run a block, found {line}")
    return comment[1] if comment else ""


def installed(name: str) -> bool:
    """Return whether a distribution of this name is installed."""
    try:
        metadata.version(name)
    except metadata.PackageNotFoundError:
        return False
    return True


def _missing(requirements: list[str], extras: dict[str, list[str]]) -> Iterator[str]:
    for requirement in requirements:
        package = PACKAGE.match(requirement)
        if package is None or requirement.startswith("-"):
            continue
        name, options = package.groups()
        if name in {"eqinfo", "."}:
            for option in options.split(",") if options else ():
                yield from _missing(extras[option], extras)
        elif not installed(name):
            yield name


def give_files(folder: Path) -> None:
    """Put the inputs into a folder that the documentation takes for granted.

    They are texts, JSON lines and a table, and the examples of the checkout.
    """
    (folder / "examples").symlink_to(ROOT / "examples")
    for name in ("book.txt", "folder/notes.txt", "corpus/a.txt", "books/one.txt", "books/two.txt"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(TEXT * 100)
    lines = "".join(json.dumps({"text": f"{number}. {TEXT}"}) + "\n" for number in range(30))
    (folder / "corpus" / "b.jsonl").write_text(lines)
    (folder / "more.jsonl.gz").write_bytes(gzip.compress(lines.encode()))


def run(block: Block, folder: Path) -> None:
    """Run a block, after those that it continues, in a fresh folder.

    Raises:
        AssertionError: a command failed, or printed something else; with its output.
    """
    give_files(folder)
    programs = folder.with_name(f"{folder.name}-programs")
    programs.mkdir()
    for name, command in {
        "pip": "true",
        "pytest": "true",
        "python": f'exec "{sys.executable}" "$@"',
        "eqinfo": f'exec "{sys.executable}" -m eqinfo "$@"',
    }.items():
        (programs / name).write_text(f"#!/bin/sh\n{command}\n")
        (programs / name).chmod(0o755)
    environment = {
        **os.environ,
        "PATH": f"{programs}:{os.environ['PATH']}",
        "PYTHONPATH": str(Path(eqinfo.__file__).parents[1]),
        "OMP_NUM_THREADS": "1",
    }
    for number, (language, code, wanted) in enumerate(_scripts([*block.before, block])):
        script = programs / f"{number}-{block.page.stem}.md"
        script.write_text(code, "utf-8")
        program = ["bash", "-euo", "pipefail"] if language == "sh" else [sys.executable]
        done = subprocess.run(
            [*program, str(script)],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=600,
        )
        printed = done.stdout.decode("utf-8", "replace")
        assert done.returncode == 0, printed
        if wanted:
            checker, option = doctest.OutputChecker(), doctest.ELLIPSIS
            assert checker.check_output(wanted, printed, option), printed


def _scripts(blocks: list[Block]) -> list[tuple[str, str, str]]:
    """Return languages, sources and outputs; adjacent blocks of Python are one script.

    Errors name lines of the page, because empty lines stand for what is between the blocks.
    """
    scripts: list[tuple[str, str, str]] = []
    for block in blocks:
        before = output = ""
        if scripts and scripts[-1][0] == block.language == "python":
            _, before, output = scripts.pop()
        gap = block.line - 1 - before.count("\n")
        code = before + "\n" * gap + block.code
        scripts.append((block.language, code, output + block.output))
    return scripts

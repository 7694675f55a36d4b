"""Commands in the documentation have the options that the programs have, also where none runs."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from code_blocks import ROOT, blocks_of, pages
from eqinfo.cli.main import main

IN_CHECKOUT = (ROOT / "mkdocs.yml").is_file()
pytestmark = pytest.mark.skipif(not IN_CHECKOUT, reason="not in a checkout")
PAGES = [*pages(), ROOT / "CONTRIBUTING.md", ROOT / "benchmarks" / "README.md"]
FENCED = re.compile(r"^ *```.*?^ *```", re.DOTALL | re.MULTILINE)
PROGRAM = re.compile(r"(?:examples|benchmarks)/[a-z0-9_]+\.py")
END = {"|", "&&", ";"}


def words_of(line: str) -> list[str]:
    """Return the words of a line of shell; none if it is something else."""
    try:
        return shlex.split(line, comments=True)
    except ValueError:
        return []


def commands(page: Path) -> Iterator[list[str]]:
    """Return the words of the commands in a page, in blocks of shell and in running text."""
    lines = [
        line
        for block in blocks_of(page)
        if block.language == "sh"
        for line in block.code.replace("\\\n", " ").splitlines()
    ]
    text = " ".join(FENCED.sub("", page.read_text("utf-8")).split())
    lines += re.findall(r"`([^`]+)`", text)
    return map(words_of, lines)


def options(words: list[str]) -> list[str]:
    """Return the options before the end of a command."""
    end = next((i for i, word in enumerate(words) if word in END), len(words))
    return [word.split("=")[0] for word in words[:end] if re.match(r"--[a-z]|-[a-zA-Z0-9]$", word)]


def unknown(words: list[str]) -> Iterator[str]:
    """Yield the options that a program does not have."""
    context = click.Context(main)
    for i, word in enumerate(words[:-1]):
        if word == "eqinfo" and (command := main.get_command(context, words[i + 1])) is not None:
            known = {name for each in command.params for name in (*each.opts, *each.secondary_opts)}
            yield from set(options(words[i + 2 :])) - known - {"--help", "-h"}
        elif word == "python" and PROGRAM.fullmatch(words[i + 1]):
            sources = [ROOT / words[i + 1], ROOT / "benchmarks" / "common.py"]
            source = "".join(path.read_text("utf-8") for path in sources)
            yield from (name for name in options(words[i + 2 :]) if f'"{name}"' not in source)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_options_exist(page: Path) -> None:
    found = [(name, " ".join(words)) for words in commands(page) for name in unknown(words)]
    assert found == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_folder_of_shards_is_made_by_one_job(page: Path) -> None:
    """Who runs all blocks of a page in one folder resumes jobs, or begins them in other folders."""
    jobs: dict[str, set[tuple[str, ...]]] = {}
    for words in commands(page):
        if words[:2] == ["eqinfo", "tokenize"] and "-o" in words[:-1]:
            jobs.setdefault(words[words.index("-o") + 1], set()).add(tuple(words))
    assert [folder for folder, given in jobs.items() if len(given) > 1] == []


def test_unknown_options_are_found() -> None:
    assert list(unknown(shlex.split("cat a | eqinfo tokenize b --codebook en -m en | x --y"))) == [
        "--codebook"
    ]
    assert list(unknown(shlex.split("python benchmarks/files.py a --fast --bytes 9"))) == ["--fast"]

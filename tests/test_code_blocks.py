"""Every code block of README.md and docs/ runs as it is written; see code_blocks.py."""

from __future__ import annotations

from pathlib import Path

import pytest

from code_blocks import ROOT, RUN, SHOWN, Block, blocks_of, pages, run

try:
    import tomllib
except ModuleNotFoundError:  # Python 3.10
    from pip._vendor import tomli as tomllib

IN_CHECKOUT = (ROOT / "mkdocs.yml").is_file()
pytestmark = pytest.mark.skipif(not IN_CHECKOUT, reason="not in a checkout")
BLOCKS = [block for page in pages() for block in blocks_of(page)] if IN_CHECKOUT else []
CONTINUED = {each.name for block in BLOCKS for each in block.before}
# A block that others continue runs with the last of them.
TESTED = [block for block in BLOCKS if block.language in RUN and block.name not in CONTINUED]


def requirements() -> dict[str, list[str]]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    extras: dict[str, list[str]] = project["optional-dependencies"]
    return extras


@pytest.mark.parametrize("block", TESTED, ids=lambda block: block.name)
def test_block(block: Block, tmp_path: Path) -> None:
    missing = block.missing(requirements())
    if not block.runs:
        if block.language == "python":
            compile(block.code, block.name, "exec")
        pytest.skip(block.comment)
    if missing:
        pytest.skip(f"needs {', '.join(missing)}, which the block says how to install")
    folder = tmp_path / "fresh"
    folder.mkdir()
    run(block, folder)


def test_what_a_block_lacks_is_named(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text('```python\nimport x  # pip install "eqinfo[a]" pytest absent-2\n```\n')
    [block] = blocks_of(page)
    extras = {"a": ["eqinfo[b]", "hypothesis>=6"], "b": ["absent-1>=3; python_version < '4'"]}
    assert block.missing(extras) == ["absent-1", "absent-2"]


def test_languages_are_known() -> None:
    assert [block.name for block in BLOCKS if block.language not in RUN | SHOWN] == []
    assert len(TESTED) + len(CONTINUED) > 20


def test_a_block_that_fails_is_reported_with_its_line(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "A page.\n\n```python\nvalue = 1\n```\n\n"
        "<!-- continues -->\n```python\nassert value == 2\n```\n"
    )
    folder = tmp_path / "fresh"
    folder.mkdir()
    with pytest.raises(AssertionError, match="line 9"):
        run(blocks_of(page)[1], folder)


def test_output_is_compared(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("```sh\necho one two\n```\n\n<!-- output -->\n```text\none ... three\n```\n")
    folder = tmp_path / "fresh"
    folder.mkdir()
    with pytest.raises(AssertionError, match="one two"):
        run(blocks_of(page)[0], folder)


def test_unknown_comments_are_refused(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("<!-- continue -->\n```sh\ntrue\n```\n")
    with pytest.raises(ValueError, match="found <!-- continue -->"):
        blocks_of(page)


def test_a_shell_block_stops_at_the_first_error(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("```sh\neqinfo --version\neqinfo inspect absent.txt\ntrue\n```\n")
    folder = tmp_path / "fresh"
    folder.mkdir()
    with pytest.raises(AssertionError, match=r"absent\.txt"):
        run(blocks_of(page)[0], folder)

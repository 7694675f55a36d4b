"""``eqinfo fit``: a codebook of text files."""

from __future__ import annotations

from typing import Any

import click
from tqdm import tqdm

from eqinfo.codebook.file import Align
from eqinfo.codebook.table import Codebook
from eqinfo.common.corpus import read_corpus
from eqinfo.common.files import require_folder


def _show(bar: tqdm[Any], done: int, total: int | None) -> None:
    bar.total = total
    bar.update(done - bar.n)


@click.command()
@click.argument("corpus", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False))
@click.option(
    "-o", "--output", required=True, type=click.Path(dir_okay=False), help="Codebook file."
)
@click.option("--window-bits", type=click.IntRange(9, 20), default=16, show_default=True)
@click.option(
    "--max-length", type=click.IntRange(3, 255), default=32, show_default=True,
    help="Bytes of the longest string.",
)  # fmt: skip
@click.option(
    "--align", type=click.Choice(["none", "word"]), default="none", show_default=True,
    help="word: no string crosses the end of a word.",
)  # fmt: skip
@click.option(
    "--rounds", type=click.IntRange(0), default=1, show_default=True,
    help="Counts at windows' starts, after a first one; not with --align word.",
)  # fmt: skip
@click.option("--prefixes", is_flag=True, help="Every prefix of a string has an id too.")
@click.option("--threads", type=click.IntRange(1), default=1, show_default=True)
def fit(
    corpus: tuple[str, ...],
    output: str,
    window_bits: int,
    max_length: int,
    align: Align,
    rounds: int,
    prefixes: bool,
    threads: int,
) -> None:
    """Make a codebook from text files (plain or .xz), each one document."""
    if prefixes and align == "word":
        raise click.UsageError("expected --prefixes or --align word, found both")
    require_folder(output)  # before the work, not after it
    documents = [read_corpus(path) for path in corpus]
    with tqdm(unit="step", disable=None, delay=1, leave=False) as bar:
        codebook = Codebook.fit(
            documents,
            window_bits,
            align=align,
            max_length=max_length,
            rounds=rounds,
            prefixes=prefixes,
            num_threads=threads,
            progress=lambda done, total: _show(bar, done, total),
        )
    codebook.save(output)
    size = sum(map(len, documents))
    tokens = sum(len(codebook.encode(document)) for document in documents)
    click.echo(
        f"{output}: {len(codebook):,} strings, {size / max(1, tokens):.3f} bytes a window "
        "on the corpus itself",
        err=True,
    )

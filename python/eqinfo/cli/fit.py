"""``eqinfo fit``: a codebook from text files."""

from __future__ import annotations

import click

from eqinfo.cli.inputs import InputOptions, input_options
from eqinfo.cli.io import open_output, refuse_terminal
from eqinfo.cli.options import (
    FiniteRange,
    examples,
    output_path,
    refuse_without_effect,
    threads_option,
)
from eqinfo.cli.progress import progress_bar
from eqinfo.codebook.file import Align
from eqinfo.codebook.table import Codebook
from eqinfo.common.files import require_folder


@click.command(
    epilog=examples(
        "eqinfo fit *.txt -o own.codebook --align word",
        "eqinfo encode book.txt -m own.codebook -o own.eqt",
    )
)
@input_options
@click.option(
    "-o", "--output", required=True, type=output_path,
    help="Where to write the codebook file; - for standard output.",
)  # fmt: skip
@click.option(
    "--window-bits", type=click.IntRange(9, 20), default=16, show_default=True,
    help="Bits per window; the codebook has 2 to this power ids.",
)  # fmt: skip
@click.option(
    "--max-length", type=click.IntRange(3, 255), default=32, show_default=True,
    help="Length of the longest string, in bytes.",
)  # fmt: skip
@click.option(
    "--align", type=click.Choice(["none", "word", "phrase"]), default="none", show_default=True,
    help="With word, no string crosses the end of a word; with phrase, those that do are whole "
    "words.",
)  # fmt: skip
@click.option(
    "--rounds", type=click.IntRange(0), default=1, show_default=True,
    help="Number of counts at the starts of windows, after a first count at every fifth byte. Not "
    "used with --align word or phrase.",
)  # fmt: skip
@click.option(
    "--phrase-share", type=FiniteRange(0, 1, min_open=True, max_open=True), default=0.5,
    show_default=True, help="Share of the ids that are phrases, with --align phrase.",
)  # fmt: skip
@click.option(
    "--phrase-words", type=click.IntRange(2), default=5, show_default=True,
    help="Most words of a phrase, with --align phrase.",
)  # fmt: skip
@click.option("--prefixes", is_flag=True, help="Give an id to every prefix of a string, too.")
@threads_option("Number of threads; the codebook does not depend on it.", default=1)
def fit(
    options: InputOptions,
    output: str,
    window_bits: int,
    max_length: int,
    align: Align,
    rounds: int,
    prefixes: bool,
    phrase_share: float,
    phrase_words: int,
    threads: int,
) -> None:
    """Make a codebook from text files.

    INPUTS are as for `eqinfo tokenize`: files, folders, quoted patterns, URLs, or - for standard
    input.
    """
    if prefixes and align != "none":
        raise click.UsageError(f"expected either --prefixes or --align {align}, found both")
    if align != "none":
        refuse_without_effect(("rounds",), f"--align {align}")
    if align != "phrase":
        refuse_without_effect(("phrase_share", "phrase_words"), f"--align {align}")
    if output != "-":
        require_folder(output)  # before the work, not after it
    options.refuse_overwriting(output)
    refuse_terminal(output, "codebooks", "")
    documents = options.read()[0].documents
    size = sum(map(len, documents))
    _require_enough(size, 1 << window_bits, max_length)
    with progress_bar("step") as progress:
        codebook = Codebook.fit(
            documents,
            window_bits,
            align=align,
            max_length=max_length,
            rounds=rounds if align == "none" else None,
            prefixes=prefixes,
            phrase_share=phrase_share if align == "phrase" else None,
            phrase_words=phrase_words if align == "phrase" else None,
            num_threads=threads,
            progress=progress,
        )
    with open_output(output) as file:
        file.write(codebook.to_bytes())
    tokens = sum(len(codebook.encode(document)) for document in documents)
    click.echo(
        f"{output}: {len(codebook):,} strings, {size / max(1, tokens):.3f} bytes per window "
        "on the corpus itself",
        err=True,
    )


def _require_enough(size: int, strings: int, max_length: int) -> None:
    """Raise ValueError if most strings could not be from a corpus of so many bytes."""
    least = -(-strings // max_length)
    if size < least:
        raise ValueError(
            f"expected a corpus of at least {least:,} bytes for {strings:,} strings of up to "
            f"{max_length} bytes, found {size:,} bytes; give more text, or fewer --window-bits"
        )

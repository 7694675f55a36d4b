"""How well does a small language model (M2) learn the tokens of different tables?

Trains the tiny Transformer of tiny_lm.py on the tokens of the same text under each table, and
measures bits per byte of held-out text after the same amounts of text. Tables are made from the
training text alone, or loaded with --codebook. With --embedding plain text, every table is learned
twice, the second time by an M2 whose embedding knows the text of its tokens. Runs that are already
in --results are not repeated.
Without files, both texts are parts of Python's own documentation (pydoc_data.topics).
"""

from __future__ import annotations

import argparse
import hashlib
import json
import statistics
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import torch

from common import Cell, Report, add_json_option, python_documentation
from eqinfo.codebook import Codebook
from eqinfo.embedding import text_features
from eqinfo.embedding.text_features import Strings
from eqinfo.experiment.data import shuffled_chunks
from eqinfo.experiment.m2.training import M2Settings
from tables import MAKERS, Table, codebook_table
from tiny_lm import Point, Tokens, train

SETTINGS = M2Settings("cpu", batch=8, learning_rate=3e-3, points=(0.12, 0.25, 0.62, 1.0))
CONTEXT_BYTES = 512
TOY_SETTINGS = replace(SETTINGS, size="toy")
TOY_BYTES = 150_000
TOY_WINDOW_BITS = 10
EMBEDDINGS = ("plain", "text")


@dataclass(frozen=True)
class Texts:
    """The texts on which all tables are compared."""

    train: list[bytes]
    held_out: list[bytes]

    @classmethod
    def read(
        cls,
        train: Path | None,
        train_bytes: int,
        held_out: Sequence[Path] | None,
        held_out_bytes: int,
    ) -> Texts:
        """Read ``train_bytes`` of one file and the first ``held_out_bytes`` of each other file."""
        if train is None or held_out is None:
            documentation, rest = python_documentation()
            return cls(shuffled_chunks(documentation, train_bytes), [rest[:held_out_bytes]])
        heads = [whole_characters(path.read_bytes()[:held_out_bytes]) for path in held_out]
        return cls(shuffled_chunks(train.read_bytes(), train_bytes), heads)

    @property
    def train_bytes(self) -> int:
        """Bytes of training text."""
        return sum(map(len, self.train))

    @property
    def held_out_bytes(self) -> int:
        """Bytes of held-out text."""
        return sum(map(len, self.held_out))

    def tokenize(self, table: Table) -> TokenizedTexts:
        """Tokenize both texts with a table."""
        return TokenizedTexts(
            [table.encode(text) for text in self.train],
            [table.encode(text) for text in self.held_out],
        )


@dataclass(frozen=True)
class TokenizedTexts:
    """The tokens of both texts, one array per document."""

    train: list[Tokens]
    held_out: list[Tokens]

    def digest(self) -> str:
        """Hash all tokens."""
        digest = hashlib.blake2b(digest_size=16)
        for tokens in (*self.train, *self.held_out):
            digest.update(len(tokens).to_bytes(8, "little") + tokens.tobytes())
        return digest.hexdigest()

    def unigram_bits(self) -> float:
        """Bits of the training tokens under their own frequencies: what is left for M2 to learn."""
        counts = np.unique(np.concatenate(self.train), return_counts=True)[1]
        return float(-(counts * np.log2(counts / counts.sum())).sum())


def whole_characters(text: bytes) -> bytes:
    """Drop an incomplete character at the end."""
    return text.decode(errors="ignore").encode()


@dataclass(frozen=True)
class Results:
    """Training runs, one JSON file each, named by a digest of all that determines the outcome."""

    folder: Path | None

    def run(
        self,
        name: str,
        tokens: TokenizedTexts,
        settings: M2Settings,
        strings: Strings | None = None,
        **size: int,
    ) -> list[Point]:
        """Return the points of a run, which is trained unless its file exists."""
        key = {"tokens": tokens.digest(), "settings": asdict(settings), **size}
        if strings is not None:
            key["embedding"] = text_features(strings).fingerprint
        seed = settings.seed
        digest = hashlib.blake2b(json.dumps(key, sort_keys=True).encode(), digest_size=8)
        path = self.folder and self.folder / f"{name}-{seed}-{digest.hexdigest()}.json"
        if path and path.exists():
            return [Point(n, tuple(bits)) for n, bits in json.loads(path.read_text())["points"]]
        points = train(
            tokens.train,
            tokens.held_out,
            settings=settings,
            log=lambda point: print(f"{name}, seed {seed}: {point}", file=sys.stderr),
            strings=strings,
            **size,
        )
        if path:
            content = {**key, "points": [[p.train_bytes, p.held_out_bits] for p in points]}
            unfinished = path.with_suffix(".part")
            unfinished.write_text(json.dumps(content) + "\n")
            unfinished.replace(path)
        return points


@dataclass(frozen=True)
class Contestant:
    """A table with an embedding of its tokens."""

    table: Table
    embedding: str
    tokens: TokenizedTexts

    @property
    def name(self) -> str:
        """The table's name, and "text" if the embedding knows the tokens' text."""
        return self.table.name if self.embedding == "plain" else f"{self.table.name}-text"

    def run(self, texts: Texts, settings: M2Settings, results: Results) -> list[Point]:
        """Train, or read the results of an earlier run."""
        return results.run(
            self.name,
            self.tokens,
            settings,
            None if self.embedding == "plain" else self.table.strings,
            vocabulary=self.table.vocabulary,
            train_bytes=texts.train_bytes,
            context_bytes=CONTEXT_BYTES,
        )

    def row(self, texts: Texts, runs: Sequence[Sequence[Point]]) -> list[Cell]:
        """Return the line of results: means over runs, and their spread."""
        bits = [[sum(point.held_out_bits) / texts.held_out_bytes for point in run] for run in runs]
        last = [run[-1] for run in bits]
        return [
            self.name,
            self.table.vocabulary,
            f"{texts.held_out_bytes / sum(map(len, self.tokens.held_out)):.3f}",
            f"{self.tokens.unigram_bits() / texts.train_bytes:.3f}",
            *(f"{statistics.mean(at):.3f}" for at in zip(*bits, strict=True)),
            f"{max(last) - min(last):.3f}",
        ]


def compare(
    report: Report,
    texts: Texts,
    contestants: Sequence[Contestant],
    seeds: int,
    settings: M2Settings,
    results: Results,
) -> None:
    """Train every contestant with every seed, and print a table of means after each seed."""
    seen = [f"{texts.train_bytes * point / 1e6:.3g} MB" for point in settings.points]
    header = ["table", "tokens", "bytes/token", "unigram", *seen, "spread of the last"]
    runs: list[list[list[Point]]] = [[] for _ in contestants]
    for seed in range(seeds):
        for contestant, done in zip(contestants, runs, strict=True):
            done.append(contestant.run(texts, replace(settings, seed=seed), results))
        rows = [one.row(texts, done) for one, done in zip(contestants, runs, strict=True)]
        report.table(f"Bits per byte of held-out text, seeds 0 to {seed}", header, rows)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--train", type=Path, metavar="FILE", help="UTF-8 text to train on")
    parser.add_argument("--train-bytes", type=int, default=10_000_000, metavar="N")
    parser.add_argument("--text", type=Path, nargs="+", metavar="FILE", help="held-out UTF-8 text")
    parser.add_argument(
        "--text-bytes", type=int, default=200_000, metavar="N", help="bytes of each held-out file"
    )
    parser.add_argument("--window-bits", type=int, default=12, help="log2 of the number of tokens")
    parser.add_argument("--tables", nargs="+", choices=MAKERS, default=list(MAKERS), metavar="NAME")
    parser.add_argument(
        "--codebook",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="a codebook to compare as well",
    )
    parser.add_argument(
        "--embedding",
        nargs="+",
        choices=EMBEDDINGS,
        default=["plain"],
        help="of M2's tokens: plain, or one that knows their text",
    )
    parser.add_argument("--seeds", type=int, default=1, metavar="N")
    parser.add_argument(
        "--results", type=Path, metavar="FOLDER", help="folder in which finished runs are kept"
    )
    parser.add_argument(
        "--toy", action="store_true", help="run for seconds, only to see that it works"
    )
    add_json_option(parser)
    options = parser.parse_args()
    if (options.train is None) != (options.text is None):
        parser.error("expected both --train and --text, or neither; found one of them")
    return options


def main() -> None:
    """Train on every table and print the results."""
    options = arguments()
    settings, window_bits, train_bytes = SETTINGS, options.window_bits, options.train_bytes
    if options.toy:
        settings, window_bits, train_bytes = TOY_SETTINGS, TOY_WINDOW_BITS, TOY_BYTES
    torch.set_num_threads(1)
    report = Report(options.json)
    texts = Texts.read(options.train, train_bytes, options.text, options.text_bytes)
    made = (MAKERS[name](texts.train, window_bits) for name in options.tables)
    tables = [table for table in made if table is not None]
    tables += [codebook_table(path.stem, Codebook.load(path)) for path in options.codebook]
    if options.results:
        options.results.mkdir(parents=True, exist_ok=True)
    contestants = [
        Contestant(table, embedding, tokens)
        for table, tokens in [(table, texts.tokenize(table)) for table in tables]
        for embedding in options.embedding
    ]
    compare(report, texts, contestants, options.seeds, settings, Results(options.results))
    report.save()


if __name__ == "__main__":
    main()

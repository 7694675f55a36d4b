"""How well does a small language model (M2) learn the tokens of different tables?

Trains the tiny Transformer of tiny_lm.py on the tokens of the same text under each table of
contestants.py, with each embedding, and measures bits per byte of held-out text. Tables are made
from the first --table-bytes of the training text, or loaded with --codebook.

With --queue FOLDER every finished run is a file, and what has been done is not done again: start
the same command again after an interruption, with more seeds or contestants, or in several
processes; --workers starts some that share tables and tokens. Runs begin with the cheapest; those
that cost the same, with the first seed of all contestants. With several --learning-rates, the first
seed tries all of them, and the others run at each contestant's best. --table FOLDER prints what has
been found so far. Without files, both texts are parts of Python's own documentation
(pydoc_data.topics).
"""

from __future__ import annotations

import argparse
import multiprocessing
import platform
import shlex
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from itertools import product
from pathlib import Path

import numpy as np
import torch

import eqinfo
from common import Report, add_json_option
from contestants import EMBEDDINGS, FIXED_BITS, IMPOSSIBLE, MAKERS
from eqinfo.codebook import Codebook
from eqinfo.experiment.m2.sizes import SIZES
from learnability_data import Texts, TokenizedTexts
from learnability_run import SETTINGS, Run
from learnability_table import best_rate, report_results
from run_queue import Result, RunQueue
from tables import Table, codebook_table
from tiny_lm import Point, train

CONTEXT_BYTES = 512
TOY = (
    "--sizes toy --ids 10 --train-bytes 150000 --table-bytes 150000 "
    "--tables bpe superbpe word --embedding plain text"
)


@dataclass(frozen=True)
class Study:
    """The text, and the codebooks that are not made from it.

    Attributes:
        codebooks: files by the names of their tables.
    """

    texts: Texts
    codebooks: dict[str, Path]
    _tables: dict[tuple[str, int, int], Table | None] = field(default_factory=dict)
    _tokens: dict[tuple[str, int, int, int], TokenizedTexts] = field(default_factory=dict)

    def table(self, name: str, bits: int, table_bytes: int) -> Table | None:
        """Make or load a table; None, with the reason on stderr, if that is impossible."""
        key = name, bits, table_bytes
        if key not in self._tables:
            self._tables[key] = self._make(*key)
        return self._tables[key]

    def _make(self, name: str, bits: int, table_bytes: int) -> Table | None:
        if name in self.codebooks:
            return codebook_table(name, Codebook.load(self.codebooks[name]))
        text = self.texts.first(table_bytes)
        try:
            return MAKERS[name](text, bits)
        except ValueError as error:  # too little text for so many ids; the others can go on
            print(f"{name} of {bits} bits is left out: {error}", file=sys.stderr)
            return None

    def tokens(self, run: Run, table: Table) -> TokenizedTexts:
        """Tokenize the texts of a run."""
        key = run.table, run.bits, run.table_bytes, run.train_bytes
        if key not in self._tokens:
            self._tokens[key] = TokenizedTexts.of(self.texts, table, run.train_bytes)
        return self._tokens[key]

    def prepare(self, wanted: Iterable[Run]) -> None:
        """Make the tables and tokens of runs, which processes that are forked will share."""
        by_table: dict[tuple[str, int], dict[int, Run]] = defaultdict(dict)
        for run in wanted:
            by_table[run.table, run.bits][run.train_bytes] = run
        with ThreadPoolExecutor() as threads:
            list(threads.map(self._prepare, [list(runs.values()) for runs in by_table.values()]))

    def _prepare(self, same_table: Sequence[Run]) -> None:
        for run in same_table:
            table = self.table(run.table, run.bits, run.table_bytes)
            if table is not None:
                self.tokens(run, table)

    def train(self, run: Run, table: Table, checkpoint: Path) -> Result:
        """Carry out a run."""
        tokens = self.tokens(run, table)
        settings = replace(
            SETTINGS,
            size=run.size,
            seed=run.seed,
            learning_rate=run.learning_rate,
            batch=run.batch,
        )
        began = time.process_time()
        points = train(
            tokens.train,
            tokens.held_out,
            vocabulary=table.vocabulary,
            train_bytes=tokens.train_bytes,
            context_bytes=CONTEXT_BYTES,
            settings=settings,
            log=partial(log, run.name),
            make_embedding=EMBEDDINGS[run.embedding](table),
            window_tokens=table.window_tokens,
            checkpoint=checkpoint,
            device=run.device,
        )
        checkpoint.unlink(missing_ok=True)
        held_out = self.texts.held_out_bytes
        return {
            **asdict(run),
            "text": self.texts.name,
            "settings": asdict(settings),
            "context_bytes": CONTEXT_BYTES,
            "vocabulary": table.vocabulary,
            "tokens": tokens.digest(),
            "train_tokens": sum(map(len, tokens.train)),
            "bytes_per_token": held_out / sum(map(len, tokens.held_out)),
            "unigram": tokens.unigram_bits() / tokens.train_bytes,
            "points": [[each.train_bytes, sum(each.held_out_bits) / held_out] for each in points],
            "held_out_bits": points[-1].held_out_bits,
            "command": shlex.join(["python", "benchmarks/learnability.py", *sys.argv[1:]]),
            "version": eqinfo.__version__,
            "machine": f"{platform.machine()}, torch {torch.__version__}, numpy {np.__version__}",
            "seconds": time.process_time() - began,
        }


def log(name: str, point: Point) -> None:
    """Tell how far a run has come."""
    bits = ", ".join(f"{bits:.0f}" for bits in point.held_out_bits)
    print(f"{name}: {point.train_bytes:,} bytes seen, {bits} bits", file=sys.stderr, flush=True)


def runs(options: argparse.Namespace, study: Study) -> Iterator[Run]:
    """Yield the runs that the options ask for, the cheapest first."""
    found = set()
    order = []
    for size, train_bytes, bits, seed, table, embedding, rate in product(
        options.sizes,
        options.train_bytes,
        options.ids,
        range(options.seeds),
        [*options.tables, *study.codebooks],
        options.embedding,
        options.learning_rates,
    ):
        fingerprint = ""
        if table in study.codebooks:
            codebook = Codebook.load(study.codebooks[table])
            bits, fingerprint = codebook.window_bits, codebook.fingerprint
        run = Run(
            study.texts.fingerprint,
            table,
            fingerprint,
            options.table_bytes,
            FIXED_BITS.get(table, bits),
            embedding,
            size,
            train_bytes,
            seed,
            learning_rate=rate,
            batch=options.batch,
            device=options.device,
        )
        if run not in found and (table, embedding) not in IMPOSSIBLE:
            found.add(run)
            order.append(run)
    yield from sorted(order, key=lambda run: (run.cost, run.seed))


def work(study: Study, queue: RunQueue, options: argparse.Namespace) -> None:
    """Carry out all runs that nobody has finished or is at."""
    for run in runs(options, study):
        if queue.finished(run.name) or not is_wanted(run, queue, options.learning_rates):
            continue
        table = study.table(run.table, run.bits, run.table_bytes)
        if table is not None:
            checkpoint = queue.folder / f"{run.name}.checkpoint"
            queue.work(run.name, partial(study.train, run, table, checkpoint))


def work_together(study: Study, queue: RunQueue, options: argparse.Namespace) -> None:
    """Carry out all runs in processes that share the texts, tables and tokens."""
    study.prepare(run for run in runs(options, study) if not queue.finished(run.name))
    # Forked, because tables have functions. CUDA has not begun, so every process can use it.
    context = multiprocessing.get_context("fork")
    workers = [
        context.Process(target=work, args=(study, queue, options)) for _ in range(options.workers)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    work(study, queue, options)  # what a worker that was killed has left


def is_wanted(run: Run, queue: RunQueue, rates: Sequence[float]) -> bool:
    """Return whether a run has the first seed, or the learning rate that the first seed picks.

    While a run of the first seed is unfinished, because another process is at it, nothing is
    picked. That process will see all of them finished, so no run is forgotten.
    """
    if run.seed == 0 or len(set(rates)) == 1:
        return True
    first = [replace(run, seed=0, learning_rate=rate).name for rate in rates]
    if not all(map(queue.finished, first)):
        return False
    return run.learning_rate == best_rate([queue.result(name) for name in first])


def arguments(words: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--train", type=Path, metavar="FILE", help="UTF-8 text to train on")
    parser.add_argument("--text", type=Path, nargs="+", metavar="FILE", help="held-out UTF-8 text")
    parser.add_argument(
        "--text-bytes",
        type=int,
        default=200_000,
        metavar="N",
        help="bytes of each held-out file (default: %(default)s)",
    )
    parser.add_argument(
        "--train-bytes",
        type=int,
        nargs="+",
        default=[10_000_000],
        metavar="N",
        help="bytes of text that M2 reads (default: %(default)s)",
    )
    parser.add_argument(
        "--table-bytes",
        type=int,
        default=10_000_000,
        metavar="N",
        help="bytes of text that tables are fitted to (default: %(default)s)",
    )
    parser.add_argument(
        "--ids",
        type=int,
        nargs="+",
        default=[12],
        metavar="BITS",
        help="log2 of the number of ids (default: %(default)s)",
    )
    parser.add_argument(
        "--tables",
        nargs="*",
        choices=MAKERS,
        default=list(MAKERS),
        metavar="NAME",
        help=f"of tokens, by default all: {', '.join(MAKERS)}",
    )
    parser.add_argument(
        "--codebook", type=Path, nargs="+", default=[], metavar="FILE", help="codebooks to compare"
    )
    parser.add_argument(
        "--embedding",
        nargs="+",
        choices=EMBEDDINGS,
        default=["plain"],
        metavar="NAME",
        help=f"of M2's tokens, by default plain: {', '.join(EMBEDDINGS)}",
    )
    parser.add_argument(
        "--sizes",
        nargs="+",
        choices=SIZES,
        default=["cpu"],
        metavar="NAME",
        help=f"of M2, by default cpu: {', '.join(SIZES)}",
    )
    parser.add_argument(
        "--learning-rates",
        type=float,
        nargs="+",
        default=[SETTINGS.learning_rate],
        metavar="RATE",
        help="peak learning rates of M2 that the first seed tries (default: %(default)s)",
    )
    parser.add_argument(
        "--batch",
        type=int,
        default=SETTINGS.batch,
        metavar="N",
        help="contexts per step (default: %(default)s)",
    )
    parser.add_argument(
        "--device", choices=("cpu", "cuda"), default="cpu", help="default: %(default)s"
    )
    parser.add_argument(
        "--seeds", type=int, default=1, metavar="N", help="their number (default: %(default)s)"
    )
    parser.add_argument(
        "--workers",
        type=int,
        default=1,
        metavar="N",
        help="processes at work (default: %(default)s)",
    )
    parser.add_argument("--queue", type=Path, metavar="FOLDER", help="where results are kept")
    parser.add_argument("--table", type=Path, metavar="FOLDER", help="only print its results")
    parser.add_argument("--toy", action="store_true", help="run for seconds, to see that it works")
    add_json_option(parser)
    options = parser.parse_args([*TOY.split(), *words] if "--toy" in words else words)
    if (options.train is None) != (options.text is None):
        parser.error("expected both --train and --text, or neither; found one of them")
    if min(options.learning_rates) <= 0:
        parser.error(f"expected --learning-rates above 0, found {min(options.learning_rates)}")
    return options


def main() -> None:
    """Work on the queue and print the results."""
    options = arguments(sys.argv[1:])
    report = Report(options.json)
    torch.set_num_threads(1)
    if options.table:
        report_results(report, RunQueue(options.table).results())
    else:
        with tempfile.TemporaryDirectory() as folder:
            queue = RunQueue(options.queue or Path(folder))
            texts = Texts.read(options.train, options.text, options.text_bytes)
            study = Study(texts, {path.name: path for path in options.codebook})
            (work_together if options.workers > 1 else work)(study, queue, options)
            report_results(report, queue.results())
    report.save()


if __name__ == "__main__":
    main()

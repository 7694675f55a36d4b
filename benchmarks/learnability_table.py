"""The table of learnability.py: means over seeds, and differences with Student's intervals."""

from __future__ import annotations

import math
import statistics
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from common import Cell, Report
from eqinfo.experiment.m2.sizes import SIZES
from run_queue import Result

# Student's t for a two-sided interval of 95 %, by degrees of freedom from 1 on.
STUDENT = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179)
ENOUGH_SEEDS = 4
"""With fewer, a difference is a lead and not a result, however far it is from zero."""


def best_rate(results: Iterable[Result]) -> float:
    """Return the learning rate of the result with the fewest bits per byte of held-out text."""
    best = min(results, key=lambda result: result["points"][-1][1])
    return float(best["settings"]["learning_rate"])


@dataclass(frozen=True)
class Contestant:
    """The runs of a table with an embedding, at the learning rate that its first seed picks.

    Attributes:
        rates: learning rates that the first seed has tried, in ascending order.
        rate: the best of them for that seed.
        runs: by seed. The seed that picked among several rates is left out if there are others,
            because the choice favours it.
    """

    rates: Sequence[float]
    rate: float
    runs: Mapping[int, Result]

    @classmethod
    def of(cls, results: Sequence[Result]) -> Contestant:
        """Pick the rate, and leave out the runs at all others."""
        first = min(result["seed"] for result in results)
        tried = [result for result in results if result["seed"] == first]
        rates = sorted(result["settings"]["learning_rate"] for result in tried)
        rate = best_rate(tried)
        picked = [result for result in results if result["settings"]["learning_rate"] == rate]
        runs = {result["seed"]: result for result in picked}
        if len(rates) > 1 and len(runs) > 1:
            del runs[first]
        return cls(rates, rate, runs)

    @property
    def result(self) -> Result:
        """One of the runs."""
        return next(iter(self.runs.values()))

    @property
    def bits(self) -> dict[int, float]:
        """Bits per byte of held-out text at the end, by seed."""
        return self.bits_at(-1)

    def bits_at(self, point: int) -> dict[int, float]:
        """Return bits per byte of held-out text at a point of `M2Settings.points`, by seed."""
        return {seed: float(run["points"][point][1]) for seed, run in self.runs.items()}

    @property
    def mean(self) -> float:
        """The mean of all runs."""
        return statistics.mean(self.bits.values())


@dataclass(frozen=True)
class Difference:
    """Differences of pairs of runs with the same seed.

    Attributes:
        mean: of all pairs.
        half: half the width of Student's interval of 95 %; infinite for one pair.
        pairs: number of pairs.
    """

    mean: float
    half: float
    pairs: int

    @classmethod
    def between(cls, bits: Mapping[int, float], base: Mapping[int, float]) -> Difference | None:
        """Compare where both have a run; None if they have none in common."""
        pairs = [bits[seed] - base[seed] for seed in sorted(bits.keys() & base.keys())]
        if not pairs:
            return None
        half = math.inf
        if len(pairs) > 1:
            t = STUDENT[min(len(pairs) - 1, len(STUDENT)) - 1]
            half = t * statistics.stdev(pairs) / math.sqrt(len(pairs))
        return cls(statistics.mean(pairs), half, len(pairs))

    @property
    def is_result(self) -> bool:
        """Whether there are enough pairs and the interval leaves out zero."""
        return self.pairs >= ENOUGH_SEEDS and self.half < abs(self.mean)

    def __str__(self) -> str:
        """Return mean and interval; what is only a lead is in brackets."""
        text = f"{self.mean:+.3f}"
        if self.pairs > 1:
            text += f" ± {self.half:.3f}"
        return text if self.is_result else f"({text})"


def report_results(report: Report, results: Sequence[Result]) -> None:
    """Print a table for each text, size of M2 and amount of training text.

    Raises:
        ValueError: runs of one contestant have different tokens.
    """
    groups: dict[tuple[str, ...], list[Result]] = defaultdict(list)
    for result in sorted(results, key=lambda each: (each["train_bytes"], each["size"])):
        names = ("text", "data", "size", "train_bytes", "table_bytes")
        batch, device = result["settings"]["batch"], result.get("device", "cpu")
        key = (*(str(result[name]) for name in names), str(batch), device)
        groups[key].append(result)
    for (text, data, size, train_bytes, table_bytes, batch, device), group in groups.items():
        title = (
            f"{text} ({data}), M2 of size {size}, {int(train_bytes):,} bytes to train on, "
            f"{batch} contexts per step, device {device}, tables "
            f"from {int(table_bytes):,}: bits per byte of held-out text, and differences with "
            f"Student's intervals of 95 % (in brackets: interval with zero, or fewer than "
            f"{ENOUGH_SEEDS} seeds). Where several learning rates were tried, the first seed picks "
            "one by these texts, and is then left out"
        )
        report.table(title, HEADER, rows(group))


HEADER = (
    "table",
    "log2 ids",
    "embedding",
    "learning rate",
    "bytes/token",
    "TFLOP",
    "seeds",
    "bits/byte",
    "minus plain BPE of as many ids",
    "minus itself, plain",
    "minus itself, text",
    "minus plain bytes",
)


def rows(group: Sequence[Result]) -> list[list[Cell]]:
    """Return a line for every contestant, by number of ids and then in order of bits per byte."""
    runs: dict[tuple[int, str, str], list[Result]] = defaultdict(list)
    for result in group:
        key = (result["bits"], result["table"], result["embedding"])
        runs[key].append(result)
        if runs[key][0]["tokens"] != result["tokens"]:
            raise ValueError(
                f"expected runs of {key} with the same tokens, found other tokens for seed "
                f"{result['seed']}; move the results of older code to another folder"
            )
    found = {key: Contestant.of(results) for key, results in runs.items()}
    lines = sorted(found.items(), key=lambda item: (item[0][0], item[1].mean))
    return [
        [
            table,
            str(bits),
            embedding,
            _rate(one),
            f"{one.result['bytes_per_token']:.2f}",
            f"{float(f'{training_flop(one.result) / 1e12:.2g}'):,g}",
            len(one.bits),
            f"{one.mean:.3f}",
            *(
                _difference(one, found.get(base))
                for base in (
                    (bits, "bpe", "plain"),
                    (bits, table, "plain"),
                    (bits, table, "text"),
                    (8, "bytes", "plain"),
                )
            ),
        ]
        for (bits, table, embedding), one in lines
    ]


def _rate(one: Contestant) -> str:
    tried = ", ".join(f"{rate:g}" for rate in one.rates)
    return f"{one.rate:g} of {tried}" if len(one.rates) > 1 else tried


def training_flop(result: Result) -> int:
    """Return the operations of a run: six for each token and each weight that multiplies it.

    Weights are those of the layers and of the output. Attention between tokens and the composition
    of embeddings are left out.
    """
    size = SIZES[result["size"]]
    weights: int = size.parameters + result["vocabulary"] * size.width
    tokens: int = result["train_tokens"]
    return 6 * tokens * weights


def _difference(one: Contestant, base: Contestant | None) -> str:
    if base is None or base is one:
        return ""
    found = Difference.between(one.bits, base.bits)
    return "" if found is None else str(found)

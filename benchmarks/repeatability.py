"""Does a float row repeat bit for bit with other neighbours, places, batch sizes or widths?

python benchmarks/repeatability.py [--threads 1]

Prints for small networks, in how many arrangements the same context gave a different row. The
adapters keep fixed whatever matters here (docs/models.md).
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

import torch
from torch import Tensor, nn

from common import Cell, Report, add_json_option, positive

BATCHES = (1, 2, 4, 7, 8, 16, 64)
NEIGHBOURS = 3
WIDTH = 16
NARROWER = (8, 1)
Network = Callable[[Tensor], Tensor]


class Attention(nn.Module):
    """One Transformer layer over bytes."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(256, 128)
        self.layer = nn.TransformerEncoderLayer(128, 4, 512, batch_first=True, norm_first=True)
        self.output = nn.Linear(128, 256)

    def forward(self, tokens: Tensor) -> Tensor:
        """Return logits (B, L, 256) for tokens (B, L)."""
        mask = nn.Transformer.generate_square_subsequent_mask(tokens.shape[1])
        hidden = self.layer(self.embedding(tokens), src_mask=mask, is_causal=True)
        return self.output(hidden)


class Recurrence(nn.Module):
    """A GRU over bytes, all steps at once."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(256, 64)
        self.cell = nn.GRU(64, 512, batch_first=True)
        self.output = nn.Linear(512, 256)

    def forward(self, tokens: Tensor) -> Tensor:
        """Return logits (B, L, 256) for tokens (B, L)."""
        return self.output(self.cell(self.embedding(tokens))[0])


class Perceptron(nn.Module):
    """A network that sees one byte at a time."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Embedding(256, 384), nn.Linear(384, 1500), nn.GELU(), nn.Linear(1500, 256)
        )

    def forward(self, tokens: Tensor) -> Tensor:
        """Return logits (B, L, 256) for tokens (B, L)."""
        return self.layers(tokens)


def some_tokens(batch: int, seed: int) -> Tensor:
    return torch.randint(256, (batch, WIDTH), generator=torch.Generator().manual_seed(seed))


def differing(network: Network, batch: int, context: Tensor, expected: Tensor) -> tuple[int, int]:
    """Return how many arrangements change the row, and how many were tried."""
    differ = tried = 0
    for place in range(batch):
        for seed in range(NEIGHBOURS):
            tokens = some_tokens(batch, seed)
            tokens[place] = context
            differ += not torch.equal(network(tokens)[place], expected)
            tried += 1
    return differ, tried


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=positive, default=1)
    add_json_option(parser)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(0)
    report = Report(arguments.json)
    context = some_tokens(1, 99)[0]
    rows: list[list[Cell]] = []
    with torch.inference_mode():
        for network in (Perceptron().eval(), Recurrence().eval(), Attention().eval()):
            alone = network(context[None])[0]
            for batch in BATCHES:
                tokens = context.repeat(batch, 1)
                own = network(tokens)[0]
                differ, tried = differing(network, batch, context, own)
                narrow = [
                    str(width)
                    for width in NARROWER
                    if not torch.equal(network(tokens[:, :width])[0], own[:width])
                ]
                rows.append(
                    [
                        type(network).__name__,
                        batch,
                        f"{differ} of {tried}",
                        "same" if torch.equal(own, alone) else "differs",
                        f"differs at {' and '.join(narrow)}" if narrow else "same",
                    ]
                )
    header = ["network", "batch", "other place or neighbours", "other batch (1)", "narrower"]
    report.table(f"Rows that differ, threads: {arguments.threads}", header, rows)
    report.save()


if __name__ == "__main__":
    main()

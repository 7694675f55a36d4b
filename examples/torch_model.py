"""Equal-info windows with a PyTorch module of your own: a small recurrent network over bytes.

python examples/torch_model.py FILE

Needs ``pip install eqinfo[torch]``.
"""

from __future__ import annotations

import argparse
from pathlib import Path

try:
    import torch
    from torch import Tensor, nn
except ImportError as error:
    raise SystemExit(f"torch_model: {error}; pip install eqinfo[torch]") from None

import eqinfo

BEGIN = 256
LENGTH = 32
"""Bytes of a piece of text to train on."""


class Recurrent(nn.Module):
    """A GRU with one step per byte."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(257, 64)
        self.cell = nn.GRUCell(64, 256)
        self.output = nn.Linear(256, 256)

    def start(self, batch: int) -> Tensor:
        """Return the state of empty contexts."""
        return torch.zeros(batch, 256)

    def step(self, state: Tensor, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """Return logits of shape (batch, 256) and the next state."""
        state = self.cell(self.embedding(tokens), state)
        return self.output(state), state


def train(module: Recurrent, text: bytes, steps: int = 60, length: int = LENGTH) -> None:
    """Train on pieces of the text, each without any context before it."""
    data = torch.tensor(list(text))
    optimiser = torch.optim.Adam(module.parameters(), 3e-3)
    for _ in range(steps):
        starts = torch.randint(len(data) - length, (64,))
        rows = data[starts[:, None] + torch.arange(length)]
        state, previous, losses = module.start(64), torch.full((64,), BEGIN), []
        for column in rows.T:
            logits, state = module.step(state, previous)
            losses.append(nn.functional.cross_entropy(logits, column))
            previous = column
        optimiser.zero_grad()
        torch.stack(losses).mean().backward()
        optimiser.step()


def main() -> None:
    """Train on the first half of a file and encode a part of the second."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file", type=Path, help="text, half of it to train on")
    text = parser.parse_args().file.read_bytes()[:200_000]
    least = 2 * (LENGTH + 1)
    if len(text) < least:
        raise ValueError(f"expected a text of {least} bytes or more, found {len(text)}")
    torch.manual_seed(0)
    torch.set_num_threads(1)
    half = len(text) // 2
    module = Recurrent()
    train(module, text[:half])
    model = eqinfo.models.TorchModel(module, begin=BEGIN, batch=16)
    documents = [text[i : i + 200] for i in range(half, half + 3200, 200)]
    codec = eqinfo.WindowCodec(model, window_bits=32, verify=True)
    tokens = codec.encode_batch(documents)
    size = sum(map(len, documents))
    print(f"{model.fingerprint}: {size / sum(map(len, tokens)):.2f} bytes per 16 bits")


if __name__ == "__main__":
    try:
        main()
    except (OSError, ValueError) as error:
        raise SystemExit(f"torch_model: {error}") from None

"""The native model's network in floating point; csrc/native_model.h defines its integer form."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from eqinfo.models.quantise import (
    EMBEDDING_SIZE,
    HIDDEN_ONE,
    MAX_WEIGHT,
    FloatNetwork,
    Floats,
    layer_scales,
)
from eqinfo.train.data import Batch
from eqinfo.train.embeddings import FEATURES, TABLE_SIZES, EmbeddingTables

ALPHABET = 256
MATCHES = 2
MATCH_CLASSES = 16
NO_MATCH = TABLE_SIZES[-1] - 1
# Initial biases of the gates: from averages over 2 bytes to averages over some 150.
_GATE_BIASES = (0.0, -5.0)
# The largest value of a hidden unit in 8 bits.
_MAX_UNIT = 255 / HIDDEN_ONE


class GatedAverages(torch.autograd.Function):
    """The recurrence state[t] = update[t] + keep[t] * state[t - 1], shape (time, lanes, state)."""

    @staticmethod
    def forward(context: Any, update: Tensor, keep: Tensor, state: Tensor) -> Tensor:
        """Return all states; ``state``, shape (lanes, state), comes before the first."""
        states = torch.empty_like(update)
        last = state
        for t in range(len(update)):
            last = torch.addcmul(update[t], keep[t], last, out=states[t])
        context.save_for_backward(keep, states, state)
        return states

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> tuple[Tensor, Tensor, None]:
        """Return the gradients of ``update`` and ``keep``; none flows to the initial state."""
        keep, states, state = context.saved_tensors
        update = gradient.clone()
        for t in range(len(update) - 2, -1, -1):
            update[t].addcmul_(update[t + 1], keep[t + 1])
        keep_gradient = torch.empty_like(update)
        keep_gradient[0] = update[0] * state
        torch.mul(update[1:], states[:-1], out=keep_gradient[1:])
        return update, keep_gradient, None


class Network(nn.Module):
    """Embeddings to logits: gated averages over time, a hidden layer, an output layer.

    Args:
        state: number of gated averages.
        units: size of the hidden layer.
        seed: decides the initial weights.
    """

    def __init__(self, state: int, units: int, seed: int) -> None:
        super().__init__()
        inputs = FEATURES * EMBEDDING_SIZE
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.recurrent = nn.Linear(inputs, 2 * state)
            self.hidden = nn.Linear(inputs + state, units)
            self.output = nn.Linear(units, ALPHABET + MATCHES)
        with torch.no_grad():
            self.recurrent.bias[state:] = torch.linspace(*_GATE_BIASES, state)
        self.state = state

    def forward(self, values: Tensor, matches: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """Predict bytes.

        Args:
            values: embeddings, float32 (time, lanes, features * 16).
            matches: int64 (time, lanes, matches), the matches' places in their tables, which say
                which byte a match predicts.
            state: float32 (lanes, state), the averages before the first byte.

        Returns:
            the logits in nats, shape (time, lanes, 256), and the state after the last byte.
        """
        candidate, gate = self.recurrent(values).split(self.state, -1)
        candidate, gate = candidate.clamp(-1, 1), gate.sigmoid()
        states = GatedAverages.apply(gate * candidate, 1 - gate, state)
        units = self.hidden(torch.cat([values, states], -1)).clamp(0, _MAX_UNIT)
        output = self.output(units)
        found = matches < NO_MATCH
        byte = torch.where(found, matches // MATCH_CLASSES, 0)
        logits = output[..., :ALPHABET].scatter_add(-1, byte, output[..., ALPHABET:] * found)
        return logits, states[-1].detach()

    def limit(self, tables: EmbeddingTables) -> None:
        """Bring weights that are beyond what 8 bits hold to the greatest that they do."""
        assert tables.scales is not None
        scales = layer_scales(tables.scales.double().numpy(), self.state, self.hidden.out_features)
        for name, (column, row) in scales.items():
            # The next smaller float32, because rounding it up would be beyond.
            most = np.nextafter((MAX_WEIGHT / (column * row[:, None])).astype(np.float32), 0)
            weight = getattr(self, name).weight.detach()
            limits = torch.from_numpy(most).expand_as(weight)
            weight.copy_(torch.clamp(weight, -limits, limits))

    def floats(self, tables: EmbeddingTables) -> FloatNetwork:
        """Return all weights in float64, for `eqinfo.models.quantise.quantise`."""
        embeddings, scales = tables.floats()
        return FloatNetwork(
            embeddings, scales, _floats(self.recurrent), _floats(self.hidden), _floats(self.output)
        )


def byte_losses(
    network: Network, tables: EmbeddingTables, batch: Batch, values: Tensor, state: Tensor
) -> tuple[Tensor, Tensor]:
    """Compute the loss of each byte of a batch.

    Args:
        network: the network that predicts.
        tables: the embedding tables.
        batch: the bytes to predict.
        values: ``tables.look_up(batch.ids)``; gradients flow to it.
        state: float32 (lanes, state), the averages before the first byte.

    Returns:
        the losses in nats, shape (time, lanes), and the state after the last byte.
    """
    inputs = tables.rounded(values).flatten(2)
    logits, state = network(inputs, batch.ids[..., -MATCHES:], state)
    losses = functional.cross_entropy(
        logits.view(-1, ALPHABET), batch.texts.view(-1), reduction="none"
    )
    return losses.view(batch.texts.shape), state


def _floats(layer: nn.Linear) -> tuple[Floats, Floats]:
    return layer.weight.detach().double().numpy(), layer.bias.detach().double().numpy()

"""Where streams of a float M1 break if the decoder computes in another way (section 3.7)."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from eqinfo.errors import UnsupportedError
from eqinfo.experiment.analyses.numerical_stability import Break, stream_breaks
from eqinfo.experiment.tokenizations.base import Texts

try:
    import torch
    from torch import Tensor, nn
    from torch.nn import functional
except ImportError as error:
    raise UnsupportedError(
        f"expected PyTorch, which a float M1 needs: pip install eqinfo[torch] ({error})"
    ) from None

from eqinfo.models.paper import BEGIN, PaperTransformer, Sizes
from eqinfo.models.torch import TorchModel
from eqinfo.train.paper import PaperParameters, PaperTraining

__all__ = ["float_breaks", "train_float_model"]

SIZES = Sizes(width=64, heads=2, head_width=32, layers=2, hidden=256, context=64)
_HELD_OUT_BYTES = 4096
_ROWS = 8


def train_float_model(texts: Texts, steps: int = 100, seed: int = 0) -> PaperTransformer:
    """Train a small M1 of the paper's kind.

    Args:
        texts: to learn; the last 4 KiB are not learnt.
        steps: of 16 sequences of 64 bytes.
        seed: of the weights and of the order of the text.

    Raises:
        ValueError: less text than a sequence.
    """
    data = np.frombuffer("".join(texts).encode(), np.uint8)
    parameters = PaperParameters(steps=steps, seed=seed, streams=16, warm_up=100, sizes=SIZES)
    training = PaperTraining(data[:-_HELD_OUT_BYTES], data[-_HELD_OUT_BYTES:], parameters)
    for _ in range(steps):
        training.step()
    network = training.module
    network.eval()
    return network


def float_breaks(
    network: PaperTransformer, text: str, window_bits: int = 16
) -> dict[str, list[Break]]:
    """Encode with a float M1 and decode with the same one, computed in other ways (section 3.7).

    Returns:
        by what the decoder does otherwise: nothing; rows of other texts in the same call; another
        number of threads; and the same sums in another order, as on another machine.

    Args:
        network: M1.
        text: not empty.
        window_bits: as for `stream_breaks`.
    """
    encoder = _model(network)
    decoders = {
        "nothing": encoder,
        f"{_ROWS} rows per call": _model(network, _ROWS),
        "other threads": _model(_Threads(network, 2 if torch.get_num_threads() == 1 else 1)),
        "sums in another order": _model(reordered(network)),
    }
    return {
        name: stream_breaks(encoder, decoder, text, window_bits)
        for name, decoder in decoders.items()
    }


def _model(module: nn.Module, rows: int = 1) -> TorchModel:
    return TorchModel(module, begin=BEGIN, batch=rows)


class _Threads(nn.Module):
    """A network that is computed by another number of threads."""

    def __init__(self, network: PaperTransformer, threads: int) -> None:
        super().__init__()
        self.network = network
        self.threads = threads

    def start(self, batch: int) -> Any:
        return self.network.start(batch)

    def step(self, state: Any, tokens: Tensor) -> Any:
        with _threads(self.threads):
            return self.network.step(state, tokens)


@contextmanager
def _threads(count: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


class _Reordered(nn.Module):
    """A linear layer that adds its products from the last to the first."""

    def __init__(self, layer: nn.Linear) -> None:
        super().__init__()
        self.weight = nn.Parameter(layer.weight.detach().flip(1).contiguous())

    def forward(self, x: Tensor) -> Tensor:
        return functional.linear(x.flip(-1), self.weight)


def reordered(network: PaperTransformer) -> PaperTransformer:
    """Return a network that adds the products of its linear layers in another order."""
    changed = copy.deepcopy(network)
    for module in list(changed.modules()):
        for name, child in list(module.named_children()):
            if isinstance(child, nn.Linear):
                setattr(module, name, _Reordered(child))
    return changed

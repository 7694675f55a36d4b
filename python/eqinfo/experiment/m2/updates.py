"""Steps of an optimiser on an M2; on a GPU, passes are recorded as graphs and replayed."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from eqinfo.embedding.loss import IGNORED
from eqinfo.embedding.window_embedding import SequenceEmbedding
from eqinfo.experiment.m2.network import Transformer
from eqinfo.experiment.m2.sequences import Batch
from eqinfo.train import processes

Z_LOSS = 1e-4
_WARM_UP_PASSES = 3
"""Before a graph is recorded: libraries allocate their workspaces in the first ones."""


def make_optimizer(model: Transformer, learning_rate: float, device: str) -> torch.optim.Optimizer:
    """Return AdamW, or Adafactor for sizes of the paper."""
    if model.size.paper:
        return torch.optim.Adafactor(model.parameters(), learning_rate)
    return torch.optim.AdamW(
        model.parameters(),
        learning_rate,
        betas=(0.9, 0.98),
        weight_decay=0.01,
        fused=device.startswith("cuda") or None,
    )


class Updates:
    """Steps of an optimiser on a model.

    On a CUDA device, the passes over every shape of micro-batch are recorded as a CUDA graph, and
    replayed: a small M2's kernels take less time than launching them one by one. Those of a
    `SequenceEmbedding` are not, because their shapes depend on the tokens.

    Args:
        model: on the device.
        optimizer: of its parameters.
        device: PyTorch's name of it.
        micro_batch: sequences per pass; 0 means the whole batch.
    """

    def __init__(
        self,
        model: Transformer,
        optimizer: torch.optim.Optimizer,
        device: str,
        micro_batch: int = 0,
    ) -> None:
        self._model = model
        self._optimizer = optimizer
        self._device = device
        self._micro_batch = micro_batch
        self._recorded = device.startswith("cuda") and not isinstance(
            model.embedding, SequenceEmbedding
        )
        self._graphs: dict[int, _Graph] = {}

    def step(self, batch: Batch) -> None:
        """Do a step on the mean loss of a batch's predicted tokens."""
        predicted = (batch[1] != IGNORED).sum(1)
        rows = self._micro_batch or len(predicted)
        parts = [slice(begin, begin + rows) for begin in range(0, len(predicted), rows)]
        if self._recorded:
            for part in parts:
                self._record(batch[0][part].shape)
        self._optimizer.zero_grad(set_to_none=not self._recorded)
        for part in parts:
            share = predicted[part].sum() / predicted.sum()
            if share:
                inputs, targets = (torch.from_numpy(array[part]) for array in batch)
                if self._recorded:
                    self._graphs[len(inputs)].replay(inputs, targets, torch.tensor(float(share)))
                else:
                    self._passes(inputs.to(self._device), targets.to(self._device), float(share))
        processes.average_gradients(self._model.parameters())
        nn.utils.clip_grad_norm_(self._model.parameters(), 1.0)
        self._optimizer.step()

    def _passes(self, inputs: Tensor, targets: Tensor, share: float | Tensor) -> None:
        """Add to the gradients those of a micro-batch's loss, times its share of the batch."""
        kind = self._device.partition(":")[0]
        # What a recorded pass has cached would be overwritten by its replays.
        with torch.autocast(
            kind, torch.bfloat16, enabled=kind != "cpu", cache_enabled=not self._recorded
        ):
            loss = self._model.loss(inputs, targets, Z_LOSS if self._model.size.paper else 0.0)
        (loss * share).backward()

    def _record(self, shape: tuple[int, ...]) -> None:
        """Record the passes over micro-batches of a shape; gradients are lost."""
        if shape[0] not in self._graphs:
            self._graphs[shape[0]] = _Graph(self._passes, shape, self._device)


class _Graph:
    """Passes over micro-batches of one shape; replaying them adds to the same gradients."""

    def __init__(self, passes: Any, shape: tuple[int, ...], device: str) -> None:
        inputs, targets = (torch.zeros(shape, dtype=torch.int64, device=device) for _ in range(2))
        self._arguments = inputs, targets, torch.ones((), device=device)
        stream = torch.cuda.Stream(device)
        stream.wait_stream(torch.cuda.current_stream(device))
        with torch.cuda.stream(stream):
            for _ in range(_WARM_UP_PASSES):
                passes(*self._arguments)
        torch.cuda.current_stream(device).wait_stream(stream)
        self._graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self._graph):
            passes(*self._arguments)

    def replay(self, *arguments: Tensor) -> None:
        """Do the passes with other inputs, targets and share."""
        for kept, given in zip(self._arguments, arguments, strict=True):
            kept.copy_(given)
        self._graph.replay()

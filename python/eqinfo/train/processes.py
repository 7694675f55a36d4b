"""Training one network in several processes under torchrun, each with its own batches."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, distributed


@contextmanager
def process_group() -> Iterator[None]:
    """Join the other processes if torchrun started this one; otherwise do nothing."""
    if "TORCHELASTIC_RUN_ID" not in os.environ:
        yield
        return
    distributed.init_process_group("gloo")
    try:
        yield
    finally:
        distributed.destroy_process_group()


def rank() -> int:
    """Return the number of this process, from 0; 0 if it is the only one."""
    return distributed.get_rank() if distributed.is_initialized() else 0


def count() -> int:
    """Return the number of processes."""
    return distributed.get_world_size() if distributed.is_initialized() else 1


def wait() -> None:
    """Wait until all processes have called this."""
    if count() > 1:
        distributed.barrier()


def average_gradients(parameters: Iterable[Tensor]) -> None:
    """Replace each gradient by its mean over all processes."""
    if count() == 1:
        return
    gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
    flat = torch.cat([gradient.flatten() for gradient in gradients])
    distributed.all_reduce(flat)
    flat /= count()
    parts = flat.split([gradient.numel() for gradient in gradients])
    for gradient, part in zip(gradients, parts, strict=True):
        gradient.copy_(part.view_as(gradient))


def gather(tensor: Tensor) -> Tensor:
    """Concatenate the tensors of all processes along the first dimension, in every process."""
    if count() == 1:
        return tensor
    tensors = [torch.empty_like(tensor) for _ in range(count())]
    distributed.all_gather(tensors, tensor.contiguous())
    return torch.cat(tensors)


def gather_objects(value: Any) -> list[Any]:
    """Return the values of all processes in rank order, in every process."""
    if count() == 1:
        return [value]
    values: list[Any] = [None] * count()
    distributed.all_gather_object(values, value)
    return values


def from_first(value: float) -> float:
    """Return the first process's value in every process."""
    if count() == 1:
        return value
    tensor = torch.tensor(value, dtype=torch.float64)
    distributed.broadcast(tensor, 0)
    return float(tensor)

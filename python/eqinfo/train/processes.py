"""Several processes under torchrun, which train one network on batches of their own."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, distributed


@contextmanager
def process_group() -> Iterator[None]:
    """Join the other processes where torchrun started this one."""
    if "TORCHELASTIC_RUN_ID" not in os.environ:
        yield
        return
    distributed.init_process_group("gloo")
    try:
        yield
    finally:
        distributed.destroy_process_group()


def rank() -> int:
    """Return the number of this process; 0 where it is alone."""
    return distributed.get_rank() if distributed.is_initialized() else 0


def count() -> int:
    """Return how many processes there are."""
    return distributed.get_world_size() if distributed.is_initialized() else 1


def wait() -> None:
    """Return when all processes have called this."""
    if count() > 1:
        distributed.barrier()


def average_gradients(parameters: Iterable[Tensor]) -> None:
    """Replace gradients by their mean over all processes."""
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
    """Return the tensors of all processes, one behind the other, in every process."""
    if count() == 1:
        return tensor
    tensors = [torch.empty_like(tensor) for _ in range(count())]
    distributed.all_gather(tensors, tensor.contiguous())
    return torch.cat(tensors)


def gather_objects(value: Any) -> list[Any]:
    """Return what each process gave, in every process."""
    if count() == 1:
        return [value]
    values: list[Any] = [None] * count()
    distributed.all_gather_object(values, value)
    return values


def first_says(value: float) -> float:
    """Return what the first process gave, in every process."""
    if count() == 1:
        return value
    tensor = torch.tensor(value, dtype=torch.float64)
    distributed.broadcast(tensor, 0)
    return float(tensor)

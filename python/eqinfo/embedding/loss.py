"""Cross entropy of a large vocabulary, in chunks, so that never all logits are in memory."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional

IGNORED = -100
"""Targets that are not predicted; the default ``ignore_index`` of PyTorch's cross entropy."""
CHUNK_BYTES = 1 << 24
"""Logits in memory at a time, as float32: what a processor's cache holds."""
DEVICE_CHUNK_BYTES = 1 << 29
"""The same on other devices, where small products leave most of the device idle, and every chunk
reads and writes the whole gradient of the weights."""


def cross_entropy(hidden: Tensor, weight: Tensor, targets: Tensor, z_loss: float = 0.0) -> Tensor:
    """Return the mean loss in nats of the targets that are not `IGNORED`; NaN if all are.

    The same as ``functional.cross_entropy(functional.linear(hidden, weight), targets)``, with the
    same gradients up to the order of summation. Gradients are computed along with the loss, chunk
    by chunk, so the logits are computed only once. Under autocast the products have its dtype; sums
    over chunks and the loss are float32. The result can be differentiated once.

    Args:
        hidden: (n, width).
        weight: (vocab_size, width).
        targets: int64 (n,).
        z_loss: factor of the mean square of the logarithm of the softmax's denominator, which is
            added to keep logits small; 1e-4 in arXiv 2404.03626.
    """
    if torch.is_autocast_enabled(hidden.device.type):
        dtype = torch.get_autocast_dtype(hidden.device.type)
    else:
        dtype = hidden.dtype
    loss: Tensor = _ChunkedCrossEntropy.apply(hidden, weight, targets, dtype, z_loss)
    return loss


def chunk_length(vocab_size: int, device: torch.device) -> int:
    """Return the number of positions whose logits are computed at a time."""
    size = CHUNK_BYTES if device.type == "cpu" else DEVICE_CHUNK_BYTES
    return max(1, size // (4 * vocab_size))


class _ChunkedCrossEntropy(torch.autograd.Function):
    @staticmethod
    def forward(
        context: Any,
        hidden: Tensor,
        weight: Tensor,
        targets: Tensor,
        dtype: torch.dtype,
        z_loss: float,
    ) -> Tensor:
        needs_hidden, needs_weight = context.needs_input_grad[:2]
        hidden_gradient = torch.zeros_like(hidden) if needs_hidden else None
        factor = weight.to(dtype)
        count = (targets != IGNORED).sum()
        kind = torch.promote_types(hidden.dtype, torch.float32)
        weight_gradient = torch.zeros_like(weight, dtype=kind) if needs_weight else None
        nats = torch.zeros((), dtype=kind, device=hidden.device)
        step = chunk_length(len(weight), weight.device)
        with torch.autocast(hidden.device.type, enabled=False):
            for begin in range(0, len(hidden), step):
                part = slice(begin, begin + step)
                inputs, wanted = hidden[part].to(dtype), targets[part]
                logits = inputs @ factor.T
                of_chunk = _chunk if weight.device.type == "cpu" else _device_chunk
                loss, gradient, scale = of_chunk(logits, wanted, count, kind, z_loss)
                nats += loss
                if hidden_gradient is not None:
                    hidden_gradient[part] = (gradient @ factor) * scale
                if weight_gradient is not None:
                    weight_gradient += gradient.T @ (inputs * scale).to(dtype)
        if weight_gradient is not None:
            weight_gradient = weight_gradient.to(weight.dtype)
        context.save_for_backward(hidden_gradient, weight_gradient)
        return nats / count

    @staticmethod
    @once_differentiable  # type: ignore[untyped-decorator]
    def backward(context: Any, factor: Tensor) -> tuple[Tensor | None, ...]:
        scaled = (
            None if gradient is None else gradient * factor for gradient in context.saved_tensors
        )
        return *scaled, None, None, None


def _chunk(
    logits: Tensor, wanted: Tensor, count: Tensor, kind: torch.dtype, z_loss: float
) -> tuple[Tensor, Tensor, Tensor]:
    """Compute the losses of a chunk along with its gradients.

    Returns:
        the sum of the losses; the gradient of the logits of the mean over ``count``, but for a
        factor for each row; and these factors.
    """
    dtype, logits = logits.dtype, logits.to(kind)
    denominator = logits.logsumexp(-1, keepdim=True)
    logits -= denominator
    nats = functional.nll_loss(logits, wanted, ignore_index=IGNORED, reduction="sum")
    # The gradient of the logits: probabilities, less one for the targets.
    gradient = logits.exp_()
    predicted = (wanted != IGNORED).to(kind)[:, None]
    if z_loss:
        nats = nats + z_loss * (predicted * denominator.square()).sum()
        gradient *= 1 + 2 * z_loss * denominator
    gradient.scatter_add_(-1, wanted.clamp(min=0)[:, None], -predicted)
    gradient *= predicted / count
    return nats, gradient.to(dtype), torch.ones((), dtype=kind)


def _device_chunk(
    logits: Tensor, wanted: Tensor, count: Tensor, kind: torch.dtype, z_loss: float
) -> tuple[Tensor, Tensor, Tensor]:
    """Return what `_chunk` does, up to rounding, with fewer passes over the logits.

    On a GPU, the time of a chunk is that of moving its logits through memory.
    """
    predicted = (wanted != IGNORED).to(kind)[:, None]
    places = wanted.clamp(min=0)[:, None]
    logarithms = functional.log_softmax(logits, -1, dtype=kind)
    losses = -logarithms.gather(-1, places)
    growth = torch.ones_like(losses)  # of the gradient of the softmax, by the z-loss
    if z_loss:
        denominator = logits.gather(-1, places) + losses
        losses += z_loss * denominator.square()
        growth += 2 * z_loss * denominator
    gradient = torch.empty_like(logits)
    torch.exp(logarithms, out=gradient)
    gradient.scatter_add_(-1, places, (-1 / growth).to(gradient.dtype))
    return (losses * predicted).sum(), gradient, growth * predicted / count

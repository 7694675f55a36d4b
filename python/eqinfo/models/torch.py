"""A PyTorch module as a model: `TorchModel`."""

from __future__ import annotations

from functools import cached_property
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from eqinfo.errors import ModelError, UnsupportedError
from eqinfo.models.fingerprint import numeric_fingerprint
from eqinfo.models.function import FunctionModel
from eqinfo.models.protocol import FRESH

try:
    import torch
except ImportError as error:
    raise UnsupportedError(
        f"models in PyTorch need the extra torch: pip install eqinfo[torch] ({error})"
    ) from None


def checked_logits(logits: Any, shape: tuple[int, ...]) -> Any:
    """Return a module's logits.

    Args:
        logits: of a floating dtype of up to 32 bits, which float32 holds exactly.
        shape: what they must have.

    Raises:
        ModelError: no tensor, or another shape, dtype or device.
    """
    if not isinstance(logits, torch.Tensor):
        raise ModelError(f"the module answered with {type(logits).__name__}, expected a tensor")
    if tuple(logits.shape) != shape:
        raise ModelError(f"the module answered with shape {tuple(logits.shape)}, expected {shape}")
    if not logits.dtype.is_floating_point or logits.dtype == torch.float64:
        raise ModelError(
            f"the module answered with {logits.dtype}, expected floats of up to 32 bits"
        )
    if logits.device.type == "meta":
        raise ModelError("the module answered on the device meta, which holds no data")
    return logits


def state_tensors(state: Any, rows: int) -> tuple[Any, ...]:
    """Return the tensors of a module's state.

    Raises:
        ModelError: something else, or another first dimension than ``rows``.
    """
    tensors = (state,) if isinstance(state, torch.Tensor) else tuple(state)
    for tensor in tensors:
        if not isinstance(tensor, torch.Tensor):
            raise ModelError(
                "expected a state of tensors whose first dimension is the lane, "
                f"found {type(tensor).__name__}"
            )
        if tensor.shape[:1] != (rows,):
            raise ModelError(f"expected a state of {rows} rows, found shape {tuple(tensor.shape)}")
    return tensors


def float_rows(logits: Any) -> NDArray[np.float32]:
    """Return checked logits as float32 on the CPU."""
    rows: NDArray[np.float32] = logits.detach().to("cpu", torch.float32).numpy()
    return rows


class TorchModel:
    """Calls an ``nn.Module``, which is put in eval mode, without gradients.

    Every call of the module has exactly ``batch`` rows, filled up where lanes are missing, and
    shapes that follow from a row's own context, never from its neighbours'. So encoding and
    decoding compute a row in the same way (docs/models.md says what was measured).

    Args:
        module: either ``module(tokens)`` takes int64 tokens of shape (batch, L), L up to
            ``context_length``, and answers logits of shape (batch, L, vocab_size), where row i
            follows from tokens 0 to i only; the context is computed anew for every symbol. Or the
            module has ``start(batch)``, which returns a state: a tensor or a tuple of tensors, the
            first dimension of each the lane; and ``step(state, tokens)``, which takes int64
            tokens of shape (batch,) and returns (logits of shape (batch, vocab_size), next
            state) without changing its arguments.
        vocab_size: symbols of the alphabet.
        context_length: the longest input of a module without state, ``begin`` included; a longer
            context is its last symbols.
        begin: the token that stands before the first symbol, and stays there when the context
            slides.
        batch: rows of each call. Part of the arithmetic: decode with what encoded.

    Raises:
        UnsupportedError: torch is not installed.
    """

    def __init__(
        self,
        module: Any,
        vocab_size: int = 256,
        context_length: int = 1024,
        *,
        begin: int = 0,
        batch: int = 1,
    ) -> None:
        if not isinstance(module, torch.nn.Module):
            raise TypeError(f"expected an nn.Module, found {type(module).__name__}")
        if context_length < 2:
            raise ValueError(f"context_length must be at least 2, found {context_length}")
        if batch < 1:
            raise ValueError(f"expected a batch of at least 1 row, found {batch}")
        self.module = module
        self.vocab_size = vocab_size
        self.context_length = context_length
        self.begin = begin
        self.batch = batch
        self._contexts: _Contexts
        if hasattr(module, "start") and hasattr(module, "step"):
            self._contexts = _Recurrence(module, vocab_size, begin, batch)
        else:
            forward = _Forward(module, vocab_size, context_length, begin, batch)
            self._contexts = FunctionModel(forward, vocab_size, context_length - 1)

    @cached_property
    def fingerprint(self) -> str:
        """The numeric fingerprint, of the first time that it was asked for."""
        return f"torch:{numeric_fingerprint(self)}"

    @property
    def device(self) -> Any:
        """The torch.device of the module's parameters; the CPU, where it has none."""
        return _device(self.module)

    def start(self, batch: int) -> Any:
        """Return ``batch`` empty contexts."""
        self.module.eval()
        return self._contexts.start(batch)

    def step(
        self, state: Any, symbols: NDArray[np.int32], lanes: NDArray[np.int64]
    ) -> NDArray[Any]:
        """Append the symbols and call the module."""
        return self._contexts.step(state, symbols, lanes)

    def reset(self, state: Any, lanes: NDArray[np.int64]) -> None:
        """Empty some contexts."""
        self._contexts.reset(state, lanes)


class _Contexts(Protocol):
    """What `TorchModel` and its two ways to keep contexts share."""

    def start(self, batch: int) -> Any: ...

    def step(
        self, state: Any, symbols: NDArray[np.int32], lanes: NDArray[np.int64]
    ) -> NDArray[Any]: ...

    def reset(self, state: Any, lanes: NDArray[np.int64]) -> None: ...


def _device(module: Any) -> Any:
    parameter = next(module.parameters(), None)
    return torch.device("cpu") if parameter is None else parameter.device


class _Forward:
    """Whole contexts in calls of ``batch`` rows, each as wide as its own rows need.

    The width is a power of two (or the longest), so that a module meets few shapes.
    """

    def __init__(
        self, module: Any, vocab_size: int, context_length: int, begin: int, batch: int
    ) -> None:
        self.module = module
        self.vocab_size = vocab_size
        self.context_length = context_length
        self.begin = begin
        self.batch = batch

    def __call__(
        self, contexts: NDArray[np.int32], lengths: NDArray[np.int32]
    ) -> NDArray[np.float32]:
        answers = np.empty((len(lengths), self.vocab_size), np.float32)
        # The least power of two that holds `begin` and the context.
        widths = np.array([1 << int(length).bit_length() for length in lengths], np.int64)
        for width in np.unique(widths).tolist():
            rows = np.flatnonzero(widths == width)
            for first in range(0, len(rows), self.batch):
                part = rows[first : first + self.batch]
                width = min(width, self.context_length)
                answers[part] = self._call(contexts[part, : width - 1], lengths[part], width)
        return answers

    def _call(
        self, contexts: NDArray[np.int32], lengths: NDArray[np.int32], width: int
    ) -> NDArray[np.float32]:
        tokens = np.full((self.batch, width), self.begin, np.int64)
        tokens[: len(contexts), 1 : 1 + contexts.shape[1]] = contexts
        with torch.no_grad():
            logits = self.module(torch.from_numpy(tokens).to(_device(self.module)))
            logits = checked_logits(logits, (self.batch, width, self.vocab_size))
            return float_rows(logits[range(len(lengths)), lengths.tolist()])


class _Recurrence:
    """A module's own state of every lane, gathered into calls of ``batch`` rows."""

    def __init__(self, module: Any, vocab_size: int, begin: int, batch: int) -> None:
        self.module = module
        self.vocab_size = vocab_size
        self.begin = begin
        self.batch = batch

    def start(self, batch: int) -> _LaneStates:
        begin = np.full(self.batch, self.begin, np.int64)
        with torch.no_grad():
            fresh = self.module.start(self.batch)
            state_tensors(fresh, self.batch)  # checked here, for a clear message
            rows, following = self._call(fresh, begin)
        return _LaneStates(following, isinstance(fresh, torch.Tensor), rows[0], batch)

    def step(
        self, state: _LaneStates, symbols: NDArray[np.int32], lanes: NDArray[np.int64]
    ) -> NDArray[np.float32]:
        answers = np.empty((len(lanes), self.vocab_size), np.float32)
        answers[symbols == FRESH] = state.first_row
        seen = np.flatnonzero(symbols != FRESH)
        for first in range(0, len(seen), self.batch):
            part = seen[first : first + self.batch]
            # Filled up with rows that are there anyway.
            filled = np.resize(part, self.batch)
            with torch.no_grad():
                rows, following = self._call(
                    state.rows(torch.from_numpy(lanes[filled])), symbols[filled].astype(np.int64)
                )
                state.replace(torch.from_numpy(lanes[part]), following)
            answers[part] = rows[: len(part)]
        return answers

    def reset(self, state: _LaneStates, lanes: NDArray[np.int64]) -> None:
        state.reset(torch.from_numpy(lanes))

    def _call(
        self, state: Any, tokens: NDArray[np.int64]
    ) -> tuple[NDArray[np.float32], tuple[Any, ...]]:
        device_tokens = torch.from_numpy(tokens).to(_device(self.module))
        logits, following = self.module.step(state, device_tokens)
        logits = checked_logits(logits, (self.batch, self.vocab_size))
        return float_rows(logits), state_tensors(following, self.batch)


class _LaneStates:
    """A module's state on every lane; empty contexts all have that after ``begin``."""

    def __init__(
        self, begun: tuple[Any, ...], single: bool, first_row: NDArray[np.float32], lanes: int
    ) -> None:
        self.fresh = tuple(tensor[0].clone() for tensor in begun)
        self.tensors = tuple(tensor.repeat(lanes, *[1] * tensor.dim()) for tensor in self.fresh)
        self.single = single
        self.first_row = first_row

    def rows(self, lanes: Any) -> Any:
        """Return the module's own form of state for some lanes."""
        rows = tuple(tensor[lanes.to(tensor.device)] for tensor in self.tensors)
        return rows[0] if self.single else rows

    def replace(self, lanes: Any, rows: tuple[Any, ...]) -> None:
        """Take the first ``len(lanes)`` rows as the states of ``lanes``."""
        for tensor, new in zip(self.tensors, rows, strict=True):
            tensor[lanes.to(tensor.device)] = new[: len(lanes)].to(tensor.dtype)

    def reset(self, lanes: Any) -> None:
        for tensor, fresh in zip(self.tensors, self.fresh, strict=True):
            tensor[lanes.to(tensor.device)] = fresh

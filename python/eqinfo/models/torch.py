"""A PyTorch module as a model: `TorchModel`."""

from __future__ import annotations

from functools import cached_property
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from eqinfo.common.integers import check_integers
from eqinfo.errors import ModelError, UnsupportedError
from eqinfo.models.fingerprint import numeric_fingerprint
from eqinfo.models.function import FunctionModel
from eqinfo.models.protocol import FRESH

try:
    import torch
except ImportError as error:
    raise UnsupportedError(
        "expected PyTorch, which TorchModel needs: "
        f"install it with pip install eqinfo[torch] ({error})"
    ) from None


def checked_logits(logits: Any, shape: tuple[int, ...]) -> Any:
    """Check what a module returned as logits, and return it.

    Args:
        logits: should be a tensor of floats of up to 32 bits, which float32 holds exactly.
        shape: the shape that it must have.

    Raises:
        ModelError: it is not such a tensor.
    """
    if not isinstance(logits, torch.Tensor):
        raise ModelError(
            f"expected logits as a tensor, the module answered with {type(logits).__name__}"
        )
    if tuple(logits.shape) != shape:
        raise ModelError(
            f"expected logits of shape {shape}, the module answered with {tuple(logits.shape)}"
        )
    if not logits.dtype.is_floating_point or logits.dtype == torch.float64:
        raise ModelError(
            f"expected logits in floats of up to 32 bits, the module answered with {logits.dtype}"
        )
    if logits.device.type == "meta":
        raise ModelError(
            "expected logits on a device that holds data, the module answered on the device meta"
        )
    return logits


def state_tensors(state: Any, rows: int) -> tuple[Any, ...]:
    """Return the tensors of a module's state as a tuple.

    Args:
        state: a tensor or an iterable of tensors.
        rows: the first dimension that each must have.

    Raises:
        ModelError: it is something else, or a tensor has another first dimension.
    """
    tensors = (state,) if isinstance(state, torch.Tensor) else tuple(state)
    for tensor in tensors:
        if not isinstance(tensor, torch.Tensor):
            raise ModelError(
                "expected a state of tensors whose first dimension is the lane, "
                f"found {type(tensor).__name__}"
            )
        if tensor.shape[:1] != (rows,):
            raise ModelError(
                f"expected state tensors with first dimension {rows}, "
                f"found shape {tuple(tensor.shape)}"
            )
    return tensors


def float_rows(logits: Any) -> NDArray[np.float32]:
    """Convert checked logits to float32 on the CPU, without loss."""
    rows: NDArray[np.float32] = logits.detach().to("cpu", torch.float32).numpy()
    return rows


class TorchModel:
    """A PyTorch module that predicts the next symbol. It runs in eval mode, without gradients.

    Every call of the module has exactly ``batch`` rows, filled up if there are fewer lanes. Its
    width follows from a row's own context, never from other rows. So encoding and decoding compute
    a row in the same way; docs/models.md reports what was measured.

    A module is used in one of two ways:

    - ``module(tokens)`` takes int64 (batch, L), L up to ``context_length``, and returns logits of
      shape (batch, L, vocab_size), where those at place i depend on tokens 0 to i only. The whole
      context is computed again for every symbol.
    - If the module has the methods ``start`` and ``step``, they are called instead.
      ``start(batch)`` returns a state: a tensor or a tuple of tensors whose first dimension is the
      lane. ``step(state, tokens)`` takes int64 (batch,) and returns logits of shape
      (batch, vocab_size) and the next state, and must not change its arguments.

    Logits may be float32, float16 or bfloat16.

    Args:
        module: the module.
        vocab_size: number of symbols in the alphabet.
        context_length: the most tokens per call of a module without ``step``, including ``begin``.
            Of a longer context, the last symbols are passed.
        begin: the token before the first symbol. It stays there when older symbols are dropped.
        batch: rows per call. The numbers depend on it: decode with the value that encoded.

    Raises:
        TypeError: ``module`` is not an ``nn.Module``, or another argument not an integer.
        ValueError: ``context_length`` is below 2 or ``batch`` below 1.
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
        vocab_size, context_length, begin, batch = check_integers(
            vocab_size=vocab_size, context_length=context_length, begin=begin, batch=batch
        )
        if context_length < 2:
            raise ValueError(f"expected a context_length of 2 or more, found {context_length}")
        if batch < 1:
            raise ValueError(f"expected a batch of 1 row or more, found {batch}")
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
        """The numeric fingerprint, computed on first use."""
        return f"torch:{numeric_fingerprint(self)}"

    @property
    def device(self) -> Any:
        """The ``torch.device`` of the module's parameters; the CPU if it has none."""
        return _device(self.module)

    def start(self, batch: int) -> Any:
        """Return a state of ``batch`` empty contexts."""
        self.module.eval()
        return self._contexts.start(batch)

    def step(
        self, state: Any, symbols: NDArray[np.int32], lanes: NDArray[np.int64]
    ) -> NDArray[Any]:
        """Append the symbols and call the module; see `Model.step`."""
        return self._contexts.step(state, symbols, lanes)

    def reset(self, state: Any, lanes: NDArray[np.int64]) -> None:
        """Empty the contexts of ``lanes``."""
        self._contexts.reset(state, lanes)


class _Contexts(Protocol):
    """The part of `Model` that each of the two ways to use a module implements."""

    def start(self, batch: int) -> Any: ...

    def step(
        self, state: Any, symbols: NDArray[np.int32], lanes: NDArray[np.int64]
    ) -> NDArray[Any]: ...

    def reset(self, state: Any, lanes: NDArray[np.int64]) -> None: ...


def _device(module: Any) -> Any:
    parameter = next(module.parameters(), None)
    return torch.device("cpu") if parameter is None else parameter.device


class _Forward:
    """Calls a module with whole contexts; the function of a `FunctionModel`.

    The contexts of a call have the same width: the least power of two that they fit into, or
    ``context_length``. So there are few different shapes.
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
        # The least power of two that `begin` and the context fit into.
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
    """Calls a module's ``step`` with the states of ``batch`` lanes."""

    def __init__(self, module: Any, vocab_size: int, begin: int, batch: int) -> None:
        self.module = module
        self.vocab_size = vocab_size
        self.begin = begin
        self.batch = batch

    def start(self, batch: int) -> _LaneStates:
        begin = np.full(self.batch, self.begin, np.int64)
        with torch.no_grad():
            fresh = self.module.start(self.batch)
            state_tensors(fresh, self.batch)  # check it before the module gets it back
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
            # A call that is not full repeats lanes; only their first results are kept.
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
    """A module's state on every lane; on lanes with an empty context, the state after ``begin``."""

    def __init__(
        self, begun: tuple[Any, ...], single: bool, first_row: NDArray[np.float32], lanes: int
    ) -> None:
        self.fresh = tuple(tensor[0].clone() for tensor in begun)
        self.tensors = tuple(tensor.repeat(lanes, *[1] * tensor.dim()) for tensor in self.fresh)
        self.single = single
        self.first_row = first_row

    def rows(self, lanes: Any) -> Any:
        """Return the state of some lanes in the form that the module returned."""
        rows = tuple(tensor[lanes.to(tensor.device)] for tensor in self.tensors)
        return rows[0] if self.single else rows

    def replace(self, lanes: Any, rows: tuple[Any, ...]) -> None:
        """Take the first ``len(lanes)`` rows as the states of ``lanes``."""
        for tensor, new in zip(self.tensors, rows, strict=True):
            tensor[lanes.to(tensor.device)] = new[: len(lanes)].to(tensor.dtype)

    def reset(self, lanes: Any) -> None:
        for tensor, fresh in zip(self.tensors, self.fresh, strict=True):
            tensor[lanes.to(tensor.device)] = fresh

"""Models whose contexts, symbols and logits stay on a device."""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable

from eqinfo.cuda.memory import torch
from eqinfo.errors import DeviceError, UnsupportedError
from eqinfo.models.torch import TorchModel, checked_logits, state_tensors


@runtime_checkable
class DeviceModel(Protocol):
    """Predicts on a fixed number of lanes, all in every call, without looking at their symbols.

    Attributes:
        vocab_size: as in `eqinfo.models.protocol.Model`.
        lanes: rows of every call. They are part of a floating-point model's arithmetic, so decode
            with as many.
    """

    @property
    def vocab_size(self) -> int: ...  # noqa: D102

    @property
    def lanes(self) -> int: ...  # noqa: D102

    def start(self) -> Any:
        """Return contexts of all lanes."""
        ...

    def predict(self, state: Any, previous: Any) -> Any:
        """Append a symbol to every lane's context and predict its next ones.

        Args:
            state: what `start` returned; changed in place.
            previous: int32, shape (lanes,), on the device: what each lane has just seen, or `FRESH`
                where the context is to be emptied first.

        Returns:
            float32, float16 or bfloat16 logits, shape (lanes, vocab_size), on the device. Nothing
            here may wait for the device.
        """
        ...


def on_device(model: Any, device: Any) -> tuple[DeviceModel, Any]:
    """Return what codes with ``model`` on a device, and which one that is: "cuda" has no number.

    Raises:
        DeviceError: the module's parameters are elsewhere.
        UnsupportedError: neither a `TorchModel` nor a `DeviceModel`.
    """
    if isinstance(model, TorchModel):
        found = model.device
        if found.type != device.type or device.index not in (None, found.index):
            raise DeviceError(f"expected a module on {device}, found it on {found}")
        steps = hasattr(model.module, "start") and hasattr(model.module, "step")
        return StatefulLanes(model) if steps else ForwardLanes(model), found
    if isinstance(model, DeviceModel):
        return model, device
    raise UnsupportedError(
        "expected a TorchModel or a model with lanes, start() and predict() "
        f"(eqinfo.cuda.models.DeviceModel) to code on {device}, found {type(model).__name__}"
    )


class StatefulLanes:
    """A module with a state of its own: ``module.step(state, tokens)`` on all lanes."""

    def __init__(self, model: TorchModel) -> None:
        self.vocab_size = model.vocab_size
        self.lanes = model.batch
        self._model = model

    def start(self) -> dict[str, Any]:
        """Return the module's state for all lanes, and that of an empty context."""
        self._model.module.eval()
        with torch.no_grad():
            fresh = self._model.module.start(self.lanes)
        return {"fresh": state_tensors(fresh, self.lanes), "single": torch.is_tensor(fresh)}

    def predict(self, state: dict[str, Any], previous: Any) -> Any:
        """Call the module once, an empty context's state wherever a lane begins afresh."""
        begins = previous < 0
        tokens = torch.where(begins, self._model.begin, previous).to(torch.int64)
        rows = state["fresh"]
        if "now" in state:
            rows = tuple(
                torch.where(begins.view(-1, *[1] * (now.dim() - 1)), fresh.to(now.dtype), now)
                for fresh, now in zip(state["fresh"], state["now"], strict=True)
            )
        with torch.no_grad():
            answer = self._model.module.step(rows[0] if state["single"] else rows, tokens)
        logits, following = answer
        state["now"] = state_tensors(following, self.lanes)
        return checked_logits(logits, (self.lanes, self.vocab_size))


class ForwardLanes:
    """A module of whole contexts: ``module(tokens)`` of shape (lanes, context_length), always.

    The width is fixed, since lanes of different lengths would make the host look at them. So choose
    a context_length that windows need and no more.
    """

    def __init__(self, model: TorchModel) -> None:
        self.vocab_size = model.vocab_size
        self.lanes = model.batch
        self._model = model
        self._width = model.context_length

    def start(self) -> dict[str, Any]:
        """Return the tokens of all lanes, ``begin`` first, and how many symbols each has."""
        self._model.module.eval()
        device = self._model.device
        return {
            "tokens": torch.full((self.lanes, self._width), self._model.begin, device=device),
            "lengths": torch.zeros(self.lanes, dtype=torch.int64, device=device),
            "rows": torch.arange(self.lanes, device=device),
        }

    def predict(self, state: dict[str, Any], previous: Any) -> Any:
        """Append, where a context is full push its oldest symbol out, and call the module."""
        begins = previous < 0
        tokens, lengths, rows = state["tokens"], state["lengths"], state["rows"]
        full = (lengths == self._width - 1) & ~begins
        pushed = torch.cat([tokens[:, :1], tokens[:, 2:], tokens[:, -1:]], 1)
        tokens = torch.where(full[:, None], pushed, tokens)
        # Behind a context stands `begin`, as where the CPU's model fills up.
        tokens = torch.where(begins[:, None], self._model.begin, tokens)
        lengths = torch.where(begins, 0, torch.clamp(lengths + 1, max=self._width - 1))
        last = torch.where(begins, self._model.begin, previous).to(torch.int64)
        tokens[rows, lengths] = last
        state["tokens"], state["lengths"] = tokens, lengths
        with torch.no_grad():
            logits = self._model.module(tokens)
        shape = (self.lanes, self._width, self.vocab_size)
        return checked_logits(logits, shape)[rows, lengths]

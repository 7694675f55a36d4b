"""Models whose contexts, symbols and logits stay on the GPU."""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable

from eqinfo.cuda.memory import torch
from eqinfo.cuda.transformer import DeviceTransformer
from eqinfo.errors import DeviceError, UnsupportedError
from eqinfo.models.torch import TorchModel, checked_logits, state_tensors
from eqinfo.models.transformer.model import TransformerModel

__all__ = ["DeviceModel", "ForwardLanes", "StatefulLanes", "on_device"]


@runtime_checkable
class DeviceModel(Protocol):
    """Predicts on a fixed number of lanes, all in every call, without copying symbols to the host.

    Attributes:
        vocab_size: as in `eqinfo.models.protocol.Model`.
        lanes: the batch size of every call. It can change the results of floating-point
            arithmetic, so decode with the same number.
    """

    @property
    def vocab_size(self) -> int: ...  # noqa: D102

    @property
    def lanes(self) -> int: ...  # noqa: D102

    def start(self) -> Any:
        """Return empty contexts for all lanes."""
        ...

    def predict(self, state: Any, previous: Any) -> Any:
        """Append a symbol to every lane's context, and predict the next one.

        Args:
            state: what `start` returned; changed in place.
            previous: int32, shape (lanes,), on the device: the symbol that each lane has just
                coded, or `FRESH` for a lane whose context is to be emptied.

        Returns:
            float32, float16 or bfloat16 logits, or int32 ones in 1024ths of an octave, shape
            (lanes, vocab_size), on the device. The method should not wait for the device.
        """
        ...


def on_device(model: Any, device: Any, lanes: int) -> tuple[DeviceModel, Any]:
    """Return a `DeviceModel` for ``model``, and its device; "cuda" alone names no particular one.

    Args:
        model: a `TorchModel`, a `TransformerModel` or a `DeviceModel`.
        device: a torch.device.
        lanes: how many a `TransformerModel` gets; others have a number of their own.

    Raises:
        DeviceError: the module's parameters are on another device.
        UnsupportedError: another model.
    """
    if isinstance(model, TorchModel):
        found = model.device
        if found.type != device.type or device.index not in (None, found.index):
            raise DeviceError(
                f"expected a module on {device}, found it on {found}: move it there with "
                f"module.to({str(device)!r})"
            )
        steps = hasattr(model.module, "start") and hasattr(model.module, "step")
        return StatefulLanes(model) if steps else ForwardLanes(model), found
    if isinstance(model, TransformerModel):
        return DeviceTransformer(model, lanes, device), device
    if isinstance(model, DeviceModel):
        return model, device
    raise UnsupportedError(
        "expected a TorchModel, a TransformerModel or a model with lanes, start() and predict() "
        f"(eqinfo.cuda.models.DeviceModel) to code on {device}, found {type(model).__name__}"
    )


class StatefulLanes:
    """A module that keeps a state per lane: ``module.step(state, tokens)`` on all lanes."""

    def __init__(self, model: TorchModel) -> None:
        self.vocab_size = model.vocab_size
        self.lanes = model.batch
        self._model = model

    def start(self) -> dict[str, Any]:
        """Return the module's state for empty contexts on all lanes."""
        self._model.module.eval()
        with torch.no_grad():
            fresh = self._model.module.start(self.lanes)
        return {"fresh": state_tensors(fresh, self.lanes), "single": torch.is_tensor(fresh)}

    def predict(self, state: dict[str, Any], previous: Any) -> Any:
        """Call the module once; lanes that begin anew get the state of an empty context."""
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
    """A module that takes whole contexts: ``module(tokens)``, shape (lanes, context_length).

    The width is fixed, because the host would have to wait for the device to learn how long the
    contexts are. So choose a context_length no larger than windows need.
    """

    def __init__(self, model: TorchModel) -> None:
        self.vocab_size = model.vocab_size
        self.lanes = model.batch
        self._model = model
        self._width = model.context_length

    def start(self) -> dict[str, Any]:
        """Return the tokens of all lanes, ``begin`` first, and the number of symbols of each."""
        self._model.module.eval()
        device = self._model.device
        return {
            "tokens": torch.full((self.lanes, self._width), self._model.begin, device=device),
            "lengths": torch.zeros(self.lanes, dtype=torch.int64, device=device),
            "rows": torch.arange(self.lanes, device=device),
        }

    def predict(self, state: dict[str, Any], previous: Any) -> Any:
        """Append the symbols, dropping the oldest of a full context, and call the module."""
        begins = previous < 0
        tokens, lengths, rows = state["tokens"], state["lengths"], state["rows"]
        full = (lengths == self._width - 1) & ~begins
        pushed = torch.cat([tokens[:, :1], tokens[:, 2:], tokens[:, -1:]], 1)
        tokens = torch.where(full[:, None], pushed, tokens)
        # A context is followed by `begin`, which also fills up short contexts on the CPU.
        tokens = torch.where(begins[:, None], self._model.begin, tokens)
        lengths = torch.where(begins, 0, torch.clamp(lengths + 1, max=self._width - 1))
        last = torch.where(begins, self._model.begin, previous).to(torch.int64)
        tokens[rows, lengths] = last
        state["tokens"], state["lengths"] = tokens, lengths
        with torch.no_grad():
            logits = self._model.module(tokens)
        shape = (self.lanes, self._width, self.vocab_size)
        return checked_logits(logits, shape)[rows, lengths]

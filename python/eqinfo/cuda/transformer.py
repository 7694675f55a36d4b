"""Transformers on a GPU: contexts, rows and logits stay there, and equal those of the processor."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from numpy.typing import NDArray

from eqinfo.cuda import require_cuda
from eqinfo.cuda.memory import device_memory, to_device, torch
from eqinfo.cuda.transformer_plan import Arguments, Launch, Network, Plan, Prepare
from eqinfo.models.transformer.model import TransformerModel

__all__ = ["DeviceTransformer"]

Join: TypeAlias = Callable[[Sequence[Launch]], Launch]
"""Makes one launch of several that always follow each other. They are called once, on no rows."""

_NO_ROW = -1


def in_turn(launches: Sequence[Launch]) -> Launch:
    """Return a call that queues one after the other."""

    def launch() -> None:
        for each in launches:
            each()

    return launch


class DeviceTransformer:
    """A `DeviceModel` whose logits are those of a `TransformerModel` on the processor.

    Args:
        model: its tensors are copied to the device.
        lanes: how many contexts a state has; each reserves ``model.context_bytes``.
        device: a torch.device.
        prepare: the kernels; tests put the simulator's in place of CUDA's.
        least_rows: how many rows launches have that begin full contexts again, if there are fewer
            lanes. By default as many as a tile of the products has: fewer take as long.
    """

    def __init__(
        self,
        model: TransformerModel,
        lanes: int,
        device: Any,
        prepare: Prepare | None = None,
        *,
        least_rows: int = 16,
    ) -> None:
        self.vocab_size = model.vocab_size
        self.lanes = lanes
        self._device = device
        self._count = max(lanes, least_rows)
        self._prepare = prepare
        with device_memory("transformer"):
            self._network = Network(model, TorchMemory(device))

    def start(self) -> Contexts:
        """Return empty contexts for all lanes."""
        prepare, join = (self._prepare, in_turn) if self._prepare else _graphs(self._device)
        with device_memory("transformer"):
            return Contexts(self._network, self._device, self.lanes, self._count, prepare, join)

    def predict(self, state: Contexts, previous: Any) -> Any:
        """Append the symbols and return int32 logits; see `DeviceModel.predict`.

        It waits for the device only when a context may be full.
        """
        return state.predict(previous)


class TorchMemory:
    """`Memory` of a torch.device."""

    def __init__(self, device: Any) -> None:
        self._device = device

    def upload(self, array: NDArray[Any]) -> Any:
        """See `Memory.upload`."""
        return to_device(array, self._device)

    def zeros(self, shape: tuple[int, ...], dtype: str) -> Any:
        """See `Memory.zeros`."""
        return torch.zeros(shape, dtype=getattr(torch, dtype), device=self._device)


class Contexts:
    """The contexts of some lanes, and the launches that append a row to them.

    Every launch has the same number of rows; those without a symbol have no position.
    """

    def __init__(
        self, network: Network, device: Any, lanes: int, count: int, prepare: Prepare, join: Join
    ) -> None:
        zeros = network.zeros
        self._network = network
        self._count = count
        self._lanes = torch.arange(lanes, device=device)
        self._lengths = zeros(lanes)
        self._longest = 0  # no context is longer; the host does not know how long they are
        self._history = zeros(lanes, network.context_length)
        self._symbols = zeros(count)
        self._rows = {"positions": zeros(count), "lanes": zeros(count), "count": count}
        self._logits = zeros(count, network.head["outputs"])
        plan = Plan(network, self._rows, prepare)
        self._rows["positions"].fill_(_NO_ROW)
        # A graph has only the addresses of what its launches read and write, so they are kept.
        self._launches = plan.layers(self._symbols, lanes), plan.head(self._logits)
        self._layers, self._head = map(join, self._launches)

    def predict(self, previous: Any) -> Any:
        """See `DeviceTransformer.predict`."""
        begins = previous < 0
        lengths = torch.where(begins, 0, self._lengths)
        if self._longest == self._network.context_length:
            self._begin_full_ones_again(lengths)
        symbols = torch.where(begins, self._network.begin, previous)
        self._history[self._lanes, lengths.long()] = symbols
        self._run(self._lanes, lengths, symbols)
        self._head()
        self._lengths = lengths + 1
        self._longest += 1
        return self._logits[: len(self._lanes)]

    def _begin_full_ones_again(self, lengths: Any) -> None:
        """Begin full contexts again with `begin` and their last symbols, and change `lengths`."""
        full = torch.nonzero(lengths == self._network.context_length)[:, 0]
        if len(full):
            kept = self._network.context_length // 2  # `begin` and all but the next of the last
            last = self._history[full, self._network.context_length - kept + 1 :]
            self._history[full, 1:kept] = last
            self._history[full, 0] = self._network.begin
            places = torch.arange(kept, device=full.device).repeat(len(full))
            lanes = full.repeat_interleave(kept)
            symbols = self._history[lanes, places]
            for first in range(0, len(lanes), self._count):
                part = slice(first, first + self._count)
                self._run(lanes[part], places[part], symbols[part])
            lengths[full] = kept
        self._longest = int(lengths.max())

    def _run(self, lanes: Any, positions: Any, symbols: Any) -> None:
        """Compute all layers of up to `_count` rows."""
        used = len(lanes)
        self._rows["positions"].fill_(_NO_ROW)
        self._rows["positions"][:used] = positions
        self._rows["lanes"][:used] = lanes
        self._symbols[:used] = symbols
        self._layers()


def _graphs(device: Any) -> tuple[Prepare, Join]:
    """Return kernels of CUDA, and what joins them to a graph.

    A step has hundreds of kernels, most of which take less time than a launch of their own.
    """
    native = require_cuda()
    recorded = torch.cuda.Stream(device)

    def prepare(stage: str, arguments: Arguments) -> Launch:
        run: Launch = getattr(native, stage)(arguments, recorded.cuda_stream).run
        return run

    def join(launches: Sequence[Launch]) -> Launch:
        launch = in_turn(launches)
        recorded.wait_stream(torch.cuda.current_stream(device))
        launch()  # loads the kernels, which must not happen while a graph is recorded
        torch.cuda.current_stream(device).wait_stream(recorded)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, stream=recorded):
            launch()
        replay: Launch = graph.replay
        return replay

    return prepare, join

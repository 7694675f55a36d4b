"""What the kernels of a transformer take: arrays on the device, and the launches of a step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, TypeAlias

from numpy.typing import NDArray

from eqinfo.common.tensor_file import Tensors
from eqinfo.models.transformer.model import TransformerModel

Arguments: TypeAlias = dict[str, Any]
Launch: TypeAlias = Callable[[], None]
Prepare: TypeAlias = Callable[[str, Arguments], Launch]
"""Takes the stage of a kernel, as "transformer_norm", and the fields of its struct in
``csrc/cuda/kernels.h``, with structs as dictionaries; returns a function that queues the kernel."""

_MATRICES = ("query", "key", "value", "attention", "gate", "up", "down")
_NORMS = ("attention_norm", "units_norm")


class Memory(Protocol):
    """Memory of a device."""

    def upload(self, array: NDArray[Any]) -> Any:
        """Return a copy on the device, with unsigned integers as signed ones of the same bits."""
        ...

    def zeros(self, shape: tuple[int, ...], dtype: str) -> Any:
        """Return zeros of a type that NumPy names, on the device."""
        ...


class Network:
    """The tensors of a model on a device, under the names of ``csrc/cuda/kernels.h``."""

    def __init__(self, model: TransformerModel, memory: Memory) -> None:
        tensors = model.tensors
        self._memory = memory
        self.context_length = model.context_length
        self.heads, self.key_heads, *numbers = map(int, tensors["parameters"])
        self.levels, self.down_levels, self.head_levels, *numbers = numbers
        self.begin, self.epsilon, self.score_scale, self.score_exponent = numbers
        self.cosine = memory.upload(tensors["rotation.cosine"])
        self.sine = memory.upload(tensors["rotation.sine"])
        self.norm = memory.upload(tensors["norm"])
        exponents = iter(map(int, tensors["exponents"]))
        self.embedding = _matrix(tensors, "embedding", next(exponents), memory)
        if "head.weight" in tensors:
            self.head = _matrix(tensors, "head", next(exponents), memory)
        else:
            scale = memory.upload(tensors["head.scale"])
            self.head = self.embedding | {"scale": scale, "exponent": next(exponents)}
        self.layers: list[dict[str, Any]] = []
        while f"layers.{len(self.layers)}.gate.weight" in tensors:
            name = f"layers.{len(self.layers)}."
            layer = {n: _matrix(tensors, name + n, next(exponents), memory) for n in _MATRICES}
            self.layers.append(layer | {n: memory.upload(tensors[name + n]) for n in _NORMS})
        self.head_width = 2 * self.cosine.shape[1]
        self.attended = self.heads * self.head_width
        self.width = self.embedding["inputs"]
        self.units = self.layers[0]["gate"]["outputs"]

    def zeros(self, *shape: int, dtype: str = "int32") -> Any:
        """Return zeros on the device."""
        return self._memory.zeros(shape, dtype)

    def memory(self, lanes: int) -> Arguments:
        """Return the keys and values of a layer, for all lanes: LaneMemory."""
        shape = (lanes, self.key_heads, self.context_length)
        return {
            "keys": self.zeros(*shape, self.head_width, dtype="int8"),
            "values": self.zeros(*shape, self.head_width, dtype="int8"),
            "key_largest": self.zeros(*shape, dtype="int16"),
            "value_largest": self.zeros(*shape, dtype="int16"),
            "cosine": self.cosine,
            "sine": self.sine,
            "key_heads": self.key_heads,
            "head_width": self.head_width,
            "positions": self.context_length,
        }


def _matrix(tensors: Tensors, name: str, exponent: int, memory: Memory) -> Arguments:
    outputs, inputs = tensors[f"{name}.weight"].shape
    bias = tensors.get(f"{name}.bias")
    return {
        "weight": memory.upload(tensors[f"{name}.weight"]),
        "scale": memory.upload(tensors[f"{name}.scale"]),
        "bias": None if bias is None else memory.upload(bias),
        "exponent": exponent,
        "inputs": inputs,
        "outputs": outputs,
    }


class Plan:
    """The launches of a step, in the order of ``csrc/transformer.h``.

    Args:
        network: the tensors.
        rows: the rows of all launches: TransformerRows.
        prepare: see `Prepare`.
    """

    def __init__(self, network: Network, rows: Arguments, prepare: Prepare) -> None:
        self._network = network
        self._rows = rows
        self._prepare = prepare
        count, zeros = rows["count"], network.zeros
        most = max(network.width, network.units, network.attended)
        self._x = zeros(count, network.width)
        self._outputs = [zeros(count, most) for _ in range(3)]
        self._stride = most
        self._quantised = {
            "low": zeros(count, most, dtype="int8"),
            "high": zeros(count, most, dtype="int8"),
            "scales": zeros(count, 2),
            "stride": most,
        }

    def layers(self, symbols: Any, lanes: int) -> list[Launch]:
        """Return the launches that compute x from symbols, int32, shape (count,)."""
        network = self._network
        scores = network.zeros(self._rows["count"], network.heads, network.context_length)
        launches = [self._launch("embed", symbols=symbols, embedding=network.embedding, x=self._x)]
        for layer in network.layers:
            launches += [
                *self._attention(layer, network.memory(lanes), scores),
                *self._feed_forward(layer),
            ]
        return launches

    def head(self, logits: Any) -> list[Launch]:
        """Return the launches that compute logits, int32, shape (count, vocab_size), from x."""
        levels = self._network.head_levels
        return [
            self._norm(self._network.norm, levels),
            self._matrix(self._network.head, levels, logits),
        ]

    def _attention(self, layer: Arguments, memory: Arguments, scores: Any) -> list[Launch]:
        network = self._network
        keys, values, queries = self._outputs
        return [
            self._norm(layer["attention_norm"], network.levels),
            self._matrix(layer["key"], network.levels, keys),
            self._matrix(layer["value"], network.levels, values),
            self._matrix(layer["query"], network.levels, queries),
            self._launch("store", keys=keys, values=values, stride=self._stride, memory=memory),
            self._launch(
                "attend",
                memory=memory,
                heads=network.heads,
                score_scale=network.score_scale,
                score_exponent=network.score_exponent,
                queries=queries,
                stride=self._stride,
                scores=scores,
            ),
            self._launch(
                "plain",
                values=queries,
                stride=self._stride,
                width=network.attended,
                levels=network.levels,
                quantised=self._quantised,
            ),
            self._matrix(layer["attention"], network.levels, self._x, adds=1),
        ]

    def _feed_forward(self, layer: Arguments) -> list[Launch]:
        network = self._network
        gates, ups, _ = self._outputs
        return [
            self._norm(layer["units_norm"], network.levels),
            self._matrix(layer["gate"], network.levels, gates),
            self._matrix(layer["up"], network.levels, ups),
            self._launch(
                "gate",
                gates=gates,
                ups=ups,
                stride=self._stride,
                units=network.units,
                levels=network.down_levels,
                quantised=self._quantised,
            ),
            self._matrix(layer["down"], network.down_levels, self._x, adds=1),
        ]

    def _norm(self, weight: Any, levels: int) -> Launch:
        return self._launch(
            "norm",
            x=self._x,
            weight=weight,
            width=self._network.width,
            levels=levels,
            epsilon=self._network.epsilon,
            quantised=self._quantised,
        )

    def _matrix(self, matrix: Arguments, levels: int, outputs: Any, adds: int = 0) -> Launch:
        return self._launch(
            "matrix",
            quantised=self._quantised,
            levels=levels,
            adds=adds,
            matrix=matrix,
            outputs=outputs,
            stride=outputs.shape[1],
        )

    def _launch(self, stage: str, **fields: Any) -> Launch:
        return self._prepare(f"transformer_{stage}", {"rows": self._rows, **fields})

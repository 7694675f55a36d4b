"""The M1 of arXiv 2404.03626, a decoder-only Transformer over bytes, as a float network."""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass

import numpy as np

from eqinfo.common import tensor_file
from eqinfo.common.files import atomic_output
from eqinfo.common.integers import keep_integers
from eqinfo.common.tensor_file import FileKind, Tensors
from eqinfo.errors import FormatError, UnsupportedError
from eqinfo.models.torch import TorchModel

try:
    import torch
    from torch import Tensor, nn
    from torch.nn import functional
except ImportError as error:
    raise UnsupportedError(
        "expected PyTorch, which the paper's model needs: "
        f"install it with pip install eqinfo[torch] ({error})"
    ) from None

__all__ = ["PaperTransformer", "Sizes", "load", "save"]

ALPHABET = 256
BEGIN = 256
FORMAT = "eqinfo-paper-transformer"
VERSION = "3"
_WITHOUT_CHECKSUM, _WITHOUT_GATE = "1", "2"
KIND = FileKind(FORMAT, "a paper transformer", (_WITHOUT_CHECKSUM, _WITHOUT_GATE, VERSION))

# Relative positions are grouped in buckets (Raffel et al. 2020). The first half are single
# distances, the rest logarithmic ranges up to _FAR.
BUCKETS = 32
_FAR = 128
_INIT = 0.02
# Number of tensors in a file: outside the layers, and per layer without a gate.
_TENSORS = 3
_LAYER_TENSORS = 7


@dataclass(frozen=True)
class Sizes:
    """Sizes of the network. The defaults are those of the paper's model "3m".

    Attributes:
        width: width of the embeddings.
        heads: attention heads per layer.
        head_width: width of a head's queries, keys and values.
        layers: number of layers.
        hidden: hidden units of a layer's perceptron.
        context: number of tokens that attention spans, the last one and `BEGIN` included.
        gated: whether the hidden units are multiplied by others, which go through the ReLU in their
            place, as in the paper: three matrices instead of two.

    Raises:
        TypeError: a size is not an integer.
        ValueError: a size is below 1; the message names it.
    """

    width: int = 256
    heads: int = 4
    head_width: int = 64
    layers: int = 3
    hidden: int = 1024
    context: int = 1024
    gated: bool = True

    def __post_init__(self) -> None:
        """Check the ranges."""
        sizes = [name for name in asdict(self) if name != "gated"]
        keep_integers(self, *sizes)
        for name in sizes:
            value = getattr(self, name)
            if value < 1:
                raise ValueError(f"expected {name} of 1 or more, found {value}")


class PaperTransformer(nn.Module):
    """Predicts the byte after `BEGIN` and the bytes so far.

    A `TorchModel` calls `start` and `step`, which keep keys and values; training calls `forward`.
    Attention spans the last ``sizes.context`` tokens, so in longer texts it slides.
    """

    def __init__(self, sizes: Sizes | None = None) -> None:
        super().__init__()
        self.sizes = sizes = sizes or Sizes()
        self.embedding = nn.Embedding(ALPHABET + 1, sizes.width)
        self.layers = nn.ModuleList(_Layer(sizes) for _ in range(sizes.layers))
        self.norm = nn.RMSNorm(sizes.width)
        self.output = nn.Linear(sizes.width, ALPHABET, bias=False)
        for parameter in self.parameters():
            if parameter.dim() > 1:
                nn.init.normal_(parameter, std=_INIT)

    def forward(self, tokens: Tensor) -> Tensor:
        """Return logits, (batch, L, 256), after each of the tokens, int64 (batch, L).

        L is at most ``sizes.context``.
        """
        places = torch.arange(tokens.shape[1], device=tokens.device)
        distances = places[:, None] - places
        hidden = self.embedding(tokens)
        for layer in self.layers:
            queries, keys, values = layer.heads(hidden)
            hidden = layer(hidden, queries, keys, values, distances, distances >= 0)
        logits: Tensor = self.output(self.norm(hidden))
        return logits

    def start(self, batch: int) -> tuple[Tensor, Tensor]:
        """Return the empty state: keys and values, and the number of tokens seen per lane.

        Keys and values have shape (batch, layers, 2, heads, context, head_width).
        """
        sizes = self.sizes
        shape = (batch, sizes.layers, 2, sizes.heads, sizes.context, sizes.head_width)
        device = self.embedding.weight.device
        return torch.zeros(shape, device=device), torch.zeros(
            batch, dtype=torch.int64, device=device
        )

    def step(
        self, state: tuple[Tensor, Tensor], tokens: Tensor
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """Append one token per lane, int64 (batch,).

        Returns:
            the logits, (batch, 256), and the next state; ``state`` is left as it is.
        """
        memory, lengths = state
        memory = memory.clone()
        lanes = torch.arange(len(tokens), device=tokens.device)
        context = self.sizes.context
        # Keys and values are in a ring: those of token i at place i modulo context.
        place = lengths % context
        distances = (place[:, None] - torch.arange(context, device=tokens.device)) % context
        distances = distances[:, None]  # (batch, 1 query, context)
        seen = distances <= lengths[:, None, None]
        hidden = self.embedding(tokens)[:, None]
        for k, layer in enumerate(self.layers):
            queries, keys, values = layer.heads(hidden)
            memory[lanes, k, 0, :, place] = keys[:, :, 0]
            memory[lanes, k, 1, :, place] = values[:, :, 0]
            hidden = layer(hidden, queries, memory[:, k, 0], memory[:, k, 1], distances, seen)
        logits: Tensor = self.output(self.norm(hidden))[:, 0]
        return logits, (memory, lengths + 1)


class _Layer(nn.Module):
    """Attention with its own learnt relative positions, then a perceptron, each after a norm."""

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        inner = sizes.heads * sizes.head_width
        self.count = sizes.heads
        self.norm = nn.RMSNorm(sizes.width)
        self.inputs = nn.Linear(sizes.width, 3 * inner, bias=False)
        self.positions = nn.Embedding(BUCKETS, sizes.heads)
        self.outputs = nn.Linear(inner, sizes.width, bias=False)
        self.perceptron = nn.Sequential(
            nn.RMSNorm(sizes.width),
            nn.Linear(sizes.width, sizes.hidden, bias=False),
            nn.ReLU(),
            nn.Linear(sizes.hidden, sizes.width, bias=False),
        )
        self.gate = nn.Linear(sizes.width, sizes.hidden, bias=False) if sizes.gated else None

    def heads(self, hidden: Tensor) -> tuple[Tensor, ...]:
        """Return queries, keys and values, each (batch, heads, L, head_width)."""
        all_three = self.inputs(self.norm(hidden)).unflatten(-1, (3, self.count, -1))
        three: tuple[Tensor, ...] = all_three.permute(2, 0, 3, 1, 4).unbind()
        return three

    def forward(
        self,
        hidden: Tensor,
        queries: Tensor,
        keys: Tensor,
        values: Tensor,
        distances: Tensor,
        seen: Tensor,
    ) -> Tensor:
        """Return the layer's output for hidden states (batch, L, width).

        Args:
            hidden: the input of the layer.
            queries: as `heads` returns them.
            keys: the keys to attend to, (batch, heads, keys, head_width).
            values: their values, of the same shape.
            distances: (..., L, keys), how many tokens back each key is.
            seen: (..., L, keys), whether a query may attend to a key; the same for all heads.
        """
        bias = self.positions(buckets(distances)).movedim(-1, -3)
        bias = bias.masked_fill(~seen.unsqueeze(-3), -math.inf)
        attended = functional.scaled_dot_product_attention(queries, keys, values, bias)
        hidden = hidden + self.outputs(attended.transpose(1, 2).flatten(2))
        return hidden + self._changed(hidden)

    def _changed(self, hidden: Tensor) -> Tensor:
        if self.gate is None:
            changed: Tensor = self.perceptron(hidden)
        else:
            norm, units, relu, outputs = self.perceptron
            normalised = norm(hidden)
            changed = outputs(relu(self.gate(normalised)) * units(normalised))
        return changed


def buckets(distances: Tensor) -> Tensor:
    """Return the bucket of relative positions, 0 to `BUCKETS` - 1, of distances to the left."""
    exact = BUCKETS // 2
    far = torch.log(distances.clamp(min=exact) / exact) / math.log(_FAR / exact)
    return torch.where(
        distances < exact, distances.clamp(min=0), exact + (far * (BUCKETS - exact)).long()
    ).clamp(max=BUCKETS - 1)


def save(module: PaperTransformer, path: str | os.PathLike[str], metadata: dict[str, str]) -> None:
    """Write weights and sizes to a safetensors file, atomically.

    Args:
        module: the network.
        path: the file.
        metadata: stored in the file as well.
    """
    tensors = {name: tensor.detach().cpu().numpy() for name, tensor in module.state_dict().items()}
    metadata = {
        **metadata,
        "format": FORMAT,
        "version": VERSION,
        "sizes": json.dumps(asdict(module.sizes)),
    }
    metadata["checksum"] = _checksum(tensors, metadata)
    data = tensor_file.to_bytes(tensors, metadata)
    with atomic_output(path) as file:
        file.write(data)


def load(path: str | os.PathLike[str], *, batch: int = 1) -> TorchModel:
    """Read a file that `save` wrote.

    Files of versions 1 and 2, which have no gates, are read as well. Those of version 1 have no
    checksum: save them again to add one.

    Args:
        path: the file.
        batch: rows per call, as in `TorchModel`: decode with the value that encoded.

    Raises:
        FormatError: the file is truncated, is not such a file, or has other tensors than its sizes
            say.
        ChecksumError: the content is not what was written.
        NewerVersionError: the file has another version.
        OSError: the file cannot be read.
    """
    file = KIND.parse(KIND.read(path), path)
    if file.metadata["version"] != _WITHOUT_CHECKSUM:
        metadata = {key: value for key, value in file.metadata.items() if key != "checksum"}
        file.check_hash("checksum", _checksum(file.tensors, metadata), "content")
    for name, array in file.tensors.items():
        if array.dtype != np.float32:
            raise FormatError(f"{path}: expected {name} in float32, found {array.dtype}")
    tensors = {name: torch.from_numpy(array.copy()) for name, array in file.tensors.items()}
    try:
        values = json.loads(file.metadata["sizes"])
        if file.metadata["version"] != VERSION:
            values = {**values, "gated": False}
        sizes = Sizes(**values)
        if len(tensors) != _TENSORS + sizes.layers * (_LAYER_TENSORS + sizes.gated):
            raise ValueError(f"{len(tensors)} tensors do not make {sizes.layers} layers")
        with torch.device("meta"):  # allocates nothing, whatever sizes the file claims
            module = PaperTransformer(sizes)
        module.load_state_dict(tensors, assign=True)
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        reason = " ".join(str(error).split())
        raise FormatError(
            f"{path}: expected sizes and the tensors that they give, found a mismatch: {reason}"
        ) from None
    return TorchModel(module, begin=BEGIN, batch=batch)


def _checksum(tensors: Tensors, metadata: Mapping[str, str]) -> str:
    """Return a hash of all that a file says: 32 hexadecimal digits."""
    digest = hashlib.blake2b(json.dumps(sorted(metadata.items())).encode(), digest_size=16)
    for name in sorted(tensors):
        array = tensors[name]
        digest.update(f"{name} {array.dtype.name} {array.shape}".encode())
        digest.update(np.ascontiguousarray(array, array.dtype.newbyteorder("<")).data)
    return digest.hexdigest()

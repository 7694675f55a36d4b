"""M2: a decoder-only Transformer over tokens, in plain PyTorch (section 3.5)."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn
from torch.nn import functional

from eqinfo.embedding.loss import cross_entropy
from eqinfo.embedding.text_embedding import TextEmbedding
from eqinfo.embedding.text_features import Strings
from eqinfo.embedding.window_embedding import SequenceEmbedding, WindowEmbedding
from eqinfo.experiment.m2.sizes import Size
from eqinfo.models.paper import BUCKETS, buckets

__all__ = ["Cache", "MakeEmbedding", "Transformer"]

MakeEmbedding: TypeAlias = Callable[[int, int], nn.Module]
"""Called as ``make(rows, width)``. The module maps ids to vectors. It has the table as ``weight``,
as an ``nn.Embedding`` has, or it is a `SequenceEmbedding`, such as `WindowEmbedding`."""


class Cache:
    """Keys and values of the tokens so far, for generation token by token.

    Attributes:
        length: number of tokens.
    """

    def __init__(self) -> None:
        self.length = 0
        self._kept: dict[nn.Module, tuple[Tensor, Tensor]] = {}

    def extended(self, layer: nn.Module, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
        """Append to a layer's keys and values, (batch, heads, tokens, width), and return all."""
        if layer in self._kept:
            old_key, old_value = self._kept[layer]
            key, value = torch.cat([old_key, key], 2), torch.cat([old_value, value], 2)
        self._kept[layer] = key, value
        return key, value


class Block(nn.Module):
    """Causal attention, then a feed-forward layer, each with a residual connection.

    The names of the layers are keys of checkpoints, which must stay readable.
    """

    def __init__(self, size: Size) -> None:
        super().__init__()
        width = size.width
        self.heads = size.heads
        self.attention_norm, self.feed_norm = nn.RMSNorm(width), nn.RMSNorm(width)
        self.query_key_value = nn.Linear(width, 3 * width, bias=False)
        self.attended = nn.Linear(width, width, bias=False)
        self.relative = nn.Embedding(BUCKETS, size.heads) if size.paper else None
        self.gate = nn.Linear(width, 4 * width, bias=False) if size.paper else None
        self.feed = nn.Linear(width, 4 * width, bias=False)
        self.fed = nn.Linear(4 * width, width, bias=False)

    def forward(self, x: Tensor, cache: Cache | None = None) -> Tensor:
        """Map (batch, tokens, width) to the same shape; see `Transformer.hidden` for ``cache``."""
        batch, length, width = x.shape
        projected = self.query_key_value(self.attention_norm(x))
        heads = projected.view(batch, length, 3, self.heads, width // self.heads)
        query, key, value = heads.permute(2, 0, 3, 1, 4)
        first = cache is None or cache.length == 0
        if cache is not None:
            key, value = cache.extended(self, key, value)
        if self.relative is None:
            mixed = functional.scaled_dot_product_attention(query, key, value, is_causal=first)
        else:
            bias = _bias(self.relative, length, key.shape[2]).to(query.dtype)
            mixed = functional.scaled_dot_product_attention(query, key, value, bias)
        x = x + self.attended(mixed.transpose(1, 2).reshape(batch, length, width))
        return x + self.fed(self._fed(self.feed_norm(x)))

    def _fed(self, x: Tensor) -> Tensor:
        if self.gate is None:
            return functional.gelu(self.feed(x))
        return functional.relu(self.gate(x)) * self.feed(x)


def _bias(relative: nn.Embedding, queries: int, keys: int) -> Tensor:
    """Return what is added to attention, (heads, queries, keys); the queries are the last keys."""
    places = torch.arange(keys, device=relative.weight.device)
    distances = places[keys - queries :, None] - places
    bias: Tensor = relative(buckets(distances)).permute(2, 0, 1)
    return bias.masked_fill(distances < 0, -math.inf)


class Transformer(nn.Module):
    """Pre-normalised blocks, and output weights tied to the embedding.

    Positions are learned, absolute ones; sizes of the paper have relative ones in every layer.

    Args:
        vocab_size: number of different ids.
        context: the largest number of tokens that it attends to, 1 or more.
        size: of the network.
        strings: the texts of the first ids, for a `TextEmbedding` with default settings.
        make_embedding: makes the embedding if there are no strings; by default a plain one.
    """

    embedding: Any

    def __init__(
        self,
        vocab_size: int,
        context: int,
        size: Size,
        strings: Strings | None = None,
        make_embedding: MakeEmbedding = nn.Embedding,
    ) -> None:
        super().__init__()
        self.context = context
        self.size = size
        if strings is None:
            self.embedding = make_embedding(vocab_size, size.width)
        else:
            self.embedding = TextEmbedding(strings, size.width, rows=vocab_size)
        self.positions = None if size.paper else nn.Embedding(context, size.width)
        self.blocks = nn.ModuleList(Block(size) for _ in range(size.layers))
        self.norm = nn.RMSNorm(size.width)
        for parameter in self.parameters():
            if parameter.dim() == 2:
                nn.init.normal_(parameter, std=0.02)

    def forward(self, tokens: Tensor) -> Tensor:
        """Map tokens, int64 (batch, length), to logits of the next, (batch, length, vocab_size).

        For large vocabularies these are the largest tensor by far; `loss` needs less.
        """
        hidden = self.hidden(tokens)
        if isinstance(self.embedding, WindowEmbedding):
            return self.embedding.logits(hidden, tokens)
        return functional.linear(hidden, self.embedding.weight)

    def loss(self, tokens: Tensor, targets: Tensor, z_loss: float = 0.0) -> Tensor:
        """Return the mean cross entropy in nats of the tokens after ``tokens``.

        Both are int64, (batch, length); targets of -100 are not predicted. ``z_loss`` is as for
        `cross_entropy`.
        """
        if isinstance(self.embedding, SequenceEmbedding):
            return self.embedding.loss(self.hidden(tokens), tokens, targets, z_loss)
        weight = self.embedding.weight
        vectors = None
        if tokens.device.type == "cuda":  # where composing only the vectors of the tokens is slower
            vectors = functional.embedding(tokens, weight)
        hidden = self.hidden(tokens, vectors=vectors).flatten(0, 1)
        return cross_entropy(hidden, weight, targets.flatten(), z_loss)

    def hidden(
        self, tokens: Tensor, cache: Cache | None = None, vectors: Tensor | None = None
    ) -> Tensor:
        """Map tokens to what the output weights are multiplied by, (batch, length, width).

        With a cache, the tokens follow those of earlier calls with it: many in the first call, one
        in each of the others, and ``context`` altogether. ``vectors`` are those of the tokens, if
        the caller has them.
        """
        begin = cache.length if cache is not None else 0
        x = self.embedding(tokens) if vectors is None else vectors
        if self.positions is not None:
            x = x + self.positions.weight[begin : begin + tokens.shape[1]]
        for block in self.blocks:
            x = block(x, cache)
        if cache is not None:
            cache.length += tokens.shape[1]
        normalised: Tensor = self.norm(x)
        return normalised

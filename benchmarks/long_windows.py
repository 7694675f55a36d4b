"""An embedding of windows whose codewords are too many to list: 32 bits in tokens of 16.

As in `eqinfo.embedding.WindowEmbedding`, a token's vector is that of the range of codewords that
the window's tokens so far leave. Only the ranges that a step asks for are composed. Codewords of
equal information are about equally probable, so those that lie evenly in a range are a fair sample
of what M1 expects there: a range's features are those of the texts of `SAMPLES` of them.

A token is predicted in two steps of half its bits, because the texts of 65,536 ranges after every
token would be too many: first which part of the range, and then which part of that.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from eqinfo.codecs.windows import WindowCodec
from eqinfo.common.batch import TextBatch, TokenBatch
from eqinfo.embedding.composition import FeatureLists, compose
from eqinfo.embedding.text_features import DEFAULT_BUCKETS, MAX_STRINGS, text_features
from eqinfo.embedding.window_embedding import SequenceEmbedding

Codewords = NDArray[np.int64]
Buckets = NDArray[np.int32]
Offsets = NDArray[np.int32]

WINDOW_BITS, TOKEN_BITS, STEP_BITS = 32, 16, 8
SAMPLES = 2
MULTIPLIER = 0x9E3779B1
"""Odd, so that products modulo 2^32 are other codewords, all different: those of the control."""
STD = 0.02


@dataclass(frozen=True)
class LongWindows:
    """The texts of all windows of a codec, as they are needed.

    Attributes:
        codec: bijective windows of 32 bits in tokens of 16 bits, each of which decodes alone.
        shuffled: gives every codeword the text of another one.
    """

    codec: WindowCodec
    shuffled: bool = False

    @cached_property
    def lists(self) -> list[tuple[Buckets, Offsets]]:
        """The `features` of all ranges of 8 bits, and of those of 16."""
        return [self.features(np.arange(1 << bits), bits) for bits in (STEP_BITS, TOKEN_BITS)]

    def texts(self, codewords: Codewords) -> TextBatch:
        """Return the text of every codeword."""
        wanted = codewords
        if self.shuffled:
            wanted = codewords * MULTIPLIER & (1 << WINDOW_BITS) - 1
        tokens = np.stack([wanted >> TOKEN_BITS, wanted & (1 << TOKEN_BITS) - 1], -1)
        offsets = np.arange(len(tokens) + 1) * 2
        return self.codec.decode_batch(TokenBatch(tokens.astype(np.uint16).ravel(), offsets))

    def features(self, values: Codewords, bits: int) -> tuple[Buckets, Offsets]:
        """Return the buckets of the features of ranges, and where those of each begin and end.

        Args:
            values: the first ``bits`` bits of the codewords in each range.
        """
        if bits == WINDOW_BITS:
            places = np.zeros(1, np.int64)
        else:
            size = 1 << WINDOW_BITS - bits
            places = size * (2 * np.arange(SAMPLES) + 1) // (2 * SAMPLES)
        codewords = ((values << WINDOW_BITS - bits)[:, None] + places).ravel()
        buckets, ends = [np.zeros(0, np.int32)], [np.zeros(1, np.int32)]
        for begin in range(0, len(codewords), MAX_STRINGS):
            texts = self.texts(codewords[begin : begin + MAX_STRINGS])
            found = text_features(texts)
            buckets.append(found.buckets)
            ends.append(found.offsets[1:] + ends[-1][-1])
        return np.concatenate(buckets), np.concatenate(ends)[:: len(places)]


class LongWindowEmbedding(SequenceEmbedding):
    """Vectors of tokens that are halves of windows of 32 bits; see above.

    The vector of a range has a part that no text is needed for: a vector of its own for ranges of 8
    and 16 bits, and of its last 8 bits for smaller ones.
    """

    def __init__(self, windows: LongWindows, rows: int, width: int) -> None:
        super().__init__()
        assert rows == 1 << TOKEN_BITS
        self.windows, self.width = windows, width
        self.vectors = nn.Parameter(torch.empty(DEFAULT_BUCKETS, width))
        self.own = nn.ParameterList(
            torch.empty(1 << bits, width) for bits in (STEP_BITS, TOKEN_BITS, STEP_BITS, STEP_BITS)
        )
        for parameter in self.parameters():
            nn.init.normal_(parameter, std=STD)

    def ranges(self, values: Tensor, bits: int) -> Tensor:
        """Return the vectors of the ranges of codewords that begin with ``values``, any shape."""
        unique, places = values.unique(return_inverse=True)
        step = bits // STEP_BITS - 1
        if step < len(self.windows.lists):
            buckets, offsets = _taken(*self.windows.lists[step], unique.numpy())
            own = self.own[step][unique]
        else:
            buckets, offsets = self.windows.features(unique.numpy(), bits)
            own = self.own[step][unique & (1 << STEP_BITS) - 1]
        lists = FeatureLists.of(buckets, offsets, len(self.vectors), "root")
        return compose(own, self.vectors, lists)[places]

    def forward(self, ids: Tensor) -> Tensor:
        """Return the vectors of tokens, shape (..., length, width); a window begins at index 0."""
        firsts, seconds = ids[..., ::2], ids[..., 1::2]
        vectors = ids.new_empty(*ids.shape, self.width, dtype=self.vectors.dtype)
        vectors[..., ::2, :] = self.ranges(firsts, TOKEN_BITS)
        whole = firsts[..., : seconds.shape[-1]] << TOKEN_BITS | seconds
        vectors[..., 1::2, :] = self.ranges(whole, WINDOW_BITS)
        return vectors

    def loss(self, hidden: Tensor, ids: Tensor, targets: Tensor, z_loss: float = 0.0) -> Tensor:
        """Return the mean of `nats`; all targets are predicted, and there is no z-loss."""
        return self.nats(hidden, ids, targets).mean()

    def nats(self, hidden: Tensor, ids: Tensor, targets: Tensor) -> Tensor:
        """Return the cross entropy of the token after each, shape (batch, length).

        Args:
            hidden: (batch, length, width).
            ids: int64, (batch, length), the tokens so far.
            targets: int64, (batch, length), the token after each.
        """
        nats = hidden.new_empty(targets.shape)
        firsts, seconds = slice(1, None, 2), slice(0, None, 2)  # where these follow
        known = torch.zeros_like(ids[:, firsts])
        nats[:, firsts] = self._token(hidden[:, firsts], known, targets[:, firsts], 0)
        known = ids[:, seconds]
        nats[:, seconds] = self._token(hidden[:, seconds], known, targets[:, seconds], TOKEN_BITS)
        return nats

    def _token(self, hidden: Tensor, known: Tensor, targets: Tensor, bits: int) -> Tensor:
        """Return the cross entropy of targets that follow ``bits`` known bits of a window."""
        part = targets >> STEP_BITS
        nats = self._step(hidden, known, part, bits)
        known, bits = known << STEP_BITS | part, bits + STEP_BITS
        last = targets & (1 << STEP_BITS) - 1
        return nats + self._step(hidden + self.ranges(known, bits), known, last, bits)

    def _step(self, hidden: Tensor, known: Tensor, targets: Tensor, bits: int) -> Tensor:
        """Return the cross entropy of the next `STEP_BITS` bits, (batch, length)."""
        parts, places = known.unique(return_inverse=True)
        following = parts[:, None] << STEP_BITS | torch.arange(1 << STEP_BITS)
        vectors = self.ranges(following, bits + STEP_BITS)
        logits = torch.einsum("blw,blvw->blv", hidden, vectors[places])
        return functional.cross_entropy(logits.movedim(-1, 1), targets, reduction="none")


def _taken(buckets: Buckets, offsets: Offsets, lists: NDArray[np.int64]) -> tuple[Buckets, Offsets]:
    """Return some of many lists, and where each begins and ends."""
    begins, counts = offsets[lists], offsets[lists + 1] - offsets[lists]
    ends = np.cumsum(np.append(0, counts), dtype=np.int32)
    places = np.repeat(begins - ends[:-1], counts) + np.arange(ends[-1])
    return buckets[places], ends

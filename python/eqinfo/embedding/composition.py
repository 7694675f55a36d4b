"""The sums of features' vectors of which a text embedding is composed, with their gradients."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

Combine: TypeAlias = Literal["root", "mean", "sum"]
"""The sum of n features' vectors is divided by the root of n, by n, or by 1."""
PIECE = 64
"""Ids of a bucket that a GPU sums one after the other."""


class FeatureLists(NamedTuple):
    """The buckets of every id and, for gradients, the ids of every bucket.

    Attributes:
        buckets, offsets: of every id, int32, and where those of each id begin and end.
        bucket_ids, bucket_offsets: of every bucket, in the same way.
        bucket_pieces, piece_offsets: see `_pieces`.
        scale: by what the sum of each id's features is multiplied, float32, shape (rows, 1).
    """

    buckets: Tensor
    offsets: Tensor
    bucket_ids: Tensor
    bucket_offsets: Tensor
    bucket_pieces: Tensor
    piece_offsets: Tensor
    scale: Tensor

    @classmethod
    def of(
        cls,
        buckets: NDArray[np.int32],
        offsets: NDArray[np.int32],
        bucket_count: int,
        combine: Combine,
    ) -> FeatureLists:
        """Make the lists of ids whose features are ``buckets[offsets[i] : offsets[i + 1]]``."""
        counts = np.diff(offsets)
        ids = np.repeat(np.arange(len(counts), dtype=np.int32), counts)
        few = bucket_count <= 1 << 16  # numpy sorts integers of 16 bits in linear time
        order = np.argsort(buckets.astype(np.uint16) if few else buckets, kind="stable")
        sizes = np.bincount(buckets, minlength=bucket_count)
        divisor = {"root": np.sqrt(counts), "mean": counts, "sum": np.ones(len(counts))}[combine]
        bucket_offsets = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int32)
        scale = (1 / np.maximum(divisor, 1)).astype(np.float32).reshape(-1, 1)
        lists = (buckets, offsets, ids[order], bucket_offsets, *_pieces(bucket_offsets), scale)
        return cls(*map(torch.from_numpy, lists))

    def to(self, device: torch.device) -> FeatureLists:
        """Return the lists on a device."""
        return FeatureLists(*(each.to(device) for each in self))

    def rows_of_buckets(self) -> tuple[Tensor, ...]:
        """Return what `list_sums` takes: the ids of every bucket."""
        if self.buckets.device.type == "cpu":
            return self.bucket_ids, self.bucket_offsets
        return self.bucket_ids, self.piece_offsets, self.bucket_pieces


def compose(own: Tensor, features: Tensor, lists: FeatureLists) -> Tensor:
    """Return own + scale * sums of the vectors of every row's features, shape of ``own``.

    Args:
        own: (rows, width).
        features: (buckets, width).
        lists: of as many rows and buckets, on the same device.
    """
    composed: Tensor = _Composition.apply(
        own,
        features,
        lists.scale.to(own.dtype),
        (lists.buckets, lists.offsets),
        lists.rows_of_buckets(),
    )
    return composed


class _Composition(torch.autograd.Function):
    """See `compose`.

    It can be differentiated once. The gradient of a bucket is the sum of those of its rows, in
    order, so it repeats exactly; and reading rows by bucket is several times faster than adding to
    buckets by row, as PyTorch does.
    """

    @staticmethod
    def forward(
        context: Any,
        own: Tensor,
        features: Tensor,
        scale: Tensor,
        buckets_of_rows: tuple[Tensor, ...],
        rows_of_buckets: tuple[Tensor, ...],
    ) -> Tensor:
        context.save_for_backward(scale, *rows_of_buckets)
        return list_sums(features, *buckets_of_rows).mul_(scale).add_(own)

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        scale, *rows_of_buckets = context.saved_tensors
        return gradient, list_sums(gradient * scale, *rows_of_buckets), None, None, None


def list_sums(
    vectors: Tensor, ids: Tensor, offsets: Tensor, pieces: Tensor | None = None
) -> Tensor:
    """Return the sums of the vectors of each list of ids.

    Args:
        vectors: (n, width).
        ids: of all lists.
        offsets: where the lists begin and end; with ``pieces``, where their pieces do.
        pieces: which pieces are those of each list, as offsets.
    """
    sums = functional.embedding_bag(ids, vectors, offsets, mode="sum", include_last_offset=True)
    if pieces is None:
        return sums
    every = torch.arange(len(sums), device=pieces.device, dtype=pieces.dtype)
    return list_sums(sums, every, pieces)


def _pieces(offsets: NDArray[np.int32]) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Cut lists into pieces of at most `PIECE` ids.

    A GPU sums a list one id after the other, and some buckets have a thousand times as many ids as
    others, for which all would wait.

    Returns:
        which pieces are those of each list, and where pieces begin and end, both as offsets.
    """
    counts = -(-np.diff(offsets) // PIECE)
    pieces = np.concatenate([[0], np.cumsum(counts)])
    number = np.arange(pieces[-1]) - np.repeat(pieces[:-1], counts)
    begins = np.repeat(offsets[:-1], counts) + number * PIECE
    return pieces.astype(np.int32), np.append(begins, offsets[-1]).astype(np.int32)

"""Codebooks from a model, as their node arrays; `eqinfo.codebook.fit` makes them from text."""

from __future__ import annotations

from itertools import pairwise
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

import eqinfo._core as _core
from eqinfo.frequency import prediction_rows
from eqinfo.models.lanes import ModelLanes
from eqinfo.models.native_model import NativeModel
from eqinfo.models.protocol import Model

NodeArrays: TypeAlias = tuple[NDArray[np.uint32], NDArray[np.uint8]]
"""Length and last byte of the string of every id, both of shape (2^window_bits,)."""

MIN_CODEBOOK_BITS = 9
MAX_CODEBOOK_BITS = 20
MIN_PRECISION = 12
MAX_PRECISION = 24
MODEL_BATCH = 1024

_BYTES = 256
_ROOT_WEIGHT = 1 << 100


def check_window_bits(window_bits: int) -> None:
    """Raise ValueError where there is no codebook of ``window_bits``."""
    if not MIN_CODEBOOK_BITS <= window_bits <= MAX_CODEBOOK_BITS:
        raise ValueError(
            f"expected window_bits of {MIN_CODEBOOK_BITS} to {MAX_CODEBOOK_BITS} (a codebook holds "
            f"the empty string and all {_BYTES} bytes), found {window_bits}"
        )


def from_model(model: Model, window_bits: int, precision: int) -> NodeArrays:
    """See `Codebook.from_model`.

    Level by level: a prefix that owns the codewords ``base`` to ``base + shared`` has the id
    ``base``.
    """
    check_window_bits(window_bits)
    if not MIN_PRECISION <= precision <= min(window_bits, MAX_PRECISION):
        raise ValueError(
            f"expected a precision of {MIN_PRECISION} to window_bits ({window_bits}) bits, "
            f"found {precision}"
        )
    rows = PrefixRows(model, precision)
    depth = np.zeros(1 << window_bits, np.uint32)
    symbol = np.zeros(1 << window_bits, np.uint8)
    windows = np.array([[0, 0, 0, (1 << window_bits) - 1]], np.uint64)
    prefixes = np.zeros((1, 0), np.uint8)
    while len(windows):
        level = [
            _core.window_children(
                windows[i : i + MODEL_BATCH], rows.at(prefixes[i : i + MODEL_BATCH]), precision
            )
            for i in range(0, len(windows), MODEL_BATCH)
        ]
        parents = np.concatenate([part[0] + i * MODEL_BATCH for i, part in enumerate(level)])
        symbols = np.concatenate([part[1] for part in level]).astype(np.uint8)
        windows = np.concatenate([part[2] for part in level])
        ids = windows[:, 1].astype(np.int64)
        depth[ids] = prefixes.shape[1] + 1
        symbol[ids] = symbols
        grows = windows[:, 3] > 0
        windows = windows[grows]
        prefixes = np.column_stack([prefixes[parents[grows]], symbols[grows]])
    return depth, symbol


class PrefixRows:
    """What a byte model predicts after prefixes: by its ``logits_at`` if it has one, else by
    replay. Of a native model that without history is taken, as windows do.
    """

    def __init__(self, model: Model, precision: int) -> None:
        if model.vocab_size != _BYTES:
            raise ValueError(f"expected a vocab_size of {_BYTES}, found {model.vocab_size}")
        if isinstance(model, NativeModel):
            model = model.without_history()
        self._logits_at = getattr(model, "logits_at", None)
        if self._logits_at is None:
            self._contexts = ModelLanes(model, MODEL_BATCH, precision)

    def at(
        self, prefixes: NDArray[np.uint8], lengths: NDArray[np.int32] | None = None
    ) -> NDArray[Any]:
        """Return float32 logits or uint32 frequencies of shape (n, 256).

        Args:
            prefixes: shape (n, L), n <= MODEL_BATCH, left-aligned.
            lengths: bytes of each prefix, shape (n,); all of them L by default.
        """
        count, width = prefixes.shape
        if lengths is None:
            lengths = np.full(count, width, np.int32)
        if self._logits_at is not None:
            contexts = np.zeros((count, max(width, 1)), np.int32)
            contexts[:, :width] = prefixes
            return prediction_rows(self._logits_at(contexts, lengths), count, _BYTES)
        return self._replay(prefixes, lengths)

    def _replay(self, prefixes: NDArray[np.uint8], lengths: NDArray[np.int32]) -> NDArray[Any]:
        lanes = np.arange(len(lengths))
        self._contexts.reset(lanes)
        rows: NDArray[Any] = np.zeros((len(lanes), _BYTES), np.float32)
        for position in range(prefixes.shape[1] + 1):
            answer = self._contexts.predict(lanes)
            if answer.dtype != rows.dtype:
                rows = np.zeros(rows.shape, answer.dtype)
            whole = lengths[lanes] == position
            rows[lanes[whole]] = answer[whole]
            lanes = lanes[~whole]
            if len(lanes) == 0:
                break
            self._contexts.previous[lanes] = prefixes[lanes, position]
        return rows


def optimal(model: Model, window_bits: int, precision: int) -> NodeArrays:
    """See `Codebook.optimal`.

    The weight of the empty string is 2^100, that of a longer one floor(weight of its prefix *
    frequency / 2^precision). A frequency is below 2^precision, so weights fall strictly along every
    string until they are 0, and prefixes come before what they are prefixes of. Flooring loses less
    than 256 where a string is expanded, less than 2^28 in all for 2^20 strings, so there is a
    string of positive weight at every length and never a lack of them.
    """
    check_window_bits(window_bits)
    if not MIN_PRECISION <= precision <= MAX_PRECISION:
        raise ValueError(
            f"expected a precision of {MIN_PRECISION} to {MAX_PRECISION} bits, found {precision}"
        )
    rows = PrefixRows(model, precision)
    best = _BestStrings((1 << window_bits) - 1 - _BYTES)
    while len(nodes := best.promising()):
        parts = []
        for i in range(0, len(nodes), MODEL_BATCH):
            batch = nodes[i : i + MODEL_BATCH]
            parents, symbols, weights = _core.weighted_children(
                best.weight[batch], rows.at(*best.prefixes(batch)), precision, best.least
            )
            parts.append((batch[parents], symbols.astype(np.uint8), weights))
        best.expanded[nodes] = True
        best.add(*(np.concatenate(part) for part in zip(*parts, strict=True)))
    best.rank()
    return best.node_arrays()


class _BestStrings:
    """The empty string (node 0), all bytes (nodes 1 to 256, once node 0 is expanded), and more.

    Of the longer strings `rank` leaves the ``wanted`` best: more probable, then shorter, then
    lexicographic. Every node's prefix is a node.
    """

    def __init__(self, wanted: int) -> None:
        self.wanted = wanted
        self.parent = np.zeros(1, np.int64)
        self.symbol = np.zeros(1, np.uint8)
        self.length = np.zeros(1, np.int64)
        self.weight = np.array([[_ROOT_WEIGHT >> 64, 0]], np.uint64)
        self.expanded = np.zeros(1, np.bool_)
        # The least weight with which a string could still be among the best when they were ranked.
        self.least = np.array([0, 1], np.uint64)
        # Nodes above which it is time to rank them again.
        self._room = (1 + _BYTES + wanted) * 9 // 8

    def promising(self) -> NDArray[np.int64]:
        """Return the best nodes to expand next, at least a batch or a quarter of all there are.

        Once there are enough strings, a node of the least weight has nothing to offer: its children
        weigh less.
        """
        high, low = self.weight.T
        full = len(self.parent) > _BYTES + self.wanted
        heavy = (high > self.least[0]) | ((high == self.least[0]) & (low > self.least[1]))
        nodes = np.flatnonzero(~self.expanded & (heavy if full else True))
        nodes = nodes[np.lexsort((~low[nodes], ~high[nodes]))]
        return nodes[: max(MODEL_BATCH, len(nodes) // 4)]

    def add(
        self, parent: NDArray[np.int64], symbol: NDArray[np.uint8], weight: NDArray[np.uint64]
    ) -> None:
        """Add children of nodes; those that turned out not to be among the best go in time."""
        self.parent = np.concatenate([self.parent, parent])
        self.symbol = np.concatenate([self.symbol, symbol])
        self.length = np.concatenate([self.length, self.length[parent] + 1])
        self.weight = np.concatenate([self.weight, weight])
        self.expanded = np.concatenate([self.expanded, np.zeros(len(parent), np.bool_)])
        if len(self.parent) > self._room:
            self.rank()

    def rank(self) -> None:
        """Drop what is not among the best; the rest comes in order."""
        kept = np.concatenate([np.arange(1 + _BYTES), self._ranked()[: self.wanted]])
        place = np.zeros(len(self.parent), np.int64)
        place[kept] = np.arange(len(kept))
        self.parent = place[self.parent[kept]]
        self.symbol = self.symbol[kept]
        self.length = self.length[kept]
        self.weight = self.weight[kept]
        self.expanded = self.expanded[kept]
        if len(kept) == 1 + _BYTES + self.wanted:
            self.least = self.weight[-1].copy()

    def _ranked(self) -> NDArray[np.int64]:
        """Return the strings of two bytes and more, best first, exactly as far as ``wanted``."""
        nodes = np.arange(1 + _BYTES, len(self.parent))
        keys = np.column_stack([~self.weight[nodes], self.length[nodes].astype(np.uint64)])
        order = np.lexsort(keys.T[::-1])
        nodes, keys = nodes[order], keys[order]
        if len(nodes) > self.wanted:
            # Only where the line is drawn does the lexicographic order among equals matter.
            equal = np.flatnonzero((keys == keys[self.wanted]).all(axis=1))
            ties = nodes[equal]
            strings = np.ascontiguousarray(self.prefixes(ties)[0])
            nodes[equal] = ties[np.argsort(strings.view(f"S{strings.shape[1]}")[:, 0])]
        return nodes

    def prefixes(self, nodes: NDArray[np.int64]) -> tuple[NDArray[np.uint8], NDArray[np.int32]]:
        """Return strings as uint8 of shape (n, L), left-aligned, and their lengths."""
        lengths = self.length[nodes]
        strings = np.zeros((len(nodes), int(lengths.max(initial=0))), np.uint8)
        row = np.flatnonzero(lengths)
        at = nodes[row]
        while len(row):
            strings[row, self.length[at] - 1] = self.symbol[at]
            at = self.parent[at]
            row, at = row[self.length[at] > 0], at[self.length[at] > 0]
        return strings, lengths.astype(np.int32)

    def node_arrays(self) -> NodeArrays:
        """Return the strings in depth-first order."""
        levels = []  # nodes of one length in lexicographic order
        rank = np.zeros(len(self.parent), np.int64)
        by_length = np.argsort(self.length, kind="stable")
        bounds = np.searchsorted(self.length[by_length], np.arange(int(self.length.max()) + 2))
        for begin, end in pairwise(bounds):
            nodes = by_length[begin:end]
            nodes = nodes[np.lexsort((self.symbol[nodes], rank[self.parent[nodes]]))]
            rank[nodes] = np.arange(len(nodes))
            levels.append(nodes)
        size = np.ones(len(self.parent), np.int64)
        for nodes in levels[:0:-1]:
            np.add.at(size, self.parent[nodes], size[nodes])
        ids = np.zeros(len(self.parent), np.int64)
        for nodes in levels[1:]:
            parents = self.parent[nodes]
            before = np.cumsum(size[nodes]) - size[nodes]
            eldest = np.searchsorted(rank[parents], rank[parents])
            ids[nodes] = ids[parents] + 1 + before - before[eldest]
        depth = np.zeros(len(ids), np.uint32)
        symbol = np.zeros(len(ids), np.uint8)
        depth[ids], symbol[ids] = self.length, self.symbol
        return depth, symbol

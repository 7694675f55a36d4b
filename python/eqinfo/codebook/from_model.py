"""The node arrays of codebooks from a model; `eqinfo.codebook.fit` makes them from text."""

from __future__ import annotations

from itertools import pairwise
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

import eqinfo._core as _core
from eqinfo.codebook.sizes import check_window_bits
from eqinfo.common.integers import check_integers
from eqinfo.frequency import prediction_rows
from eqinfo.models.check import check_model
from eqinfo.models.lanes import ModelLanes
from eqinfo.models.native_model import NativeModel
from eqinfo.models.protocol import Model

NodeArrays: TypeAlias = tuple[NDArray[np.uint32], NDArray[np.uint8]]
"""The length and the last byte of the string of every id, each of shape (2^window_bits,)."""

MIN_PRECISION = 12
MAX_PRECISION = 24
MODEL_BATCH = 1024
"""Prefixes per call of the model."""

_BYTES = 256
_ROOT_WEIGHT = 1 << 100


def from_model(model: Model, window_bits: int, precision: int) -> NodeArrays:
    """Return the node arrays of `Codebook.from_model`.

    Prefixes are expanded level by level. One that owns the codewords ``base`` to ``base + shared``
    has the id ``base``.
    """
    window_bits = check_window_bits(window_bits)
    (precision,) = check_integers(precision=precision)
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
    """The predictions of a byte model after given prefixes.

    They come from the model's ``logits_at`` if it has one; if not, prefixes are replayed. As in
    windows, a native model runs without its history.

    Args:
        model: a model over the 256 bytes.
        precision: bits of the frequencies, for models that return frequencies.

    Raises:
        TypeError: not a model.
        ValueError: a model of another alphabet.
    """

    def __init__(self, model: Model, precision: int) -> None:
        check_model(model)
        if model.vocab_size != _BYTES:
            raise ValueError(f"expected a model of vocab_size {_BYTES}, found {model.vocab_size}")
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
            prefixes: uint8, shape (n, L), left-aligned, with n <= MODEL_BATCH.
            lengths: int32, shape (n,): bytes of each prefix; by default all are L.

        Raises:
            ModelError: unusable predictions.
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
    """Return the node arrays of `Codebook.optimal`.

    The weight of the empty string is 2^100. The weight of a longer string is floor(weight of its
    prefix without the last byte * frequency / 2^precision). A frequency is below 2^precision, so
    weights fall strictly along every string until they are 0, and a prefix is always chosen before
    the strings that it begins. Rounding down loses less than 256 per expanded string, less than
    2^28 in all for 2^20 strings, so there are always enough strings of positive weight.
    """
    window_bits = check_window_bits(window_bits)
    (precision,) = check_integers(precision=precision)
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

    Of the longer strings, `rank` keeps the ``wanted`` best: the more probable one, then the
    shorter, then the lexicographically smaller. Every node's prefix is a node.
    """

    def __init__(self, wanted: int) -> None:
        self.wanted = wanted
        self.parent = np.zeros(1, np.int64)
        self.symbol = np.zeros(1, np.uint8)
        self.length = np.zeros(1, np.int64)
        self.weight = np.array([[_ROOT_WEIGHT >> 64, 0]], np.uint64)
        self.expanded = np.zeros(1, np.bool_)
        # The least weight that a string needed to be among the best in the last ranking.
        self.least = np.array([0, 1], np.uint64)
        # With more nodes than this, they are ranked again.
        self._room = (1 + _BYTES + wanted) * 9 // 8

    def promising(self) -> NDArray[np.int64]:
        """Return the best nodes to expand next: a batch, or a quarter of all if that is more.

        Once there are enough strings, a node of the least weight is not expanded: its children
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
        """Add children of nodes; a later `rank` drops those that are not among the best."""
        self.parent = np.concatenate([self.parent, parent])
        self.symbol = np.concatenate([self.symbol, symbol])
        self.length = np.concatenate([self.length, self.length[parent] + 1])
        self.weight = np.concatenate([self.weight, weight])
        self.expanded = np.concatenate([self.expanded, np.zeros(len(parent), np.bool_)])
        if len(self.parent) > self._room:
            self.rank()

    def rank(self) -> None:
        """Drop all but the best strings, and sort them, best first."""
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
        """Return the strings of two or more bytes, best first; exact in the first ``wanted``."""
        nodes = np.arange(1 + _BYTES, len(self.parent))
        keys = np.column_stack([~self.weight[nodes], self.length[nodes].astype(np.uint64)])
        order = np.lexsort(keys.T[::-1])
        nodes, keys = nodes[order], keys[order]
        if len(nodes) > self.wanted:
            # The lexicographic order matters only among the strings at the cut.
            equal = np.flatnonzero((keys == keys[self.wanted]).all(axis=1))
            ties = nodes[equal]
            strings = np.ascontiguousarray(self.prefixes(ties)[0])
            nodes[equal] = ties[np.argsort(strings.view(f"S{strings.shape[1]}")[:, 0])]
        return nodes

    def prefixes(self, nodes: NDArray[np.int64]) -> tuple[NDArray[np.uint8], NDArray[np.int32]]:
        """Return strings as uint8, shape (n, L), left-aligned, and lengths as int32, shape (n,)."""
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
        levels = []  # the nodes of each length, in lexicographic order
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

"""Bits per byte on held-out text, of the float network and of the integer model."""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray

import eqinfo._core as _core
from eqinfo.models.native_model import NativeModel
from eqinfo.train.data import Bytes, batch_of
from eqinfo.train.embeddings import EmbeddingTables
from eqinfo.train.network import Network, byte_losses

__all__ = ["float_bits", "integer_bits", "pieces", "split"]

_PIECES = 8
_PIECE_BYTES = 1 << 14
_CHUNK_BYTES = 512
_MAX_SPLIT_BYTES = 1 << 20


def split(text: Bytes) -> tuple[Bytes, Bytes]:
    """Split a text into one to learn and one to hold out: its last twentieth, at most 1 MiB."""
    kept = len(text) - min(len(text) // 20, _MAX_SPLIT_BYTES)
    return text[:kept], text[kept:]


def pieces(text: Bytes) -> Bytes:
    """Return 8 pieces spread evenly over a text, uint8 (8, n) with n of at most 2^14.

    Raises:
        ValueError: the text is shorter than 8 bytes.
    """
    stride = len(text) // _PIECES
    if stride == 0:
        raise ValueError(f"expected a held-out text of {_PIECES} bytes or more, found {len(text)}")
    whole = text[: _PIECES * stride].reshape(_PIECES, stride)
    return np.ascontiguousarray(whole[:, :_PIECE_BYTES])


def float_bits(network: Network, tables: EmbeddingTables, texts: Bytes) -> float:
    """Return bits per byte of the float network on ``texts``, uint8 (lanes, n).

    Each text begins without context.
    """
    contexts = _core.TextContexts(len(texts), True)
    state = torch.zeros(len(texts), network.state)
    nats = 0.0
    with torch.no_grad():
        for begin in range(0, texts.shape[1], _CHUNK_BYTES):
            batch = batch_of(contexts, texts[:, begin : begin + _CHUNK_BYTES], [])
            losses, state = byte_losses(network, tables, batch, tables.look_up(batch.ids), state)
            nats += losses.sum().item()
    return nats / math.log(2) / texts.size


def integer_bits(model: NativeModel, texts: Bytes) -> float:
    """Return bits per byte of the integer model; arguments as in `float_bits`."""
    return sum(_bits(model, text) for text in texts) / texts.size


def _bits(model: NativeModel, text: Bytes) -> float:
    octaves: NDArray[np.float64] = model.logits(text.tobytes())[:-1] / 1024
    largest = octaves.max(axis=1)
    total = largest + np.log2(np.exp2(octaves - largest[:, None]).sum(axis=1))
    return float((total - octaves[np.arange(len(text)), text]).sum())

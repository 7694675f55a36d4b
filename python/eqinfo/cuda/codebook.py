"""Codebooks on a GPU. No call waits for the device: calls queue on the caller's stream."""

from __future__ import annotations

from typing import Any

from eqinfo.codebook.table import Codebook
from eqinfo.cuda import require_cuda
from eqinfo.cuda.memory import device_memory, stream_of, to_device, torch

__all__ = ["DeviceCodebook"]


class DeviceCodebook:
    """A codebook's tables in device memory, for greedy parses and for decoding.

    Args:
        codebook: its tables are copied to the device.
        device: a CUDA device.
    """

    def __init__(self, codebook: Codebook, device: str = "cuda") -> None:
        self._native = require_cuda()
        self._tables = DeviceTables(codebook, device)
        self._longest = codebook.max_length
        self._count = len(codebook)
        self._device = device
        self._ids = torch.int32 if self._tables.wide else torch.int16

    def encode(self, text: Any, offsets: Any) -> tuple[Any, Any]:
        """Encode documents, one per thread: for many documents of about the same length.

        Args:
            text: uint8, shape (bytes,), all documents one after the other.
            offsets: int64, shape (documents + 1,): document i is text[offsets[i]:offsets[i + 1]].
                They must not decrease, nor leave the text; this is not checked.

        Returns:
            The ids, shape (bytes,): their bits in int16, or in int32 above 16 bits. Those of
            document i begin at ids[offsets[i]]. And int64, shape (documents,): the number of ids of
            each document.
        """
        with device_memory("codebook_encode"):
            ids = torch.empty(len(text), dtype=self._ids, device=self._device)
            counts = torch.empty(len(offsets) - 1, dtype=torch.int64, device=self._device)
        self._native.codebook_encode(self._tables, text, offsets, ids, counts, self._stream)
        return ids, counts

    def decode(self, ids: Any, *, room: int | None = None) -> tuple[Any, Any, Any]:
        """Decode ids.

        Args:
            ids: as `encode` returns them, shape (n,), without gaps.
            room: bytes to allocate (default: those of the longest string, for each id).

        Returns:
            uint8, shape (room,): the text, unless it is longer than ``room``. int64, shape
            (n + 1,): where the bytes of each id begin, and last the number of all bytes. int64,
            shape (1,): the position of the first id that the codebook does not have (it stands for
            no bytes), or n.
        """
        count = len(ids)
        blocks = -(-count // self._native.IDS_OF_BLOCK)
        with device_memory("codebook_decode"):
            text = torch.empty(
                count * self._longest if room is None else room,
                dtype=torch.uint8,
                device=self._device,
            )
            starts = torch.zeros(count + 1, dtype=torch.int64, device=self._device)
            fault = torch.full((1,), count, dtype=torch.int64, device=self._device)
            scratch = torch.empty(blocks + 1, dtype=torch.int64, device=self._device)
        self._native.codebook_decode(self._tables, ids, scratch, fault, text, starts, self._stream)
        return text, starts, fault

    @property
    def _stream(self) -> int:
        return stream_of(torch.device(self._device))


class DeviceTables:
    """The tables that ``csrc/cuda/kernels.h`` calls Trie and Strings, as byte tensors.

    Attributes:
        wide: whether ids have 32 bits instead of 16.
    """

    def __init__(self, codebook: Codebook, device: str) -> None:
        self.wide = codebook.dtype.itemsize == 4
        with device_memory("codebook"):
            for name, table in codebook.native_tables().items():
                setattr(self, name, to_device(table, device))

"""Frequency stage on a GPU: logits to integer frequencies, by frequency rule 1.

Faulty rows do not raise, since the host would have to wait for the device to see them. Their status
is returned instead.
"""

from __future__ import annotations

from typing import Any

from eqinfo.common.integers import check_bits
from eqinfo.cuda import require_cuda
from eqinfo.cuda.memory import as_tensor, device_memory, stream_of, torch

__all__ = ["frequencies", "symbol_intervals"]


def frequencies(logits: Any, precision: int) -> tuple[Any, Any]:
    """Turn logits into integer frequencies, on the caller's stream.

    Args:
        logits: float32, float16 or bfloat16, shape (n, V), 2 <= V <= 2^18, on a CUDA device; the
            rows may have any stride. int32 logits are in 1024ths of an octave, and less than 2^31
            apart.
        precision: the frequencies of a row sum to 2^precision; as `eqinfo.frequency.frequencies`.

    Returns:
        The frequencies, int32, shape (n, V), those of `eqinfo.frequency.frequencies` for the same
        logits in float32 (integers enter rule 1 at its third step); and the status of each row,
        int32, shape (n,): 0, or a number that `status_message` explains. A row whose status is not
        0 has no valid frequencies.

    Raises:
        DeviceError: logits that are not on a CUDA device, or a failed launch.
        ModelError: another shape or dtype.
        UnsupportedError: no CUDA.
    """
    check_bits(31, precision=precision)
    native = require_cuda()
    tensor = as_tensor(logits)
    with device_memory("frequency_rows"):
        result = torch.empty(tensor.shape, dtype=torch.int32, device=tensor.device)
        status = torch.empty(len(tensor), dtype=torch.int32, device=tensor.device)
    native.frequency_rows(tensor, precision, result, status, _stream(tensor))
    return result, status


def symbol_intervals(logits: Any, precision: int, symbols: Any) -> tuple[Any, Any]:
    """Return start and frequency of one symbol per row, without the table of frequencies.

    Args:
        logits: as `frequencies`.
        precision: as `frequencies`.
        symbols: int32, shape (n,), on the same device; -1 for none.

    Returns:
        int32, shape (n, 2): start and frequency, both 0 where there is no symbol or the row is
        faulty; and the status of each row, as `frequencies`.
    """
    check_bits(31, precision=precision)
    native = require_cuda()
    tensor = as_tensor(logits)
    with device_memory("frequency_intervals"):
        result = torch.empty((len(tensor), 2), dtype=torch.int32, device=tensor.device)
        status = torch.empty(len(tensor), dtype=torch.int32, device=tensor.device)
    native.frequency_intervals(tensor, precision, symbols, result, status, _stream(tensor))
    return result, status


def _stream(tensor: Any) -> int:
    return stream_of(tensor.device) if tensor.device.type == "cuda" else 0

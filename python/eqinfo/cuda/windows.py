"""The windows of `WindowCodec` in lockstep on a device: states, symbols and logits stay there.

A step asks the model for one row a lane, turns the rows into frequencies, and codes one symbol a
lane; the kernel itself resets lanes and moves them on to their next document. So the host queues
steps without looking, and waits for the device once in `STEPS_BETWEEN_LOOKS` of them.

Which lane codes which document depends on the documents' lengths only, and every call of the model
has the same shape.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

import eqinfo._core as _core
from eqinfo.common.symbols import Symbols, concatenate_by
from eqinfo.cuda import require_cuda
from eqinfo.cuda.memory import device_memory, stream_of, to_device, to_host, torch
from eqinfo.cuda.models import DeviceModel
from eqinfo.models.protocol import FRESH
from eqinfo.window.parameters import Codewords, WindowParameters
from eqinfo.window.steps import empty_window

STEPS_BETWEEN_LOOKS = 16
_NO_WORK = -1

_Piece = TypeVar("_Piece")


class Lanes:
    """What every step works on, under the names of WindowStep in ``csrc/cuda/kernels.h``.

    Args:
        sizes: of each work, a document or a segment: its symbols or codewords, at least one.
        model: has as many lanes.
        parameters: of the windows.
        device: a torch.device.
    """

    def __init__(
        self,
        sizes: NDArray[np.int64],
        model: DeviceModel,
        parameters: WindowParameters,
        device: Any,
    ) -> None:
        count = model.lanes
        works, following, self.least_steps = _deal(sizes, count)
        offsets = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
        windows = np.tile(empty_window(parameters.window_bits), (count, 1))
        self.precision = parameters.precision
        self.window_bits = parameters.window_bits
        self.frequencies = torch.empty((count, model.vocab_size), dtype=torch.int32, device=device)
        self.row_status = torch.empty(count, dtype=torch.int32, device=device)
        self.work = to_device(works, device)
        self.next = to_device(following, device)
        self.offsets = to_device(offsets, device)
        self.positions = to_device(offsets[np.maximum(works, 0)], device)
        self.windows = to_device(windows, device)
        self.previous = torch.full((count,), FRESH, dtype=torch.int32, device=device)
        self.status = torch.zeros(len(sizes), dtype=torch.int32, device=device)
        self.fault_offsets = torch.zeros(len(sizes), dtype=torch.int64, device=device)

    def faults(self) -> dict[int, tuple[str, int]]:
        """Return what ended works early, and how much of each was done before."""
        status, offsets = to_host(self.status), to_host(self.fault_offsets)
        return {
            int(i): (_core.status_message(int(status[i])), int(offsets[i]))
            for i in np.flatnonzero(status)
        }


class EncodingLanes(Lanes):
    """Documents on their way into codewords: WindowEncodeArguments."""

    def __init__(
        self,
        documents: Sequence[Symbols],
        model: DeviceModel,
        parameters: WindowParameters,
        device: Any,
    ) -> None:
        super().__init__(_sizes(documents), model, parameters, device)
        symbols = np.concatenate(documents)
        self.reset_every = parameters.reset_every
        self.symbols = to_device(symbols, device)
        self.since_reset = torch.zeros(model.lanes, dtype=torch.int64, device=device)
        self.codewords = torch.empty((len(symbols), 2), dtype=torch.int64, device=device)
        self.counts = torch.zeros(len(documents), dtype=torch.int64, device=device)


class DecodingLanes(Lanes):
    """Segments on their way into symbols: WindowDecodeArguments, for several steps."""

    def __init__(
        self,
        segments: Sequence[Codewords],
        model: DeviceModel,
        parameters: WindowParameters,
        device: Any,
    ) -> None:
        super().__init__(_sizes(segments), model, parameters, device)
        shape = (STEPS_BETWEEN_LOOKS, model.lanes)
        self.codewords = to_device(np.concatenate(segments), device)
        self.decoded = torch.empty(shape, dtype=torch.int32, device=device)
        self.decoded_work = torch.empty(shape, dtype=torch.int64, device=device)


class WindowKernels(Protocol):
    """The kernels of a step; what stands in for them in tests has the same two functions."""

    def encode(self, lanes: EncodingLanes) -> tuple[Callable[[Any], None], Callable[[], None]]:
        """Return what takes logits, and what then takes a step."""
        ...

    def decode(self, lanes: DecodingLanes) -> tuple[Callable[[Any], None], Callable[[int], None]]:
        """Return what takes logits, and what takes the step of a row of `DecodingLanes.decoded`."""
        ...


class CudaKernels:
    """Launches on the caller's stream."""

    def __init__(self) -> None:
        self._native = require_cuda()

    def encode(self, lanes: EncodingLanes) -> tuple[Callable[[Any], None], Callable[[], None]]:
        """See `WindowKernels.encode`."""
        stream = stream_of(lanes.work.device)
        steps = self._native.WindowEncode(lanes, stream)
        return self._frequencies(lanes, stream), steps.run

    def decode(self, lanes: DecodingLanes) -> tuple[Callable[[Any], None], Callable[[int], None]]:
        """See `WindowKernels.decode`."""
        stream = stream_of(lanes.work.device)
        steps = self._native.WindowDecode(lanes, stream)
        return self._frequencies(lanes, stream), steps.run

    def _frequencies(self, lanes: Lanes, stream: int) -> Callable[[Any], None]:
        def take(logits: Any) -> None:
            self._native.frequency_rows(
                logits, lanes.precision, lanes.frequencies, lanes.row_status, stream
            )

        return take


@dataclass(frozen=True)
class Finished(Generic[_Piece]):
    """What came of a batch.

    Attributes:
        pieces: codewords or symbols of each document; what was done of one with a fault.
        faults: of documents that ended early: what was wrong, and behind how many symbols (when
            encoding) or codewords (when decoding).
    """

    pieces: list[_Piece]
    faults: dict[int, tuple[str, int]]


class DeviceWindows:
    """Encodes and decodes bijective windows with a model on a device.

    Args:
        model: predicts all lanes at once.
        parameters: of the windows, which must be bijective.
        device: where the model is.
        kernels: what runs there.
    """

    def __init__(
        self,
        model: DeviceModel,
        parameters: WindowParameters,
        device: Any,
        kernels: WindowKernels,
    ) -> None:
        if parameters.variant != "bijective":
            raise ValueError(
                f"expected bijective windows on a device, found {parameters.variant} ones"
            )
        self._model = model
        self._parameters = parameters
        self._device = device
        self._kernels = kernels

    def encode(self, documents: Sequence[Symbols]) -> Finished[Codewords]:
        """Encode documents into codewords; an empty one has none."""
        full = [i for i, document in enumerate(documents) if len(document)]
        pieces: list[Codewords] = [np.empty((0, 2), np.uint64) for _ in documents]
        if not full:
            return Finished(pieces, {})
        with device_memory("window_encode"):
            lanes = EncodingLanes(
                [documents[i] for i in full], self._model, self._parameters, self._device
            )
            take, step = self._kernels.encode(lanes)
            state = self._model.start()
            queued = 0
            while True:
                take(self._predict(state, lanes))
                step()
                queued += 1
                look = queued >= lanes.least_steps and queued % STEPS_BETWEEN_LOOKS == 0
                if look and _idle(lanes):
                    break
        codewords = to_host(lanes.codewords).view(np.uint64)
        offsets, counts = to_host(lanes.offsets), to_host(lanes.counts)
        for number, index in enumerate(full):
            first = offsets[number]
            pieces[index] = codewords[first : first + counts[number]]
        return Finished(pieces, {full[i]: fault for i, fault in lanes.faults().items()})

    def decode(self, documents: Sequence[Codewords]) -> Finished[Symbols]:
        """Decode documents; the reverse of `encode`."""
        segments, owners, begins = self._segments(documents)
        if not segments:
            return Finished([np.empty(0, np.int32) for _ in documents], {})
        works: list[NDArray[np.int64]] = []
        symbols: list[Symbols] = []
        with device_memory("window_decode"):
            lanes = DecodingLanes(segments, self._model, self._parameters, self._device)
            take, step = self._kernels.decode(lanes)
            state = self._model.start()
            queued = 0
            while True:
                for row in range(STEPS_BETWEEN_LOOKS):
                    take(self._predict(state, lanes))
                    step(row)
                queued += STEPS_BETWEEN_LOOKS
                decoded = to_host(lanes.decoded)
                works.append(to_host(lanes.decoded_work)[decoded >= 0])
                symbols.append(decoded[decoded >= 0])
                if queued >= lanes.least_steps and _idle(lanes):
                    break
        parts = concatenate_by(works, symbols, len(segments))
        texts: list[list[Symbols]] = [[np.empty(0, np.int32)] for _ in documents]
        for owner, part in zip(owners, parts, strict=True):
            texts[owner].append(part)
        faults: dict[int, tuple[str, int]] = {}
        for segment, (what, done) in lanes.faults().items():
            faults.setdefault(owners[segment], (what, begins[segment] + done))
        return Finished([np.concatenate(text) for text in texts], faults)

    def _segments(
        self, documents: Sequence[Codewords]
    ) -> tuple[list[Codewords], list[int], list[int]]:
        """Return the windows between two resets, their document, and the windows before them.

        Codeword 0 is the empty window, which means nothing.
        """
        segments, owners, begins = [], [], []
        for index, codewords in enumerate(documents):
            every = self._parameters.reset_every or max(1, len(codewords))
            for first in range(0, len(codewords), every):
                segment = codewords[first : first + every]
                segment = segment[segment.any(axis=1)]
                if len(segment):
                    segments.append(segment)
                    owners.append(index)
                    begins.append(first)
        return segments, owners, begins

    def _predict(self, state: Any, lanes: Lanes) -> Any:
        logits = self._model.predict(state, lanes.previous)
        if logits.dtype not in (torch.float32, torch.float16, torch.bfloat16):
            logits = logits.to(torch.float32)
        return logits.detach() if logits.stride(1) == 1 else logits.detach().contiguous()


def _sizes(pieces: Iterable[NDArray[Any]]) -> NDArray[np.int64]:
    return np.array([len(piece) for piece in pieces], np.int64)


def _deal(sizes: NDArray[np.int64], lanes: int) -> tuple[NDArray[np.int64], NDArray[np.int64], int]:
    """Deal works to lanes, the longest first, each to the lane that has least.

    Returns:
        The first work of each lane, the work that follows each in its lane (or `_NO_WORK`), and
        the largest sum of sizes that a lane has: a step takes one at most.
    """
    first = np.full(lanes, _NO_WORK, np.int64)
    last = first.copy()
    following = np.full(len(sizes), _NO_WORK, np.int64)
    loads = [(0, lane) for lane in range(lanes)]
    for work in np.argsort(-sizes, kind="stable").tolist():
        load, lane = heapq.heappop(loads)
        if last[lane] == _NO_WORK:
            first[lane] = work
        else:
            following[last[lane]] = work
        last[lane] = work
        heapq.heappush(loads, (load + int(sizes[work]), lane))
    return first, following, max(loads)[0]


def _idle(lanes: Lanes) -> bool:
    """Return whether no lane has work, which waits for the device."""
    return bool((lanes.work == _NO_WORK).all())

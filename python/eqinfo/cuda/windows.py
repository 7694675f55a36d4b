"""The windows of `WindowCodec` on a GPU, all lanes in lockstep.

States, symbols and logits stay on the device. Each step asks the model for one prediction per lane,
turns the predictions into frequencies, and codes one symbol per lane. The kernel itself resets
lanes and moves them on to their next document. So the host queues steps without looking at the
results, and waits for the device only once in `STEPS_BETWEEN_LOOKS` steps.

Which lane codes which document depends only on the lengths of the documents, and every call of the
model has the same shape.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

import eqinfo._core as _core
from eqinfo.common.symbols import Symbols, concatenate_by
from eqinfo.cuda import require_cuda
from eqinfo.cuda.memory import device_memory, stream_of, to_device, to_host, torch
from eqinfo.cuda.models import DeviceModel, on_device
from eqinfo.errors import ModelError
from eqinfo.models.protocol import FRESH, Model
from eqinfo.window.coder import LaneCoder
from eqinfo.window.encoded import EncodedWindows
from eqinfo.window.parameters import Codewords, WindowParameters
from eqinfo.window.segments import cut_segments, join_segments
from eqinfo.window.steps import empty_window

__all__ = ["DeviceWindows", "Finished"]

STEPS_BETWEEN_LOOKS = 16
"""Decoding copies the symbols of as many steps to the host at a time."""
_NO_WORK = -1

_Piece = TypeVar("_Piece")


class DeviceLanes:
    """What every step works on, under the names of WindowStep in ``csrc/cuda/kernels.h``.

    A work is a document to encode or a segment to decode.

    Args:
        sizes: int64, shape (works,): the symbols or codewords of each work, at least one.
        model: decides how many lanes there are.
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
        """Return, for each work that ended early, the reason and how much of it was done before."""
        status, offsets = to_host(self.status), to_host(self.fault_offsets)
        return {
            int(i): (_core.status_message(int(status[i])), int(offsets[i]))
            for i in np.flatnonzero(status)
        }


class DeviceEncodingLanes(DeviceLanes):
    """Documents being encoded: WindowEncodeArguments in ``csrc/cuda/kernels.h``."""

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


class DeviceDecodingLanes(DeviceLanes):
    """Segments being decoded: WindowDecodeArguments, with results for several steps."""

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
    """The kernels of a step; tests put the simulator's in place of CUDA's."""

    def encode(
        self, lanes: DeviceEncodingLanes
    ) -> tuple[Callable[[Any], None], Callable[[], None]]:
        """Return two functions: one takes the logits of a step, the other then does the step."""
        ...

    def decode(
        self, lanes: DeviceDecodingLanes
    ) -> tuple[Callable[[Any], None], Callable[[int], None]]:
        """Return two functions: one takes the logits of a step, the other then does the step.

        The second takes the row of `DeviceDecodingLanes.decoded` that it is to write.
        """
        ...


class CudaKernels:
    """`WindowKernels` launched on the caller's stream."""

    def __init__(self) -> None:
        self._native = require_cuda()

    def encode(
        self, lanes: DeviceEncodingLanes
    ) -> tuple[Callable[[Any], None], Callable[[], None]]:
        """See `WindowKernels.encode`."""
        stream = stream_of(lanes.work.device)
        steps = self._native.WindowEncode(lanes, stream)
        return self._frequencies(lanes, stream), steps.run

    def decode(
        self, lanes: DeviceDecodingLanes
    ) -> tuple[Callable[[Any], None], Callable[[int], None]]:
        """See `WindowKernels.decode`."""
        stream = stream_of(lanes.work.device)
        steps = self._native.WindowDecode(lanes, stream)
        return self._frequencies(lanes, stream), steps.run

    def _frequencies(self, lanes: DeviceLanes, stream: int) -> Callable[[Any], None]:
        def take(logits: Any) -> None:
            self._native.frequency_rows(
                logits, lanes.precision, lanes.frequencies, lanes.row_status, stream
            )

        return take


@dataclass(frozen=True)
class Finished(Generic[_Piece]):
    """The results of a batch.

    Attributes:
        pieces: codewords or symbols of each document; of a document with a fault, what came before.
        faults: by document, for those that ended early: what was wrong, and how many symbols (when
            encoding) or windows (when decoding) came before.
    """

    pieces: list[_Piece]
    faults: dict[int, tuple[str, int]]


class DeviceWindows:
    """Encodes and decodes bijective windows with a model on a device.

    Args:
        model: predicts all lanes at once.
        parameters: of the windows, which must be bijective.
        device: the model's device.
        kernels: what runs on it.

    Raises:
        ValueError: padded or delayed windows.
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
            lanes = DeviceEncodingLanes(
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
        segments = cut_segments(documents, self._parameters)
        if not segments:
            return Finished([np.empty(0, np.int32) for _ in documents], {})
        works: list[NDArray[np.int64]] = []
        symbols: list[Symbols] = []
        with device_memory("window_decode"):
            lanes = DeviceDecodingLanes(
                [segment.codewords for segment in segments],
                self._model,
                self._parameters,
                self._device,
            )
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
        texts = concatenate_by(works, symbols, len(segments))
        faults: dict[int, tuple[str, int]] = {}
        for work, (what, done) in lanes.faults().items():
            segment = segments[work]
            faults.setdefault(segment.document, (what, segment.first + done))
        return Finished(join_segments(segments, texts, len(documents)), faults)

    def _predict(self, state: Any, lanes: DeviceLanes) -> Any:
        logits = self._model.predict(state, lanes.previous)
        if logits.dtype not in (torch.float32, torch.float16, torch.bfloat16, torch.int32):
            logits = logits.to(torch.float32)
        return logits.detach() if logits.stride(1) == 1 else logits.detach().contiguous()


class DeviceCoder:
    """An `eqinfo.window.coder.WindowCoder` on a GPU; it raises a ModelError for the first fault.

    Args:
        device_windows: encodes and decodes.
        on_host: codes the document of `windows`.
    """

    def __init__(self, device_windows: DeviceWindows, on_host: LaneCoder) -> None:
        self._device_windows = device_windows
        self._on_host = on_host

    def encode(self, documents: Sequence[Symbols]) -> list[Codewords]:
        """See `WindowCoder.encode`."""
        encoded = self._device_windows.encode(documents)
        _raise_first(encoded.faults, "symbol")
        return encoded.pieces

    def decode(self, documents: Sequence[Codewords]) -> list[Symbols]:
        """See `WindowCoder.decode`."""
        decoded = self._device_windows.decode(documents)
        _raise_first(decoded.faults, "window")
        return decoded.pieces

    def windows(self, document: Symbols) -> EncodedWindows:
        """See `WindowCoder.windows`; this runs on the processor, with the model where it is."""
        return self._on_host.windows(document)

    def with_empty_memo(self) -> DeviceCoder:
        """Return itself: it remembers nothing."""
        return self


def device_coder(
    model: Model, parameters: WindowParameters, lanes: int, device: str
) -> DeviceCoder:
    """Return the coder of `WindowCodec.on_device`; raises as that does."""
    kernels = CudaKernels()
    device_model, place = on_device(model, torch.device(device), lanes)
    device_windows = DeviceWindows(device_model, parameters, place, kernels)
    return DeviceCoder(device_windows, LaneCoder(model, parameters, lanes))


def _raise_first(faults: Mapping[int, tuple[str, int]], unit: str) -> None:
    if faults:
        first = min(faults)
        what, done = faults[first]
        raise ModelError(f"document {first}, {unit} {done}: {what}")


def _sizes(pieces: Iterable[NDArray[Any]]) -> NDArray[np.int64]:
    return np.array([len(piece) for piece in pieces], np.int64)


def _deal(sizes: NDArray[np.int64], lanes: int) -> tuple[NDArray[np.int64], NDArray[np.int64], int]:
    """Deal works to lanes: the longest first, each to the lane with the least work so far.

    Returns:
        The first work of each lane; the work that follows each in its lane (or `_NO_WORK`); and the
        largest sum of sizes in a lane. No fewer steps will do: a step takes at most one symbol or
        codeword from each lane.
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


def _idle(lanes: DeviceLanes) -> bool:
    """Return whether no lane has work left. Waits for the device."""
    return bool((lanes.work == _NO_WORK).all())

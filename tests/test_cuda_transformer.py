"""Transformers on a device: contexts and windows, with the kernels executed on the processor."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

torch = pytest.importorskip("torch")

from cuda_cases import SimulatedKernels, make_simulator  # noqa: E402
from cuda_kernel_cases import Kernels, needs_cxx  # noqa: E402
from cuda_transformer_cases import simulated  # noqa: E402
from eqinfo import WindowCodec  # noqa: E402
from eqinfo.cuda import windows as cuda_windows  # noqa: E402
from eqinfo.cuda.transformer import Contexts, DeviceTransformer, TorchMemory  # noqa: E402
from eqinfo.cuda.transformer_plan import Arguments, Launch, Network  # noqa: E402
from eqinfo.cuda.windows import DeviceWindows  # noqa: E402
from eqinfo.models import FRESH  # noqa: E402
from transformer_cases import random_transformer  # noqa: E402

pytestmark = needs_cxx
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def kernels(tmp_path_factory: pytest.TempPathFactory) -> Kernels:
    folder = tmp_path_factory.mktemp("transformer")
    return Kernels(make_simulator(folder, "frequency", "window", "transformer"))


def predictions(
    model: DeviceTransformer, documents: list[NDArray[np.int32]], begins: list[int]
) -> list[NDArray[np.int32]]:
    """Append document i on lane i from step begins[i] on; return the logits, those of each lane."""
    state = model.start()
    found: list[list[NDArray[np.int32]]] = [[] for _ in documents]
    for step in range(max(b + len(d) for b, d in zip(begins, documents, strict=True)) + 1):
        previous = [
            int(document[step - begin - 1]) if 0 < step - begin <= len(document) else FRESH
            for begin, document in zip(begins, documents, strict=True)
        ]
        logits = model.predict(state, torch.tensor(previous, dtype=torch.int32))
        for lane, (begin, document) in enumerate(zip(begins, documents, strict=True)):
            if 0 <= step - begin <= len(document):
                found[lane].append(logits[lane].numpy().copy())
    return [np.stack(rows) for rows in found]


@pytest.mark.parametrize("context_length", [3, 4])
def test_contexts(kernels: Kernels, context_length: int) -> None:
    """They grow, begin again when they are full, and begin anew; one lane is a step behind."""
    model = random_transformer(8, context_length)
    rng = np.random.default_rng(context_length)
    documents = [rng.integers(0, model.vocab_size, n, np.int32) for n in (context_length + 1, 2)]
    documents[0][1] = 0  # which is no `FRESH`
    device = DeviceTransformer(model, 2, CPU, simulated(kernels), least_rows=2)
    for found, document in zip(predictions(device, documents, [0, 1]), documents, strict=True):
        np.testing.assert_array_equal(found, model.logits(document))


def test_what_a_graph_reads_is_kept() -> None:
    """A recorded graph has addresses only, and none of the launches that it was made of."""
    kept: list[weakref.ref[Any]] = []

    class Prepared:
        def __init__(self, stage: str, arguments: Arguments) -> None:
            self.arguments = arguments

        def __call__(self) -> None:
            raise NotImplementedError

    def join(launches: Sequence[Launch]) -> Launch:
        kept.extend(weakref.ref(launch) for launch in launches)
        return int

    model = random_transformer(8, 8)
    contexts = Contexts(Network(model, TorchMemory(CPU)), CPU, 2, 2, Prepared, join)
    gc.collect()
    assert len(kept) == 2 * 13 + 3
    assert all(launch() is not None for launch in kept)
    del contexts
    gc.collect()
    assert not any(launch() is not None for launch in kept)


def test_windows_are_those_of_the_processor(
    kernels: Kernels, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cuda_windows, "STEPS_BETWEEN_LOOKS", 1)
    codec = WindowCodec(random_transformer(8, 8), 24, lanes=2)
    documents = [np.array(symbols, np.int32) for symbols in ([4, 299, 7], [], [80])]
    device = DeviceTransformer(codec.model, 2, CPU, simulated(kernels), least_rows=1)
    windows = DeviceWindows(device, codec.parameters, CPU, SimulatedKernels(kernels.simulated))
    encoded = windows.encode(documents)
    for codewords, tokens in zip(encoded.pieces, codec.encode_symbols(documents), strict=True):
        np.testing.assert_array_equal(codec._pack(codewords), tokens)
    decoded = windows.decode(encoded.pieces)
    for found, document in zip(decoded.pieces, documents, strict=True):
        np.testing.assert_array_equal(found, document)

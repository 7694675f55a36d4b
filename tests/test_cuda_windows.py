"""The lockstep engine with the true kernels, executed on the processor by the simulator."""

from __future__ import annotations

import ctypes
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from cuda_cases import SimulatedKernels, make_simulator  # noqa: E402
from cuda_sim import simulator  # noqa: E402
from cuda_sim.simulator import Simulator  # noqa: E402
from eqinfo import WindowCodec  # noqa: E402
from eqinfo.cuda.memory import as_tensor, device_memory, to_device  # noqa: E402
from eqinfo.cuda.models import on_device  # noqa: E402
from eqinfo.cuda.windows import DeviceCoder, DeviceWindows  # noqa: E402
from eqinfo.errors import DeviceError, UnsupportedError  # noqa: E402
from eqinfo.models.torch import TorchModel  # noqa: E402
from eqinfo.window.coder import LaneCoder  # noqa: E402

pytestmark = pytest.mark.skipif(simulator.CXX is None, reason="no C++ compiler")
CPU = torch.device("cpu")
LANES = 3


@pytest.fixture(scope="module")
def kernels(tmp_path_factory: pytest.TempPathFactory) -> Simulator:
    return make_simulator(tmp_path_factory.mktemp("windows"), "frequency", "window")


class Successors(torch.nn.Module):
    """Logits that are a table's row: exact, whatever the device and the batch."""

    def __init__(self, vocab_size: int, seed: int = 1) -> None:
        super().__init__()
        random = torch.Generator().manual_seed(seed)
        self.table = torch.nn.Parameter(2 * torch.randn((vocab_size, vocab_size), generator=random))


class Recurrent(Successors):
    """The row of the last two symbols' sum; the state is the last symbol."""

    def start(self, batch: int) -> torch.Tensor:
        return torch.zeros(batch, dtype=torch.int64)

    def step(self, state: torch.Tensor, tokens: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return self.table[(state + tokens) % len(self.table)], tokens


class Forward(Successors):
    """The row of the sum of the context, `begin` included."""

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        return self.table[tokens.cumsum(1) % len(self.table)]


def documents(vocab_size: int) -> list[np.ndarray]:
    random = np.random.default_rng(5)
    lengths = [0, 1, 2, 17, 7, 0, 5]
    return [random.integers(0, vocab_size, n).astype(np.int32) for n in lengths]


def engine(codec: WindowCodec, kernels: Simulator) -> DeviceWindows:
    model, _ = on_device(codec.model, CPU, LANES)
    return DeviceWindows(model, codec.parameters, CPU, SimulatedKernels(kernels))


@pytest.mark.parametrize("module", [Recurrent, Forward])
@pytest.mark.parametrize(
    ("vocab_size", "window_bits", "reset_every"),
    [(256, 16, 1), (256, 32, 1), (256, 128, 1), (256, 24, 0), (256, 16, 3), (2, 8, 1)],
)
def test_the_windows_are_those_of_the_lanes_on_the_processor(
    kernels: Simulator,
    module: type[Successors],
    vocab_size: int,
    window_bits: int,
    reset_every: int,
) -> None:
    model = TorchModel(module(vocab_size), vocab_size, 8, begin=1, batch=LANES)
    codec = WindowCodec(model, window_bits, reset_every=reset_every, lanes=LANES)
    texts = documents(vocab_size)
    device = engine(codec, kernels)

    encoded = device.encode(texts)
    assert encoded.faults == {}
    tokens = [codec._pack(codewords) for codewords in encoded.pieces]
    for found, expected in zip(tokens, codec.encode_symbols(texts), strict=True):
        np.testing.assert_array_equal(found, expected)

    decoded = device.decode(encoded.pieces)
    assert decoded.faults == {}
    for found, text in zip(decoded.pieces, texts, strict=True):
        np.testing.assert_array_equal(found, text)


def test_rows_of_a_block(kernels: Simulator) -> None:
    codec = WindowCodec(TorchModel(Recurrent(1100), 1100, batch=1), 24)
    texts = [np.array([0, 1099, 500, 7], np.int32)]
    encoded = engine(codec, kernels).encode(texts)
    for codewords, tokens in zip(encoded.pieces, codec.encode_symbols(texts), strict=True):
        np.testing.assert_array_equal(codec._pack(codewords), tokens)
    decoded = engine(codec, kernels).decode(encoded.pieces)
    for found, text in zip(decoded.pieces, texts, strict=True):
        np.testing.assert_array_equal(found, text)


def test_empty_windows_mean_nothing(kernels: Simulator) -> None:
    codec = WindowCodec(TorchModel(Recurrent(256), batch=LANES), 16, reset_every=2)
    text = documents(256)[3]
    codewords = codec._unpack(codec.encode_symbols([text])[0])
    empty = np.zeros((2, 2), np.uint64)  # as many as between two resets
    padded = np.concatenate([empty, codewords, empty])
    decoded = engine(codec, kernels).decode([padded, empty])
    np.testing.assert_array_equal(decoded.pieces[0], text)
    assert len(decoded.pieces[1]) == 0


class NanAfter(Recurrent):
    """Gives NaN after one symbol."""

    def __init__(self, symbol: int) -> None:
        super().__init__(256)
        self.symbol = symbol

    def step(self, state: torch.Tensor, tokens: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        logits, tokens = super().step(state, tokens)
        return torch.where((tokens == self.symbol)[:, None], torch.nan, logits), tokens


def test_a_faulty_row_ends_its_document_and_no_other(kernels: Simulator) -> None:
    texts = [np.full(9, 65, np.int32) for _ in range(8)]
    texts[3][5] = 66
    codec = WindowCodec(TorchModel(NanAfter(66), batch=LANES), 64)
    encoded = engine(codec, kernels).encode(texts)
    assert encoded.faults == {3: ("a logit is NaN; expected a number or -infinity", 6)}
    good = WindowCodec(TorchModel(Recurrent(256), batch=LANES), 64)
    expected = good.encode_symbols(texts)
    for i in (0, 1, 2, 4, 5, 6, 7):
        np.testing.assert_array_equal(codec._pack(encoded.pieces[i]), expected[i])

    windows = [good._unpack(tokens) for tokens in expected]
    decoded = engine(codec, kernels).decode(windows)
    assert list(decoded.faults) == [3]
    for i in (0, 1, 2, 4, 5, 6, 7):
        np.testing.assert_array_equal(decoded.pieces[i], texts[i])


def test_a_symbol_outside_the_alphabet(kernels: Simulator) -> None:
    codec = WindowCodec(TorchModel(Recurrent(256), batch=LANES), 16)
    texts = [np.array([1, 256, 2], np.int32), np.array([3], np.int32)]
    encoded = engine(codec, kernels).encode(texts)
    assert encoded.faults == {0: ("not in the alphabet (0 to vocab_size - 1)", 1)}
    assert len(encoded.pieces[1]) == 1


def test_the_codec_raises_the_first_fault(kernels: Simulator) -> None:
    codec = WindowCodec(TorchModel(NanAfter(66), batch=LANES), 16)
    on_host = LaneCoder(codec.model, codec.parameters, LANES)
    codec._coder = DeviceCoder(engine(codec, kernels), on_host)
    with pytest.raises(ValueError, match=r"document 1, symbol 2: a logit is NaN"):
        codec.encode_batch([b"good", b"aBc"])
    assert codec.decode_batch(codec.encode_batch(["good", "", "windows"]))[2] == "windows"


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_logits(kernels: Simulator, dtype: torch.dtype) -> None:
    class Halves(Recurrent):
        def step(
            self, state: torch.Tensor, tokens: torch.Tensor
        ) -> tuple[torch.Tensor, torch.Tensor]:
            logits, tokens = super().step(state, tokens)
            return logits.to(dtype), tokens

    codec = WindowCodec(TorchModel(Halves(256), batch=LANES), 32)
    texts = documents(256)
    encoded = engine(codec, kernels).encode(texts)
    for codewords, tokens in zip(encoded.pieces, codec.encode_symbols(texts), strict=True):
        np.testing.assert_array_equal(codec._pack(codewords), tokens)


def test_halves_widen_exactly(tmp_path: Path) -> None:
    source = tmp_path / "widen.cpp"
    source.write_text(
        '#include "half.h"\n'
        'extern "C" float widen(uint16_t bits, int brain) {\n'
        "  if (brain) return eqinfo::to_float(eqinfo::BFloat16{bits});\n"
        "  return eqinfo::to_float(eqinfo::Float16{bits});\n}\n"
    )
    command = [str(simulator.CXX), "-std=c++17", "-shared", "-fPIC", f"-I{simulator.CSRC}"]
    simulator.run([*command, str(source)], tmp_path / "widen.so")
    widen = ctypes.CDLL(str(tmp_path / "widen.so")).widen
    widen.restype = ctypes.c_float
    bits = np.arange(1 << 16, dtype=np.uint16)
    for brain, dtype in enumerate([torch.float16, torch.bfloat16]):
        expected = torch.from_numpy(bits.view(np.int16)).view(dtype).to(torch.float32).numpy()
        found = np.array([widen(int(b), brain) for b in bits], np.float32)
        np.testing.assert_array_equal(found, expected)


def test_no_memory_left_names_the_stage() -> None:
    with (
        pytest.raises(DeviceError, match=r"^window_encode: no memory left on the device: of 80 GB"),
        device_memory("window_encode"),
    ):
        raise torch.OutOfMemoryError("of 80 GB")


def test_arrays_of_other_libraries_as_tensors() -> None:
    weights = torch.ones(2, requires_grad=True)
    shared = as_tensor(weights)
    assert not shared.requires_grad
    assert shared.data_ptr() == weights.data_ptr()
    array = np.arange(3)
    assert as_tensor(array).data_ptr() == array.ctypes.data
    assert as_tensor([1.5, 2]).tolist() == [1.5, 2]
    for name in ("uint16", "uint32", "uint64"):  # PyTorch has few operations for these
        array = np.array([0, -1]).astype(name)
        copy = to_device(array, CPU)
        assert copy.dtype == getattr(torch, name[1:])
        assert copy.numpy().view(name).tolist() == array.tolist()
    assert to_device(np.array([255], np.uint8), CPU).tolist() == [255]


def test_what_cannot_run_on_a_device() -> None:
    model = TorchModel(Recurrent(256))
    with pytest.raises(DeviceError, match=r"expected a module on cuda, found it on cpu"):
        on_device(model, torch.device("cuda"), LANES)
    with pytest.raises(
        UnsupportedError, match=r"expected a TorchModel, a TransformerModel or a model with lanes"
    ):
        on_device(object(), CPU, LANES)
    padded = WindowCodec(model, 16, variant="padded")
    placed, _ = on_device(model, CPU, LANES)
    with pytest.raises(ValueError, match=r"expected bijective windows on a device, found padded"):
        DeviceWindows(placed, padded.parameters, CPU, SimulatedKernels(None))

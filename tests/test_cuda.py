"""The CUDA module: what it says without a driver, and what it refuses."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from eqinfo import Codebook, cuda
from eqinfo.errors import DeviceError, ModelError, UnsupportedError
from transformer_cases import random_transformer

AVAILABLE, REASON = cuda.availability()
needs_gpu = pytest.mark.skipif(not AVAILABLE, reason=f"CUDA is not available: {REASON}")
without_gpu = pytest.mark.skipif(AVAILABLE, reason="this machine has a GPU")


@pytest.fixture
def native() -> Any:
    return pytest.importorskip("eqinfo._cuda", reason="this build has no CUDA module")


def test_the_package_imports_without_the_cuda_module() -> None:
    program = "import sys, eqinfo.cuda; assert 'eqinfo._cuda' not in sys.modules"
    subprocess.run([sys.executable, "-c", program], check=True)


@without_gpu
def test_there_is_a_reason() -> None:
    assert not cuda.is_available()
    assert REASON
    with pytest.raises(UnsupportedError, match=r"^CUDA is not available: ."):
        cuda.require_cuda()


@without_gpu
def test_codecs_say_the_reason() -> None:
    torch = pytest.importorskip("torch")
    from eqinfo import WindowCodec
    from eqinfo.models.torch import TorchModel

    codec = WindowCodec(TorchModel(torch.nn.Identity()))
    with pytest.raises(UnsupportedError, match=r"CUDA is not available"):
        codec.encode_batch(["text"], device="cuda")
    with pytest.raises(UnsupportedError, match=r"CUDA is not available"):
        codec.decode_batch([], device="cuda")


# --- arguments: memory of the processor that claims to be elsewhere; no kernel ever runs ---


class Claimed:
    """A NumPy array behind DLPack that says it is on a device."""

    def __init__(self, array: np.ndarray, device: tuple[int, int], versioned: bool = True) -> None:
        self._array = array
        self._device = device
        self._versioned = versioned

    def __dlpack_device__(self) -> tuple[int, int]:
        return self._device

    def __dlpack__(self, *, stream: int, **newer: Any) -> Any:
        assert stream == 1  # the default stream
        if newer and not self._versioned:
            raise TypeError("an older library")
        return self._array.__dlpack__(**newer)


class Interface:
    """A NumPy array behind Numba's protocol."""

    def __init__(self, array: np.ndarray) -> None:
        self.__cuda_array_interface__ = array.__array_interface__


GPU = (2, 0)


def claimed(array: np.ndarray, device: tuple[int, int] = GPU) -> Claimed:
    return Claimed(array, device)


def rows(native: Any, **changed: Any) -> None:
    arguments = {
        "logits": claimed(np.zeros((3, 256), np.float32)),
        "precision": 16,
        "frequencies": claimed(np.zeros((3, 256), np.uint32)),
        "status": claimed(np.zeros(3, np.int32)),
        "stream": 0,
    }
    native.frequency_rows(**{**arguments, **changed})


@without_gpu
@pytest.mark.parametrize(
    "logits",
    [
        claimed(np.zeros((3, 256), np.float32)),
        Claimed(np.zeros((3, 256), np.float32), GPU, versioned=False),
        claimed(np.zeros((3, 256), np.float16)),
        claimed(np.zeros((3, 300), np.float32)[:, :256]),
        Interface(np.zeros((3, 256), np.float32)),
        Interface(np.zeros((3, 300), np.float32)[:, :256]),
    ],
)
def test_a_failed_launch_names_the_kernel(native: Any, logits: Any) -> None:
    with pytest.raises(DeviceError, match=r"^eqinfo_frequency_rows_warp: .*CUDA driver"):
        rows(native, logits=logits)


@without_gpu
def test_the_kernel_of_large_alphabets(native: Any) -> None:
    with pytest.raises(DeviceError, match=r"^eqinfo_frequency_rows_block: "):
        rows(
            native,
            logits=claimed(np.zeros((3, 5000), np.float32)),
            precision=24,
            frequencies=claimed(np.zeros((3, 5000), np.uint32)),
        )


def test_nothing_to_do_needs_no_device(native: Any) -> None:
    rows(
        native,
        logits=claimed(np.zeros((0, 256), np.float32)),
        frequencies=claimed(np.zeros((0, 256), np.uint32)),
        status=claimed(np.zeros(0, np.int32)),
    )


@pytest.mark.parametrize(
    ("changed", "error", "message"),
    [
        (
            {"logits": np.zeros((3, 256), np.float32)},
            DeviceError,
            r"frequency_rows: logits: expected memory of a CUDA device, "
            r"found DLPack device \(1, 0\)",
        ),
        (
            {"logits": [1.0]},
            TypeError,
            r"logits: expected an array with __dlpack__ or __cuda_array_interface__, found list",
        ),
        (
            {"logits": claimed(np.zeros((3, 256)))},
            ModelError,
            r"logits: expected float32, float16, bfloat16 or int32",
        ),
        (
            {"logits": claimed(np.zeros(256, np.float32))},
            ModelError,
            r"logits: expected shape \(n, vocab_size\), found \(256,\)",
        ),
        (
            {"logits": claimed(np.zeros((256, 3), np.float32).T)},
            ModelError,
            r"logits: expected the logits of a row to be adjacent",
        ),
        ({"precision": 11}, ValueError, r"expected precision of 12 to 24"),
        (
            {"frequencies": claimed(np.zeros((3, 255), np.uint32))},
            ValueError,
            r"frequencies: expected shape \(3, 256\), found \(3, 255\)",
        ),
        (
            {"frequencies": claimed(np.zeros((3, 256), np.uint64))},
            TypeError,
            r"frequencies: expected integers of 32 bits",
        ),
        (
            {"status": claimed(np.zeros(6, np.int32)[::2])},
            ValueError,
            r"status: expected a contiguous array",
        ),
        (
            {"logits": claimed(np.zeros(3 * 1024 + 1, np.uint8)[1:].view("f4").reshape(3, 256))},
            ValueError,
            r"logits: expected elements at multiples of their size",
        ),
    ],
)
def test_refused_arrays(
    native: Any, changed: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        rows(native, **changed)


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (np.zeros(3, ">i4"), "expected integers of 32 bits, found another type of 32 bits"),
        (np.zeros(3, "c8"), "expected integers of 32 bits, found another type of 64 bits"),
        (np.zeros(3, "V4"), "expected integers of 32 bits, found another type of 32 bits"),
        (np.zeros(3, "V0"), "expected integers of 32 bits, found another type of 0 bits"),
        (np.zeros(3, "M8[s]"), "expected integers of 32 bits, found another type of 64 bits"),
    ],
)
def test_types_that_only_the_interface_has(native: Any, status: np.ndarray, message: str) -> None:
    logits = Interface(np.zeros((3, 256), np.float32))
    with pytest.raises(TypeError, match=f"status: {message}"):
        rows(native, logits=logits, status=Interface(status))


def test_a_field_of_a_struct(native: Any) -> None:
    status = np.zeros(3, [("status", "i4"), ("rest", "V2")])["status"]
    with pytest.raises(ValueError, match="status: expected strides of whole elements"):
        rows(native, status=Interface(status))


def test_a_read_only_result(native: Any) -> None:
    status = np.zeros(3, np.int32)
    status.flags.writeable = False
    with pytest.raises(ValueError, match=r"status: expected a writable array"):
        rows(native, status=claimed(status))


def test_the_tables_of_a_codebook_are_views() -> None:
    codebook = Codebook.fit([b"abcabcabd" * 50], 9, max_length=4)
    tables = codebook.native_tables()
    assert list(tables) == [
        *("slots", "closing", "failures", "pops"),
        *("words", "sizes", "longs", "tails"),
    ]
    assert len(tables["sizes"]) == len(codebook)
    assert not tables["slots"].flags.writeable


# --- on a GPU ---


@needs_gpu
@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
@pytest.mark.parametrize("alphabet", [2, 256, 50_257])
def test_frequencies_are_those_of_the_processor(dtype: str, alphabet: int) -> None:
    torch = pytest.importorskip("torch")
    from eqinfo import frequency
    from eqinfo.cuda.frequency import frequencies, symbol_intervals

    logits = (4 * torch.randn((33, alphabet + 3))).to(getattr(torch, dtype))[:, :alphabet]
    logits[5, 1] = torch.nan
    table, status = frequencies(logits.cuda(), 24)
    good = [i for i in range(33) if i != 5]
    expected = frequency.frequencies(logits[good].float().contiguous(), 24)
    np.testing.assert_array_equal(table[good].cpu().numpy().view(np.uint32), expected)
    assert status.cpu().tolist() == [int(i == 5) for i in range(33)]

    symbols = torch.arange(33, dtype=torch.int32) % alphabet
    intervals, _ = symbol_intervals(logits.cuda(), 24, symbols.cuda())
    starts = np.cumsum(expected, axis=1, dtype=np.uint32) - expected
    picked = np.arange(32), symbols[good].numpy()
    np.testing.assert_array_equal(
        intervals[good].cpu().numpy(), np.stack([starts[picked], expected[picked]], axis=1)
    )


@needs_gpu
def test_streams_are_those_of_the_processor() -> None:
    torch = pytest.importorskip("torch")
    from eqinfo import range_coder
    from eqinfo.cuda.range_coder import DeviceRangeDecoder, DeviceRangeEncoder

    steps, lanes = 40, 7
    logits = 3 * torch.randn((steps, lanes, 256))
    symbols = torch.randint(0, 256, (steps, lanes), dtype=torch.int32)
    encoder = DeviceRangeEncoder(lanes, steps)
    for row, coded in zip(logits, symbols, strict=True):
        encoder.step(row.cuda(), coded.cuda())
    streams = encoder.finish()
    for lane, stream in enumerate(streams):
        assert stream == range_coder.encode(logits[:, lane].contiguous(), symbols[:, lane].numpy())
    decoder = DeviceRangeDecoder(streams, np.full(lanes, steps))
    for row, coded in zip(logits, symbols, strict=True):
        assert decoder.step(row.cuda())[0].cpu().tolist() == coded.tolist()
    decoder.end()


@needs_gpu
def test_windows_are_those_of_the_processor() -> None:
    torch = pytest.importorskip("torch")
    from eqinfo import WindowCodec
    from eqinfo.models.torch import TorchModel

    class Successors(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.table = torch.nn.Parameter(torch.randn((256, 256)))

        def forward(self, tokens: Any) -> Any:
            return self.table[tokens]

    module = Successors()
    texts = ["windows on a GPU", "", "of text"] * 5
    expected = WindowCodec(TorchModel(module, context_length=8, batch=4), 32).encode_batch(texts)
    codec = WindowCodec(TorchModel(module.cuda(), context_length=8, batch=4), 32)
    tokens = codec.encode_batch(texts, device="cuda")
    for found, wanted in zip(tokens, expected, strict=True):
        np.testing.assert_array_equal(found, wanted)
    assert list(codec.decode_batch(tokens, device="cuda")) == texts


@needs_gpu
def test_ids_are_those_of_the_processor() -> None:
    torch = pytest.importorskip("torch")
    from eqinfo.cuda.codebook import DeviceCodebook

    texts = [b"to be or not to be " * n for n in range(40)]
    codebook = Codebook.fit(texts, 9, max_length=6)
    data = np.frombuffer(b"".join(texts), np.uint8)
    offsets = np.cumsum([0, *map(len, texts)])
    device = DeviceCodebook(codebook)
    ids, counts = device.encode(
        torch.from_numpy(data.copy()).cuda(), torch.from_numpy(offsets).cuda()
    )
    parts = [ids[o : o + n] for o, n in zip(offsets.tolist(), counts.tolist(), strict=False)]
    for part, text in zip(parts, texts, strict=True):
        np.testing.assert_array_equal(part.cpu().numpy().view(np.uint16), codebook.encode(text))
    text, starts, fault = device.decode(torch.cat(parts))
    assert bytes(text[: int(starts[-1])].cpu().tolist()) == data.tobytes()
    assert int(fault) == len(starts) - 1


@needs_gpu
@pytest.mark.parametrize("kind", [{"bias": True}, {"tied": False}])
def test_a_transformer_is_that_of_the_processor(kind: dict[str, bool]) -> None:
    torch = pytest.importorskip("torch")
    from eqinfo import WindowCodec
    from eqinfo.cuda.transformer import DeviceTransformer
    from eqinfo.cuda.windows import CudaKernels, DeviceWindows
    from eqinfo.models import FRESH

    model = random_transformer(**kind)
    symbols = np.random.default_rng(1).integers(0, 256, 12, np.int32)
    device = DeviceTransformer(model, 3, torch.device("cuda"))
    state = device.start()
    for step, wanted in enumerate(model.logits(symbols)):
        previous = [FRESH if step == 0 else int(symbols[step - 1])] * 3
        logits = device.predict(state, torch.tensor(previous, dtype=torch.int32, device="cuda"))
        for lane in range(3):
            np.testing.assert_array_equal(logits[lane].cpu().numpy(), wanted)

    codec = WindowCodec(model, 24, lanes=3)
    documents = [symbols, symbols[:0], symbols[3:4], symbols[::-1], symbols[5:]]
    windows = DeviceWindows(device, codec.parameters, torch.device("cuda"), CudaKernels())
    encoded = windows.encode(documents)
    for codewords, tokens in zip(encoded.pieces, codec.encode_symbols(documents), strict=True):
        np.testing.assert_array_equal(codec._pack(codewords), tokens)
    for found, document in zip(windows.decode(encoded.pieces).pieces, documents, strict=True):
        np.testing.assert_array_equal(found, document)


def claim_all(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: claim_all(field) for name, field in value.items()}
    return claimed(value.numpy()) if hasattr(value, "numpy") else value


@pytest.mark.parametrize("kind", [{"bias": True}, {"tied": False}])
def test_the_launches_of_a_transformer_have_what_their_structs_have(
    native: Any, kind: dict[str, bool]
) -> None:
    torch = pytest.importorskip("torch")
    from eqinfo.cuda.transformer import DeviceTransformer

    prepared: dict[str, tuple[dict[str, Any], Any]] = {}

    def prepare(stage: str, arguments: dict[str, Any]) -> Any:
        prepared[stage] = arguments, getattr(native, stage)(claim_all(arguments), 0)
        return prepared[stage][1].run

    model = random_transformer(**kind)
    DeviceTransformer(model, 2, torch.device("cpu"), prepare).start()
    assert len(prepared) == 7
    for stage, (arguments, launch) in prepared.items():
        if not AVAILABLE:
            with pytest.raises(DeviceError, match=f"^eqinfo_{stage}: .*CUDA driver"):
                launch.run()
        rows = {**arguments["rows"], "lanes": arguments["rows"]["lanes"][:1]}
        with pytest.raises(ValueError, match=f"^{stage}: lanes: expected shape"):
            getattr(native, stage)(claim_all({**arguments, "rows": rows}), 0)
    arguments, _ = prepared["transformer_matrix"]
    narrow = {"outputs": arguments["outputs"][:, :16].contiguous(), "stride": 16}
    with pytest.raises(ValueError, match=r"expected strides of at least .*, found 16 and"):
        native.transformer_matrix(claim_all({**arguments, **narrow}), 0)

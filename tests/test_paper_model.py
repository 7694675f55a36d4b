"""The paper's M1: its network, its file, and its training."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from eqinfo import WindowCodec
from eqinfo.cli import main
from eqinfo.errors import ChecksumError, FormatError, NewerVersionError, UnsupportedError

torch = pytest.importorskip("torch", reason="needs the extra torch")

from eqinfo.models import paper  # noqa: E402
from eqinfo.models.paper import PaperTransformer, Sizes  # noqa: E402
from eqinfo.train.checkpoint import read_checkpoint  # noqa: E402

SMALL = Sizes(width=16, heads=2, head_width=8, layers=2, hidden=32, context=24)
TEXT = np.frombuffer(b"the cat sees the dog under the old green tree. " * 60, np.uint8)


def module(sizes: Sizes = SMALL, seed: int = 0) -> PaperTransformer:
    torch.manual_seed(seed)
    made = PaperTransformer(sizes)
    for parameter in made.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    return made.eval()


def steps(network: PaperTransformer, tokens: torch.Tensor) -> torch.Tensor:
    state, rows = network.start(len(tokens)), []
    for column in tokens.T:
        row, state = network.step(state, column)
        rows.append(row)
    return torch.stack(rows, 1)


def tokens_of(lanes: int, length: int) -> torch.Tensor:
    return torch.randint(0, 257, (lanes, length), generator=torch.Generator().manual_seed(1))


def test_sizes_of_the_paper() -> None:
    network = PaperTransformer()
    weights = sum(parameter.numel() for parameter in network.parameters())
    assert weights == 2_492_800 + 3 * 256 * 1024  # with a third matrix in each layer
    matrices = [layer for layer in network.layers.modules() if isinstance(layer, torch.nn.Linear)]
    assert sum(layer.weight.numel() for layer in matrices) == 16 * 3 * 256**2  # "3m", 3.1 million
    with pytest.raises(ValueError, match="expected layers of 1 or more, found 0"):
        Sizes(layers=0)


@torch.no_grad()
def test_steps_are_the_whole_computation() -> None:
    network, tokens = module(), tokens_of(3, 24)
    torch.testing.assert_close(steps(network, tokens), network(tokens))


@torch.no_grad()
def test_attention_slides() -> None:
    # One layer sees the last 24 tokens alone; far ones share a bucket.
    network, tokens = module(replace(SMALL, layers=1)), tokens_of(2, 60)
    rows = steps(network, tokens)
    for end in (25, 40, 60):
        expected = network(tokens[:, end - 24 : end])[:, -1]
        torch.testing.assert_close(rows[:, end - 1], expected)


@torch.no_grad()
def test_steps_leave_their_arguments() -> None:
    network = module()
    state = network.start(2)
    _, state = network.step(state, torch.tensor([256, 256]))
    before = [tensor.clone() for tensor in state]
    network.step(state, torch.tensor([1, 2]))
    assert all(torch.equal(a, b) for a, b in zip(before, state, strict=True))


def test_a_file_codes(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    paper.save(module(), path, {"name": "small"})
    model = paper.load(path, batch=2)
    texts = [b"", b"lanes of several lengths, some longer than the context", b"abc"]
    codec = WindowCodec(model, 32)
    assert [codec.decode_bytes(t) for t in codec.encode_batch(texts)] == texts
    assert paper.load(path, batch=2).fingerprint == model.fingerprint
    paper.save(module(seed=1), path, {})
    assert paper.load(path, batch=2).fingerprint != model.fingerprint


def with_metadata(data: bytes, **changes: str) -> bytes:
    size = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + size])
    header["__metadata__"].update(changes)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + data[8 + size :]


def with_sizes(data: bytes, sizes: str) -> bytes:
    """As a hostile file would have them, with no checksum to stop it."""
    return with_metadata(data, version="1", sizes=sizes)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (lambda data: data[:-10], FormatError, "expected a safetensors file"),
        (lambda data: b"", FormatError, "expected a safetensors file"),
        (lambda data: with_metadata(data, format="x"), FormatError, "expected format"),
        (
            lambda data: with_metadata(data, version="4"),
            NewerVersionError,
            "of version 1 or 2 or 3, found '4'",
        ),
        (lambda data: with_sizes(data, "{"), FormatError, "expected sizes"),
        (lambda data: with_sizes(data, '{"depth": 3}'), FormatError, "expected sizes"),
        (
            lambda data: with_sizes(data, '{"layers": 1000000000}'),
            FormatError,
            "17 tensors do not make 1000000000 layers",
        ),
        (
            lambda data: with_sizes(data, '{"layers": 2, "width": 1000000000}'),
            FormatError,
            "size mismatch",
        ),
    ],
)
def test_other_files(
    change: Callable[[bytes], bytes], error: type[Exception], message: str, tmp_path: Path
) -> None:
    path = tmp_path / "model.safetensors"
    paper.save(module(replace(SMALL, gated=False)), path, {})
    path.write_bytes(change(path.read_bytes()))
    with pytest.raises(error, match=message):
        paper.load(path)


def test_every_damaged_byte_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    paper.save(module(), path, {"name": "small"})
    data = path.read_bytes()
    header = 8 + int.from_bytes(data[:8], "little")
    random = np.random.default_rng(0)
    for place in [*range(0, header, 3), *random.integers(header, len(data), 60)]:
        damaged = bytearray(data)
        damaged[place] ^= 1 << int(random.integers(8))
        path.write_bytes(damaged)
        if damaged[place] in b" \t\r\n" and data[place] in b" ":  # white space of the header
            continue
        with pytest.raises((FormatError, UnsupportedError)):
            paper.load(path)


def test_sizes_that_the_weights_allow_are_checked(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    paper.save(module(), path, {})
    sizes = json.dumps({**asdict(SMALL), "context": 25})
    path.write_bytes(with_metadata(path.read_bytes(), sizes=sizes))
    with pytest.raises(ChecksumError, match=r"expected the checksum .* of the content, found"):
        paper.load(path)


@torch.no_grad()
@pytest.mark.parametrize("version", ["1", "2", "3"])
def test_files_of_every_version_are_read(version: str) -> None:
    path = Path(__file__).parent / "golden" / f"v{version}" / "paper_transformer.safetensors"
    golden = json.loads(path.with_suffix(".json").read_text())
    network = paper.load(path).module
    assert network.sizes.gated == (version == "3")
    tokens = torch.tensor([[paper.BEGIN, *golden["text"].encode()]])
    expected = torch.tensor([golden["logits"]])
    torch.testing.assert_close(steps(network, tokens)[..., ::32], expected, atol=2e-3, rtol=0)


@torch.no_grad()
def test_the_gate_is_that_of_the_definition() -> None:
    layer = module(replace(SMALL, layers=1)).layers[0]
    norm, units, _, outputs = layer.perceptron
    hidden = torch.randn(2, 3, SMALL.width, generator=torch.Generator().manual_seed(2))
    normalised = norm(hidden)
    gated = (normalised @ layer.gate.weight.T).clamp(min=0) * (normalised @ units.weight.T)
    torch.testing.assert_close(layer._changed(hidden), gated @ outputs.weight.T)


def test_a_file_without_gates_cannot_say_that_it_has_them(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    paper.save(module(), path, {})
    without = json.dumps({**asdict(SMALL), "gated": False})
    path.write_bytes(with_metadata(path.read_bytes(), version="1", sizes=without))
    with pytest.raises(FormatError, match="19 tensors do not make 2 layers"):
        paper.load(path)


def test_a_run_from_before_there_were_gates_goes_on(tmp_path: Path) -> None:
    from eqinfo.train import PaperParameters, PaperTraining

    parameters = PaperParameters(steps=2, streams=2, sizes=replace(SMALL, gated=False))
    first = PaperTraining(TEXT, TEXT, parameters)
    first.step()
    first.save(tmp_path / "checkpoint")
    content = read_checkpoint(tmp_path / "checkpoint", first.kind)
    assert "gated" not in content["run"]["sizes"]
    second = PaperTraining(TEXT, TEXT, parameters)
    second.resume(tmp_path / "checkpoint")
    assert second.done_steps == 1
    with pytest.raises(ValueError, match=r"expected a checkpoint of a run with sizes = .*gated"):
        PaperTraining(TEXT, TEXT, replace(parameters, sizes=SMALL)).resume(tmp_path / "checkpoint")


def test_weights_of_another_dtype(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    paper.save(module().half(), path, {})
    with pytest.raises(FormatError, match=r"in float32, found float16"):
        paper.load(path)


def test_it_learns_and_goes_on_the_same(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    from eqinfo.train import PaperParameters, PaperTraining, train_paper

    parameters = PaperParameters(steps=30, streams=8, warm_up=10, interval=15, sizes=SMALL)
    torch.set_num_threads(1)
    output = tmp_path / "model.safetensors"
    trained = train_paper(TEXT, TEXT, output, parameters, metadata={"name": "small"})
    assert paper.KIND.parse(paper.KIND.read(output), output).metadata["name"] == "small"
    with Path(f"{output}.csv").open() as file:
        points = list(csv.DictReader(file))
    assert [int(point["step"]) for point in points] == [15, 30]
    assert float(points[1]["held_out"]) < float(points[0]["held_out"]) < 8
    assert int(points[1]["bytes"]) == 30 * 8 * 24
    first = PaperTraining(TEXT, TEXT, parameters)
    for _ in range(20):
        first.step()
    first.save(tmp_path / "checkpoint")
    second = PaperTraining(TEXT, TEXT, parameters)
    second.resume(tmp_path / "checkpoint")
    while second.progress < 1:
        second.step()
    expected = trained.module.state_dict()
    assert all(torch.equal(value, expected[k]) for k, value in second.module.state_dict().items())
    with pytest.raises(ValueError, match="with seed = 1, found seed = 0"):
        PaperTraining(TEXT, TEXT, replace(parameters, seed=1)).resume(tmp_path / "checkpoint")
    with pytest.raises(ValueError, match="a text of 24 bytes or more, found 5"):
        PaperTraining(TEXT[:5], TEXT, parameters)
    with pytest.raises(ValueError, match="rate above 0"):
        replace(parameters, rate=0.0)
    for name in ("streams", "warm_up"):
        with pytest.raises(ValueError, match=f"^expected {name} of 1 or more, found 0$"):
            replace(parameters, **{name: 0})


def test_the_command(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    source, output = tmp_path / "text", tmp_path / "model.safetensors"
    source.write_bytes(TEXT.tobytes())
    arguments = ["train", str(source), "-o", str(output), "--arch", "paper", "--steps", "1"]
    done = CliRunner().invoke(main, [*arguments, "--streams", "2", "--length", "16"])
    assert done.exit_code == 0, done.output
    assert "bits per byte of the held-out text" in done.stderr
    text = b"a window or two"
    codec = WindowCodec(paper.load(output), 32)
    assert codec.decode_bytes(codec.encode(text)) == text
    wrong = CliRunner().invoke(main, [*arguments, "--units", "16"])
    assert wrong.exit_code == 2
    assert "expected --units only with --arch native, found --arch paper" in wrong.stderr
    assert CliRunner().invoke(main, [*arguments, "--length", "0"]).exit_code == 2

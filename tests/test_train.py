"""Training of native models, on a small text."""

from __future__ import annotations

import csv
import hashlib
import math
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import eqinfo
from eqinfo.cli import main
from eqinfo.errors import FormatError
from eqinfo.models import NativeModel

torch = pytest.importorskip("torch")
pytest.importorskip("matplotlib")

from eqinfo import train as training_package  # noqa: E402
from eqinfo.container.magic import CHECKPOINT_MAGIC  # noqa: E402
from eqinfo.experiment.m2.sampling import SampleSettings  # noqa: E402
from eqinfo.experiment.m2.training import M2Settings  # noqa: E402
from eqinfo.models.paper import Sizes  # noqa: E402
from eqinfo.train import (  # noqa: E402
    PaperParameters,
    Trained,
    Training,
    TrainParameters,
    train,
    train_paper,
)
from eqinfo.train.checkpoint import read_checkpoint, write_checkpoint  # noqa: E402
from eqinfo.train.curve import Point  # noqa: E402
from eqinfo.train.data import Reader  # noqa: E402
from eqinfo.train.embeddings import EmbeddingTables  # noqa: E402
from eqinfo.train.held_out import split  # noqa: E402
from eqinfo.train.network import GatedAverages  # noqa: E402

PARAMETERS = TrainParameters(
    steps=60, state=32, units=48, streams=8, fresh=4, length=32, rate=0.02, interval=20
)


def test_seeds_are_those_of_pytorch() -> None:
    for seed in (-1, 1 << 63):
        with pytest.raises(ValueError, match=f"^expected seed of 0 .*, found {seed}$"):
            replace(PARAMETERS, seed=seed)


def test_integers_of_numpy_are_integers() -> None:
    """What is stored of them does not say their dtype."""
    given = {"steps": 60, "seed": 3, "interval": 20, "streams": 8}
    numpy = {name: np.int64(value) for name, value in given.items()}
    for kind in (TrainParameters, PaperParameters):
        assert repr(kind(**numpy)) == repr(kind(**given))
        with pytest.raises(TypeError, match=r"^expected an integer for steps, found float$"):
            kind(steps=2.5)  # type: ignore[arg-type]
    assert repr(Sizes(width=np.int64(8))) == repr(Sizes(width=8))  # type: ignore[arg-type]


def test_settings_of_m2_keep_floats_of_python() -> None:
    half = np.float32(0.5)
    assert repr(M2Settings(learning_rate=half)) == repr(M2Settings(learning_rate=0.5))
    given = SampleSettings(temperature=half, top_p=half)
    assert repr(given) == repr(SampleSettings(temperature=0.5, top_p=0.5))


def test_numbers_of_numpy_are_numbers() -> None:
    rates = {TrainParameters: ("rate", "row_rate", "decay"), PaperParameters: ("rate",)}
    for kind, names in rates.items():
        given = dict.fromkeys(names, 0.5)
        assert repr(kind(1, **dict.fromkeys(names, np.float32(0.5)))) == repr(kind(1, **given))
        assert repr(kind(seconds=np.float64(2.0))) == repr(kind(seconds=2.0))
        for name in ("seconds", *names):
            with pytest.raises(TypeError, match=f"^expected a number for {name}, found str$"):
                kind(1, **{name: "0.5"})  # type: ignore[arg-type]


def test_a_checkpoint_of_numbers_of_numpy(tmp_path: Path) -> None:
    """PyTorch would save them, and not load them again."""
    given = {"a": np.float64(0.5), "b": [np.int64(2), (np.bool_(True), {"c": np.float32(0.25)})]}
    write_checkpoint(tmp_path / "checkpoint", "some", given)
    found = read_checkpoint(tmp_path / "checkpoint", "some")
    assert repr({name: found[name] for name in given}) == (
        "{'a': 0.5, 'b': [2, (True, {'c': 0.25})]}"
    )


def words(count: int, seed: int) -> np.ndarray:
    """Sentences of a small vocabulary."""
    random = np.random.default_rng(seed)
    vocabulary = "the a cat dog house tree river sees finds leaves under over old green"
    text = " ".join(random.choice(vocabulary.split(), count)).replace(" the", ". The")
    return np.frombuffer(text.encode(), np.uint8)


TEXT, HELD_OUT = split(words(8000, 1))


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("train") / "small.safetensors"


@pytest.fixture(scope="module")
def trained(output: Path) -> Trained:
    torch.set_num_threads(1)
    return train(TEXT, HELD_OUT, output, PARAMETERS, metadata={"name": "small"})


def test_it_learns_and_rounding_costs_little(trained: Trained, output: Path) -> None:
    with Path(f"{output}.csv").open() as file:
        points = list(csv.DictReader(file))
    assert [int(point["step"]) for point in points] == [20, 40, 60]
    assert int(points[-1]["bytes"]) == 60 * 12 * 32
    for name in ("streams", "fresh", "held_out"):
        assert float(points[-1][name]) < float(points[0][name])
    assert float(points[-1]["held_out"]) < 3
    assert Path(f"{output}.png").read_bytes().startswith(b"\x89PNG")
    assert trained.integer_bits == pytest.approx(trained.float_bits, rel=0.02)


def test_the_model_file_codes_the_held_out_text(trained: Trained, output: Path) -> None:
    model = NativeModel.load(output)
    assert model.fingerprint == trained.model.fingerprint
    assert model.metadata["name"] == "small"
    codec = eqinfo.ArithmeticCodec(model)
    text = HELD_OUT[:1000].tobytes()
    tokens = codec.encode(text)
    assert codec.decode_bytes(tokens) == text
    assert len(tokens) * 16 < 3.5 * len(text)


def test_a_resumed_run_gives_the_same_model(trained: Trained, tmp_path: Path) -> None:
    first = Training(TEXT, HELD_OUT, PARAMETERS)
    for _ in range(35):
        first.step()
    first.save(tmp_path / "checkpoint")
    second = Training(TEXT, HELD_OUT, PARAMETERS)
    second.resume(tmp_path / "checkpoint")
    assert second.done_steps == 35
    while second.progress < 1:
        second.step()
    assert second.finish({}).model.fingerprint == trained.model.fingerprint


def rates_and_rounding(decay: float) -> tuple[list[float], list[bool]]:
    """The learning rate of each of 8 steps, and whether embeddings are rounded after it."""
    training = Training(TEXT, HELD_OUT, replace(PARAMETERS, steps=8, rate=1.0, decay=decay))
    rates, rounded = [], []
    for _ in range(8):
        training.step()
        rates.append(training._optimiser.param_groups[0]["lr"])
        rounded.append(training.tables.scales is not None)
    return rates, rounded


def test_learning_rates_fall_in_the_last_part(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("eqinfo.train.native_model._WARM_UP_STEPS", 1)
    rates, rounded = rates_and_rounding(1.0)
    assert rates == pytest.approx([1, 7 / 8, 6 / 8, 5 / 8, 4 / 8, 3 / 8, 2 / 8, 1 / 8], abs=1e-3)
    assert rounded == [False] * 4 + [True] * 4
    rates, rounded = rates_and_rounding(0.5)
    assert rates == pytest.approx([1, 1, 1, 1, 1, 3 / 4, 2 / 4, 1 / 4], abs=1e-3)
    assert rounded == [False] * 6 + [True] * 2


def test_learning_rates_rise_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("eqinfo.train.native_model._WARM_UP_STEPS", 4)
    rates, _ = rates_and_rounding(0.01)
    assert rates == pytest.approx([1 / 4, 2 / 4, 3 / 4, 1, 1, 1, 1, 1], abs=1e-3)


def test_a_checkpoint_from_before_a_setting_existed(tmp_path: Path) -> None:
    training = Training(TEXT, HELD_OUT, PARAMETERS)
    del training._identity["decay"]
    training.save(tmp_path / "checkpoint")
    Training(TEXT, HELD_OUT, PARAMETERS).resume(tmp_path / "checkpoint")
    with pytest.raises(ValueError, match=r"with decay = 0.5, found decay = 1.0"):
        Training(TEXT, HELD_OUT, replace(PARAMETERS, decay=0.5)).resume(tmp_path / "checkpoint")


def test_restored_readers_continue_in_the_same_contexts() -> None:
    first = Reader(TEXT, PARAMETERS)
    for _ in range(250):  # enough for some streams to jump elsewhere
        first.next()
    second = Reader(TEXT, PARAMETERS)
    second.restore(first.state())
    for _ in range(3):
        one, other = first.next(), second.next()
        assert one.begun == other.begun
        assert torch.equal(one.ids, other.ids)
        assert torch.equal(one.texts, other.texts)


def test_streams_read_to_the_last_byte() -> None:
    length = PARAMETERS.length
    reader = Reader(TEXT[: 2 * length], replace(PARAMETERS, streams=1, fresh=0))
    reader._positions[:] = 0
    first, second, third = (reader.next() for _ in range(3))
    assert second.texts[:, 0].tolist() == TEXT[length : 2 * length].tolist()
    assert [first.begun, second.begun, third.begun] == [[0], [], [0]]


def test_gradients_of_the_gated_averages() -> None:
    generator = torch.Generator().manual_seed(0)
    update, keep = (
        torch.randn(5, 2, 3, dtype=torch.float64, generator=generator).requires_grad_()
        for _ in range(2)
    )
    state = torch.randn(2, 3, dtype=torch.float64, generator=generator)
    assert torch.autograd.gradcheck(GatedAverages.apply, (update, keep, state))


def test_checkpoints_of_other_runs(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint"
    training = Training(TEXT, HELD_OUT, PARAMETERS)
    training.save(path)
    with pytest.raises(ValueError, match="with seed = 1, found seed = 0; resume with"):
        Training(TEXT, HELD_OUT, replace(PARAMETERS, seed=1)).resume(path)
    with pytest.raises(ValueError, match=r"of a run with text = \w+, found text = \w+"):
        Training(TEXT[:-1], HELD_OUT, PARAMETERS).resume(path)


def test_damaged_checkpoints(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint"
    training = Training(TEXT, HELD_OUT, PARAMETERS)
    training.step()
    training.save(path)
    data = path.read_bytes()
    before = [weight.detach().clone() for weight in training.network.parameters()]
    random = np.random.default_rng(0)
    for place in [*range(40), *random.integers(0, len(data), 20), len(data) - 1]:
        damaged = bytearray(data)
        damaged[place] ^= 1 << int(random.integers(8))
        path.write_bytes(damaged)
        with pytest.raises(FormatError, match=r"expected a training checkpoint.*; resume from a"):
            training.resume(path)
    for size in (0, 10, 16, 20, 32, 1000, len(data) - 1):
        path.write_bytes(data[:size])
        with pytest.raises(FormatError, match=r"expected a training checkpoint.*; resume from a"):
            training.resume(path)
    path.write_bytes(data + b"\0")
    with pytest.raises(eqinfo.errors.ChecksumError, match="the file is truncated or altered"):
        training.resume(path)
    weights = training.network.parameters()
    assert all(torch.equal(one, other) for one, other in zip(before, weights, strict=True))
    path.write_bytes(data)
    training.resume(path)


def test_checkpoints_without_a_checksum(tmp_path: Path) -> None:
    torch.save({"format": "eqinfo-training", "version": 1}, tmp_path / "checkpoint")
    with pytest.raises(FormatError, match=r"found a PyTorch file without one.* or start again"):
        Training(TEXT, HELD_OUT, PARAMETERS).resume(tmp_path / "checkpoint")


def test_a_checksum_of_something_else(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint"
    content = b"not PyTorch"
    path.write_bytes(CHECKPOINT_MAGIC + hashlib.blake2b(content, digest_size=16).digest() + content)
    with pytest.raises(FormatError, match="training checkpoint, found a file that PyTorch cannot"):
        Training(TEXT, HELD_OUT, PARAMETERS).resume(path)


def test_checkpoints_of_another_kind(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint"
    training = Training(TEXT, HELD_OUT, PARAMETERS)
    path.write_bytes(b"weights")
    with pytest.raises(FormatError, match=r"begins with .*, found b'weights'; resume from"):
        training.resume(path)
    write_checkpoint(path, "eqinfo-training-paper", {})
    with pytest.raises(FormatError, match="'eqinfo-training', found 'eqinfo-training-paper'"):
        training.resume(path)
    write_checkpoint(path, "eqinfo-training", {"version": 3})
    with pytest.raises(eqinfo.errors.NewerVersionError, match="of version 2, found version 3"):
        training.resume(path)


def test_checkpoints_are_told_from_compressed_files(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint"
    Training(TEXT, HELD_OUT, PARAMETERS).save(path)
    shown = CliRunner().invoke(main, ["inspect", str(path)]).output.splitlines()
    assert shown[0] == f"{path}: eqinfo-training, version 2"
    entries = [" ".join(line.split()) for line in shown]
    assert {"steps 0", f"run.steps {PARAMETERS.steps}"} <= set(entries)
    with pytest.raises(FormatError, match="expected a compressed file, found a training checkpo"):
        eqinfo.decompress(path.read_bytes())


def test_progress_counts_steps_or_seconds(tmp_path: Path) -> None:
    calls: list[tuple[int, int | None]] = []
    points: list[Point] = []

    def train_with(**duration: float) -> None:
        calls.clear()
        points.clear()
        train(
            TEXT, HELD_OUT, tmp_path / "model",
            replace(PARAMETERS, interval=2, **duration),  # type: ignore[arg-type]
            progress=lambda done, total: calls.append((done, total)), on_point=points.append,
        )  # fmt: skip

    train_with(steps=3)
    assert calls == [(1, 3), (2, 3), (3, 3)]
    assert [point.step for point in points] == [2, 3]
    train_with(steps=0, seconds=0.01)
    assert calls == [*[(0, 1)] * (len(calls) - 1), (1, 1)]
    assert points[-1].step == len(calls)


def test_weights_beyond_8_bits_are_limited() -> None:
    training = Training(TEXT, HELD_OUT, replace(PARAMETERS, steps=4, decay=0.9))
    layers = training.network.recurrent, training.network.hidden, training.network.output
    with torch.no_grad():
        for layer in layers:
            layer.weight[0, 1] = -1e5
    for _ in range(4):
        training.step()
    # The tables have had scales since the last step but one.
    greatest = [float(layer.weight.detach().abs().max()) for layer in layers]
    assert max(greatest) < 1e5
    tensors = training.finish({}).model.tensors
    assert [int(tensors[f"{name}.weight"][0, 1]) for name in ("recurrent", "hidden", "output")] == [
        -127, -127, -127,
    ]  # fmt: skip


def test_weights_are_limited_where_no_step_had_scales() -> None:
    training = Training(TEXT, HELD_OUT, PARAMETERS)
    with torch.no_grad():
        training.network.hidden.weight[0, 1] = 1e5
    assert int(training.finish({}).model.tensors["hidden.weight"][0, 1]) == 127


def test_a_loss_that_is_not_finite() -> None:
    training = Training(TEXT, HELD_OUT, PARAMETERS)
    with torch.no_grad():
        training.network.output.bias[0] = torch.nan
    with pytest.raises(eqinfo.errors.ModelError, match="step 0: expected a finite loss, found nan"):
        training.step()


def test_the_old_name_of_the_parameters() -> None:
    with pytest.warns(DeprecationWarning, match=r"Parameters is now eqinfo\.train\.TrainParam"):
        assert training_package.Parameters is TrainParameters


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"steps": 0}, "expected either steps or seconds above 0, found steps = 0"),
        ({"seconds": 1.0}, "expected either steps or seconds above 0, .* seconds = 1.0"),
        ({"state": 20}, "state to be a multiple of 16"),
        ({"units": 4096}, "units to be a multiple of 16"),
        ({"streams": 0}, "streams of 1 or more"),
        ({"fresh": -1}, "fresh of 0 or more"),
        ({"length": 0}, "length of 1 or more"),
        ({"interval": 0}, "interval of 1 or more"),
        ({"steps": 0, "seconds": math.inf}, "seconds of 0 or more, and finite, found inf"),
        ({"steps": 5, "seconds": math.nan}, "seconds of 0 or more, and finite, found nan"),
        ({"steps": 5, "seconds": -1.0}, "seconds of 0 or more, and finite, found -1.0"),
        ({"rate": 0.0}, "rate above 0"),
        ({"rate": math.nan}, "rate above 0, and finite, found nan"),
        ({"row_rate": math.inf}, "row_rate above 0, and finite, found inf"),
        ({"decay": math.nan}, "decay above 0, and finite, found nan"),
        ({"decay": 0.0}, "decay above 0"),
        ({"decay": 1.5}, "decay of 1 or less, found 1.5"),
    ],
)
def test_parameters_out_of_range(change: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(PARAMETERS, **change)  # type: ignore[arg-type]


def test_the_ends_of_the_ranges() -> None:
    for state, units in ((16, 16), (1024, 2048)):
        assert replace(PARAMETERS, state=state, units=units, decay=1.0).units == units
    training = Training(TEXT, HELD_OUT, replace(PARAMETERS, steps=0, seconds=2.0))
    for seconds, progress in ((0.0, 0.0), (1.0, 0.5), (2.0, 1.0), (5.0, 1.0)):
        training.seconds = seconds
        assert training.progress == progress


def test_short_texts() -> None:
    with pytest.raises(ValueError, match="a text of 32 bytes or more, found 31"):
        Training(TEXT[:31], HELD_OUT, PARAMETERS)
    with pytest.raises(ValueError, match="a held-out text of 8 bytes or more, found 7"):
        Training(TEXT, HELD_OUT[:7], PARAMETERS)


def test_texts_are_arrays_of_bytes() -> None:
    wrong = (TEXT.tobytes(), TEXT.astype(np.int64), TEXT[:8000].reshape(2, -1), "a" * 100)
    for text in wrong:
        with pytest.raises(TypeError, match=r"^expected a text (as an array )?of uint8"):
            Training(text, HELD_OUT, PARAMETERS)  # type: ignore[arg-type]
        with pytest.raises(TypeError, match=r"^expected a held-out text (as an array )?of uint8"):
            Training(TEXT, text, PARAMETERS)  # type: ignore[arg-type]
    every_other = Training(TEXT[::2], HELD_OUT[::2], PARAMETERS)
    every_other.step()
    copied = Training(TEXT[::2].copy(), HELD_OUT, PARAMETERS)
    copied.step()
    assert every_other.bits == copied.bits


def test_training_takes_a_thread_at_least(tmp_path: Path) -> None:
    for call in (train, train_paper):
        with pytest.raises(ValueError, match=r"^expected num_threads of at least 1, found 0$"):
            call(TEXT, HELD_OUT, tmp_path / "model", None, num_threads=0)  # type: ignore[arg-type]


def test_what_is_missing_is_said_before_the_work(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    training = Training(TEXT, HELD_OUT, PARAMETERS)
    with pytest.raises(FileNotFoundError, match="No such folder for the output"):
        training.run_to_end(tmp_path / "none" / "model")
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(eqinfo.errors.UnsupportedError, match="expected matplotlib, which draws"):
        training.run_to_end(tmp_path / "model")
    assert training.done_steps == 0


def test_a_twentieth_is_held_out_but_no_more_than_a_mebibyte() -> None:
    for size, held in ((19, 0), (20, 1), (20 << 20, 1 << 20), (22 << 20, 1 << 20)):
        learned, held_out = split(np.zeros(size, np.uint8))
        assert (len(learned), len(held_out)) == (size - held, held)


def test_embeddings_that_were_never_visited_count_for_nothing() -> None:
    tables = EmbeddingTables(0)
    tables.values[:100] = torch.linspace(-0.5, 0.5, 100)[:, None]
    tables.squares[:100] = 1
    tables.values[100:] = 1000
    tables.calibrate(0)
    floats, scales = tables.floats()
    assert 0 < scales[0] < 0.2
    assert np.all(floats[0][:100] != 0)
    assert not floats[0][100:].any()
    assert not any(part.any() for part in floats[1:])


def test_tables_have_scales_once_they_are_calibrated() -> None:
    with pytest.raises(ValueError, match="found no scales: call calibrate first"):
        Training(TEXT, HELD_OUT, PARAMETERS).tables.floats()


def test_the_command(tmp_path: Path) -> None:
    source, model = tmp_path / "text", tmp_path / "model.safetensors"
    source.write_bytes(TEXT[:5000].tobytes())
    options = "--steps 2 --state 16 --units 16 --streams 2 --fresh 0 --length 16"
    arguments = ["train", str(source), "-o", str(model), *options.split()]
    done = CliRunner().invoke(main, arguments)
    assert done.exit_code == 0, done.output
    assert "bits per byte of the held-out text" in done.stderr
    assert NativeModel.load(model).metadata["name"] == "model"
    assert CliRunner().invoke(main, [*arguments, "--resume"]).exit_code == 0
    other = CliRunner().invoke(main, [*arguments, "--resume", "--seed", "1"])
    assert other.exit_code == 1
    assert "expected a checkpoint of a run with seed = 1, found seed = 0" in other.stderr
    anew = CliRunner().invoke(main, [*arguments, "--seed", "1"])  # without --resume
    assert anew.exit_code == 0, anew.output
    assert CliRunner().invoke(main, [*arguments, "--state", "17"]).exit_code == 2
    for wrong, found in ((arguments[:4], "neither"), ([*arguments, "--seconds", "1"], "both")):
        refused = CliRunner().invoke(main, wrong)
        assert refused.exit_code == 2
        assert f"expected either --steps or --seconds, found {found}" in refused.output
    source.write_bytes(b"too short")
    arguments[3] = str(tmp_path / "none" / "model")
    assert "No such folder for the output" in CliRunner().invoke(main, arguments).stderr


PROGRAM = """
import hashlib
import sys
import numpy as np
from eqinfo.train import TrainParameters, Training
from eqinfo.train.processes import process_group, rank

with process_group():
    text = np.fromfile(sys.argv[1], np.uint8)
    parameters = TrainParameters(steps=4, state=16, units=16, streams=4, fresh=2, length=16)
    first = Training(text, text, parameters)
    for _ in range(2):
        first.step()
    first.save(sys.argv[2])
    second = Training(text, text, parameters)
    second.resume(sys.argv[2])
    for run in (first, second):
        for _ in range(2):
            run.step()
        with open(f"{sys.argv[2]}.{rank()}", "a") as file:
            weights = [run.tables.values, *run.network.parameters()]
            bits = b"".join(weight.detach().numpy().tobytes() for weight in weights)
            print(hashlib.blake2b(bits).hexdigest(), run.bits, file=file)
"""


def test_processes_learn_the_same_from_other_batches(tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(PROGRAM)
    (tmp_path / "text").write_bytes(TEXT[:4000].tobytes())
    launch = "-m torch.distributed.run --standalone --nproc-per-node 2 program.py text run"
    done = subprocess.run(
        [sys.executable, *launch.split()], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    (one, resumed), (other, other_resumed) = (
        [line.split() for line in (tmp_path / f"run.{rank}").read_text().splitlines()]
        for rank in range(2)
    )
    assert one[0] == other[0] == resumed[0] == other_resumed[0]
    assert one[1] == resumed[1] != other[1] == other_resumed[1]
    alone = TrainParameters(steps=4, state=16, units=16, streams=4, fresh=2, length=16)
    with pytest.raises(ValueError, match="with processes = 1, found processes = 2"):
        Training(TEXT[:4000], HELD_OUT, alone).resume(tmp_path / "run")

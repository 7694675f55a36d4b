"""The preset for one GPU, at toy size on the CPU: nothing is lost by kills, and nothing changes."""

from __future__ import annotations

import os
import pkgutil
import re
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch", reason="needs the extra torch")

import torch

from eqinfo import shards
from eqinfo.embedding import loss
from eqinfo.errors import UnsupportedError
from eqinfo.experiment.m2.checkpoints import load_m2
from eqinfo.experiment.m2.costs import H100_FLOPS, UTILISATION, TrainingCost
from eqinfo.experiment.m2.network import Transformer
from eqinfo.experiment.m2.sequences import StreamSequences, TaskSequences
from eqinfo.experiment.m2.sizes import SIZES
from eqinfo.experiment.m2.training import M2Settings, train
from eqinfo.experiment.m2.updates import Updates
from eqinfo.train.checkpoint import read_checkpoint
from example_cases import Program
from experiment_cases import TRAINING

ROOT = Path(__file__).parents[1]
SEQUENCES = StreamSequences([np.arange(400) * 7 % 31], 8)
SETTINGS = M2Settings("paper-toy", batch=4, steps=4, learning_rate=1e-2, points=(0.5, 1.0))

torch.set_num_threads(1)


def weights(model: Transformer) -> torch.Tensor:
    return torch.cat([parameter.flatten() for parameter in model.parameters()])


KILLED = """
import os, runpy, signal, sys
from eqinfo.experiment.m2 import training
save = training.save_m2
def save_and_die(*content):
    save(*content)
    if content[5] == 3:
        os.kill(os.getpid(), signal.SIGKILL)
training.save_m2 = save_and_die
runpy.run_path(sys.argv.pop(1), run_name="__main__")
"""


def test_the_example_resumes_after_a_kill_with_the_same_result(
    program: Program, tmp_path: Path
) -> None:
    text, out = tmp_path / "text.txt", tmp_path / "shards"
    text.write_text("".join(TRAINING * 5))
    shards.tokenize([text], out, "en-4k")
    command = ["--preset=gpu", "--device=cpu", "--size=paper-toy", "--compile=none", "--context=8"]
    command += ["--batch=4", "--micro-batch=2", "--points=1", "--held-out=50", "--steps=6"]
    whole, killed = tmp_path / "whole.pt", tmp_path / "killed.pt"
    expected, _ = program("train_m2", out, "-o", whole, *command)
    assert "6 steps, 192 tokens" in expected
    assert "minutes at 30% of an H100" in expected
    example = ROOT / "examples" / "train_m2.py"
    arguments = [out, "-o", killed, *command, "--checkpoint-seconds=0"]
    one_thread = {**os.environ, "OMP_NUM_THREADS": "1"}  # as in this process
    run = subprocess.run([sys.executable, "-c", KILLED, example, *arguments], env=one_thread)
    assert run.returncode == -signal.SIGKILL
    assert read_checkpoint(killed, "eqinfo-m2")["step"] == 3
    found, _ = program("train_m2", out, "-o", killed, *command)
    assert found == expected
    assert torch.equal(weights(load_m2(killed)[0]), weights(load_m2(whole)[0]))


def test_checkpoints_are_written_by_wall_time(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    now, saved = 0.0, []

    def save(path: Path, *content: object) -> None:
        saved.append(content[4])

    def one_step(*_: object) -> None:
        nonlocal now
        now += 50

    monkeypatch.setattr("eqinfo.experiment.m2.training.save_m2", save)
    monkeypatch.setattr("eqinfo.experiment.m2.training.time.monotonic", lambda: now)
    settings = replace(SETTINGS, steps=12)
    train(SEQUENCES, 31, settings, checkpoint=tmp_path / "m2.pt", progress=one_step)
    assert saved == [3, 6, 9, 12]  # every 120 s, and at the points 6 and 12


def test_micro_batches_change_rounding_only() -> None:
    sources = [np.arange(n % 3) for n in range(12)]
    targets = [np.arange(1 + n % 5) for n in range(12)]  # so the micro-batches predict unequally
    sequences = TaskSequences(sources, targets, 9, 9)
    settings = replace(SETTINGS, size="toy", batch=12, steps=3)
    whole = train(sequences, 10, settings).model
    for rows in (1, 5):
        parts = train(sequences, 10, settings, micro_batch=rows).model
        torch.testing.assert_close(weights(parts), weights(whole), atol=1e-4, rtol=0)
    with pytest.raises(ValueError, match="micro-batch of 0 or more sequences, found -1"):
        train(sequences, 10, settings, micro_batch=-1)


def test_compiled_blocks_have_the_same_checkpoints(tmp_path: Path) -> None:
    path = tmp_path / "m2.pt"
    plain = train(SEQUENCES, 31, SETTINGS).model
    train(SEQUENCES, 31, SETTINGS, compile_backend="eager", checkpoint=path)
    torch.testing.assert_close(weights(load_m2(path)[0]), weights(plain))


@pytest.mark.parametrize("size", ["toy", "paper-toy"])
@pytest.mark.parametrize("text", [False, True])
def test_a_step_in_bfloat16(size: str, text: bool) -> None:
    torch.manual_seed(0)
    strings = [bytes([byte]) for byte in range(31)] if text else None
    model = Transformer(31, 8, SIZES[size], strings)
    inputs, targets = map(torch.from_numpy, SEQUENCES.batch(np.arange(8)))
    results = []
    for enabled in (False, True):
        model.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=enabled):
            nats = model.loss(inputs, targets, 1e-4)
        nats.backward()
        gradients = [parameter.grad for parameter in model.parameters()]
        results.append((nats.detach(), torch.cat([each.flatten() for each in gradients])))
    (nats, gradient), (nats16, gradient16) = results
    assert nats16.dtype == gradient16.dtype == torch.float32
    assert 0 < abs(nats16 - nats) < 0.01 * nats
    assert 0 < (gradient16 - gradient).norm() < 0.05 * gradient.norm()


class Repeated:
    """In the place of a recorded graph: does the passes again, on the arguments that it keeps."""

    def __init__(self, passes: Any, shape: tuple[int, ...], device: str) -> None:
        self._passes = passes
        passes(torch.zeros(shape, dtype=torch.int64), torch.zeros(shape, dtype=torch.int64), 1.0)

    def replay(self, inputs: torch.Tensor, targets: torch.Tensor, share: torch.Tensor) -> None:
        self._passes(inputs, targets, share)


@pytest.mark.parametrize("micro_batch", [0, 3])
def test_recording_leaves_nothing_in_the_gradients(
    monkeypatch: pytest.MonkeyPatch, micro_batch: int
) -> None:
    expected = train(SEQUENCES, 31, SETTINGS, micro_batch=micro_batch).model
    monkeypatch.setattr("eqinfo.experiment.m2.updates._Graph", Repeated)
    initialise = Updates.__init__

    def recorded(updates: Updates, *arguments: Any) -> None:
        initialise(updates, *arguments)
        updates._recorded = True

    monkeypatch.setattr(Updates, "__init__", recorded)
    found = train(SEQUENCES, 31, SETTINGS, micro_batch=micro_batch).model
    torch.testing.assert_close(weights(found), weights(expected))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("micro_batch", [0, 3])
@pytest.mark.parametrize("size", ["toy", "paper-toy"])
@pytest.mark.parametrize("text", [False, True])
def test_a_recorded_step_is_one_that_is_launched(
    monkeypatch: pytest.MonkeyPatch, size: str, text: bool, micro_batch: int
) -> None:
    settings = replace(SETTINGS, size=size, batch=7)
    strings = [bytes([byte]) for byte in range(31)] if text else None

    def trained(device: str) -> torch.Tensor:
        arguments = {"strings": strings, "device": device, "micro_batch": micro_batch}
        return weights(train(SEQUENCES, 31, settings, **arguments).model).cpu()

    recorded = trained("cuda")
    monkeypatch.setattr("eqinfo.experiment.m2.updates.SequenceEmbedding", torch.nn.Module)
    torch.testing.assert_close(recorded, trained("cuda"), atol=1e-3, rtol=0)
    torch.testing.assert_close(recorded, trained("cpu"), atol=2e-2, rtol=0)


def test_what_tests_replace_exists() -> None:
    # Tests that need a GPU would not notice on other machines.
    replaced = re.compile(r'\.setattr\(\s*"(eqinfo\.[\w.]+)"')
    names = {
        name
        for path in Path(__file__).parent.glob("test_*.py")
        for name in replaced.findall(path.read_text("utf-8"))
    }
    assert "eqinfo.experiment.m2.updates.SequenceEmbedding" in names
    for name in names:
        pkgutil.resolve_name(name)


def test_a_gpu_that_is_not_there_is_said_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(UnsupportedError, match="expected a GPU for the device 'cuda:0', found non"):
        train(SEQUENCES, 31, SETTINGS, device="cuda:0")


def test_chunks_of_logits_fill_a_gpu() -> None:
    assert loss.chunk_length(1 << 16, torch.device("cpu")) == 64
    assert loss.chunk_length(1 << 16, torch.device("cuda")) == 2048


def test_operations_are_those_that_pytorch_counts() -> None:
    from torch.utils.flop_counter import FlopCounterMode

    model = Transformer(50, 16, SIZES["paper-toy"])
    tokens = torch.zeros(3, 16, dtype=torch.int64)
    with FlopCounterMode(display=False) as counter:
        model(tokens).sum().backward()
    cost = TrainingCost("paper-toy", 50, 16, tokens.numel())
    assert counter.get_total_flops() == pytest.approx(cost.flops, rel=0.1)


def test_the_table_of_costs() -> None:
    page = (ROOT / "docs" / "how-to" / "gpu.md").read_text()
    assert f"if {UTILISATION * 100:.0f} % of the H100's {H100_FLOPS / 1e12:.0f} TFLOP/s" in page
    for size in ("25m", "113m", "403m"):
        cost = TrainingCost(size, 65_536, 512, 10**9)
        per_hour = 60 / cost.minutes()
        row = f"| {size} | {SIZES[size].layers} | {SIZES[size].width} | {cost.flops:.1e} | "
        assert f"{row}{cost.minutes():.0f} | {per_hour:.2g} G |".replace("e+", "e") in page

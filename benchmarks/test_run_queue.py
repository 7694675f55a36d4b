"""A queue of runs neither repeats nor loses a finished run, and kills do not change that."""

from __future__ import annotations

import multiprocessing
import os
import signal
from pathlib import Path

import pytest

from run_queue import Result, RunQueue

NAMES = [f"run-{number}" for number in range(12)]


def work(folder: Path, killed_at: str) -> None:
    """Work on all runs; every run leaves a line, and one of them kills the process."""
    queue = RunQueue(folder)
    for name in NAMES:

        def run(name: str = name) -> Result:
            if name == killed_at:
                os.kill(os.getpid(), signal.SIGKILL)
            with open(folder / "ran", "a") as file:
                file.write(name + "\n")
            return {"name": name}

        queue.work(name, run)


def start(folder: Path, killed_at: str = "") -> multiprocessing.process.BaseProcess:
    process = multiprocessing.get_context("fork").Process(target=work, args=(folder, killed_at))
    process.start()
    return process


def test_kills_neither_repeat_nor_lose_a_run(tmp_path: Path) -> None:
    for number, name in enumerate(["run-3", "run-3", "run-9"]):
        killed = start(tmp_path, name)
        killed.join()
        assert killed.exitcode == -signal.SIGKILL
        assert len(RunQueue(tmp_path).results()) == (3, 3, 9)[number]
    start(tmp_path).join()
    assert [result["name"] for result in RunQueue(tmp_path).results()] == sorted(NAMES)
    assert (tmp_path / "ran").read_text().split() == NAMES


def test_workers_share_the_runs(tmp_path: Path) -> None:
    workers = [start(tmp_path) for _ in range(3)]
    for worker in workers:
        worker.join()
        assert worker.exitcode == 0
    assert sorted((tmp_path / "ran").read_text().split()) == sorted(NAMES)
    assert len(RunQueue(tmp_path).results()) == len(NAMES)


def test_what_another_is_at_is_left_to_it(tmp_path: Path) -> None:
    outer, inner = RunQueue(tmp_path), RunQueue(tmp_path)
    asked: list[bool] = []

    def run() -> Result:
        asked.append(inner.work("run", lambda: {"by": "inner"}))
        return {"by": "outer"}

    assert outer.work("run", run)
    assert asked == [False]
    assert not inner.work("run", lambda: {"by": "inner"})
    assert inner.results() == [{"by": "outer"}]


def test_a_run_that_fails_is_run_again(tmp_path: Path) -> None:
    queue = RunQueue(tmp_path)

    def fail() -> Result:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        queue.work("run", fail)
    assert queue.work("run", lambda: {"by": "second"})
    assert queue.results() == [{"by": "second"}]


def test_half_a_result_does_not_count(tmp_path: Path) -> None:
    queue = RunQueue(tmp_path)
    (tmp_path / "results" / "run.part").write_text('{"by":')
    assert queue.results() == []
    assert queue.work("run", lambda: {"by": "second"})
    assert queue.results() == [{"by": "second"}]

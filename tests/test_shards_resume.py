"""A job that is killed and resumed writes exactly the files of an undisturbed one."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from codebook_cases import from_strings, grown
from eqinfo import shards
from eqinfo.api import DEFAULT_CODEBOOK
from eqinfo.common.progress import Progress
from eqinfo.errors import ChecksumError, FormatError, ModelMismatchError
from eqinfo.shards import ShardParameters
from eqinfo.shards.job import StageProgress
from shards_cases import CODEBOOK, EQINFO, contents, documents, json_lines, run, write

KILLS = 10
SHARD_BYTES = 20_000


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Files of every kind of unit: small ones together, ranges of one, one cut while it is read."""
    folder = tmp_path_factory.mktemp("inputs")
    sizes = {"a.jsonl": 20, "b.jsonl": 250, "c.jsonl.gz": 250, "d.jsonl": 5, "e.jsonl": 5}
    return [
        write(folder / name, json_lines(documents(size, seed)))
        for seed, (name, size) in enumerate(sizes.items())
    ]


@pytest.fixture(scope="module")
def undisturbed(
    inputs: list[Path], tmp_path_factory: pytest.TempPathFactory
) -> tuple[dict[str, bytes], float]:
    """The files of a run of the command from beginning to end, and the seconds it took."""
    out = tmp_path_factory.mktemp("undisturbed") / "out"
    begin = time.monotonic()
    done = run(*inputs, "-o", out, "--shard-mib", str(SHARD_BYTES / (1 << 20)))
    seconds = time.monotonic() - begin
    assert done.returncode == 0, done.stderr
    files = contents(out)
    assert len(files) > 30
    assert not any(name.startswith(".") for name in files)
    return files, seconds


def test_kills_at_random_moments(
    inputs: list[Path], undisturbed: tuple[dict[str, bytes], float], tmp_path: Path
) -> None:
    wanted, seconds = undisturbed
    out = tmp_path / "out"
    shard_mib = str(SHARD_BYTES / (1 << 20))
    command = [*EQINFO, "tokenize", *map(str, inputs), "-o", str(out), "--shard-mib", shard_mib]
    rng = random.Random()
    kills = 0
    while kills < KILLS:
        with subprocess.Popen(command, stderr=subprocess.PIPE) as process:
            try:
                _, errors = process.communicate(timeout=rng.uniform(0.2, 1) * seconds)
            except subprocess.TimeoutExpired:
                process.kill()
                kills += 1
                continue
        assert process.returncode == 0, errors
        assert contents(out) == wanted
        shutil.rmtree(out)
    assert run(*inputs, "-o", out, "--shard-mib", shard_mib).returncode == 0
    assert contents(out) == wanted


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.parametrize("step", ["replace", "unlink", "mkdir"])
def test_a_kill_before_every_single_step(step: str, inputs: list[Path], tmp_path: Path) -> None:
    """Each run is killed one step later than the one before, and then resumed."""
    few = [inputs[0], inputs[2], inputs[3]]
    parameters = ShardParameters(shard_bytes=40_000)
    shards.tokenize(few, tmp_path / "wanted", CODEBOOK, parameters)
    wanted = contents(tmp_path / "wanted")
    kills = 0
    while True:
        out = tmp_path / f"out{kills}"
        if _killed(lambda out=out: shards.tokenize(few, out, CODEBOOK, parameters), step, kills):
            shards.tokenize(few, out, CODEBOOK, parameters)
        else:
            break
        assert contents(out) == wanted
        kills += 1
    assert kills >= (len(wanted) if step == "replace" else 1)


def _killed(job: Callable[[], object], step: str, after: int) -> bool:
    """Run a job in a child process that dies, as if by kill -9, before a call of os.STEP."""
    child = os.fork()
    if child == 0:
        code, calls, real = 1, 0, getattr(os, step)

        def dying(*arguments: object, **options: object) -> object:
            nonlocal calls
            calls += 1
            if calls > after:
                os._exit(9)
            return real(*arguments, **options)

        setattr(os, step, dying)
        try:
            job()
            code = 0
        finally:
            os._exit(code)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert code in (0, 9)
    return code == 9


def finished(inputs: list[Path], out: Path) -> dict[str, bytes]:
    shards.tokenize(inputs, out, CODEBOOK, ShardParameters(shard_bytes=SHARD_BYTES))
    return contents(out)


def interrupted(inputs: list[Path], out: Path) -> None:
    """Leave a job half done."""

    def stop(stage: str) -> Progress:
        def show(done: int, total: int | None) -> None:
            if stage == "tokenize" and total and done > total / 2:
                raise KeyboardInterrupt

        return show

    with pytest.raises(KeyboardInterrupt):
        resume(inputs, out, progress=stop)
    assert (out / ".work" / "job.json").exists()
    assert not (out / "manifest.json").exists()


def resume(inputs: list[Path], out: Path, **options: StageProgress) -> None:
    parameters = ShardParameters(shard_bytes=SHARD_BYTES)
    shards.tokenize(inputs, out, CODEBOOK, parameters, **options)


@pytest.mark.parametrize("complete", [False, True])
@pytest.mark.parametrize("damage", ["remove", "alter", "truncate"])
def test_damaged_shards_are_made_again(
    damage: str, complete: bool, inputs: list[Path], tmp_path: Path
) -> None:
    wanted = finished(inputs, tmp_path / "wanted")
    out = tmp_path / "out"
    if complete:
        finished(inputs, out)
    else:
        interrupted(inputs, out)
    paths = sorted(path for path in out.iterdir() if path.suffix in (".bin", ".idx"))
    for path in paths[1::7]:
        if damage == "remove":
            path.unlink()
        else:
            data = path.read_bytes()
            path.write_bytes(data[:-1] + b"\xff" * (damage == "alter"))
    resume(inputs, out)
    assert contents(out) == wanted


def test_what_is_done_is_not_done_again(inputs: list[Path], tmp_path: Path) -> None:
    out = tmp_path / "out"
    interrupted(inputs, out)
    (out / ".000000-000000.bin.0123456789abcdef.tmp").write_bytes(b"left by a kill")
    before = {path.name: path.stat().st_ino for path in out.glob("*.*") if path.is_file()}
    assert len(before) > 5
    resume(inputs, out)
    after = {path.name: path.stat().st_ino for path in out.iterdir()}
    for name, inode in before.items():
        assert (after.get(name) == inode) == (not name.endswith(".tmp"))
    # A complete job is only verified.
    resume(inputs, out)
    assert {path.name: path.stat().st_ino for path in out.iterdir()} == after


@pytest.mark.parametrize("complete", [False, True])
def test_another_job_is_refused(complete: bool, inputs: list[Path], tmp_path: Path) -> None:
    out = tmp_path / "out"
    copies = [tmp_path / path.name for path in inputs]
    for path, copy in zip(inputs, copies, strict=True):
        shutil.copy(path, copy)
    if complete:
        finished(copies, out)
    else:
        interrupted(copies, out)
    before = contents(out)
    other = from_strings(grown(1, 10, 256, 0.0))
    parameters = ShardParameters(shard_bytes=SHARD_BYTES)
    with pytest.raises(ValueError, match="begun with shard_bytes 20000, found 30000"):
        shards.tokenize(copies, out, CODEBOOK, ShardParameters(shard_bytes=30_000))
    with pytest.raises(
        ModelMismatchError, match=rf"with codebook {DEFAULT_CODEBOOK} .* found of a file"
    ):
        shards.tokenize(copies, out, other, parameters)
    with pytest.raises(ValueError, match="begun with 5 input files, found 4; input 0 was"):
        shards.tokenize(copies[1:], out, CODEBOOK, parameters)
    data = copies[2].read_bytes()
    copies[2].write_bytes(data[:-1] + b"!")
    with pytest.raises(ChecksumError, match=r"c.jsonl.gz: expected \d+ bytes with XXH3 .* found"):
        shards.tokenize(copies, out, CODEBOOK, parameters)
    assert contents(out) == before
    copies[2].write_bytes(data)  # the same content with another modification time
    resume(copies, out)


def test_a_job_without_a_finished_shard_begins_again(tmp_path: Path) -> None:
    """The first attempt often has a wrong option, or a file that is not whole."""
    source = write(tmp_path / "in.jsonl", b'{"body": "a", "text": 1}\n')
    out, wanted = tmp_path / "out", tmp_path / "wanted"
    with pytest.raises(FormatError, match="expected text in 'text', found 1"):
        shards.tokenize([source], out, CODEBOOK)
    parameters = ShardParameters(text_field="body")
    shards.tokenize([source], out, CODEBOOK, parameters)
    shards.tokenize([source], wanted, CODEBOOK, parameters)
    assert contents(out) == contents(wanted)
    with pytest.raises(ValueError, match="begun with text_field 'body', found 'text'"):
        shards.tokenize([source], out, CODEBOOK)


def test_foreign_folders_are_left_alone(inputs: list[Path], tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("mine")
    with pytest.raises(ValueError, match="expected an empty folder or a begun job, found thesis"):
        resume(inputs, tmp_path)
    assert contents(tmp_path) == {"thesis.tex": b"mine"}


def test_two_jobs_in_one_folder(inputs: list[Path], tmp_path: Path) -> None:
    out = tmp_path / "out"

    def second(stage: str) -> Progress:
        with pytest.raises(
            ValueError, match="expected no other job at work in this folder, found one"
        ):
            resume(inputs, out)
        return lambda done, total: None

    resume(inputs[:1], out, progress=second)
    assert json.loads((out / "manifest.json").read_bytes())["documents"] == 20


@pytest.mark.parametrize("modified", [None, 3, [], ["x"], [1.5]])
def test_a_job_with_odd_times(modified: object, tmp_path: Path) -> None:
    source = write(tmp_path / "in.jsonl", b"{}")
    with pytest.raises(FormatError, match="expected a field"):
        shards.tokenize([source], tmp_path / "out", CODEBOOK)
    path = tmp_path / "out" / ".work" / "job.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "modified": modified}))
    with pytest.raises(FormatError, match=r"job.json: expected the times of 1 inputs, found"):
        shards.tokenize([source], tmp_path / "out", CODEBOOK)

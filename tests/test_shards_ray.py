"""The job on a real Ray on this machine writes exactly the files of the job without Ray."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from eqinfo import shards
from eqinfo.cli import main
from eqinfo.common.progress import Progress
from eqinfo.errors import FormatError
from eqinfo.experiment import MethodEncoder
from eqinfo.shards import ShardParameters
from shards_cases import CODEBOOK, contents, documents, json_lines, write

ray = pytest.importorskip("ray", reason="needs the extra ray")
pytest.importorskip("ray.data", reason="needs the extra ray")

PARAMETERS = ShardParameters(shard_bytes=20_000)


@pytest.fixture(scope="module")
def cluster() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        ray.init(address="local", num_cpus=2, include_dashboard=False, log_to_driver=False)
        yield
        ray.shutdown()


@pytest.mark.usefixtures("cluster")
def test_same_files_as_without_ray(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # the workers have another working directory
    sizes = {"a.jsonl": 20, "b.jsonl": 250, "c.jsonl.gz": 250, "d.jsonl": 5, "e.jsonl": 5}
    inputs = [
        write(Path(name), json_lines(documents(size, seed)))
        for seed, (name, size) in enumerate(sizes.items())
    ]
    shards.tokenize(inputs, "alone", CODEBOOK, PARAMETERS)
    wanted = contents(Path("alone"))

    def stop(stage: str) -> Progress:
        def show(done: int, total: int | None) -> None:
            if stage == "tokenize" and total and done > total / 3:
                raise KeyboardInterrupt

        return show

    # Begun without Ray, resumed on Ray.
    with pytest.raises(KeyboardInterrupt):
        shards.tokenize(inputs, "out", CODEBOOK, PARAMETERS, progress=stop)
    reports: list[tuple[str, int, int | None]] = []

    def record(stage: str) -> Progress:
        return lambda done, total: reports.append((stage, done, total))

    shards.tokenize(inputs, "out", CODEBOOK, PARAMETERS, ray=True, progress=record)
    assert contents(Path("out")) == wanted

    command = ["tokenize", *map(str, inputs), "-o", "cli", "--shard-mib", str(20_000 / (1 << 20))]
    done = CliRunner().invoke(main, [*command, "--ray"])
    assert done.exit_code == 0, done.output
    assert contents(Path("cli")) == wanted

    assert reports[-1][0] == "tokenize"
    assert reports[-1][1] == reports[-1][2] == sum(path.stat().st_size for path in inputs)

    made = MethodEncoder("EqualInfo[16, 8]")
    shards.tokenize(inputs[3:], "windows", made, PARAMETERS)
    shards.tokenize(inputs[3:], "windows-ray", made, PARAMETERS, ray=True)
    assert contents(Path("windows-ray")) == contents(Path("windows"))

    write(Path("e.jsonl"), b'{"text": 1}\n')
    with pytest.raises(FormatError, match=r"e.jsonl: line 1 at offset 0: expected text in 'text'"):
        shards.tokenize(inputs, "bad", CODEBOOK, PARAMETERS, ray=True)
    for name, content in contents(Path("bad")).items():
        assert name.startswith(".work") or wanted[name] == content

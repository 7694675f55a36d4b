"""The job: from input files to a folder of shards, in one run or in several."""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeAlias

from eqinfo.codebook.table import Codebook
from eqinfo.common.inputs import InputFormat, InputKind, identify
from eqinfo.common.progress import Advance, Progress
from eqinfo.shards import state
from eqinfo.shards.inputs import Selection, find_files, take_stock
from eqinfo.shards.manifest import ShardEntry
from eqinfo.shards.parameters import ShardParameters
from eqinfo.shards.plan import make_units
from eqinfo.shards.units import Unit
from eqinfo.shards.worker import Job, make_shards, unit_of

StageProgress: TypeAlias = Callable[[str], Progress]
"""Called at the beginning of each stage, which is "input" (checksums of the input), "verify"
(checksums of finished shards) or "tokenize"; returns the `Progress` of the stage, in bytes."""


def _no_progress(stage: str) -> Progress:
    return lambda done, total: None


def tokenize(
    inputs: Iterable[str | os.PathLike[str]],
    folder: str | os.PathLike[str],
    codebook: Codebook | str,
    parameters: ShardParameters | None = None,
    *,
    include: Sequence[str] = (),
    exclude: Sequence[str] = (),
    num_threads: int = 1,
    ray: bool = False,
    progress: StageProgress = _no_progress,
) -> dict[str, Any]:
    """Turn files into shards of tokens, or resume what an earlier call began.

    The same input, codebook and parameters give the same files, byte for byte, however often the
    job is killed and resumed, and on however many machines it runs. See ``docs/shards.md``.

    Finished shards stay valid, whatever is raised.

    Args:
        inputs: files and folders, in this order; the files of a folder in the order of their paths.
        folder: where to write the shards; it is made if it does not exist.
        codebook: a codebook, or the name of a bundled one.
        parameters: how to read the input and cut shards; None: the defaults.
        include: shell patterns; only files that match one of them are taken. None are given: all
            files are. A pattern with a slash stands for the path below the folder in ``inputs``;
            one without, for the name of the file or of a folder on that path.
        exclude: patterns of files that are left out.
        num_threads: threads that encode, per worker, 1 to 256.
        ray: whether to run on Ray; all its machines must see input and output.
        progress: see `StageProgress`.

    Returns:
        The manifest, as in ``manifest.json``.

    Raises:
        FormatError: the input is damaged or not of its format; the message names the file and the
            offset or row.
        ChecksumError: the input has changed since the job began.
        ModelMismatchError: the job in the folder was begun with another codebook.
        UnsupportedError: an optional package is not installed; the message names it.
        ValueError: the job in the folder was begun with other parameters or input files, the
            folder holds something else or is in use, there is no input, or a parameter concerns
            none of the input files.
        OSError: a file cannot be read or written.
    """
    codebook = Codebook.bundled(codebook) if isinstance(codebook, str) else codebook
    parameters = parameters or ShardParameters()
    target = Path(folder)
    paths = find_files(inputs, target, Selection(include, exclude))
    kinds = [identify(path, parameters.input_format) for path in paths]
    formats = {kind.format for kind in kinds}
    _check_effect(parameters, formats)
    form = formats.pop() if len(formats) == 1 else None
    job = Job(target, codebook, parameters, form, num_threads)
    target.mkdir(exist_ok=True)
    with _exclusive(target):
        return _run(job, paths, kinds, ray, progress)


def _check_effect(parameters: ShardParameters, formats: Set[InputFormat]) -> None:
    """Raise ValueError if a parameter that is not the default concerns none of the files."""
    for name, default, concerned in (
        ("text_field", ShardParameters.text_field, {"jsonl", "parquet"}),
        ("separator", ShardParameters.separator, {"text"}),
    ):
        value = getattr(parameters, name)
        if value != default and not concerned & formats:
            raise ValueError(
                f"expected {name} only with input of the format {' or '.join(sorted(concerned))}, "
                f"found {name} {value!r} with {' and '.join(sorted(formats))} only; leave it out"
            )


@contextmanager
def _exclusive(folder: Path) -> Iterator[None]:
    """Hold a lock that ends with the process, even if the process is killed.

    Some network file systems cannot lock a folder; there is no lock then. Two jobs would write the
    same bytes, and disturb each other only by removing each other's unfinished files.
    """
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ValueError(
                f"{folder}: expected no other job at work in this folder, found one; wait for it "
                "to end, or choose another folder"
            ) from None
        except OSError as error:
            if error.errno not in (errno.EBADF, errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS):
                raise
        yield
    finally:
        os.close(descriptor)


def _run(
    job: Job,
    paths: Sequence[str],
    kinds: Sequence[InputKind],
    ray: bool,
    progress: StageProgress,
) -> dict[str, Any]:
    old = state.begun(job.folder)
    state.clean(job.folder)
    size = sum(map(os.path.getsize, paths))
    files = take_stock(paths, state.known_files(old), _counter(progress("input"), size))
    description = state.describe(job, files)
    if old is not None:
        state.check_same(job.folder, old, description)
    units = make_units(files, kinds, job.parameters)

    complete = state.is_complete(job.folder)
    records = old["shards"] if old is not None and complete else state.read_records(job.folder)
    size = sum(file["bytes"] for record in records for file in record["files"])
    done = state.verified(job.folder, records, _counter(progress("verify"), size))
    todo = [unit for unit in units if unit.number not in _complete_units(done)]
    if old is not None and complete:
        if not todo:
            state.remove_work(job.folder)
            return old
        state.reopen(job.folder, description, files, done.values())
    elif old is None:
        state.write_job(job.folder, description, files)
    _make(job, units, todo, done, ray, progress)
    return state.finish(job.folder, description)


def _counter(progress: Progress, total: int, done: int = 0) -> Advance:
    """Return a function that adds to ``done`` and reports the sum."""

    def advance(size: int) -> None:
        nonlocal done
        done += size
        progress(done, total)

    return advance


def _complete_units(done: Mapping[str, ShardEntry]) -> set[int]:
    return {unit_of(name) for name, record in done.items() if record["last"]}


def _make(
    job: Job,
    units: Sequence[Unit],
    todo: Sequence[Unit],
    done: Mapping[str, ShardEntry],
    ray: bool,
    progress: StageProgress,
) -> None:
    total = sum(unit.stored for unit in units)
    before = total - sum(unit.stored for unit in todo)
    report = progress("tokenize")
    report(before, total)
    if ray:
        from eqinfo.shards import on_ray

        on_ray.make_shards(job, todo, done, _counter(report, total, before))
        return
    for unit in todo:
        make_shards(job, unit, done, _within(report, before, total))
        before += unit.stored


def _within(progress: Progress, before: int, total: int) -> Progress:
    """Return the `Progress` of a part that begins when ``before`` of ``total`` units are done."""
    return lambda done, _: progress(before + done, total)

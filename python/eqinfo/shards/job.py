"""The job: input files to a folder of shards, in one go or in several."""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from eqinfo.codebook.table import Codebook
from eqinfo.shards import state
from eqinfo.shards.inputs import find_files, format_of, take_stock
from eqinfo.shards.manifest import ShardEntry
from eqinfo.shards.parameters import Parameters
from eqinfo.shards.plan import make_units
from eqinfo.shards.units import Unit
from eqinfo.shards.worker import Job, make_shards, unit_of

Progress = Callable[[str, int, int], None]
"""Called with what is being done, bytes done, and bytes in all."""


def tokenize(
    inputs: Iterable[str | os.PathLike[str]],
    folder: str | os.PathLike[str],
    codebook: Codebook | str,
    parameters: Parameters | None = None,
    *,
    num_threads: int = 1,
    ray: bool = False,
    progress: Progress = lambda *_: None,
) -> dict[str, Any]:
    """Turn files into shards of tokens, or go on with what an earlier call began.

    The same input, codebook and parameters give the same files, byte for byte, however often the
    job was killed and begun again, and on however many machines. See ``docs/shards.md``.

    Args:
        inputs: files and folders, in this order; folders by the paths in them.
        folder: for the shards; made if need be.
        codebook: or the name of a bundled one.
        parameters: of reading and cutting; None: the defaults.
        num_threads: that encode, in each worker, 1 to 256.
        ray: whether to run on Ray; all its machines must see input and output.
        progress: see `Progress`.

    Returns:
        The manifest, as in ``manifest.json``.

    Raises:
        FormatError: input that is damaged or not of its format; names file and offset or row.
        ChecksumError: the input is not what it was when the job began.
        ModelMismatchError: the job in the folder was begun with another codebook.
        UnsupportedError: an optional package is not installed; says which.
        ValueError: the job in the folder was begun with other parameters or input files, the
            folder holds something else or is in use, or there is no input.
        OSError: a file cannot be read or written. Finished shards stay valid, whatever is raised.
    """
    codebook = Codebook.bundled(codebook) if isinstance(codebook, str) else codebook
    parameters = parameters or Parameters()
    target = Path(folder)
    paths = find_files(inputs, target)
    job = Job(
        target, codebook, parameters, parameters.input_format or format_of(paths), num_threads
    )
    target.mkdir(exist_ok=True)
    with _exclusive(target):
        return _run(job, paths, ray, progress)


@contextmanager
def _exclusive(folder: Path) -> Iterator[None]:
    """Hold a lock that ends with the process, even if it is killed.

    Some network file systems cannot lock a folder; there nothing is held. Two jobs would write the
    same bytes, and disturb each other only by removing what the other has not finished.
    """
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ValueError(f"{folder}: expected no job at work here, found one") from None
        except OSError as error:
            if error.errno not in (errno.EBADF, errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS):
                raise
        yield
    finally:
        os.close(descriptor)


def _run(job: Job, paths: Sequence[str], ray: bool, progress: Progress) -> dict[str, Any]:
    old = state.begun(job.folder)
    state.clean(job.folder)
    size = sum(map(os.path.getsize, paths))
    files = take_stock(paths, state.known_files(old), _counter(progress, "input", size))
    description = state.describe(job, files)
    if old is not None:
        state.check_same(job.folder, old, description)
    units = make_units(files, job.form, job.parameters)

    complete = state.is_complete(job.folder)
    records = old["shards"] if old is not None and complete else state.read_records(job.folder)
    size = sum(file["bytes"] for record in records for file in record["files"])
    done = state.verified(job.folder, records, _counter(progress, "verify", size))
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


def _counter(progress: Progress, what: str, total: int, count: int = 0) -> Callable[[int], None]:

    def add(size: int) -> None:
        nonlocal count
        count += size
        progress(what, count, total)

    return add


def _complete_units(done: Mapping[str, ShardEntry]) -> set[int]:
    return {unit_of(name) for name, record in done.items() if record["last"]}


def _make(
    job: Job,
    units: Sequence[Unit],
    todo: Sequence[Unit],
    done: Mapping[str, ShardEntry],
    ray: bool,
    progress: Progress,
) -> None:
    total = sum(unit.stored for unit in units)
    before = total - sum(unit.stored for unit in todo)
    progress("tokenize", before, total)
    if ray:
        from eqinfo.shards import on_ray

        on_ray.make_shards(job, todo, done, _counter(progress, "tokenize", total, before))
        return
    for unit in todo:
        make_shards(job, unit, done, _shifted(progress, before, total))
        before += unit.stored


def _shifted(progress: Progress, before: int, total: int) -> Callable[[int], None]:
    return lambda size: progress("tokenize", before + size, total)

"""The job: from input files to a folder of shards, in one run or in several."""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, TypeAlias, get_args

from eqinfo.codebook.table import Codebook
from eqinfo.common.choices import check_choice
from eqinfo.common.files import atomic_output
from eqinfo.common.inputs import InputKind
from eqinfo.common.locations import STDIN, is_pipe, is_url, status
from eqinfo.common.progress import Advance, Progress
from eqinfo.container.settings import check_threads
from eqinfo.shards import pool, state
from eqinfo.shards.bad_input import BadInputError, OnError
from eqinfo.shards.encoder import CodebookEncoder, ShardEncoder
from eqinfo.shards.inputs import Selection, find_files, readable_twice, take_stock
from eqinfo.shards.manifest import LEARNED, WORK, ShardEntry
from eqinfo.shards.parameters import ShardParameters, parameters_of
from eqinfo.shards.plan import kinds_of, make_units
from eqinfo.shards.report import require_apart, write_report
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
    codebook: Codebook | ShardEncoder | str,
    parameters: ShardParameters | None = None,
    *,
    include: Sequence[str] = (),
    exclude: Sequence[str] = (),
    on_error: OnError = "stop",
    error_report: str | os.PathLike[str] | None = None,
    num_threads: int = 1,
    ray: bool = False,
    progress: StageProgress = _no_progress,
) -> dict[str, Any]:
    """Turn files into shards of tokens, or resume what an earlier call began.

    The same input, codebook and parameters give the same files, byte for byte, however often the
    job is killed and resumed, and on however many machines it runs. See ``docs/shards.md``.

    Finished shards stay valid, whatever is raised.

    Args:
        inputs: files, folders, patterns and URLs, in this order; the files of a folder or pattern
            in the order of their paths. "-" is standard input.
        folder: where to write the shards; it is made if it does not exist.
        codebook: a codebook, or the name of a bundled one; or another encoder, such as
            `eqinfo.experiment.MethodEncoder`.
        parameters: how to read the input and cut shards; None: the defaults.
        include: shell patterns; only files that match one of them are taken. None are given: all
            files are. A pattern with a slash stands for the path below the folder in ``inputs``;
            one without, for the name of the file or of a folder on that path.
        exclude: patterns of files that are left out.
        on_error: "skip" leaves out documents that cannot be read, and files of which the rest
            cannot be read. The manifest has their number by file, and each shard a file with a line
            of JSON for each.
        error_report: a file to write these lines to, for all shards; needs "skip".
        num_threads: threads that encode, per worker, 1 to 256; for an encoder of which a call uses
            one thread, processes that each make other shards.
        ray: whether to run on Ray; all its machines must see input and output.
        progress: see `StageProgress`.

    Returns:
        The manifest, as in ``manifest.json``.

    Raises:
        FormatError: the input is damaged or not of its format, and ``on_error`` is "stop"; the
            message names the file and the line and offset, or the row.
        ChecksumError: the input has changed since the job began.
        ModelMismatchError: the job in the folder was begun with another codebook or encoder.
        UnsupportedError: an optional package is not installed; the message names it.
        TypeError: a single str or path in the place of several, or an argument of another type.
        ValueError: an argument out of range; the job in the folder was begun with other parameters
            or input files, the folder holds something else or is in use, there is no input, a
            parameter concerns none of the input files, or ``error_report`` has no effect, is an
            input or is in the folder.
        OSError: a file cannot be read or written.
    """
    encoder = codebook if isinstance(codebook, ShardEncoder) else CodebookEncoder(codebook)
    parameters = parameters_of(parameters)
    check_threads(num_threads)
    check_choice("on_error", on_error, get_args(OnError))
    skip = on_error == "skip"
    if error_report is not None and not skip:
        raise ValueError("expected error_report only with on_error='skip', found 'stop'")
    if is_url(os.fspath(folder)):
        raise ValueError(f"{folder}: expected a folder of this machine for the shards, found a URL")
    target = Path(folder)
    paths = find_files(inputs, target, Selection(include, exclude))
    if error_report is not None:
        require_apart(error_report, target, paths)
    with ExitStack() as stack:
        if any(path == STDIN or is_pipe(path) for path in paths):
            # The copies are beside the shards, where all workers see them.
            stack.enter_context(_exclusive(target))
            state.begun(target)
            (target / WORK).mkdir(exist_ok=True)
            places = stack.enter_context(readable_twice(paths, (target / WORK).absolute()))
            kinds = kinds_of(paths, places, parameters, skip)
        else:
            places = paths
            kinds = kinds_of(paths, places, parameters, skip)
            stack.enter_context(_exclusive(target))
        formats = {kind.format for kind in kinds if isinstance(kind, InputKind)}
        form = formats.pop() if len(formats) == 1 else None
        job = Job(target, encoder, parameters, form, num_threads, skip)
        manifest = _run(job, paths, places, kinds, ray, progress)
    if error_report is not None:
        write_report(target, manifest, error_report)
    return manifest


@contextmanager
def _exclusive(folder: Path) -> Iterator[None]:
    """Make a folder if need be, and hold a lock that ends with the process, even if it is killed.

    Some network file systems cannot lock a folder; there is no lock then. Two jobs would write the
    same bytes, and disturb each other only by removing each other's unfinished files.
    """
    folder.mkdir(exist_ok=True)
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
    places: Sequence[str],
    kinds: Sequence[InputKind | BadInputError],
    ray: bool,
    progress: StageProgress,
) -> dict[str, Any]:
    old = state.begun(job.folder)
    state.clean(job.folder)
    size = sum(status(place).size for place in places)
    files = take_stock(paths, places, state.known_files(old), _counter(progress("input"), size))
    description = state.describe(job, files)
    if state.has_nothing_finished(job.folder):
        old = None  # so a first attempt with a wrong option or a damaged input costs nothing
    if old is not None:
        state.check_same(job.folder, old, description)
    units = make_units(files, kinds, job.parameters, job.skip)

    complete = state.is_complete(job.folder)
    records = old["shards"] if old is not None and complete else state.read_records(job.folder)
    if not job.skip:
        state.check_skipped(job.folder, records)
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
    if job.encoder.learned:
        with atomic_output(job.folder / LEARNED) as file:
            file.write(job.encoder.learned)
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
    if job.encoder.in_processes and job.num_threads > 1 and len(todo) > 1:
        pool.make_shards(job, todo, done, _counter(report, total, before))
        return
    for unit in todo:
        make_shards(job, unit, done, _within(report, before, total))
        before += unit.stored


def _within(progress: Progress, before: int, total: int) -> Progress:
    """Return the `Progress` of a part that begins when ``before`` of ``total`` units are done."""
    return lambda done, _: progress(before + done, total)

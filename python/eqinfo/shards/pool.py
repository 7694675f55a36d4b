"""The job in several processes on this machine, for encoders of which a call uses one thread."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool

from eqinfo.common.progress import Advance
from eqinfo.errors import EqInfoError
from eqinfo.shards import worker
from eqinfo.shards.manifest import ShardEntry
from eqinfo.shards.units import Unit
from eqinfo.shards.worker import Job, unit_of


def make_shards(
    job: Job,
    units: Sequence[Unit],
    done: Mapping[str, ShardEntry],
    advance: Advance,
) -> None:
    """Write the shards of units that are not done, as `worker.make_shards` does.

    Args:
        job: the job that the units are part of; ``num_threads`` is the number of processes.
        units: units that are not complete.
        done: records of finished shards, by name.
        advance: called with the stored bytes of each unit that is complete.

    Raises:
        EqInfoError: a process was lost; or what `worker.make_shards` raised.
    """
    pool = ProcessPoolExecutor(
        min(job.num_threads, len(units)),
        multiprocessing.get_context("spawn"),  # threads of this process do not survive a fork
        _begin,
        (job,),
    )
    try:
        tasks = {}
        for unit in units:
            shards = {name: entry for name, entry in done.items() if unit_of(name) == unit.number}
            tasks[pool.submit(_make_unit, unit, shards)] = unit
        for task in as_completed(tasks):
            task.result()
            advance(tasks[task].stored)
    except BrokenProcessPool:
        raise EqInfoError(
            "expected all worker processes to stay alive, found one that was killed, perhaps for "
            "lack of memory; run the job again to resume, with fewer workers (--threads)"
        ) from None
    finally:
        pool.shutdown(cancel_futures=True)


_job: Job
"""The job of a worker process, which takes time to unpickle."""


def _make_unit(unit: Unit, done: Mapping[str, ShardEntry]) -> None:
    worker.make_shards(_job, unit, done)


def _begin(job: Job) -> None:
    """Keep the job, and end this process when its parent is killed: nothing else would."""
    global _job
    _job = job
    parent = multiprocessing.parent_process()
    assert parent is not None

    def watch() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()

"""The job on a Ray cluster: Ray Data maps the units of work to shards."""

from __future__ import annotations

import os
import pickle
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from eqinfo.common.locations import is_url
from eqinfo.common.progress import Advance
from eqinfo.errors import EqInfoError, UnsupportedError
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

    If Ray is connected to a cluster already, that one is used; otherwise Ray connects to the
    cluster of RAY_ADDRESS, or starts on this machine. If no node has ``job.num_threads`` CPUs, Ray
    waits for one.

    Args:
        job: the job that the units are part of.
        units: units that are not complete.
        done: records of finished shards, by name.
        advance: called with the stored bytes of each unit that is complete.

    Raises:
        UnsupportedError: Ray Data is not installed.
        EqInfoError: a worker was lost and could not be replaced; or what `worker.make_shards`
            raised.
    """
    try:
        import ray
        import ray.data
    except ImportError:
        raise UnsupportedError(
            "expected Ray Data for ray=True (--ray), found none: pip install eqinfo[ray]"
        ) from None
    if not units:
        return
    # Workers do not share our working directory, so all paths must be absolute.
    job = replace(job, folder=job.folder.absolute())
    tasks = []
    for unit in units:
        ranges = tuple(replace(part, path=_absolute(part.path)) for part in unit.ranges)
        shards = {name: entry for name, entry in done.items() if unit_of(name) == unit.number}
        tasks.append({"task": pickle.dumps((replace(unit, ranges=ranges), shards))})
    context = ray.data.DataContext.get_current()
    shown, context.enable_progress_bars = context.enable_progress_bars, False
    results = ray.data.from_items(tasks, override_num_blocks=len(tasks)).map_batches(
        _make_unit, fn_kwargs={"job": job}, batch_size=1, num_cpus=job.num_threads
    )
    try:
        for row in results.iter_rows():
            outcome = pickle.loads(row["outcome"])
            if isinstance(outcome, Exception):
                raise outcome
            advance(outcome)
    except ray.exceptions.RayError as error:
        raise EqInfoError(
            f"Ray could not finish the job: {error}; run it again to resume"
        ) from error
    finally:
        context.enable_progress_bars = shown


def _absolute(path: str) -> str:
    return path if is_url(path) else os.path.abspath(path)


def _make_unit(batch: Mapping[str, Any], job: Job) -> dict[str, list[bytes]]:
    """Make the shards of one unit; return an exception as a value, so that Ray does not wrap it."""
    unit, done = pickle.loads(batch["task"][0])
    outcome: int | Exception = unit.stored
    try:
        worker.make_shards(job, unit, done)
    except Exception as error:
        outcome = error
    return {"outcome": [pickle.dumps(outcome)]}

"""The job on a Ray cluster: Ray Data maps the units of work to shards."""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from eqinfo.errors import EqInfoError, UnsupportedError
from eqinfo.shards import worker
from eqinfo.shards.manifest import ShardEntry
from eqinfo.shards.units import Unit
from eqinfo.shards.worker import Job, unit_of


def make_shards(
    job: Job,
    units: Sequence[Unit],
    done: Mapping[str, ShardEntry],
    progress: Callable[[int], None],
) -> None:
    """Write the shards of all units that are not done; as `worker.make_shards`.

    A cluster that is connected already is used; else Ray decides, by RAY_ADDRESS or on this
    machine.

    Args:
        job: to work for.
        units: that are not complete.
        done: shards that are complete, by name.
        progress: called with the stored bytes of each unit that is complete.

    Raises:
        UnsupportedError: Ray Data is not installed.
        EqInfoError: a worker was lost and could not be replaced.
    """
    try:
        import ray
        import ray.data
    except ImportError:
        raise UnsupportedError("--ray needs Ray Data: pip install eqinfo[ray]") from None
    if not units:
        return
    # Workers have their own working directories.
    job = replace(job, folder=job.folder.absolute())
    tasks = []
    for unit in units:
        ranges = tuple(replace(part, path=os.path.abspath(part.path)) for part in unit.ranges)
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
            progress(outcome)
    except ray.exceptions.RayError as error:
        raise EqInfoError(f"Ray could not finish: {error}") from error
    finally:
        context.enable_progress_bars = shown


def _make_unit(batch: Mapping[str, Any], job: Job) -> dict[str, list[bytes]]:
    """Make one unit; what goes wrong with it comes back as a value, not as Ray's report of it."""
    unit, done = pickle.loads(batch["task"][0])
    outcome: int | Exception = unit.stored
    try:
        worker.make_shards(job, unit, done)
    except Exception as error:
        outcome = error
    return {"outcome": [pickle.dumps(outcome)]}

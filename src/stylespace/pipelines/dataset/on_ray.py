"""Orders carried to the actors of a Ray cluster, by Ray Data. Needs the extra ``ray``.

Only orders and rows pass through Ray's object store: pictures are read and written by the actors, on storage that every node sees under the
same path, so that nothing spills.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from typing import Any

from stylespace.errors import MissingExtraError, StylespaceError
from stylespace.pipelines.dataset.part import Part
from stylespace.pipelines.dataset.work import Done, Job, Join, Worker, settle

WAVE = 1024  # parts of one run of Ray Data: some 65,000 pictures
STORE = 512 << 20  # bytes of the object store of a cluster that is started here


def on_ray(orders: Iterator[Part | Join], job: Job, workers: int, address: str) -> Iterator[Done]:
    """As :func:`~stylespace.pipelines.dataset.pool.on_pool`, by ``workers`` actors with one processor each.

    ``address``: of a running cluster; ``auto``: the one this machine belongs to; ``local``: one that is started for it.
    """
    try:
        import ray
    except ImportError as error:
        raise MissingExtraError("A cluster needs Ray: pip install 'stylespace[ray]', or leave --ray out.") from error
    os.environ.setdefault("RAY_ENABLE_UV_RUN_RUNTIME_ENV", "0")
    if not ray.is_initialized():
        options: dict[str, Any] = {"log_to_driver": False, "configure_logging": False}
        if address == "local":
            options |= {"num_cpus": workers, "object_store_memory": STORE, "include_dashboard": False}
        try:
            ray.init(address=address, **options)
        except (ConnectionError, ValueError, RuntimeError) as error:
            raise StylespaceError(f"There is no Ray cluster at '{address}' ({error}): start one, or give --ray local.") from error
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    # Ray Data starts dead actors again, and repeats what they had; what an error of the storage ended only if it is told to.
    context.actor_task_retry_on_errors = [OSError]
    while wave := list(itertools.islice(orders, WAVE)):
        rows = [{"order": order} for order in wave]
        data = ray.data.from_items(rows, override_num_blocks=len(rows)).map_batches(
            _Actor, fn_constructor_args=(job,), batch_size=1, zero_copy_batch=False, num_cpus=1,
            compute=ray.data.ActorPoolStrategy(min_size=1, max_size=min(workers, len(rows))),
        )  # fmt: skip
        for row in data.iter_rows():
            answer = row["done"]
            if isinstance(answer, BaseException):
                raise answer
            yield answer


class _Actor:
    """A worker."""

    def __init__(self, job: Job) -> None:
        settle()
        self.worker = Worker(job)

    def __call__(self, batch: dict[str, Any]) -> dict[str, Any]:
        made = []
        for order in batch["order"]:
            try:
                answer: Any = self.worker.do(order)
            except StylespaceError as error:
                answer = error
            made.append(answer)
        return {"done": made}

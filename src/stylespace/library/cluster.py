"""Pictures described on a Ray cluster (Ray Data). Needs the extra ``ray``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from stylespace.errors import MissingExtraError


def over(paths: Sequence[str], *, batch: int = 8) -> Iterator[dict[str, Any]]:
    """:func:`~stylespace.library.adding.describe_file` of each path, in any order, by the workers of the cluster.

    A running cluster is used (``RAY_ADDRESS``), else one is started on this machine. The paths must be readable where the workers run. A
    task whose worker dies is run again by another.
    """
    try:
        import ray
    except ImportError as error:
        raise MissingExtraError("A cluster needs Ray: pip install 'stylespace[ray]'.") from error
    if not paths:
        return
    if not ray.is_initialized():
        ray.init(log_to_driver=False, configure_logging=False)
    ray.data.DataContext.get_current().enable_progress_bars = False
    data = ray.data.from_items([{"path": path} for path in paths], override_num_blocks=max(1, -(-len(paths) // batch)))
    described = data.map(_described)
    yield from described.iter_rows()


def _described(row: dict[str, Any]) -> dict[str, Any]:
    from stylespace.library.adding import describe_file

    blank = {"key": "", "width": 0, "height": 0, "thumbnail": b"", "numbers": None}
    return blank | describe_file(row["path"])

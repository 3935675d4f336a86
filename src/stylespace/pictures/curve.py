"""The learning curve of a run, drawn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from stylespace.errors import InputError
from stylespace.storage.atomic import write_whole

_NOT_TERMS = {"size", "step", "total", "seconds", "cut"}


def draw(losses: Sequence[Mapping[str, Any]], path: str | Path, steps: Sequence[int] | None = None) -> Path:
    """Draw total and terms of ``losses`` over steps on a logarithmic axis, sizes marked; PNG, SVG or PDF by the suffix of ``path``.

    ``steps``: the number of each record's step; None: 1, 2, ...

    Raises ``InputError`` when there are no losses or the suffix is none of these.
    """
    if not losses:
        raise InputError("There are no losses to draw: the run took no step.")
    suffix = Path(path).suffix.lower().lstrip(".")
    if suffix not in ("png", "svg", "pdf"):
        raise InputError(f"A curve cannot be written as '{Path(path).name}': give a name that ends in .png, .svg or .pdf.")
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 4.5), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    steps = steps or range(1, len(losses) + 1)
    terms = list(dict.fromkeys(name for record in losses for name in record if name not in _NOT_TERMS))
    for name in terms:
        axes.plot(steps, [record.get(name, float("nan")) for record in losses], linewidth=0.9, alpha=0.8, label=name)
    axes.plot(steps, [record["total"] for record in losses], color="black", linewidth=1.6, label="total")
    for index, (before, record) in enumerate(pairwise(losses), 2):
        if record.get("size") != before.get("size"):
            axes.axvline(index, color="grey", linewidth=0.6, linestyle=":")
            axes.annotate(
                f" {record['size']} px", (index, 1), xycoords=("data", "axes fraction"), fontsize=7, va="top", color="grey"
            )
    axes.set(xlabel="step", ylabel="weighted loss", yscale="log")
    axes.legend(fontsize=7, loc="upper right", ncols=2)
    return write_whole(path, lambda temporary: figure.savefig(temporary, dpi=120, format=suffix))

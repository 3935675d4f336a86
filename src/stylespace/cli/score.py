"""``stylespace score``: how close a result is to its content and style."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from stylespace.cli import options
from stylespace.cli.transfer import check_choice


def command(
    content: Annotated[Path, typer.Argument(metavar="CONTENT", help="The photo.")],
    style: Annotated[str, typer.Argument(metavar="STYLE", help="The style picture; --style adds more.")],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="The result.")],
    more: options.Weighted = None,
    size: Annotated[int, typer.Option(metavar="N", min=16, help="Long side at which pictures are compared.")] = 512,
    encoder: Annotated[str, typer.Option(metavar="NAME", help="compact, vgg19 or vgg16.")] = "compact",
    weights: options.Weights = None,
    device: options.Device = None,
    as_json: options.Json = False,
    traceback: options.Traceback = False,
) -> None:
    """Print how close OUT is to CONTENT and to STYLE: a table on a terminal, JSON with --json or when output is redirected.

    Distances are 0 for equal pictures: content; style at full, half and quarter size; palette.
    Also: structure, checkerboard, noise, borders.
    """
    check_choice("--device", device and device.split(":")[0], options.DEVICES)
    from stylespace.cli.sources import weighted_styles
    from stylespace.metrics.score import BETTER, score
    from stylespace.pipelines.run import choose_device

    styles = weighted_styles([style, *(more or ())], None)
    figures = score(content, styles, out, encoder=encoder, weights=weights, size=size, device=choose_device(device or "auto"))
    if as_json or not _terminal():
        typer.echo(json.dumps(figures, indent=2))
        return
    for name, value in _named(figures):
        better = BETTER.get(name, "")
        typer.echo(f"{name:<28} {value:<12} {better and better + ' is better'}".rstrip())


def _terminal() -> bool:
    return sys.stdout.isatty()


def _named(figures: dict[str, Any], before: str = "") -> Iterator[tuple[str, str]]:
    """Every figure with its place, as in ``style.half.distance``, and its number."""
    for name, value in figures.items():
        if isinstance(value, dict):
            yield from _named(value, f"{before}{name}.")
        elif isinstance(value, list):
            yield from ((name, each) for each in value)
        else:
            yield before + name, f"{value:.4f}" if isinstance(value, float) else str(value)

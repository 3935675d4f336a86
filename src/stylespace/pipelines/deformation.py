"""Deformable transfer of one photo: pairs of points found, the base method prepared, the warp and its drawings kept."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from stylespace.encoders.encoder import Encoder
from stylespace.errors import InputError
from stylespace.methods import gatys, strotss
from stylespace.methods.deformable import Base, Deformed, deformable, targets
from stylespace.methods.deformable_settings import DeformableSettings
from stylespace.methods.gatys_settings import GatysSettings
from stylespace.methods.strotss_settings import StrotssSettings
from stylespace.pictures.picture import Picture
from stylespace.pictures.resizing import resize
from stylespace.pipelines.match import Point, match
from stylespace.pipelines.result import Result
from stylespace.solvers.solution import Watch
from stylespace.styles.region import Region


def deform(
    content: Tensor,
    regions: Sequence[Region],
    settings: DeformableSettings,
    network: Encoder,
    points: Sequence[tuple[Point, Point]],
    watch: Watch | None,
    note: Callable[[str], None] | None,
) -> Deformed:
    """Redraw and deform ``content`` (1, 3, H, W), by the ``points`` given or those that neural best buddies find."""
    styles = [style for region in regions for style in region.styles]
    if not styles:
        raise InputError("No style was given: give at least one style picture.")
    found = (points or _found(content, styles[0].picture, network))[: settings.most_pairs]
    pairs = targets([a for a, _ in found], [b for _, b in found], content.shape[-2:], styles[0].picture.shape[-2:], settings)
    if note:
        few = f": too few ({settings.fewest} are wanted), so nothing is deformed" if not len(pairs[0]) else ""
        note(f"{len(found)} pairs of points, {len(pairs[0])} near enough{few}.")
    return deformable(content, _base(regions, settings, network), settings, pairs, watch=watch)


def schedule(settings: DeformableSettings) -> list[tuple[int, int]]:
    """Long side and steps of each size."""
    if settings.base == "gatys":
        return gatys.schedule(_gatys(settings))
    return strotss.schedule(_strotss(settings))


def told(result: Result, deformed: Deformed, content: Picture) -> Result:
    """``result`` with its parts, its warp, and what is to be said of it in its record."""
    size = (deformed.stylised.shape[-2], deformed.stylised.shape[-1])
    small = resize(content.pixels, size)
    made = {"stylised": deformed.stylised, "warped-photo": deformed.warp.apply(small), "grid": deformed.warp.grid(size)}
    result.extras = {name: Picture(pixels.cpu().clamp(0, 1)) for name, pixels in made.items()}
    result.warp = deformed.warp
    if result.source.alpha is not None:
        result.source = replace(result.source, alpha=deformed.warp.apply(result.source.alpha).clamp(0, 1))
    result.settings["deformation"] = {
        "pairs": len(deformed.warp.points), "points_before": deformed.before, "points_after": deformed.after,
        "foldings": deformed.warp.foldings(), "kept": deformed.kept,
    }  # fmt: skip
    return result


def _found(content: Tensor, style: Tensor, network: Encoder) -> list[tuple[Point, Point]]:
    found = match(Picture(content.cpu()), Picture(style.cpu()), encoder=network)
    return list(zip(found.a, found.b, strict=True))


def _base(regions: Sequence[Region], settings: DeformableSettings, network: Encoder) -> Base:
    if settings.base == "gatys":
        return gatys.GatysBase(regions, _gatys(settings), network)
    return strotss.StrotssBase(regions, _strotss(settings), network, torch.Generator().manual_seed(settings.seed))


def _gatys(settings: DeformableSettings) -> GatysSettings:
    return replace(GatysSettings(), **_shared(settings))


def _strotss(settings: DeformableSettings) -> StrotssSettings:
    return replace(StrotssSettings(), **_shared(settings))


def _shared(settings: DeformableSettings) -> dict[str, Any]:
    given = {
        "size": settings.size,
        "steps": settings.steps,
        "steps_each": settings.steps_each,
        "seed": settings.seed,
        "memory": settings.memory,
    }
    return given if settings.content_weight is None else given | {"content_weight": settings.content_weight}

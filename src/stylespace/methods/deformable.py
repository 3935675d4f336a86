"""Deformable style transfer: shapes as well as textures (Kim, Kolkin, Salavon & Shakhnarovich 2020, arXiv 2003.11038, eq. 6).

    minimise over x and theta   alpha L_content(x, p) + L_style(x, a) + L_style(W(x, theta), a) + beta L_warp + gamma R_TV

W is the thin-plate spline that moves points of the photo by theta; L_warp (eq. 3) is how far they then are from the matching places of the
style picture, brought near by a similarity. Content and style are those of the method it stands on: any that has a :class:`Base`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import torch
from torch import Tensor

from stylespace.encoders.encoder import Encoder
from stylespace.errors import InputError
from stylespace.methods.deformable_settings import DeformableSettings
from stylespace.pictures.resizing import fit, resize
from stylespace.pictures.spline import thin_plate
from stylespace.pictures.warp import Warp, flow, sample, stretch, variation
from stylespace.solvers.run import Run
from stylespace.solvers.solution import Objective, Solution, Step, Watch
from stylespace.statistics.cleaning import aligned
from stylespace.styles.region import Region

__all__ = ["Base", "DeformableSettings", "Deformed", "deform", "deformable", "targets"]

LEAST_AREA = 0.3  # of a part of the picture that is pressed together
INSIDE = 0.03  # wanted places stay so far from the border, in shares of the sides


class Base(Protocol):
    """A method as deformable transfer uses it, prepared for one photo and its styles."""

    def stages(self) -> list[tuple[int, int]]:
        """Long side and steps of each size."""

    def start(self, photo: Tensor, picture: Tensor | None, level: int) -> Tensor:
        """The start at the size of ``photo`` (1, 3, h, w), from the result so far."""

    def objectives(self, photo: Tensor, level: int) -> tuple[Objective, Objective]:
        """All loss terms, and those of the style alone, of pictures in a frame."""

    def framed(self, picture: Tensor) -> Tensor:
        """``picture`` (1, 3, h, w) with what the objectives want around it."""

    def unframed(self, picture: Tensor) -> Tensor:
        """The inverse."""

    def solve(self, objective: Objective, start: Tensor, steps: int, level: int, watch: Watch | None) -> Solution:
        """Minimise from a framed start; the solution is framed."""


@dataclass
class Deformed:
    """What a run leaves: ``solution`` with the picture warped and stylised; the same before its warp; the warp; how far it was
    taken back so that it would not fold (1: not at all); mean distance of the points from where they are wanted, before and after."""

    solution: Solution
    stylised: Tensor
    warp: Warp
    kept: float
    before: float
    after: float


def deformable(content: Tensor, regions: Sequence[Region], settings: DeformableSettings, encoder: Encoder, run: Run) -> Solution:
    """Redraw and deform ``content`` (1, 3, H, W; sRGB in [0, 1]) on ``run.base``, by ``run.points``.

    ``beside`` the solution: the picture before its warp (``stylised``), the photo merely warped (``warped-photo``), the warp as a drawing
    (``grid``). Raises ``InputError`` without a style.
    """
    styles = [style for region in regions for style in region.styles]
    if not styles:
        raise InputError("No style was given: give at least one style picture.")
    run.plan(run.base.stages())
    points = run.points[: settings.most_pairs]
    pairs = targets([a for a, _ in points], [b for _, b in points], content.shape[-2:], styles[0].picture.shape[-2:], settings)
    few = f": too few ({settings.fewest} are wanted), so nothing is deformed" if not len(pairs[0]) else ""
    run.note(f"{len(points)} pairs of points, {len(pairs[0])} near enough{few}.")
    made = deform(content, run.base, settings, pairs, watch=run.watch)
    size = (made.stylised.shape[-2], made.stylised.shape[-1])
    small = resize(content, size)
    made.solution.beside = {"stylised": made.stylised, "warped-photo": made.warp.apply(small), "grid": made.warp.grid(size)}
    made.solution.warp = made.warp
    made.solution.facts["deformation"] = {
        "pairs": len(made.warp.points), "points_before": made.before, "points_after": made.after,
        "foldings": made.warp.foldings(), "kept": made.kept,
    }  # fmt: skip
    return made.solution


def deform(
    content: Tensor,
    base: Base,
    settings: DeformableSettings,
    pairs: tuple[Tensor, Tensor],
    *,
    watch: Watch | None = None,
) -> Deformed:
    """Redraw and deform ``content`` (1, 3, H, W; sRGB in [0, 1]).

    ``pairs``: points of the photo and the places where they are wanted (:func:`targets`), (k, 2) each, down and right in units of the
    photo's long side; none: plain transfer. On ``KeyboardInterrupt`` what is there, with ``interrupted`` set.
    """
    proportions = (content.shape[-2], content.shape[-1])
    points, wanted = (p.double().to(content.device) for p in pairs)
    wanted = points + settings.strength * (wanted - points)
    moves = torch.zeros_like(points).requires_grad_()
    mover = torch.optim.Adam([moves], lr=settings.warp_rate) if len(points) else None
    solution = Solution(content)
    done = 0
    for level, (size, steps) in enumerate(base.stages()):
        try:
            photo = resize(content, fit(content.shape[-2:], size))
            start = base.start(photo, solution.picture if done else None, level)
            whole, styled = base.objectives(photo, level)

            def objective(picture: Tensor, whole: Objective = whole, styled: Objective = styled) -> dict[str, Tensor]:
                # The solver moves the picture; points follow by their own gradient of the step before.
                if mover is not None and moves.grad is not None:
                    mover.step()
                    mover.zero_grad(set_to_none=True)
                terms = whole(picture)
                if mover is None:
                    return terms
                unframed = base.unframed(picture)
                there = flow(points, points + moves, proportions, unframed.shape[-2:])
                if settings.warped_weight:
                    warped = styled(base.framed(sample(unframed, there)))
                    terms["warped style"] = settings.warped_weight * torch.stack(list(warped.values())).sum()
                apart = (points + moves - wanted).norm(dim=1).mean()
                terms["points"] = settings.points_weight * apart.to(picture)
                terms["flow"] = settings.flow_weight * variation(there)
                terms["folds"] = settings.fold_weight * (LEAST_AREA - stretch(there)).relu().square().mean().to(picture)
                return terms

            solution = base.solve(objective, base.framed(start), steps, level, _unframed(watch, base))
            solution.picture = base.unframed(solution.picture)
            done += solution.steps
        except KeyboardInterrupt:  # between two sizes
            if not done:
                raise
            solution.interrupted = True
        if solution.interrupted:
            break
    solution.steps = done
    stylised = solution.picture.clamp(0, 1)
    moved = (points + moves).detach()
    warp, kept = _warp(points, moved, proportions).gentle(LEAST_AREA)
    solution.picture = warp.apply(stylised).clamp(0, 1)

    def apart(there: Tensor) -> float:
        return float((there - wanted).norm(dim=1).mean()) if len(points) else 0.0

    return Deformed(solution, stylised, warp, kept, apart(points), apart(points + kept * (moved - points)))


def targets(
    photo_points: Sequence[tuple[float, float]], style_points: Sequence[tuple[float, float]], photo_size: Sequence[int],
    style_size: Sequence[int], settings: DeformableSettings,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """Points of the photo and where they are wanted, (k, 2) each, down and right in units of the photo's long side.

    Points come as (right, down) in shares of width and height. The style's are turned, scaled and moved to lie nearest to the photo's, and
    the movements evened out; pairs that are still further apart than the settings allow are dropped, and all of them where too few remain:
    pictures with nothing in common are not deformed. Raises ``InputError`` for points outside the pictures.
    """
    if len(photo_points) != len(style_points):
        raise InputError(f"{len(photo_points)} points of the photo and {len(style_points)} of the style are no pairs.")
    if not all(0 <= x <= 1 for point in (*photo_points, *style_points) for x in point):
        raise InputError("Points of pairs lie outside the pictures: give shares of width and height, from 0 to 1.")
    none = torch.zeros(0, 2, dtype=torch.float64)
    photo, style = _placed(photo_points, photo_size), _placed(style_points, style_size)
    while len(photo) >= max(settings.fewest, 1):
        there = aligned(style, photo) if len(photo) > 1 else photo
        far = (there - photo).norm(dim=1)
        if float(far.max()) <= settings.furthest:
            sides = _sides(photo_size)
            there = photo + thin_plate(photo, there - photo, photo, settings.smoothing)
            return photo, torch.minimum(torch.maximum(there, INSIDE * sides), (1 - INSIDE) * sides)
        kept = torch.arange(len(photo)) != far.argmax()
        photo, style = photo[kept], style[kept]
    return none, none


def _sides(size: Sequence[int]) -> Tensor:
    return torch.tensor([float(side) / max(size) for side in size], dtype=torch.float64)


def _placed(points: Sequence[tuple[float, float]], size: Sequence[int]) -> Tensor:
    return torch.tensor([(y, x) for x, y in points], dtype=torch.float64).reshape(-1, 2) * _sides(size)


def _warp(points: Tensor, moved: Tensor, size: tuple[int, int]) -> Warp:
    sides = _sides(size).to(points.device)
    there = [tuple((x, y) for y, x in (p / sides).cpu().tolist()) for p in (points, moved)]
    return Warp(there[0], there[1], size)


def _unframed(watch: Watch | None, base: Base) -> Watch | None:
    if watch is None:
        return None

    def shown(step: Step) -> None:
        picture = base.unframed(step.picture)
        watch(replace(step, picture=picture, size=max(picture.shape[-2:])))

    return shown

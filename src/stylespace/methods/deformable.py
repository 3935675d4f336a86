"""Deformable style transfer: shapes as well as textures (Kim, Kolkin, Salavon & Shakhnarovich 2020, arXiv 2003.11038, eq. 6).

    minimise over x and theta   alpha L_content(x, p) + L_style(x, a) + L_style(W(x, theta), a) + beta L_warp + gamma R_TV

W is the thin-plate spline that moves points of the photo by theta; L_warp (eq. 3) is how far they then are from the matching places of the
style picture, brought near by a similarity. Content and style losses are those of the base method, ``run.base``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from stylespace.encoders.encoder import Encoder
from stylespace.errors import InputError
from stylespace.methods.deformable_settings import DeformableSettings
from stylespace.pictures.float64 import home
from stylespace.pictures.margin import framed, unframed
from stylespace.pictures.resizing import resize
from stylespace.pictures.spline import thin_plate
from stylespace.pictures.warp import Warp, flow, sample, stretch, variation
from stylespace.solvers.budget import Need
from stylespace.solvers.coarse_to_fine import Base, Problem, Scale, minimise
from stylespace.solvers.run import Run
from stylespace.solvers.solution import Objective, Solution
from stylespace.solvers.solver import Solver
from stylespace.solvers.tiled import Tiled, in_turn
from stylespace.statistics.cleaning import aligned
from stylespace.styles.region import Region, first_style

__all__ = ["DeformableSettings", "Deformed", "deform", "deformable", "targets"]

LEAST_AREA = 0.3  # smallest area of a part of the picture, as a share of its own
INSIDE = 0.03  # targets stay this far from the border, as a share of the sides


@dataclass
class Deformed:
    """The result of a run: ``solution`` with the picture warped and stylised; the same before its warp; the warp; the share of it
    that was kept so that it does not fold (1: all); mean distance of the points from their targets, before and after."""

    solution: Solution
    stylised: Tensor
    warp: Warp
    kept: float
    before: float
    after: float


def deformable(content: Tensor, regions: Sequence[Region], settings: DeformableSettings, encoder: Encoder, run: Run) -> Solution:
    """Redraw and deform ``content`` (1, 3, H, W; sRGB in [0, 1]) on ``run.base``, by ``run.points``.

    ``beside`` the solution: the picture before its warp (``stylised``), the warped photo (``warped-photo``), the warp as a drawing
    (``grid``). Raises ``InputError`` without a style.
    """
    style = first_style(regions)
    points = run.points[: settings.most_pairs]
    pairs = targets([a for a, _ in points], [b for _, b in points], content.shape[-2:], style.picture.shape[-2:], settings)
    few = f": too few ({settings.fewest} are needed), so nothing is deformed" if not len(pairs[0]) else ""
    run.note(f"{len(points)} pairs of points, {len(pairs[0])} near enough{few}.")
    made = deform(content, run.base, settings, pairs, run)
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
    content: Tensor, base: Base, settings: DeformableSettings, pairs: tuple[Tensor, Tensor], run: Run | None = None
) -> Deformed:
    """Redraw and deform ``content`` (1, 3, H, W; sRGB in [0, 1]).

    ``pairs``: points of the photo and their targets (:func:`targets`), (k, 2) each, down and right in units of the
    photo's long side; none: plain transfer. On ``KeyboardInterrupt`` what is there, with ``interrupted`` set.
    """
    problem = Deformation(content, base, settings, pairs)
    solution = minimise(problem, run)
    stylised, (warp, kept) = solution.picture, problem.warp().gentle(LEAST_AREA)
    solution.picture = warp.apply(stylised).clamp(0, 1)
    return Deformed(solution, stylised, warp, kept, problem.apart(0.0), problem.apart(kept))


class Deformation(Problem):
    """What :func:`deform` minimises: the picture x by the base's own solver, movements theta of the points by Adam beside it."""

    def __init__(self, content: Tensor, base: Base, settings: DeformableSettings, pairs: tuple[Tensor, Tensor]) -> None:
        self.base, self.settings = base, settings
        self.content, self.schedule = base.content, base.schedule
        self.proportions = (content.shape[-2], content.shape[-1])
        self.points, wanted = (p.to(home(self.content.device), torch.float64) for p in pairs)  # (k, 2)
        self.wanted = self.points + settings.strength * (wanted - self.points)
        self.theta = torch.zeros_like(self.points).requires_grad_()
        self.mover = torch.optim.Adam([self.theta], lr=settings.warp_rate) if len(self.points) else None

    def loss(self, scale: Scale, start: Callable[[], Tensor], core: int | None, turn: int = 0) -> Objective:
        """Eq. 6: the base's terms, its style once more on W(x, theta), the points' distance and the flow's variation."""
        s, margin = self.settings, self.base.margin(scale)
        whole = _objective(self.base.loss(scale, start, core, turn), turn)  # alpha L_content(x, p) + L_style(x, a)
        styled = _objective(self.base.style_loss(scale, core, turn), turn)

        def objective(picture: Tensor) -> dict[str, Tensor]:
            # The solver moves the picture; points follow by their own gradient of the step before.
            if self.mover is not None and self.theta.grad is not None:
                self.mover.step()
                self.mover.zero_grad(set_to_none=True)
            terms = whole(picture)
            if self.mover is None:
                return terms
            inside = unframed(picture, margin)
            there = flow(self.points, self.points + self.theta, self.proportions, inside.shape[-2:]).to(picture.device)
            if s.warped_weight:
                warped = styled(framed(sample(inside, there), margin))  # L_style(W(x, theta), a)
                terms["warped style"] = s.warped_weight * torch.stack(list(warped.values())).sum()
            apart = (self.points + self.theta - self.wanted).norm(dim=1).mean()  # L_warp, eq. 3
            terms["points"] = s.points_weight * apart.to(picture)
            terms["flow"] = s.flow_weight * variation(there)  # R_TV
            terms["folds"] = s.fold_weight * (LEAST_AREA - stretch(there)).relu().square().mean().to(picture)
            return terms

        return objective

    def warp(self) -> Warp:
        """The points as moved so far."""
        return _warp(self.points, (self.points + self.theta).detach(), self.proportions)

    def apart(self, share: float) -> float:
        """Mean distance of the points from their targets, when moved by a ``share`` of theta."""
        if not len(self.points):
            return 0.0
        return float((self.points + share * self.theta.detach() - self.wanted).norm(dim=1).mean())

    def state(self) -> dict[str, Tensor]:
        """The base's, and theta with its gradient and Adam's moments."""
        found = self.base.state() | {"theta": self.theta.detach()}
        if self.theta.grad is not None:
            found["gradient"] = self.theta.grad
        slots = {} if self.mover is None else self.mover.state[self.theta]
        return found | {f"mover {name}": value for name, value in slots.items()}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """As :meth:`state` had it."""
        self.base.restore(state)
        with torch.no_grad():
            self.theta.copy_(state["theta"])
        self.theta.grad = state["gradient"].to(self.theta).clone() if "gradient" in state else None
        if self.mover is not None:
            slots = {name.removeprefix("mover "): value for name, value in state.items() if name.startswith("mover ")}
            self.mover.state[self.theta] = {
                name: t.clone() if name == "step" else t.to(self.theta).clone() for name, t in slots.items()
            }

    def begin(self, scale: Scale, picture: Tensor | None) -> None:
        """As the base."""
        self.base.begin(scale, picture)

    def start(self, scale: Scale, picture: Tensor | None) -> Tensor:
        """As the base."""
        return self.base.start(scale, picture)

    def solver(self, scale: Scale) -> Solver:
        """As the base."""
        return self.base.solver(scale)

    def margin(self, scale: Scale) -> int:
        """As the base."""
        return self.base.margin(scale)

    def need(self, scale: Scale) -> Need | None:
        """As the base."""
        return self.base.need(scale)


def _objective(loss: Objective | Sequence[Tiled], turn: int) -> Objective:
    return loss if callable(loss) else in_turn(loss, turn)


def targets(
    photo_points: Sequence[tuple[float, float]], style_points: Sequence[tuple[float, float]], photo_size: Sequence[int],
    style_size: Sequence[int], settings: DeformableSettings,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """Points of the photo and their targets, (k, 2) each, down and right in units of the photo's long side.

    Points come as (right, down) in shares of width and height. The style's are turned, scaled and moved to lie nearest to the photo's, and
    the movements smoothed; pairs that are still further apart than the settings allow are dropped, and all of them where too few remain:
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

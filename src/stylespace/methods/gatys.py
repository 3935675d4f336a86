"""Style transfer by optimising pixels (Gatys, Ecker & Bethge 2016, doi:10.1109/CVPR.2016.265), with the controls of Gatys et al. 2017.

    minimise over x   alpha * L_content(x, p) + beta * sum_l w_l E_l(x, a) + smoothness,   coarse to fine,
with E_l a distance between Gram matrices or feature distributions of x and of the style a at layer l.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import cycle
from typing import Any

import torch
from torch import Tensor

from stylespace.encoders.encoder import Encoder
from stylespace.errors import InputError
from stylespace.methods.gatys_objective import core_side, framed, margin_of, objective_at, smaller_core, tiled_at, unframed
from stylespace.methods.gatys_settings import GatysSettings
from stylespace.pictures import colour
from stylespace.pictures.resizing import fit, resize
from stylespace.solvers import adam, lbfgs, pyramid
from stylespace.solvers.keeping import Keeper
from stylespace.solvers.run import Run
from stylespace.solvers.solution import Objective, Solution, Watch
from stylespace.solvers.stages import Stages
from stylespace.solvers.tiled import Tiled
from stylespace.solvers.tiled import minimise as minimise_tiled
from stylespace.storage.memory import is_out_of_memory, return_freed_memory
from stylespace.styles.region import Region, Style, guides, left_alone


def gatys(
    content: Tensor,
    regions: Sequence[Region],
    settings: GatysSettings,
    encoder: Encoder,
    run: Run | None = None,
) -> Solution:
    """Redraw ``content`` (1, 3, H, W; sRGB in [0, 1]) in the styles of ``regions``.

    Guides have the content's proportions; where they overlap each counts by its value. ``run.start`` is used with
    ``settings.start == "picture"``; ``run.strokes`` are put on the styles of the last region. Returns the picture at the last size; on
    ``KeyboardInterrupt`` the best so far with ``interrupted`` set. Raises ``InputError`` for settings that cannot be used.
    """
    run = run or Run()
    _check(settings, regions)
    device = next(encoder.parameters()).device
    content = content.to(device)
    run.plan(schedule(settings))
    if run.strokes is not None:
        fine = Style(run.strokes)
        mixed = tuple(mix_scales(style, fine, settings, encoder) for style in regions[-1].styles)
        regions = [*regions[:-1], replace(regions[-1], styles=mixed)]
    regions = [_matched(region, content, settings) for region in regions]
    photo = _without_colour(content, settings)
    log = Stages(run.journal)
    picture = log.start.get("picture")
    moments = (log.start["mean"], log.start["square"]) if "mean" in log.start else None
    solution = Solution(content if picture is None else picture.to(content), moments, log.record.get("taken", 0))
    try:
        for level, (size, count) in enumerate(schedule(settings)):
            if level < log.stage:
                continue
            height_width = fit(content.shape[-2:], size)
            margin = margin_of(height_width, settings)
            # Made where they are wanted, and gone when a large picture is worked on in tiles.
            resized = partial(resize, photo, height_width)
            begun = partial(_begun, picture, resized, regions, settings, run.start)
            if run.restyle and solution.steps:
                regions = [_matched(region, content, settings) for region in run.restyle(begun())]
            core = log.record.get("core") if log.goes_on else core_side(height_width, settings, encoder)
            before = {} if picture is None else {"picture": picture}
            if before and solution.moments is not None:
                before |= {"mean": solution.moments[0], "square": solution.moments[1]}
            log.begin(level, before, at_once=core is not None, core=core, taken=solution.steps)
            while True:
                try:
                    solution = _at_size(resized, begun, regions, count, settings, encoder, solution, log, _cut(run.watch, margin))
                    break
                except (RuntimeError, MemoryError) as error:
                    if not is_out_of_memory(error):
                        raise
                core = smaller_core(log.record["core"], settings, encoder)
                run.note(f"Memory ran out at {size} pixels: going on in tiles of {core} pixels.")
                log.begin(level, before, at_once=True, core=core, taken=solution.steps)
            picture = solution.picture = unframed(solution.picture, margin)
            if solution.interrupted:
                break
    except KeyboardInterrupt:  # between two sizes
        if not solution.steps:
            raise
        solution.interrupted = True
    solution.picture = _finish(solution.picture.clamp(0, 1), content, regions, settings)
    return solution


def schedule(settings: GatysSettings) -> list[tuple[int, int]]:
    """Long side and steps of each size. Raises ``InputError`` when their numbers differ."""
    sizes = settings.sizes or pyramid.sizes(settings.size, settings.smallest, settings.factor)
    steps = settings.steps_each or pyramid.share(settings.steps, sizes, settings.fall, settings.least_steps)
    if len(steps) != len(sizes):
        raise InputError(f"{len(steps)} numbers of steps were given for {len(sizes)} sizes: give one for each.")
    return list(zip(sizes, steps, strict=True))


@dataclass
class GatysBase:
    """Gatys et al. for other methods to stand on (:class:`stylespace.methods.deformable.Base`); wants Adam."""

    regions: Sequence[Region]
    settings: GatysSettings
    encoder: Encoder
    margin: int = 0

    def stages(self) -> list[tuple[int, int]]:
        """Long side and steps of each size."""
        return schedule(self.settings)

    def start(self, photo: Tensor, picture: Tensor | None, level: int) -> Tensor:
        """As :func:`gatys` starts a size."""
        self.margin = margin_of(photo.shape[-2:], self.settings)
        return _start(photo, self.regions, self.settings, None) if picture is None else resize(picture, photo.shape[-2:])

    def objectives(self, photo: Tensor, level: int) -> tuple[Objective, Objective]:
        """All terms, and those of the style."""
        alone = replace(self.settings, content_weight=0.0, smoothness_weight=0.0)
        core = core_side(photo.shape[-2:], self.settings, self.encoder)
        if core is None:
            whole, styled = (objective_at(photo, self.regions, s, self.encoder) for s in (self.settings, alone))
        else:
            whole, styled = (_in_turn(tiled_at(photo, self.regions, s, self.encoder, core)) for s in (self.settings, alone))
        return whole, styled

    def framed(self, picture: Tensor) -> Tensor:
        """With the settings' margin around it."""
        return framed(picture, self.margin)

    def unframed(self, picture: Tensor) -> Tensor:
        """Without it."""
        return unframed(picture, self.margin)

    def solve(self, objective: Objective, start: Tensor, steps: int, level: int, watch: Watch | None) -> Solution:
        """Adam over the pixels."""
        return _solve(objective, start, steps, self.settings, Solution(start), watch, Stages(None))


def _in_turn(turns: Sequence[Tiled]) -> Objective:
    """The loss of each of them in turn."""
    left = cycle(turns)
    return lambda picture: next(left).loss(picture)


def _cut(watch: Watch | None, margin: int) -> Watch | None:
    """``watch``, shown pictures without their margin and their real size."""
    if watch is None or not margin:
        return watch
    inside = (..., slice(margin, -margin), slice(margin, -margin))
    return lambda step: watch(replace(step, picture=step.picture[inside], size=step.size - 2 * margin))


def _matched(region: Region, content: Tensor, settings: GatysSettings) -> Region:
    """The region's styles with the photo's colours, as far as the settings want them."""
    if settings.colour == "style" or settings.colour_strength == 0:
        return replace(region, styles=tuple(replace(s, picture=s.picture.to(content)) for s in region.styles))

    def matched(picture: Tensor) -> Tensor:
        if settings.colour == "luminance":
            wanted = colour.match_luminance(picture, content)
        else:
            wanted = colour.match_colours(picture, content, settings.colour)
        return picture.lerp(wanted, settings.colour_strength)

    return replace(region, styles=tuple(replace(s, picture=matched(s.picture.to(content))) for s in region.styles))


def _without_colour(content: Tensor, settings: GatysSettings) -> Tensor:
    """With ``luminance``, the photo that is redrawn loses its chroma, which :func:`_finish` gives back."""
    return content.lerp(colour.grey(content), settings.colour_strength) if settings.colour == "luminance" else content


def _start(content: Tensor, regions: Sequence[Region], settings: GatysSettings, given: Tensor | None) -> Tensor:
    generator = torch.Generator().manual_seed(settings.seed)
    noise = torch.rand(content.shape, generator=generator).to(content)
    if settings.start == "picture":
        if given is None:
            raise InputError("The start 'picture' wants a picture: give --start-picture FILE.")
        return resize(given.to(content), content.shape[-2:])
    if settings.start == "style":
        return resize(next(r for r in regions if r.styles).styles[0].picture, content.shape[-2:])
    if settings.start == "palette":
        return _in_colours_of(regions, content)
    return {"content": content, "noise": noise, "mix": content.lerp(noise, settings.noise_share)}[settings.start]


def _in_colours_of(regions: Sequence[Region], content: Tensor) -> Tensor:
    """``content`` with the mean and covariance of its styles' colours, region by region."""
    picture = content
    for region, guide in zip(regions, guides(regions, content), strict=True):
        if not region.styles:
            continue
        weights = [sum(s.weight.values()) if isinstance(s.weight, Mapping) else s.weight for s in region.styles]
        total = sum(weights) or 1.0
        coloured = [w / total * colour.match_colours(content, s.picture) for s, w in zip(region.styles, weights, strict=True)]
        coloured_whole = torch.stack(coloured).sum(0)
        picture = coloured_whole if guide is None else picture.lerp(coloured_whole, guide)
    return picture


def _begun(
    picture: Tensor | None, photo: Callable[[], Tensor], regions: Sequence[Region], settings: GatysSettings, start: Tensor | None
) -> Tensor:
    """What a size starts with: the ``picture`` of the one before, at the size of ``photo``."""
    seen = photo()
    return _start(seen, regions, settings, start) if picture is None else resize(picture.to(seen), seen.shape[-2:])


def _at_size(
    photo: Callable[[], Tensor], begun: Callable[[], Tensor], regions: Sequence[Region], steps: int, settings: GatysSettings,
    encoder: Encoder, previous: Solution, log: Stages, watch: Watch | None,
) -> Solution:  # fmt: skip
    """What is ``begun``, framed, after the steps of one size; as a whole or in tiles as ``log`` has it."""
    core = log.record["core"]
    if core is None:
        seen = photo()
        objective = objective_at(seen, regions, settings, encoder, turn=log.record.get("state", {}).get("index", 0))
        picture = _framed(begun(), settings)
        return _solve(objective, picture, steps, settings, previous, watch, log)
    return_freed_memory()
    return minimise_tiled(
        tiled_at(photo(), regions, settings, encoder, core),
        lambda: _framed(begun(), settings), steps=steps, rate=settings.rate,
        final_rate=settings.final_rate, watch=watch, limits=(0.0, 1.0) if settings.clamped else None, journal=log.journal,
        record=log.record,
    )  # fmt: skip


def _framed(picture: Tensor, settings: GatysSettings) -> Tensor:
    return framed(picture, margin_of(picture.shape[-2:], settings))


def _solve(
    objective: Objective,
    picture: Tensor,
    steps: int,
    settings: GatysSettings,
    previous: Solution,
    watch: Watch | None,
    log: Stages,
) -> Solution:
    keeper = Keeper(settings.keep, settings.average_decay)
    limits = (0.0, 1.0) if settings.clamped else None
    if settings.solver == "lbfgs":
        return lbfgs.minimise(
            objective, picture, steps=steps, history=settings.history, keeper=keeper, watch=watch, limits=limits
        )  # fmt: skip
    moments = adam.carry(previous.moments, picture.shape[-2:]) if settings.carry_moments else None
    return adam.minimise(
        objective, picture, steps=steps, rate=settings.rate, final_rate=settings.final_rate, moments=moments,
        taken=previous.steps if settings.carry_moments else 0, keeper=keeper, watch=watch, limits=limits, state=_state(log, keeper),
        kept=_keeping(log, keeper),
    )  # fmt: skip


def _state(log: Stages, keeper: Keeper) -> adam.State | None:
    """Where the solver stood; ``keeper`` is put there too."""
    if (held := log.state()) is None:
        return None
    numbers, tensors = held
    keeper.restore(log.record["keeper"], tensors)
    parts: dict[str, Any] = {name: tensor for name, tensor in tensors.items() if name != "kept"}
    return adam.State(**numbers, **parts)


def _keeping(log: Stages, keeper: Keeper) -> Callable[[adam.State], None]:
    """What the solver calls after each step."""

    def kept(state: adam.State) -> None:
        if log.due:
            (numbers, tensors), (own, more) = state.packed(), keeper.packed()
            log.write({"state": numbers, "keeper": own}, tensors | more)

    return kept


def _finish(picture: Tensor, content: Tensor, regions: Sequence[Region], settings: GatysSettings) -> Tensor:
    resized = resize(content, picture.shape[-2:])
    if settings.colour == "luminance" and settings.colour_strength:
        chroma = colour.to_yiq(picture)[:, 1:] * (1 - settings.colour_strength)
        chroma = chroma + settings.colour_strength * colour.to_yiq(resized)[:, 1:]
        picture = colour.from_yiq(torch.cat([colour.to_yiq(picture)[:, :1], chroma], 1)).clamp(0, 1)
    return left_alone(picture, resized, regions)


def _check(settings: GatysSettings, regions: Sequence[Region]) -> None:
    if not any(region.styles for region in regions):
        raise InputError("No style was given: give at least one style picture.")
    if settings.neighbours != "none" and settings.statistic != "gram":
        raise InputError("Correlations of neighbouring layers go with Gram matrices: give --statistic gram.")
    if not (settings.content_weight or settings.style_weight or settings.smoothness_weight):
        raise InputError("All weights are zero: give --content-weight, --style-weight or --smoothness-weight.")


def mix_scales(coarse: Style, fine: Style, settings: GatysSettings, encoder: Encoder, run: Run | None = None) -> Style:
    """Fine strokes of one painting on the composition of another (Gatys et al. 2017, sec. 6): a new style picture.

    ``coarse`` is redrawn with only the fine layers' statistics (relu1_1, relu2_1) of ``fine``, its own relu4_2 held.
    """
    strokes = replace(
        settings, style_layers="relu1_1,relu2_1,relu3_1=0.3", content_layers="relu4_2", content_weight=0.4, colour="style",
        size=min(settings.size, max(coarse.picture.shape[-2:])), sizes=(), steps_each=(), start="content",
    )  # fmt: skip
    solution = gatys(coarse.picture, [Region((fine,))], strokes, encoder, run)
    if solution.interrupted:
        raise KeyboardInterrupt  # half a style is none
    picture = solution.picture
    return replace(coarse, picture=picture, mask=None if coarse.mask is None else resize(coarse.mask, picture.shape[-2:]))

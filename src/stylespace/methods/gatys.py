"""Style transfer by optimising pixels (Gatys, Ecker & Bethge 2016, doi:10.1109/CVPR.2016.265), with the controls of Gatys et al. 2017.

    minimise over x   alpha L_content(x, p) + beta L_style(x, a) + smoothness   (eq. 7; gatys_loss.py has its terms)

from size to size, coarse to fine. Where styles go (spatial control), whose colours the result has (colour control) and fine strokes on
another painting's composition (scale control) are those of the 2017 paper, secs. 4 to 6 (doi:10.1109/CVPR.2017.397).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from stylespace.encoders.encoder import Encoder
from stylespace.errors import InputError
from stylespace.methods.gatys_loss import layers_of, losses_at, margin_of
from stylespace.methods.gatys_settings import GatysSettings
from stylespace.networks.start import drawn
from stylespace.pictures import colour
from stylespace.pictures.resizing import resize
from stylespace.solvers import pyramid
from stylespace.solvers.budget import Need
from stylespace.solvers.coarse_to_fine import Base, Scale, minimise
from stylespace.solvers.run import Run
from stylespace.solvers.solution import Objective, Solution
from stylespace.solvers.solver import LBFGS, Adam, Solver
from stylespace.solvers.tiled import Tiled, in_turn
from stylespace.styles.region import Region, Style, first_style, guides, left_alone

PICTURE = 12  # bytes a pixel


def gatys(
    content: Tensor, regions: Sequence[Region], settings: GatysSettings, encoder: Encoder, run: Run | None = None
) -> Solution:
    """Redraw ``content`` (1, 3, H, W; sRGB in [0, 1]) in the styles of ``regions``.

    Guides have the content's proportions; where they overlap, each counts by its value. ``run.start`` is used with
    ``settings.start == "picture"``; the styles of the last region are redrawn with the strokes of ``run.strokes``. Returns the picture
    at the last size; on ``KeyboardInterrupt`` the best so far with ``interrupted`` set. Raises ``InputError`` for settings that
    cannot be used.
    """
    run = run or Run()
    return minimise(Gatys(content, regions, settings, encoder, run), run)


class Gatys(Base):
    """What :func:`gatys` minimises."""

    def __init__(self, content: Tensor, regions: Sequence[Region], settings: GatysSettings, encoder: Encoder, run: Run) -> None:
        _check(settings, regions)
        self.settings, self.encoder, self.run = settings, encoder, run
        self.content = content.to(next(encoder.parameters()).device)
        if run.strokes is not None:
            fine = Style(run.strokes)
            mixed = tuple(mix_scales(style, fine, settings, encoder) for style in regions[-1].styles)
            regions = [*regions[:-1], replace(regions[-1], styles=mixed)]
        self.regions = [_matched(region, self.content, settings) for region in regions]
        self._photo = _without_colour(self.content, settings)
        self.schedule = schedule(settings)

    def photo(self, scale: Scale) -> Tensor:
        """The content at a size, with ``colour="luminance"`` without its colours."""
        return resize(self._photo, self.shape(scale))

    def begin(self, scale: Scale, picture: Tensor | None) -> None:
        """Update the regions where they depend on the result so far."""
        if self.run.restyle and picture is not None:
            regions = self.run.restyle(self.start(scale, picture))
            self.regions = [_matched(region, self.content, self.settings) for region in regions]

    def start(self, scale: Scale, picture: Tensor | None) -> Tensor:
        """The result so far; at first what the settings name."""
        if picture is not None:
            return resize(picture.to(self.content), self.shape(scale))
        return _start(self.photo(scale), self.regions, self.settings, self.run.start)

    def loss(self, scale: Scale, start: Callable[[], Tensor], core: int | None, turn: int = 0) -> Objective | list[Tiled]:
        """Eq. 7: content, style and smoothness."""
        return _whole(losses_at(self.photo(scale), self.regions, self.settings, self.encoder, core), core, turn)

    def style_loss(self, scale: Scale, core: int | None, turn: int = 0) -> Objective | list[Tiled]:
        """The style terms alone, for methods that build on this one."""
        alone = replace(self.settings, content_weight=0.0, smoothness_weight=0.0)
        return _whole(losses_at(self.photo(scale), self.regions, alone, self.encoder, core), core, turn)

    def solver(self, scale: Scale) -> Solver:
        """Adam, or L-BFGS."""
        s = self.settings
        if s.solver == "lbfgs":
            return LBFGS(s.history, s.keep, s.average_decay, s.clamped)
        return Adam(s.rate, s.final_rate, s.keep, s.average_decay, s.clamped, s.carry_moments)

    def margin(self, scale: Scale) -> int:
        """That of the settings, less where the picture is small."""
        return margin_of(self.shape(scale), self.settings)

    def need(self, scale: Scale) -> Need | None:
        """Memory for pictures and features; None where no features are compared."""
        content_layers, style_layers = layers_of(self.settings, self.encoder)
        if not (layers := {*content_layers, *style_layers}):
            return None
        history = 2 * self.settings.history if self.settings.solver == "lbfgs" else 0
        uncut = (
            "L-BFGS needs the whole picture, so give --solver adam, a shorter --history or a smaller --size" if history else ""
        )
        # Pictures in float32: photo, its resized copy, picture, gradient, moments and best; tiled: the photo, the others lie in scratch;
        # at the ends the photo, the picture and a copy.
        whole, kept, ends = PICTURE * (7 + history), PICTURE * 3, PICTURE * 3.5
        return Need(self.encoder, layers, self.settings.memory, whole, kept, ends, uncut)

    def finish(self, picture: Tensor) -> Tensor:
        """The photo's colours where they are kept, and the photo where it is left alone."""
        return _finish(picture, self.content, self.regions, self.settings)


def _whole(turns: list[Tiled], core: int | None, turn: int) -> Objective | list[Tiled]:
    """Of a picture that is one tile, an objective that takes the ``turns`` in turn."""
    return in_turn(turns, turn) if core is None else turns


def schedule(settings: GatysSettings) -> list[tuple[int, int]]:
    """Long side and steps of each size. Raises ``InputError`` when their numbers differ."""
    sizes = settings.sizes or pyramid.sizes(settings.size, settings.smallest, settings.factor)
    if settings.steps == 0 and not settings.steps_each:
        return [(sizes[-1], 0)]
    steps = settings.steps_each or pyramid.share(settings.steps, sizes, settings.fall, settings.least_steps)
    return pyramid.paired(sizes, steps)


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


def _start(content: Tensor, regions: Sequence[Region], settings: GatysSettings, picture: Tensor | None) -> Tensor:
    generator = torch.Generator().manual_seed(settings.seed)
    noise = torch.rand(content.shape, generator=generator).to(content)
    if settings.start == "picture":
        if picture is None:
            raise InputError("The start 'picture' needs a picture: give --start-picture FILE.")
        return resize(picture.to(content), content.shape[-2:])
    seen = schedule(settings)[-1][0] * settings.style_scale
    if settings.start == "network":  # it paints a little duller than the styles are
        return _in_colours_of(regions, drawn(content, regions, settings.start_network), seen)
    if settings.start == "style":
        return resize(first_style(regions).picture, content.shape[-2:])
    if settings.start == "palette":
        return _in_colours_of(regions, content, seen)
    return {"content": content, "noise": noise, "mix": content.lerp(noise, settings.noise_share)}[settings.start]


def _in_colours_of(regions: Sequence[Region], content: Tensor, size: float) -> Tensor:
    """``content`` with the mean and covariance of its styles' colours, region by region.

    Styles are seen with a long side of ``size`` pixels.
    """
    picture = content
    for region, guide in zip(regions, guides(regions, content), strict=True):
        if not region.styles:
            continue
        total = sum(style.share for style in region.styles) or 1.0
        coloured = [style.share / total * colour.match_colours(content, _palette(style, size)) for style in region.styles]
        picture = picture.lerp(torch.stack(coloured).sum(0), 1.0 if guide is None else guide)
    return picture


def _palette(style: Style, size: float) -> Tensor:
    """The pixels of ``style`` that count, as a picture (1, 3, 1, n)."""
    picture, mask = style.seen(size)
    pixels = picture.flatten(2)
    if mask is not None and bool((there := mask.flatten() > 0.5).any()):
        pixels = pixels[..., there]
    return pixels[:, :, None]


def _finish(picture: Tensor, content: Tensor, regions: Sequence[Region], settings: GatysSettings) -> Tensor:
    resized = resize(content, picture.shape[-2:])
    if settings.colour == "luminance" and settings.colour_strength:
        chroma = colour.to_yiq(picture)[:, 1:] * (1 - settings.colour_strength)
        chroma = chroma + settings.colour_strength * colour.to_yiq(resized)[:, 1:]
        picture = colour.from_yiq(torch.cat([colour.to_yiq(picture)[:, :1], chroma], 1)).clamp(0, 1)
    return left_alone(picture, resized, regions)


def _check(settings: GatysSettings, regions: Sequence[Region]) -> None:
    first_style(regions)
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
        steps=settings.steps or GatysSettings().steps,
    )  # fmt: skip
    solution = gatys(coarse.picture, [Region((fine,))], strokes, encoder, run)
    if solution.interrupted:
        raise KeyboardInterrupt  # half a style is none
    picture = solution.picture
    return replace(coarse, picture=picture, mask=None if coarse.mask is None else resize(coarse.mask, picture.shape[-2:]))

"""The methods by name, one row each: settings, function, what it accepts. Loads without torch.

A new method is its file, its settings and a row here. The command line, ``--help``, ``--from``, batches, progress and resuming follow
from the row.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from stylespace.methods import (
    analogies_settings,
    blend_settings,
    deformable_settings,
    gatys_settings,
    inversion_settings,
    nnst_settings,
    photoreal_settings,
    quilting_settings,
    strotss_settings,
)
from stylespace.settings import EncoderSettings

# Inputs of a run beside photo and settings.
STYLES, AREAS, STROKES, START, POINTS = "styles", "areas", "strokes", "start picture", "points"
GUIDES, SOURCE, CLASSES = "guides", "style source", "classes"

# Factors on the number of steps, for presets, and for methods that have no levels of their own.
QUALITIES = {"draft": 0.33, "good": 1.0, "best": 4.0}
# What is taken where no quality is asked for; None: the method's settings as they are.
QUALITY: str | None = None


@dataclass(frozen=True)
class Method:
    """One row.

    ``settings``: a frozen dataclass. ``run``: ``module:function`` of ``stylespace.methods``, called as
    ``(content, regions, settings, encoder, run)``; gives a :class:`~stylespace.solvers.solution.Solution`. ``summary``: a line for the
    list of commands; ``help``: the beginning of its ``--help``. ``presets``: published settings to start from. ``accepts``: the
    inputs it takes. ``base``: ``module:function`` of its problem, for methods that build on it. ``blends``: the references' weights are
    found first. ``finds_points``: pairs of points are found where none are given. ``warps``: the result has a warp. ``ending``: the setting
    that the default file names of results without styles end with. ``levels``: by quality, the settings that it stands for where the
    network is shipped that reads paintings; ``qualities`` says them in words.
    """

    settings: type[EncoderSettings]
    run: str
    summary: str
    help: str
    presets: Mapping[str, Callable[[], Any]]
    accepts: tuple[str, ...] = (STYLES, AREAS)
    base: str | None = None
    blends: bool = False
    finds_points: bool = False
    warps: bool = False
    ending: str | None = None
    levels: Mapping[str, Mapping[str, Any]] | None = None
    qualities: str = "draft: a third of the steps; best: four times as many"

    def load(self, what: str | None = None) -> Callable[..., Any]:
        """The function that ``run`` (or ``what``, such as ``base``) names."""
        module, _, name = (what or self.run).partition(":")
        found: Callable[..., Any] = getattr(import_module(module if "." in module else f"stylespace.methods.{module}"), name)
        return found


_BY_NETWORK = (
    "draft: one pass of the network that reads paintings; good: one pass, then the larger sizes; best: all sizes, four times the steps."
    " Without that network: a third of the steps; all; four times as many"
)

METHODS: dict[str, Method] = {
    "gatys": Method(
        settings=gatys_settings.GatysSettings,
        run="gatys:gatys",
        summary="Transfer by optimising pixels (Gatys et al. 2016); lists every setting, default and source.",
        help="""Redraw photos in the style of other pictures by optimising pixels (Gatys, Ecker & Bethge 2016).

        Minimises a distance to the photo's content and to the styles' statistics, coarse to fine. Every setting names the source of
        its default; --preset starts from published settings instead.
        """,
        presets=gatys_settings.PRESETS,
        accepts=(STYLES, AREAS, STROKES, START, CLASSES),
        base="gatys:Gatys",
        levels=gatys_settings.LEVELS,
        qualities=_BY_NETWORK,
    ),
    "blend": Method(
        settings=blend_settings.BlendSettings,
        run="gatys:gatys",
        summary="Transfer the style that many references share: the blend of them that suits the photo best.",
        help="""Redraw photos in the style that many references share (Ikuta, Ogaki & Odagiri 2016).

        The references' texture features are blended to be as near to the photo's as possible; the blend is the style. So with several
        references a result keeps colours that are natural for the photo. The rest is gatys, with all its settings.
        """,
        presets=blend_settings.PRESETS,
        accepts=(STYLES, AREAS, STROKES, START),
        blends=True,
        levels=gatys_settings.LEVELS,
        qualities=_BY_NETWORK,
    ),
    "strotss": Method(
        settings=strotss_settings.StrotssSettings,
        run="strotss:strotss",
        summary="Transfer by optimal transport (Kolkin et al. 2019): shapes change as well as strokes.",
        help="""Redraw photos by optimal transport and self-similarity (Kolkin, Salavon & Shakhnarovich 2019).

        Features at sampled places of the photo are moved to those of the style, while the similarities between places are kept: shapes
        change as well as strokes. Regions, several styles and pairs of points (--point) guide it.
        """,
        presets=strotss_settings.PRESETS,
        accepts=(STYLES, AREAS, POINTS, CLASSES),
        base="strotss:Strotss",
    ),
    "nnst": Method(
        settings=nnst_settings.NnstSettings,
        run="nnst:nnst",
        summary="Transfer by nearest neighbours of features (Kolkin et al. 2022).",
        help="""Redraw photos with the nearest neighbours of their features in the style (Kolkin et al. 2022).

        Every place takes the features of the most similar place in the style, which may be rotated by 0, 90, 180 or 270 degrees.
        """,
        presets=nnst_settings.PRESETS,
        accepts=(STYLES, AREAS, CLASSES),
    ),
    "deformable": Method(
        settings=deformable_settings.DeformableSettings,
        run="deformable:deformable",
        summary="Transfer that also moves shapes to where the style has them (Kim et al. 2020).",
        help="""Redraw photos and move their shapes to where the style picture has them (Kim et al. 2020).

        Corresponding places are found by neural best buddies, or come from --pairs or --point. --parts writes the intermediate
        pictures, --animation a film; stylespace warp applies the warp to other pictures.
        """,
        presets=deformable_settings.PRESETS,
        accepts=(STYLES, POINTS),
        finds_points=True,
        warps=True,
    ),
    "quilting": Method(
        settings=quilting_settings.QuiltingSettings,
        run="quilting:quilting",
        summary="The same, from blocks of the style laid side by side (Efros & Freeman 2001).",
        help="""Redraw photos with blocks copied from the style, cut where they agree (Efros & Freeman 2001).

        Blocks are chosen by what they correspond to in the photo: luminance, features, or maps that are given (--guide). Several passes
        with smaller and smaller blocks. For textures of any size, tiles and holes: stylespace texture.
        """,
        presets=quilting_settings.PRESETS,
        accepts=(STYLES, AREAS, GUIDES),
    ),
    "analogies": Method(
        settings=analogies_settings.AnalogiesSettings,
        run="analogies:analogies",
        summary="The same, by example: as A is to A', so is the photo to the result (Hertzmann et al. 2001).",
        help="""Redraw photos by example: as A is to A', so is the photo B to the result (Hertzmann et al. 2001).

        A' is --style, A is --style-source: the same picture before it was painted, or a map of what is where in it. Further maps by
        --guide. Patches of A' are put together where A is like B. Wants the extra patches (numba).
        """,
        presets=analogies_settings.PRESETS,
        accepts=(STYLES, AREAS, GUIDES, SOURCE),
    ),
    "photoreal": Method(
        settings=photoreal_settings.PhotorealSettings,
        run="photoreal:photoreal",
        summary="The light and colours of another photo, the shapes of this one (Luan et al. 2017).",
        help="""Give photos the light and colours of another photo and keep their shapes (Luan, Paris, Shechtman & Bala 2017).

        Region by region: sky to sky, water to water. --route optimise compares features, held to the photo by its matting
        Laplacian (extra matting); fast maps the regions' colours; global is one map of colours. Results of any size: the change is worked
        out at --work pixels and applied to the photo's own.
        """,
        presets=photoreal_settings.PRESETS,
        accepts=(STYLES, AREAS, CLASSES),
    ),
    "inversion": Method(
        settings=inversion_settings.InversionSettings,
        run="inversion:inversion",
        summary="Rebuild a photo from one layer's features alone.",
        help="Rebuild photos from the features of one layer alone, to see what that layer keeps (Mahendran & Vedaldi 2015).",
        presets={"default": inversion_settings.InversionSettings},
        accepts=(),
        ending="layer",
    ),
}


def accepting(what: str) -> str:
    """The methods that accept it, in words: ``gatys, blend and strotss``."""
    names = [name for name, row in METHODS.items() if what in row.accepts]
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))

"""``stylespace METHOD``: one command for each method of the registry, with the method's settings, presets and help."""

from __future__ import annotations

from collections.abc import Callable
from inspect import cleandoc
from typing import Any

from stylespace.cli import options
from stylespace.cli.settings import with_settings
from stylespace.cli.transfer import transfer
from stylespace.methods.registry import AREAS, CLASSES, GUIDES, METHODS, POINTS, SOURCE, START, STROKES, STYLES

COLOURS = "photoreal"  # the method whose colours make a .cube file
# Options of ``transfer`` that belong to what a method accepts.
BELONGING = {
    STYLES: ("style",),
    AREAS: ("region", "keep_region", "style_regions"),
    STROKES: ("strokes",),
    START: ("start_picture",),
    POINTS: ("point", "pairs"),
    GUIDES: ("guide",),
    SOURCE: ("style_source",),
    CLASSES: ("labels", "segmenter", "find", "classes"),
}


def method_command(name: str) -> Callable[..., Any]:
    """``transfer`` with the options of one method alone."""
    row = METHODS[name]
    absent = [option for what, belonging in BELONGING.items() if what not in row.accepts for option in belonging]
    absent += [] if row.blends else ["explain"]
    absent += [] if row.warps else ["parts", "animation"]
    absent += [] if name == COLOURS else ["cube"]
    absent += [] if len(row.presets) > 1 else ["preset"]
    fixed: dict[str, Any] = dict.fromkeys(absent) | {"method": name}
    other: dict[str, Any] = {"preset": options.preset(row.presets), "quality": options.quality(row.qualities)}
    if not row.blends:
        other["style"] = options.Weighted
    made = with_settings(transfer, row.settings, other=other, **fixed)
    made.__doc__ = cleandoc(row.help)
    return made

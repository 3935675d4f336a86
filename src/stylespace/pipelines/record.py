"""The record of a result's inputs as plain JSON: stored in its file, compared to skip finished work, read to repeat it."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from stylespace.errors import PictureError
from stylespace.pictures.finding import find_pictures
from stylespace.storage.checksum import of_file, of_tensors

_PLACES = ("path",)  # a file's place does not change the result


def inputs(
    method: str,
    photo: Any,
    settings: Any,
    *,
    styles: Any = (),
    areas: Sequence[Any] = (),
    strokes: Any = None,
    start_picture: Any = None,
    weights: str | Path | None = None,
    style_regions: str | Path | None = None,
    points: Sequence[Any] = (),
    guides: Sequence[Any] = (),
    style_source: Any = None,
    classes: Any = None,
    encoder: Mapping[str, str] | None = None,
    start_network: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """The record of one result's inputs. Arguments as for ``stylespace.transfer``; ``settings``: the method's dataclass, resolved;
    ``encoder``: the network's name and checksum; ``start_network``: those of the one that drew the start."""
    return {
        "method": method,
        "photo": described(photo),
        "styles": _described_styles(styles),
        "areas": [
            {
                "mask": described(area.mask),
                "styles": None if area.styles is None else _described_styles(area.styles),
                "style_mask": _described_if(area.style_mask),
            }
            for area in areas
        ],
        "strokes": _described_if(strokes),
        "start_picture": _described_if(start_picture),
        "weights": _described_if(weights),
        "settings": asdict(settings),
        **({} if style_regions is None else {"style_regions": described(style_regions)}),
        **({"points": [list(map(list, pair)) for pair in points]} if points else {}),
        **({"guides": [_described_guide(guide) for guide in guides]} if guides else {}),
        **({} if style_source is None else {"style_source": described(style_source)}),
        **({} if classes is None else {"classes": _described_classes(classes)}),
        **({} if encoder is None else {"encoder": dict(encoder)}),
        **({} if start_network is None else {"start_network": dict(start_network)}),
    }


def described(source: Any) -> dict[str, Any]:
    """One input: a library query, its path as given, or what kind of object it was; with the SHA-256 of the file's bytes, or of the pixels.

    Standard input and objects that are not pictures have no checksum.
    """
    if isinstance(source, str) and source.startswith("library:"):
        return {"query": source}
    if isinstance(source, bytes):
        return {"object": "bytes", "sha256": hashlib.sha256(source).hexdigest()}
    if isinstance(source, str | Path) and str(source) != "-" and Path(source).is_file():
        return {"path": str(source), "sha256": of_file(Path(source))}
    if isinstance(source, str | Path):
        return {"object": "standard input" if str(source) == "-" else type(source).__name__}
    return {"object": type(source).__name__, **_of_pixels(source)}


def weighted(styles: Any) -> list[tuple[Any, float]]:
    """``styles`` (one picture, several, or a mapping from picture to weight) as pairs of picture and weight."""
    if isinstance(styles, Mapping):
        return [(style, float(weight)) for style, weight in styles.items()]
    return [(style, 1.0) for style in (styles if isinstance(styles, list | tuple) else [styles])]


def same(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether two records name the same inputs, wherever the files are. Inputs without a checksum are never the same."""
    from stylespace.encoders.identity import matching

    keys = (
        "method", "photo", "styles", "areas", "strokes", "start_picture", "weights", "settings", "style_regions", "points", "guides",
        "style_source", "classes", "start_network",
    )  # fmt: skip
    first, second = (_plain({key: record.get(key) for key in keys}) for record in (one, other))
    return first == second and not _has_unknown(first) and matching(one.get("encoder"), other.get("encoder"))


def _of_pixels(source: Any) -> dict[str, str]:
    from stylespace.pictures.reading import read

    try:
        picture = read(source, max_pixels=sys.maxsize)
    except PictureError:
        return {}
    return {"sha256": of_tensors(picture.pixels, picture.alpha)}


def _described_guide(guide: Any) -> dict[str, Any]:
    return {"photo": described(guide.photo), "style": described(guide.style), "weight": float(guide.weight)}


def _described_classes(classes: Any) -> dict[str, Any]:
    files = {name: _described_if(getattr(classes, name)) for name in ("photo", "style", "segmenter", "table")}
    return {**files, "found": classes.found}


def _described_if(source: Any) -> dict[str, Any] | None:
    return None if source is None else described(source)


def _described_styles(styles: Any) -> list[dict[str, Any]]:
    return [{"weight": weight, **described(style)} for style, weight in weighted(_inside(styles))]


def _inside(styles: Any) -> Any:
    return find_pictures([styles]) if isinstance(styles, str | Path) and Path(styles).is_dir() else styles


def _plain(value: Any) -> Any:
    return json.loads(json.dumps(value), object_hook=lambda entry: {k: v for k, v in entry.items() if k not in _PLACES})


def _has_unknown(value: Any) -> bool:
    if isinstance(value, dict):
        return ("object" in value and "sha256" not in value) or any(_has_unknown(inner) for inner in value.values())
    return isinstance(value, list) and any(_has_unknown(inner) for inner in value)

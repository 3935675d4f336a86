"""Mixes of a network's styles from files: those that the studio saved, and those stored in results."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

from stylespace.errors import InputError

PNG = "data:image/png;base64,"


def saved(path: Path) -> dict[str, Any]:
    """A mix of the studio. Raises ``InputError``."""
    from stylespace.storage.plain import parse

    try:
        look = parse(path.read_bytes())
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read as a mix: give a file that the studio saved.") from error
    numbers = (int, float)
    whole = isinstance(look, dict) and isinstance(look.get("styles"), dict)
    if not whole or not all(
        isinstance(n, numbers) for n in (*look["styles"].values(), look.get("strength", 1), look.get("stroke", 1))
    ):
        raise InputError(f"{path} holds no mix: give a file that the studio saved.")
    return dict(look)


def mapped(look: dict[str, Any]) -> tuple[dict[str, Any], Any]:
    """Its styles (of paintings their codes) to weights, or to pictures of weights where it says where they go; and the map of where the
    photo stays, or None.

    Raises ``InputError``, ``PictureError`` and ``WeightsError``.
    """
    from stylespace.pictures.reading import read
    from stylespace.pipelines.paint import KEEP, placed

    maps = look.get("maps", {})
    if not isinstance(maps, dict) or not all(isinstance(text, str) and text.startswith(PNG) for text in maps.values()):
        raise InputError("The mix has maps that cannot be read: save it again in the studio.")
    drawn = {name: read(_decoded(text)) for name, text in maps.items() if name in look["styles"] or name == KEEP}
    keep = drawn.pop(KEEP, None)
    return _coded(placed(look["styles"], drawn), look.get("codes", {})), keep


def _coded(mix: dict[str, Any], codes: Any) -> dict[Any, Any]:
    """The mix with the codes of those styles that are in no network. Raises ``InputError`` and ``WeightsError``."""
    from stylespace.networks.code import StyleCode

    if not isinstance(codes, dict) or not all(isinstance(text, str) for text in codes.values()):
        raise InputError("The mix has styles that cannot be read: save it again in the studio.")
    lost = next((name for name in mix if name.startswith("painting:") and name not in codes), None)
    if lost is not None:
        raise InputError("A painting of the studio is in this mix, but not in its file: save it again, or give --style PAINTING.")
    return {StyleCode.of_text(codes[name]) if name in codes else name: weight for name, weight in mix.items()}


def stored(path: Path) -> dict[str, Any]:
    """How the result at ``path`` was painted: ``mix``, ``size``, ``colour``, ``strength``, ``style_size``, ``network``.

    Raises ``InputError``, and ``PictureError`` where the file holds no settings.
    """
    from stylespace.pictures.settings import read_settings

    record = read_settings(path)
    if record.get("method") != "network":
        raise InputError(f"{path.name} was not painted by a network: use 'stylespace transfer --from {path}'.")
    try:
        settings, network = record["settings"], record["weights"]["name"]
        kept = {name: settings[name] for name in ("mix", "size", "colour", "strength")}
        if "keep" in settings:
            raise KeyError("keep")
        weights = [float(weight) for weight in kept["mix"].values()]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(f"{path.name} has a mix with maps, which are not stored in it: give --mix or --style.") from error
    if not weights:
        raise InputError(f"{path.name} holds no mix: give --style.")
    kept["mix"] = _coded(kept["mix"], settings.get("codes", {}))
    return {**kept, "style_size": settings.get("style_size"), "network": network}


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text.removeprefix(PNG), validate=True)
    except ValueError as error:
        raise InputError("The mix has maps that cannot be read: save it again in the studio.") from error

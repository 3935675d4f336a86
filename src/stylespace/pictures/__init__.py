"""Files to tensors and back: orientation, colour profiles, transparency, 16 bits; resizing. Names load when first used."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from stylespace.pictures.finding import find_pictures
    from stylespace.pictures.formats import PICTURE_SUFFIXES
    from stylespace.pictures.picture import Picture
    from stylespace.pictures.pillow import to_pil
    from stylespace.pictures.reading import read
    from stylespace.pictures.resizing import fit, resize
    from stylespace.pictures.settings import read_settings
    from stylespace.pictures.writing import write

__all__ = ["PICTURE_SUFFIXES", "Picture", "find_pictures", "fit", "read", "read_settings", "resize", "to_pil", "write"]

_HOMES = {
    "PICTURE_SUFFIXES": "formats",
    "Picture": "picture",
    "find_pictures": "finding",
    "fit": "resizing",
    "read": "reading",
    "read_settings": "settings",
    "resize": "resizing",
    "to_pil": "pillow",
    "write": "writing",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})

"""The bodies by name, as files name them."""

from __future__ import annotations

from collections.abc import Callable

from stylespace.networks.body import Body
from stylespace.networks.conditional import Conditional
from stylespace.networks.fast import Fast
from stylespace.networks.johnson import Johnson
from stylespace.networks.multimodal import Multimodal
from stylespace.networks.texture import Texture


def tiny(**settings: int) -> Body:
    """A small fast build, which tests train in seconds."""
    return Fast(**{"stem": 16, "mid": 24, "deep": 24, "up": 16, "blocks": 2, "fine": 12, "last": 8, **settings})


BUILDS: dict[str, Callable[..., Body]] = {
    "published": Conditional,
    "fast": Fast,
    "tiny": tiny,
    "johnson": Johnson,
    "texture": Texture,
    "multimodal": Multimodal,
}

"""Stylespace: photographs and video redrawn in the manner of other pictures."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from stylespace.errors import StylespaceError
    from stylespace.learning import learn_style
    from stylespace.matching import correspondences, match
    from stylespace.metrics.score import score
    from stylespace.networks.style_network import StyleNetwork
    from stylespace.result import Result
    from stylespace.space import StyleSpace
    from stylespace.transferring import Area, invert, transfer

__all__ = [
    "Area",
    "Result",
    "StyleNetwork",
    "StyleSpace",
    "StylespaceError",
    "__version__",
    "correspondences",
    "invert",
    "learn_style",
    "match",
    "score",
    "transfer",
]

# Names load when first used: importing stylespace does not import torch.
_HOMES = {
    "Area": "transferring",
    "Result": "result",
    "StyleNetwork": "networks.style_network",
    "StyleSpace": "space",
    "StylespaceError": "errors",
    "correspondences": "matching",
    "invert": "transferring",
    "learn_style": "learning",
    "match": "matching",
    "score": "metrics.score",
    "transfer": "transferring",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = import_module(f"{__name__}.{_HOMES[name]}")
    value = getattr(module, name)
    globals()[name] = value  # wins over the submodule of the same name, which importing has just set
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})

"""Stylespace: photographs and video redrawn in the manner of other pictures."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from stylespace.errors import StylespaceError
    from stylespace.metrics.score import score
    from stylespace.networks.style_network import StyleNetwork
    from stylespace.pipelines.learn_style import learn_style
    from stylespace.pipelines.match import correspondences, match
    from stylespace.pipelines.result import Result
    from stylespace.pipelines.sources import Area
    from stylespace.pipelines.transfer import invert, transfer
    from stylespace.styles.space import StyleSpace

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
    "Area": "pipelines.sources",
    "Result": "pipelines.result",
    "StyleNetwork": "networks.style_network",
    "StyleSpace": "styles.space",
    "StylespaceError": "errors",
    "correspondences": "pipelines.match",
    "invert": "pipelines.transfer",
    "learn_style": "pipelines.learn_style",
    "match": "pipelines.match",
    "score": "metrics.score",
    "transfer": "pipelines.transfer",
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

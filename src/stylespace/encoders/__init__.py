"""Pictures to features: the compact encoder, VGG-16, VGG-19."""

from __future__ import annotations

from pathlib import Path

import torch

from stylespace.encoders.encoder import Encoder
from stylespace.encoders.precision import PRECISIONS, dtype
from stylespace.errors import InputError
from stylespace.settings import EncoderSettings

ENCODERS = ("compact", "vgg16", "vgg19")


def of(settings: EncoderSettings, *, weights: str | Path | None = None, device: str | torch.device = "cpu") -> Encoder:
    """The encoder that ``settings`` describe; other arguments as for :func:`load`."""
    return load(
        settings.encoder, weights=weights, pooling=settings.pooling, padding=settings.padding, precision=settings.precision,
        device=device,
    )  # fmt: skip


def load(
    name: str = "compact",
    *,
    weights: str | Path | None = None,
    pooling: str = "max",
    padding: str = "reflect",
    device: str | torch.device = "cpu",
    precision: str = "auto",
) -> Encoder:
    """The encoder called ``name``, ready on ``device``.

    ``weights``: a file instead of the shipped or downloaded one. ``pooling``: ``max`` or ``average``. ``padding``: ``reflect``,
    ``replicate`` or ``zero``. ``precision``: ``auto`` (bfloat16 where a probe proves it faster), ``fp32``, ``bf16``.
    Raises ``InputError`` for an unknown name or option, ``WeightsError`` when weights cannot be had.
    """
    if name not in ENCODERS:
        raise InputError(f"The encoder '{name}' is unknown: choose among {', '.join(ENCODERS)}.")
    if precision not in PRECISIONS:
        raise InputError(f"The precision '{precision}' is unknown: choose among {', '.join(PRECISIONS)}.")
    path = Path(weights) if weights is not None else None
    device = torch.device(device)
    return _loaded(name, path, pooling, padding).prepare(device, dtype(precision, device))


def _loaded(name: str, path: Path | None, pooling: str, padding: str) -> Encoder:
    if name == "compact":
        from stylespace.encoders.compact import compact

        return compact(path, pooling=pooling, padding=padding)
    from stylespace.encoders.vgg import vgg

    return Encoder(vgg(name, weights=path, pooling=pooling, padding=padding), name)

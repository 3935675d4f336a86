"""What the nodes do, on ComfyUI's tensors: IMAGE [B, H, W, C] and MASK [B, H, W] in [0, 1]. A batch is one shot of a film."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from torch import Tensor

import stylespace as ss
from stylespace.errors import InputError, MissingExtraError
from stylespace.film.frame import Frame
from stylespace.networks.style_network import StyleNetwork
from stylespace.pictures.finding import find_pictures
from stylespace.pictures.picture import Picture
from stylespace.pictures.reading import read
from stylespace.pictures.resizing import fit, resize
from stylespace.pictures.writing import write
from stylespace.pipelines.painters import NetworkPainter
from stylespace.video.sharing import Sharing
from stylespace.video.stable import Steadier

WHITE = 65535


def paint(
    image: Tensor, mix: Mapping[str, float], painting: Tensor | None = None, *, network: str | None = None, strength: float = 1.0,
    size: int = 0, colour: str = "style", steady: str = "fast",
) -> Tensor:  # fmt: skip
    """``image`` in a ``mix`` of the network's styles, name to weight; or in the style of a ``painting`` (an IMAGE of one picture).

    ``network``: None: ``classics``, or for a painting ``arbitrary``. ``strength``: from 0, the photo, to 1. ``size``: long side at which
    frames are painted; 0: their own. ``steady``: ``off``, ``fast``, ``best``: how frames are held still. Raises ``InputError``.
    """
    _check(image)
    loaded = _network(network or ("classics" if painting is None else "arbitrary"))
    if painting is not None:
        loaded, named = loaded.taking(loaded.code(_planes(painting)[:1], "the painting"))
        mix = dict.fromkeys(named, 1.0)
    loaded.check(mix)
    return _shot(image, loaded, _Masked(mix, {}), strength, size, colour, steady)


def mixed(
    image: Tensor, styles: Mapping[str, Tensor | None], *, network: str | None = None, strength: float = 1.0, size: int = 0,
    colour: str = "style", steady: str = "fast",
) -> Tensor:  # fmt: skip
    """``image`` in several styles, each where its MASK is white; None: everywhere. Where masks overlap, styles mix.

    A MASK of one picture holds for all frames. Raises ``InputError``.
    """
    _check(image)
    for name, mask in styles.items():
        if mask is not None and (mask.ndim != 3 or len(mask) not in (1, len(image))):
            raise InputError(
                f"The mask of '{name}' has shape {tuple(mask.shape)}: [1, height, width] or [{len(image)}, height, width] is expected."
            )
    loaded = _network(network or "classics")
    loaded.check(dict.fromkeys(styles, 1.0))
    masks = {name: mask for name, mask in styles.items() if mask is not None}
    return _shot(image, loaded, _Masked(dict.fromkeys(styles, 1.0), masks), strength, size, colour, steady)


def transfer(
    image: Tensor, style: Tensor, *, method: str = "gatys", quality: str = "good", size: int = 512, seed: int = 0,
    colour: str = "style", steady: str = "fast", **settings: Any,
) -> tuple[Tensor, str]:  # fmt: skip
    """``image`` redrawn by optimisation in the style of the pictures of ``style``, and what was found out about their weights.

    ``method``: one of ``ss.transfer``; ``blend`` weights the pictures to suit the photo, others take them equally. ``settings``: more of
    the method's. Raises ``InputError``.
    """
    _check(image)
    pictures = list(_planes(style).split(1))
    options = settings | {"method": method, "quality": quality, "size": size} | ({} if colour == "style" else {"colour": colour})
    if len(image) == 1:
        references: Any = pictures if method == "blend" else dict.fromkeys(pictures, 1.0)
        result = ss.transfer(_planes(image), references, seed=seed, **options)
        found = "" if result.blend is None else ", ".join(f"{weight:.3f}" for weight in result.blend.weights.values())
        return _image(resize(result.source.pixels, image.shape[1:3])), found
    with TemporaryDirectory() as folder:
        frames, out, styles = (Path(folder) / name for name in ("frames", "out", "styles"))
        for where, planes in ((frames, _planes(image).split(1)), (styles, pictures)):
            where.mkdir()
            for number, plane in enumerate(planes, 1):
                write(Picture(plane.contiguous()), where / f"{number:05d}.png", bits=16)
        listed = find_pictures([styles])
        style_files: Any = listed if method == "blend" else dict.fromkeys(listed, 1.0)
        ss.stylize_video(frames, out, style_files, steady=steady, seed=seed, **options)
        made = [resize(read(path).pixels, image.shape[1:3]) for path in find_pictures([out])]
    return _image(torch.cat(made)), ""


def names(network: str = "classics") -> list[str]:
    """The styles of a network."""
    return list(_network(network).styles)


@lru_cache(maxsize=2)
def _network(name: str) -> StyleNetwork:
    return StyleNetwork.load(name)


class _Masked:
    """A mix that stays, for frames whose second is their number: weights, times masks where there are any."""

    changes = False

    def __init__(self, weights: Mapping[str, float], masks: Mapping[str, Tensor]) -> None:
        self.weights, self.masks = dict(weights), dict(masks)

    def at(self, seconds: float) -> dict[str, Any]:
        """The mix at a frame."""
        found: dict[str, Any] = dict(self.weights)
        for name, mask in self.masks.items():
            found[name] = Picture(
                mask[min(int(seconds), len(mask) - 1)].clamp(0, 1).expand(1, 3, -1, -1).cpu().float().contiguous()
            )
        return found


def _shot(
    image: Tensor, network: StyleNetwork, mix: _Masked, strength: float, size: int, colour: str, steady: str
) -> Tensor:  # fmt: skip
    """Every frame redrawn, with the statistics of all of them, held still by flow where OpenCV is installed."""
    own = (image.shape[1], image.shape[2])
    try:
        steadier = None if steady == "off" or len(image) == 1 else Steadier(steady)
    except MissingExtraError:
        steadier = None
    painter = NetworkPainter(network, mix, fit(own, size or max(own)), colour, strength, steadier)
    samples = (image[..., :3].cpu().clamp(0, 1) * WHITE + 0.5).numpy().astype(np.uint16)
    frames = [Frame(each, number) for number, each in enumerate(samples)]
    painter.sharing = Sharing()
    painter.sharing.cut(0)
    for number, frame in enumerate(frames):
        if painter.sharing.wants(number):
            painter.sharing.add(number, painter.measure(frame, number))
    painter.sharing.close(joined=False)
    made = [painter.next(frame, number, number, bits=16) for number, frame in enumerate(frames)]
    planes = torch.from_numpy(np.stack(made).astype(np.float32) / WHITE).permute(0, 3, 1, 2)
    return _image(resize(planes, own))


def _check(image: Tensor) -> None:
    if image.ndim != 4 or image.shape[3] not in (3, 4) or 0 in image.shape:
        raise InputError(f"The image has shape {tuple(image.shape)}: [batch, height, width, 3] is expected.")


def _planes(image: Tensor) -> Tensor:
    """(B, 3, H, W) of an IMAGE."""
    _check(image)
    return image[..., :3].detach().cpu().float().clamp(0, 1).permute(0, 3, 1, 2).contiguous()


def _image(planes: Tensor) -> Tensor:
    return planes.permute(0, 2, 3, 1).contiguous()


def weights(styles: Sequence[tuple[str, float]]) -> dict[str, float]:
    """Styles with their weights summed, without those of weight 0."""
    found: dict[str, float] = {}
    for name, weight in styles:
        if weight > 0:
            found[name] = found.get(name, 0.0) + weight
    return found

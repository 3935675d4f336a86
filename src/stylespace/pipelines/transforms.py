"""Transforms for the pictures of a PyTorch ``Dataset``, in the habit of torchvision, which is not needed."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from stylespace.errors import InputError, PictureError
from stylespace.export.runtime import Runtime
from stylespace.networks.code import StyleCode
from stylespace.networks.finishing import check
from stylespace.networks.style_network import StyleNetwork
from stylespace.pictures.finding import find_pictures
from stylespace.pictures.picture import Picture
from stylespace.pictures.resizing import resize
from stylespace.pipelines.paint import Painting, PaintSettings
from stylespace.pipelines.sources import is_query, references_of

if TYPE_CHECKING:
    from PIL.Image import Image

ALL = "all"
MODES = ("L", "RGB", "RGBA")


class Stylize:
    """Redraws a picture in a drawn style with probability ``p``, and leaves its labels and its size as they are.

    ``styles``: ``all`` of the network's; or names, paintings (paths, folders, library queries, pictures), style codes, mixes (mappings from
    these to weights), one or a sequence, all equally likely. ``mixed``: so many different ones are drawn and mixed, with weights uniform
    over all mixes. ``strength``: from 0, the photo, to 1; or a range it is drawn from. ``network``: name, file or repository, or an
    exported one; None: ``classics``, or ``arbitrary`` for paintings. ``size``: long side at which pictures are painted (0: their own; None:
    their own, at most 1024); larger than the picture it makes strokes finer. ``colour``: ``style``, or the photo's by ``luminance``,
    ``cholesky``, ``root``, ``transport``. ``device``: where the network runs; workers of a ``DataLoader`` can only use ``cpu``.

    Everything is drawn from one number of torch's generator, which every worker of a ``DataLoader`` seeds for itself at each epoch: the
    same pictures for the same ``torch.manual_seed``, others in other workers and epochs. The network loads at the first picture that
    is redrawn; a transform that is sent to a worker takes its settings along, not the network. It uses as many threads as torch
    does, one in a worker.

    Raises ``InputError`` for settings out of range; unknown styles are found when the network loads (:meth:`load`).
    """

    def __init__(
        self, p: float = 0.5, styles: Any = ALL, *, mixed: int = 1, strength: float | tuple[float, float] = (0.5, 1.0),
        network: str | Path | None = None, size: int | None = None, colour: str = "style", device: str = "cpu",
    ) -> None:  # fmt: skip
        low, high = (float(end) for end in (strength if isinstance(strength, Sequence) else (strength, strength)))
        if not 0 <= p <= 1:
            raise InputError(f"The probability is {p}: give a number from 0 to 1.")
        if not 0 <= low <= high <= 1:
            raise InputError(f"The strength is {strength}: give a number from 0 (the photo) to 1, or two, the lower one first.")
        if mixed < 1:
            raise InputError(f"A mix of {mixed} styles is impossible: give 1 or more.")
        check(colour, high)
        self.p, self.styles, self.mixed, self.strength = p, styles, mixed, (low, high)
        self.network, self.size, self.colour, self.device = network, size, colour, device
        self._loaded: tuple[Painting, list[dict[str, float]]] | None = None

    def __call__(self, picture: Image | Tensor, *labels: Any) -> Any:
        """``picture``, redrawn or not; with ``labels``, all of them as a tuple.

        ``picture``: a PIL picture (L, RGB, RGBA), or a tensor (3, H, W) of bytes or of floats in [0, 1]; the result is of the same kind,
        size and type. Raises ``PictureError`` for others, and what :meth:`load` raises.
        """
        seed = int(torch.randint(2**62, ()))
        drawn = np.random.default_rng(seed)
        made = self._redrawn(picture, drawn) if drawn.random() < self.p else picture
        return (made, *labels) if labels else made

    def __repr__(self) -> str:
        """As it was made."""
        styles = self.styles if isinstance(self.styles, str) else f"{len(_several(self.styles))} styles"
        return f"Stylize(p={self.p}, styles={styles!r}, mixed={self.mixed}, strength={self.strength}, network={self.network!r})"

    def __getstate__(self) -> dict[str, Any]:
        """The settings."""
        return self.__dict__ | {"_loaded": None}

    def load(self) -> tuple[str, ...]:
        """Load the network and read the paintings, once; the names of the styles that are drawn from.

        Called before a ``DataLoader`` forks its workers, it saves each of them the loading. Raises ``InputError``, ``PictureError`` and
        ``WeightsError``.
        """
        _, mixes = self._painting()
        return tuple(" + ".join(mix) for mix in mixes)

    def _painting(self) -> tuple[Painting, list[dict[str, float]]]:
        if self._loaded is None:
            self._loaded = _loaded(_several(self.styles), self.network, PaintSettings({}, self.size, self.colour), self.device)
            if self.mixed > len(self._loaded[1]):
                raise InputError(f"A mix of {self.mixed} styles cannot be drawn from {len(self._loaded[1])}.")
        return self._loaded

    def _redrawn(self, picture: Image | Tensor, drawn: np.random.Generator) -> Image | Tensor:
        painting, mixes = self._painting()
        strength = float(drawn.uniform(*self.strength))
        chosen = drawn.permutation(len(mixes))[: self.mixed]
        shares = drawn.dirichlet(np.ones(self.mixed))
        mix: dict[str, float] = {}
        for number, share in zip(chosen, shares, strict=True):
            for name, weight in mixes[number].items():
                mix[name] = mix.get(name, 0.0) + float(share) * weight
        if isinstance(picture, Tensor):
            pixels = _of_tensor(picture)
            made = self._painted(painting, pixels, mix, strength)
            whole = made[0] if picture.is_floating_point() else (made[0] * 255).round()
            return whole.to(picture.device, picture.dtype).as_subclass(type(picture))
        samples = _of_pil(picture)
        pixels = torch.from_numpy(samples[..., :3]).permute(2, 0, 1)[None].float() / 255
        made = self._painted(painting, pixels.contiguous(), mix, strength)
        return _like(picture, (made[0].permute(1, 2, 0) * 255).round().byte().numpy(), samples)

    @staticmethod
    def _painted(painting: Painting, pixels: Tensor, mix: Mapping[str, float], strength: float) -> Tensor:
        """``pixels`` (1, 3, H, W) redrawn, at their size."""
        made = painting.mixing(mix).redrawn(Picture(pixels)).pixels
        made = resize(made, (pixels.shape[2], pixels.shape[3]))
        return pixels.lerp(made, strength)


def _several(styles: Any) -> list[Any]:
    """One style or a sequence of them, as a list; folders and queries as their pictures."""
    listed = list(styles) if isinstance(styles, list | tuple) else [styles]
    found: list[Any] = []
    for style in listed:
        if is_query(style):
            found += references_of(style)
        elif isinstance(style, str | Path) and Path(style).is_dir():
            found += find_pictures([style])
        else:
            found.append(style)
    if not found:
        raise InputError("No style is given: give at least one, or 'all'.")
    return found


def _loaded(
    styles: list[Any], source: str | Path | None, settings: PaintSettings, device: str
) -> tuple[Painting, list[dict[str, float]]]:
    """The network with all paintings read, and each of ``styles`` as a mix of its names, whose weights sum to 1."""
    each = [part for style in styles for part in (style if isinstance(style, Mapping) else [style]) if not _is_all(part)]
    painting = Painting(settings, source or StyleNetwork.painting(each or None)[0], device, 1)
    painter = painting.painter
    mixes: list[dict[str, float]] = []
    for number, style in enumerate(styles, 1):
        if _is_all(style) and ALL not in painter.styles:
            mixes += [{name: 1.0} for name in painting.styles]
            continue
        weights: dict[Any, float] = {}
        for part, weight in style.items() if isinstance(style, Mapping) else [(style, 1.0)]:
            part = str(part) if isinstance(part, Path) else part
            if isinstance(painter, StyleNetwork):
                if not isinstance(part, str | StyleCode):
                    part = painter.code(part, f"picture {number}")
                painter, named = painter.taking(part)
                part = next(iter(named))
            weights[part] = weights.get(part, 0.0) + weight
        if isinstance(painter, StyleNetwork):
            painter.check(weights)
        else:
            assert isinstance(painter, Runtime)
            painter.weights(weights)
        total = sum(weights.values())
        mixes.append({name: weight / total for name, weight in weights.items() if weight > 0})
    return Painting(settings, painting.source, device, 1, loaded=painter), mixes


def _is_all(style: Any) -> bool:
    return isinstance(style, str) and style == ALL


def _of_tensor(picture: Tensor) -> Tensor:
    """(1, 3, H, W), float32 in [0, 1], on the processor."""
    expected = "a tensor (3, height, width) of bytes, or of floats in [0, 1], is expected."
    if picture.ndim != 3 or picture.shape[0] != 3 or 0 in picture.shape:
        raise PictureError(f"The tensor has shape {tuple(picture.shape)}: {expected}")
    if picture.dtype != torch.uint8 and not picture.is_floating_point():
        raise PictureError(f"The tensor holds {picture.dtype}: {expected}")
    plain = picture.detach().as_subclass(Tensor).cpu()
    if plain.dtype == torch.uint8:
        return plain[None].float() / 255
    low, high = (float(end) for end in torch.aminmax(plain))
    if not (-1e-3 <= low <= high <= 1 + 1e-3 and math.isfinite(high)):
        raise PictureError(f"The tensor has values from {low:g} to {high:g}: {expected} Put Stylize before Normalize.")
    return plain[None].float().clamp(0, 1)


def _of_pil(picture: Image) -> np.ndarray:
    """The samples (H, W, 3 or 4) of a picture, neither turned nor converted: labels belong to them as they are."""
    from PIL.Image import Image as Pillow

    if not isinstance(picture, Pillow):
        raise PictureError(
            f"A {type(picture).__name__} cannot be redrawn: a PIL picture or a tensor (3, height, width) is expected."
        )
    if picture.mode not in MODES:
        raise PictureError(f"A PIL picture of mode {picture.mode} cannot be redrawn: give picture.convert('RGB').")
    return np.array(picture.convert("RGB") if picture.mode == "L" else picture)


def _like(picture: Image, made: np.ndarray, samples: np.ndarray) -> Image:
    """``made`` (H, W, 3) as a picture of the mode of ``picture``, with its transparency and what else it carries."""
    from PIL import Image

    found = Image.fromarray(made if picture.mode != "RGBA" else np.concatenate([made, samples[..., 3:]], 2))
    found = found.convert("L") if picture.mode == "L" else found
    found.info = dict(picture.info)
    return found

"""The style space: every blend of a set of references, as a closed region of texture features (Ikuta, Ogaki & Odagiri 2016).

A reference's texture features are its Gram matrices at the style layers. Blends are convex combinations of them; a photo's blend is the
one nearest to its own features. The document says 'linear combination' and 'optimal for the input image'; the simplex, the squared
distance and the layer weights are our interpretation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from stylespace import encoders
from stylespace.encoders import layers as layer_names
from stylespace.encoders.encoder import Encoder
from stylespace.encoders.identity import identity, refuse
from stylespace.errors import InputError, PictureError
from stylespace.pictures.picture import Picture
from stylespace.pictures.reading import MAX_PIXELS, read
from stylespace.pictures.resizing import fit, resize
from stylespace.statistics import simplex
from stylespace.statistics.gram import gram, triangle
from stylespace.storage.tensors import read_tensors, write_tensors

Array = NDArray[np.float64]
LAYERS = "relu1_1,relu2_1,relu3_1,relu4_1,relu5_1"
SCALES = ("photo", "equal")
_FORMAT = "stylespace-space-1"


@dataclass(frozen=True)
class Blend:
    """The point of a style space that is nearest to a photo.

    ``names`` and ``sources``: of all references. ``shares``: layer to weights (K,), the same at all layers unless fitted layer by layer.
    ``distance``: squared distance to the photo, a mean over layers, with ``scale="photo"`` in units of the photo's own energy.
    ``singles``: the same for each reference alone (K,).
    """

    names: tuple[str, ...]
    shares: dict[str, Array]
    distance: float
    singles: Array
    sources: tuple[Any, ...] = field(default=(), repr=False)

    @property
    def weights(self) -> dict[str, float]:
        """Reference to weight, heaviest first, without zeros; the mean over layers where they differ. Sums to 1."""
        mean = np.mean(list(self.shares.values()), axis=0)
        total: dict[str, float] = {}
        for i in self.active:
            total[self.names[i]] = total.get(self.names[i], 0.0) + float(mean[i])
        return dict(sorted(total.items(), key=lambda item: -item[1]))

    @property
    def active(self) -> list[int]:
        """Indices of the references that have a weight at any layer, in order."""
        return np.flatnonzero(np.max(list(self.shares.values()), axis=0) > 0).tolist()

    @property
    def best_single(self) -> tuple[str, float]:
        """The nearest reference alone, and its distance."""
        best = int(np.argmin(self.singles))
        return self.names[best], float(self.singles[best])

    def weight(self, index: int) -> float | dict[str, float]:
        """The weight of a reference: one number where all layers agree, else by layer."""
        by_layer = {layer: float(share[index]) for layer, share in self.shares.items()}
        return next(iter(by_layer.values())) if len(set(by_layer.values())) == 1 else by_layer

    def explained(self) -> dict[str, Any]:
        """The blend as plain JSON."""
        name, alone = self.best_single
        singles = dict(zip(self.names, self.singles.tolist(), strict=True))
        return {
            "references": [{"reference": n, "weight": w, "distance_alone": singles[n]} for n, w in self.weights.items()],
            "distance": self.distance,
            "best_single": {"reference": name, "distance": alone},
            "of": len(self.names),
        }


@dataclass(frozen=True)
class PrincipalAxis:
    """A principal axis of a space. ``share``: of all variance. ``coordinates``: each reference's (K,), mean 0.

    ``direction``: weights of the references (K,) that sum to 0; a point at ``t`` is ``1/K + t * direction``.
    """

    share: float
    coordinates: Array
    direction: Array


@dataclass
class StyleSpace:
    """Texture features of a set of references.

    ``names`` and ``sources``: the references. ``grams``: layer to upper triangles of Gram matrices (K, C (C + 1) / 2), float32,
    off-diagonal entries times sqrt 2, so that inner products are those of whole matrices. ``layers``: layer to weight. ``size``: long side
    in pixels at which pictures are looked at, never enlarged. ``failures``: references that could not be read.
    """

    names: tuple[str, ...]
    sources: tuple[Any, ...]
    grams: dict[str, Tensor]
    layers: dict[str, float]
    size: int
    encoder: Encoder = field(repr=False)
    failures: dict[str, str] = field(default_factory=dict)

    @classmethod
    def fit(
        cls,
        references: Iterable[Any],
        *,
        encoder: Encoder | str = "compact",
        layers: str | Mapping[str, float] = LAYERS,
        size: int = 512,
        device: str = "cpu",
        weights: str | Path | None = None,
        max_pixels: int = MAX_PIXELS,
        progress: Callable[[int, int], None] | None = None,
        keep: Callable[[Picture], None] | None = None,
    ) -> StyleSpace:
        """Read ``references`` (paths, PIL pictures, arrays, tensors, Pictures), one at a time.

        References of one name get numbers. ``layers``: with weights, as for gatys. ``progress(done, of)`` is called after each, ``keep``
        with each picture, in the order of ``sources``. Those that cannot be read are skipped and named in
        ``failures``; raises ``PictureError`` when none can be read, ``InputError`` when none are given.
        """
        sources = list(references)
        if not sources:
            raise InputError("There are no references: give at least one picture.")
        network = encoder if isinstance(encoder, Encoder) else encoders.load(encoder, weights=weights, device=device)
        wanted = {name: w for name, w in layer_names.weights(layers, network.layers).items() if w}
        network.check(wanted)
        if not wanted:
            raise InputError("All style layers have a weight of zero: give one of them more.")
        names, kept, failures = [], [], {}
        rows: dict[str, list[Tensor]] = {name: [] for name in wanted}
        called_so = distinct([called(source, number) for number, source in enumerate(sources, 1)])
        for number, (name, source) in enumerate(zip(called_so, sources, strict=True), 1):
            try:
                picture = read(source, max_pixels=max_pixels)
            except PictureError as error:
                failures[name] = str(error)
            else:
                for layer, row in describe(picture.pixels, network, wanted, size).items():
                    rows[layer].append(row)
                names.append(name)
                kept.append(source)
                if keep:
                    keep(picture)
            if progress:
                progress(number, len(sources))
        if not names:
            raise PictureError(f"None of the {len(sources)} references can be read; the first: {next(iter(failures.values()))}")
        grams = {layer: torch.stack(found) for layer, found in rows.items()}
        return cls(tuple(names), tuple(kept), grams, wanted, size, network, failures)

    def __len__(self) -> int:
        return len(self.names)

    def blend(
        self,
        photo: Any,
        *,
        limit: int | None = None,
        layerwise: bool = False,
        scale: str = "photo",
        max_pixels: int = MAX_PIXELS,
    ) -> Blend:
        """The blend nearest to ``photo`` (anything :meth:`fit` takes, or (1, 3, H, W) sRGB in [0, 1]).

        ``limit``: the most references to use. ``layerwise``: a separate blend at each layer, over the same references. ``scale``: what
        a layer's squared distance is divided by: ``photo``, the photo's own energy there, so that layers count equally; ``equal``, nothing.
        """
        if scale not in SCALES:
            raise InputError(f"The scale '{scale}' is unknown: choose among {', '.join(SCALES)}.")
        point = describe(_pixels(photo, max_pixels), self.encoder, self.layers, self.size)
        products, linear, squares = {}, {}, {}
        for layer, weight in self.layers.items():
            matrix, vector = _double(self.grams[layer]), _double(point[layer])
            square = float(vector @ vector)
            by = weight / sum(self.layers.values()) / (max(square, 1e-30) if scale == "photo" else 1.0)
            products[layer], linear[layer], squares[layer] = by * (matrix @ matrix.T), by * (matrix @ vector), by * square
        whole, to_point, square = sum(products.values()), sum(linear.values()), sum(squares.values())
        assert isinstance(whole, np.ndarray)
        assert isinstance(to_point, np.ndarray)
        singles = (np.diag(whole) - 2 * to_point + square).clip(0)
        joint = simplex.nearest(whole, to_point, limit=limit)
        shares = dict.fromkeys(self.layers, joint)
        if layerwise:
            kept = np.flatnonzero(joint) if limit is not None else np.arange(len(self))
            for layer in self.layers:
                share = np.zeros(len(self))
                share[kept] = simplex.nearest(products[layer][np.ix_(kept, kept)], linear[layer][kept])
                shares[layer] = share
        far = sum(simplex.distance(shares[x], products[x], linear[x], squares[x]) for x in self.layers)
        return Blend(self.names, shares, far, singles, self.sources)

    def nearest(self, photo: Any, count: int = 5) -> list[tuple[str, float]]:
        """The ``count`` references nearest to ``photo``, each with its squared distance as in :meth:`blend`."""
        singles = self.blend(photo).singles
        return [(self.names[i], float(singles[i])) for i in np.argsort(singles, kind="stable")[:count]]

    def axes(self, count: int = 3) -> list[PrincipalAxis]:
        """The first ``count`` principal axes of the references' features; every layer counts by its weight and mean energy."""
        products = self._products()
        size = len(self)
        centre = np.eye(size) - 1 / size
        values, vectors = np.linalg.eigh(centre @ products @ centre)
        order = np.argsort(-values)[: min(count, size - 1)]
        total = max(float(values.clip(0).sum()), 1e-30)
        axes = []
        for i in order:
            spread = float(np.sqrt(max(values[i], 1e-30)))
            vector = centre @ vectors[:, i]
            vector = vector * (1 if vector[np.argmax(np.abs(vector))] > 0 else -1)  # the sign of an eigenvector is arbitrary
            axes.append(PrincipalAxis(float(max(values[i], 0) / total), vector * spread, vector / spread))
        return axes

    def along(self, axis: PrincipalAxis, count: int = 5) -> list[dict[str, float]]:
        """Weights of ``count`` blends from one end of ``axis`` to the other: for each point the nearest of the space."""
        products = self._products()
        found = []
        for t in np.linspace(axis.coordinates.min(), axis.coordinates.max(), count):
            share = simplex.nearest(products, products @ (1 / len(self) + t * axis.direction))
            weights = {self.names[i]: float(share[i]) for i in np.flatnonzero(share)}
            found.append(dict(sorted(weights.items(), key=lambda item: -item[1])))
        return found

    def source(self, name: str) -> Any:
        """The reference called ``name``."""
        return self.sources[self.names.index(name)]

    def save(self, path: str | Path) -> Path:
        """Write features and names as safetensors, atomically. Of references that are not files only the names are saved."""
        about = {
            "format": _FORMAT, "encoder": self.encoder.identity, "size": self.size, "layers": self.layers, "names": self.names,
            "paths": [str(s) if isinstance(s, str | Path) else None for s in self.sources],
        }  # fmt: skip
        return write_tensors(path, self.grams, about)

    @classmethod
    def load(
        cls, path: str | Path, *, encoder: Encoder | None = None, device: str = "cpu", weights: str | Path | None = None
    ) -> StyleSpace:
        """Read what :meth:`save` wrote. ``encoder``: the one it was fitted with, instead of loading it.

        Raises ``InputError`` where that encoder is not available.
        """
        try:
            about, grams = read_tensors(path)
        except ValueError as error:
            raise InputError(
                f"{path} cannot be read as a style space ({error}): give a file that StyleSpace.save wrote."
            ) from error
        if about.get("format") != _FORMAT:
            raise InputError(f"{path} is not a style space that this version can read: fit it again.")
        if not _is_whole(about, grams):
            raise InputError(f"{path} does not hold the style space it says it holds: fit it again.")
        wanted = identity(about.get("encoder"))
        network = encoder or encoders.load(wanted["name"], weights=weights, device=device)
        if network.identity != wanted:
            raise refuse(str(path), wanted, network.identity, "fit it again, or give that one")
        sources = tuple(Path(p) if p else None for p in about["paths"])
        return cls(tuple(about["names"]), sources, grams, about["layers"], about["size"], network)

    def _products(self) -> Array:
        """Inner products (K, K), scaled so that every layer's mean energy is its weight."""
        total = np.zeros((len(self), len(self)))
        for layer, weight in self.layers.items():
            matrix = _double(self.grams[layer])
            products = matrix @ matrix.T
            total += weight / max(float(np.diag(products).mean()), 1e-30) * products
        return total


def _is_whole(about: Mapping[str, Any], grams: Mapping[str, Tensor]) -> bool:
    """Whether a file's record has all that a space needs, and its tensors one row for each name."""
    names, paths, layers, size = (about.get(key) for key in ("names", "paths", "layers", "size"))
    return (
        isinstance(names, list) and all(isinstance(name, str) for name in names)
        and isinstance(paths, list) and len(paths) == len(names) > 0 and all(isinstance(path, str | None) for path in paths)
        and isinstance(layers, dict) and layers.keys() == grams.keys() and len(layers) > 0
        and all(isinstance(weight, int | float) and 0 <= weight < float("inf") for weight in layers.values())
        and isinstance(size, int) and size > 0
        and all(rows.ndim == 2 and len(rows) == len(names) and rows.dtype == torch.float32 for rows in grams.values())
        and all(bool(torch.isfinite(rows).all()) for rows in grams.values())
    )  # fmt: skip


def describe(picture: Tensor, encoder: Encoder, layers: Iterable[str], size: int) -> dict[str, Tensor]:
    """Layer to the triangle of the Gram matrix of ``picture`` (1, 3, H, W; sRGB in [0, 1]), its long side at most ``size`` pixels."""
    device = next(encoder.parameters()).device
    own = max(picture.shape[-2:])
    with torch.no_grad():
        features = encoder(resize(picture.to(device), fit(picture.shape[-2:], min(own, size))), list(layers))
        return {layer: triangle(gram(f)).cpu() for layer, f in features.items()}


def distinct(names: Sequence[str]) -> list[str]:
    """``names`` with a number added to repeated ones: ``a.png``, ``a.png (2)``."""
    found: dict[str, None] = {}
    for name in names:
        number, own = 2, name
        while own in found or (own != name and own in names):
            own, number = f"{name} ({number})", number + 1
        found[own] = None
    return list(found)


def called(source: Any, number: int) -> str:
    """A reference's name: its path, or its number where it has none."""
    if isinstance(source, Picture) and source.name not in ("picture", "array", "tensor"):
        return source.name
    return str(source) if isinstance(source, str | Path) else f"reference {number}"


def _pixels(photo: Any, max_pixels: int) -> Tensor:
    if isinstance(photo, Tensor) and photo.ndim == 4:
        return photo
    return read(photo, max_pixels=max_pixels).pixels


def _double(tensor: Tensor) -> Array:
    return tensor.double().numpy()

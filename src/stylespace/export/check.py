"""Compares an exported file's pictures with PyTorch's."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from stylespace.export.runtime import Pixels, Runtime
from stylespace.networks.style_network import StyleNetwork

SIZES = ((96, 128), (131, 97), (64, 64))


@dataclass(frozen=True)
class Difference:
    """Largest and mean difference over pixels, in units of 1 (the whole range), of an ``engine`` to PyTorch in fp32."""

    engine: str
    worst: float
    mean: float


def photos(count: int = 6, size: tuple[int, int] = (384, 512)) -> list[Pixels]:
    """Photographs from scikit-image, in 8 bits and at ``size``, whole and in parts."""
    from PIL import Image
    from skimage.data import astronaut, chelsea, coffee

    found = []
    for number in range(count):
        picture = Image.fromarray((astronaut, chelsea, coffee)[number % 3]())  # type: ignore[no-untyped-call]
        if number >= 3:  # a half: things are larger in it
            picture = picture.crop((picture.width // 4, picture.height // 4, picture.width * 3 // 4, picture.height * 3 // 4))
        found.append(np.asarray(picture.convert("RGB").resize(size[::-1], Image.Resampling.LANCZOS)))
    return found


def difference(network: StyleNetwork, path: str | Path, engine: str = "auto", precision: str = "fp32") -> Difference:
    """What the file makes of photographs of several sizes, beside ``network``: redrawn in several styles and mixes.

    Of a reader's graph: the rows, in units of the deviation of the known ones.
    """
    runtime, network = Runtime(path, engine, precision=precision), network.to("cpu")
    found = []
    for number, photo in enumerate(p for size in SIZES for p in photos(2, size)):
        array = photo if runtime.pixels == "bytes" else (photo / np.float32(255)).astype(np.float32)
        pixels = torch.from_numpy(photo.copy()).permute(2, 0, 1)[None].float() / 255
        if runtime.graph == "reader":
            assert network.reader is not None
            apart = runtime.read(array) - network.reader.read(pixels).numpy()
            found.append(np.abs(apart) / max(float(network.rows.std(0).mean()) if len(network.rows) > 1 else 1.0, 1e-6))
            continue
        names = [network.names[(number + i) % len(network.names)] for i in range(1 + number % 2)]
        made = runtime(array, network.row(names).numpy() if runtime.graph == "painter" else names).astype(np.float32)
        wanted = network.pixels(pixels, names)[0].permute(1, 2, 0).numpy()
        found.append(np.abs(made / (255 if runtime.pixels == "bytes" else 1) - wanted).ravel())
    every = np.concatenate(found)
    return Difference(runtime.engine, float(every.max()), float(every.mean()))

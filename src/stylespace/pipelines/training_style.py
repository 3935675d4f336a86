"""One style to train on, from many references: the average of their blends for a sample of the photos."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from stylespace.encoders.encoder import Encoder
from stylespace.pictures.finding import find_pictures
from stylespace.pictures.reading import read
from stylespace.pipelines.sources import is_query, references_of
from stylespace.styles.space import StyleSpace, distinct
from stylespace.training.photos import Photos
from stylespace.training.trainer import TrainingStyle

SAMPLE = 8  # photos that references are blended for
LEAST = 0.01  # a smaller weight is left out


def gathered(
    name: str, source: str, photos: Photos, encoder: Encoder, *, size: int = 320, side: int = 256, note: Callable[[str], None] | None = None
) -> TrainingStyle:  # fmt: skip
    """The style called ``name`` of ``source``: a picture, a folder of references, or a library query (``library:tag=ukiyo-e``).

    Many references become one style by the weights that :class:`~stylespace.styles.space.StyleSpace` finds for each of a sample of
    ``photos``, on average; pictures that cannot be read are skipped. ``size``: long side in pixels at which references are
    seen; ``side``: of the photos' crops. Raises ``PictureError`` and ``InputError``.
    """
    if not is_query(source) and not Path(source).is_dir():
        return TrainingStyle(name, read(Path(source)).pixels, {"file": Path(source).name})
    count = min(SAMPLE, len(photos))
    sample = photos.crops([i * len(photos) // count for i in range(count)], side, torch.Generator().manual_seed(0))
    crops = [sample[i : i + 1] for i in range(count)]
    layers = {layer: 1.0 for layer in encoder.layers if layer.endswith("_1")}
    sources = _sources(source, crops, layers)
    space = StyleSpace.fit(sources, encoder=encoder, layers=layers, size=size)
    if note:
        for reason in space.failures.values():
            note(f"Skipped: {reason}")
    shares = torch.zeros(len(space), dtype=torch.float64)
    for crop in crops:
        blend = space.blend(crop)
        shares += torch.tensor([blend.weight(i) for i in range(len(space))], dtype=torch.float64)
    shares /= shares.sum()
    kept = [int(i) for i in shares.argsort(descending=True) if shares[i] >= LEAST]
    references = [(read(space.sources[i]).pixels, float(shares[i])) for i in kept]
    names = distinct([Path(space.names[i]).name for i in kept])  # of several folders two may have one name
    about: dict[str, Any] = {
        "references": {name: round(float(shares[i]), 4) for name, i in zip(names, kept, strict=True)},
        "of": len(space),
    }
    if note:
        note(f"{name}: {len(kept)} of {len(space)} references make up the style.")
    return TrainingStyle(name, references[0][0], about, references)


def _sources(source: str, crops: Sequence[Tensor], layers: dict[str, float]) -> list[Path]:
    if not is_query(source):
        return list(find_pictures([source]))
    found: dict[Path, None] = {}
    for crop in crops:
        found |= dict.fromkeys(references_of(source, crop, layers, None))
    return list(found)

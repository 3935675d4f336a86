"""Parts of a style and their pictures: found by clustering the references, found again in a photo, each redrawn in its own style.

Automatic segmentation for style transfer (Penhouet & Sanzenbacher 2017) groups similar classes and merges those without a partner; here
classes are clusters of encoder features over all references, so they need no training.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from stylespace.encoders.encoder import Encoder
from stylespace.encoders.identity import identity
from stylespace.errors import InputError
from stylespace.pictures.resizing import fit, resize
from stylespace.statistics import clusters
from stylespace.storage.tensors import read_tensors, write_tensors

SIDE = 512  # long side at which parts are searched
_FORMAT = "stylespace-regions-1"


@dataclass(frozen=True)
class Regions:
    """``centres`` (N, D) of the parts; ``pictures``: the file of each part's style picture, None where no reference has the part.

    ``encoder``: the identity (name and checksum) of the network whose features they are.
    """

    centres: Tensor
    pictures: tuple[Path | None, ...]
    encoder: Mapping[str, str]

    def maps(self, picture: Tensor, network: Encoder) -> Tensor:
        """Where each part is on ``picture`` (1, 3, H, W; sRGB in [0, 1]): (N, 1, h, w) in {0, 1}.

        Parts without a style picture, and parts of less than 2 %, are merged into the nearest other part.
        """
        sign = look(picture, network)
        known = [i for i, path in enumerate(self.pictures) if path is not None]
        found = clusters.parts(sign, self.centres, among=known)
        return clusters.parts(sign, self.centres, among=[i for i in clusters.present(found) if i in known])

    def save(self, path: str | Path) -> Path:
        """Write centres and the pictures' names, relative to the file, as safetensors."""
        names = [None if p is None else p.name for p in self.pictures]
        about = {"format": _FORMAT, "encoder": dict(self.encoder), "pictures": names}
        return write_tensors(path, {"centres": self.centres}, about)

    @classmethod
    def load(cls, path: str | Path) -> Regions:
        """Read what :meth:`save` wrote; pictures are expected beside the file. Raises ``InputError`` when something is missing."""
        place = Path(path)
        try:
            about, tensors = read_tensors(place)
        except ValueError as error:
            raise InputError(
                f"{path} cannot be read as style regions ({error}): give one that 'stylespace learn-style --regions' wrote."
            ) from error
        names, centres, encoder = about.get("pictures"), tensors.get("centres"), about.get("encoder")
        foreign = f"{path} is not a file of style regions: give one that 'stylespace learn-style --regions' wrote."
        if about.get("format") != _FORMAT or not isinstance(names, list) or centres is None:
            raise InputError(foreign)
        if centres.ndim != 2 or len(centres) != len(names) or not all(isinstance(name, str | None) for name in names):
            raise InputError(foreign)
        pictures = tuple(None if name is None else place.parent / name for name in names)
        for picture in pictures:
            if picture is not None and not picture.is_file():
                raise InputError(f"{picture}, a style picture of {path}, is missing: put it beside {place.name}.")
        return cls(centres, pictures, identity(encoder))


def look(picture: Tensor, network: Encoder) -> Tensor:
    """The signature (1, D, h, w) of ``picture`` (1, 3, H, W), at a long side of 512 pixels at most."""
    device = next(network.parameters()).device
    small = resize(picture.to(device), fit(picture.shape[-2:], min(SIDE, max(picture.shape[-2:]))))
    with torch.no_grad():
        return clusters.signature(network(small, list(clusters.LAYERS))).cpu()


def of_masks(signs: Sequence[Tensor], masks: Sequence[Tensor | None]) -> Tensor:
    """Centres (2, D) of the masked parts and of the rest, as means over all references that have a mask (1, 1, h, w)."""
    sums: list[list[Tensor]] = [[], []]
    for sign, mask in zip(signs, masks, strict=True):
        if mask is None:
            continue
        at = resize(mask, (sign.shape[2], sign.shape[3])).clamp(0, 1)
        for part, weight in enumerate((at, 1 - at)):
            if float(weight.sum()) > 0:
                sums[part].append((sign * weight).sum((0, 2, 3)) / weight.sum())
    if not all(sums):
        raise InputError("The masks are white or black everywhere: paint white what should be learned, black the rest.")
    return torch.stack([torch.stack(part).mean(0) for part in sums])

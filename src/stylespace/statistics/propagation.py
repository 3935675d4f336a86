"""A painted frame carried over to another frame: patches of the painting, guided by colours, places and what was painted before.

The guides are those of Jamriska et al. 2019, "Stylizing Video by Example" (doi:10.1145/3306346.3323006), without that of edges; the search
is :mod:`stylespace.statistics.patchmatch`, coarse to fine, so the same pixels at any number of threads.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from stylespace.errors import InputError
from stylespace.pictures.atlas import to_bytes
from stylespace.pictures.resizing import fit, resize
from stylespace.statistics import patchmatch
from stylespace.statistics.patchmatch import Bytes, Criteria, NearestField

PARTS = 256  # weights are whole numbers of these parts


@dataclass(frozen=True)
class Guidance:
    """How much a difference of each kind counts beside the same difference of the painting's own colours.

    ``colours``: of the frames. ``places``: of where things are, or were by the flow; 255 steps along the long side. ``before``: of the
    frame painted before. ``patch``: side of patches. ``rounds``, ``steps``: of the search, and how often at each size. ``smallest``: long
    side of the first size. ``uniformity``: as in :class:`~stylespace.statistics.patchmatch.Criteria`.
    """

    colours: float = 2.0
    places: float = 2.0
    before: float = 0.5
    patch: int = 5
    rounds: int = 4
    steps: int = 2
    smallest: int = 64
    uniformity: float = 0.0


def propagate(
    painted: Tensor,
    key: Tensor,
    frame: Tensor,
    *,
    places: Tensor | None = None,
    before: Tensor | None = None,
    guidance: Guidance | None = None,
    seed: int = 0,
    threads: int = 1,
) -> Tensor:
    """``frame`` as ``key`` was painted: (1, 3, H, W) in [0, 1]. All pictures are sRGB in [0, 1].

    ``painted``, ``key``: (1, 3, h, w), the key frame painted and as it was; ``frame``: (1, 3, H, W). ``places``: (1, 2, H, W), where in the
    key frame each pixel of ``frame`` was, right and down in pixels (its own place plus the flow to the key frame); None: where it is now.
    ``before``: (1, 3, H, W), the frame painted before, already moved to this one. Raises ``InputError`` for sizes that differ,
    ``MissingExtraError`` without numba.
    """
    patchmatch.compiled()
    guidance = guidance or Guidance()
    _checked(painted, key, frame, places, before)
    if places is None:
        places = _own_places(frame, key)
    found: NDArray[np.int32] | None = None
    last = (1, 1)
    made: Bytes = np.zeros((1, 1, 3), np.uint8)
    for number, long in enumerate(_sizes(max(frame.shape[-2:]), guidance.smallest)):
        share = long / max(frame.shape[-2:])
        size = fit(frame.shape[-2:], long)
        there = fit(key.shape[-2:], max(round(share * max(key.shape[-2:])), guidance.patch))
        colours = _bytes(resize(painted, there))
        source = [_bytes(resize(key, there)), _places_of(there)]
        target = [_bytes(resize(frame, size)), _quantised(resize(places, size, clamp=False), key)]
        weights = [guidance.colours] * 3 + [guidance.places] * 2
        if before is not None:
            source.append(colours)
            target.append(_bytes(resize(before, size)))
            weights += [guidance.before] * 3
        guides = np.ascontiguousarray(np.concatenate(target, 2))
        both = np.ascontiguousarray(np.concatenate([colours, *source], 2))
        criteria = Criteria(guidance.patch, (PARTS, *(PARTS,) * 2, *(round(PARTS * w) for w in weights)), guidance.uniformity)
        allowed = patchmatch.middles(np.zeros(there, np.int64), guidance.patch)
        if found is None:
            found = _start(resize(places, size, clamp=False), key, there, allowed)
        else:
            found = patchmatch.enlarged(found, size, last, allowed)
        last = (allowed.shape[0], allowed.shape[1])
        made = patchmatch.vote(colours, NearestField(found, np.zeros(found.shape[:2], np.int64)), guidance.patch, threads)
        for step in range(guidance.steps):
            now = np.ascontiguousarray(np.concatenate([made, guides], 2))
            turn = seed + 7919 * number + step
            field = patchmatch.search(now, both, found, allowed, criteria, guidance.rounds, turn, threads)
            found, made = field.places, patchmatch.vote(colours, field, guidance.patch, threads)
    return torch.from_numpy(made).permute(2, 0, 1)[None].to(frame) / 255


def _checked(painted: Tensor, key: Tensor, frame: Tensor, places: Tensor | None, before: Tensor | None) -> None:
    pairs = [("painted key frame", painted, "the key frame", key)]
    pairs += [] if places is None else [("map of places", places, "the frame", frame)]
    pairs += [] if before is None else [("frame painted before", before, "the frame", frame)]
    for name, picture, of, wanted in pairs:
        if picture.shape[-2:] != wanted.shape[-2:]:
            high, wide = wanted.shape[-2:]
            raise InputError(
                f"The {name} has {picture.shape[-1]} x {picture.shape[-2]} pixels, {of} {wide} x {high}: resize one."
            )


def _sizes(long: int, smallest: int) -> list[int]:
    """Long sides, the least first, each half the next."""
    found = [long]
    while found[0] // 2 >= smallest:
        found.insert(0, found[0] // 2)
    return found


def _bytes(picture: Tensor) -> Bytes:
    return np.ascontiguousarray(to_bytes(picture[0].cpu()).transpose(1, 2, 0))


def _own_places(frame: Tensor, key: Tensor) -> Tensor:
    """(1, 2, H, W): the place in the key frame that lies where each pixel of the frame does."""
    (high, wide), (h, w) = frame.shape[-2:], key.shape[-2:]
    down, right = ((torch.arange(n) + 0.5) * (m / n) - 0.5 for n, m in ((high, h), (wide, w)))
    return torch.stack([right.expand(high, wide), down[:, None].expand(high, wide)])[None]


def _quantised(places: Tensor, key: Tensor) -> Bytes:
    """Places in the key frame as bytes (H, W, 2), 255 steps along its long side; those outside are at its border."""
    unit = 255 / max(max(key.shape[-2:]) - 1, 1)
    edges = [key.shape[-1] - 1, key.shape[-2] - 1]
    found = [places[0, k].cpu().clamp(0, edges[k]) * unit for k in range(2)]
    return torch.stack(found, 2).round().to(torch.uint8).numpy()


def _places_of(size: tuple[int, int]) -> Bytes:
    """The same of the pixels of a key frame of ``size`` (h, w) themselves."""
    like = torch.empty(1, 3, *size)
    return _quantised(_own_places(like, like), like)


def _start(places: Tensor, key: Tensor, there: tuple[int, int], allowed: NDArray[np.bool_]) -> NDArray[np.int32]:
    """Each pixel's place by the flow, in a key frame of the size ``there``, moved to where patches may be."""
    from scipy.ndimage import distance_transform_edt

    shares = [there[1] / key.shape[-1], there[0] / key.shape[-2]]
    right, down = (
        ((places[0, k].cpu() + 0.5) * shares[k] - 0.5).round().long().clamp(0, there[1 - k] - 1).numpy() for k in range(2)
    )
    nearest = distance_transform_edt(~allowed, return_distances=False, return_indices=True)
    return np.stack([nearest[0][down, right], nearest[1][down, right]], -1).astype(np.int32)

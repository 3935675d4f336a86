"""A painted key frame, carried to the frames beside it, one after another.

Patches of the painting are laid where they fit by guides: Jamriška et al. 2019, "Stylizing Video by Example",
doi:10.1145/3306346.3323006, section 3. The guides are colours and edges of the photo, positions in the key frame that optical flow has
carried along, and the result before, warped. Our choice: positions are corrected by the key frame itself, so that flow adds up no errors;
where the key frame looks like the photo there, the painting is sampled between its pixels, so that it glides, and patches are looked for
only elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from stylespace.film.frame import Pixels, as_tensor, at_depth
from stylespace.statistics import patchmatch
from stylespace.statistics.patchmatch import Criteria, NearestField
from stylespace.statistics.propagation import Guidance, propagate
from stylespace.video.extra import opencv
from stylespace.video.flow import Estimator, outside, warped
from stylespace.video.stable import HOW, sharpened

SIDE = 5  # of patches, pixels
STYLE, TEMPORAL, COLOUR, EDGE, PLACE = 2, 2, 4, 4, 12  # what a channel of each guide counts (our choice, looked at)
ROUNDS, TURNS = 2, 2  # of the search by guides alone, and with the picture that the patches make
DOUBT = 12.0  # grey levels by which photo and key frame differ where a place is wrong
TORN = 0.7  # pixels by which neighbours' places are further apart than neighbours
LARGE = 24  # share of the long side: what fades from one key frame to the other
FLOOR = 6.0  # grey levels: errors below are alike


@dataclass(frozen=True)
class Carried:
    """``pixels`` (H, W, 3) float32 in [0, 1]; ``errors`` (H, W) float32: how far the patches are from fitting, in grey levels."""

    pixels: Pixels
    errors: Pixels

    @property
    def trust(self) -> Pixels:
        """Where it can be relied on, (H, W) in [0, 1]."""
        made: Pixels = np.exp(-np.square(self.errors / (2 * DOUBT))).astype(np.float32)
        return made


class Carrier:
    """Carries ``painted`` (H, W, 3; float32 in [0, 1]), made of the frame ``photo`` (H, W, 3), to the frames that :meth:`next` is told.

    Raises ``MissingExtraError`` without OpenCV or numba.
    """

    def __init__(self, photo: Pixels, painted: Pixels, steady: str = "fast", workers: int = 1) -> None:
        patchmatch.compiled()
        self.size = (photo.shape[0], photo.shape[1])
        self.side = min(SIDE, (min(self.size) - 1) // 2 * 2 + 1)
        self.photo, self.painted, self.workers = _eight(photo), painted.astype(np.float32), workers
        style = _bytes(self.painted)
        self._there = np.ascontiguousarray(np.concatenate([style, style, _guides(self.photo), _places(_identity(self.size))], 2))
        self._style = np.ascontiguousarray(style)
        self._allowed = patchmatch.middles(np.zeros(self.size, np.int64), self.side)
        how = HOW[steady]
        self.flow = Estimator(how.long_side, how.preset)
        self.flow.next(self.photo)
        self._refine = opencv().DISOpticalFlow_create(how.preset)
        self.places = _identity(self.size)  # where in the key frame each pixel comes from, right and down
        self.last = self.painted
        self.number = 0

    def next(self, photo: Pixels) -> Carried:
        """The painting as it is on the next frame, ``photo`` (H, W, 3), of the key frame's size."""
        self.number += 1
        eight = _eight(photo)
        match = self.flow.next(eight)
        if match is None:  # too small for flow
            made = recoloured(as_tensor(self.photo), _tensor(self.painted), as_tensor(eight), self.workers)
            return Carried(made[0].permute(1, 2, 0).numpy(), np.zeros(self.size, np.float32))
        places = self._corrected(warped(self.places, match.flow), eight)
        settled = self._settled(places, eight)
        flowed = _at(self.painted, places, sharp=True).clip(0, 1)
        before = warped(self.last, match.flow, sharp=True).clip(0, 1)
        guides = np.concatenate([_guides(eight), _places(places)], 2)
        weights = (*[STYLE] * 3, *[TEMPORAL] * 3, *[COLOUR] * 3, EDGE, PLACE, PLACE)
        field = self._search(guides, self._within(places), weights, flowed, settled, before, match.trust)
        self.places = np.where(settled[..., None], places, field.places[..., ::-1].astype(np.float32))
        return self._carried(field, sum(weights), flowed, settled)

    def _corrected(self, places: Pixels, photo: Pixels) -> Pixels:
        """``places`` moved to where the key frame looks more like ``photo``."""
        cv2 = opencv()
        high, wide = self.size
        scale = min(1.0, self.flow.long_side / max(self.size))
        small = (max(1, round(wide * scale)), max(1, round(high * scale)))
        if min(small) < 16:
            return places
        seen, met = (
            cv2.resize(cv2.cvtColor(each, cv2.COLOR_RGB2GRAY), small, interpolation=cv2.INTER_AREA)
            for each in (photo, _at(self.photo, places))
        )
        flow = self._refine.calc(seen, met, np.zeros((small[1], small[0], 2), np.float32))
        flow = cv2.resize(flow, (wide, high), interpolation=cv2.INTER_LINEAR) / np.float32(scale)
        moved = warped(places, flow)
        nearer = self._differs(moved, photo) < self._differs(places, photo)
        share = cv2.blur(nearer.astype(np.float32), (9, 9))[..., None]
        made: Pixels = places + share * (moved - places)
        return made

    def _differs(self, places: Pixels, photo: Pixels) -> Pixels:
        """How far the key frame at ``places`` is from ``photo``, in grey levels, around each pixel."""
        cv2 = opencv()
        apart = cv2.absdiff(photo, _at(self.photo, places)).astype(np.float32).mean(2)
        made: Pixels = cv2.blur(apart, (7, 7))
        return made

    def _settled(self, places: Pixels, photo: Pixels) -> Pixels:
        """Where ``places`` hold, (H, W) bool: within the key frame, which looks like ``photo`` there, and not torn apart."""
        cv2 = opencv()
        flow = places - _identity(self.size)
        torn = sum(np.abs(np.gradient(flow, axis=axis)).max(2) for axis in (0, 1)) > TORN
        held = (self._differs(places, photo) < DOUBT) & ~outside(flow)
        made: Pixels = (cv2.blur(held.astype(np.float32), (5, 5)) > 0.5) & (
            cv2.dilate(torn.astype(np.uint8), np.ones((3, 3))) == 0
        )
        return made

    def _search(
        self, guides: Pixels, start: Pixels, weights: tuple[int, ...], made: Pixels, settled: Pixels, before: Pixels, trust: Pixels
    ) -> NearestField:  # fmt: skip
        """Patches for all that is not ``settled`` (there ``made`` is it already): first by ``guides`` alone, then with what they make."""
        seed, count = self.number * 7919, guides.shape[2]
        here, there = (np.ascontiguousarray(each) for each in (guides, self._there[..., -count:]))
        guided = Criteria(self.side, weights[-count:])
        field = patchmatch.search(here, there, start, self._allowed, guided, ROUNDS, seed, self.workers, settled)
        criteria = Criteria(self.side, weights)
        for turn in range(TURNS):
            painted = self._voted(field, made, settled)
            guess = painted + trust[..., None] * (before - painted)
            now = np.concatenate([_bytes(painted), _bytes(guess), here], 2)
            field = patchmatch.search(
                now, self._there, field.places, self._allowed, criteria, 1, seed + turn + 1, self.workers, settled
            )
        return field

    def _voted(self, field: NearestField, made: Pixels, settled: Pixels) -> Pixels:
        """What the patches make, (H, W, 3) in [0, 1]; ``made`` where it is ``settled``."""
        voted = patchmatch.vote(self._style, field, self.side, self.workers, settled) / np.float32(255)
        return np.where(settled[..., None], made, voted)

    def _carried(self, field: NearestField, weights: int, made: Pixels, settled: Pixels) -> Carried:
        """The frame, which the next one starts from."""
        self.last = self._voted(field, made, settled).astype(np.float32)
        return Carried(self.last, np.sqrt(field.errors / (self.side**2 * weights)).astype(np.float32))

    def _within(self, places: Pixels) -> Pixels:
        """The nearest middles of patches, down and right."""
        reach = self.side // 2
        last = np.array([self.size[1] - 1 - reach, self.size[0] - 1 - reach])
        made: Pixels = np.rint(places).clip(reach, np.maximum(last, reach)).astype(np.int32)[..., ::-1]
        return np.ascontiguousarray(made)

    def state(self) -> dict[str, Tensor]:
        """What the next frame depends on, the key frame aside."""
        own = {"last": torch.from_numpy(self.last), "number": torch.tensor(self.number), "places": torch.from_numpy(self.places)}
        return own | self.flow.state()

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Go on where :meth:`state` was taken."""
        self.last, self.places, self.number = state["last"].numpy(), state["places"].numpy(), int(state["number"])
        self.flow.restore(state)


def recoloured(key: Tensor, painted: Tensor, frame: Tensor, workers: int = 1) -> Tensor:
    """``frame`` as ``key`` was ``painted``, by colours alone: of another shot; (1, 3, H, W) in [0, 1]."""
    return propagate(
        painted, key, frame, guidance=Guidance(colours=6.0, places=0.0, patch=min(SIDE, *_odd(key))), threads=workers
    )


def joined(one: Carried, other: Carried, share: float) -> Pixels:
    """A frame to which two key frames were carried. ``share``: from 0, at the frame of ``one``, to 1, at that of ``other``.

    Colours of large areas fade from one to the other; detail is taken from where patches fit better, so that it is no mean of two textures.
    """
    cv2 = opencv()
    fits = [(1 - share) / _doubt(one), share / _doubt(other)]
    large = cv2.GaussianBlur(fits[1] / (fits[0] + fits[1]), (0, 0), 4.0)
    strong = [np.square(np.square(fit)) for fit in fits]
    small = cv2.GaussianBlur(strong[1] / np.maximum(strong[0] + strong[1], 1e-30), (0, 0), 2.0)
    coarse = [cv2.GaussianBlur(each.pixels, (0, 0), max(one.errors.shape) / LARGE) for each in (one, other)]
    made = coarse[0] + large[..., None] * (coarse[1] - coarse[0])
    fine = [each.pixels - rest for each, rest in zip((one, other), coarse, strict=True)]
    made += fine[0] + small[..., None] * (fine[1] - fine[0])
    like = np.where(small[..., None] > 0.5, other.pixels, one.pixels)
    found: Pixels = sharpened(made.astype(np.float32), like).clip(0, 1)
    return found


def _doubt(carried: Carried) -> Pixels:
    made: Pixels = np.square(opencv().GaussianBlur(carried.errors, (0, 0), 3.0)) + np.float32(FLOOR**2)
    return made


def _guides(photo: Pixels) -> Pixels:
    """Colours and edges, (H, W, 4)."""
    cv2 = opencv()
    grey = cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY).astype(np.float32)
    edges = 128 + 2 * (grey - cv2.GaussianBlur(grey, (0, 0), 3.0))
    return np.concatenate([photo, edges.clip(0, 255).astype(np.uint8)[..., None]], 2)


def _identity(size: tuple[int, int]) -> Pixels:
    down, right = np.mgrid[: size[0], : size[1]].astype(np.float32)
    return np.stack([right, down], 2)


def _places(places: Pixels) -> Pixels:
    """Places as bytes."""
    made: Pixels = (places * (255 / max(places.shape[:2]))).clip(0, 255).astype(np.uint8)
    return made


def _at(picture: Pixels, places: Pixels, *, sharp: bool = False) -> Pixels:
    """``picture`` at ``places`` (right, down)."""
    return warped(picture, places - _identity((places.shape[0], places.shape[1])), sharp=sharp)


def _odd(picture: Tensor) -> tuple[int, int]:
    """The largest odd numbers within its sides."""
    high, wide = picture.shape[-2:]
    return (high - 1) // 2 * 2 + 1, (wide - 1) // 2 * 2 + 1


def _tensor(rows: Pixels) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(rows.transpose(2, 0, 1)))[None]


def _eight(photo: Pixels) -> Pixels:
    return np.ascontiguousarray(at_depth(photo[..., :3], 8))


def _bytes(pixels: Pixels) -> Pixels:
    made: Pixels = (pixels.clip(0, 1) * 255 + 0.5).astype(np.uint8)
    return made

"""Optical flow between two frames, and where it can be trusted.

Flow by dense inverse search (Kroeger et al. 2016, "Fast Optical Flow using Dense Inverse Search"), in OpenCV. What can be trusted by Ruder,
Dosovitskiy & Brox 2016, "Artistic Style Transfer for Videos", section 4.3.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from stylespace.film.frame import Pixels
from stylespace.video.extra import opencv

Flow = np.ndarray[Any, np.dtype[np.float32]]  # (H, W, 2): to the right, down, in pixels


def inconsistent(flow: Flow, back: Flow) -> Pixels:
    """Where ``flow`` from one frame into another does not come back by ``back``, the other's flow: (H, W) bool.

    Equation 5: |w~ + w^|^2 > .01 (|w~|^2 + |w^|^2) + .5, with w~ the flow that is met where w^ leads; and whatever leaves the frame.
    """
    met = warped(back, flow)
    wrong: Pixels = (_square(met + flow) >= 0.01 * (_square(met) + _square(flow)) + 0.5) | outside(flow)
    return wrong


def boundary(flow: Flow) -> Pixels:
    """Where motions meet, (H, W) bool. Equation 6: |grad u|^2 + |grad v|^2 > .01 |w|^2 + .002."""
    down, right = np.gradient(flow, axis=(0, 1)) if min(flow.shape[:2]) > 1 else (flow * 0, flow * 0)
    there: Pixels = _square(down) + _square(right) > 0.01 * _square(flow) + 0.002
    return there


def _square(flow: Any) -> Any:
    return flow[..., 0] * flow[..., 0] + flow[..., 1] * flow[..., 1]


def outside(flow: Flow) -> Pixels:
    """Where flow leads out of the frame, (H, W) bool."""
    high, wide = flow.shape[:2]
    x = np.arange(wide, dtype=np.float32)[None] + flow[..., 0]
    y = np.arange(high, dtype=np.float32)[:, None] + flow[..., 1]
    return (x < 0) | (y < 0) | (x > wide - 1) | (y > high - 1)


def warped(picture: Pixels, flow: Flow, *, sharp: bool = False) -> Pixels:
    """``picture`` (H, W, C) as it is met along ``flow``: at each position what lies where the flow leads.

    ``sharp``: by cubic interpolation, else linear.
    """
    cv2 = opencv()
    high, wide = flow.shape[:2]
    right = np.arange(wide, dtype=np.float32)[None] + flow[..., 0]
    down = np.arange(high, dtype=np.float32)[:, None] + flow[..., 1]
    how = cv2.INTER_CUBIC if sharp else cv2.INTER_LINEAR
    made: Pixels = cv2.remap(picture, right, down, how, borderMode=cv2.BORDER_REPLICATE)
    return made.reshape(*flow.shape[:2], *picture.shape[2:])


@dataclass(frozen=True)
class Match:
    """``flow``: from this frame into the one before; ``trust``: where it holds, (H, W) float32 in [0, 1]."""

    flow: Flow
    trust: Pixels


class Estimator:
    """Flow from each frame into the one before, both started from the flow before. ``long_side``: frames are looked at in this size.

    ``preset``: OpenCV's, from 0 (ultrafast) to 2 (medium).
    """

    def __init__(self, long_side: int = 480, preset: int = 1) -> None:
        cv2 = opencv()
        self.long_side, self.preset = long_side, preset
        self._dis = [cv2.DISOpticalFlow_create(preset) for _ in range(2)]
        self.last: Pixels | None = None  # grey, small
        self.flows: tuple[Flow, Flow] | None = None

    def state(self) -> dict[str, Tensor]:
        """What the next frame's flow depends on."""
        held = {} if self.last is None else {"grey": torch.from_numpy(self.last)}
        if self.flows is not None:
            held |= {"back": torch.from_numpy(self.flows[0]), "on": torch.from_numpy(self.flows[1])}
        return held

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Go on where :meth:`state` was taken."""
        held = {name: tensor.numpy() for name, tensor in state.items()}
        self.last = held.get("grey")
        self.flows = (held["back"], held["on"]) if "back" in held else None

    def next(self, pixels: Pixels) -> Match | None:
        """Into the frame before; None of the first one, and of one too small to be looked at."""
        cv2 = opencv()
        high, wide = pixels.shape[:2]
        scale = min(1.0, self.long_side / max(high, wide))
        eight = pixels[..., :3] if pixels.dtype == np.uint8 else (pixels[..., :3] >> 8).astype(np.uint8)
        grey = cv2.cvtColor(np.ascontiguousarray(eight), cv2.COLOR_RGB2GRAY)
        small = cv2.resize(grey, (max(1, round(wide * scale)), max(1, round(high * scale))), interpolation=cv2.INTER_AREA)
        last, self.last = self.last, small
        if last is None or last.shape != small.shape or min(small.shape) < 16:
            self.flows = None
            return None
        # Where things went on they will go on: the flow before is a good guess, as it is. Without one none: OpenCV's object remembers
        # the guess of an earlier call, which may be of another shot.
        guesses = self.flows or (np.zeros((*small.shape, 2), np.float32),) * 2
        back = self._dis[0].calc(small, last, guesses[0].copy())
        on = self._dis[1].calc(last, small, guesses[1].copy())
        self.flows = (back, on)
        wrong = (inconsistent(back, on) | boundary(back)).astype(np.float32)
        seen, before = small.astype(np.float32), warped(last.astype(np.float32)[..., None], back)[..., 0]
        # Light that changed: flow holds, but the frame before is no witness.
        alike = np.exp(-np.square(cv2.blur(seen - before, (5, 5)) / 12))
        trust = (1 - cv2.dilate(wrong, np.ones((3, 3), np.uint8))) * alike
        trust = cv2.blur(trust.astype(np.float32), (3, 3))
        if scale < 1:
            factor = np.array([wide / small.shape[1], high / small.shape[0]], np.float32)
            back = cv2.resize(back, (wide, high), interpolation=cv2.INTER_LINEAR) * factor
            trust = cv2.resize(trust, (wide, high), interpolation=cv2.INTER_LINEAR)
        return Match(back, trust)

    def restart(self) -> None:
        """The next frame is the first of another shot."""
        self.last = self.flows = None

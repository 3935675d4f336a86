"""What redraws the frames of a film one after another: a network, or a method that optimises."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from stylespace.film.frame import Frame, Pixels, as_pixels, as_tensor
from stylespace.networks.fast import Fast
from stylespace.networks.finishing import check, finished
from stylespace.networks.moments import Moments, Running, fixed, measured
from stylespace.networks.style_network import StyleNetwork
from stylespace.pictures.affine import apply_affine
from stylespace.pictures.resizing import resize
from stylespace.pipelines.track import Mixes
from stylespace.video.sharing import Sharing
from stylespace.video.shots import Cuts
from stylespace.video.stable import Steadier

CHANGING, HOLD = 0.2, 0.8  # while styles change, or have until so many seconds ago, less is kept of the frame before


Held = tuple[Tensor, Tensor]  # an earlier result (1, 3, H, W), and where it holds (1, 1, H, W)


class Painter(ABC):
    """Redraws frames in the order of time. ``size`` (h, w) of its results. ``steadier``: holds them still by flow; None: nothing does."""

    def __init__(self, size: tuple[int, int], colour: str, strength: float, steadier: Steadier | None) -> None:
        check(colour, strength)
        self.size, self.colour, self.strength, self.steadier = size, colour, strength, steadier
        self.cuts = Cuts()

    def next(self, frame: Frame, seconds: float, number: int, bits: int = 8) -> Pixels:
        """The ``number``-th frame, redrawn, with its transparency."""
        photo = scaled(frame.pixels, self.size)
        content = as_tensor(photo[..., :3])
        if self.cuts.next(photo):
            self.cut()
        made = self.paint(photo, content, seconds, number)
        made = finished(made, content, self.colour, self.strength)
        return as_pixels(made, bits, photo[..., 3:] if photo.shape[2] == 4 else None)

    @abstractmethod
    def alone(self, content: Tensor, seconds: float, held: Held | None) -> Tensor:
        """The frame ``given`` (1, 3, H, W), redrawn by itself. ``held``: what an earlier one looks like there, and where it holds."""

    @abstractmethod
    def paint(self, photo: Pixels, content: Tensor, seconds: float, number: int) -> Tensor:
        """A frame, as pixels and as a tensor, redrawn: (1, 3, H, W)."""

    def cut(self) -> None:
        """A shot begins."""
        if self.steadier is not None:
            self.steadier.cut()

    def state(self) -> dict[str, Tensor]:
        """What the next frame depends on; nothing of it changes later."""
        held = {f"cuts {name}": tensor for name, tensor in self.cuts.state().items()}
        return held | ({} if self.steadier is None else self.steadier.state())

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Go on where :meth:`state` was taken."""
        self.cuts.restore({name[5:]: tensor for name, tensor in state.items() if name.startswith("cuts ")})
        if self.steadier is not None:
            self.steadier.restore({name: tensor for name, tensor in state.items() if not name.startswith("cuts ")})


def scaled(pixels: Pixels, size: tuple[int, int]) -> Pixels:
    """A frame at ``size`` (h, w)."""
    if pixels.shape[:2] == size:
        return pixels
    return as_pixels(resize(as_tensor(pixels[..., :3]), size), 16 if pixels.dtype == np.uint16 else 8, _alpha(pixels, size))


def _alpha(pixels: Pixels, size: tuple[int, int]) -> Pixels | None:
    if pixels.shape[2] < 4:
        return None
    alpha = resize(as_tensor(pixels[..., 3:]), size)[0, 0].numpy()[..., None]
    return (alpha * (65535 if pixels.dtype == np.uint16 else 255) + 0.5).astype(pixels.dtype)


class NetworkPainter(Painter):
    """Redraws by a network. ``sharing``: statistics of the film's shots; ``running``: averages of the frames so far instead."""

    def __init__(
        self, network: StyleNetwork, track: Mixes, size: tuple[int, int], colour: str = "style", strength: float = 1.0,
        steadier: Steadier | None = None, running: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(size, colour, strength, steadier)
        body = network.body.folded() if isinstance(network.body, Fast) else network.body
        self.network, self.track = replace(network, body=body), track
        self.sharing: Sharing | None = None
        self.running = Running() if running else None

    def alone(self, content: Tensor, seconds: float, held: Held | None) -> Tensor:
        """See :meth:`Painter.alone`."""
        return self.network.pixels(content.to(self.network.device), self.track.at(seconds)).cpu()

    def paint(self, photo: Pixels, content: Tensor, seconds: float, number: int) -> Tensor:
        """See :meth:`Painter.paint`."""
        pixels, mix = content.to(self.network.device), self.track.at(seconds)
        if self.running is not None:
            with self.running.next():
                made = self.network.pixels(pixels, mix).cpu()
        else:
            with fixed(None if self.sharing is None else self.sharing.at(number)):
                made = self.network.pixels(pixels, mix).cpu()
        if self.steadier is None:
            return made
        changing = self.track.changes and mix != self.track.at(seconds - CHANGING)
        return self.steadier.next(photo, made, HOLD if changing else 1.0)

    def measure(self, frame: Frame, seconds: float) -> Moments:
        """The statistics of a frame by itself."""
        content = as_tensor(scaled(frame.pixels, self.size)[..., :3]).to(self.network.device)
        with measured() as found:
            self.network.pixels(content, self.track.at(seconds))
        return found[0]

    def cut(self) -> None:
        """See :meth:`Painter.cut`."""
        super().cut()
        if self.running is not None:
            self.running.restart()

    def state(self) -> dict[str, Tensor]:
        """See :meth:`Painter.state`."""
        held = super().state()
        if self.running is not None and self.running.moments is not None:
            held |= {f"running {name}": tensor for name, tensor in self.running.moments.tensors().items()}
        return held

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """See :meth:`Painter.restore`."""
        own = {name[8:]: tensor for name, tensor in state.items() if name.startswith("running ")}
        if own and self.running is not None:
            self.running.moments = Moments.of(own)
        super().restore({name: tensor for name, tensor in state.items() if not name.startswith("running ")})


Redraw = Callable[..., Any]


class MethodPainter(Painter):
    """Redraws by a method that optimises (Ruder et al. 2016): each frame starts from the result before it, warped to where things are,
    and is kept near it where flow can be trusted. ``redraw(pixels, own, temporal)`` gives a picture (1, 3, H, W); ``own``: what an earlier
    pass made of it."""

    def __init__(self, redraw: Redraw, size: tuple[int, int], colour: str, strength: float, steadier: Steadier | None) -> None:
        super().__init__(size, colour, strength, steadier)
        self.redraw = redraw

    def alone(self, content: Tensor, seconds: float, held: Held | None) -> Tensor:
        """See :meth:`Painter.alone`."""
        made: Tensor = self.redraw(content, None, held)
        return made

    def paint(self, photo: Pixels, content: Tensor, seconds: float, number: int) -> Tensor:
        """See :meth:`Painter.paint`."""
        before = None if self.steadier is None else self.steadier.moved(photo)
        if before is None:
            made: Tensor = self.redraw(content, None, None)
        else:
            old, match = before
            kept = torch.from_numpy(np.ascontiguousarray(old.clip(0, 1).transpose(2, 0, 1)))[None]
            weight = torch.from_numpy(np.ascontiguousarray(match.trust))[None, None]
            made = self.redraw(content, None, (kept, weight))
        if self.steadier is not None:
            self.steadier.blend(None, made)  # the term has held it already
        return made


class ColourPainter(Painter):
    """Gives all frames of a shot one map of colours, so that nothing flickers: the mean of what ``map_of`` finds for the frames so far,
    (3, 4) for a frame (1, 3, H, W); of the latest ``MEMORY`` about, so that it goes slowly with a shot that grows light or dark."""

    MEMORY = 48  # frames

    def __init__(self, map_of: Callable[[Tensor], Tensor], size: tuple[int, int], colour: str, strength: float) -> None:
        super().__init__(size, colour, strength, None)
        self.map_of = map_of
        self.map: Tensor | None = None
        self.count = 0

    def alone(self, content: Tensor, seconds: float, held: Held | None) -> Tensor:
        """See :meth:`Painter.alone`."""
        return apply_affine(content, self.map_of(content)[None, :, :, None, None]).clamp(0, 1)

    def paint(self, photo: Pixels, content: Tensor, seconds: float, number: int) -> Tensor:
        """See :meth:`Painter.paint`."""
        self.count += 1
        found = self.map_of(content)
        self.map = found if self.map is None else self.map.lerp(found, 1 / min(self.count, self.MEMORY))
        return apply_affine(content, self.map[None, :, :, None, None]).clamp(0, 1)

    def cut(self) -> None:
        """See :meth:`Painter.cut`."""
        super().cut()
        self.map, self.count = None, 0

    def state(self) -> dict[str, Tensor]:
        """See :meth:`Painter.state`."""
        own = {} if self.map is None else {"colour map": self.map, "colour count": torch.tensor(self.count)}
        return super().state() | own

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """See :meth:`Painter.restore`."""
        if "colour map" in state:
            self.map, self.count = state["colour map"], int(state["colour count"])
        super().restore(state)

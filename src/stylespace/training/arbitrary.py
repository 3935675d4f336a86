"""Training a network that reads paintings: each step's styles are parts of paintings, which the reader turns into rows.

After Ghiasi et al. 2017 (arXiv 1705.06830); styles are weighed by what has been reached for them (after Cheng et al. 2021, arXiv
2104.10064), since strong ones would starve the others.
"""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from stylespace.errors import InputError
from stylespace.networks.arbitrary import SIDE, Reader
from stylespace.networks.style_network import StyleNetwork
from stylespace.pictures.reading import read
from stylespace.pictures.resizing import fit, resize
from stylespace.training.photos import Photos
from stylespace.training.settings import TrainingSettings
from stylespace.training.trainer import Trainer, TrainingStyle

KEPT = 1024  # long side at which paintings are kept
SMALLEST_PART = 0.4  # of a painting's sides
RECOLOURED = 0.3  # share of the parts whose colours are changed
KNOWN = 0.5  # share of the pictures of a known style that are painted by its own row
READER_RATE = 4.0  # of learning, as a multiple of the body's: the body knows how to paint from the start, the reader nothing
LESSONS, LESSON, LESSON_RATE = 300, 16, 1e-3  # of the reader: steps, parts a step, learning rate
REMEMBERED, ENOUGH = 20, 3  # losses of a painting that tell what is reached for it, and how many do


@dataclass(frozen=True)
class Paintings:
    """``names`` and ``pixels``, (h, w, 3) uint8 each, of the pictures to read."""

    names: Sequence[str]
    pixels: Sequence[np.ndarray]

    @classmethod
    def of(cls, paths: Sequence[Path]) -> Paintings:
        """Decode them, at most :data:`KEPT` pixels long."""
        found = []
        for path in paths:
            picture = read(path).pixels
            small = resize(picture, fit(picture.shape[-2:], min(KEPT, max(picture.shape[-2:]))))
            found.append((small[0].permute(1, 2, 0).clamp(0, 1) * 255).round().byte().numpy())
        return cls([path.stem for path in paths], found)

    def part(self, number: int, side: int, generator: torch.Generator, recoloured_share: float = RECOLOURED) -> Tensor:
        """A random part (1, 3, h, w; sRGB in [0, 1]), ``side`` pixels long or less, half of them flipped, some in other colours."""
        whole = self.pixels[number]
        share = SMALLEST_PART + (1 - SMALLEST_PART) * float(torch.rand(1, generator=generator))
        high, wide = (max(1, round(share * n)) for n in whole.shape[:2])
        top, left = (
            int(torch.randint(n, (1,), generator=generator)) for n in (whole.shape[0] - high + 1, whole.shape[1] - wide + 1)
        )
        cut = np.ascontiguousarray(whole[top : top + high, left : left + wide])
        found = torch.from_numpy(cut).permute(2, 0, 1)[None].float().div_(255)
        found = resize(found, fit((high, wide), min(side, max(high, wide))))
        flip, coloured = torch.rand(2, generator=generator).tolist()
        if flip < 0.5:
            found = found.flip(3)
        return recoloured(found, generator) if coloured < recoloured_share else found


def recoloured(picture: Tensor, generator: torch.Generator) -> Tensor:
    """The picture with its channels mixed and its contrast and lightness changed at random."""
    mix = torch.eye(3) + 0.5 * torch.randn(3, 3, generator=generator)
    mix = mix / mix.sum(1, keepdim=True).abs().clamp_min(0.5)
    gain, offset = (0.6 + 0.8 * float(torch.rand(1, generator=generator))), 0.2 * float(torch.randn(1, generator=generator))
    mean = picture.mean((2, 3), keepdim=True)
    mixed = torch.einsum("ij,njhw->nihw", mix, picture - mean) * gain + mean[:, torch.randperm(3, generator=generator)] + offset
    return mixed.clamp(0, 1)


@dataclass(frozen=True)
class _Part:
    """A style of a step: the painting's number, a part of it, and the known style whose row paints it, if any."""

    number: int
    pixels: Tensor
    known: int | None


class ArbitraryTrainer(Trainer):
    """A run whose styles are parts of ``paintings``. ``styles``: those with rows of their own, which learn as well; the first paintings.

    ``start``: a network whose body and rows it begins with. ``probes``: paintings to show in the samples beside the styles.
    ``lessons``: steps in which the reader learns the rows of known styles, before anything is painted.
    """

    def __init__(
        self,
        photos: Photos,
        styles: Sequence[TrainingStyle],
        settings: TrainingSettings,
        folder: Path,
        paintings: Paintings,
        *,
        start: StyleNetwork,
        probes: Mapping[str, Tensor] | None = None,
        lessons: int = LESSONS,
        **other: Any,
    ) -> None:
        self.paintings, self.probes, self.lessons = paintings, dict(probes or {}), lessons
        self.start = start
        if list(paintings.names[: len(styles)]) != [style.name for style in styles]:
            raise InputError("The paintings must begin with those of the styles, in their order.")
        super().__init__(photos, styles, settings, folder, **other)

    def _begin(self) -> None:
        with self._random(self.settings.seed):
            self.reader = Reader(self.body.row_size)
            self.reader.span(self.start.rows)
        self.reader.to(self.devices.device)
        self.body.load_state_dict(self.start.body.state_dict())
        known = [self.start.rows[self.start.names.index(s.name)] for s in self.styles]
        with torch.no_grad():
            self.rows.copy_(torch.stack(known))
        self.parameters |= {f"reader.{name}": p for name, p in self.reader.named_parameters()}

    def _rate_factor(self, name: str) -> float:
        return READER_RATE if name.startswith("reader.") else super()._rate_factor(name)

    def run(self, **how: Any) -> bool:
        """See :meth:`Trainer.run`; first the reader has its lessons."""
        if self.step == 0:
            self._teach(self.lessons)
        return super().run(**how)

    def _teach(self, steps: int) -> None:
        """Show the reader parts of the known styles and what rows they have: a cheap start, for which nothing is painted."""
        generator = torch.Generator().manual_seed(self.settings.seed)
        rows = self.rows.detach()
        variance = rows.var(0, correction=0).mean().clamp_min(1e-6)
        optimiser = torch.optim.Adam(self.reader.parameters(), lr=LESSON_RATE)
        for _ in range(steps):
            numbers = torch.randint(len(rows), (LESSON,), generator=generator).tolist()
            found = []
            for number in numbers:
                part = self.paintings.part(number, SIDE, generator, recoloured_share=0.0)
                found.append(self.reader(part.to(rows))[0])
            optimiser.zero_grad(set_to_none=True)
            loss = (torch.stack(found) - rows[numbers]).square().mean() / variance
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
        with torch.no_grad():
            for name, p in self.reader.named_parameters():
                self.average[f"reader.{name}"].copy_(p)

    def _other_inputs(self) -> dict[str, Any]:
        found = hashlib.sha256()
        for name, pixels in zip(self.paintings.names, self.paintings.pixels, strict=True):
            found.update(name.encode() + pixels.tobytes())
        return {"paintings": found.hexdigest()}

    def _fixed(self) -> Sequence[TrainingStyle]:
        return ()

    def network(self) -> StyleNetwork:
        """See :meth:`Trainer.network`; with the reader."""
        reader = copy.deepcopy(self.reader).cpu()
        reader.load_state_dict({n.removeprefix("reader."): p for n, p in self.average.items() if n.startswith("reader.")})
        return replace(super().network(), reader=reader.eval().requires_grad_(False))

    def _shown(self) -> StyleNetwork:
        network = self.network()
        for name, pixels in self.probes.items():
            network = network.with_style(name, network.code(pixels).row)
        for name in self.start.names[4:]:
            network = network.remove(name) if name in network.names else network
        return network

    def _count(self) -> int:
        return len(self.paintings.names)

    def _drawn(self, numbers: Sequence[int]) -> list[Any]:
        side, known = self.settings.style_sizes[0], {style.name: i for i, style in enumerate(self.styles)}
        parts = []
        for number in numbers:
            own = known.get(self.paintings.names[number])
            if own is not None and float(torch.rand(1, generator=self.generator)) < KNOWN:
                whole = torch.from_numpy(self.paintings.pixels[number]).permute(2, 0, 1)[None].float().div_(255)
                parts.append(_Part(number, resize(whole, fit(whole.shape[-2:], min(side, max(whole.shape[-2:])))), own))
            else:
                parts.append(_Part(number, self.paintings.part(number, side, self.generator), None))
        return parts

    def _rows(self, styles: Sequence[Any]) -> Tensor:
        device = self.devices.device
        return torch.stack(
            [
                self.reader(resize(part.pixels, fit(part.pixels.shape[-2:], SIDE)).to(device))[0]
                if part.known is None
                else self.rows[part.known]
                for part in styles
            ]
        )

    def _judged(self, painted: Tensor, photos: Tensor, styles: Sequence[Any], sizes: Sequence[int]) -> dict[str, Tensor]:
        side, layers = self.settings.style_sizes[0], list(self.loss.style)
        goals = [self._goal(TrainingStyle("", part.pixels), side, layers) for part in styles]
        return self.loss.against(painted, photos, goals, torch.tensor([self._weight(p.number) for p in styles]).to(painted))

    def _weight(self, number: int) -> float:
        """The mean of what is reached for all paintings over what is reached for this one (weighed, so that it is damped), 0.5 to 2."""
        own = self.style_losses.get(number, [])[-REMEMBERED:]
        known = [sum(v[-REMEMBERED:]) / len(v[-REMEMBERED:]) for v in self.style_losses.values() if len(v) >= ENOUGH]
        if not self.settings.balance or len(own) < ENOUGH or len(known) < 2:
            return 1.0
        return min(2.0, max(0.5, sum(known) / len(known) / max(sum(own) / len(own), 1e-6)))

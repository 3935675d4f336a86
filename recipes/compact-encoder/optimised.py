"""Pictures that are being optimised through the student at this moment: what fools it today is what it learns tomorrow.

Optimising through a network finds pictures that it believes to be near the target and its teacher does not. So half of every batch of
training are such pictures, of all statistics, starts, rates, lengths and sizes, and from networks in training.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F
from students import LAYERS, STYLE, on_axes
from torch import Tensor, nn

from pictures import Crops
from stylespace.encoders.compact import CompactTrunk
from stylespace.objectives.smoothness import squared_variation
from stylespace.objectives.style import STATISTICS, Measurement
from stylespace.solvers.laplacian import join, split

# Twice and three times: as often. ``neighbours``: nearest features, as NNST; ``content``: the content alone, as inversion.
KINDS = ("wasserstein", "wasserstein", "wasserstein", "gram", "moments", "neighbours", "content")
SIZES = (64, 96, 128, 128, 160, 192)
STARTS = ("content", "content", "content", "noise", "mixed", "style", "tinted")
CONTENT = ("relu4_2", "relu4_2", "relu3_1", "relu4_1", "relu3_3")
SMOOTHNESS = (0.0, 0.0, 0.5, 2.0, 6.0)
NEIGHBOURS = ("relu3_1", "relu4_1")
ROWS = 1500  # of the style that are looked at for neighbours
LEVELS = 4


def log_uniform(crops: Crops, low: float, high: float) -> float:
    return math.exp(crops.random.uniform(math.log(low), math.log(high)))


def descended(solver: torch.optim.Optimizer, loss: Tensor) -> bool:
    """One step down ``loss``; none, and False, where its gradient is not finite."""
    solver.zero_grad()
    loss.backward()
    gradients = [parameter.grad for group in solver.param_groups for parameter in group["params"] if parameter.grad is not None]
    if not all(bool(torch.isfinite(gradient).all()) for gradient in gradients):
        return False
    solver.step()
    return True


def rows(features: Tensor) -> Tensor:
    """Features (1, D, h, w) as directions from their mean, (h w, D)."""
    flat = features[0].flatten(1).T
    return F.normalize(flat - flat.mean(0), dim=1)


class StyleTarget:
    """How far features on axes are from a style's, by one statistic: the weighted mean over layers of shares of the style's energy."""

    def __init__(self, kind: str, weights: Mapping[str, float], style: Mapping[str, Tensor]) -> None:
        self.statistic = STATISTICS[kind]
        self.weights = weights
        self.targets: dict[str, Measurement] = {
            name: self.statistic.prepare(self.statistic.measure(style[name], None, 0.0)) for name in weights
        }

    def __call__(self, given: Mapping[str, Tensor]) -> Tensor:
        terms = [weight * self._share(given[name], self.targets[name]) for name, weight in self.weights.items()]
        return torch.stack(terms).sum() / sum(self.weights.values())

    def _share(self, features: Tensor, target: Measurement) -> Tensor:
        distance = self.statistic.distance(self.statistic.measure(features, None, 0.0), target)
        return self.statistic.emphasis * distance / self.statistic.energy(target)


class NeighbourTarget:
    """How far each place's features are from the nearest of a style's, by their angle."""

    def __init__(self, style: Mapping[str, Tensor]) -> None:
        self.rows = {name: rows(style[name])[:ROWS] for name in NEIGHBOURS}

    def __call__(self, given: Mapping[str, Tensor]) -> Tensor:
        return torch.stack([(1 - (rows(given[name]) @ own.T).amax(1)).mean() for name, own in self.rows.items()]).sum()


class Optimised:
    """One picture on its way: a content, a style, and settings drawn at random. ``left``: steps that it still has."""

    def __init__(self, trunk: CompactTrunk, crops: Crops) -> None:
        r = crops.random
        self.trunk = trunk
        size, kind = r.choice(SIZES), r.choice(KINDS)
        self.left = int(log_uniform(crops, 8, 220))
        rate = log_uniform(crops, 0.004, 0.06)
        self.content_weight = 1.0 if kind == "content" else log_uniform(crops, 0.01, 0.6)
        self.smoothness = r.choice(SMOOTHNESS)
        layers = STYLE if r.random() < 0.6 else r.sample(LAYERS, r.randint(3, 8))
        weights = {name: 1.0 if r.random() < 0.5 else math.exp(r.uniform(-1.5, 1.5)) for name in layers}
        content = crops.any(size) if r.random() < 0.3 else crops.photo(size)
        style = crops.painting(max(96, size) if r.random() < 0.7 else 224)
        self.content_layer = r.choice(CONTENT)
        self.style: StyleTarget | NeighbourTarget | None = None
        wanted: Sequence[str] = ()
        with torch.no_grad():
            self.content = self._seen(content, (self.content_layer,))[self.content_layer]
            self.energy = float(self.content.var(dim=(2, 3)).sum()) * self.content[0, 0].numel() + 1e-3
            if kind == "neighbours":
                wanted = NEIGHBOURS
                self.style = NeighbourTarget(self._seen(style, wanted))
            elif kind != "content":
                wanted = layers
                self.style = StyleTarget(kind, weights, self._seen(style, wanted))
        self.layers = {self.content_layer, *wanted}
        start = started(r.choice(STARTS), content, style, crops.generator)
        self.whole = r.random() >= 0.3  # the others are optimised as Laplacian pyramids
        self.parts = [part.clone().requires_grad_() for part in ([start] if self.whole else split(start, LEVELS))]
        self.solver = torch.optim.Adam(self.parts, lr=rate, betas=(0.9, 0.99))

    def _seen(self, picture: Tensor, layers: Sequence[str] | set[str]) -> dict[str, Tensor]:
        return on_axes(self.trunk, self.trunk(picture, layers))

    @property
    def picture(self) -> Tensor:
        """As it is now, (1, 3, H, W) in [0, 1]."""
        return join(self.parts).detach().clamp(0, 1).contiguous(memory_format=torch.channels_last)

    def advance(self, steps: int) -> None:
        """Optimise it further; a picture whose gradient is not finite is given up. The trunk must be frozen."""
        for _ in range(steps):
            picture = join(self.parts)
            given = self._seen(picture, self.layers)
            loss = self.content_weight * (given[self.content_layer] - self.content).square().sum() / self.energy
            if self.style is not None:
                loss = loss + self.style(given)
            if self.smoothness:
                loss = loss + self.smoothness * squared_variation(picture)
            self.left -= 1
            if not descended(self.solver, loss):
                self.left = 0
                return
            if self.whole:
                with torch.no_grad():
                    self.parts[0].clamp_(0, 1)


def started(how: str, content: Tensor, style: Tensor, generator: torch.Generator) -> Tensor:
    """What a picture starts from; ``tinted``: the content with mean and deviation of the style's colours."""
    noise = torch.rand(content.shape, generator=generator)
    if how == "tinted":
        mean, deviation = (content.mean((2, 3), keepdim=True), content.std((2, 3), keepdim=True))
        tinted = (content - mean) * style.std((2, 3), keepdim=True) / deviation.clamp_min(1e-3)
        return (tinted + style.mean((2, 3), keepdim=True)).clamp(0, 1)
    if how == "style":
        return F.interpolate(style, size=content.shape[-2:], mode="bilinear")
    return {"content": content, "noise": noise, "mixed": content.lerp(noise, 0.5)}[how]


def block(c_in: int, c_out: int, side: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.ReflectionPad2d(side // 2), nn.Conv2d(c_in, c_out, side, stride), nn.InstanceNorm2d(c_out, affine=True), nn.ReLU()
    )


class Body(nn.Module):
    """A small painting network after Johnson et al. 2016."""

    def __init__(self) -> None:
        super().__init__()
        self.down = nn.Sequential(block(3, 16, 5), block(16, 32, 3, 2), block(32, 48, 3, 2))
        self.residuals = nn.ModuleList([block(48, 48, 3) for _ in range(3)])
        self.up = nn.Sequential(
            nn.Upsample(scale_factor=2), block(48, 32, 3), nn.Upsample(scale_factor=2), block(32, 16, 3),
            nn.ReflectionPad2d(2), nn.Conv2d(16, 3, 5),
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        """(N, 3, H, W) in [0, 1]; sides divisible by four."""
        x = self.down(x)
        for residual in self.residuals:
            x = x + residual(x)
        return torch.sigmoid(self.up(x))


class Painter:
    """A network in training through the student, begun anew with another style every few hundred steps."""

    def __init__(self, trunk: CompactTrunk, crops: Crops) -> None:
        self.trunk, self.crops = trunk, crops
        self.left = 0

    def _begin(self) -> None:
        self.body = Body()
        self.solver = torch.optim.Adam(self.body.parameters(), 2e-3)
        self.left = self.crops.random.randint(150, 400)
        with torch.no_grad():
            seen = on_axes(self.trunk, self.trunk(self.crops.painting(224), STYLE))
            self.style = StyleTarget("wasserstein", dict.fromkeys(STYLE, 1.0), seen)

    def paint(self) -> Tensor:
        """Train it by one step; the picture (1, 3, 160, 160) that it painted for that. The trunk must be frozen."""
        if self.left <= 0:
            self._begin()
        self.left -= 1
        photo = self.crops.photo(160)
        picture = self.body(photo)
        given = self.trunk(picture, {*STYLE, "relu4_2"})
        with torch.no_grad():
            wanted = self.trunk(photo, ("relu4_2",))["relu4_2"]
            energy = (wanted - wanted.mean((2, 3), keepdim=True)).square().sum() + 1
        loss = 0.1 * (given["relu4_2"] - wanted).square().sum() / energy
        loss = loss + self.style(on_axes(self.trunk, {name: given[name] for name in STYLE}))
        if not descended(self.solver, loss):
            self.left = 0
        return picture.detach().clamp(0, 1)


class Pool:
    """Twenty pictures on their way, and a painter."""

    def __init__(self, trunk: CompactTrunk, crops: Crops, size: int = 20) -> None:
        self.trunk, self.crops, self.size = trunk, crops, size
        self.items: list[Optimised] = []
        self.painter = Painter(trunk, crops)

    def draw(self, count: int, steps: int = 2) -> list[Tensor]:
        """``count`` pictures, the last a painter's; each has been optimised ``steps`` further. The trunk must be frozen."""
        while len(self.items) < self.size:
            self.items.append(Optimised(self.trunk, self.crops))
        chosen = self.crops.random.sample(self.items, count - 1)
        for item in chosen:
            item.advance(steps)
        pictures = [item.picture for item in chosen]
        self.items = [item for item in self.items if item.left > 0]
        return [*pictures, self.painter.paint()]

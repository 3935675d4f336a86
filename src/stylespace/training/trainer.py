"""Training: photos and styles in, a network out; interrupted at any moment, it resumes to the same bits."""

from __future__ import annotations

import copy
import hashlib
import json
import math
import platform
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from stylespace import encoders
from stylespace.encoders import layers as layer_names
from stylespace.encoders.encoder import Encoder
from stylespace.errors import InputError
from stylespace.networks.body import Body
from stylespace.networks.builds import BUILDS
from stylespace.networks.style_network import StyleNetwork, thumbnail
from stylespace.objectives.grid import grid
from stylespace.objectives.repetition import autocorrelation
from stylespace.objectives.stability import instability, smooth_flow
from stylespace.pictures.pillow import to_pil
from stylespace.pictures.resizing import fit, resize
from stylespace.pictures.sheet import Cell, sheet
from stylespace.pictures.warp import sample
from stylespace.storage.checksum import of_tensors
from stylespace.storage.journal import Journal
from stylespace.storage.memory import keep_freed_memory
from stylespace.training.devices import Devices
from stylespace.training.log import TrainingLog
from stylespace.training.loss import REPEATING, Goal, TrainingLoss, combined
from stylespace.training.photos import Photos
from stylespace.training.settings import TrainingSettings

SMALLEST_STYLE = 64
SMALLEST_LEVEL = 64  # pixels a side of crops at the smallest level
REACH = 7  # the largest random offset, in pixels, at which the loss sees a crop


@dataclass(frozen=True)
class TrainingStyle:
    """A style to learn: ``pixels`` (1, 3, H, W; sRGB in [0, 1]), its ``name``, and information ``about`` it.

    ``references``: for a style of many pictures, all of them with their weights; ``pixels`` then only represents them.
    """

    name: str
    pixels: Tensor
    about: Mapping[str, Any] = field(default_factory=dict)
    references: Sequence[tuple[Tensor, float]] = ()

    @property
    def weighted(self) -> Sequence[tuple[Tensor, float]]:
        """Its pictures with their weights."""
        return self.references or [(self.pixels, 1.0)]

    @property
    def checksum(self) -> str:
        """SHA-256 of its name, its pictures and their weights (to six digits, since they are computed and the last digits may differ)."""
        found = [(of_tensors(pixels), f"{weight:.6f}") for pixels, weight in self.weighted]
        return hashlib.sha256(json.dumps([self.name, found]).encode()).hexdigest()


@dataclass(frozen=True)
class TrainingStep:
    """Progress of training.

    ``losses``: means of the last fifty steps. ``seconds``: of training so far. ``cut``: the step was undone.
    """

    step: int
    of: int
    losses: Mapping[str, float]
    seconds: float
    photos_a_second: float
    cut: bool = False


STATE = "state"  # the journal, in the run's folder
ABOUT = {"work": "training"}


class Trainer:
    """One training run in ``folder``, which holds its journal (``state``), losses (``losses.jsonl``, ``losses.png``) and ``samples.png``.

    ``network``: a trained network to add styles to; its body stays as it is and only the rows of ``styles`` learn. ``devices``: where to
    compute; several processes give the result of one, up to rounding. ``tensorboard``: write losses and samples for it too.
    """

    def __init__(
        self,
        photos: Photos,
        styles: Sequence[TrainingStyle],
        settings: TrainingSettings,
        folder: Path,
        *,
        network: StyleNetwork | None = None,
        encoder: Encoder | None = None,
        samples: Sequence[Tensor] = (),
        devices: Devices | None = None,
        tensorboard: bool = False,
    ) -> None:
        if not styles:
            raise InputError("There are no styles to learn: give at least one picture.")
        if len({s.name for s in styles}) < len(styles):
            raise InputError("Two styles have the same name: rename one of their files.")
        for style in styles:
            smallest = min((p for p, _ in style.weighted), key=lambda p: min(p.shape[-2:]))
            if min(smallest.shape[-2:]) < SMALLEST_STYLE:
                size = f"{smallest.shape[-1]} x {smallest.shape[-2]}"
                raise InputError(f"The style '{style.name}' has {size} pixels: {SMALLEST_STYLE} a side are expected at least.")
        self.photos, self.styles, self.settings, self.folder, self.samples = photos, list(styles), settings, folder, list(samples)
        self.base = network
        self.devices = devices or Devices()
        self.devices.part(range(settings.batch))
        folder.mkdir(parents=True, exist_ok=True)
        keep_freed_memory()
        device = self.devices.device
        self.build = settings.build if network is None else network.build
        with self._random(settings.seed):
            self.body: Body = BUILDS[settings.build]() if network is None else copy.deepcopy(network.body)
        stages = len(self.body.stage_weights)
        if stages > 1 and (len(settings.style_sizes) != stages or settings.crop % self.body.multiple):
            raise InputError(
                f"The build '{self.build}' learns from each style at {stages} sizes and from crops whose side {self.body.multiple} divides:"
                f" give --style-sizes such as 256,512,1024 and --crop such as 384."
            )
        self.body.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        rows = self.body.initial_row().repeat(len(styles), 1) if network is None else network.rows.mean(0).repeat(len(styles), 1)
        self.rows = torch.nn.Parameter(rows.clone().to(device))
        self.body.requires_grad_(network is None).train(network is None)
        self.parameters: dict[str, Tensor] = {"rows": self.rows}
        if network is None:
            self.parameters |= {f"body.{name}": p for name, p in self.body.named_parameters()}
        self._begin()
        self.average = {name: p.detach().clone() for name, p in self.parameters.items()}
        factors = {name: self._rate_factor(name) for name in self.parameters}
        self.optimiser = torch.optim.Adam(
            [
                {"params": [p for name, p in self.parameters.items() if factors[name] == factor], "factor": factor}
                for factor in dict.fromkeys(factors.values())
            ],
            lr=settings.rate,
        )
        self.generator = torch.Generator().manual_seed(settings.seed + 1)
        self.encoder = encoder or encoders.of(settings, device=device)
        self.log = TrainingLog(folder, tensorboard) if self.devices.first else None
        self.step, self.seconds, self.scale = 0, 0.0, 1.0
        self.order: list[int] = []
        self.turn: list[int] = []
        self.curve: list[list[float]] = []
        self.recent: list[dict[str, float]] = []
        self.style_losses: dict[int, list[float]] = {}
        self.loss = self._loss()
        self.inputs = {
            "styles": [style.checksum for style in styles],
            "photos": photos.sha256,
            "base network": None if network is None else network.checksum(network.names),
            "encoder": self.encoder.identity,
            **self._other_inputs(),
        }
        self.journal: Journal | None = None
        if (kept := Journal.kept(folder / STATE, "state")) is not None:
            self._resume(*kept)

    def run(
        self,
        *,
        progress: Callable[[TrainingStep], None] | None = None,
        every: float = 120.0,
        samples_every: float = 300.0,
        until: float | None = None,
    ) -> bool:
        """Train to the last step: True if it is reached, False if ``until`` (seconds of training in all) or Ctrl-C comes first.

        The state is saved every ``every`` seconds and at the end. A step whose loss is not a finite number is undone and the rate is
        halved. Raises ``InputError`` when another process trains in the folder.
        """
        saved = sampled = time.monotonic()
        s = self.settings
        finished = True
        with self._alone() if self.devices.first else nullcontext():
            try:
                while self.step < s.steps:
                    started = time.perf_counter()
                    record, cut = self._take()
                    self.seconds += time.perf_counter() - started
                    self.recent = [*self.recent[-49:], record]
                    mean = {k: sum(r[k] for r in self.recent) / len(self.recent) for k in record}
                    if self.step % 20 == 0 or cut:
                        self.curve.append([self.step, *(round(value, 5) for value in mean.values())])
                        if self.log:
                            self.log.losses(self.step, self.seconds, self.scale * self._rate(), cut, mean)
                    if progress:
                        pace = self.step * s.batch / max(self.seconds, 1e-9)
                        progress(TrainingStep(self.step, s.steps, mean, self.seconds, pace, cut))
                    now = time.monotonic()
                    if now - saved > every:
                        self.save()
                        saved = now
                    if now - sampled > samples_every:
                        self.draw()
                        sampled = now
                    if until is not None and self.seconds >= until:
                        finished = False
                        break
            except KeyboardInterrupt:
                finished = False
            self.save()
            self.draw()
        return finished

    def begin_with(self, network: StyleNetwork) -> None:
        """Take weights and rows of ``network``, which has the same build; a style that it does not know begins with its mean row."""
        known: dict[str, Tensor] = {f"body.{name}": p for name, p in network.body.named_parameters()}
        known["rows"] = torch.stack(
            [network.rows[network.names.index(s.name)] if s.name in network.names else network.rows.mean(0) for s in self.styles]
        )
        with torch.no_grad():
            for name, p in self.parameters.items():
                p.copy_(known[name])
                self.average[name].copy_(known[name])

    def network(self) -> StyleNetwork:
        """The network learned so far: the moving average, with the styles' losses and a record of the training."""
        about = {}
        for number, style in enumerate(self.styles):
            found = self.style_losses.get(number, [])[-50:]
            losses = {"style": sum(found) / len(found)} if found else {}
            about[style.name] = {**style.about, "losses": losses, "thumbnail": thumbnail(style.pixels)}
        provenance = {
            "seconds": round(self.seconds), "steps": self.step, "photos": len(self.photos), "settings": asdict(self.settings),
            "machine": platform.machine(), "processes": self.devices.count, "threads": torch.get_num_threads(),
            "torch": torch.__version__, "curve": self.curve[-1000:],
        }  # fmt: skip
        rows = self.average["rows"].cpu().clone()
        if self.base is not None:
            whole = self.base
            for number, style in enumerate(self.styles):
                whole = whole.with_style(style.name, rows[number], {**about[style.name], "added": provenance})
            return whole
        with self._random(0):  # its weights are replaced
            body = BUILDS[self.build](**self.body.settings())
        learned = {n.removeprefix("body."): p for n, p in self.average.items() if n.startswith("body.")}
        body.load_state_dict({**self.body.state_dict(), **learned})  # buffers are not averaged
        return StyleNetwork(
            body.eval().requires_grad_(False), self.build, rows, [style.name for style in self.styles], about, provenance
        )

    def draw(self) -> None:
        """Write the curve of losses and, where there are sample photos, ``samples.png``: every style on them, by the moving average."""
        if not self.log:
            return
        self.log.curve()
        if not self.samples:
            return
        network = self._shown()
        names = network.names
        rows = [[Cell(to_pil(p)) for p in self.samples]]
        rows += [[Cell(to_pil(network.pixels(p, name).clamp(0, 1))) for p in self.samples] for name in names]
        side = max(self.samples[0].shape[-2:])
        self.log.samples(sheet(rows, row_labels=["photo", *names], title=f"step {self.step}", side=side), self.step)

    def preview(self) -> Tensor | None:
        """A photo redrawn in the first of the new styles, by the moving average; None before it means something."""
        if self.step < self.settings.warm_up:
            return None
        side = min(self.photos.squares.shape[1], 256)
        square = torch.from_numpy(self.photos.squares[0][:side, :side].copy()).permute(2, 0, 1)[None].float() / 255
        network = self._shown()
        return network.pixels(square.to(network.device), self.styles[0].name).clamp(0, 1).cpu()

    def _shown(self) -> StyleNetwork:
        """The network whose styles :meth:`draw` paints."""
        return self.network()

    def save(self) -> None:
        """Save all that resuming needs, in one step."""
        if not self.devices.first:
            return
        tensors = {f"now.{name}": p.detach() for name, p in self.parameters.items()}
        tensors |= {f"average.{name}": p for name, p in self.average.items()}
        tensors |= {f"buffer.{name}": b for name, b in self.body.named_buffers()}
        for name, p in self.parameters.items():
            for key, value in self.optimiser.state.get(p, {}).items():
                tensors[f"adam.{key}.{name}"] = value
        tensors["generator"] = self.generator.get_state()
        about = {
            "step": self.step, "seconds": self.seconds, "scale": self.scale, "order": self.order, "turn": self.turn, "curve": self.curve,
            "recent": self.recent, "of_style": {str(k): v[-50:] for k, v in self.style_losses.items()}, "settings": asdict(self.settings),
            "inputs": self.inputs,
        }  # fmt: skip
        with self._alone() as journal:
            journal.write(about, {"state": tensors})

    @contextmanager
    def _alone(self) -> Iterator[Journal]:
        """The folder's journal, locked against other processes."""
        if self.journal is not None:
            yield self.journal
            return
        self.journal = Journal(self.folder / STATE, ABOUT)
        self.journal.open()
        try:
            yield self.journal
        finally:
            self.journal.leave()
            self.journal = None

    def _resume(self, about: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> None:
        now = json.loads(json.dumps(asdict(self.settings)))
        changed = sorted(k for k in now if k != "steps" and about["settings"].get(k) != now[k])
        before = about.get("inputs", {})
        changed += [name for name, found in self.inputs.items() if name not in before or before[name] != found]
        if changed:
            raise InputError(
                f"{self.folder} was trained with other {', '.join(changed)}: repeat the same to go on, or give another folder."
            )
        with torch.no_grad():
            for name, buffer in self.body.named_buffers():
                buffer.copy_(tensors[f"buffer.{name}"])
            for name, p in self.parameters.items():
                p.copy_(tensors[f"now.{name}"])
                self.average[name].copy_(tensors[f"average.{name}"])
                state = {
                    key: tensors[f"adam.{key}.{name}"]
                    for key in ("step", "exp_avg", "exp_avg_sq")
                    if f"adam.{key}.{name}" in tensors
                }
                if state:
                    layout = torch.channels_last if p.ndim == 4 else torch.contiguous_format
                    self.optimiser.state[p] = {
                        k: v if k == "step" else v.to(p.device).contiguous(memory_format=layout) for k, v in state.items()
                    }
        self.generator.set_state(tensors["generator"])
        self.step, self.seconds, self.scale = about["step"], about["seconds"], about["scale"]
        self.order, self.turn, self.curve, self.recent = about["order"], about["turn"], about["curve"], about["recent"]
        self.style_losses = {int(k): v for k, v in about["of_style"].items()}

    def _take(self) -> tuple[dict[str, float], bool]:
        """Take one step; its losses, and whether it was undone."""
        s, devices = self.settings, self.devices
        # All processes draw the whole batch, so that they draw the same numbers; each then takes its part.
        photos = self.photos.crops([self._next(self.order, len(self.photos)) for _ in range(s.batch)], s.crop, self.generator)
        every = [self._next(self.turn, self._count()) for _ in range(s.batch)]
        drawn = self._drawn(every)
        sizes = torch.randint(0, len(s.style_sizes), (s.batch,), generator=self.generator).tolist()
        self.step += 1
        for group in self.optimiser.param_groups:
            group["lr"] = self.scale * self._rate() * group["factor"]
        self.optimiser.zero_grad(set_to_none=True)
        level = s.noise * torch.rand(s.batch, 1, 1, 1, generator=self.generator)
        noisy = (photos + level * torch.randn(photos.shape, generator=self.generator)).clamp(0, 1)
        flow = smooth_flow(s.batch, photos.shape[-2:], self.generator) if s.stability_weight else photos.new_zeros(s.batch, 0)
        other = (level * torch.randn(photos.shape, generator=self.generator)) if s.stability_weight else photos
        down, right = torch.randint(0, REACH + 1, (2,), generator=self.generator).tolist()
        mine = list(devices.part(range(s.batch)))
        photos, noisy, other = (
            p[mine].to(devices.device).contiguous(memory_format=torch.channels_last) for p in (photos, noisy, other)
        )
        styles, sizes = [drawn[i] for i in mine], [sizes[i] for i in mine]
        terms: dict[str, Tensor] = {}
        with self._random(s.seed + 1_000_003 * self.step):  # a texture network draws its noise
            rows = self._rows(styles)
            made = self.body.stages(noisy, rows)
        for stage, (painted, weight) in enumerate(zip(made, self.body.stage_weights, strict=True)):
            # Seen at a random offset, so that the network's strides and the encoder's poolings do not lock into a weave.
            side = painted.shape[-1] - REACH
            window = (..., slice(down, down + side), slice(right, right + side))
            photo = F.avg_pool2d(photos, s.crop // painted.shape[-1]) if painted.shape != photos.shape else photos
            seen = sizes if len(made) == 1 else [stage] * len(styles)
            found = self._judged(painted[window], photo[window], styles, seen)
            if s.grid_weight:
                found["grid"] = s.grid_weight * grid(painted)
            terms = {name: terms.get(name, 0) + weight * term for name, term in found.items()}
        if s.stability_weight:
            flow = flow[mine].to(devices.device)
            again = self.body((sample(photos, flow, "bicubic") + other).clamp(0, 1), rows)
            terms["stability"] = s.stability_weight * instability(made[-1], again, flow)
        total = torch.stack([term.sum() for term in terms.values()]).sum() / s.batch
        values = {name: devices.gathered(term.detach()) for name, term in terms.items()}
        record = {name: float(value.mean()) for name, value in values.items()}
        cut = not all(map(math.isfinite, record.values()))
        if not cut:
            total.backward()  # type: ignore[no-untyped-call]
            devices.sum_gradients(self.parameters.values())
            norm = torch.nn.utils.clip_grad_norm_(list(self.parameters.values()), s.clip)
            cut = not bool(torch.isfinite(norm))
        if cut:
            self.scale *= 0.5
            with torch.no_grad():  # back to the average, which has always been finite
                for name, p in self.parameters.items():
                    p.copy_(self.average[name])
            self.optimiser.state.clear()
            return {name: 0.0 if not math.isfinite(v) else v for name, v in record.items()}, True
        self.optimiser.step()
        for style, value in zip(every, values["style"].tolist(), strict=True):
            self.style_losses[style] = [*self.style_losses.get(style, [])[-99:], value]
        # The average forgets the start faster than its decay says: early weights do not help.
        decay = min(s.average_decay, (1 + self.step) / (10 + self.step))
        with torch.no_grad():
            for name, p in self.parameters.items():
                self.average[name].lerp_(p, 1 - decay)
        return record, False

    def _begin(self) -> None:
        """Hook for subclasses: initial weights, and more ``parameters`` to learn."""

    def _rate_factor(self, name: str) -> float:
        """What the learning rate of a parameter is multiplied by."""
        # Only a share of the pictures trains a style's row, and the row alone distinguishes the styles: it learns faster.
        return self.settings.row_rate if name == "rows" else 1.0

    def _other_inputs(self) -> dict[str, Any]:
        """What must be the same when a run resumes, besides styles, photos and encoder."""
        return {}

    def _fixed(self) -> Sequence[TrainingStyle]:
        """The styles whose targets are computed once."""
        return self.styles

    def _count(self) -> int:
        """The number of styles to draw from."""
        return len(self.styles)

    def _drawn(self, numbers: Sequence[int]) -> list[Any]:
        """What identifies the styles of a batch from here on."""
        return list(numbers)

    def _rows(self, styles: Sequence[Any]) -> Tensor:
        """Their rows (N, P)."""
        return self.rows[list(styles)]

    def _judged(self, painted: Tensor, photos: Tensor, styles: Sequence[Any], sizes: Sequence[int]) -> dict[str, Tensor]:
        """The terms of the loss, (N,) each."""
        return self.loss(painted, photos, styles, sizes)

    @staticmethod
    @contextmanager
    def _random(seed: int) -> Iterator[None]:
        """Draw torch's global random numbers from ``seed`` meanwhile; the caller's continue afterwards."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            yield

    def _next(self, left: list[int], count: int) -> int:
        """The next of ``count`` numbers in random order, drawn again when all have been used."""
        if not left:
            left.extend(torch.randperm(count, generator=self.generator).tolist())
        return left.pop()

    def _rate(self) -> float:
        s = self.settings
        share = self.step / max(s.steps, 1)
        rate = s.final_rate + (s.rate - s.final_rate) * 0.5 * (1 + math.cos(math.pi * share))
        return rate * min(1.0, self.step / max(1, s.warm_up))

    def _loss(self) -> TrainingLoss:
        s = self.settings
        content = layer_names.weights(s.content_layers, self.encoder.layers)
        style = {n: w for n, w in layer_names.weights(s.style_layers, self.encoder.layers).items() if w}
        self.encoder.check({*content, *style})
        style = {n: w / sum(style.values()) for n, w in style.items()}
        targets = [[self._goal(each, size, list(style)) for size in s.style_sizes] for each in self._fixed()]
        loss = TrainingLoss(
            self.encoder,
            content,
            style,
            s.statistic,
            s.content_weight,
            s.smoothness_weight,
            s.repetition_weight,
            targets,
            torch.ones(len(self.styles), device=self.devices.device),
        )
        return TrainingLoss(**{**vars(loss), "balance": self._balance(loss)}) if s.balance and targets else loss

    def _levels(self) -> int:
        """Levels at which styles are compared: one if the body has stages of several sizes, and none too small for deep features."""
        levels = self.settings.style_levels if len(self.body.stage_weights) == 1 else 1
        return max(1, min(levels, (self.settings.crop // SMALLEST_LEVEL).bit_length()))

    @torch.no_grad()
    def _goal(self, style: TrainingStyle, size: int, layers: Sequence[str]) -> Goal:
        """A style at a long side of ``size`` pixels, never enlarged."""
        levels, patterns = [], {}
        for level in range(self._levels()):
            seen = []
            for pixels, weight in style.weighted:
                small = resize(pixels, fit(pixels.shape[-2:], min(size >> level, max(pixels.shape[-2:]))))
                seen.append((self.encoder(small.to(self.devices.device), layers), weight))
            levels.append(
                {name: combined([(features[name], w) for features, w in seen], self.settings.statistic) for name in layers}
            )
            if level == 0 and self.settings.repetition_weight:
                total = sum(weight for _, weight in seen)
                for name in (n for n in REPEATING if n in layers):
                    patterns[name] = torch.stack([w / total * autocorrelation(features[name]) for features, w in seen]).sum(0)
        return Goal(levels, patterns)

    @torch.no_grad()
    def _balance(self, loss: TrainingLoss) -> Tensor:
        """Each style's weight: inverse to the distance of a few photos from it at the start, within a factor of two."""
        generator = torch.Generator().manual_seed(self.settings.seed)
        count = min(4, len(self.photos))
        photos = self.photos.crops(list(range(count)), self.settings.crop, generator).to(self.devices.device)
        far = torch.stack([loss(photos, photos, [s] * count, [0] * count)["style"].mean() for s in range(len(self.styles))])
        return (far.mean() / far.clamp_min(1e-6)).clamp(0.5, 2.0)

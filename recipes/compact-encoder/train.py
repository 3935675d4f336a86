"""Train the compact encoder by distillation. Resumes from its checkpoint; interrupt it whenever you like.

    python recipes/compact-encoder/train.py --data DATA --weights WEIGHTS --run RUN [--steps 9000]

DATA holds ``photos/train`` and ``paintings``, WEIGHTS the two reference files. Every layer of the student learns, through a 1x1
convolution of its own, what a teacher has at that layer: the real VGG-19 at relu1_1 to relu2_2 and relu3_1 (on a share of
the crops: it costs four times the student), the compressed VGG-19 at the rest. The loss of a layer is its unexplained variance.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import random
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image, ImageFilter
from safetensors.torch import save_file
from teachers import Compressed, real_vgg19, training_pictures
from torch import Tensor, nn

from stylespace.encoders.compact import DEPTHS, WIDTHS, CompactTrunk
from stylespace.encoders.layers import layer_names

REAL = ("relu1_1", "relu1_2", "relu2_1", "relu2_2", "relu3_1")
REAL_WIDTH = {"relu1_2": 64, "relu2_2": 128}
COMPRESSED = ("relu3_2", "relu3_3", "relu3_4", "relu4_1", "relu4_2", "relu4_3", "relu4_4", "relu5_1")
COMPRESSED_WIDTH = {"relu3_2": 64, "relu3_3": 64, "relu3_4": 64, "relu4_2": 128, "relu4_3": 128, "relu4_4": 128}
LAYER_WEIGHT = {"relu1_1": 1.0, "relu2_1": 1.5, "relu3_1": 3.0, "relu4_1": 3.0, "relu5_1": 4.0}  # others 0.5


class Student(nn.Module):
    """The encoder and the heads that only training needs."""

    def __init__(self) -> None:
        super().__init__()
        self.trunk = CompactTrunk()
        self.trunk.metric = nn.ModuleDict()  # export.py makes it
        names = layer_names(DEPTHS)
        width = dict(zip(names, WIDTHS, strict=True))
        self.heads = nn.ModuleDict(
            {name: nn.Conv2d(width[name], channels, 1) for name, channels in (REAL_WIDTH | COMPRESSED_WIDTH).items()}
        )
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
                nn.init.zeros_(module.bias)
        with torch.no_grad():  # RGB in [0, 1] to about zero mean, unit deviation
            self.trunk.input.weight.copy_(4.0 * torch.eye(3)[:, :, None, None])
            self.trunk.input.bias.fill_(-1.8)
        self.trunk.input.requires_grad_(False)

    def wide(self, name: str, features: Tensor) -> Tensor:
        if name in self.trunk.to_vgg19:
            return F.relu(self.trunk.to_vgg19[name](features))
        return F.relu(self.heads[name](features))


class Crops:
    """Random crops of photos and paintings: scaled, flipped, recoloured, now and then noisy or blurred (an optimiser's pictures)."""

    def __init__(self, photos: list[Path], paintings: list[Path], size: int, seed: int) -> None:
        self.size = size
        self.random = random.Random(seed)
        self.numpy = np.random.default_rng(seed)
        self.photos = [Image.open(p).convert("RGB") for p in photos]
        self.paintings = [Image.open(p).convert("RGB") for p in paintings]

    def state(self) -> tuple[object, object]:
        return self.random.getstate(), self.numpy.bit_generator.state

    def one(self) -> np.ndarray:
        r = self.random
        picture = r.choice(self.paintings if r.random() < 0.35 else self.photos)
        side = min(picture.size)
        window = min(side, r.uniform(0.5, 2.2) * self.size)
        x, y = r.uniform(0, picture.width - window), r.uniform(0, picture.height - window)
        crop = picture.resize((self.size, self.size), Image.Resampling.BICUBIC, box=(x, y, x + window, y + window))
        if r.random() < 0.5:
            crop = crop.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        if r.random() < 0.08:
            crop = crop.filter(ImageFilter.GaussianBlur(r.uniform(0.5, 3)))
        a = np.asarray(crop, dtype=np.float32) / 255
        if r.random() < 0.4:  # exposure, contrast, saturation, channel gains
            grey = a.mean(axis=2, keepdims=True)
            a = grey + r.uniform(0.3, 1.6) * (a - grey)
            a = (a - 0.5) * r.uniform(0.6, 1.3) + 0.5 + r.uniform(-0.15, 0.15)
            a = a * self.numpy.uniform(0.8, 1.2, size=3).astype(np.float32)
        if r.random() < 0.06:
            noise = self.numpy.random(a.shape, dtype=np.float32)
            t = r.uniform(0.02, 0.5)
            a = (1 - t) * a + t * noise
        return np.clip(a, 0, 1)

    def batch(self, n: int) -> Tensor:
        a = torch.from_numpy(np.stack([self.one() for _ in range(n)]))
        return a.permute(0, 3, 1, 2)  # a channels-last view


def unexplained(prediction: Tensor, target: Tensor) -> Tensor:
    """Share of the target's variance (pooled over channels and positions) that the prediction leaves."""
    return (prediction - target).square().mean() / target.var().clamp_min(1e-6)


def window(given: Tensor, wanted: Tensor, generator: random.Random, side: int = 64) -> tuple[Tensor, Tensor]:
    """The same random window of two maps: shallow layers have more positions than their few numbers need to learn from."""
    if wanted.shape[-1] <= side:
        return given, wanted
    y, x = (generator.randrange(wanted.shape[-1] - side + 1) for _ in range(2))
    return given[..., y : y + side, x : x + side], wanted[..., y : y + side, x : x + side]


@torch.no_grad()
def revive(student: Student, optimiser: torch.optim.Optimizer, x: Tensor) -> dict[str, int]:
    """Give channels that are zero everywhere on ``x`` new random weights; returns how many a layer.

    Early large steps kill ReLUs, up to two thirds of a deep layer, and dead ones get no gradient: the encoder would keep few directions
    of its teacher's. A revived channel is active on half the positions, as strong as its neighbours, and not yet read by anyone.
    """
    found = {}
    trunk = student.trunk
    readers = {**trunk.to_vgg19, **student.heads}
    previous = "1"
    x = trunk.input(x)
    for index, name in enumerate(trunk.layers):
        if name[4] != previous:
            x, previous = F.max_pool2d(x, 2), name[4]
        convolution = trunk.convolutions[name.replace("relu", "conv")]
        padded = F.pad(x, (1, 1, 1, 1), mode="reflect")
        before = F.conv2d(padded, convolution.weight, convolution.bias)
        dead = ((before > 0).float().mean((0, 2, 3)) < 1e-4).nonzero().flatten()
        if len(dead):
            found[name] = len(dead)
            strength = before.std((0, 2, 3))
            strength[dead] = 0
            strength = strength.sum() / max(1, len(strength) - len(dead))
            convolution.weight[dead] = torch.randn_like(convolution.weight[dead])
            fresh = F.conv2d(padded, convolution.weight[dead])
            scale = strength / fresh.std((0, 2, 3)).clamp_min(1e-6)
            convolution.weight[dead] *= scale[:, None, None, None]
            convolution.bias[dead] = -(fresh.mean((0, 2, 3)) * scale)
            columns = [readers[name].weight]
            if index + 1 < len(trunk.layers):
                columns.append(trunk.convolutions[trunk.layers[index + 1].replace("relu", "conv")].weight)
            for weight in columns:
                weight[:, dead] = 0
            for parameter, rows in [
                (convolution.weight, True),
                (convolution.bias, True),
                *((weight, False) for weight in columns),
            ]:
                for key in ("exp_avg", "exp_avg_sq"):
                    if key in optimiser.state.get(parameter, {}):
                        state = optimiser.state[parameter][key]
                        (state if rows else state.transpose(0, 1))[dead] = 0
            before = F.conv2d(padded, convolution.weight, convolution.bias)
        x = F.relu(before)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=9000)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--size", type=int, default=160)
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--real", type=int, default=3, help="crops of a batch that the real VGG-19 sees; 1 at the end")
    parser.add_argument(
        "--deep-only", action="store_true", help="hold the layers that the real VGG-19 teaches; train the deeper ones"
    )
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    options = parser.parse_args()
    options.run.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)

    student = Student().to(memory_format=torch.channels_last)
    ema = {k: v.clone() for k, v in student.state_dict().items()}
    optimiser = torch.optim.Adam([p for p in student.parameters() if p.requires_grad], lr=options.rate, betas=(0.9, 0.99))
    step = 0
    checkpoint = options.run / "checkpoint.pt"
    if checkpoint.exists():
        saved = torch.load(checkpoint, weights_only=True)
        student.load_state_dict(saved["student"])
        optimiser.load_state_dict(saved["optimiser"])
        ema, step = saved["ema"], saved["step"]
    crops = Crops(*training_pictures(options.data), options.size, seed=step)
    real, compressed = real_vgg19(options.weights), Compressed(options.weights).to(memory_format=torch.channels_last)

    if options.deep_only:
        for name in REAL:
            student.trunk.convolutions[name.replace("relu", "conv")].requires_grad_(False)

    started, since = time.time(), step
    log = (options.run / "log.jsonl").open("a")
    running: dict[str, float] = {}
    while step < options.steps:
        progress = step / options.steps
        rate = options.rate * min(1.0, (step + 1) / 200) * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * progress)))
        for group in optimiser.param_groups:
            group["lr"] = rate
        x = crops.batch(options.batch)
        if step in (250, 500, 1000, 1500, 2000) or (step - since in (0, 150, 400) and 0 < progress < 0.7):
            revived = revive(student, optimiser, crops.batch(12))
            print(json.dumps({"step": step, "revived": revived}), file=log, flush=True)
            ema = {k: v.clone() for k, v in student.state_dict().items()}
        real_crops = min(options.batch, options.real) if progress < 0.85 else 1
        with torch.no_grad():
            target = {} if options.deep_only else real(x[:real_crops], REAL)
            trunk = compressed.trunk(x, COMPRESSED)
            target |= {k: (compressed.to_vgg19[k](v).relu_() if k in compressed.to_vgg19 else v) for k, v in trunk.items()}
        features = student.trunk(x, student.trunk.layers)
        total = x.new_zeros(())
        for name, wanted in target.items():
            given, wanted = window(features[name][: wanted.shape[0]], wanted, crops.random)
            loss = unexplained(student.wide(name, given), wanted)
            total = total + LAYER_WEIGHT.get(name, 0.5) * loss
            running[name] = 0.98 * running.get(name, float(loss.detach())) + 0.02 * float(loss.detach())
        optimiser.zero_grad(set_to_none=False)
        total.backward()
        nn.utils.clip_grad_norm_(student.parameters(), 5.0)
        optimiser.step()
        step += 1
        decay = min(0.998, step / (step + 10))
        with torch.no_grad():
            for k, v in student.state_dict().items():
                ema[k].lerp_(v, 1 - decay)
        if step % 50 == 0:
            seconds = (time.time() - started) / (step - since)
            record = {"step": step, "rate": round(rate, 6), "seconds_a_step": round(seconds, 3)}
            record |= {k: round(1 - v, 4) for k, v in sorted(running.items())}
            print(json.dumps(record), file=log, flush=True)
        if step % 250 == 0 or step == options.steps:
            saved = {"student": student.state_dict(), "optimiser": optimiser.state_dict(), "ema": ema, "step": step}
            torch.save(saved, checkpoint.with_suffix(".tmp"))
            checkpoint.with_suffix(".tmp").replace(checkpoint)
            trunk_state = {k.removeprefix("trunk."): v.contiguous() for k, v in ema.items() if k.startswith("trunk.")}
            save_file(trunk_state, options.run / "compact.safetensors")


if __name__ == "__main__":
    main()

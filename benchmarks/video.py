"""How still redrawn films hold, against exact flow, and how fast they are made.

    python benchmarks/video.py                              drawn scene and warped photos, each steadiness: one JSON line a figure
    python benchmarks/video.py --films ../shared/data/video  real films too, by Farneback's flow, which is not the one at run time
    python benchmarks/video.py --speed                      frames a second end to end and the share of each part
    python benchmarks/video.py --pictures FOLDER            a frame and a time slice of each

RMSE_i = sqrt(sum m |O_(t+i) - warp(O_t)|^2 / 3 sum m), flow of the input, m after Ruder's check (occlusions, borders of motions). Beside
each: the input's own (the floor), the band beside occlusions alone, RMSE over the output's contrast, a distance of features, the
distance to the style, and sharpness, so that blur cannot win.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy import ndimage

from common import figure, parser, quartiles
from scene import drawn
from scene import flow as scene_flow
from stylespace import encoders
from stylespace.film.frame import Frame, as_tensor
from stylespace.metrics.seen import seen
from stylespace.metrics.style import WeightedStyle, style_distance
from stylespace.networks.style_network import StyleNetwork
from stylespace.pipelines.painters import NetworkPainter
from stylespace.pipelines.track import track_of
from stylespace.video.flow import boundary, inconsistent, warped
from stylespace.video.sharing import EVERY, Sharing
from stylespace.video.stable import Steadier

Array = np.ndarray
LAYERS = ("relu1_2", "relu2_2", "relu3_3")
NAMES = {"off": "--steady off", "shared": "statistics shared, no flow", "fast": "--steady fast", "best": "--steady best"}
BAND = 6  # pixels beside an occlusion


@dataclass(frozen=True)
class Clip:
    """``frames`` (H, W, 3) uint8; ``flow(a, b)``: from frame a into frame b, (H, W, 2)."""

    name: str
    frames: Sequence[Array]
    flow: Callable[[int, int], Array]


def drawn_clip(size: tuple[int, int], count: int) -> Clip:
    frames = [(drawn(n, size) * 255 + 0.5).astype(np.uint8) for n in range(count)]
    return Clip("scene", frames, lambda a, b: scene_flow(a, b, size)[0])


def warped_clip(photo: Array, name: str, count: int, seed: int) -> Clip:
    """A photo moved by a smooth random field that grows and turns: frame n at x is the photo at x + D_n(x)."""
    high, wide = photo.shape[:2]
    random = np.random.default_rng(seed)
    down, right = np.mgrid[:high, :wide].astype(np.float64)
    waves = [(random.uniform(0.3, 1.6, 2), random.uniform(0, 2 * np.pi, 2), random.uniform(-1, 1, 2)) for _ in range(4)]
    drift = random.uniform(-1, 1, 2)

    def field(n: int, x: Array, y: Array) -> Array:
        made = np.zeros((*x.shape, 2)) + drift * n
        for (across, along), (phase, other), amount in waves:
            made += (
                4
                * amount
                * np.sin(2 * np.pi * (across * x / wide + along * y / high) + phase)[..., None]
                * np.sin(other + 0.12 * n)
            )
        return made

    margin = photo.astype(np.float32)
    frames = [
        warped(margin, field(n, right, down).astype(np.float32), sharp=True).clip(0, 255).astype(np.uint8) for n in range(count)
    ]

    def flow(a: int, b: int) -> Array:
        """y with y + D_b(y) = x + D_a(x), by fixed points: fields are smooth."""
        there = np.stack([right, down], 2) + field(a, right, down)
        found = np.stack([right, down], 2)
        for _ in range(30):
            found = there - field(b, found[..., 0], found[..., 1])
        return (found - np.stack([right, down], 2)).astype(np.float32)

    return Clip(name, frames, flow)


def film_clip(path: Path, count: int, long_side: int) -> Clip:
    """A real film with Farneback's flow, chained from frame to frame."""
    import cv2

    from stylespace.film.reading import open_film

    frames = []
    for frame in open_film(path).frames():
        pixels = frame.pixels[..., :3]
        scale = min(1.0, long_side / max(pixels.shape[:2]))
        frames.append(cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA))
        if len(frames) == count:
            break
    grey = [cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in frames]
    step: dict[tuple[int, int], Array] = {}

    def one(a: int, b: int) -> Array:
        if (a, b) not in step:
            step[a, b] = cv2.calcOpticalFlowFarneback(grey[a], grey[b], None, 0.5, 5, 15, 5, 7, 1.5, 0)
        return step[a, b]

    def flow(a: int, b: int) -> Array:
        way = 1 if b > a else -1
        made = one(a, a + way)
        for n in range(a + way, b, way):
            made = made + warped(one(n, n + way), made)
        return made

    return Clip(path.stem, frames, flow)


def paint(clip: Clip, network: StyleNetwork, style: str, steady: str) -> list[Array]:
    """The clip redrawn, float (H, W, 3) in [0, 1]."""
    size = clip.frames[0].shape[:2]
    steadier = Steadier(steady) if steady in ("fast", "best") else None
    painter = NetworkPainter(network, track_of([(0.0, {style: 1.0})]), (size[0], size[1]), steadier=steadier)
    if steady != "off":
        painter.sharing = Sharing()
        painter.sharing.cut(0)
        for number in range(0, len(clip.frames), EVERY):
            painter.sharing.add(number, painter.measure(Frame(clip.frames[number], number), 0.0))
    made = []
    for number, pixels in enumerate(clip.frames):
        found = painter.paint(pixels, as_tensor(pixels), 0.0, number)
        made.append(found[0].permute(1, 2, 0).clamp(0, 1).numpy())
    return made


@dataclass
class Sums:
    """Squared differences and their counts over all pairs of a clip."""

    square: float = 0.0
    count: float = 0.0
    band: float = 0.0
    band_count: float = 0.0
    features: float = 0.0
    pairs: int = 0


def apart(clip: Clip, frames: Sequence[Array], gap: int, encoder: Any = None) -> Sums:
    """RMSE and its kin over all pairs ``gap`` frames apart."""
    sums = Sums()
    for first in range(0, len(frames) - gap, max(1, gap // 2)):
        back, on = clip.flow(first + gap, first), clip.flow(first, first + gap)
        hidden = inconsistent(back, on)
        kept = ~(hidden | boundary(back))
        old = warped(frames[first].astype(np.float32), back, sharp=True)
        square = np.square(frames[first + gap] - old).sum(2)
        band = ndimage.binary_dilation(hidden, iterations=BAND) & kept
        sums.square += float(square[kept].sum())
        sums.count += 3.0 * kept.sum()
        sums.band += float(square[band].sum())
        sums.band_count += 3.0 * band.sum()
        if encoder is not None:
            sums.features += features_apart(encoder, frames[first + gap], old, kept)
        sums.pairs += 1
    return sums


def features_apart(encoder: Any, one: Array, other: Array, kept: Array) -> float:
    """As LPIPS without its learned weights: unit features' mean squared difference, over layers and kept positions."""
    with torch.no_grad():
        found = [encoder(as_tensor((p.clip(0, 1) * 255).astype(np.uint8)), LAYERS) for p in (one, other)]
    total = 0.0
    for layer in LAYERS:
        a, b = (f[layer] / (f[layer].norm(dim=1, keepdim=True) + 1e-6) for f in found)
        mask = torch.nn.functional.interpolate(torch.from_numpy(kept.astype(np.float32))[None, None], a.shape[-2:], mode="area")
        total += float((mask * (a - b).square().sum(1, keepdim=True)).sum() / mask.sum().clamp_min(1))
    return total / len(LAYERS)


def sharpness(frames: Sequence[Array]) -> float:
    """Mean absolute Laplacian of luminance."""
    return float(np.mean([np.abs(ndimage.laplace(frame @ np.array([0.299, 0.587, 0.114]))).mean() for frame in frames]))


def root(square: float, count: float) -> float:
    return float(np.sqrt(square / count)) if count else 0.0


def measure(clip: Clip, network: StyleNetwork, styles: Sequence[str], encoder: Any, folder: Path | None) -> None:
    inputs = [frame.astype(np.float32) / 255 for frame in clip.frames]
    floors = {gap: apart(clip, inputs, gap) for gap in (1, 10)}
    before: dict[str, dict[str, float]] = {}
    for steady in ("off", "shared", "fast", "best"):
        rows = []
        for style in styles:
            frames = paint(clip, network, style, steady)
            contrast = float(np.std(np.stack(frames[:: len(frames) // 4 or 1]), axis=(1, 2)).mean())
            row = {"contrast": contrast, "sharpness": sharpness(frames[::4])}
            thumbnail = network.thumbnail(style)
            if thumbnail:
                target = [WeightedStyle(seen(thumbnail, "style"), 1.0)]
                judged = [seen((frame * 255).astype(np.uint8), "out") for frame in frames[5::8]]
                row["style"] = float(np.mean([style_distance(encoder, each, target)["distance"] for each in judged]))
            for gap in (1, 10):
                sums = apart(clip, frames, gap, encoder)
                row |= {f"rmse_{gap}": root(sums.square, sums.count), f"band_{gap}": root(sums.band, sums.band_count)}
                row[f"features_{gap}"] = sums.features / max(1, sums.pairs)
            rows.append(row)
            if folder is not None:
                save(folder, f"{clip.name}-{style}-{steady}", frames)
        mean = {key: float(np.mean([row[key] for row in rows])) for key in rows[0]}
        before.setdefault("off", mean)
        for gap in (1, 10):
            of_today = before["off"][f"rmse_{gap}"] / mean[f"rmse_{gap}"]
            low, _, high = quartiles([row[f"rmse_{gap}"] for row in rows])
            figure(
                f"RMSE_{gap} of {clip.name}, {NAMES[steady]}", round(mean[f"rmse_{gap}"], 5), "", spread=(low, high),
                times_lower_than_off=round(of_today, 3), over_contrast=round(mean[f"rmse_{gap}"] / mean["contrast"], 4),
                floor=round(root(floors[gap].square, floors[gap].count), 5), beside_occlusions=round(mean[f"band_{gap}"], 5),
                features=round(mean[f"features_{gap}"], 5), sharpness=round(mean["sharpness"], 5), contrast=round(mean["contrast"], 4),
                style_distance=round(mean["style"], 4) if "style" in mean else None, styles=len(styles), frames=len(clip.frames),
            )  # fmt: skip


def save(folder: Path, name: str, frames: Sequence[Array]) -> None:
    """A frame, and a row of pixels over time below it."""
    from PIL import Image

    folder.mkdir(parents=True, exist_ok=True)
    middle = frames[0].shape[0] // 2
    slices = np.repeat(np.stack([frame[middle] for frame in frames]), 3, axis=0)
    Image.fromarray((np.concatenate([frames[len(frames) // 2], slices]) * 255).astype(np.uint8)).save(folder / f"{name}.png")


def speed(network: StyleNetwork, style: str, count: int, folder: Path) -> None:
    """End to end and each part by itself."""
    from stylespace.film.encoding import Segment, form_of
    from stylespace.film.frame import Info
    from stylespace.film.joining import join
    from stylespace.film.reading import open_film
    from stylespace.pipelines.video import stylize_video

    for size, wanted in (((480, 854), 24), ((720, 1280), 15)):
        info = Info(size)
        form, _ = form_of(".mp4", info)
        pictures = [(drawn(number, size) * 255).astype(np.uint8) for number in range(12)]
        segment = Segment(folder / "part.scratch", form)
        for number in range(count):
            segment.write(pictures[min(number % 24, 23 - number % 24) % 12])  # on and back
        segment.close()
        path = join([folder / "part.scratch"], [1000 * n for n in range(count)], 1000, form, folder / "in.mp4")
        parts: dict[str, float] = {}
        began = time.perf_counter()
        frames = list(open_film(path).frames())[:12]
        parts["decode"] = (time.perf_counter() - began) / count
        painter = NetworkPainter(network, track_of([(0.0, {style: 1.0})]), size)
        painter.sharing = Sharing()
        painter.sharing.cut(0)
        painter.sharing.add(0, painter.measure(frames[0], 0.0))
        painter.next(frames[0], 0.0, 0)
        began = time.perf_counter()
        made = [painter.next(frame, 0.0, 0) for frame in frames]
        parts["network"] = (time.perf_counter() - began) / len(frames)
        for steady in ("fast", "best"):
            steadier = Steadier(steady)
            began = time.perf_counter()
            for frame, result in zip(frames, made, strict=True):
                steadier.next(frame.pixels, as_tensor(result))
            parts[f"flow, {steady}"] = (time.perf_counter() - began) / len(frames)
        segment = Segment(folder / "part.scratch", form)
        began = time.perf_counter()
        for each in made:
            segment.write(each)
        segment.close()
        parts["encode"] = (time.perf_counter() - began) / len(made)
        for steady in ("fast", "best"):
            began = time.perf_counter()
            stylize_video(path, folder / "out.mp4", style, network=network, steady=steady, force=True)
            rate = count / (time.perf_counter() - began)
            own = {name: value for name, value in parts.items() if not name.startswith("flow") or name.endswith(steady)}
            figure(
                f"frames a second, {size[1]} x {size[0]}, --steady {steady}", round(rate, 2), f">= {wanted}" if steady == "fast" else "",
                unit="frames/s", seconds_each={name: round(value, 4) for name, value in own.items()},
                share_of_each={name: round(value / sum(own.values()), 3) for name, value in own.items()}, frames=count,
            )  # fmt: skip


def clips(size: tuple[int, int], count: int, films: Path | None) -> Iterator[Clip]:
    from skimage import data
    from skimage.transform import resize

    yield drawn_clip(size, count)
    for seed, name in enumerate(("astronaut", "coffee")):
        photo = resize(getattr(data, name)(), (size[0], size[1]), anti_aliasing=True)
        yield warped_clip((photo * 255).astype(np.uint8), name, count, seed)
    for path in sorted(films.iterdir()) if films is not None else ():
        yield film_clip(path, count, max(size))


def main() -> None:
    import tempfile

    options = parser(__doc__)
    options.add_argument("--network", default="classics")
    options.add_argument("--styles", default="", help="names with commas; by default three of the network's")
    options.add_argument("--size", type=int, default=320, help="width; the height is nine sixteenths")
    options.add_argument("--frames", type=int, default=21)
    options.add_argument("--films", type=Path)
    options.add_argument("--pictures", type=Path)
    options.add_argument("--speed", action="store_true")
    options.add_argument("--only", default="", help="clips whose names contain this")
    chosen = options.parse_args()
    torch.set_num_threads(chosen.threads)
    network = StyleNetwork.load(chosen.network)
    styles = chosen.styles.split(",") if chosen.styles else list(network.styles[:: max(1, len(network.styles) // 3)][:3])
    if chosen.speed:
        with tempfile.TemporaryDirectory() as folder:
            speed(network, styles[0], chosen.frames, Path(folder))
        return
    encoder = encoders.load("compact")
    size = (chosen.size * 9 // 16 // 16 * 16, chosen.size // 16 * 16)
    for clip in clips(size, chosen.frames, chosen.films):
        if chosen.only in clip.name:
            print(f"{clip.name}: {len(clip.frames)} frames of {size[1]} x {size[0]}, {', '.join(styles)}", file=sys.stderr)
            measure(clip, network, styles, encoder, chosen.pictures)


if __name__ == "__main__":
    main()

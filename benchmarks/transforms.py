"""Stylize: milliseconds that redrawing a sample adds to a data set's own work, alone and in the workers of a DataLoader.

python benchmarks/transforms.py --size 224 --workers 2

``p`` is 1, so with ``p=0.5`` a data set pays half. ``drawing``: what a sample costs that is left as it is. ``share``: of a loop that calls
the network alone, with one thread, on pictures in memory; the rest is drawing, converting and mixing rows.
"""

from __future__ import annotations

import io
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch.utils.data import DataLoader, Dataset

from common import figure, in_turn, parser, quartiles
from stylespace.networks.style_network import StyleNetwork
from stylespace.pipelines.transforms import Stylize


class Photos(Dataset[Any]):
    """JPEG files in memory, decoded as a data set does."""

    def __init__(self, count: int, size: int, transform: Any = None) -> None:
        noise = np.random.default_rng(0).integers(0, 255, (size // 8, size // 8, 3), dtype=np.uint8)
        out = io.BytesIO()
        Image.fromarray(noise).resize((size, size)).save(out, "JPEG")
        self.count, self.data, self.transform = count, out.getvalue(), transform

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, number: int) -> torch.Tensor:
        picture = Image.open(io.BytesIO(self.data)).convert("RGB")
        picture = self.transform(picture) if self.transform else picture
        return torch.from_numpy(np.array(picture))


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--size", type=int, default=224)
    options.add_argument("--samples", type=int, default=200)
    options.add_argument("--workers", type=int, default=2)
    options.add_argument("--runs", type=int, default=20)
    given = options.parse_args()
    torch.set_num_threads(1)
    photos = Photos(given.samples, given.size)
    photo = Image.open(io.BytesIO(photos.data)).convert("RGB")
    tensor = torch.from_numpy(np.array(photo)).permute(2, 0, 1)
    change, never = Stylize(1), Stylize(0)
    network, names = StyleNetwork.load("classics"), change.load()
    row = {names[0]: 1.0}
    jobs: dict[str, Callable[[], object]] = {
        "network": lambda: network.pixels(tensor[None].float() / 255, row),
        "pil": lambda: change(photo),
        "tensor": lambda: change(tensor),
        "drawing": lambda: never(tensor),
    }
    seconds = in_turn(jobs, given.runs)
    middle = {name: quartiles(each)[1] for name, each in seconds.items()}
    at = {"size": given.size}
    for name in ("pil", "tensor", "drawing"):
        low, half, high = (1000 * each for each in quartiles(seconds[name]))
        figure(f"transforms-{name}-milliseconds", round(half, 4), "", unit="ms", spread=(low, high), **at)
    share = middle["network"] / middle["tensor"]
    figure("transforms-share", round(share, 3), ">= 0.9", unit="of the network's own speed", **at)
    for name, data in (("plain", photos), ("stylized", Photos(given.samples, given.size, change))):
        loader = DataLoader(data, batch_size=8, num_workers=given.workers, persistent_workers=True)
        for _ in loader:  # workers start, and load the network
            pass
        began = time.perf_counter()
        for _ in loader:
            pass
        rate = given.samples / (time.perf_counter() - began)
        figure(f"transforms-loader-{name}", round(rate, 1), "", unit="samples a second", workers=given.workers, **at)


if __name__ == "__main__":
    main()

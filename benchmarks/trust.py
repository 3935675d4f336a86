"""Whether the optimiser fools the compact encoder: what it believes of default results, and what the real VGG-16 sees.

    python benchmarks/trust.py [--pairs 12] [--methods gatys,strotss] [--size 512] [--reference] [--keep FOLDER]

A pair is a photo and a painting of ``../shared/data``; four of the twelve paintings were held back when the encoder was fitted. Distance
to the style at a layer: squared difference of Gram matrices as a share of the style's own energy. Ratio: the larger over the smaller of
what the compact encoder believes and what VGG-16 sees, both .005 at least. Beside it medians of these distances, and ``estimated``: what
the compact encoder says on all channels, without its projection on axes. ``--reference`` (slow) also runs the same schedule on VGG-16
itself: there the figure is VGG-16's distance of the default result, the mean of the five layers, over its distance of that one.
``--keep`` writes the pictures to a folder, and takes from it those that are there.
"""

from __future__ import annotations

import statistics
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from agreement import LAYERS, Eye, shares
from common import REPOSITORY, SHARED, figure, parser
from stylespace import encoders, transfer
from stylespace.encoders.compact import CompactEncoder
from stylespace.pictures import read

PAIRS = (
    ("tubingen", "starry_night"),
    ("golden_gate", "great_wave"),
    ("sailboat", "snow_storm"),  # held back
    ("chicago", "composition_vii"),
    ("cornell", "metzinger"),  # held back
    ("lion", "roman_mosaic"),
    ("stata", "strengths_of_a_street"),  # held back
    ("taj_mahal", "tropical_forest_with_monkeys"),  # held back
    ("tubingen", "the_scream"),
    ("golden_gate", "rotterdam"),
    ("lion", "red_chalk_woman"),
    ("cornell", "flowering_tree"),
)
FLOOR = 0.005
TARGETS = dict.fromkeys(LAYERS[:4], "<= 1.3") | {"relu5_1": "<= 1.6"}
REFERENCE_TARGET = "<= 1.15"


def apart(believed: float, real: float) -> float:
    """The larger over the smaller, both :data:`FLOOR` at least."""
    one, other = max(believed, FLOOR), max(real, FLOOR)
    return max(one, other) / min(one, other)


def made(photo: Path, painting: Path, method: str, size: int, weights: Path | None, keep: Path | None) -> Tensor:
    """The default result (1, 3, H, W) of a pair; with ``weights``, on VGG-16."""
    name = f"{photo.stem}-{painting.stem}-{method}-{size}{'-vgg16' if weights else ''}.png"
    if keep is not None and (keep / name).exists():
        return read(keep / name).pixels
    other: dict[str, Any] = {} if weights is None else {"encoder": "vgg16", "weights": weights}
    result = transfer(photo, painting, method=method, size=size, **other)
    if keep is not None:
        result.save(keep / name)
    return result.source.pixels


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--pairs", type=int, default=len(PAIRS))
    options.add_argument("--size", type=int, default=512)
    options.add_argument("--methods", default="gatys,strotss", help="separated by commas")
    options.add_argument("--reference", action="store_true", help="also run the schedule on VGG-16 (slow)")
    options.add_argument("--data", type=Path, default=SHARED / "data")
    options.add_argument("--weights", type=Path, default=SHARED / "weights" / "vgg16_conv.safetensors", help="VGG-16's")
    options.add_argument("--keep", type=Path, help="folder for the pictures, outside the repository")
    chosen = options.parse_args()
    torch.set_num_threads(chosen.threads)
    if chosen.keep is not None:
        if chosen.keep.resolve().is_relative_to(REPOSITORY):
            raise SystemExit("--keep: give a folder outside the repository; the pictures are made from ones that are not ours.")
        chosen.keep.mkdir(parents=True, exist_ok=True)
    compact = encoders.load("compact", precision="fp32")
    assert isinstance(compact, CompactEncoder)
    eyes: dict[str, Eye] = {
        "believed": compact,
        "estimated": compact.estimates,
        "real": encoders.load("vgg16", weights=chosen.weights, precision="fp32"),
    }
    for method in chosen.methods.split(","):
        found: list[dict[str, dict[str, float]]] = []
        against: list[float] = []
        names = [f"{photo}-{painting}" for photo, painting in PAIRS[: chosen.pairs]]
        for photo, painting in PAIRS[: chosen.pairs]:
            content, style = chosen.data / "content" / f"{photo}.jpg", chosen.data / "paintings" / f"{painting}.jpg"
            picture = made(content, style, method, chosen.size, None, chosen.keep)
            found.append({name: shares(eye, picture, {style: 1.0}) for name, eye in eyes.items()})
            if chosen.reference:
                reference = made(content, style, method, chosen.size, chosen.weights, chosen.keep)
                own = statistics.mean(shares(eyes["real"], reference, {style: 1.0}).values())
                against.append(statistics.mean(found[-1]["real"].values()) / own)
        for layer in LAYERS:
            ratios = [apart(each["believed"][layer], each["real"][layer]) for each in found]
            figure(
                f"trust-{method}-{layer}", statistics.median(ratios), TARGETS[layer], spread=(min(ratios), max(ratios)),
                worst=names[ratios.index(max(ratios))], pairs=len(ratios), size=chosen.size,
                **{name: round(statistics.median(each[name][layer] for each in found), 4) for name in eyes},
            )  # fmt: skip
        if against:
            figure(
                f"trust-{method}-against-vgg16", statistics.median(against), REFERENCE_TARGET, spread=(min(against), max(against)),
                worst=names[against.index(max(against))], pairs=len(against), size=chosen.size,
            )  # fmt: skip


if __name__ == "__main__":
    main()

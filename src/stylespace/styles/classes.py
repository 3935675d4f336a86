"""What is what on photo and style: classes of both, a table of which goes with which, and the regions that follow.

Classes come from a pair of label pictures (a colour each, as Luan et al. 2017 give them), from a trained segmenter, or are found by
clustering the encoder's features of both pictures together. As in Penhouet & Sanzenbacher 2017 (automatic
segmentation for photo style transfer) similar classes are grouped, and those without a partner join the most similar that has one; here
"similar" is measured in the encoder's features, and the table can be edited.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from stylespace.encoders.encoder import Encoder
from stylespace.errors import InputError
from stylespace.pictures.affine import divided, feathered
from stylespace.pictures.resizing import fit, resize
from stylespace.statistics import clusters
from stylespace.styles.parts import look
from stylespace.styles.region import Region, Style

Row = tuple[str, str]  # a class of the photo, a class of the style
SMALL = 0.01  # share of a picture below which a class counts as not there
APART = 48 / 255  # colours nearer than this in all channels are one class
EDGE = 60  # how far off borders of labels may be, in shares of the long side
SOFT = 2  # pixels over which edges are made soft
LARGEST = 512  # long side at which regions are drawn


@dataclass(frozen=True)
class ClassMaps:
    """The class of each pixel, by its number in ``names``: ``photo`` (h, w) and ``style`` (h, w), int64."""

    names: tuple[str, ...]
    photo: Tensor
    style: Tensor

    def shares(self) -> list[tuple[float, float]]:
        """Of the photo and of the style, class by class."""
        counts = [torch.bincount(m.flatten(), minlength=len(self.names)) / m.numel() for m in (self.photo, self.style)]
        return list(zip(counts[0].tolist(), counts[1].tolist(), strict=True))


def of_colours(photo: Tensor, style: Tensor) -> ClassMaps:
    """Classes of two label pictures (1, 3, h, w), one colour a class, named ``#rrggbb``. Blurred edges join the nearest colour.

    A colour is a class where it, with what is nearly like it, covers one hundredth of either picture.
    """
    pictures = [p[0].flatten(1).T for p in (photo, style)]  # (n, 3)
    weights = torch.cat([torch.full((len(p),), 1 / len(p)) for p in pictures])
    parts = torch.tensor([65536, 256, 1])
    codes, inverse = torch.unique(((torch.cat(pictures) * 255).round().long() * parts).sum(1), return_inverse=True)
    colours = (codes[:, None] // parts % 256).float()
    counts = torch.zeros(len(colours)).index_add_(0, inverse, weights)
    left = counts.clone()
    palette: list[Tensor] = []
    while float(left.max()) > 0 and (not palette or float(left.sum()) > SMALL):
        best = colours[int(left.argmax())]
        near = (colours - best).abs().amax(1) < APART * 255
        if palette and float(left[near].sum()) < SMALL:
            left[near] = 0
            continue
        palette.append(best)
        left[near] = 0
    found = torch.cdist(colours, torch.stack(palette)).argmin(1)[inverse]
    first, second = found[: len(pictures[0])], found[len(pictures[0]) :]
    names = tuple("#" + "".join(f"{int(value):02x}" for value in colour) for colour in palette)
    return ClassMaps(names, first.reshape(photo.shape[-2:]), second.reshape(style.shape[-2:]))


def of_features(photo: Tensor, style: Tensor, network: Encoder, count: int, seed: int = 0) -> ClassMaps:
    """``count`` classes by clustering the encoder's features of both pictures (1, 3, H, W) together."""
    signs = [look(picture, network) for picture in (photo, style)]
    centres = clusters.centres(signs, count, seed=seed)
    maps = [clusters.parts(sign, centres)[:, 0].argmax(0) for sign in signs]
    return ClassMaps(tuple(map(str, range(count))), maps[0], maps[1])


def of_numbers(photo: Tensor, style: Tensor) -> ClassMaps:
    """Classes of two maps (h, w) of a segmenter's numbers, named by these."""
    names = torch.unique(torch.cat([photo.flatten(), style.flatten()]))
    place = torch.zeros(int(names.max()) + 1, dtype=torch.long)
    place[names] = torch.arange(len(names))
    return ClassMaps(tuple(map(str, names.tolist())), place[photo], place[style])


def table(classes: ClassMaps, photo: Tensor, style: Tensor, network: Encoder) -> list[Row]:
    """Which class of the style each class of the photo goes with: its own; where the style has none of it, the one whose features are most
    alike."""
    shares = classes.shares()
    there = [i for i, (_, share) in enumerate(shares) if share >= SMALL]
    if not there:
        there = [max(range(len(shares)), key=lambda i: shares[i][1])]
    signs = [look(picture, network) for picture in (photo, style)]
    means = [_means(sign, labels, len(classes.names)) for sign, labels in zip(signs, (classes.photo, classes.style), strict=True)]
    rows = []
    for i, (share, _) in enumerate(shares):
        if share > 0:
            nearest = i if i in there else min(there, key=lambda k: float((means[0][i] - means[1][k]).square().sum()))
            rows.append((classes.names[i], classes.names[nearest]))
    return rows


def regions(classes: ClassMaps, rows: Sequence[Row], photo: Tensor, style: Tensor) -> list[Region]:
    """The regions of a table: classes that its rows connect are one. Edges are made to follow the photo's.

    What of the photo is in no row stays as it is. Raises ``InputError`` for classes that are not there.
    """
    number = {name: i for i, name in enumerate(classes.names)}
    for column, name in ((c, name) for row in rows for c, name in enumerate(row)):
        if name not in number:
            raise InputError(
                f"The table names the class '{name}', which {('the photo', 'the style')[column]} has not: its classes are"
                f" {', '.join(classes.names)}."
            )
    groups = [group for group in _groups([(number[a], number[b]) for a, b in rows]) if _any(classes.photo, group[0])]
    if not groups:
        raise InputError("No class of the photo is in the table: give each a row, PHOTO,STYLE.")
    small = resize(photo, fit(photo.shape[-2:], min(LARGEST, max(photo.shape[-2:]))))
    belongs = torch.stack([torch.isin(classes.photo, torch.tensor(sorted(group[0]))).float() for group in groups])
    rest = 1 - belongs.sum(0, keepdim=True)
    drawn = torch.cat([belongs, rest])[None] if float(rest.max()) > 0 else belongs[None]
    drawn = F.interpolate(drawn, size=small.shape[-2:], mode="bilinear", antialias=True)
    sharp = divided(drawn / drawn.sum(1, keepdim=True), small, max(SOFT, max(small.shape[-2:]) // EDGE))
    soft = feathered(sharp, small, SOFT)
    soft = soft / soft.sum(1, keepdim=True).clamp_min(1e-6)
    made = []
    for i, (_, there) in enumerate(groups):
        mask = torch.isin(classes.style, torch.tensor(sorted(there))).float()[None, None]
        if not float(mask.sum()):
            raise InputError(
                f"The style has nothing of {', '.join(classes.names[k] for k in sorted(there))}: name another class."
            )
        made.append(Region((Style(style, 1.0, resize(mask, style.shape[-2:])),), soft[:, i : i + 1]))
    return [*made, Region((), soft[:, -1:])] if drawn.shape[1] > len(groups) else made


def read_table(path: str | Path) -> list[Row]:
    """The rows of a CSV file with the columns ``photo`` and ``style``. Raises ``InputError`` where it is none."""
    wrong = f"{path} is no table of classes: it needs the columns photo and style, and a row for each class of the photo."
    try:
        with Path(path).open(encoding="utf-8-sig", newline="") as file:
            found = [(row.get("photo"), row.get("style")) for row in csv.DictReader(file)]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(wrong) from error
    rows = [(a.strip().lower(), b.strip().lower()) for a, b in found if a is not None and b is not None]
    if not rows or len(rows) < len(found):
        raise InputError(wrong)
    return rows


def _means(sign: Tensor, labels: Tensor, count: int) -> Tensor:
    """The mean signature (count, D) of each class."""
    one_hot = F.one_hot(labels, count).permute(2, 0, 1)[None].float()
    at = F.interpolate(one_hot, size=sign.shape[-2:], mode="area")[0].flatten(1)  # (count, n)
    return (at @ sign[0].flatten(1).T.to(at)) / at.sum(1, keepdim=True).clamp_min(1e-6)


def _groups(pairs: Sequence[tuple[int, int]]) -> list[tuple[set[int], set[int]]]:
    """Classes of the photo and of the style that are connected."""
    groups: list[tuple[set[int], set[int]]] = []
    for a, b in pairs:
        joined = [group for group in groups if a in group[0] or b in group[1]]
        merged = ({a}.union(*(g[0] for g in joined)), {b}.union(*(g[1] for g in joined)))
        groups = [group for group in groups if group not in joined] + [merged]
    return groups


def _any(labels: Tensor, among: set[int]) -> bool:
    return bool(torch.isin(labels, torch.tensor(sorted(among))).any())

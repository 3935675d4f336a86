"""A painting's row at a glance: a small network that reads any painting (Ghiasi et al. 2017, arXiv 1705.06830).

What it looks at are statistics: mean and deviation of every layer's channels, and of the colours. The row is a point of a plane of few
dimensions through the rows of known styles, which training moves.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from stylespace.pictures.resizing import fit, resize

SIDE = 256  # long side in pixels at which a painting is read
EPSILON = 1e-5


class Reader(nn.Module):
    """``widths``: channels of the layers, each at half the size of the one before but the last; ``hidden`` and ``basis``: what follows."""

    def __init__(self, row_size: int, widths: Sequence[int] = (24, 48, 96, 112, 112), hidden: int = 224, basis: int = 80) -> None:
        super().__init__()
        self._settings = {"widths": list(widths), "hidden": hidden, "basis": basis}
        self.layers = nn.ModuleList()
        before = 3
        for number, width in enumerate(widths):
            side = 5 if number == 0 else 3
            stride = 1 if number == len(widths) - 1 else 2
            self.layers.append(nn.Conv2d(before, width, side, stride, side // 2, padding_mode="replicate"))
            before = width
        statistics = 2 * (3 + sum(widths)) + 3
        self.normalise = nn.LayerNorm(statistics)
        self.hidden = nn.Linear(statistics, hidden)
        self.point = nn.Linear(hidden, basis)
        nn.init.zeros_(self.point.weight)  # it begins with the mean row for every painting
        nn.init.zeros_(self.point.bias)
        self.mean = nn.Parameter(torch.zeros(row_size))
        self.basis = nn.Parameter(torch.zeros(basis, row_size))

    def settings(self) -> dict[str, Any]:
        """What the constructor was given beside the row's size, as plain JSON."""
        return dict(self._settings)

    def span(self, rows: Tensor) -> None:
        """Begin on the plane of the known ``rows`` (S, P): their mean, and their principal axes, scaled by the deviations, as the basis."""
        with torch.no_grad():
            self.mean.copy_(rows.mean(0))
            _, lengths, axes = torch.linalg.svd(rows - rows.mean(0), full_matrices=False)
            known = min(len(self.basis), len(rows) - 1)
            scale = lengths[:known, None] / max(len(rows) - 1, 1) ** 0.5
            self.basis.normal_(std=float((scale[-1] if known else torch.ones(1)) / rows.shape[1] ** 0.5))
            self.basis[:known] = axes[:known] * scale

    def forward(self, paintings: Tensor) -> Tensor:
        """Rows (N, P) of ``paintings`` (N, 3, H, W; sRGB in [0, 1])."""
        x = 2 * paintings - 1
        centred = x - x.mean((2, 3), keepdim=True)
        products = [(centred[:, i] * centred[:, j]).mean((1, 2)) for i, j in ((0, 1), (0, 2), (1, 2))]
        seen = [_moments(x), torch.stack(products, 1)]
        for layer in self.layers:
            x = F.relu(layer(x))
            seen.append(_moments(x))
        return self.mean + self.point(F.relu(self.hidden(self.normalise(torch.cat(seen, 1))))) @ self.basis

    @torch.no_grad()
    def read(self, painting: Tensor) -> Tensor:
        """The row (P,) of one ``painting`` (1, 3, H, W) of any size, which is looked at :data:`SIDE` pixels long."""
        small = resize(painting, fit(painting.shape[-2:], SIDE))
        return self(small.to(self.mean.dtype).to(self.mean.device))[0]


def _moments(x: Tensor) -> Tensor:
    """Mean and deviation of each channel: (N, 2C)."""
    variance, mean = torch.var_mean(x, (2, 3), correction=0)
    return torch.cat([mean, (variance + EPSILON).sqrt()], 1)

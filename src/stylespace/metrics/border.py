"""Border: whether the picture departs along its edges from what it is inside, as zero padding and cut-off convolutions make it.

Range of both figures: 0 upwards; about 1 is no border, since the edges are as different from their neighbourhood as any other
place.
Clean photographs and parts of paintings lie between 0.4 and 2; a frame of 8 pixels that is a fifth darker reaches 3, a blurred
one 7. Lower is better, below 2 it means nothing.
Definition: the picture is cut into nested frames, 8 to 16 pixels wide (less where a side is below 96 pixels). On each of the
four sides, a frame's departure is its mean less that of the next frame inwards, less the slope that goes on from there (half
the difference of the second and the fourth frame). The figure is the departure of the outermost frame over that of the inner
ones, root mean square over sides. ``colour``: of the mean colour (CIELAB). ``detail``: of the logarithm of the mean gradient.
It does not see single blotches at the edge, and takes a frame that photo or style really have for damage.
"""

from __future__ import annotations

import torch
from torch import Tensor

from stylespace.metrics.palette import lab
from stylespace.metrics.seen import Seen

_QUIET = 1 / 255
# Departures below these are not seen: half a Delta E, a thirtieth of the gradient.
_COLOUR, _DETAIL = 0.5, 0.05


def border(picture: Seen) -> dict[str, float | None]:
    """``colour`` and ``detail``, measured on the picture's own pixels; None for both where a side is below 16 pixels."""
    short = min(picture.size)
    if short < 16:
        return dict.fromkeys(("colour", "detail"))
    width = min(max(8, min(16, short // 64)), short // 12)
    colours = torch.from_numpy(lab(picture)).permute(2, 0, 1).double()
    gradient = _gradient(picture.pixels[0].cpu().double().mean(0))[None]
    return {
        "colour": _ratio(_sides(colours, width), _COLOUR),
        "detail": _ratio((_sides(gradient, width) + _QUIET).log2(), _DETAIL),
    }


def _gradient(luminance: Tensor) -> Tensor:
    """Mean of the absolute differences to the right and downwards; the last column and row repeat the ones before."""
    right, down = luminance.diff(dim=1).abs(), luminance.diff(dim=0).abs()
    return (torch.cat([right, right[:, -1:]], 1) + torch.cat([down, down[-1:]], 0)) / 2


def _sides(values: Tensor, width: int) -> Tensor:
    """Means of ``values`` (C, H, W) over the frames of each side, outermost first, without the corners: (4, C, frames)."""
    frames = min(values.shape[-2:]) // (2 * width)
    turned = [values, values.flip(1), values.transpose(1, 2), values.transpose(1, 2).flip(1)]
    deep = frames * width
    return torch.stack([side[:, :deep, width:-width].reshape(len(values), frames, -1).mean(2) for side in turned])


def _ratio(sides: Tensor, unseen: float) -> float:
    """Departure of the outermost frame over that of those from the third on; ``sides``: (4, C, frames)."""
    departures = sides[:, :, :-3] - sides[:, :, 1:-2] - (sides[:, :, 1:-2] - sides[:, :, 3:]) / 2
    energies = departures.square().sum(1).mean(0)  # (frames - 3)
    return float(((energies[0] + unseen**2) / (energies[2:].mean() + unseen**2)).sqrt())

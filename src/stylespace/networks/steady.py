"""A network whose normalisations measure nothing, for browsers, small devices and stable video.

Instance normalisation z = gamma (x - mu) / sigma + beta needs the whole picture's mu and sigma in every layer. With those of given pictures
it is z = gamma' x + beta', gamma' = gamma / sigma, beta' = beta - gamma' mu: numbers of the style's row again. So a result depends
on what is around each place alone, every frame of a film is treated alike, and any part of a picture may be painted by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from stylespace.errors import InputError
from stylespace.networks.moments import Moments, measured
from stylespace.networks.style_network import StyleNetwork

EPSILON = 1e-5  # of the normalisations


def steady(network: StyleNetwork, pictures: Sequence[Tensor]) -> StyleNetwork:
    """``network`` with the statistics that each of its styles has over ``pictures``, each (1, 3, H, W; sRGB in [0, 1]), in the rows.

    It is saved, exported and used as any network; mixes of its styles are near those of the original, not equal. It reads no paintings: add
    them before (:meth:`StyleNetwork.taking`). Raises ``InputError`` where there is no picture, or no normalisation that measures.
    """
    rows = torch.stack([steady_row(network, row, pictures) for row in network.rows])
    return replace(network, body=network.body.affine(), rows=rows, reader=None)


@torch.no_grad()
def steady_row(network: StyleNetwork, row: Tensor, pictures: Sequence[Tensor]) -> Tensor:
    """A style's ``row`` (P,) with its statistics over ``pictures``: the row (P,) of ``network.body.affine()``."""
    if not pictures:
        raise InputError("Statistics are taken from pictures: give some like those that will be redrawn.")
    found: list[Moments] = []
    for picture in pictures:
        with measured() as made:
            network.body(picture.to(row), row[None])
        found += made
    moments = Moments.pooled(found)
    channels = network.body.channels
    if tuple(mean.numel() for mean in moments.means) != channels:
        raise InputError("The normalisations of this network measure nothing of a picture: it is steady as it is.")
    parts: list[Tensor] = []
    for part, mean, variance in zip(
        torch.split(row, [2 * count for count in channels]), moments.means, moments.variances, strict=True
    ):
        gamma, beta = part.chunk(2)
        gain = gamma * torch.rsqrt(variance.flatten() + EPSILON)
        parts += [gain, beta - gain * mean.flatten()]
    return torch.cat(parts)

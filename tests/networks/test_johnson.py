"""The network for one style: counts, borders, normalisations, maps that follow the residual blocks."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch.nn import Conv2d, ConvTranspose2d

from stylespace.errors import InputError
from stylespace.networks.conditioning import Conditioning
from stylespace.networks.johnson import Johnson
from stylespace.networks.style_network import StyleNetwork


@pytest.mark.parametrize("upsampling", ["transposed", "nearest"])
def test_published_counts(upsampling: str) -> None:
    """pytorch/examples' fast_neural_style (TransformerNet) has 1,679,235 parameters; 1,600 of them are biases before normalisations."""
    body = Johnson(upsampling=upsampling)
    assert sum(p.numel() for p in body.parameters()) + body.row_size == 1_679_235 - 1_600
    shapes = [(m.in_channels, m.out_channels, m.kernel_size[0], m.stride[0]) for m in body.down if isinstance(m, Conv2d)]
    assert shapes == [(3, 32, 9, 1), (32, 64, 3, 2), (64, 128, 3, 2)]
    assert len(body.residual) == 10
    assert all(isinstance(m, ConvTranspose2d) is (upsampling == "transposed") for m in body.up)


def test_sizes_inside() -> None:
    """Supplement, table 1, for a picture of 256 pixels."""
    body = Johnson((2, 3, 4)).eval()
    sides: list[int] = []
    for module in body.norms:
        module.register_forward_hook(lambda _module, _given, made: sides.append(made.shape[-1]))
    with torch.no_grad():
        body(torch.rand(1, 3, 256, 256), body.initial_row())
    assert sides == [336, 168, 84, 82, 80, 78, 76, 74, 72, 70, 68, 66, 64, 128, 256]


def test_maps_stay_in_place() -> None:
    """Where one style has all the weight, gains are that style's, however far the residual blocks have come from the borders."""
    body = Johnson((2, 3, 4), blocks=2).eval()
    maps = torch.zeros(1, 2, 64, 64)
    maps[:, 0, :, :32] = 1
    maps[:, 1, :, 32:] = 1
    rows = torch.stack([torch.zeros(body.row_size), torch.ones(body.row_size)])
    seen: list[torch.Tensor] = []
    for module in body.norms:
        module.register_forward_hook(lambda _module, given, _made: seen.append(given[1][0, 0, 0]))
    with torch.no_grad():
        body(torch.rand(1, 3, 64, 64), Conditioning.of(rows, body.channels, maps))
    for gains in seen:
        half = len(gains) // 2
        assert gains[:half].tolist() == [0] * half
        assert gains[half:].tolist() == [1] * half


def test_batch_normalisation_learns_and_is_kept(tmp_path: Path) -> None:
    body = Johnson((2, 3, 4), blocks=1, normalisation="batch")
    row = body.initial_row()
    photos = torch.rand(4, 3, 16, 16)
    for _ in range(3):
        body(photos, row.repeat(4, 1))
    body.eval().requires_grad_(False)
    assert torch.allclose(body(photos, row.repeat(4, 1))[:1], body(photos[:1], row), atol=1e-6)
    network = StyleNetwork(body, "johnson", row[None], ["only"])
    again = StyleNetwork.load(network.save(tmp_path / "net.safetensors"))
    assert isinstance(again.body, Johnson)
    assert again.body.normalisation == "batch"
    assert torch.allclose(again.pixels(photos), network.pixels(photos), atol=2e-2)


def test_mistakes() -> None:
    with pytest.raises(InputError, match="instance, batch"):
        Johnson(normalisation="group")
    with pytest.raises(InputError, match="transposed, nearest"):
        Johnson(upsampling="cubic")

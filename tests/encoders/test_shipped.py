"""The compact encoder that ships: its limits, that it sees what VGG-16 sees, and that no number of it is VGG-16's."""

from __future__ import annotations

import sys
from functools import cache
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from stylespace import encoders
from stylespace.encoders.compact import SHIPPED, compact
from stylespace.encoders.factored import FactoredConvolution
from stylespace.encoders.layers import layer_names
from stylespace.errors import InputError


def test_is_small_enough() -> None:
    assert SHIPPED.stat().st_size <= 8_000_000
    assert sum(p.numel() for p in compact().trunk.parameters()) <= 4_000_000
    assert {tensor.dtype for tensor in load_file(SHIPPED).values()} == {torch.float16}


def test_has_eleven_layers_and_sends_other_wishes_elsewhere() -> None:
    encoder = encoders.load("compact")
    assert encoder.layers == layer_names((2, 2, 3, 3, 1))
    with pytest.raises(InputError, match=r"use relu5_1 instead, .*or --encoder vgg19"):
        encoder.check(["relu5_2"])


def test_activations_are_normalised_to_a_mean_of_one() -> None:
    from skimage.data import astronaut, coffee

    encoder = compact()
    means = dict.fromkeys(encoder.layers, 0.0)
    for photo in (astronaut(), coffee()):
        x = torch.from_numpy(photo.copy()).permute(2, 0, 1)[None] / 255
        for name, features in encoder.trunk(x, encoder.layers).items():
            means[name] += features.mean().item() / 2
    assert all(0.4 < mean < 2.5 for mean in means.values()), means


def test_axes_are_orthonormal() -> None:
    """So inner products of features are those of VGG-16's channels, as far as these lie on the axes."""
    for name, axes in compact().trunk.axes.items():
        rows = axes.weight[:, :, 0, 0].double()
        assert (rows @ rows.T - torch.eye(len(rows))).abs().max() < 1e-2, name


def test_axes_hold_most_of_the_features() -> None:
    from skimage.data import coffee

    encoder = compact()
    x = torch.from_numpy(coffee()[:256, :256].copy()).permute(2, 0, 1)[None] / 255
    whole, kept = encoder.trunk(x, encoder.layers), encoder(x, encoder.layers)
    for name in encoder.layers:
        assert kept[name].square().sum() > 0.5 * whole[name].square().sum(), name


def test_sees_what_vgg16_sees(shared_data: Path, shared_weights: Path, repository: Path) -> None:
    sys.path.insert(0, str(repository / "recipes" / "compact-encoder"))
    try:
        from measure import FLOORS, explained
        from students import Teacher, load_trunk

        from pictures import test_pictures
    finally:
        sys.path.pop(0)
    paths = test_pictures(shared_data)
    found = explained(
        load_trunk(SHIPPED), Teacher(shared_weights / "vgg16_conv.safetensors", "fp32"), [*paths[1:10:4], paths[40]]
    )
    # Less what three paintings and a photograph differ by from all 110 pictures.
    assert all(found[name] > floor - 0.05 for name, floor in FLOORS.items()), found
    assert min(found.values()) == found["relu5_1"]


@cache
def kernels() -> dict[str, Tensor]:
    """The kernels (C_out, C_in, 3, 3) that the factors make together."""
    found = {}
    for name, convolution in compact().trunk.convolutions.items():
        if isinstance(convolution, FactoredConvolution):
            expand, middle, reduce = (
                part.weight.double() for part in (convolution.expand, convolution.middle, convolution.reduce)
            )
            found[name] = torch.einsum("om,mnij,nc->ocij", expand[:, :, 0, 0], middle, reduce[:, :, 0, 0])
        else:
            assert isinstance(convolution, nn.Conv2d)
            found[name] = convolution.weight.double()
    return found


def off(one: Tensor, other: Tensor) -> float:
    """Norm of the difference as a share of the second's, at the first's best scale (activations are in other units)."""
    a, b = one.flatten() / one.norm(), other.flatten() / other.norm()
    return float((b - (a @ b) * a).norm())


def test_no_number_is_vgg16s(shared_weights: Path) -> None:
    """Kernels, biases and every single tensor differ at any scale, conv1_1's too, in either order of its colours."""
    real = {name: tensor.double() for name, tensor in load_file(shared_weights / "vgg16_conv.safetensors").items()}
    real |= {f"{name}, RGB": tensor.flip(1) for name, tensor in real.items() if tensor.ndim == 4 and tensor.shape[1] == 3}
    shipped = {name: tensor.double() for name, tensor in load_file(SHIPPED).items()} | kernels()
    compared = 0
    for name, tensor in shipped.items():
        for other, wanted in real.items():
            if tensor.shape == wanted.shape:
                compared += 1
                assert off(tensor, wanted) > 1e-3, (name, other)
    assert compared >= 22


def test_every_rank_is_below_full() -> None:
    for name, kernel in kernels().items():
        if name == "conv1_1":
            continue  # one convolution; it was fitted with rank 16 of 27 and trained on
        c_out, c_in = kernel.shape[:2]
        assert rank(kernel.transpose(0, 1).flatten(1)) < c_in, name
        assert rank(kernel.flatten(1)) < c_out, name


def rank(rows: Tensor) -> int:
    """Singular values above 1e-5 of the largest, by the eigenvalues of the small Gram matrix, their squares."""
    return int(torch.linalg.matrix_rank(rows @ rows.T, rtol=1e-10, hermitian=True))

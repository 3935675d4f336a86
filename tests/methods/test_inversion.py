"""Rebuilding a picture from one layer, with a narrow random encoder."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from stylespace.encoders.encoder import Encoder
from stylespace.errors import InputError
from stylespace.methods.inversion import InversionSettings, inversion
from stylespace.pictures.resizing import resize
from stylespace.solvers.run import Run
from stylespace.solvers.solution import Step


def settings(**changes: Any) -> InversionSettings:
    return InversionSettings(**{"size": 64, "smallest": 32, "steps": 60} | changes)


def test_a_shallow_layer_gives_the_picture_back(encoder: Encoder, photo: Tensor) -> None:
    """relu1_1 keeps what a deep layer of a random network loses."""
    shallow, deep = (
        inversion(photo, [], settings(layer=layer, steps=100, smoothness_weight=0.0), encoder).picture
        for layer in ("relu1_1", "relu5_1")
    )
    assert shallow.shape == (1, 3, 48, 64)
    target, given = (encoder(picture, ["relu1_1"])["relu1_1"] for picture in (photo, shallow))
    assert (given - target).square().sum() < 0.01 * target.square().sum()

    def alike(picture: Tensor) -> float:
        return float(torch.corrcoef(torch.stack([picture.flatten(), photo.flatten()]))[0, 1])

    assert alike(shallow) > alike(deep) + 0.3


def test_losses_are_what_is_said(encoder: Encoder, photo: Tensor) -> None:
    """Share of the features' own squares, and the mean of squared differences of neighbours."""
    steps: list[Step] = []
    inversion(
        photo,
        [],
        settings(layer="relu3_1", smoothness_weight=2.0, smallest=64),
        encoder,
        Run(watch=lambda step: steps.append(step)),
    )
    target = encoder(photo, ["relu3_1"])["relu3_1"]
    start = steps[0]
    first: list[Tensor] = []
    inversion(
        photo,
        [],
        settings(layer="relu3_1", smallest=64, steps=1),
        encoder,
        Run(watch=lambda step: first.append(step.picture.clone())),
    )
    given = encoder(first[0], ["relu3_1"])["relu3_1"]
    assert start.terms["content relu3_1"] == pytest.approx(
        float((given - target).square().sum() / target.square().sum()), rel=1e-4
    )
    squares = first[0].diff(dim=2).square().sum() + first[0].diff(dim=3).square().sum()
    assert start.terms["smoothness"] == pytest.approx(float(2 * squares / first[0].numel()), rel=1e-4)
    assert steps[-1].total < 0.5 * start.total


def test_nothing_of_the_photo_but_its_features(encoder: Encoder, photo: Tensor) -> None:
    """It starts from noise of the seed, at the smallest size."""
    seen: list[Step] = []
    inversion(photo, [], settings(steps=2), encoder, Run(watch=lambda step: seen.append(step)))
    assert seen[0].size == 32
    assert abs(torch.corrcoef(torch.stack([seen[0].picture.flatten(), resize(photo, (24, 32)).flatten()]))[0, 1]) < 0.1
    one, same, other = (inversion(photo, [], settings(steps=6, seed=seed), encoder).picture for seed in (1, 1, 2))
    assert torch.equal(one, same)
    assert not torch.allclose(one, other, atol=0.05)


@pytest.mark.parametrize("content", [torch.full((1, 3, 20, 30), 0.4), torch.zeros(1, 3, 20, 30), torch.rand(1, 3, 2, 40)])
def test_hard_pictures(encoder: Encoder, content: Tensor) -> None:
    picture = inversion(content, [], settings(size=32, steps=4), encoder).picture
    assert torch.isfinite(picture).all()
    assert 0 <= picture.min() <= picture.max() <= 1


def test_interrupted(encoder: Encoder, photo: Tensor) -> None:
    def watch(step: Step) -> None:
        if step.size == 64:
            raise KeyboardInterrupt

    solution = inversion(photo, [], settings(size=128), encoder, Run(watch=watch))
    assert solution.interrupted
    assert solution.picture.shape == (1, 3, 48, 64)
    assert torch.isfinite(solution.picture).all()


def test_missing_layer(encoder: Encoder, photo: Tensor) -> None:
    with pytest.raises(InputError, match="no layer 'relu7_1'"):
        inversion(photo, [], settings(layer="relu7_1"), encoder)

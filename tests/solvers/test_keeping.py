"""Which iterate is kept."""

from __future__ import annotations

import pytest
import torch

from stylespace.errors import InputError
from stylespace.solvers.keeping import Keeper

PICTURES = [torch.full((1, 3, 2, 2), float(value)) for value in (0.1, 0.7, 0.4, 0.9)]
LOSSES = [3.0, 1.0, 2.0, 1.0]


def fed(keep: str, decay: float = 0.99) -> Keeper:
    keeper = Keeper(keep, decay)
    for picture, loss in zip(PICTURES, LOSSES, strict=True):
        scratch = picture.clone().requires_grad_()
        keeper.offer(scratch, loss)
        with torch.no_grad():
            scratch.fill_(-1)  # solvers change their picture in place
    return keeper


def test_best_is_the_first_of_smallest_loss() -> None:
    keeper = fed("best")
    assert torch.equal(keeper.picture(), PICTURES[1])
    assert keeper.loss == 1.0


def test_last() -> None:
    assert torch.equal(fed("last").picture(), PICTURES[3])


@pytest.mark.parametrize("decay", [0.0, 0.5, 0.9, 0.99])
def test_average_as_style_transfer_pytorch(decay: float) -> None:
    """``EMA`` there: value <- decay value + (1 - decay) picture, divided by 1 - decay^n at the end (Kingma & Ba 2015, sec. 3)."""
    value = torch.zeros(1, 3, 2, 2)
    for picture in PICTURES:
        value = decay * value + (1 - decay) * picture
    expected = value / (1 - decay ** len(PICTURES))
    assert torch.allclose(fed("average", decay).picture(), expected, atol=1e-6)


def test_nothing_offered() -> None:
    assert Keeper("best").picture() is None


def test_what_is_given_out_stays() -> None:
    keeper = fed("best")
    given = keeper.picture()
    keeper.offer(PICTURES[0], 0.5)
    assert torch.equal(given, PICTURES[1])
    assert not keeper.picture().requires_grad


def test_unknown() -> None:
    with pytest.raises(InputError, match="best, average, last"):
        Keeper("first")

"""Local affine maps of colours."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from stylespace.pictures.affine import apply_affine, certain, divided, feathered, local_affine
from stylespace.pictures.colour import colour_map, match_colours
from stylespace.pictures.resizing import resize


def rough(*size: int, seed: int = 0) -> Tensor:
    return torch.rand(1, 3, *size, generator=torch.Generator().manual_seed(seed))


def mapped(photo: Tensor) -> Tensor:
    matrix = torch.tensor([[0.5, 0.1, 0.0], [0.0, 0.6, 0.2], [0.1, 0.0, 0.4]])
    return torch.einsum("ca,nahw->nchw", matrix, photo) + 0.1


def test_an_affine_change_is_found_and_applied_at_any_size() -> None:
    large = resize(rough(40, 52), (160, 208))
    small = resize(large, (40, 52))
    maps = local_affine(small, mapped(small), 4, 1e-9)
    assert torch.allclose(apply_affine(large, maps), mapped(large), atol=1e-3)


def test_each_window_is_the_least_sum_of_squares() -> None:
    """A window as large as the picture: one ridge regression, by another route."""
    photo, target, epsilon = rough(7, 9), rough(7, 9, seed=1), 0.02
    made = local_affine(photo, target, 20, epsilon, torch.eye(3))
    i = photo[0].flatten(1).double()
    rest = target[0].flatten(1).double() - i
    centred = i - i.mean(1, keepdim=True)
    a = torch.linalg.solve(centred @ centred.T / 63 + epsilon * torch.eye(3), centred @ rest.T / 63).T + torch.eye(3)
    assert torch.allclose(made[0, :, :3, 3, 4].double(), a, atol=1e-5)


def test_faint_detail_is_blurred_without_prior_and_kept_with_it() -> None:
    photo = 0.5 + 0.004 * (rough(24, 24) - 0.5)
    target = F.avg_pool2d(F.pad(photo, (2, 2, 2, 2), mode="replicate"), 5, 1)
    kept, lost = (apply_affine(photo, local_affine(photo, target, 3, 1e-3, prior)) for prior in (torch.eye(3), None))
    assert float(kept.std()) > 0.9 * float(photo.std())
    assert float(lost.std()) < 0.5 * float(photo.std())


def test_bands_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    maps, photo = rough(12, 11).reshape(1, 3, 4, 3, 11), rough(50, 37)
    whole = apply_affine(photo, maps)
    monkeypatch.setattr("stylespace.pictures.affine.BAND", 7)
    assert torch.allclose(apply_affine(photo, maps), whole, atol=1e-6)
    even = F.interpolate(maps.flatten(1, 2), size=(50, 37), mode="bilinear", align_corners=False).reshape(1, 3, 4, 50, 37)
    assert torch.allclose((even[:, :, :3] * photo[:, None]).sum(2) + even[:, :, 3], whole, atol=1e-5)


def test_masks_follow_edges() -> None:
    photo = torch.full((1, 3, 40, 40), 0.2)
    photo[..., 21:] = 0.8
    mask = torch.zeros(1, 1, 40, 40)
    mask[..., 18:] = 1  # three pixels beside the edge
    made = feathered(mask, photo, 8)
    assert float(made[..., 20].mean()) < 0.5 < 1
    assert float(made[..., 21].mean()) > 0.9
    assert made.shape == (1, 1, 40, 40)


def halves(border: int) -> Tensor:
    """Masks (1, 2, 40, 40), left and right of a column."""
    right = torch.zeros(1, 1, 40, 40)
    right[..., border:] = 1
    return torch.cat([1 - right, right], 1)


def test_borders_go_where_the_photo_has_them() -> None:
    photo = (0.3 + 0.02 * rough(40, 40)) + 0.4 * halves(21)[:, 1:]
    for border in (17, 25):  # four pixels off, to either side
        made = divided(halves(border), photo, 8)
        assert torch.allclose(made.sum(1), torch.ones(1, 40, 40), atol=1e-5)
        assert float((made - halves(21)).abs().max()) < 0.3
        assert float((made - halves(21)).abs().mean()) < 0.03  # of a tenth


def test_where_colours_say_nothing_borders_stay() -> None:
    made = divided(halves(20), torch.full((1, 3, 40, 40), 0.4), 4)
    assert float((made.round() - halves(20)).abs().max()) == 0


def test_what_is_mixed_becomes_the_mix_of_what_it_is_made_of() -> None:
    """A bright sky made dark, a dark house made bright: the pixel between, half of each, must not be brighter than both."""
    share = halves(20)[:, 1:].clone()
    share[..., 19] = 0.5
    sky, house, dark, light = 0.9, 0.1, 0.1, 0.4
    photo = (sky * share + house * (1 - share)).expand(-1, 3, -1, -1) + 0.005 * rough(40, 40)
    masks = torch.cat([1 - share.round(), share.round()], 1)
    target = (light + (photo - house)) * masks[:, :1] + (dark + (photo - sky)) * masks[:, 1:]  # at the middle far too bright
    assert float(target[..., 19].max()) > 0.7
    maps = local_affine(photo, target, 3, 1e-4, torch.eye(3), certain(masks) ** 4)
    made = apply_affine(photo, maps)
    assert dark < float(made[..., 19].min()) <= float(made[..., 19].max()) < light
    assert float((made[..., 5] - light).abs().max()) < 0.03
    assert float((made[..., 35] - dark).abs().max()) < 0.03


@pytest.mark.parametrize("size", [(1, 1), (1, 30), (5, 5)])
def test_hard_pictures(size: tuple[int, int]) -> None:
    for photo in (rough(*size), torch.zeros(1, 3, *size)):
        made = apply_affine(rough(2 * size[0], 3 * size[1]), local_affine(photo, photo, 9, 1e-4, torch.eye(3)))
        assert bool(made.isfinite().all())
        masks = torch.cat([torch.ones(1, 1, *size), torch.zeros(1, 2, *size)], 1)
        assert bool(divided(masks, photo, 3).isfinite().all())
        assert float(certain(masks).min()) == 1


def test_colour_maps() -> None:
    photo, like = 0.3 + 0.3 * rough(20, 30), 0.2 + 0.5 * rough(25, 25, seed=1)
    found = colour_map(photo, like, most=100.0, epsilon=1e-5)
    made = (torch.einsum("ca,nahw->nchw", found[:, :3], photo) + found[:, 3, None, None]).clamp(0, 1)
    assert torch.allclose(made, match_colours(photo, like), atol=1e-4)
    left = torch.zeros(1, 1, 20, 30)
    left[..., :10] = 1
    assert torch.allclose(colour_map(photo, like, left), colour_map(photo[..., :10], like), atol=1e-4)
    assert float(torch.linalg.eigvalsh(colour_map(photo, like, most=1.2)[:, :3].double()).max()) <= 1.2001

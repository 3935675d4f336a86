"""Texture transfer by blocks of the style."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from stylespace.encoders.encoder import Encoder
from stylespace.errors import InputError
from stylespace.methods.quilting import Quilting, QuiltingSettings, quilting
from stylespace.solvers.run import Run
from stylespace.solvers.solution import Step
from stylespace.styles.guide import Drawn
from stylespace.styles.region import Region, Style


def settings(**changes: Any) -> QuiltingSettings:
    return QuiltingSettings(**{"size": 64, "block": 12, "steps": 2} | changes)


def shades(size: tuple[int, int] = (48, 64)) -> Tensor:
    """Dark at the left, bright at the right."""
    return torch.linspace(0, 1, size[1]).expand(1, 3, *size).contiguous()


def noisy(picture: Tensor) -> Tensor:
    return (picture + 0.1 * torch.rand(picture.shape)).clamp(0, 1)


def colours(picture: Tensor) -> set[tuple[float, ...]]:
    return set(map(tuple, picture[0].flatten(1).T.tolist()))


@pytest.mark.parametrize("correspondence", ["luminance", "blur", "features", "none"])
def test_pixels_are_the_styles(encoder: Encoder, photo: Tensor, red: Tensor, correspondence: str) -> None:
    made = quilting(
        photo, [Region((Style(red),))], settings(correspondence=correspondence, layer="relu2_1", style_scale=2.0), encoder
    )
    assert made.picture.shape == (1, 3, 48, 64)
    assert colours(made.picture) <= colours(red)


def test_light_goes_where_the_photo_is_light(encoder: Encoder) -> None:
    style = noisy(shades().flip(3))
    made = quilting(shades(), [Region((Style(style),))], settings(), encoder).picture
    assert made[..., 48:].mean() > made[..., :16].mean() + 0.4


def test_later_passes_lower_what_overlaps(encoder: Encoder, photo: Tensor, blue: Tensor) -> None:
    """Their blocks are smaller; every row of blocks is a step."""
    seen: list[Step] = []
    problem = Quilting(photo, [Region((Style(blue),))], settings(steps=3), encoder, Run())
    quilting(photo, [Region((Style(blue),))], settings(steps=3), encoder, Run(watch=seen.append))
    assert len(seen) == sum(rows for _, rows in problem.schedule)
    counts = [rows for _, rows in problem.schedule]
    assert counts == sorted(counts)
    assert counts[0] < counts[-1]


def test_guides_and_regions(encoder: Encoder, red: Tensor, blue: Tensor) -> None:
    left = torch.zeros(1, 1, 48, 64)
    left[..., :32] = 1
    grey = torch.full((1, 3, 48, 64), 0.5)
    made = quilting(grey, [Region((Style(red),), left), Region((Style(blue),))], settings(), encoder).picture
    assert made[0, 0, :, :26].mean() > made[0, 2, :, :26].mean()
    assert made[0, 2, :, 38:].mean() > made[0, 0, :, 38:].mean()
    kept = quilting(grey, [Region((), left), Region((Style(blue),))], settings(), encoder).picture
    assert torch.equal(kept[..., :32], grey[..., :32])
    style = noisy(shades())
    guide = Drawn(left.expand(-1, 3, -1, -1), (shades() > 0.5).float(), 4.0)
    made = quilting(grey, [Region((Style(style),))], settings(correspondence="none"), encoder, Run(guides=[guide])).picture
    assert made[..., :26].mean() > made[..., 38:].mean() + 0.3


def test_the_same_pixels_for_a_seed(encoder: Encoder, photo: Tensor, red: Tensor) -> None:
    threads = torch.get_num_threads()
    made = {}
    try:
        for count, seed in ((1, 0), (3, 0), (1, 1)):
            torch.set_num_threads(count)
            chosen = settings(correspondence="features", layer="relu2_1", tolerance=0.5, seed=seed)
            made[count, seed] = quilting(photo, [Region((Style(red),))], chosen, encoder).picture
    finally:
        torch.set_num_threads(threads)
    assert torch.equal(made[1, 0], made[3, 0])
    assert not torch.equal(made[1, 0], made[1, 1])


def test_the_photos_colours(encoder: Encoder, photo: Tensor, red: Tensor) -> None:
    from stylespace.pictures.colour import to_yiq

    made = quilting(photo * 0.4 + 0.3, [Region((Style(red * 0.4 + 0.3),))], settings(colour="luminance"), encoder).picture
    assert torch.allclose(to_yiq(made)[:, 1:], to_yiq(photo * 0.4 + 0.3)[:, 1:], atol=0.02)


def test_interrupted(encoder: Encoder, photo: Tensor, red: Tensor) -> None:
    def watch(step: Step) -> None:
        if step.index == 3:
            raise KeyboardInterrupt

    made = quilting(photo, [Region((Style(red),))], settings(steps=1), encoder, Run(watch=watch))
    assert made.interrupted
    assert made.steps == 3
    assert torch.equal(made.picture[..., 40:, :], photo[..., 40:, :])  # what was not covered yet


@pytest.mark.parametrize("size", [(2, 40), (16, 16), (64, 3)])
def test_hard_pictures(encoder: Encoder, size: tuple[int, int]) -> None:
    for style in (torch.full((1, 3, 9, 14), 0.4), torch.rand(1, 3, 3, 3)):
        made = quilting(torch.rand(1, 3, *size), [Region((Style(style),))], settings(size=max(size)), encoder).picture
        assert made.shape[-2:] == size


def test_mistakes(encoder: Encoder, photo: Tensor, red: Tensor, blue: Tensor) -> None:
    with pytest.raises(InputError, match="No style"):
        quilting(photo, [Region(())], settings(), encoder)
    with pytest.raises(InputError, match="no weights"):
        quilting(photo, [Region((Style(red, 0.7), Style(blue, 0.3)))], settings(), encoder)
    with pytest.raises(InputError, match="one style picture"):
        quilting(photo, [Region((Style(red), Style(blue)))], settings(), encoder, Run(guides=[Drawn(photo, red)]))
    narrow = torch.zeros(1, 1, 56, 72)
    with pytest.raises(InputError, match="leaves nothing"):
        quilting(photo, [Region((Style(red, 1.0, narrow),))], settings(), encoder)
    narrow[..., :5] = 1
    with pytest.raises(InputError, match="No block of 12 pixels"):
        quilting(photo, [Region((Style(red, 1.0, narrow),))], settings(), encoder)

"""Photorealistic transfer."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from stylespace.encoders.encoder import Encoder
from stylespace.errors import InputError
from stylespace.methods.gatys import Gatys
from stylespace.methods.gatys_settings import GatysSettings
from stylespace.methods.photoreal import Mapped, Optimised, PhotorealSettings, photoreal
from stylespace.objectives.photorealism import matting_energy
from stylespace.pictures.colour import to_yiq
from stylespace.pictures.resizing import resize
from stylespace.solvers.coarse_to_fine import Scale
from stylespace.solvers.run import Run
from stylespace.solvers.solution import Solution, Step
from stylespace.statistics.matting import matting_laplacian
from stylespace.styles.region import Region, Style


def settings(**changes: Any) -> PhotorealSettings:
    return PhotorealSettings(**{"size": 64, "steps": 6, "smoothing": 0.05} | changes)


def optimised(content: Tensor, regions: list[Region], chosen: PhotorealSettings, encoder: Encoder, **more: Any) -> Solution:
    pytest.importorskip("pymatting")
    base = Gatys(content, regions, GatysSettings(**chosen.of_base()), encoder, Run())
    return photoreal(content, regions, chosen, encoder, Run(base=base, **more))


def sharpness(picture: Tensor) -> float:
    """The deviation of luminance within 3 x 3 pixels as a share of that within 9 x 9: contrast does not count."""
    y = to_yiq(picture)[:, :1]
    fine, coarse = (float((y - F.avg_pool2d(y, side, 1, side // 2, count_include_pad=False)).std()) for side in (3, 9))
    return fine / coarse


def blurred(picture: Tensor) -> Tensor:
    return F.avg_pool2d(F.pad(picture, (4, 4, 4, 4), mode="reflect"), 9, 1)


def test_two_stages(encoder: Encoder, photo: Tensor, red: Tensor) -> None:
    seen: list[Step] = []
    made = optimised(photo, [Region((Style(red),))], settings(), encoder, watch=seen.append)
    assert made.picture.shape == (1, 3, 48, 64)
    assert len(seen) == 9
    assert ["photorealism" in step.terms for step in seen] == [False] * 6 + [True] * 3
    before, after = ((p[:, 0] - p[:, 2]).mean() for p in (photo, made.picture))
    assert after > before + 0.1  # redder


def test_the_photos_shapes_stay_where_gatys_loses_them(encoder: Encoder, photo: Tensor, red: Tensor) -> None:
    pytest.importorskip("pymatting")
    chosen = settings(steps=12, second=1.0, smoothing=None)
    base = Gatys(photo, [Region((Style(red),))], GatysSettings(**chosen.of_base()), encoder, Run())
    problem = Optimised(photo, [Region((Style(red),))], chosen, base)
    laplacian = matting_laplacian(problem.photo(Scale(0, 64, 1, 2)))
    plain = optimised(photo, [Region((Style(red),))], settings(steps=12, second=0.0, smoothing=None), encoder).picture
    kept = optimised(photo, [Region((Style(red),))], chosen, encoder).picture
    assert float(matting_energy(kept, laplacian)) < 0.2 * float(matting_energy(plain, laplacian))


@pytest.mark.parametrize("route", ["optimise", "fast", "global"])
def test_the_styles_blur_is_not_copied(encoder: Encoder, photo: Tensor, blue: Tensor, route: str) -> None:
    chosen, regions = settings(route=route, smoothing=0.15), [Region((Style(blurred(blue)),))]
    run = optimised if route == "optimise" else photoreal
    made = run(photo, regions, chosen, encoder).picture
    assert sharpness(regions[0].styles[0].picture) < 0.8 * sharpness(photo)
    assert sharpness(made) > 0.95 * sharpness(photo)


def test_tiles_give_the_whole_pictures_loss_and_gradient(encoder: Encoder, red: Tensor) -> None:
    pytest.importorskip("pymatting")
    content = torch.rand(1, 3, 90, 128, generator=torch.Generator().manual_seed(4))
    picture = torch.rand(1, 3, 90, 128, generator=torch.Generator().manual_seed(5))
    chosen = settings(size=128, work=128, statistic="moments", content_layers="relu2_1", style_layers="relu1_1,relu2_1")
    base = Gatys(content, [Region((Style(red),))], GatysSettings(**chosen.of_base()), encoder, Run())
    problem = Optimised(content, [Region((Style(red),))], chosen, base)
    scale = Scale(1, 128, 1, 2)
    whole = problem.loss(scale, lambda: picture, None)
    assert callable(whole)
    x = picture.clone().requires_grad_()
    terms = whole(x)
    torch.stack(list(terms.values())).sum().backward()
    tiled = problem.loss(scale, lambda: picture, 32)
    assert not callable(tiled)
    assert len(tiled[0].tiles) > 4
    slope = torch.zeros_like(picture)
    assert tiled[0].gradient(picture, slope) == pytest.approx({name: float(t.detach()) for name, t in terms.items()}, rel=1e-4)
    assert x.grad is not None
    assert torch.allclose(slope, x.grad, atol=1e-4 * float(x.grad.abs().max()))


def test_regions_have_their_own_colours(encoder: Encoder, photo: Tensor, red: Tensor, blue: Tensor) -> None:
    left = torch.zeros(1, 1, 48, 64)
    left[..., :32] = 1
    regions = [Region((Style(red),), left), Region((Style(blue),))]
    made = photoreal(photo, regions, settings(route="fast", size=96, work=64), encoder).picture
    assert made.shape == (1, 3, 72, 96)
    redness = made[0, 0] - made[0, 2]
    assert float(redness[:, :40].mean()) > 0.1 > -0.1 > float(redness[:, 56:].mean())
    kept = photoreal(photo, [Region((), left), Region((Style(blue),))], settings(route="fast"), encoder).picture
    assert torch.allclose(kept[..., :32], photo[..., :32], atol=1e-6)


def test_large_results_are_the_photos_own_pixels(encoder: Encoder, red: Tensor) -> None:
    """Detail that the working size cannot show is there."""
    content = 0.3 + 0.4 * torch.rand(1, 3, 192, 256, generator=torch.Generator().manual_seed(0))
    for run, route in ((photoreal, "fast"), (optimised, "optimise")):
        made = run(content, [Region((Style(red),))], settings(route=route, size=256, work=64, steps=2), encoder).picture
        assert made.shape == content.shape
        assert sharpness(made) > 0.9 * sharpness(content)


def test_the_global_map_is_told(encoder: Encoder, photo: Tensor, red: Tensor) -> None:
    made = photoreal(photo, [Region((Style(red),))], settings(route="global"), encoder)
    found = torch.tensor(made.facts["colours"])
    mapped = (torch.einsum("ca,nahw->nchw", found[:, :3], photo) + found[:, 3, None, None]).clamp(0, 1)
    assert torch.allclose(made.picture, mapped, atol=1e-5)
    half = photoreal(photo, [Region((Style(red),))], settings(route="global", strength=0.0), encoder)
    assert torch.allclose(half.picture, photo, atol=1e-6)
    assert torch.allclose(torch.tensor(half.facts["colours"]), torch.eye(3, 4), atol=1e-6)


@pytest.mark.parametrize(
    ("route", "size"),
    [(route, size) for route in ("fast", "global") for size in ((2, 40), (16, 16), (64, 1))] + [("optimise", (16, 16))],
)
def test_hard_pictures(encoder: Encoder, size: tuple[int, int], route: str) -> None:
    run = optimised if route == "optimise" else photoreal
    chosen = settings(route=route, size=max(size), steps=2, work=32)
    for style in (torch.full((1, 3, 19, 24), 0.4), torch.rand(1, 3, 17, 16)):
        made = run(torch.rand(1, 3, *size), [Region((Style(style),))], chosen, encoder).picture
        assert made.shape[-2:] == size
        assert bool(made.isfinite().all())


def test_mistakes(encoder: Encoder, photo: Tensor) -> None:
    with pytest.raises(InputError, match="No style"):
        photoreal(photo, [Region(())], settings(route="fast"), encoder)
    with pytest.raises(InputError, match="choose among optimise, fast, global"):
        settings(route="slow")


def test_empty_masks(encoder: Encoder, photo: Tensor, red: Tensor) -> None:
    """Where nothing of the style is painted all of it is taken; a region that is nowhere changes nothing."""
    nothing = torch.zeros(1, 1, 56, 72)
    made, whole = (
        photoreal(photo, [Region((Style(red, 1.0, mask),))], settings(route="fast"), encoder).picture for mask in (nothing, None)
    )
    assert torch.allclose(made, whole)
    problem = Mapped(photo, [Region((Style(red),), torch.zeros(1, 1, 48, 64)), Region((Style(red),))], settings(route="fast"))
    assert torch.equal(problem._maps()[0], torch.eye(3, 4))
    assert resize(photo, (48, 64)) is photo

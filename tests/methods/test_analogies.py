"""As A is to A', so is B to the result."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from installed import needs
from torch import Tensor

import stylespace as ss
from stylespace.encoders.encoder import Encoder
from stylespace.errors import InputError
from stylespace.methods.analogies import AnalogiesSettings, analogies
from stylespace.pictures.colour import to_yiq
from stylespace.pipelines.run import Progress
from stylespace.solvers.run import Run
from stylespace.solvers.solution import Step
from stylespace.storage import journal
from stylespace.styles.guide import Drawn
from stylespace.styles.region import Region, Style

needs("numba")


def settings(**changes: Any) -> AnalogiesSettings:
    return AnalogiesSettings(**{"size": 64, "smallest": 16} | changes)


def halves(size: tuple[int, int], turned: bool = False) -> Tensor:
    """A map: dark at the left and bright at the right; turned: above and below."""
    made = torch.zeros(1, 3, *size)
    if turned:
        made[..., size[0] // 2 :, :] = 1
    else:
        made[..., size[1] // 2 :] = 1
    return made


def painted(size: tuple[int, int] = (60, 60)) -> Tensor:
    """Reddish grain at the left, bluish at the right."""
    where, grain = halves(size), torch.rand(1, 1, *size, generator=torch.Generator().manual_seed(0))
    red, blue = (torch.tensor(c).view(1, 3, 1, 1) for c in ((0.8, 0.2, 0.1), (0.1, 0.3, 0.8)))
    return ((1 - where) * red + where * blue) * (0.6 + 0.4 * grain)


def test_texture_by_numbers(encoder: Encoder) -> None:
    """What was left and right is above and below where the new map says so."""
    style = painted()
    made = analogies(halves((48, 64), True), [Region((Style(style),))], settings(channels="colour", remap=False), encoder,
                     Run(source=halves((60, 60)))).picture  # fmt: skip
    assert made.shape == (1, 3, 48, 64)
    above, below = made[..., :20, :], made[..., 28:, :]
    assert above[:, 0].mean() > above[:, 2].mean() + 0.3
    assert below[:, 2].mean() > below[:, 0].mean() + 0.3
    assert made[..., :20, :].std() > 0.5 * style[..., :30].std()  # grain, not its mean


def test_a_change_of_tone_is_learned(encoder: Encoder, photo: Tensor) -> None:
    """A' is the negative of A: so is the result of the photo."""
    source = F.interpolate(torch.rand(1, 3, 8, 8), size=(64, 64), mode="bicubic").clamp(0, 1)
    made = analogies(photo, [Region((Style(1 - source),))], settings(remap=False), encoder, Run(source=source)).picture
    both = torch.stack([to_yiq(p)[0, 0].flatten() for p in (made, photo)])
    assert torch.corrcoef(both)[0, 1] < -0.6


def test_super_resolution(encoder: Encoder) -> None:
    """Detail of A' comes back where the photo has lost it."""
    y, x = torch.meshgrid(torch.arange(96.0), torch.arange(96.0), indexing="ij")
    fine = (0.5 + 0.4 * torch.sign(torch.sin(x / 2.2) * torch.sin(y / 2.6 + x / 30))).expand(1, 3, -1, -1).contiguous()
    small = F.interpolate(fine[..., :64, :64], size=(32, 32), mode="area")
    chosen = replace(AnalogiesSettings.super_resolution(), size=64, smallest=32)
    made = analogies(small, [Region((Style(fine),))], chosen, encoder).picture
    plain = F.interpolate(small, size=(64, 64), mode="bicubic").clamp(0, 1)
    wanted = fine[..., :64, :64]
    steps = [float(p.diff(dim=2).square().mean() + p.diff(dim=3).square().mean()) for p in (made, plain, wanted)]
    assert steps[0] > 1.3 * steps[1]
    assert (made - wanted).square().mean() < (plain - wanted).square().mean()


def test_guides_and_regions(encoder: Encoder) -> None:
    grey = torch.full((1, 3, 48, 64), 0.5)
    guide = Drawn(halves((48, 64), True), halves((60, 60)), 6.0)
    made = analogies(grey, [Region((Style(painted()),))], settings(), encoder, Run(guides=[guide])).picture
    assert made[0, 0, :20].mean() > made[0, 2, :20].mean() + 0.2
    assert made[0, 2, 28:].mean() > made[0, 0, 28:].mean() + 0.2
    left = 1 - halves((48, 64))[:, :1]
    kept = analogies(grey, [Region((), left), Region((Style(painted()),))], settings(), encoder).picture
    assert torch.equal(kept[..., :32], grey[..., :32])


def test_copies_and_colours(encoder: Encoder, photo: Tensor) -> None:
    style = painted()
    copied = analogies(photo, [Region((Style(style),))], settings(finish="copy", style_scale=2.0), encoder).picture
    assert set(map(tuple, copied[0].flatten(1).T.tolist())) <= set(map(tuple, style[0].flatten(1).T.tolist()))
    soft = photo * 0.4 + 0.3
    own = analogies(soft, [Region((Style(style),))], settings(colour="luminance"), encoder).picture
    assert torch.allclose(to_yiq(own)[:, 1:], to_yiq(soft)[:, 1:], atol=0.05)


def test_the_same_pixels_for_a_seed(encoder: Encoder, photo: Tensor) -> None:
    threads, made = torch.get_num_threads(), {}
    try:
        for count, seed in ((1, 0), (3, 0), (1, 1)):
            torch.set_num_threads(count)
            chosen = settings(seed=seed, channels="features", layer="relu2_1")
            made[count, seed] = analogies(photo, [Region((Style(painted()),))], chosen, encoder).picture
    finally:
        torch.set_num_threads(threads)
    assert torch.equal(made[1, 0], made[3, 0])
    assert not torch.equal(made[1, 0], made[1, 1])


def test_interrupted(encoder: Encoder, photo: Tensor) -> None:
    def watch(step: Step) -> None:
        if step.size == 64:
            raise KeyboardInterrupt

    made = analogies(photo, [Region((Style(painted()),))], settings(), encoder, Run(watch=watch))
    assert made.interrupted
    assert made.picture.shape == (1, 3, 48, 64)


def test_it_goes_on_after_a_stop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, compact_weights: Path) -> None:
    monkeypatch.setattr(journal, "EVERY", -1.0)
    photo = np.random.default_rng(0).integers(0, 256, (24, 32, 3), dtype=np.uint8)
    given: dict[str, Any] = {
        "method": "analogies", "size": 32, "smallest": 16, "weights": compact_weights, "style_source": photo[::-1].copy(),
        "guides": [ss.Guide(photo, photo[::-1].copy(), 0.5)],
    }  # fmt: skip
    style = 255 - photo[::-1]
    whole = ss.transfer(photo, style, **given)

    class Killed(BaseException):
        pass

    def stop(progress: Progress) -> None:
        if progress.done == 5:
            raise Killed

    with pytest.raises(Killed):
        ss.transfer(photo, style, unfinished=tmp_path / "state", progress=stop, **given)
    notes: list[str] = []
    again = ss.transfer(photo, style, unfinished=tmp_path / "state", note=notes.append, **given)
    assert notes == ["Continuing after step 4."]
    assert again.picture.tobytes() == whole.picture.tobytes()


@pytest.mark.parametrize("size", [(2, 40), (5, 5), (64, 3)])
def test_hard_pictures(encoder: Encoder, size: tuple[int, int]) -> None:
    for style in (torch.full((1, 3, 9, 14), 0.4), torch.rand(1, 3, 60, 12)):
        made = analogies(torch.rand(1, 3, *size), [Region((Style(style),))], settings(size=max(size)), encoder).picture
        assert made.shape[-2:] == size


def test_mistakes(encoder: Encoder, photo: Tensor, red: Tensor) -> None:
    with pytest.raises(InputError, match="odd number"):
        analogies(photo, [Region((Style(red),))], settings(patch=4), encoder)
    narrow = (torch.arange(72) < 3).float().expand(1, 1, 56, 72)
    with pytest.raises(InputError, match="No patch of 5"):
        analogies(photo, [Region((Style(red, 1.0, narrow),))], settings(), encoder)
    with pytest.raises(InputError, match="source belongs to one style"):
        analogies(photo, [Region((Style(red), Style(red)))], settings(), encoder, Run(source=red))
    with pytest.raises(InputError, match="A style source is for analogies"):
        ss.transfer(np.zeros((8, 8, 3), np.uint8), np.zeros((8, 8, 3), np.uint8), style_source=np.zeros((8, 8, 3), np.uint8))

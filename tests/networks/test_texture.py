"""Texture networks: noise and its seeds, textures without seams, photos."""

from __future__ import annotations

import pytest
import torch

from stylespace.errors import InputError
from stylespace.networks.conditioning import Conditioning
from stylespace.networks.texture import Texture


def styled(body: Texture) -> torch.Tensor:
    return body.initial_row() + 0.3 * torch.randn(body.row_size)


def test_published_shapes() -> None:
    """The paper's figure 2 and the authors' code: every scale adds eight channels; a block is 3x3, 3x3, 1x1; both sides are normalised."""
    body = Texture(5, photo=False)
    shapes = [(m.in_channels, m.out_channels, m.kernel_size[0]) for m in body.convolutions]  # type: ignore[union-attr, index]
    block = [(3, 8, 3), (8, 8, 3), (8, 8, 1)]
    joined = [[(c, c, 3), (c, c, 3), (c, c, 1)] for c in (16, 24, 32, 40)]
    assert shapes == [*block, *(s for j in joined for s in (*block, *j))]
    assert body.channels[:11] == (8, 8, 8, 8, 8, 8, 8, 8, 16, 16, 16)
    assert len(body.channels) == 3 + 4 * 8
    assert [tuple(z.shape[-2:]) for z in body.draw((256, 128))] == [(16, 8), (32, 16), (64, 32), (128, 64), (256, 128)]


def test_seeds() -> None:
    body = Texture(3, 4, photo=False).eval()
    row = styled(body)
    first = body.texture(row, (40, 25), seed=1)
    assert first.shape == (1, 3, 40, 25)
    assert torch.equal(first, body.texture(row, (40, 25), seed=1))
    assert (first - body.texture(row, (40, 25), seed=2)).abs().mean() > 0.01
    with torch.no_grad():
        assert torch.equal(body(torch.rand(1, 3, 32, 32), row), body.texture(row, (32, 32), seed=0))  # only the size counts
        many = body(torch.rand(3, 3, 32, 32), row.repeat(3, 1))
        assert torch.allclose(many[0], many[2], atol=1e-6)
        body.train()
        assert not torch.equal(body(torch.rand(1, 3, 32, 32), row), body(torch.rand(1, 3, 32, 32), row))


def test_textures_have_no_seam() -> None:
    """Noise moved around the borders gives the texture moved around the borders: nothing knows where a border is."""
    body = Texture(4, 4, photo=False).eval()
    row = styled(body)
    noise = body.draw((32, 48), 1, 5)
    moved = [z.roll((2**i, 3 * 2**i), (2, 3)) for i, z in enumerate(noise)]
    with torch.no_grad():
        conditioning = Conditioning.of(row, body.channels)
        blank = torch.zeros(1, 3, 32, 48)
        grown, shifted = body.grow(noise, blank, conditioning), body.grow(moved, blank, conditioning)
    assert torch.allclose(grown.roll((8, 24), (2, 3)), shifted, atol=1e-5)


def test_photos_count() -> None:
    body = Texture(3, 4).eval()
    row = styled(body)
    photo = torch.rand(1, 3, 21, 34)
    with torch.no_grad():
        assert torch.equal(body(photo, row), body(photo, row))
        assert not torch.allclose(body(photo, row), body(photo.flip(3), row), atol=1e-3)
        assert Texture(3, 4, noise=0)(photo, row).shape == photo.shape


@pytest.mark.parametrize("photo", [False, True])
def test_learns(photo: bool) -> None:
    """Gradients reach every weight, and a few steps come nearer to a colour."""
    body = Texture(3, 4, photo=photo, normalisation="batch")
    row = body.initial_row().requires_grad_()
    optimiser = torch.optim.Adam([*body.parameters(), row], 0.02)
    wanted = torch.tensor([0.9, 0.2, 0.4]).view(1, 3, 1, 1)
    losses = []
    for _ in range(30):
        loss = (body(torch.rand(2, 3, 16, 16), row.repeat(2, 1)) - wanted).square().mean()
        optimiser.zero_grad()
        loss.backward()
        assert all(p.grad is not None for p in body.parameters())
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0] / 5


def test_mistakes() -> None:
    with pytest.raises(InputError, match="instance, batch"):
        Texture(normalisation="group")
    for wrong in ({"scales": 0}, {"width": 0}, {"noise": 0, "photo": False}):
        with pytest.raises(InputError, match="at least"):
            Texture(**wrong)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="photo=False"):
        Texture(2, 2).texture(Texture(2, 2).initial_row(), (8, 8))

"""Networks of fixed statistics: equal where the picture has those, one place from another far away not, kept in files, exported."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch.testing import assert_close

from stylespace.cli.app import main
from stylespace.errors import InputError
from stylespace.networks.body import Body
from stylespace.networks.builds import BUILDS
from stylespace.networks.moments import measured
from stylespace.networks.steady import steady
from stylespace.networks.style_network import StyleNetwork
from stylespace.pictures import Picture, write

SETTINGS = {
    "tiny": {}, "published": {"widths": (4, 6, 8), "blocks": 1}, "johnson": {"widths": (4, 6, 8), "blocks": 1}, "multimodal": {},
}  # fmt: skip


def made(build: str) -> StyleNetwork:
    torch.manual_seed(2)
    body: Body = BUILDS[build](**SETTINGS[build]).eval().requires_grad_(False)  # type: ignore[arg-type]
    body.load_state_dict({name: value.half().float() for name, value in body.state_dict().items()})
    rows = (body.initial_row() + 0.3 * torch.randn(2, body.row_size)).half().float()
    return StyleNetwork(body, build, rows, ["one", "two"])


@pytest.mark.parametrize("build", SETTINGS)
def test_equal_for_the_picture_it_was_taken_from(build: str) -> None:
    network, picture = made(build), torch.rand(1, 3, 72, 96)
    still = steady(network, [picture])
    for mix in ("one", "two"):
        assert_close(still.pixels(picture, mix), network.pixels(picture, mix), atol=2e-4, rtol=0)
    with measured() as found:
        still.pixels(picture, "one")
    assert not found[0].means  # nothing is measured
    assert torch.equal(network.rows, made(build).rows)  # the caller's network stays as it is


def test_far_places_do_not_count() -> None:
    network, picture = made("tiny"), torch.rand(1, 3, 64, 640)
    other = picture.clone()
    other[..., 480:] = 0.9
    still = steady(network, [picture, picture.flip(3)])
    assert torch.equal(still.pixels(picture, "one")[..., :64], still.pixels(other, "one")[..., :64])
    assert not torch.equal(network.pixels(picture, "one")[..., :64], network.pixels(other, "one")[..., :64])


def test_kept_in_a_file_and_folded(tmp_path: Path) -> None:
    network, picture = made("tiny"), torch.rand(1, 3, 64, 80)
    still = steady(network, [picture])
    again = StyleNetwork.load(still.save(tmp_path / "still.safetensors"))
    assert torch.equal(again.rows, still.rows)
    assert torch.equal(again.pixels(picture, "two"), still.pixels(picture, "two"))
    assert again.checksum() == still.checksum() != network.checksum()
    assert_close(again.body.folded()(picture, again.rows[:1]), still.pixels(picture, "one"), atol=1e-5, rtol=0)  # type: ignore[operator]


def test_mistakes() -> None:
    network = made("tiny")
    with pytest.raises(InputError, match="give some"):
        steady(network, [])
    with pytest.raises(InputError, match="steady as it is"):
        steady(steady(network, [torch.rand(1, 3, 64, 64)]), [torch.rand(1, 3, 64, 64)])


def test_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    network, picture = made("tiny"), torch.rand(1, 3, 64, 80)
    write(Picture(picture), "photo.png")
    network.save("net.safetensors")
    assert main(["network", "steady", "net.safetensors", "photo.png", "--style", "two", "-o", "still.safetensors"]) == 0
    still = StyleNetwork.load("still.safetensors")
    assert still.styles == ("two",)
    assert_close(still.pixels(picture), network.pixels(picture, "two"), atol=0.05, rtol=0)  # of 8 bits
    assert main(["paint", "photo.png", "-n", "still.safetensors", "--style", "two", "-o", "out.png"]) == 0

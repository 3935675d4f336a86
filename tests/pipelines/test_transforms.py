"""Redrawing as augmentation: same kind and size, drawn by torch's seed, in a DataLoader's workers, too."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from styled import Styled
from tiny import tiny_network
from torch.utils.data import DataLoader

import stylespace as ss
from stylespace.errors import InputError, PictureError, WeightsError
from stylespace.networks.style_network import StyleNetwork
from stylespace.pipelines.transforms import Stylize

NAMES = ["swirls", "waves", "dots"]


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_network(tmp_path_factory.mktemp("network") / "net.safetensors", NAMES, reads=True)


@pytest.fixture
def photo() -> torch.Tensor:
    return torch.rand(3, 20, 28)


def test_every_kind_comes_back_as_it_was_given(network: Path, photo: torch.Tensor) -> None:
    change = Stylize(1, network=network)
    for given in (photo, photo.double(), photo.half(), (photo * 255).byte()):
        made = change(given)
        assert made.dtype == given.dtype
        assert made.shape == given.shape
        assert not torch.equal(made, given)
    samples = (photo.permute(1, 2, 0) * 255).byte().numpy()
    alpha = np.arange(20 * 28, dtype=np.uint8).reshape(20, 28, 1)
    for mode, array in (("RGB", samples), ("RGBA", np.concatenate([samples, alpha], 2)), ("L", samples[..., 0])):
        given = Image.fromarray(array, mode)
        given.info["exif"] = b"kept"
        made = change(given)
        assert (made.mode, made.size, made.info["exif"]) == (mode, (28, 20), b"kept")
        assert np.asarray(made).tobytes() != array.tobytes()
        if mode == "RGBA":
            assert np.array_equal(np.asarray(made)[..., 3:], alpha)


def test_kinds_agree_with_each_other_and_with_the_network(network: Path, photo: torch.Tensor) -> None:
    small = (photo * 255).byte()
    change = Stylize(1, "waves", strength=1, network=network)
    pil = change(Image.fromarray(small.permute(1, 2, 0).numpy()))
    floats = change(small.float() / 255)
    assert np.array_equal(np.asarray(pil), change(small).permute(1, 2, 0).numpy())
    assert torch.equal((floats * 255).round().byte(), change(small))
    wanted = StyleNetwork.load(network).pixels(small[None].float() / 255, "waves")[0]
    torch.testing.assert_close(floats, wanted.clamp(0, 1))
    half = Stylize(1, "waves", strength=0.5, network=network)(small.float() / 255)
    torch.testing.assert_close(half, (small.float() / 255).lerp(floats, 0.5))


def test_draws_follow_torchs_seed(network: Path, photo: torch.Tensor) -> None:
    change = Stylize(0.5, network=network)

    def several(seed: int, change: Stylize = change) -> list[torch.Tensor]:
        torch.manual_seed(seed)
        return [change(photo) for _ in range(40)]

    first, again, other = several(1), several(1), several(2)
    assert all(map(torch.equal, first, again))
    assert not all(map(torch.equal, first, other))
    untouched = sum(torch.equal(made, photo) for made in first)
    assert 8 <= untouched <= 32
    # One number of torch's generator a picture, whatever is drawn: what comes after does not depend on p.
    after = []
    for p in (0, 0.5, 1):
        several(3, Stylize(p, network=network))
        after.append(torch.rand(()))
    assert after[0] == after[1] == after[2]


def test_strength_and_styles_are_drawn_from_all_that_is_given(network: Path, photo: torch.Tensor) -> None:
    assert torch.equal(Stylize(1, strength=0, network=network)(photo), photo)
    assert Stylize(1, network=network).load() == tuple(NAMES)
    change = Stylize(1, ["swirls", {"waves": 3, "dots": 1}], strength=1, network=network)
    assert change.load() == ("swirls", "waves + dots")
    plain = StyleNetwork.load(network)
    wanted = [plain.pixels(photo[None], mix)[0].clamp(0, 1) for mix in ("swirls", {"waves": 3, "dots": 1})]
    seen = set()
    for _ in range(20):
        made = change(photo)
        near = [torch.allclose(made, each, atol=1e-5) for each in wanted]
        assert sum(near) == 1
        seen.add(near.index(True))
    assert seen == {0, 1}
    mixes = Stylize(1, mixed=2, strength=1, network=network)
    several = [mixes(photo) for _ in range(6)]
    assert not any(torch.equal(several[i], several[j]) for i in range(6) for j in range(i))


def test_paintings_folders_and_codes(network: Path, photo: torch.Tensor, tmp_path: Path) -> None:
    paths = [tmp_path / "paintings" / name for name in ("a.png", "b.png")]
    paths[0].parent.mkdir()
    for number, path in enumerate(paths):
        Image.fromarray(np.random.default_rng(number).integers(0, 255, (40, 40, 3), dtype=np.uint8)).save(path)
    reading = StyleNetwork.load(network)
    code = reading.code(paths[0], "first")
    change = Stylize(
        1, [paths[0].parent, str(paths[0]), {paths[0]: 1, "waves": 1}, code, Image.open(paths[1])], strength=1, network=network
    )
    a, b = map(str, paths)
    assert change.load() == (a, b, a, f"{a} + waves", "first", "picture 6")
    made = Stylize(1, paths[0], strength=1, network=network)(photo)
    torch.testing.assert_close(made, Stylize(1, code, strength=1, network=network)(photo))


def test_its_settings_are_sent_and_not_its_network(network: Path, photo: torch.Tensor) -> None:
    change = Stylize(1, ["swirls", "dots"], network=network)
    torch.manual_seed(5)
    wanted = change(photo)
    data = pickle.dumps(change)
    assert len(data) < 1000
    torch.manual_seed(5)
    assert torch.equal(pickle.loads(data)(photo), wanted)
    assert "styles='2 styles'" in repr(change)


def test_labels_and_kinds_of_tensors_are_kept(network: Path, photo: torch.Tensor) -> None:
    class Picture(torch.Tensor):
        pass

    change = Stylize(1, network=network)
    label, boxes = object(), [1, 2, 3, 4]
    made, *labels = change(photo.as_subclass(Picture), label, boxes)
    assert type(made) is Picture
    assert labels[0] is label
    assert labels[1] is boxes


def test_workers_draw_for_themselves_at_each_epoch(network: Path, photo: torch.Tensor) -> None:
    data = Styled(photo, 4, Stylize(1, network=network))
    loader = DataLoader(data, batch_size=None, num_workers=2)

    def epoch() -> list[Any]:
        return list(loader)

    torch.manual_seed(1)
    first, second = epoch(), epoch()
    torch.manual_seed(1)
    again = epoch()
    assert [label for _, label, _ in first] == [0, 1, 2, 3]
    assert {threads for _, _, threads in first} == {1}
    assert all(torch.equal(a[0], b[0]) for a, b in zip(first, again, strict=True))
    assert not any(torch.equal(a[0], b[0]) for a, b in zip(first, second, strict=True))
    assert not torch.equal(first[0][0], first[1][0])  # the same place in another worker


def test_tiny_pictures(network: Path) -> None:
    change = Stylize(1, network=network)
    for size in ((1, 1), (1, 9), (3, 2)):
        assert change(torch.rand(3, *size)).shape == (3, *size)
    assert Stylize(1, size=64, network=network)(torch.rand(3, 32, 24)).shape == (3, 32, 24)


def test_mistakes(network: Path, photo: torch.Tensor) -> None:
    for wrong, said in (
        ({"p": 1.5}, "1.5"),
        ({"strength": (0.9, 0.2)}, "lower one first"),
        ({"mixed": 0}, "mix of 0"),
        ({"colour": "red"}, "red"),
    ):
        with pytest.raises(InputError, match=said):
            Stylize(**wrong)
    change = Stylize(1, network=network)
    with pytest.raises(PictureError, match="before Normalize"):
        change(photo * 4 - 2)
    with pytest.raises(PictureError, match="before Normalize"):
        change(photo * float("nan"))
    with pytest.raises(PictureError, match=r"\(1, 20, 28\)"):
        change(photo[:1])
    with pytest.raises(PictureError, match="int64"):
        change(photo.long())
    with pytest.raises(PictureError, match="mode P"):
        change(Image.new("P", (4, 4)))
    with pytest.raises(PictureError, match="ndarray"):
        change(photo.numpy())
    with pytest.raises(InputError, match="did you mean 'waves'"):
        Stylize(1, "wave", network=network)(photo)
    with pytest.raises(InputError, match="cannot be drawn from 3"):
        Stylize(1, mixed=4, network=network)(photo)
    with pytest.raises(InputError, match="No style"):
        Stylize(1, [], network=network)(photo)
    with pytest.raises(WeightsError, match="no network"):
        Stylize(1, network="nothing")(photo)


def test_public_name() -> None:
    assert ss.transforms.Stylize is Stylize

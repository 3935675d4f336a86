"""Classes of photo and style, and the regions they give."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

from stylespace.encoders.encoder import Encoder
from stylespace.encoders.trunk import Trunk
from stylespace.errors import InputError
from stylespace.styles import classes
from stylespace.styles.classes import ClassMaps


@pytest.fixture(scope="module")
def network() -> Encoder:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return Encoder(Trunk((2, 2, 3, 3, 1), (4, 4, 6, 6, 8, 8, 8, 10, 10, 10, 12)), "compact")


def halves(first: tuple[float, float, float], second: tuple[float, float, float], size: tuple[int, int] = (48, 64)) -> Tensor:
    """One colour above, one below."""
    made = torch.tensor(first)[None, :, None, None].expand(1, 3, *size).clone()
    made[:, :, size[0] // 2 :] = torch.tensor(second)[:, None, None]
    return made


BLACK, WHITE, GREEN = (0.0, 0.0, 0.0), (1.0, 1.0, 1.0), (0.0, 1.0, 0.0)


def test_colours_are_classes_and_blurred_edges_are_not() -> None:
    photo = halves(WHITE, BLACK)
    photo[:, :, 23:25, :8] = torch.tensor([0.66, 0.33])[:, None]  # an edge that was blurred
    photo[:, :, 40:] = 2 / 255  # nearly black
    style = halves(BLACK, GREEN, (30, 20))
    found = classes.of_colours(photo, style)
    assert set(found.names) == {"#000000", "#ffffff", "#00ff00"}
    name = {n: i for i, n in enumerate(found.names)}
    assert found.photo.shape == (48, 64)
    assert (found.photo[:23] == name["#ffffff"]).all()
    assert (found.photo[25:] == name["#000000"]).all()
    assert (found.photo[23, :8] == name["#ffffff"]).all()
    assert (found.style[15:] == name["#00ff00"]).all()


def test_the_table_gives_each_class_a_partner(network: Encoder) -> None:
    labels = classes.of_colours(halves(WHITE, BLACK), halves(BLACK, GREEN))
    waves = torch.rand(1, 3, 48, 64, generator=torch.Generator().manual_seed(0))
    flat = torch.full((1, 3, 48, 64), 0.5)
    photo, style = (torch.cat([a, b], 2) for a, b in ((waves[:, :, :24], flat[:, :, :24]), (flat[:, :, :24], waves[:, :, :24])))
    rows = dict(classes.table(labels, photo, style, network))
    assert rows == {"#000000": "#000000", "#ffffff": "#00ff00"}  # rough goes with rough


def test_regions_of_a_table() -> None:
    photo, style = halves((0.1, 0.2, 0.3), (0.8, 0.7, 0.6)), halves((0.9, 0.1, 0.1), (0.1, 0.1, 0.9))
    labels = classes.of_colours(halves(WHITE, BLACK), halves(BLACK, WHITE))
    made = classes.regions(labels, [("#ffffff", "#ffffff"), ("#000000", "#000000")], photo, style)
    assert len(made) == 2
    for region, above in zip(made, (True, False), strict=True):
        assert region.guide is not None
        mask = region.styles[0].mask
        assert mask is not None
        assert (float(region.guide[:, :, :20].mean()) > 0.95) is above
        assert (float(mask[:, :, :20].mean()) > 0.95) is not above
    total = sum(region.guide for region in made if region.guide is not None)
    assert torch.allclose(torch.as_tensor(total), torch.ones(1, 1, 48, 64), atol=1e-4)


def test_rows_that_share_a_class_are_one_region() -> None:
    labels = ClassMaps(("sky", "sea", "tree"), torch.tensor([[0, 1], [2, 2]]), torch.tensor([[0, 0], [2, 2]]))
    photo = torch.rand(1, 3, 32, 32)
    made = classes.regions(labels, [("sky", "sky"), ("sea", "sky")], photo, photo)
    assert [len(region.styles) for region in made] == [1, 0]  # what is in no row stays as it is
    assert made[0].guide is not None
    assert float(made[0].guide[:, :, :12].mean()) > 0.9
    with pytest.raises(InputError, match="names the class 'lake', which the style has not"):
        classes.regions(labels, [("sky", "lake")], photo, photo)
    with pytest.raises(InputError, match="has nothing of sea"):
        classes.regions(labels, [("sky", "sea")], photo, photo)


def test_found_classes(network: Encoder) -> None:
    rough = torch.rand(1, 3, 128, 64, generator=torch.Generator().manual_seed(0))
    photo, style = rough.clone(), rough.clone()
    photo[:, :, :64] = 0.5
    style[:, :, 64:] = 0.5
    found = classes.of_features(photo, style, network, 2)
    above, below = (int(found.photo[rows].float().mean().round()) for rows in (slice(0, 5), slice(-5, None)))
    assert above != below
    assert int(found.style[-5:].float().mean().round()) == above


def test_numbers() -> None:
    found = classes.of_numbers(torch.tensor([[3, 3], [150, 3]]), torch.tensor([[150, 7]]))
    assert found.names == ("3", "7", "150")
    assert found.photo.tolist() == [[0, 0], [2, 0]]
    assert found.style.tolist() == [[2, 1]]


def test_tables_are_read(tmp_path: Path) -> None:
    place = tmp_path / "table.csv"
    place.write_text("photo, style\n".replace(" ", "") + "#FFFF00,#ffffff\n12 , 3\n")
    assert classes.read_table(place) == [("#ffff00", "#ffffff"), ("12", "3")]
    for wrong in ("a,b\n1,2\n", "photo,style\n", "", "photo,style\n1\n"):
        place.write_text(wrong)
        with pytest.raises(InputError, match="no table of classes"):
            classes.read_table(place)
    with pytest.raises(InputError, match="no table of classes"):
        classes.read_table(tmp_path / "none.csv")

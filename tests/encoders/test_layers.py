"""Layer names and what users write for layer weights."""

from __future__ import annotations

from itertools import pairwise

import pytest

from stylespace.encoders.layers import VGG19, block, check, layer_names, nearest, weights
from stylespace.errors import InputError

COMPACT = layer_names((2, 2, 3, 3, 1))


def test_names() -> None:
    assert layer_names((1, 2)) == ("relu1_1", "relu2_1", "relu2_2")
    assert len(VGG19) == 16
    assert (VGG19[0], VGG19[9], VGG19[-1]) == ("relu1_1", "relu4_2", "relu5_4")
    assert [block(name) for name in VGG19] == [1, 1, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5]
    assert block("relu4_11") == 4


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("relu4_2", {"relu4_2": 1.0}),
        ("relu1_1,relu2_1=0.5", {"relu1_1": 1.0, "relu2_1": 0.5}),
        (" relu1_1 = 2 , relu3_1=1e-3,", {"relu1_1": 2.0, "relu3_1": 0.001}),
    ],
)
def test_written(text: str, expected: dict[str, float]) -> None:
    assert weights(text, VGG19) == expected


def test_mapping() -> None:
    assert weights({"relu4_2": 1, "relu1_1": 0.5}, VGG19) == {"relu4_2": 1.0, "relu1_1": 0.5}


def test_all() -> None:
    assert weights("all", VGG19) == dict.fromkeys(VGG19, 1.0)
    assert weights("all", COMPACT) == dict.fromkeys(COMPACT, 1.0)
    assert "relu3_4" not in COMPACT
    geometric = weights("all:geometric", VGG19)  # 2 ** (D - d), Novak & Nikulin 2016
    assert list(geometric) == list(VGG19)
    assert (geometric["relu1_1"], geometric["relu5_4"]) == (2.0**15, 1.0)
    values = list(geometric.values())
    assert all(before == 2 * after for before, after in pairwise(values))
    assert weights("all:geometric", ("relu1_1",)) == {"relu1_1": 1.0}


@pytest.mark.parametrize("text", ["", " , ", "relu4_2=much", "relu1_1=0.5=2"])
def test_unreadable(text: str) -> None:
    with pytest.raises(InputError, match="write relu4_2"):
        weights(text, VGG19)


def test_missing_layers() -> None:
    check(["relu1_1", "relu5_4"], VGG19, "vgg19")
    with pytest.raises(InputError, match=r"vgg19 encoder has no layer 'relu6_1'.*relu5_4"):
        check(["relu1_1", "relu6_1"], VGG19, "vgg19")
    with pytest.raises(InputError, match="choose among relu1_1, relu1_2"):
        check(["conv1_1"], COMPACT, "compact")
    with pytest.raises(InputError, match="choose among relu1_1, relu1_2"):
        check(["relu3_4"], COMPACT, "vgg16")


@pytest.mark.parametrize(
    ("layer", "near"),
    [("relu3_4", "relu3_3"), ("relu4_4", "relu4_3"), ("relu5_2", "relu5_1"), ("relu5_4", "relu5_1")],
)
def test_layers_that_the_compact_encoder_lacks(layer: str, near: str) -> None:
    """One sentence names the nearest layer above, in the same block."""
    assert nearest(layer, COMPACT) == near
    assert nearest(near, COMPACT) == near
    with pytest.raises(InputError, match=rf"'{layer}': use {near} instead, .*or --encoder vgg19, .*relu5_4\.$") as raised:
        check(["relu1_1", layer], COMPACT, "compact")
    assert str(raised.value).count(". ") == 0

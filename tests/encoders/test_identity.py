"""Which encoder it is: the same weights whatever they are kept and computed in, others where one number differs."""

from __future__ import annotations

from pathlib import Path

import torch

from stylespace import encoders
from stylespace.encoders.encoder import Encoder
from stylespace.encoders.identity import found, matching, shown
from stylespace.encoders.trunk import Trunk


def test_weights_tell_encoders_apart(compact_weights: Path) -> None:
    shipped, other = (encoders.load("compact", weights=weights, precision="fp32") for weights in (None, compact_weights))
    assert shipped.checksum != other.checksum
    for change in ({"precision": "bf16"}, {"pooling": "average"}, {"padding": "zero"}):
        assert encoders.load("compact", **{"precision": "fp32", **change}).checksum == shipped.checksum  # type: ignore[arg-type]
    trunk = Trunk((1,), (4,))
    first = Encoder(trunk, "mine").checksum
    with torch.no_grad():
        trunk.convolutions["conv1_1"].bias[0] += 1e-6  # type: ignore[index]
    assert Encoder(trunk, "mine").checksum != first


def test_what_is_here_is_known_without_a_download(compact_weights: Path) -> None:
    assert found("compact") == encoders.load("compact", precision="fp32").identity
    assert found("compact", compact_weights)["sha256"] != found("compact")["sha256"]
    assert found("vgg19") == {"name": "vgg19"}


def test_matching() -> None:
    one, other = {"name": "vgg19", "sha256": "a"}, {"name": "vgg19", "sha256": "b"}
    assert matching(one, dict(one))
    assert not matching(one, other)
    assert matching(one, {"name": "vgg19"})  # weights still to be downloaded
    assert not matching(one, {"name": "vgg16"})
    assert not matching(one, None)
    assert matching(None, None)
    assert shown(one) == "'vgg19' (weights a)"

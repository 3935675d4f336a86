"""The compact encoder that ships: its limits, and that it still sees what VGG-19 sees."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch

from stylespace import encoders
from stylespace.encoders.compact import READOUTS, SHIPPED, compact
from stylespace.encoders.layers import layer_names
from stylespace.errors import InputError


def test_is_small_enough() -> None:
    assert SHIPPED.stat().st_size <= 3_000_000
    assert sum(p.numel() for p in compact().trunk.parameters()) <= 1_500_000


def test_has_thirteen_layers_and_sends_deeper_wishes_elsewhere() -> None:
    encoder = encoders.load("compact")
    assert encoder.layers == layer_names((2, 2, 4, 4, 1))
    with pytest.raises(InputError, match=r"relu5_1 instead, or --encoder vgg19"):
        encoder.check(["relu5_2"])


def test_activations_are_normalised_to_a_mean_of_one() -> None:
    from skimage.data import astronaut, coffee

    encoder = compact()
    means = dict.fromkeys(encoder.layers, 0.0)
    for photo in (astronaut(), coffee()):
        x = torch.from_numpy(photo.copy()).permute(2, 0, 1)[None] / 255
        for name, features in encoder.trunk(x, encoder.layers).items():
            means[name] += features.mean().item() / 2
    assert all(0.4 < mean < 2.5 for mean in means.values()), means


def test_sees_what_real_vgg19_sees(shared_data: Path, shared_weights: Path, repository: Path) -> None:
    sys.path.insert(0, str(repository / "recipes" / "compact-encoder"))
    try:
        from measure import Correlation, picture
        from teachers import Compressed, real_vgg19, test_pictures
    finally:
        sys.path.pop(0)
    encoder, real, compressed = compact(), real_vgg19(shared_weights), Compressed(shared_weights)
    found = {name: Correlation() for name in READOUTS}
    with torch.no_grad():
        for path in test_pictures(shared_data)[3::37]:
            x = picture(path)
            wanted = real(x, ("relu1_1", "relu2_1", "relu3_1")) | compressed.wide(compressed.trunk(x, ("relu4_1", "relu5_1")))
            for name, given in encoder.read_out(x, tuple(READOUTS)).items():
                found[name].add(given, wanted[name])
    # What recipes/compact-encoder/measure.py finds on all 110 pictures, less what three pictures may differ by.
    floors = {"relu1_1": 0.98, "relu2_1": 0.91, "relu3_1": 0.72, "relu4_1": 0.76, "relu5_1": 0.6}
    values = {name: correlation.value() for name, correlation in found.items()}
    assert all(values[name] > floor for name, floor in floors.items()), values

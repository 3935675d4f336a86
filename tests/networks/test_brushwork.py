"""The shipped network of three stages."""

from __future__ import annotations

import numpy as np
import pytest
from skimage.data import chelsea

from stylespace.networks.multimodal import Multimodal
from stylespace.networks.style_network import MODELS, StyleNetwork


@pytest.fixture(scope="module")
def brushwork() -> StyleNetwork:
    return StyleNetwork.load("brushwork")


def test_styles_and_provenance(brushwork: StyleNetwork) -> None:
    assert isinstance(brushwork.body, Multimodal)
    assert brushwork.styles == ("starry_night", "metzinger")
    assert (MODELS / "brushwork.safetensors").stat().st_size < 10_000_000
    for name in brushwork.styles:
        assert brushwork.about[name]["licence"] == "public domain"
        assert brushwork.thumbnail(name)[:2] == b"\xff\xd8"
    curve = brushwork.provenance["curve"]
    assert sum(curve[-1][1:]) < 0.85 * sum(curve[0][1:])  # it began with a trained network
    assert "| starry_night | classics |" in (MODELS / "brushwork.md").read_text()


def test_a_style_for_large_shapes_and_one_for_brushwork(brushwork: StyleNetwork) -> None:
    photo = chelsea()[:256, :384]
    starry, metzinger, both = (
        np.asarray(brushwork(photo, name)).astype(float) for name in ("starry_night", "metzinger", "metzinger/starry_night")
    )
    assert np.abs(starry - metzinger).mean() > 15
    assert np.abs(both - starry).mean() > 5
    assert np.abs(both - metzinger).mean() > 5

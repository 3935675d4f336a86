"""The drawings repeat exactly, keep their composition at every size, differ from one another, have structure at every scale."""

from functools import cache
from itertools import combinations, pairwise
from pathlib import Path

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from scipy.stats import wasserstein_distance
from skimage.color import rgb2lab
from skimage.metrics import structural_similarity
from skimage.transform import resize

from stylespace.demo import drawings
from stylespace.demo.drawings import DRAWINGS, draw
from stylespace.demo.drawings.canvas import Canvas, colours, lay, ramp, relief, step
from stylespace.errors import InputError

SIDE = 256
drawn = cache(draw)


@pytest.fixture(scope="module")
def gallery():
    """Every drawing once, CIE L*a*b*, (256, 256, 3)."""
    return {name: rgb2lab(drawn(name, (SIDE, SIDE))) for name in DRAWINGS}


def test_every_drawing_is_a_file_of_its_own_and_every_file_a_drawing():
    files = {path.stem for path in Path(drawings.__file__).parent.glob("*.py")} - {"__init__", "canvas"}
    assert files == set(DRAWINGS)
    assert all(title and "\n" not in title for title in DRAWINGS.values())


@pytest.mark.parametrize("name", DRAWINGS)
@pytest.mark.parametrize("size", [(32, 32), (71, 33), (32, 200)])
def test_any_size_gives_bytes_of_that_size(name, size):
    with np.errstate(all="raise", under="ignore"):
        picture = drawn(name, size)
    assert picture.shape == (*size, 3)
    assert picture.dtype == np.uint8
    assert picture.std() > 12  # neither blank nor black


@pytest.mark.parametrize("name", DRAWINGS)
def test_seed_decides_everything(name):
    first, again, other = drawn(name, (71, 33)), draw(name, (71, 33), 0), draw(name, (71, 33), 4)
    np.testing.assert_array_equal(first, again)
    assert np.abs(first.astype(int) - other).mean() > 0.5


@pytest.mark.parametrize("name", DRAWINGS)
def test_motifs_grow_with_the_size(name):
    """A drawing twice as large, reduced by scikit-image, is nearly the drawing itself."""
    small = draw(name, (128, 128)) / 255
    large = resize(drawn(name, (SIDE, SIDE)) / 255, (128, 128), anti_aliasing=True)
    blurred = [gaussian_filter(picture, (1.5, 1.5, 0)) for picture in (small, large)]
    assert structural_similarity(*blurred, channel_axis=-1, data_range=1) > 0.75
    mirrored = structural_similarity(blurred[0], blurred[1][:, ::-1], channel_axis=-1, data_range=1)
    assert mirrored < structural_similarity(*blurred, channel_axis=-1, data_range=1) - 0.1


def test_palettes_are_distinct(gallery):
    """Sliced Wasserstein distance of the colours in L*a*b*, at least three just-noticeable differences (2.3) for every pair."""
    turns = np.linspace(0, np.pi, 6, endpoint=False)
    axes = [(1, 0, 0), *((0, np.cos(turn), np.sin(turn)) for turn in turns)]
    spread = {name: [(lab[::4, ::4] @ np.array(axis)).ravel() for axis in axes] for name, lab in gallery.items()}
    for one, two in combinations(DRAWINGS, 2):
        distance = np.mean([wasserstein_distance(first, second) for first, second in zip(spread[one], spread[two], strict=True)])
        assert distance > 3 * 2.3, (one, two, distance)


@pytest.mark.parametrize("name", DRAWINGS)
def test_strong_structure_at_every_scale(name, gallery):
    """Bands of one octave: fine texture, strokes (3 to 12 px of 256, that is 8 to 30 of 640), large shapes (to 200 of 640)."""
    light = gallery[name][..., 0]
    low, high = np.percentile(light, [2, 98])
    assert high - low > 45
    blurs = [light, *(gaussian_filter(light, sigma) for sigma in (1, 2, 4, 8, 16, 32))]
    bands = [float(np.std(fine - coarse)) for fine, coarse in pairwise(blurs)]
    assert min(bands) > 1.5, bands
    assert max(bands[1:5]) > 4, bands


@pytest.mark.parametrize("name", DRAWINGS)
def test_colours_are_not_clipped_and_not_dull(name, gallery):
    picture = drawn(name, (SIDE, SIDE))
    assert np.mean((picture == 0).all(-1) | (picture == 255).all(-1)) < 0.02
    chroma = np.hypot(gallery[name][..., 1], gallery[name][..., 2])
    assert np.percentile(chroma, 90) > 18


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("starry", (64, 64)), "choose one of swirls, waves"),
        (("os", (64, 64)), "no drawing called 'os'"),
        (("waves", (31, 64)), "32 to 2048"),
        (("waves", (64, 2049)), "32 to 2048"),
        (("waves", (64.0, 64)), "whole numbers"),
        (("waves", 64), "whole numbers"),
        (("waves", (64, 64, 3)), "whole numbers"),
        (("waves", (64, 64), -1), "negative"),
        (("waves", (64, 64), 0.5), "whole"),
    ],
)
def test_what_cannot_be_drawn_is_said(arguments, words):
    with pytest.raises(InputError, match=words):
        draw(*arguments)


def test_ramp_meets_its_palette():
    palette = colours("#000000", "#ff0000", "#0000ff")
    np.testing.assert_allclose(palette, [[0, 0, 0], [1, 0, 0], [0, 0, 1]])
    shades = ramp(palette, np.array([-1, 0.25, 0.5, 0.75, 2], np.float32))
    np.testing.assert_allclose(shades, [[0, 0, 0], [0.5, 0, 0], [1, 0, 0], [0.5, 0, 0.5], [0, 0, 1]])


def test_step_is_the_smoothstep_of_its_width():
    np.testing.assert_allclose(step(np.array([-2, -1, -0.5, 0, 0.5, 1, 2], np.float32), 2), [0, 0, 0.15625, 0.5, 0.84375, 1, 1])


def test_lay_covers_in_proportion():
    under = np.zeros((1, 3, 3), np.float32)
    lay(under, np.array([1, 0.5, 0], np.float32), np.array([[0, 0.5, 1]], np.float32))
    np.testing.assert_allclose(under, [[[0, 0, 0], [0.5, 0.25, 0], [1, 0.5, 0]]])


def test_light_falls_from_the_upper_left():
    rising = np.add.outer(np.arange(6.0), np.arange(6.0)).astype(np.float32)  # faces the upper left
    assert relief(rising, 1.0)[1:-1, 1:-1].min() > 0.5
    assert relief(-rising, 1.0)[1:-1, 1:-1].max() < -0.5


def test_canvas_measures_in_design_units():
    canvas = Canvas((300, 600), 0)
    assert canvas.extent == (640, 1280)
    assert canvas.shape == (600, 1200)
    assert canvas.x[0, 0] == pytest.approx(0.5 / canvas.scale)
    assert canvas.x[0, -1] == pytest.approx(1280 - 0.5 / canvas.scale)
    long = Canvas((32, 2048), 0)
    assert long.extent == (40, 2560)


def test_noise_has_deviation_one_and_is_the_same_at_every_size():
    small, large = (Canvas((side, side), 7).noise("clouds", 40, 2) for side in (256, 512))
    assert small.std() == pytest.approx(1, abs=0.2)
    assert abs(small.mean()) < 0.2
    assert np.corrcoef(small.ravel(), large.reshape(512, 2, 512, 2).mean((1, 3)).ravel())[0, 1] > 0.995
    assert abs(np.corrcoef(small.ravel(), Canvas((256, 256), 7).noise("other", 40, 2).ravel())[0, 1]) < 0.25


def test_soften_is_a_gaussian():
    canvas = Canvas((320, 320), 0)  # one rendering pixel a design unit
    plane = canvas.noise("clouds", 20)
    inner = slice(100, -100)
    np.testing.assert_allclose(canvas.soften(plane, 24)[inner, inner], gaussian_filter(plane, 24)[inner, inner], atol=0.02)
    np.testing.assert_allclose(canvas.soften(plane, 2), gaussian_filter(plane, 2, mode="nearest"), atol=0.01)

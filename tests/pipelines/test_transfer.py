"""One call from whatever holds a picture to a result, with a narrow random encoder."""

from __future__ import annotations

import hashlib
import io
import json
import math
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

import stylespace
import stylespace.pictures
from stylespace.encoders.encoder import Encoder
from stylespace.encoders.trunk import Trunk
from stylespace.errors import InputError, PictureError, StylespaceError
from stylespace.methods.gatys_settings import PRESETS, GatysSettings
from stylespace.pictures.reading import read
from stylespace.pipelines.result import Result
from stylespace.pipelines.run import choose_device
from stylespace.pipelines.sources import Area
from stylespace.pipelines.transfer import invert, transfer
from stylespace.pipelines.transfer import resolve as resolve_settings
from stylespace.storage.checksum import of_tensors

WIDTHS = (4, 4, 6, 6, *[8] * 4, *[10] * 4, *[12] * 4)


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        trunk = Trunk((2, 2, 4, 4, 4), WIDTHS)
        for convolution in trunk.convolutions.values():
            torch.nn.init.normal_(convolution.weight, 0, math.sqrt(2 / math.prod(convolution.weight.shape[1:])))
    return Encoder(trunk, "vgg19")


@pytest.fixture(scope="module")
def photo() -> np.ndarray:
    """(24, 32, 3) uint8."""
    y, x = np.mgrid[:24, :32]
    return np.stack([x * 7, y * 9, 90 + 60 * np.sin(x / 3 + y / 5)], -1).clip(0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def painting() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (30, 26, 3)).astype(np.uint8)


@pytest.fixture(scope="module")
def other() -> np.ndarray:
    return np.random.default_rng(1).integers(100, 200, (26, 30, 3)).astype(np.uint8)


def png(array: np.ndarray) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(array).save(stream, "PNG")
    return stream.getvalue()


def tensor(array: np.ndarray) -> Tensor:
    return torch.from_numpy(array).permute(2, 0, 1) / 255


def made(photo: Any, style: Any, encoder: Encoder, **options: Any) -> Result:
    quick: dict[str, Any] = {} if "preset" in options else {"sizes": (32,), "steps_each": (3,), "keep": "last"}
    return transfer(photo, style, encoder=encoder, device="cpu", **quick | options)


@pytest.mark.parametrize(
    "first",
    [
        "import stylespace.pipelines.transfer",
        "from stylespace.pipelines.transfer import Area",
        "import stylespace.pipelines.batch",
    ],
)
def test_the_package_has_the_function_whatever_was_imported_before(first: str) -> None:
    """Importing the module of the same name must not put itself in the function's place."""
    check = "import stylespace; assert callable(stylespace.transfer), stylespace.transfer"
    done = subprocess.run([sys.executable, "-c", f"{first}; {check}"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


# What goes in


@pytest.mark.parametrize("form", ["path", "text", "bytes", "pil", "array", "tensor", "batch", "float array", "picture"])
def test_forms_of_a_picture_agree(encoder: Encoder, photo: np.ndarray, painting: np.ndarray, tmp_path: Path, form: str) -> None:
    def formed(array: np.ndarray, name: str) -> Any:
        path = tmp_path / name
        path.write_bytes(png(array))
        return {
            "path": path,
            "text": str(path),
            "bytes": png(array),
            "pil": Image.fromarray(array),
            "array": array,
            "tensor": tensor(array),
            "batch": tensor(array)[None],
            "float array": array.astype(np.float32) / 255,
            "picture": stylespace.pictures.read(array),
        }[form]

    expected = made(photo, painting, encoder).source.pixels
    found = made(formed(photo, "photo.png"), formed(painting, "painting.png"), encoder).source.pixels
    assert (found - expected).abs().max() < 1e-4


def test_one_style_many_styles(encoder: Encoder, photo: np.ndarray, painting: np.ndarray, other: np.ndarray) -> None:
    one, two = png(painting), png(other)
    alone = made(photo, one, encoder).source.pixels
    for style in ([one], (one,), [painting], {one: 0.3}, {one: 1, two: 0}):
        assert torch.equal(made(photo, style, encoder).source.pixels, alone)
    mixed = made(photo, [one, two], encoder, method="gatys").source.pixels
    assert not torch.allclose(mixed, alone, atol=1e-3)
    assert torch.equal(made(photo, {one: 2, two: 2}, encoder).source.pixels, mixed)
    assert not torch.allclose(made(photo, {one: 0.9, two: 0.1}, encoder).source.pixels, mixed, atol=1e-3)


def test_transparency_comes_back(encoder: Encoder, photo: np.ndarray, painting: np.ndarray) -> None:
    alpha = np.tile(np.linspace(0, 255, 32).astype(np.uint8), (24, 1))
    result = made(np.dstack([photo, alpha]), painting, encoder, sizes=(48,))
    assert (result.picture.mode, result.picture.size) == ("RGBA", (48, 36))
    assert np.all(np.diff(np.asarray(result.picture)[18, :, 3].astype(int)) >= -1)
    plain = made(photo, painting, encoder, sizes=(48,))
    assert (plain.picture.mode, plain.picture.size) == ("RGB", (48, 36))
    assert torch.equal(plain.source.pixels, result.source.pixels)


def test_seeds_repeat_to_the_pixel(encoder: Encoder, photo: np.ndarray, painting: np.ndarray) -> None:
    one, same, another = (made(photo, painting, encoder, start="noise", seed=seed).source.pixels for seed in (5, 5, 6))
    assert torch.equal(one, same)
    assert not torch.allclose(one, another, atol=0.05)


# What comes out


@pytest.fixture
def files(photo: np.ndarray, painting: np.ndarray, other: np.ndarray, tmp_path: Path) -> dict[str, Path]:
    paths = {"photo": tmp_path / "photo.png", "painting": tmp_path / "painting.png", "other": tmp_path / "other.png"}
    for path, array in zip(paths.values(), (photo, painting, other), strict=True):
        path.write_bytes(png(array))
    return paths


def test_records(encoder: Encoder, files: dict[str, Path]) -> None:
    styles = {files["painting"]: 0.75, str(files["other"]): 0.25}
    result = made(files["photo"], styles, encoder, style_layers={"relu1_1": 1.0}, seed=7, threads=1)
    record = json.loads(json.dumps(result.record))
    assert record["stylespace"] == stylespace.__version__
    assert record["torch"] == torch.__version__
    assert (record["method"], record["device"], record["dtype"], record["threads"]) == ("gatys", "cpu", "float32", 1)
    assert record["python"]
    assert record["machine"]
    for entry, name in zip([record["photo"], *record["styles"]], ("photo", "painting", "other"), strict=True):
        assert entry["path"] == str(files[name])
        assert entry["sha256"] == hashlib.sha256(files[name].read_bytes()).hexdigest()
    assert [entry["weight"] for entry in record["styles"]] == [0.75, 0.25]
    assert set(record["settings"]) == set(GatysSettings.__dataclass_fields__)
    assert record["settings"]["style_layers"] == {"relu1_1": 1.0}
    assert record["settings"]["seed"] == 7
    assert result.seconds > 0


def test_records_of_pictures_in_memory(encoder: Encoder, photo: np.ndarray, painting: np.ndarray) -> None:
    record = made(photo, [Image.fromarray(painting), png(painting)], encoder).record
    assert record["photo"] == {"object": "ndarray", "sha256": of_tensors(read(photo).pixels, None)}
    assert record["styles"][0] == {"weight": 1.0, "object": "Image", "sha256": of_tensors(read(painting).pixels, None)}
    assert record["styles"][1]["sha256"] == hashlib.sha256(png(painting)).hexdigest()


def test_settings_in_a_file_repeat_the_result(encoder: Encoder, files: dict[str, Path], tmp_path: Path) -> None:
    first = made(
        files["photo"], files["painting"], encoder, preset="style-transfer-pytorch", size=64, steps=12, quality="draft", seed=3
    )
    record = stylespace.pictures.read_settings(first.save(tmp_path / "out.png", bits=16))
    settings = {name: value for name, value in record["settings"].items() if name != "encoder"}
    style = {entry["path"]: entry["weight"] for entry in record["styles"]}
    again = transfer(record["photo"]["path"], style, encoder=encoder, device="cpu", **settings)
    assert torch.equal(again.source.pixels, first.source.pixels)


def test_losses_and_progress(encoder: Encoder, photo: np.ndarray, painting: np.ndarray) -> None:
    seen: list[Any] = []
    result = made(photo, painting, encoder, sizes=(16, 32), steps_each=(4, 3), progress=seen.append)
    assert [progress.done for progress in seen] == list(range(1, 8))
    assert {progress.of for progress in seen} == {7}
    assert [(record["size"], record["step"]) for record in result.losses] == [(16, n) for n in (1, 2, 3, 4)] + [
        (32, n) for n in (1, 2, 3)
    ]
    for progress, record in zip(seen, result.losses, strict=True):
        assert record["total"] == progress.step.total
        terms = [value for name, value in record.items() if name.split()[0] in ("content", "style", "smoothness")]
        assert len(terms) == 7
        assert sum(terms) == pytest.approx(record["total"], rel=1e-4)
    seconds = [progress.seconds for progress in seen]
    assert seconds == sorted(seconds)
    assert all(progress.seconds_left >= 0 for progress in seen)
    assert seen[-1].seconds_left == 0
    steps = [after.seconds - before.seconds for before, after in pairwise(seen)]
    assert seen[-2].seconds_left == pytest.approx(max(steps), abs=max(steps))


def test_progress_of_shared_out_steps(encoder: Encoder, photo: np.ndarray, painting: np.ndarray) -> None:
    seen: list[Any] = []
    result = transfer(photo, painting, encoder=encoder, device="cpu", size=48, smallest=16, steps=12, progress=seen.append)
    assert seen[-1].done == seen[-1].of == len(result.losses)


def test_progress_of_a_size_used_twice(encoder: Encoder, photo: np.ndarray, painting: np.ndarray) -> None:
    seen: list[Any] = []
    made(photo, painting, encoder, sizes=(32, 32), steps_each=(2, 3), progress=seen.append)
    assert seen[-1].done == seen[-1].of == 5


def test_snapshots(encoder: Encoder, photo: np.ndarray, painting: np.ndarray) -> None:
    result = made(photo, painting, encoder, sizes=(16, 32), steps_each=(4, 3), snapshots=[1, 6, 99], start="content")
    assert set(result.snapshots) == {1, 6}
    assert [result.snapshots[number].size for number in (1, 6)] == [(12, 16), (24, 32)]
    small = stylespace.pictures.resize(tensor(photo)[None], (12, 16))
    assert torch.allclose(result.snapshots[1].pixels, small, atol=1e-5)
    assert not torch.equal(result.snapshots[6].pixels, result.source.pixels)


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_interrupted(encoder: Encoder, photo: np.ndarray, painting: np.ndarray, solver: str) -> None:
    def stop(progress: Any) -> None:
        if progress.done == 4:
            raise KeyboardInterrupt

    result = made(photo, painting, encoder, steps_each=(9,), keep="best", solver=solver, progress=stop, snapshots=range(5))
    assert result.interrupted
    assert len(result.losses) == 4
    best = min(result.losses, key=lambda record: record["total"])["step"]
    assert torch.equal(result.source.pixels, result.snapshots[best].pixels)
    assert not made(photo, painting, encoder).interrupted


def test_a_given_encoders_precision_is_recorded(encoder: Encoder, photo: np.ndarray, painting: np.ndarray) -> None:
    half = Encoder(Trunk((2, 2, 4, 4, 4), WIDTHS), "vgg19").prepare(torch.device("cpu"), torch.bfloat16)
    assert made(photo, painting, half).record["dtype"] == "bfloat16"


# Areas, strokes, starts


def test_areas(encoder: Encoder, photo: np.ndarray, painting: np.ndarray, other: np.ndarray) -> None:
    half = np.zeros((24, 32), np.uint8)
    half[:, 16:] = 255
    near = {"style_layers": "relu1_1", "content_layers": "relu1_2", "steps_each": (12,)}

    def areas(*given: Area) -> Tensor:
        return made(photo, painting, encoder, areas=given, **near).source.pixels

    kept, before = areas(Area(half)), stylespace.pictures.read(photo).pixels
    assert torch.equal(kept[..., 16:], before[..., 16:])
    assert not torch.allclose(kept[..., :12], before[..., :12], atol=0.02)
    difference = (areas(Area(half, other)) - areas(Area(half, 255 - painting))).abs().mean((0, 1, 2))
    assert difference[20:].mean() > 5 * difference[:12].mean()
    everywhere = areas(Area(np.full((24, 32), 255, np.uint8), other))
    assert (everywhere - made(photo, other, encoder, **near).source.pixels).abs().mean() < 1e-3
    masked = areas(Area(half, other, style_mask=np.full((26, 30), 255, np.uint8)))
    assert (masked - areas(Area(half, other))).abs().mean() < 1e-3


def test_everything_a_result_was_made_from_is_recorded(encoder: Encoder, files: dict[str, Path], tmp_path: Path) -> None:
    """Without each of these the record could not repeat the result."""
    for name in ("mask", "style mask"):
        (tmp_path / f"{name}.png").write_bytes(png(np.full((24, 32, 3), 255 if name == "mask" else 254, np.uint8)))
    given = {"mask": tmp_path / "mask.png", "style mask": tmp_path / "style mask.png", **files}
    area = Area(given["mask"], files["other"], given["style mask"])
    options = {"areas": [area], "strokes": files["other"], "start": "picture", "start_picture": files["painting"], "steps": 3}
    record = json.loads(json.dumps(made(files["photo"], files["painting"], encoder, **options).record))
    sums = {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in given.items()}
    assert record["areas"][0]["mask"]["sha256"] == sums["mask"]
    assert record["areas"][0]["style_mask"]["sha256"] == sums["style mask"]
    assert record["areas"][0]["styles"][0]["sha256"] == sums["other"]
    assert record["strokes"]["sha256"] == sums["other"]
    assert record["start_picture"]["sha256"] == sums["painting"]


def test_start_picture(encoder: Encoder, photo: np.ndarray, painting: np.ndarray, other: np.ndarray) -> None:
    result = made(photo, painting, encoder, start="picture", start_picture=other, snapshots=[1])
    expected = stylespace.pictures.resize(tensor(other)[None], (24, 32))
    assert torch.allclose(result.snapshots[1].pixels, expected, atol=1e-5)


def test_strokes(encoder: Encoder, photo: np.ndarray, painting: np.ndarray, other: np.ndarray) -> None:
    plain = made(photo, painting, encoder, steps=4)
    mixed = made(photo, painting, encoder, steps=4, strokes=other)
    assert not torch.allclose(mixed.source.pixels, plain.source.pixels, atol=1e-3)


class Impatient(Encoder):
    """Ctrl-C comes at the fourth look at a picture being made."""

    def __init__(self, encoder: Encoder) -> None:
        torch.nn.Module.__init__(self)
        self.name, self.trunk, self.checksum, self.count = encoder.name, encoder.trunk, encoder.checksum, 0

    def forward(self, picture: Tensor, layers: Any) -> dict[str, Tensor]:
        self.count += picture.requires_grad
        if self.count == 4 and picture.requires_grad:
            raise KeyboardInterrupt
        return super().forward(picture, layers)


def test_interrupted_while_strokes_are_put_on(
    encoder: Encoder, photo: np.ndarray, painting: np.ndarray, other: np.ndarray
) -> None:
    """It ends there, and does not take Ctrl-C for the end of the first half."""
    impatient = Impatient(encoder)
    try:
        result = made(photo, painting, impatient, size=32, smallest=32, steps=20, strokes=other, steps_each=(20,))
        assert result.interrupted
    except KeyboardInterrupt:
        pass
    assert impatient.count == 4


def test_a_black_mask(encoder: Encoder, photo: np.ndarray, painting: np.ndarray, other: np.ndarray) -> None:
    with pytest.raises(InputError, match="black everywhere"):
        made(photo, painting, encoder, areas=[Area(np.zeros((24, 32), np.uint8), other)])


# Settings


def resolve(preset: str = "default", quality: str | None = None, encoder: str | None = None, **settings: Any) -> GatysSettings:
    return resolve_settings(preset, quality, encoder, settings)


def test_presets_and_single_settings() -> None:
    for name, make in PRESETS.items():
        assert resolve(name) == make()
    assert resolve(content_weight=2.0) == GatysSettings(content_weight=2.0)
    assert resolve("gatys-2016", encoder="compact").encoder == "compact"


def test_quality_is_a_factor_on_steps(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("stylespace.networks.shipped.MODELS", tmp_path)  # no network draws a start
    steps = {quality: resolve(quality=quality).steps for quality in ("draft", "good", "best")}
    assert steps["draft"] < steps["good"] < steps["best"]
    assert resolve("style-transfer-pytorch", "draft").steps_each == (330, 165, 165, 165, 165)
    assert resolve(quality="best", steps=9).steps == 9  # what is asked for exactly


def test_sizes_and_steps_of_presets_scale() -> None:
    changed = resolve("style-transfer-pytorch", size=1024, steps=300)
    assert changed.sizes == (256, 362, 512, 724, 1024)
    assert changed.steps_each == (100, 50, 50, 50, 50)
    assert resolve("gatys-2016", size=300).sizes == (300,)
    assert resolve("gatys-2016", steps=1).steps_each == (1,)
    assert resolve("gatys-2016", size=300, sizes=(64, 128)).sizes == (64, 128)


def test_steps_each_wins_over_steps() -> None:
    """As sizes win over size; a record holds both."""
    assert resolve("gatys-2016", steps=280, steps_each=(7,)).steps_each == (7,)


def test_tiny_runs_of_presets_keep_a_step_a_size() -> None:
    assert min(resolve("style-transfer-pytorch", "draft", steps=2).steps_each) == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"method": "magic"}, "'magic' cannot transfer a style: choose among gatys"),
        ({"method": "inversion"}, r"stylespace\.invert"),
        ({"preset": "gatys"}, "default, gatys-2016, course-project, neural-style"),
        ({"quality": "superb"}, "draft, good, best"),
        ({"brightness": 2}, "no setting 'brightness': choose among .*content_weight"),
        ({"device": "tpu"}, "auto, cpu, cuda, mps"),
        ({"encoder": "resnet"}, "compact, vgg16, vgg19"),
        ({"solver": "sgd"}, "adam, lbfgs"),
        ({"size": 0}, "size"),
        ({"start": "picture"}, "--start-picture"),
    ],
)
def test_what_is_unknown(
    encoder: Encoder, photo: np.ndarray, painting: np.ndarray, options: dict[str, Any], message: str
) -> None:
    given = {"encoder": encoder, "device": "cpu", "smallest": 16, "steps": 1} | ({} if "size" in options else {"size": 16})
    with pytest.raises(InputError, match=message) as raised:
        transfer(photo, painting, **given | options)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("device", ["cuda", "cuda:1", "mps"])
def test_devices_that_are_not_there(
    monkeypatch: pytest.MonkeyPatch, photo: np.ndarray, painting: np.ndarray, device: str
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    with pytest.raises(InputError, match="not available: use --device cpu or auto"):
        transfer(photo, painting, device=device)


def test_auto_takes_the_best_device(monkeypatch: pytest.MonkeyPatch) -> None:
    for cuda, mps, expected in [(True, True, "cuda"), (False, True, "mps"), (False, False, "cpu")]:
        monkeypatch.setattr(torch.cuda, "is_available", lambda there=cuda: there)
        monkeypatch.setattr(torch.backends.mps, "is_available", lambda there=mps: there)
        assert choose_device("auto") == torch.device(expected)


@pytest.mark.parametrize("style", [[], {}, "negative", "zero"])
def test_styles_that_cannot_be_used(
    encoder: Encoder, photo: np.ndarray, painting: np.ndarray, other: np.ndarray, style: Any
) -> None:
    one, two = png(painting), png(other)
    style = {"negative": {one: 1.0, two: -0.5}, "zero": {one: 0.0}}[style] if isinstance(style, str) else style
    with pytest.raises(InputError, match=r"one style picture|must not be negative"):
        made(photo, style, encoder)


def test_pictures_that_cannot_be_read(encoder: Encoder, photo: np.ndarray, painting: np.ndarray, tmp_path: Path) -> None:
    missing = tmp_path / "missing.jpg"
    for content, style in (
        (missing, painting),
        (photo, missing),
        (photo, [missing, missing]),
        (photo, {missing: 1.0, png(painting): 1.0}),
    ):
        with pytest.raises(PictureError, match=r"missing\.jpg does not exist"):
            made(content, style, encoder)
    with pytest.raises(PictureError):
        made(photo, painting, encoder, max_pixels=100)


def test_every_error_is_one_of_ours() -> None:
    assert issubclass(InputError, StylespaceError)
    assert issubclass(PictureError, StylespaceError)


def test_threads(encoder: Encoder, photo: np.ndarray, painting: np.ndarray) -> None:
    before = torch.get_num_threads()
    try:
        assert made(photo, painting, encoder, threads=2).record["threads"] == 2
    finally:
        torch.set_num_threads(before)


# Inversion


def test_invert(encoder: Encoder, photo: np.ndarray) -> None:
    seen: list[Any] = []
    result = invert(
        photo, encoder=encoder, device="cpu", layer="relu2_1", size=32, smallest=16, steps=40, progress=seen.append, snapshots=[2]
    )
    assert result.picture.size == (32, 24)
    assert result.losses[-1]["content relu2_1"] < 0.5 * result.losses[0]["content relu2_1"]
    assert seen[-1].done == seen[-1].of == len(result.losses)
    assert set(result.snapshots) == {2}
    record = json.loads(json.dumps(result.record))
    assert (record["method"], record["settings"]["layer"]) == ("inversion", "relu2_1")
    with pytest.raises(InputError, match="no setting 'style_weight'"):
        invert(photo, encoder=encoder, style_weight=1.0)
    with pytest.raises(InputError, match="no layer 'relu6_1'"):
        invert(photo, encoder=encoder, device="cpu", layer="relu6_1")

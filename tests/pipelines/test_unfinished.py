"""Transfers that are killed and go on: to the same picture and the same losses, whatever the method."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from stylespace import encoders
from stylespace.demo.drawings import draw
from stylespace.errors import InputError
from stylespace.pipelines.result import Result
from stylespace.pipelines.run import Progress
from stylespace.pipelines.transfer import invert, transfer
from stylespace.solvers import budget
from stylespace.storage import journal as journals
from stylespace.storage.journal import Journal

POINTS = [((x, y), (0.8 * x + 0.1, y)) for x in (0.25, 0.75) for y in (0.25, 0.75)]


def made(photo: Path, style: Path, method: str = "gatys", **how: Any) -> Result:
    return invert(photo, **how) if method == "inversion" else transfer(photo, style, method=method, **how)


class Killed(BaseException):
    """Stands for the end of the process."""


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A photo and a style."""
    folder = tmp_path_factory.mktemp("pictures")
    photo, style = folder / "photo.png", folder / "style.png"
    for path, drawing, size in ((photo, "waves", (160, 150)), (style, "swirls", (90, 100))):
        Image.fromarray(draw(drawing, size)).save(path)
    return photo, style


@pytest.fixture(scope="module")
def never_killed() -> dict[str, Result]:
    """The results of runs that nothing stops, by their settings."""
    return {}


@pytest.mark.parametrize(
    ("changes", "after"),
    [
        *(({"memory": "406MB"}, after) for after in (3, 14, 20, 29)),
        *(pytest.param({"memory": "406MB"}, after, marks=pytest.mark.slow) for after in (9, 17, 24, 33)),
        *(({}, after) for after in (3, 8)),
        *(({"carry_moments": True, "keep": "average"}, after) for after in (3, 8)),
        ({"keep": "best"}, 8),
        *(({"method": "strotss", "samples": 200, "layers": "relu1_1,relu3_1"}, after) for after in (2, 6, 7, 9)),
        *(({"method": "nnst", "last_steps": 6, "renewed": 2, "layers": "relu1_1,relu3_1"}, after) for after in (2, 6, 7, 9)),
        ({"memory": "406MB", "keep": "average", "carry_moments": True}, 24),
        *(
            ({"method": "deformable", "base": base, "points": POINTS, "fewest": 4}, after)
            for base in ("strotss", "gatys")
            for after in (6, 9)
        ),
        *(({"method": "inversion", "layer": "relu2_1"}, after) for after in (3, 8)),
    ],
    ids=str,
)
def test_a_transfer_that_is_killed_ends_in_the_same_picture(
    changes: dict[str, object],
    after: int,
    pictures: tuple[Path, Path],
    never_killed: dict[str, Result],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(journals, "EVERY", -1.0)  # a record after every step
    monkeypatch.setattr(budget, "SMALLEST_CORE", 32)
    photo, style = pictures
    size = 160 if "memory" in changes else 64
    own = {} if "method" in changes else {"style_layers": "relu1_1,relu2_1", "content_layers": "relu2_1"}
    settings: dict[str, object] = {
        "size": size, "steps": 10, "precision": "fp32", **own, **changes,
    }  # fmt: skip
    if changes.get("method") != "deformable":
        settings["smallest"] = size // 2
    folder = tmp_path / "unfinished"
    if str(settings) not in never_killed:
        never_killed[str(settings)] = made(photo, style, **settings)  # type: ignore[arg-type]
    expected = never_killed[str(settings)]
    left = after
    written = Journal.write

    def write(self: Journal, *given: object) -> None:
        nonlocal left
        left -= 1
        if not left:
            raise Killed
        written(self, *given)  # type: ignore[arg-type]

    monkeypatch.setattr(Journal, "write", write)
    with pytest.raises(Killed):
        made(photo, style, unfinished=folder, **settings)  # type: ignore[arg-type]
    assert folder.exists()
    again = made(photo, style, unfinished=folder, **settings)  # type: ignore[arg-type]
    assert torch.equal(again.source.pixels, expected.source.pixels)
    assert [(r["size"], r["step"], r["total"]) for r in again.losses] == [
        (r["size"], r["step"], r["total"]) for r in expected.losses
    ]
    again.save(tmp_path / "made.png")
    assert not folder.exists()


def test_a_folder_of_photographs_is_refused(tmp_path: Path) -> None:
    photo = tmp_path / "photo.png"
    Image.fromarray(draw("waves", (40, 40))).save(photo)
    before = photo.read_bytes()
    with pytest.raises(InputError, match="holds other files"):
        transfer(photo, photo, unfinished=tmp_path, size=32, steps=2)
    assert [path.name for path in tmp_path.iterdir()] == ["photo.png"]
    assert photo.read_bytes() == before


def test_another_encoder_does_not_go_on(tmp_path: Path, compact_weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was begun with other weights is neither gone on with nor thrown away."""
    monkeypatch.setattr(journals, "EVERY", -1.0)
    photo = tmp_path / "photo.png"
    Image.fromarray(draw("waves", (40, 40))).save(photo)
    folder = tmp_path / "unfinished"
    one, other = (encoders.load("compact", weights=weights, precision="fp32") for weights in (compact_weights, None))
    own: dict[str, object] = {"size": 32, "smallest": 32, "steps": 4, "unfinished": folder}

    def stop(progress: Progress) -> None:
        if progress.done == 2:
            raise KeyboardInterrupt

    assert transfer(photo, photo, encoder=one, progress=stop, **own).interrupted  # type: ignore[arg-type]
    kept = {path.name: path.read_bytes() for path in folder.iterdir()}
    with pytest.raises(InputError, match=rf"needs the encoder 'compact' \(weights {one.checksum[:12]}\)"):
        transfer(photo, photo, encoder=other, **own)  # type: ignore[arg-type]
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == kept
    assert len(transfer(photo, photo, encoder=one, **own).losses) == 4  # type: ignore[arg-type]

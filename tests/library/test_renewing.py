"""A library that another encoder described: never compared, described anew, gone on with."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from stylespace import encoders
from stylespace.errors import InputError
from stylespace.library import Library, choose
from stylespace.library import describing as describing_module
from stylespace.library import renewing as module
from stylespace.library.adding import add
from stylespace.library.choosing import matching
from stylespace.library.renewing import PROGRESS, Renewed, describe_anew
from stylespace.pictures.reading import read

Make = Callable[..., Path]


@pytest.fixture
def old(library: Library, pictures: Make, compact_weights: Path, monkeypatch: pytest.MonkeyPatch) -> Library:
    """Five pictures described by another compact encoder."""
    with monkeypatch.context() as patch:
        other = encoders.load("compact", weights=compact_weights, precision="fp32")
        patch.setattr(describing_module, "network", lambda: other)
        assert add(library, [pictures(5)], tags=["kept"]).new == 5
    return library


def test_another_encoders_numbers_are_never_compared(old: Library, pictures: Make) -> None:
    place = pictures(6)
    photo = read(place / "003.png").pixels
    wanted = rf"needs the encoder 'compact' \(weights {old.encoder['sha256'][:12]}\).*stylespace library describe --library"
    for attempt in (
        lambda: matching(old, f"like={place / '003.png'}"),
        lambda: choose("library:tag=kept", photo, library=old),
        lambda: old.descriptors(),
        lambda: add(old, [place]),
    ):
        with pytest.raises(InputError, match=wanted):
            attempt()
    assert len(old.search("tag=kept").references) == 5  # what compares nothing goes on
    about = json.loads((old.folder / "library.json").read_text())
    del about["encoder"]
    (old.folder / "library.json").write_text(json.dumps(about))
    with pytest.raises(InputError, match="needs the encoder 'compact' of an earlier version of Stylespace"):
        old.descriptors()


def test_described_anew_it_is_as_if_added_now(old: Library, pictures: Make, tmp_path: Path) -> None:
    assert old.tag("title=003", add=["mine"]) == 1
    told: list[int] = []
    done = describe_anew(old, progress=lambda state: told.append(state.done))
    assert (done.done, done.of, done.failures) == (5, 5, {})
    assert told == [1, 2, 3, 4, 5]
    assert not (old.folder / PROGRESS).exists()
    fresh = Library(tmp_path / "fresh")
    add(fresh, [pictures(5)])
    assert old.encoder == fresh.encoder
    numbers = {r.path: n for lib in (old, fresh) for r, n in _all(lib).items()}
    assert len(numbers) == 5
    for (one, n), (other, m) in zip(sorted(_all(old).items(), key=_path), sorted(_all(fresh).items(), key=_path), strict=True):
        assert one.path == other.path
        assert torch.equal(n, m)
    assert [r.title for r in old.search("tag=mine").references] == ["003"]
    assert add(old, [pictures(6)]).new == 1


def _all(library: Library) -> dict[object, torch.Tensor]:
    found = library.search("", numbers=True)
    return dict(zip(found.references, torch.cat(found.numbers), strict=True))


def _path(item: tuple[object, torch.Tensor]) -> str:
    return str(item[0].path)  # type: ignore[attr-defined]


def test_interrupted_it_goes_on(old: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BATCH", 2)
    seen: list[str] = []
    describe = module.describe_file

    def counting(path: str) -> object:
        seen.append(path)
        return describe(path)

    monkeypatch.setattr(module, "describe_file", counting)

    def stop(state: Renewed) -> None:
        if state.done == 3:
            raise KeyboardInterrupt

    first = describe_anew(old, progress=stop)
    assert first.interrupted
    with pytest.raises(InputError, match="stylespace library describe"):
        old.descriptors()
    with (old.folder / PROGRESS).open("a") as file:
        file.write('["half')  # killed while it wrote
    second = describe_anew(old)
    assert (second.done, second.of) == (5, 5)
    assert len(seen) == len(set(seen)) == 5
    assert len(old.descriptors()[0]) == 5


def test_a_picture_that_is_not_there_keeps_the_library_waiting(old: Library, pictures: Make) -> None:
    place = pictures(5)
    moved, changed = place / "001.png", place / "002.png"
    data = changed.read_bytes()
    moved.rename(place / "elsewhere.png")
    changed.write_bytes((place / "003.png").read_bytes())
    done = describe_anew(old)
    assert (done.done, set(done.failures)) == (3, {str(moved), str(changed)})
    with pytest.raises(InputError, match="stylespace library describe"):
        old.descriptors()
    changed.write_bytes(data)
    assert old.remove("path=001.png") == 1
    assert describe_anew(old).done == 4
    assert len(old.descriptors()[0]) == 4

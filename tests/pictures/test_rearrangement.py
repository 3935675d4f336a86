"""Where pixels come from: applied, kept, refused."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from stylespace.errors import InputError
from stylespace.pictures.atlas import Atlas
from stylespace.pictures.rearrangement import FORMAT, Rearrangement
from stylespace.storage.tensors import write_tensors


def two() -> tuple[Atlas, Rearrangement, list[torch.Tensor]]:
    pictures = [torch.rand(1, 3, 5, 7), torch.rand(1, 3, 4, 9)]
    atlas = Atlas.of(pictures)
    generator = torch.Generator().manual_seed(0)
    owner = torch.from_numpy(atlas.owner)
    among = (owner >= 0).nonzero()[torch.randint(int((owner >= 0).sum()), (6 * 8,), generator=generator)]
    down, right = (among[:, k].reshape(6, 8).int().numpy() for k in (0, 1))
    assert torch.equal(atlas.rearrangement(down, right).apply(pictures)[0], atlas.taken(down, right))
    return atlas, atlas.rearrangement(down, right), pictures


def test_it_is_the_same_from_a_file(tmp_path: Path) -> None:
    _, made, pictures = two()
    kept = Rearrangement.load(made.save(tmp_path / "map.safetensors"))
    assert torch.equal(kept.apply(pictures), made.apply(pictures))
    assert kept.sizes == ((5, 7), (4, 9))


def test_larger_maps() -> None:
    """Each pixel becomes a square of the map's pixels, in their order."""
    _, made, pictures = two()
    large = [torch.rand(1, 1, 3 * p.shape[-2], 3 * p.shape[-1]) for p in pictures]
    found = made.apply(large)
    assert found.shape == (1, 1, 18, 24)
    number, down, right = made.coordinates[:, 2, 5].tolist()
    square = large[number][..., 3 * down : 3 * down + 3, 3 * right : 3 * right + 3]
    assert torch.equal(found[..., 6:9, 15:18], square)


def test_what_does_not_fit_is_refused(tmp_path: Path) -> None:
    _, made, pictures = two()
    for maps in (pictures[:1], [pictures[0], torch.rand(1, 3, 4, 8)], [p.repeat_interleave(2, 2) for p in pictures]):
        with pytest.raises(InputError, match=r"maps"):
            made.apply(maps)
    sizes = [[5, 7], [4, 9]]
    outside = made.coordinates.clone()
    outside[1, 0, 0] = 5
    bad = (
        ({"coordinates": outside}, {"format": FORMAT, "sizes": sizes}),
        ({"coordinates": made.coordinates.float()}, {"format": FORMAT, "sizes": sizes}),
        ({"coordinates": made.coordinates}, {"format": FORMAT, "sizes": sizes[:1]}),
        ({"coordinates": made.coordinates}, {"format": FORMAT, "sizes": [[1 << 40, 7], [4, 9]]}),
        ({"coordinates": made.coordinates}, {"sizes": sizes}),
        ({"other": made.coordinates}, {"format": FORMAT, "sizes": sizes}),
        ({"coordinates": made.coordinates}, {"format": FORMAT, "sizes": "x"}),
    )
    for number, (tensors, record) in enumerate(bad):
        path = write_tensors(tmp_path / f"{number}.safetensors", tensors, record)
        with pytest.raises(InputError, match=r"coordinates"):
            Rearrangement.load(path)
    (tmp_path / "text.safetensors").write_text("no")
    with pytest.raises(InputError, match=r"holds no coordinates"):
        Rearrangement.load(tmp_path / "text.safetensors")

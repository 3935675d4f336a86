"""The result of a transfer: the picture, its losses, and the settings that made it."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stylespace.errors import InputError
from stylespace.pictures.picture import Picture

if TYPE_CHECKING:
    from PIL.Image import Image

    from stylespace.pictures.warp import Warp
    from stylespace.storage.journal import Journal
    from stylespace.styles.space import Blend


@dataclass
class Result:
    """A finished (or interrupted) transfer.

    ``source``: the result as a :class:`~stylespace.pictures.picture.Picture`, sRGB in [0, 1], with the photo's transparency and
    EXIF. ``losses``: one record per step (size, step, total, one value per term, seconds). ``record``: its inputs and settings, which
    :meth:`save` writes into the file. ``snapshots``: step number to picture (1, 3, H, W). ``interrupted``: Ctrl-C ended it; the picture is
    the best so far.
    ``blend``: with ``method="blend"``, the references' weights. ``extras`` and ``warp``: with ``method="deformable"``, the picture before
    its warp (``stylised``), the warped photo (``warped-photo``), a drawing of the warp (``grid``), and the warp itself.
    ``journal``: the state of long work, which is deleted when the finished result is saved.
    """

    source: Picture
    losses: list[dict[str, Any]] = field(default_factory=list)
    record: dict[str, Any] = field(default_factory=dict)
    seconds: float = 0.0
    snapshots: dict[int, Picture] = field(default_factory=dict)
    interrupted: bool = False
    blend: Blend | None = None
    extras: dict[str, Picture] = field(default_factory=dict)
    warp: Warp | None = None
    journal: Journal | None = None

    @property
    def settings(self) -> dict[str, Any]:
        """All settings of the method."""
        return dict(self.record.get("settings", {}))

    @property
    def picture(self) -> Image:
        """The result as a PIL picture, RGB or, where the photo was transparent, RGBA; 8 bits."""
        from stylespace.pictures import to_pil

        return to_pil(self.source.pixels, self.source.alpha)

    def save(self, path: str | Path, *, bits: int = 8, force: bool = False) -> Path:
        """Write PNG, JPEG, WebP, TIFF or AVIF by the suffix of ``path``, atomically, with the settings inside.

        Raises ``PictureError`` when the file exists and ``force`` is not given, or cannot be written.
        """
        saved = self._write(path, bits, force)
        if self.journal is not None and not self.interrupted:
            self.journal.remove()
        return saved

    def _write(self, path: str | Path, bits: int, force: bool) -> Path:
        from stylespace.pictures import write

        return write(self.source, path, bits=bits, force=force, settings=self.record)

    def save_losses(self, path: str | Path) -> Path:
        """Write the losses as JSON lines, one a step."""
        from stylespace.storage.atomic import write_text

        return write_text(path, "".join(json.dumps({k: _finite(v) for k, v in record.items()}) + "\n" for record in self.losses))

    def animate(self, path: str | Path, *, frames: int = 24, rate: int = 12) -> Path:
        """Write a film from the undeformed to the deformed picture and back, ``.gif`` or ``.mp4`` by the suffix of ``path``.

        ``frames`` in one direction, at ``rate`` a second. Only with ``method="deformable"``; raises ``InputError`` for others, for another
        suffix, and where ``.mp4`` needs the extra ``library``.
        """
        from stylespace.film.writing import write_film
        from stylespace.pipelines.morph import morph

        if self.warp is None:
            raise InputError("Only a deformed picture can be animated: make it with method='deformable'.")
        return write_film(morph(self.extras["stylised"].pixels, self.warp, frames), path, rate)

    def save_cube(self, path: str | Path) -> Path:
        """Write the map of colours as a ``.cube`` file of 33 points a side, for film and photo tools.

        Only with ``method="photoreal", route="global"``; raises ``InputError`` for others.
        """
        import torch

        from stylespace.pictures.cube import write_cube

        if "colours" not in self.record:
            raise InputError(
                "Only one map of colours for the whole picture makes a .cube file: give --method photoreal --route global."
            )
        return write_cube(path, torch.tensor(self.record["colours"]))

    def plot(self, path: str | Path) -> Path:
        """Draw the learning curve, total and terms over steps, on a logarithmic axis; PNG, SVG or PDF by the suffix."""
        from stylespace.pictures.curve import draw

        return draw(self.losses, path)


def _finite(value: Any) -> Any:
    """JSON has no NaN or infinity: they become null."""
    return None if isinstance(value, float) and not math.isfinite(value) else value

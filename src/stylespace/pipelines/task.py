"""One set of styles and settings, applied to any photo."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from stylespace.encoders.encoder import Encoder
from stylespace.encoders.identity import found
from stylespace.methods.registry import METHODS
from stylespace.pictures.reading import read
from stylespace.pipelines.record import inputs, weighted
from stylespace.pipelines.result import Result
from stylespace.pipelines.run import Progress
from stylespace.pipelines.sources import MAX_PIXELS, Area, Classes, Guide, Points, Source, Styles
from stylespace.pipelines.transfer import adjusted, encoded, redraw, start_network
from stylespace.solvers.coarse_to_fine import Problem


@dataclass(frozen=True)
class Task:
    """Everything that a result depends on except the photo. ``settings``: complete, with preset and quality resolved."""

    settings: Any
    styles: Styles = field(default_factory=dict)
    areas: tuple[Area, ...] = ()
    strokes: Source | None = None
    start_picture: Source | None = None
    weights: Path | None = None
    device: str = "auto"
    threads: int | None = None
    max_pixels: int = MAX_PIXELS
    style_regions: Path | None = None
    points: tuple[Points, ...] = ()
    guides: tuple[Guide, ...] = ()
    style_source: Source | None = None
    classes: Classes | None = None
    encoder: Encoder | None = None  # replaces the one that the settings name

    @property
    def method(self) -> str:
        """The name of the method that the settings belong to."""
        return next(name for name, row in METHODS.items() if type(self.settings) is row.settings)

    def run(
        self,
        photo: Source,
        *,
        snapshots: Iterable[int] = (),
        progress: Callable[[Progress], None] | None = None,
        note: Callable[[str], None] | None = None,
        unfinished: Path | None = None,
        rehearse: Callable[[Problem], None] | None = None,
    ) -> Result:
        """Apply the task to ``photo``; ``unfinished`` and what it raises as for :func:`stylespace.transfer`.

        ``rehearse``: called with the problem, which is then not solved.
        """
        return redraw(
            photo, self.styles, self.method, self.settings, areas=self.areas, style_regions=self.style_regions, strokes=self.strokes,
            start_picture=self.start_picture, points=self.points, weights=self.weights, device=self.device, threads=self.threads,
            max_pixels=self.max_pixels, snapshots=snapshots, progress=progress, note=note, unfinished=unfinished, encoder=self.encoder,
            rehearse=rehearse, guides=self.guides, style_source=self.style_source, classes=self.classes,
        )  # fmt: skip

    def inputs(self, photo: Source) -> dict[str, Any]:
        """What the record of the result for ``photo`` will say about its inputs."""
        encoder = found(self.settings.encoder, self.weights) if self.encoder is None else self.encoder.identity
        return inputs(
            self.method, photo, encoded(self.settings, self.encoder), styles=self.styles, areas=self.areas, strokes=self.strokes,
            start_picture=self.start_picture, weights=self.weights, style_regions=self.style_regions, points=self.points, encoder=encoder,
            guides=self.guides, style_source=self.style_source, classes=self.classes, start_network=start_network(self.settings),
        )  # fmt: skip

    def smaller(self, factor: int = 4) -> Task:
        """The same at a size ``factor`` times smaller, for a preview."""
        sizes = getattr(self.settings, "sizes", ())
        last = sizes[-1] if sizes else self.settings.size
        return replace(self, settings=adjusted(self.settings, {"size": max(1, last // factor)}))

    def check_pictures(self) -> None:
        """Read every picture but the photo once, so that a bad one is reported before long work. Raises ``PictureError``."""
        # A blend skips what it cannot read.
        styles = [] if METHODS[self.method].blends else [style for style, _ in weighted(self.styles)]
        sources = [*styles, self.strokes, self.start_picture, self.style_source]
        sources += [picture for guide in self.guides for picture in (guide.photo, guide.style)]
        sources += [] if self.classes is None else [self.classes.photo, self.classes.style]
        for area in self.areas:
            sources += [area.mask, area.style_mask, *(style for style, _ in weighted(area.styles))]
        for source in sources:
            if source is not None:
                read(source, max_pixels=self.max_pixels)

"""The blend of one run: its references are read, encoded and weighted to suit the photo."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor

from stylespace.encoders import layers as layer_names
from stylespace.encoders.encoder import Encoder
from stylespace.methods.blend_settings import BlendSettings
from stylespace.pictures.picture import Picture
from stylespace.pictures.resizing import fit, resize
from stylespace.pipelines.record import described, weighted
from stylespace.pipelines.sources import Styles, expanded, frames_of, is_query, references_of
from stylespace.storage.scratch import Shelf
from stylespace.styles.region import Style
from stylespace.styles.space import Blend, StyleSpace


class Blending:
    """The blend of one run: fitted to the photo or, with ``refit``, to the picture at each size.

    ``size``: long side at which styles are looked at in the last size. Every reference is read and encoded once, and stored at that size.
    """

    def __init__(
        self,
        style: Styles,
        content: Picture,
        settings: BlendSettings,
        network: Encoder,
        size: int,
        max_pixels: int,
        note: Callable[[str], None],
    ) -> None:
        self.settings, self.size, self.note = settings, size, note
        self.layers = {n: w for n, w in layer_names.weights(settings.style_layers, network.layers).items() if w}
        if is_query(style):
            small = resize(content.pixels, fit(content.size, min(max(content.size), size)))
            self.sources: list[Any] = list(references_of(style, small, self.layers, settings.references))
            note(f"{len(self.sources)} references of the library make up the blend.")
        else:
            self.sources = [part for source, _ in weighted(expanded(style)) for part in frames_of(source, note)]
        self.blend: Blend | None = None
        shelf, self._pictures = Shelf(), list[Callable[[], Tensor]]()

        def keep(picture: Picture) -> None:
            own = fit(picture.size, min(max(picture.size), size))
            self._pictures.append(shelf.put(resize(picture.pixels, own)))

        self.space = StyleSpace.fit(
            self.sources,
            encoder=network,
            layers=self.layers,
            size=size,
            max_pixels=max_pixels,
            progress=self._progress,
            keep=keep,
        )
        for error in self.space.failures.values():
            note(f"Skipped: {error}")

    def styles(self, picture: Tensor) -> tuple[Style, ...]:
        """The active references with their weights, for ``picture`` (1, 3, H, W).

        A smaller picture is enlarged first, so that things in it are as large as in the references.
        """
        s, size = self.settings, max(picture.shape[-2:])
        if self.blend is not None and size < self.size:
            picture = resize(picture, fit(picture.shape[-2:], self.size))
        self.blend = blend = self.space.blend(picture, limit=s.references, layerwise=s.layerwise, scale=s.blend_scale)
        self.active = [(self.space.sources[i], blend.weight(i)) for i in blend.active]
        return tuple(Style(self._pictures[i](), blend.weight(i)) for i in blend.active)

    def record(self) -> dict[str, Any]:
        """The blend as the result's record has it: references with weights and checksums, distances."""
        assert self.blend is not None
        made = [{**described(source), "weight": weight} for source, weight in self.active]
        explained = self.blend.explained()
        return {
            "references": made,
            "distance": explained["distance"],
            "best_single": explained["best_single"],
            "of": explained["of"],
        }

    def _progress(self, done: int, of: int) -> None:
        if done % 25 == 0 and of > 25:
            self.note(f"{done} of {of} references read.")

"""The blend of one run: references read, encoded and weighed by what suits the photo."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor

from stylespace.encoders import layers as layer_names
from stylespace.encoders.encoder import Encoder
from stylespace.methods.blend_settings import BlendSettings
from stylespace.pictures.picture import Picture
from stylespace.pictures.reading import read
from stylespace.pictures.resizing import fit, resize
from stylespace.pipelines.record import described, weighted
from stylespace.pipelines.sources import LIBRARY, Styles, expanded, frames_of, references_of
from stylespace.styles.region import Style
from stylespace.styles.space import Blend, StyleSpace


class Blending:
    """The blend of one run: fitted to the photo or, with ``refit``, to the picture at each size."""

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
        self.settings, self.network, self.size, self.max_pixels, self.note = settings, network, size, max_pixels, note
        self.layers = {n: w for n, w in layer_names.weights(settings.style_layers, network.layers).items() if w}
        if isinstance(style, str) and style.startswith(LIBRARY):
            small = resize(content.pixels, fit(content.size, min(max(content.size), size)))
            self.sources: list[Any] = list(references_of(style, small, self.layers, settings.references))
            note(f"{len(self.sources)} references of the library make up the blend.")
        else:
            self.sources = [part for source, _ in weighted(expanded(style)) for part in frames_of(source, note)]
        self.blend: Blend | None = None
        self.said: set[str] = set()

    def styles(self, picture: Tensor, size: int) -> tuple[Style, ...]:
        """The active references with their weights, for ``picture`` (1, 3, H, W), looked at with a long side of ``size`` pixels."""
        space = StyleSpace.fit(
            self.sources, encoder=self.network, layers=self.layers, size=size, max_pixels=self.max_pixels, told=self._told
        )
        for name, error in space.failures.items():
            if name not in self.said:
                self.said.add(name)
                self.note(f"Passed over: {error}")
        s = self.settings
        self.blend = blend = space.blend(picture, limit=s.references, layerwise=s.layerwise, scale=s.blend_scale)
        self.active = [(space.sources[i], blend.weight(i)) for i in blend.active]
        return tuple(Style(read(source, max_pixels=self.max_pixels).pixels, weight) for source, weight in self.active)

    def record(self) -> dict[str, Any]:
        """The blend for the result's record: references with weights and checksums, distances."""
        assert self.blend is not None
        made = [{**described(source), "weight": weight} for source, weight in self.active]
        explained = self.blend.explained()
        return {
            "references": made,
            "distance": explained["distance"],
            "best_single": explained["best_single"],
            "of": explained["of"],
        }

    def _told(self, done: int, of: int) -> None:
        if done % 25 == 0 and of > 25:
            self.note(f"{done} of {of} references read.")

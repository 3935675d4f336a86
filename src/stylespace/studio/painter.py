"""The studio's network in memory: styles, paintings as styles, pictures."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace

import torch

from stylespace.errors import InputError, MissingExtraError
from stylespace.export.runtime import Runtime, shipped
from stylespace.networks.brush import trained_size
from stylespace.networks.code import StyleCode
from stylespace.networks.style_network import StyleNetwork, working_size
from stylespace.pictures.picture import Picture
from stylespace.pictures.tiles import free_memory
from stylespace.pipelines.paint import BYTES_A_PIXEL, Painting, PaintSettings
from stylespace.pipelines.result import Result
from stylespace.pipelines.run import choose_device
from stylespace.studio.look import Look
from stylespace.studio.results import new_id

PAINTINGS = 64  # paintings remembered as styles
OWN = "painting:"
SHARE = 0.6  # of the free memory that one picture may take at once; larger ones are painted in tiles
Maps = Mapping[str, Picture]


class Painter:
    """One network. A painting that it has read is a style called ``painting:ID``."""

    def __init__(self, network: str, device: str = "auto", threads: int | None = None) -> None:
        self.name, self.threads = network, threads
        self.network = StyleNetwork.load(network).to(choose_device(device))
        self.codes: OrderedDict[str, StyleCode] = OrderedDict()
        self.fast: Runtime | None = None
        self._turn = threading.Lock()

    @property
    def styles(self) -> tuple[str, ...]:
        """Names of the network's own styles."""
        return self.network.styles

    @property
    def reads(self) -> bool:
        """Whether it takes any painting as a style."""
        return self.network.reader is not None

    def read(self, painting: Picture, title: str) -> str:
        """Take ``painting`` as a style; its name. Raises ``InputError`` where the network reads none."""
        code = self.network.code(painting)
        name = f"{OWN}{new_id()}"
        with self._turn:
            self.codes[name] = replace(code, name=name, about={**code.about, "title": title})
            while len(self.codes) > PAINTINGS:
                self.codes.popitem(last=False)
        return name

    def check(self, look: Look, maps: Maps | None = None) -> None:
        """Raise ``InputError`` for styles that are not there: a name never becomes a path."""
        for name in [*look.styles, *(maps or {})]:
            if name.startswith(OWN) and name not in self.codes:
                raise InputError("A painting of this mix is no longer here: add it again.")
        self._with_codes(look).check(dict.fromkeys([*look.styles, *(maps or {})], 1.0))

    def paint(self, photo: Picture, look: Look, maps: Maps | None = None, *, live: bool = False) -> Result:
        """``photo`` redrawn. ``maps``: style to a picture that is white where the style goes, times its weight.

        ``live``: by an inference engine where there is one for this look, which may differ by a level or two of 255.
        """
        self.check(look, maps)
        own = all(name in self.styles for name in look.styles)
        if live and self.fast is not None and own and not maps and look.stroke == 1.0:
            quick = PaintSettings(look.styles, look.size, look.colour, look.strength, tiles="whole")
            return Painting(quick, self.name, threads=self.threads, loaded=self.fast).run(photo)
        most = max(look.styles.values())
        mix: dict[str, float | Picture] = {}
        for name, weight in look.styles.items():
            share = weight / most if most else 0.0
            drawn = (maps or {}).get(name)
            mix[name] = weight if drawn is None else Picture(drawn.pixels * share)
        if maps:  # weights beside maps are of their scale
            mix = {name: weight / (most or 1.0) if isinstance(weight, float) else weight for name, weight in mix.items()}
        tiles = "whole"
        high, wide = working_size(photo.size, look.size)
        if high * wide * BYTES_A_PIXEL > SHARE * free_memory():
            if maps or look.stroke != 1.0:
                raise InputError("The picture is too large for maps and other strokes: choose a smaller size.")
            tiles = "exact"
        style_size = None if look.stroke == 1.0 else look.stroke * trained_size(self.network)
        settings = PaintSettings(mix, look.size, look.colour, look.strength, "torch", style_size=style_size, tiles=tiles)
        painting = Painting(settings, self.name, threads=self.threads, loaded=self._with_codes(look))
        return painting.run(photo)

    @torch.no_grad()
    def warm(self) -> None:
        """Paint a small picture and start the inference engine, so that the first visitor does not wait for what is done once."""
        self.network.pixels(torch.zeros(1, 3, 64, 64, device=self.network.device), self.styles[0])
        if self.name in shipped() and self.network.device.type == "cpu":
            with suppress(MissingExtraError):
                self.fast = Runtime(self.name, threads=self.threads)

    def _with_codes(self, look: Look) -> StyleNetwork:
        network = self.network
        for name in look.styles:
            if (code := self.codes.get(name)) is not None:
                network = network.with_style(name, code.row, code.about)
        return network

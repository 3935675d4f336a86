"""The studio's networks in memory: styles, paintings as styles, pictures."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import torch

from stylespace.errors import InputError, MissingExtraError, WeightsError
from stylespace.export.runtime import Runtime, shipped
from stylespace.networks.brush import trained_size
from stylespace.networks.code import StyleCode
from stylespace.networks.shipped import ARBITRARY, is_shipped
from stylespace.networks.style_network import StyleNetwork, working_size
from stylespace.pictures.picture import Picture
from stylespace.pictures.tiles import free_memory
from stylespace.pipelines.paint import BYTES_A_PIXEL, KEEP, Painting, PaintSettings, placed
from stylespace.pipelines.result import Result
from stylespace.pipelines.run import choose_device
from stylespace.studio.look import Look
from stylespace.studio.results import new_id

PAINTINGS = 64  # paintings remembered as styles
OWN = "painting:"
SHARE = 0.6  # of the free memory that one picture may take at once; larger ones are painted in tiles
MAP_BYTES = 24  # a pixel of a map, while it is painted
Maps = Mapping[str, Picture]


class StudioPainter:
    """One network, and where it reads no paintings, the shipped one that does.

    A painting that was read is a style called ``painting:ID``, until the server stops. Styles that were added to the network are kept in
    ``folder``, a code each. ``max_pixels``: of a result.
    """

    def __init__(
        self,
        network: str,
        device: str = "auto",
        threads: int | None = None,
        *,
        folder: Path | None = None,
        max_pixels: int = 1 << 40,
    ) -> None:
        self.name, self.threads, self.folder, self.max_pixels = network, threads, folder, max_pixels
        self.source = str(Path(network).absolute()) if Path(network).is_file() else network
        self.device = choose_device(device)
        self.network = StyleNetwork.load(network).to(self.device)
        self.checksum = self.network.checksum()
        self.codes: OrderedDict[str, StyleCode] = OrderedDict()
        self.added = self._kept()
        self.fast: Runtime | None = None
        self._turn = threading.Lock()

    @property
    def styles(self) -> tuple[str, ...]:
        """Names of the network's styles, and of those that were added."""
        return (*self.network.styles, *self.added)

    @cached_property
    def reading(self) -> StyleNetwork | None:
        """The network that takes any painting as a style, where there is one."""
        if self.network.reader is not None:
            return self.network
        if not is_shipped(ARBITRARY):
            return None
        found = StyleNetwork.load(ARBITRARY).to(self.device)
        return found if found.reader is not None else None

    def read(self, painting: Picture, title: str) -> str:
        """Take ``painting`` as a style; its name. Raises ``InputError`` where no network reads any."""
        code = (self.reading or self.network).code(painting)
        name = f"{OWN}{new_id()}"
        row = code.row.half().float()  # as in the network's file; so a result can carry it
        with self._turn:
            self.codes[name] = replace(code, name=name, row=row, about={**code.about, "title": title})
            while len(self.codes) > PAINTINGS:
                self.codes.popitem(last=False)
        return name

    def adopt(self, name: str, file: Path) -> str:
        """Keep the style ``name`` of the network in ``file``, which has this one's body, as one of the studio's; what it is called here."""
        learned = StyleNetwork.load(file)
        if learned.checksum() != self.checksum:
            raise InputError("The studio's network is another one now: the style is in the job's result.")
        title, number = name, 1
        while title in self.styles:
            number += 1
            title = f"{name} {number}"
        code = StyleCode(title, learned.rows[learned.names.index(name)], self.checksum, learned.about.get(name, {}))
        if self.folder is not None:
            self.folder.mkdir(parents=True, exist_ok=True)
            code.save(self.folder / f"{new_id()}.safetensors")
        with self._turn:
            self.added = {**self.added, title: code}
        return title

    def forget(self, name: str) -> bool:
        """Take away a painting or an added style; whether it was there."""
        with self._turn:
            if self.codes.pop(name, None) is not None:
                return True
            if name not in self.added:
                return False
            for path in self._files():
                with suppress(WeightsError):
                    code = StyleCode.load(path)
                    if (code.name, code.network) == (name, self.checksum):
                        path.unlink()
            self.added = {other: code for other, code in self.added.items() if other != name}
            return True

    def code(self, name: str) -> StyleCode | None:
        """Of a painting or an added style."""
        return self.codes.get(name) or self.added.get(name)

    def known(self, name: str) -> StyleNetwork | None:
        """A network that has the style, or None."""
        code = self.code(name)
        if code is not None:
            return self.network.with_style(name, code.row, code.about) if name in self.added else self._reading(name, code)
        return self.network if name in self.network.names else None

    def check(self, look: Look, maps: Maps | None = None) -> None:
        """Raise ``InputError`` for styles that are not there: a name never becomes a path."""
        names = [*look.styles, *(name for name in maps or {} if name != KEEP)]
        for name in names:
            if name.startswith(OWN) and name not in self.codes:
                raise InputError("A painting of this mix is no longer here: add it again.")
        self._network(look)[0].check(dict.fromkeys(names, 1.0))

    def written(self, look: Look, folder: Path) -> tuple[str, dict[str, float]]:
        """A network's source and its mix, for a job in ``folder``: styles that are in memory only are written there as codes."""
        self.check(look)
        mix: dict[str, float] = {}
        for number, (name, weight) in enumerate(look.styles.items()):
            code = self.code(name)
            if code is not None:
                name = code.save(folder / f"style-{number}.safetensors").name
            mix[name] = weight
        return self.source if self._network(look)[1] == self.name else ARBITRARY, mix

    def paint(self, photo: Picture, look: Look, maps: Maps | None = None, *, live: bool = False) -> Result:
        """``photo`` redrawn. ``maps``: style to a picture that is white where the style goes, times its weight; of ``KEEP``: where the
        photo stays.

        ``live``: by an inference engine where there is one for this look, which may differ by a level or two of 255.
        """
        self.check(look, maps)
        maps = dict(maps or {})
        keep = maps.pop(KEEP, None)
        if live and self.fast is not None and set(look.styles) <= set(self.fast.styles) and not maps and look.stroke == 1.0:
            quick = PaintSettings(look.styles, look.size, look.colour, look.strength, tiles="whole", keep=keep)
            return Painting(quick, self.name, threads=self.threads, loaded=self.fast, colours=self.network).run(photo)
        mix: dict[Any, Any] = placed(look.styles, maps)
        if not live:  # codes go into the file
            mix = {self.code(name) or name: weight for name, weight in mix.items()}
        tiles = "whole"
        high, wide = working_size(photo.size, look.size)
        if high * wide > self.max_pixels:
            raise InputError(
                f"The picture would have {high * wide:,} pixels: choose a smaller size, {self.max_pixels:,} at most."
            )
        if high * wide * (BYTES_A_PIXEL + MAP_BYTES * len(maps)) > SHARE * free_memory():
            if maps or look.stroke != 1.0:
                raise InputError("The picture is too large for maps and other strokes: choose a smaller size.")
            tiles = "exact"
        network, called = self._network(look)
        style_size = None if look.stroke == 1.0 else look.stroke * trained_size(network)
        settings = PaintSettings(
            mix, look.size, look.colour, look.strength, "torch", style_size=style_size, tiles=tiles, keep=keep
        )
        return Painting(settings, called, threads=self.threads, loaded=network).run(photo)

    @torch.no_grad()
    def warm(self) -> None:
        """Paint a small picture and start the inference engine, so that the first visitor does not wait for what is done once."""
        self.network.pixels(torch.zeros(1, 3, 64, 64, device=self.network.device), self.network.names[0])
        if self.name in shipped() and self.network.device.type == "cpu":
            with suppress(MissingExtraError):
                self.fast = Runtime(self.name, threads=self.threads)

    def _network(self, look: Look) -> tuple[StyleNetwork, str]:
        """The network that paints this look, with its paintings and added styles, and what it is called."""
        network, called = self.network, self.name
        if any(name.startswith(OWN) for name in look.styles) and self.reading is not None and self.reading is not network:
            network, called = self.reading, ARBITRARY
            for name in look.styles:
                if name not in self.codes and name not in network.names:
                    raise InputError(
                        f"A painting of yours and '{name}' are of different networks: leave one of them out of the mix."
                    )
        for name in look.styles:
            code = self.code(name)
            if code is not None and name not in network.names:
                network = network.with_style(name, code.row, code.about)
        return network, called

    def _reading(self, name: str, code: StyleCode) -> StyleNetwork:
        return (self.reading or self.network).with_style(name, code.row, code.about)

    def _files(self) -> list[Path]:
        return [] if self.folder is None or not self.folder.is_dir() else sorted(self.folder.glob("*.safetensors"))

    def _kept(self) -> dict[str, StyleCode]:
        """Styles that were added to this network before; of another network's the file only stays."""
        found: dict[str, StyleCode] = {}
        for path in self._files():
            with suppress(WeightsError):
                code = StyleCode.load(path)
                if code.network == self.checksum and code.name not in self.network.names:
                    found[code.name] = code
        return found

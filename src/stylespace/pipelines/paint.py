"""One call from a photo to its picture by a trained network, shared by the command line and Python users."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

import stylespace
from stylespace.errors import InputError
from stylespace.export.runtime import ENGINES, Runtime
from stylespace.networks.body import Body
from stylespace.networks.brush import brushed
from stylespace.networks.code import StyleCode
from stylespace.networks.finishing import PALETTE, check, finished
from stylespace.networks.large import painted
from stylespace.networks.planes import Box
from stylespace.networks.style_network import SIZE, StyleNetwork, working_size
from stylespace.pictures.picture import Picture
from stylespace.pictures.reading import read
from stylespace.pictures.resizing import resize
from stylespace.pictures.streaming import Raw, decoded, encoded, shrunk, size_of
from stylespace.pictures.tiles import free_memory, parsed_memory
from stylespace.pipelines.record import described
from stylespace.pipelines.result import Result
from stylespace.pipelines.run import Progress, choose_device, threads_of
from stylespace.pipelines.sources import MAX_PIXELS, Source
from stylespace.solvers.solution import Step
from stylespace.storage.journal import Journal
from stylespace.storage.memory import is_out_of_memory, return_freed_memory

CHOICES = ("auto", "torch", *ENGINES)
TILES = ("auto", "whole", "exact")
MOST_CODES = 60_000  # characters of styles' codes that a result carries: a JPEG's settings have 64 KB
KEEP = "photo:"  # whose map, among a mix's, is white where the photo stays
# Memory per pixel of a network, and of the process itself; side of the small copy of a streamed picture.
BYTES_A_PIXEL, STANDING, SMALL = 500, 400 << 20, 1536


@dataclass(frozen=True)
class PaintSettings:
    """How a network paints. ``mix``: style (a name, a style's code, the path of one or of a painting) to weight, or to a picture of
    weights. ``size``, ``colour`` and ``strength`` as for
    :class:`~stylespace.networks.style_network.StyleNetwork`.

    ``engine``: ``torch``, ``openvino``, ``onnxruntime``; ``auto``: torch, or for an exported network the installed one. ``stage``: in a
    network with several stages, the one to stop after, whose picture is smaller. ``style_size``: strokes as in style pictures of this long
    side; None: as trained. ``tiles``: ``whole``; ``exact``, layer by layer over tiles, from file to file; ``auto``: whole where it fits
    ``memory`` (such as 2GB; None: what is free), else exact. ``scratch``: the most disk space to use.
    ``keep``: a picture that is white where the photo stays as it is.
    """

    mix: Mapping[Any, Any]
    size: int | None = None
    colour: str = "style"
    strength: float = 1.0
    engine: str = "auto"
    stage: int | None = None
    style_size: float | None = None
    tiles: str = "auto"
    memory: str | None = None
    scratch: str | None = None
    keep: Any = None

    def __post_init__(self) -> None:
        check(self.colour, self.strength, PALETTE)
        for what, choice, choices in (("engine", self.engine, CHOICES), ("way of tiles", self.tiles, TILES)):
            if choice not in choices:
                raise InputError(f"The {what} '{choice}' is unknown: choose among {', '.join(choices)}.")
        if self.stage is not None and self.style_size is not None:
            raise InputError("A style size needs all stages of a network: leave --stage or --style-size out.")


def placed(styles: Mapping[str, float], maps: Mapping[str, Picture]) -> dict[str, Any]:
    """A mix of ``styles``, name to weight, some of which go where their map in ``maps`` is white.

    Weights beside maps are of the maps' scale: the heaviest style is 1.
    """
    if not maps:
        return dict(styles)
    most = max(styles.values(), default=0.0) or 1.0
    return {name: Picture(maps[name].pixels * (w / most)) if name in maps else w / most for name, w in styles.items()}


def _name(style: Any) -> str:
    return style.name if isinstance(style, StyleCode) else str(style)


@dataclass
class Streamed(Result):
    """A result too large for memory, in a scratch file; ``source`` is a small copy of it."""

    raw: Raw | None = None

    def _write(self, path: str | Path, bits: int, force: bool) -> Path:
        """TIFF, PNG or JPEG."""
        assert self.raw is not None
        return encoded(self.raw, path, bits=bits, force=force, settings=self.record)


@dataclass(frozen=True)
class Painting:
    """A network and settings, applied to any photo; usable like a :class:`~stylespace.pipelines.task.Task`.

    ``network``: name, file or repository of a network, or an exported one (``.onnx``). None: ``classics``, or ``arbitrary`` where a
    style is a painting or a code. ``loaded``: the network itself, where it is in memory already; ``colours``: the one that
    knows its styles' palettes, where it is an exported one.
    """

    settings: PaintSettings
    network: str | Path | None = None
    device: str = "auto"
    threads: int | None = None
    max_pixels: int = MAX_PIXELS
    method: str = "network"
    loaded: StyleNetwork | Runtime | None = None
    colours: StyleNetwork | None = None

    @cached_property
    def _shipped(self) -> tuple[str, StyleNetwork]:
        return StyleNetwork.painting(self.settings.mix or None)

    @property
    def source(self) -> str:
        """The network's name, file or repository."""
        return self._shipped[0] if self.network is None else str(self.network)

    @cached_property
    def painter(self) -> StyleNetwork | Runtime:
        """The network, loaded once."""
        if self.loaded is not None:
            return self.loaded
        engine = self.settings.engine
        exported = self.source.endswith(".onnx")
        if exported and engine == "torch":
            raise InputError(f"{self.source} is an exported network: give --engine openvino or onnxruntime, or leave it out.")
        if engine in ENGINES and self.source.endswith(".safetensors"):
            raise InputError(
                f"{engine} runs exported networks: first run 'stylespace export {self.source} -o NET.onnx', then give that."
            )
        if exported or engine in ENGINES:
            return Runtime(self.source, engine, threads=self.threads)
        network = self._shipped[1] if self.network is None else StyleNetwork.load(self.network)
        return network.to(choose_device(self.device)).taking(self.settings.mix, self.max_pixels)[0]

    @cached_property
    def mix(self) -> dict[str, Any]:
        """The settings' mix by the names that the network has for it."""
        return {_name(style): weight for style, weight in self.settings.mix.items()}

    @property
    def styles(self) -> tuple[str, ...]:
        """Names of all styles of the network."""
        return self.painter.styles

    def run(
        self,
        photo: Source,
        *,
        snapshots: Iterable[int] = (),
        progress: Callable[[Progress], None] | None = None,
        note: Callable[[str], None] | None = None,
        unfinished: Path | None = None,
    ) -> Result:
        """Redraw ``photo``; ``unfinished`` as for :func:`stylespace.transfer`, for streamed pictures only.

        Raises ``InputError``, ``PictureError`` and ``WeightsError``.
        """
        with threads_of(self.threads):
            return self._run(photo, progress, note, unfinished)

    def _run(
        self,
        photo: Source,
        progress: Callable[[Progress], None] | None,
        note: Callable[[str], None] | None,
        unfinished: Path | None,
    ) -> Result:
        started = time.perf_counter()
        if (streamed := self._streamed(photo)) is not None:
            return self._stream(Path(photo), streamed, started, progress, unfinished)
        made = self.redrawn(read(photo, max_pixels=self.max_pixels), note)
        seconds = time.perf_counter() - started
        return Result(made, record=self._record(photo, seconds), seconds=seconds)

    def redrawn(self, picture: Picture, note: Callable[[str], None] | None = None) -> Picture:
        """``picture`` redrawn in memory, with its transparency and EXIF; raises as :meth:`run`."""
        s = self.settings
        pixels = resize(picture.pixels, working_size(picture.size, s.size))
        try:
            found = self._painted(pixels) if s.tiles != "exact" else self._tiled(pixels, self._on_processor())
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error) or not isinstance(self.painter, StyleNetwork) or s.stage or s.style_size:
                raise
            if note:
                note("Memory ran out: painting in tiles on the processor.")
            found = self._tiled(pixels, self.painter.to("cpu"))
        colour = s.colour
        if colour == PALETTE:
            knowing = self.painter if isinstance(self.painter, StyleNetwork) else self.colours
            if knowing is None:
                raise InputError("The styles' palettes need PyTorch: leave --engine or --colour palette out.")
            found, colour = knowing.in_palette(found, self.mix), "style"
        photo = resize(pixels, found.shape[-2:])
        made = finished(found, photo, colour, s.strength)
        if s.keep is not None:
            stays = resize(read(s.keep, max_pixels=self.max_pixels).pixels.mean(1, keepdim=True), photo.shape[-2:])
            made = made.lerp(photo.to(made), stays.clamp(0, 1).to(made))
        return picture.with_pixels(made.cpu())

    def mixing(self, mix: Mapping[Any, Any]) -> Painting:
        """The same network, which is loaded once, with another mix; its styles may be codes that this network made."""
        painter, named = self.painter, {}
        for style, weight in mix.items():
            if isinstance(style, StyleCode) and isinstance(painter, StyleNetwork):
                painter = painter.with_style(style.name, style.row)
            named[style.name if isinstance(style, StyleCode) else style] = weight
        return replace(self, settings=replace(self.settings, mix=named), network=self.source, loaded=painter)

    def _record(self, photo: Source, seconds: float) -> dict[str, Any]:
        return self.inputs(photo) | {
            "stylespace": stylespace.__version__, "torch": torch.__version__, "seconds": round(seconds, 3), "device": self.device,
            "threads": self.threads, "machine": f"{platform.system()} {platform.machine()}",
        }  # fmt: skip

    def _streamed(self, photo: Source) -> tuple[int, int] | None:
        """The size (h, w) at which ``photo`` is painted from file to file, or None where it is done in memory."""
        s = self.settings
        if s.tiles == "whole" or not isinstance(photo, str | Path) or str(photo) == "-":
            return None
        if s.tiles == "auto" and not isinstance(self.painter, StyleNetwork):
            return None
        size = working_size(size_of(photo), s.size)
        memory = 0.8 * free_memory() if s.memory is None else parsed_memory(s.memory) - STANDING
        return size if s.tiles == "exact" or size[0] * size[1] * BYTES_A_PIXEL > memory else None

    def _stream(
        self, photo: Path, size: tuple[int, int], started: float, progress: Callable[[Progress], None] | None, unfinished: Path | None
    ) -> Streamed:  # fmt: skip
        s = self.settings
        network = self._on_processor()
        if s.colour not in ("style", "luminance") or s.stage is not None or s.style_size is not None or s.keep is not None:
            raise InputError(
                "Streaming only keeps the style's colours or the photo's luminance, and needs all stages and strokes as trained: leave"
                " --colour, --stage, --style-size and --keep-region out, or give --tiles whole."
            )
        return_freed_memory()
        row = network.row(self.mix)
        journal = None
        if unfinished is not None:
            about = self.inputs(photo) | {"stylespace": stylespace.__version__, "tiles": s.tiles}
            journal = Journal(unfinished, about)
        try:
            made = self._made(photo, max(size), row, network.body, started, progress, journal)
        finally:
            if journal is not None:
                journal.leave()
        seconds = time.perf_counter() - started
        small = Picture(shrunk(made, SMALL)[:, :3])
        return Streamed(small, record=self._record(photo, seconds), seconds=seconds, raw=made, journal=journal)

    def _made(
        self, photo: Path, size: int, row: Tensor, body: Body, started: float, progress: Callable[[Progress], None] | None,
        journal: Journal | None,
    ) -> Raw:  # fmt: skip
        """The picture with a long side of ``size`` pixels, in a scratch file."""
        s = self.settings
        source = decoded(photo, max_pixels=self.max_pixels, size=size, keep=None if journal is None else journal.file("given"))
        made = Raw(source.size, source.bands, source.bits, None if journal is None else journal.file("made"))
        if journal is not None:
            journal.write(journal.record)

        def write(box: Box, part: Tensor) -> None:
            before = source.read(box)
            made.write(box, torch.cat([finished(part, before[:, :3], s.colour, s.strength), before[:, 3:]], 1))

        def report(done: int, of: int) -> None:
            if progress:
                seconds = time.perf_counter() - started
                step = Step(done, of, max(source.size), 0.0, {}, torch.zeros(1, 3, 1, 1))
                progress(Progress(done, of, step, seconds, seconds / max(done, 1) * (of - done)))

        def fetch(box: Box) -> Tensor:
            return source.read(box)[:, :3]

        limit = None if s.scratch is None else parsed_memory(s.scratch)
        painted(body, row, source.size, fetch, write, scratch=limit, progress=report, journal=journal)
        source.close()
        return made

    def _on_processor(self) -> StyleNetwork:
        """The network on the processor, where tiles are painted. Raises ``InputError`` where another device or engine was chosen."""
        if not isinstance(self.painter, StyleNetwork) or self.painter.device.type != "cpu":
            raise InputError("Tiles are painted by PyTorch on the processor: leave --engine out, and give --device cpu.")
        return self.painter

    def _tiled(self, pixels: Tensor, network: StyleNetwork) -> Tensor:
        """The same as :meth:`_painted`, layer by layer over tiles, by a ``network`` on the processor."""
        if self.settings.stage is not None or self.settings.style_size is not None:
            raise InputError(
                "Tiles need all stages and strokes as trained: leave --stage and --style-size, or --tiles exact, out."
            )
        made = torch.empty_like(pixels)

        def write(box: Box, part: Tensor) -> None:
            made[..., box[0] : box[1], box[2] : box[3]] = part

        def fetch(box: Box) -> Tensor:
            return pixels[..., box[0] : box[1], box[2] : box[3]]

        size = (pixels.shape[-2], pixels.shape[-1])
        painted(network.body, network.row(self.mix), size, fetch, write)
        return made

    def _painted(self, pixels: Tensor) -> Tensor:
        mix = self.mix
        if isinstance(self.painter, StyleNetwork):
            content = pixels.to(self.painter.device)
            if self.settings.style_size is not None:
                return brushed(self.painter, content, mix, self.settings.style_size).cpu()
            return self.painter.pixels(content, mix, self.settings.stage).cpu()
        if self.settings.stage is not None or self.settings.style_size is not None:
            raise InputError("Stages and a style size need PyTorch: leave --engine out, and give the network itself.")
        if not all(isinstance(weight, int | float) for weight in mix.values()):
            raise InputError("Weights that vary over the picture need PyTorch: leave --engine out, and give the network itself.")
        content = pixels[0].permute(1, 2, 0).clamp(0, 1)
        array = (content * 255 + 0.5).byte().numpy() if self.painter.pixels == "bytes" else content.contiguous().numpy()
        made = torch.from_numpy(self.painter(array, mix).astype(np.float32))
        return (made / 255 if self.painter.pixels == "bytes" else made).permute(2, 0, 1)[None]

    def inputs(self, photo: Source) -> dict[str, Any]:
        """What the record of the result for ``photo`` will say about its inputs."""
        s = self.settings
        mix = {name: weight if isinstance(weight, int | float) else described(weight) for name, weight in self.mix.items()}
        settings: dict[str, Any] = {"mix": mix, "size": s.size, "colour": s.colour, "strength": s.strength, "engine": s.engine}
        settings |= {name: value for name in ("stage", "style_size") if (value := getattr(s, name)) is not None}
        settings |= {} if s.keep is None else {"keep": described(s.keep)}
        codes = {style.name: style.text() for style in s.mix if isinstance(style, StyleCode)}
        if codes and sum(map(len, codes.values())) < MOST_CODES:
            settings["codes"] = codes
        network = {"name": self.source, "body": self._checksum}
        return {"method": self.method, "photo": described(photo), "styles": [], "weights": network, "settings": settings}

    @cached_property
    def _checksum(self) -> str:
        """Of the body and the rows in the mix; other styles of the network do not matter."""
        if isinstance(self.painter, Runtime):
            return self.painter.checksum
        return self.painter.checksum(tuple(self.mix))

    def smaller(self, factor: int = 4) -> Painting:
        """The same at a size ``factor`` times smaller, for a preview."""
        return replace(self, settings=replace(self.settings, size=max(1, (self.settings.size or SIZE) // factor)))

    def check_pictures(self) -> None:
        """Load the network and check the mix before long work."""
        if isinstance(self.painter, StyleNetwork):
            self.painter.check(self.mix)
        else:
            self.painter.weights({name: float(isinstance(w, int | float)) or 1.0 for name, w in self.mix.items()})

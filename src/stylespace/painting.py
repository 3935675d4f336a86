"""One call from a photo to its picture by a trained network: what the command line, the studio and Python users share."""

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
from stylespace.networks.finishing import check, finished
from stylespace.networks.style_network import StyleNetwork
from stylespace.pictures.reading import read
from stylespace.pictures.resizing import fit, resize
from stylespace.record import described
from stylespace.result import Result
from stylespace.transferring import MAX_PIXELS, Progress, Source, choose_device

CHOICES = ("auto", "torch", *ENGINES)
SIZE = 1024


@dataclass(frozen=True)
class PaintSettings:
    """How a network paints. ``mix``: style to weight, or to a picture of weights. ``size``: long side in pixels; 0: the photo's; None:
    the photo's, at most ``SIZE``, above which strokes look small.

    ``colour`` and ``strength`` as for :class:`~stylespace.networks.style_network.StyleNetwork`. ``engine``: ``torch``, ``openvino``,
    ``onnxruntime``; ``auto``: torch, or for an exported network what is installed. ``stage``: of a network of several stages, what the
    first so many make, which is smaller.
    """

    mix: Mapping[str, Any]
    size: int | None = None
    colour: str = "style"
    strength: float = 1.0
    engine: str = "auto"
    stage: int | None = None


@dataclass(frozen=True)
class Painting:
    """A network and settings, to be applied to any photo; stands where a :class:`~stylespace.task.Task` does.

    ``network``: name, file or repository of a network, or an exported one (``.onnx``).
    """

    settings: PaintSettings
    network: str | Path = "classics"
    device: str = "auto"
    threads: int | None = None
    max_pixels: int = MAX_PIXELS
    method: str = "network"

    @cached_property
    def painter(self) -> StyleNetwork | Runtime:
        """The network, loaded once."""
        engine = self.settings.engine
        if engine not in CHOICES:
            raise InputError(f"The engine '{engine}' is unknown: choose among {', '.join(CHOICES)}.")
        check(self.settings.colour, self.settings.strength)
        if self.threads:
            torch.set_num_threads(self.threads)
        exported = str(self.network).endswith(".onnx")
        if exported and engine == "torch":
            raise InputError(f"{self.network} is an exported network: give --engine openvino or onnxruntime, or leave it out.")
        if engine in ENGINES and str(self.network).endswith(".safetensors"):
            raise InputError(
                f"{engine} runs exported networks: first run 'stylespace export {self.network} -o NET.onnx', then give that."
            )
        if exported or engine in ENGINES:
            return Runtime(self.network, engine, threads=self.threads)
        network = StyleNetwork.load(self.network)
        return network.to(choose_device(self.device))

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
    ) -> Result:
        """Redraw ``photo``. Raises ``InputError``, ``PictureError`` and ``WeightsError``."""
        s = self.settings
        started = time.perf_counter()
        picture = read(photo, max_pixels=self.max_pixels)
        size = min(SIZE, max(picture.size)) if s.size is None else s.size
        pixels = resize(picture.pixels, fit(picture.size, size)) if size not in (0, max(picture.size)) else picture.pixels
        painted = self._painted(pixels)
        made = finished(painted, resize(pixels, painted.shape[-2:]), s.colour, s.strength)
        seconds = time.perf_counter() - started
        record = self.inputs(photo) | {
            "stylespace": stylespace.__version__, "torch": torch.__version__, "seconds": round(seconds, 3), "device": self.device,
            "threads": self.threads, "machine": f"{platform.system()} {platform.machine()}",
        }  # fmt: skip
        return Result(picture.with_pixels(made.cpu()), settings=record, seconds=seconds)

    def _painted(self, pixels: Tensor) -> Tensor:
        mix = dict(self.settings.mix)
        if isinstance(self.painter, StyleNetwork):
            return self.painter.pixels(pixels.to(self.painter.device), mix, self.settings.stage).cpu()
        if self.settings.stage is not None:
            raise InputError("Stages want PyTorch: leave --engine out, and give the network itself.")
        if not all(isinstance(weight, int | float) for weight in mix.values()):
            raise InputError("Weights that vary over the picture want PyTorch: leave --engine out, and give the network itself.")
        given = pixels[0].permute(1, 2, 0).clamp(0, 1)
        array = (given * 255 + 0.5).byte().numpy() if self.painter.pixels == "bytes" else given.contiguous().numpy()
        made = torch.from_numpy(self.painter(array, mix).astype(np.float32))
        return (made / 255 if self.painter.pixels == "bytes" else made).permute(2, 0, 1)[None]

    def inputs(self, photo: Source) -> dict[str, Any]:
        """What the record of the result for ``photo`` will say about its inputs."""
        s = self.settings
        mix = {name: weight if isinstance(weight, int | float) else described(weight) for name, weight in s.mix.items()}
        settings = {"mix": mix, "size": s.size, "colour": s.colour, "strength": s.strength, "engine": s.engine}
        if s.stage is not None:
            settings["stage"] = s.stage
        network = {"name": str(self.network), "body": self._checksum}
        return {"method": self.method, "photo": described(photo), "styles": [], "weights": network, "settings": settings}

    @cached_property
    def _checksum(self) -> str:
        """Of the body and the rows that take part: styles that come and go beside them change nothing."""
        if isinstance(self.painter, Runtime):
            return self.painter.checksum
        return self.painter.checksum(tuple(self.settings.mix))

    def smaller(self, factor: int = 4) -> Painting:
        """The same at a size ``factor`` times smaller, for a preview."""
        return replace(self, settings=replace(self.settings, size=max(1, (self.settings.size or SIZE) // factor)))

    def check_pictures(self) -> None:
        """Load the network and know its styles before long work."""
        if isinstance(self.painter, StyleNetwork):
            self.painter.check(dict(self.settings.mix))
        else:
            self.painter.weights({name: float(isinstance(w, int | float)) or 1.0 for name, w in self.settings.mix.items()})

"""What a training run tells as it goes: losses as JSON lines, as a drawn curve and, where asked for, for TensorBoard; samples."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stylespace.errors import MissingExtraError
from stylespace.pictures.curve import draw
from stylespace.storage.atomic import write_whole

if TYPE_CHECKING:
    from PIL.Image import Image

LOSSES, CURVE, SAMPLES = "losses.jsonl", "losses.png", "samples.png"


class TrainingLog:
    """Writes into ``folder``. ``tensorboard``: event files in ``folder/tensorboard`` too (extra ``tensorboard``)."""

    def __init__(self, folder: Path, tensorboard: bool = False) -> None:
        self.folder = folder
        self.board: Any = None
        if tensorboard:
            try:
                from torch.utils.tensorboard import SummaryWriter
            except ImportError as error:
                raise MissingExtraError("TensorBoard is not installed: pip install 'stylespace[tensorboard]'.") from error
            self.board = SummaryWriter(folder / "tensorboard")

    def losses(self, step: int, seconds: float, rate: float, cut: bool, means: Mapping[str, float]) -> None:
        """One line: the step, seconds of training, learning rate, whether the step was taken back, mean losses by name."""
        with (self.folder / LOSSES).open("a") as file:
            file.write(json.dumps({"step": step, "seconds": round(seconds, 1), "rate": rate, "cut": cut, **means}) + "\n")
        if self.board is not None:
            for name, value in {**means, "rate": rate}.items():
                self.board.add_scalar(name if name == "rate" else f"loss/{name}", value, step)

    def curve(self) -> None:
        """Draw the losses so far."""
        path = self.folder / LOSSES
        lines = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
        kept = {line["step"]: line for line in lines}  # steps that were taken again after a crash count once
        if kept:
            terms = [{k: v for k, v in line.items() if k not in ("step", "seconds", "rate", "cut")} for line in kept.values()]
            draw([{**t, "total": sum(t.values())} for t in terms], self.folder / CURVE, steps=list(kept))

    def samples(self, picture: Image, step: int) -> Path:
        """Write the sheet of samples."""
        if self.board is not None:
            import numpy as np

            self.board.add_image("samples", np.asarray(picture.convert("RGB")), step, dataformats="HWC")
            self.board.flush()
        return write_whole(self.folder / SAMPLES, lambda temporary: picture.save(temporary, "PNG"))

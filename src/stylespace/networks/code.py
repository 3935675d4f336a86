"""A style's row in a file of its own: a painting that a network has read once, to be used like a style that it has."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from torch import Tensor

from stylespace.errors import InputError, WeightsError
from stylespace.storage.tensors import read_tensors, write_tensors

KIND, VERSION = "stylespace-code", 1


@dataclass(frozen=True, eq=False)
class StyleCode:
    """``row`` (P,) of one ``network``, by the checksum of its body; ``about``: what is known of the style (title, thumbnail)."""

    name: str
    row: Tensor
    network: str
    about: Mapping[str, Any] = field(default_factory=dict)

    def save(self, path: str | Path) -> Path:
        """Write a safetensors file of a few kilobytes. Atomic."""
        return self._written(path, self.row.float())

    def _written(self, path: str | Path, row: Tensor) -> Path:
        about = {"kind": KIND, "version": VERSION, "name": self.name, "network": self.network, "about": dict(self.about)}
        return write_tensors(path, {"row": row}, about)

    @classmethod
    def load(cls, path: str | Path) -> StyleCode:
        """Read what :meth:`save` wrote. Raises ``WeightsError``."""
        if not Path(path).is_file():
            raise WeightsError(f"There is no style code {path}: give a file that 'stylespace network read' wrote.")
        try:
            about, tensors = read_tensors(path)
        except ValueError as error:
            raise WeightsError(f"{path} cannot be read as a style code ({error}): make it anew from its painting.") from error
        if about.get("kind") != KIND:
            raise WeightsError(f"{path} is not a style code: give a file that 'stylespace network read' wrote, or a painting.")
        row = tensors.get("row")
        named = all(isinstance(about.get(key), str) for key in ("name", "network")) and isinstance(about.get("about"), dict)
        if row is None or row.ndim != 1 or not row.is_floating_point() or not bool(torch.isfinite(row).all()) or not named:
            raise WeightsError(f"{path} does not hold the style it should: make it anew from its painting.")
        return cls(about["name"], row.float(), about["network"], about["about"])

    def text(self) -> str:
        """The same file in base64, its row in half precision where that holds it exactly; :meth:`of_text` reads it."""
        row = self.row.float()
        row = row.half() if bool((row.half().float() == row).all()) else row
        with TemporaryDirectory() as folder:
            return base64.b64encode(self._written(Path(folder) / "code.safetensors", row).read_bytes()).decode()

    @classmethod
    def of_text(cls, text: str) -> StyleCode:
        """Read what :meth:`text` gave. Raises ``WeightsError``."""
        try:
            data = base64.b64decode(text, validate=True)
        except ValueError as error:
            raise WeightsError("The style's code cannot be read: save the mix again.") from error
        with TemporaryDirectory() as folder:
            path = Path(folder) / "code.safetensors"
            path.write_bytes(data)
            return cls.load(path)

    def check(self, network: str) -> None:
        """Raise ``InputError`` when the code was made by another network, by the checksum of its body."""
        if self.network != network:
            raise InputError(
                f"The code '{self.name}' was made by another network, or another version of it: make it anew from its painting."
            )

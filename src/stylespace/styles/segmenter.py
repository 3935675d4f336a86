"""A trained segmenter of the user's own, as an ONNX file: the class of each pixel of a picture."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from stylespace.errors import InputError, MissingExtraError
from stylespace.pictures.resizing import fit, resize

SIDE, GRID = 512, 32  # long side where the model takes any, and what its sides are multiples of
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # ImageNet's, as torchvision has them


class Segmenter:
    """The model in the ONNX file at ``path``: one input (1, 3, h, w), sRGB less ImageNet's mean over its deviation; first output
    logits (1, classes, h, w), or whole numbers (1, h, w) or (1, 1, h, w).

    Raises ``InputError`` for another model, ``MissingExtraError`` without ONNX Runtime (extra ``fast``).
    """

    def __init__(self, path: str | Path) -> None:
        try:
            import onnxruntime
        except ImportError as error:
            raise MissingExtraError("Segmenters want ONNX Runtime, an extra: pip install 'stylespace[fast]'.") from error
        self.path = Path(path)
        if not self.path.is_file():
            raise InputError(f"{path} does not exist: give the ONNX file of a segmenter.")
        try:
            self.session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        except Exception as error:  # its errors share no base
            raise InputError(f"{path} is no ONNX model that can be run ({str(error)[:120]}).") from error
        self.input = self.session.get_inputs()[0]
        if len(self.input.shape) != 4 or (isinstance(self.input.shape[1], int) and self.input.shape[1] != 3):
            raise InputError(f"{path} does not take a picture (1, 3, h, w), but {self.input.shape}.")

    def __call__(self, picture: Tensor) -> Tensor:
        """The class (h, w; int64) of each pixel of ``picture`` (1, 3, H, W; sRGB in [0, 1]), at the model's size."""
        wanted = [side if isinstance(side, int) else None for side in self.input.shape[2:]]
        own = fit(picture.shape[-2:], SIDE)
        size = [side or max(GRID, round(mine / GRID) * GRID) for side, mine in zip(wanted, own, strict=True)]
        seen = resize(picture.cpu().float(), size)
        seen = (seen - torch.tensor(MEAN)[:, None, None]) / torch.tensor(DEVIATION)[:, None, None]
        try:
            found = np.asarray(self.session.run(None, {self.input.name: seen.numpy()})[0])
        except Exception as error:
            raise InputError(
                f"{self.path} does not run on a picture of {size[1]} x {size[0]} pixels ({str(error)[:120]})."
            ) from error
        if np.issubdtype(found.dtype, np.floating) and found.ndim == 4:
            found = found.argmax(1)
        while found.ndim > 2 and found.shape[0] == 1:
            found = found[0]
        if found.ndim != 2 or not np.issubdtype(found.dtype, np.integer) or found.min() < 0:
            raise InputError(f"{self.path} gives {found.dtype} of shape {found.shape}, not the class of each pixel.")
        return torch.from_numpy(found.astype(np.int64))

"""A data set with a transform, at module level so that every way of starting workers can send it."""

from __future__ import annotations

from typing import Any

import torch
from torch.utils.data import Dataset


class Styled(Dataset[Any]):
    """The same picture ``count`` times, with its number as label, transformed."""

    def __init__(self, picture: torch.Tensor, count: int, transform: Any) -> None:
        self.picture, self.count, self.transform = picture, count, transform

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, number: int) -> Any:
        return (*self.transform(self.picture, number), torch.get_num_threads())

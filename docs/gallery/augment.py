"""A picture for training, four times

`Stylize` redraws what a PyTorch data set loads, drawn by torch's seed.
"""

import torch
from inputs import photo, row, save

import stylespace as ss

torch.manual_seed(1)
change = ss.transforms.Stylize(p=1, styles="all")
save(row(*(change(photo("astronaut")) for _ in range(4))))

"""Stylespace: photographs and video redrawn in the manner of other pictures."""

import lazy_loader

__version__ = "0.1.0"

# The public names are listed in __init__.pyi. They load when first used: importing stylespace does not import torch.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

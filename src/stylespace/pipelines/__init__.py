"""From files to a result: one kind of call per file."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(__name__, ["transforms"])  # stylespace.transforms

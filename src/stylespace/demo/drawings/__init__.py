"""Style pictures drawn by our own code, for the demo and for tests: no files, no rights, the same at every size.

Each drawing is one module with `draw(size, seed)`; it is loaded when it is asked for.
"""

from importlib import import_module
from operator import index
from typing import TYPE_CHECKING

from stylespace.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

DRAWINGS: dict[str, str] = {
    "swirls": "Night wind: long impasto strokes round glowing discs",
    "waves": "Sea of fans: seigaiha swells printed from wood blocks",
    "stained_glass": "Rose window: jewelled glass in dark lead",
    "halftone": "Pop burst: dot screens and bold black ink",
    "watercolour": "Poppies wet in wet: transparent petals with dark drying edges",
    "mosaic": "Carp in a pool: tesserae of turquoise, gold and terracotta",
    "linocut": "Harvest hills: gouged black lino and a block of mustard",
}
SMALLEST, LARGEST = 32, 2048


def draw(name: str, size: tuple[int, int] = (640, 640), seed: int = 0) -> "NDArray[np.uint8]":
    """Draw one style picture.

    Parameters
    ----------
    name : one of `DRAWINGS`
    size : (H, W) in pixels, each 32 to 2048; the short side is 640 design units, so motifs grow with it
    seed : 0 or more; the same name, size and seed give the same picture, another seed another arrangement of its details

    Returns
    -------
    (H, W, 3) uint8 sRGB

    Raises
    ------
    InputError : an unknown name, a size outside the limits, a negative seed
    """
    if name not in DRAWINGS:
        raise InputError(f"There is no drawing called {name!r}; choose one of {', '.join(DRAWINGS)}.")
    try:
        high, wide = (index(side) for side in size)
        start = index(seed)
    except (TypeError, ValueError):
        wanted = "a size of two whole numbers (height, width) and a whole seed"
        raise InputError(f"A drawing needs {wanted}, not {size!r} and {seed!r}.") from None
    if min(high, wide) < SMALLEST or max(high, wide) > LARGEST:
        raise InputError(f"A drawing of {high} x {wide} pixels was asked for; each side must be {SMALLEST} to {LARGEST}.")
    if start < 0:
        raise InputError(f"The seed {start} is negative; give 0 or more.")
    picture: NDArray[np.uint8] = import_module(f".{name}", __name__).draw((high, wide), start)
    return picture

"""Settings of textures. Loads without torch."""

from __future__ import annotations

from dataclasses import dataclass

from stylespace.settings import Settings, option

EFROS = "Efros & Freeman 2001"


@dataclass(frozen=True)
class TextureSettings(Settings):
    """How blocks are laid (Efros & Freeman 2001, sec. 2)."""

    block: int | None = option(
        None, "side of the blocks in pixels (none: a quarter of the source's short side, a tenth for a hole)", least=4
    )
    overlap: float = option(0.25, "what neighbouring blocks share, as a share of their side", least=0.05, most=0.5)
    tolerance: float = option(
        0.1, "blocks whose error is above the least by at most this share are drawn from", source=EFROS, least=0
    )
    variety: float = option(
        0.5, "how far blocks are from what goes on with a neighbour or was taken nearby, in blocks, where nothing shows; 0: anything goes",
        least=0, most=2,
    )  # fmt: skip
    seed: int = option(0, "seed of everything random", least=0)

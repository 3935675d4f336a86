"""The networks that lie in the package, by name; loads without torch."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from stylespace.storage.checksum import of_file

MODELS = Path(__file__).resolve().parent.parent / "models"
CLASSICS = "classics"
ARBITRARY = "arbitrary"  # the one that reads any painting


def is_shipped(name: str = ARBITRARY) -> bool:
    """Whether the package holds a network of this name."""
    return (MODELS / f"{name}.safetensors").is_file()


def identity(source: str | Path) -> dict[str, str]:
    """A network's name and the checksum of its file; the name alone of one that is not here."""
    path = MODELS / f"{source}.safetensors" if is_shipped(str(source)) else Path(source)
    if not path.is_file():
        return {"name": str(source)}
    about = path.stat()
    return {"name": str(source), "sha256": _checksum(path, about.st_size, about.st_mtime_ns)}


@lru_cache(maxsize=8)
def _checksum(path: Path, size: int, time: int) -> str:
    return of_file(path)

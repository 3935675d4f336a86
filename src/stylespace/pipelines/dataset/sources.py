"""What a data set is given as: folders, shards, Parquet files, lists of paths."""

from __future__ import annotations

import glob
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from stylespace.errors import PictureError
from stylespace.pipelines.dataset.files import Folder, Listed
from stylespace.pipelines.dataset.part import Container, stamp
from stylespace.pipelines.dataset.shards import Shard
from stylespace.pipelines.dataset.tables import Table

if TYPE_CHECKING:
    from stylespace.pipelines.dataset.run import Plan

_BRACES = re.compile(r"\{(\d+)\.\.(\d+)\}")


def containers(sources: Sequence[str | Path], out: Path, plan: Plan) -> list[Container]:
    """The containers that ``sources`` name. Patterns (``*``) and ranges (``{0000..0009}``) name several. Raises ``PictureError``."""
    found: list[Container] = []
    paths = [path for source in sources for path in _paths(str(source))]
    for path in paths:
        if path.is_dir():
            held = sorted(
                each for each in path.rglob("*") if each.suffix.lower() in (".tar", ".parquet") and not _hidden(each, path)
            )
            held = [each for each in held if out.absolute() not in each.absolute().parents]
            found += [_file(each, each.relative_to(path).as_posix(), plan) for each in held]
            own = [path / out.absolute().relative_to(path.absolute())] if path.absolute() in out.absolute().parents else []
            found.append(Folder(".", str(path), masks=plan.masks, without=tuple(map(str, (*held, *own)))))
        else:
            found.append(_file(path, path.name, plan))
    names = [container.name for container in found]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise PictureError(f"Two sources would be written as '{twice}': redraw them into folders of their own.")
    return found


def _file(path: Path, name: str, plan: Plan) -> Container:
    suffix = path.suffix.lower()
    if suffix == ".tar":
        return Shard(name, str(path), stamp(path), joined=True)
    if suffix == ".parquet":
        return Table(name, str(path), stamp(path), joined=True, column=plan.column, masks=plan.masks)
    if suffix in (".txt", ".list", ".tsv"):
        return Listed(name, str(path), stamp(path))
    if suffix in (".gz", ".tgz", ".zst", ".bz2", ".xz"):
        raise PictureError(f"{path} is compressed: unpack it to .tar first; pictures do not get smaller by it.")
    raise PictureError(f"{path} is no data set: a folder, .tar, .parquet, or a .txt with a path a line is expected.")


def _paths(text: str) -> Iterator[Path]:
    if match := _BRACES.search(text):
        first, last = match.groups()
        for number in range(int(first), int(last) + 1):
            yield from _paths(f"{text[: match.start()]}{number:0{len(first)}d}{text[match.end() :]}")
        return
    path = Path(text).expanduser()
    if path.exists():
        yield path
    elif glob.has_magic(text) and (matching := sorted(glob.glob(str(path), recursive=True))):
        yield from map(Path, matching)
    else:
        raise PictureError(f"{text} does not exist: check the path.")


def _hidden(path: Path, root: Path) -> bool:
    return any(part.startswith(".") for part in path.relative_to(root).parts)

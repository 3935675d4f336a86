"""All methods and networks on one contact sheet: the bundled photo and a drawn painting, with seconds and memory under each picture.

    python recipes/which-method/sheet.py -o which-method.png [--size 512] [--painting swirls] [--quality good] [--only gatys nnst]

Every picture is made in a process of its own, whose peak of memory is told; that of a process that has only loaded the library stands in
the title. Networks that lie in the package are all there: those that read paintings are given the painting, the others show their first
style. Run again, it makes only what is missing in the folder beside the sheet, or was made otherwise or by another network.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

SETTINGS: dict[str, dict[str, Any]] = {
    "photoreal, fast": {"method": "photoreal", "route": "fast"}, "photoreal, global": {"method": "photoreal", "route": "global"},
}  # fmt: skip
# A line on what each is for.
USES = {
    "gatys": "texture of the painting, layout of the photo", "blend": "what several paintings share", "strotss": "bold: shapes change too",
    "nnst": "crisp brushwork", "deformable": "shapes move to the painting's", "quilting": "pieces of the painting itself",
    "analogies": "by example, detail by detail", "photoreal": "light and colours alone", "photoreal, fast": "the same, in a second",
    "photoreal, global": "one map of colours, for film",
    "classics": "at once; its own styles", "brushwork": "at once; large shapes, then strokes", "arbitrary": "at once; any painting",
}  # fmt: skip


def networks() -> list[str]:
    """Names of the networks in the package."""
    from stylespace.networks.shipped import MODELS
    from stylespace.storage.tensors import read_tensors

    files = sorted(MODELS.glob("*.safetensors"))
    return [file.stem for file in files if read_tensors(file, tensors=False)[0].get("kind") == "stylespace-network"]


def asked(name: str, size: int, painting: str, quality: str) -> dict[str, Any]:
    """What says how a picture is made: when it is no longer this, it is made again."""
    from stylespace.networks.shipped import identity, is_shipped

    return {"size": size, "painting": painting, "quality": quality, "network": identity(name) if is_shipped(name) else None}


def pictures(painting: str) -> tuple[Any, list[Any]]:
    """The bundled photo; the painting and, for methods that want several, another."""
    from skimage.data import chelsea

    from stylespace.demo.drawings import DRAWINGS, draw

    other = next(name for name in DRAWINGS if name != painting)
    return chelsea(), [draw(name, (512, 512)) for name in (painting, other)]


def make(name: str, size: int, painting: str, quality: str, target: Path) -> None:
    """One picture, and beside it a file with its seconds and its process's peak of memory."""
    import stylespace as ss
    from stylespace.methods.registry import METHODS

    photo, styles = pictures(painting)
    begun = time.perf_counter()
    if name == "nothing":
        made = None
    elif name in networks():
        network = ss.StyleNetwork.load(name)
        made = network(photo, network.styles[0] if network.reader is None else styles[0], size=size)
    else:
        settings = {"method": name, "size": size, "quality": quality} | SETTINGS.get(name, {})
        made = ss.transfer(photo, styles if METHODS[settings["method"]].blends else styles[0], **settings).picture
    seconds = time.perf_counter() - begun
    if made is not None:
        made.save(target)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)
    told = {"name": name, "seconds": round(seconds, 2), "megabytes": round(peak), "asked": asked(name, size, painting, quality)}
    target.with_suffix(".json").write_text(json.dumps(told))


def known(target: Path, wanted: dict[str, Any]) -> dict[str, Any] | None:
    """What is told of a picture that was made as is ``wanted``."""
    file = target.with_suffix(".json")
    told: dict[str, Any] = json.loads(file.read_text()) if file.exists() else {}
    return told if told.get("asked") == wanted else None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-o", "--out", type=Path, required=True)
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--painting", default="swirls")
    parser.add_argument("--quality", default="good")
    parser.add_argument("--only", nargs="+")
    parser.add_argument("--one", metavar="NAME", help=argparse.SUPPRESS)
    options = parser.parse_args()
    folder = options.out.with_suffix("")
    if options.one:
        make(options.one, options.size, options.painting, options.quality, folder / f"{options.one}.png")
        return
    from PIL import Image

    from stylespace.methods.registry import METHODS, STYLES
    from stylespace.pictures.sheet import Cell, grid, sheet

    folder.mkdir(parents=True, exist_ok=True)
    methods = [name for name, row in METHODS.items() if STYLES in row.accepts]
    names = [name for name in (*methods, *SETTINGS, *networks()) if not options.only or name in options.only]
    photo, (style, _) = pictures(options.painting)
    cells = [Cell(Image.fromarray(photo), "the photo"), Cell(Image.fromarray(style), f"the painting: {options.painting}")]
    told: dict[str, dict[str, Any]] = {}
    for name in ("nothing", *names):
        target = folder / f"{name}.png"
        wanted = asked(name, options.size, options.painting, options.quality)
        if known(target, wanted) is None:
            given = ("--size", options.size, "--painting", options.painting, "--quality", options.quality, "--one", name)
            done = subprocess.run(
                [sys.executable, __file__, "-o", str(options.out), *map(str, given)], stderr=subprocess.PIPE, text=True
            )
            if done.returncode:
                print(f"{name}: {done.stderr.strip().splitlines()[-1]}", flush=True)
                cells.append(Cell(label=name, message="could not be made"))
                continue
        found = known(target, wanted)
        assert found is not None, name
        told[name] = found
        print(json.dumps(found), flush=True)
        if name != "nothing":
            figures = f"{told[name]['seconds']:.1f} s, {told[name]['megabytes']} MB"
            cells.append(Cell(Image.open(target).convert("RGB"), f"{name}, {figures}: {USES.get(name, '')}"))
    title = f"{options.size} pixels, {options.quality}; the library alone: {told['nothing']['megabytes']} MB"
    sheet(grid(cells, 4), title=title, side=min(options.size, 320)).save(options.out)


if __name__ == "__main__":
    main()

"""Whether a change of the code's layout changed a picture: every method and network, before and after, on the same inputs, bit by bit.

    python benchmarks/unchanged.py [COMMIT]

The commit before (by default the last one before the rooms were laid out anew) is checked out into a temporary folder; both run with
precision fp32 and the weights that this checkout ships, which that commit must be able to read: today's compact encoder came with
fa824fe, so checkouts since then are compared with a commit since then. Beside it: lines of each method's files, frames from
``ss.transfer`` to the first convolution, files of the package that name a method. Exit code 1 where a picture differs.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

BEFORE = "c7a1137"
REPOSITORY = Path(__file__).resolve().parent.parent
METHODS = ("gatys", "blend", "strotss", "nnst", "deformable", "inversion", "learned_style")
POINTS = [((x, y), (0.9 * x + 0.05, y)) for x in (0.2, 0.5, 0.8) for y in (0.2, 0.5, 0.8)]


def drawn(height: int, width: int, seed: int) -> NDArray[np.uint8]:
    """Waves and discs in colour, (height, width, 3)."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width] / max(height, width)
    planes = [0.5 + 0.3 * np.sin(x * random.uniform(4, 40) + y * random.uniform(4, 40) + random.uniform(0, 6)) for _ in range(3)]
    picture = np.stack(planes, -1)
    for _ in range(6):
        centre, radius = random.uniform(0, 1, 2), random.uniform(0.05, 0.2)
        picture[(x - centre[0]) ** 2 + (y - centre[1]) ** 2 < radius**2] = random.uniform(0, 1, 3)
    return np.asarray((255 * picture.clip(0, 1)).round(), np.uint8)


def runs() -> dict[str, Callable[[], Any]]:
    """What is compared, by name; each gives a PIL picture. Public names only, which both commits have."""
    import stylespace as ss

    photo, one, two, three = drawn(60, 80, 0), drawn(96, 80, 1), drawn(70, 90, 2), drawn(64, 64, 3)
    mask = np.zeros((60, 80, 3), np.uint8)
    mask[:, :40] = 255

    def transfer(style: Any, **settings: Any) -> Callable[[], Any]:
        return lambda: ss.transfer(photo, style, precision="fp32", **{"size": 72, "steps": 12, **settings}).picture

    def painted(network: str, style: str) -> Callable[[], Any]:
        return lambda: ss.StyleNetwork.load(network)(photo, {style: 1.0}, size=96)

    first = {name: ss.StyleNetwork.load(name).styles[0] for name in ("classics", "brushwork")}
    small = {"smallest": 32, "samples": 128, "style_samples": 200}
    return {
        "gatys": transfer(one, smallest=32),
        "gatys, areas": transfer(one, smallest=32, areas=[ss.Area(mask, two)]),
        "gatys, lbfgs": transfer(one, preset="neural-style", encoder="compact", steps=4, size=64),
        "gatys, moments carried": transfer(one, preset="style-transfer-pytorch", encoder="compact", steps=20, size=64),
        "gatys, luminance, strokes": transfer(one, smallest=48, colour="luminance", strokes=two),
        "blend": transfer([one[:72, :72], two[:, :72], three], smallest=32),
        "blend, larger references": transfer([one, two, three], smallest=32),  # differs on purpose: see CHANGELOG
        "strotss": transfer(one, method="strotss", **small),
        "nnst": transfer(one, method="nnst", smallest=32, last_steps=4),
        "deformable on strotss": transfer(one, method="deformable", points=POINTS, steps=16),
        "deformable on gatys": transfer(one, method="deformable", base="gatys", points=POINTS),
        "inversion": lambda: ss.invert(photo, precision="fp32", size=72, smallest=36, steps=12).picture,
        "learn-style": lambda: ss.learn_style([one, two], size=64, steps=12, smallest=32, precision="fp32").picture,
        "classics": painted("classics", first["classics"]),
        "brushwork": painted("brushwork", first["brushwork"]),
    }


def frames() -> dict[str, int]:
    """Frames, and files of the package, from ``ss.transfer`` to the first convolution."""
    import stylespace as ss

    package = str(Path(ss.__file__).parent)
    stack: list[str] = []

    def look(frame: Any, event: str, argument: Any) -> None:
        if event != "c_call" or stack or "conv" not in getattr(argument, "__name__", ""):
            return
        while frame is not None:
            name = frame.f_code.co_filename
            stack.append(name)
            if name.startswith(package) and frame.f_code.co_name == "transfer":
                break
            frame = frame.f_back

    sys.setprofile(look)
    ss.transfer(drawn(32, 32, 0), drawn(32, 32, 1), size=32, steps=1, precision="fp32")
    sys.setprofile(None)
    own = [name for name in stack if name.startswith(package)]
    return {"frames": len(own), "files": len(set(own))}


def child(folder: str) -> None:
    """Run everything with the package that is on the path."""
    import torch

    torch.set_num_threads(1)
    for name, make in runs().items():
        np.save(Path(folder) / f"{name}.npy", np.asarray(make()))
    (Path(folder) / "frames.json").write_text(json.dumps(frames()))


def made(checkout: Path, folder: Path) -> None:
    """What the package of ``checkout`` makes, in ``folder``."""
    folder.mkdir()
    command = [sys.executable, str(Path(__file__).resolve()), "--child", str(folder)]
    environment = os.environ | {"PYTHONPATH": str(checkout / "src"), "OMP_NUM_THREADS": "1"}
    subprocess.run(command, check=True, env=environment, cwd=folder)


def lines(checkout: Path) -> dict[str, int]:
    """Lines of each method's files."""
    folder = checkout / "src/stylespace/methods"
    return {
        name: sum(len(path.read_text().splitlines()) for path in folder.glob(f"{name}*.py"))
        for name in METHODS
    }  # fmt: skip


def naming(checkout: Path) -> dict[str, int]:
    """Files of the package, beside a method's own, that name it."""
    files = {path: path.read_text() for path in (checkout / "src/stylespace").rglob("*.py")}
    return {
        name: sum(bool(re.search(rf"\b{name}\b", text)) for path, text in files.items() if not path.stem.startswith(name))
        for name in METHODS
    }


def main(commit: str = BEFORE) -> int:
    """Print a line of JSON for each picture and count; 1 where a picture differs."""
    differing = 0
    with tempfile.TemporaryDirectory() as place:
        before = Path(place) / "before"
        subprocess.run(
            ["git", "worktree", "add", "--detach", str(before), commit], cwd=REPOSITORY, check=True, capture_output=True
        )
        try:
            for name in ("models",):  # the same weights for both
                for path in (REPOSITORY / "src/stylespace" / name).iterdir():
                    (before / "src/stylespace" / name / path.name).write_bytes(path.read_bytes())
            folders = [Path(place) / name for name in ("a", "b")]
            for checkout, folder in zip((before, REPOSITORY), folders, strict=True):
                made(checkout, folder)
            for path in sorted(folders[0].glob("*.npy")):
                one, other = np.load(path).astype(int), np.load(folders[1] / path.name).astype(int)
                same = one.shape == other.shape and bool((one == other).all())
                differing += not same
                apart = int(np.abs(one - other).max()) if one.shape == other.shape else None
                print(json.dumps({"name": path.stem, "same": same, "largest": apart, "commit": commit}))
            for name, counted in (("lines", lines), ("naming", naming)):
                print(json.dumps({"name": name, "before": counted(before), "after": counted(REPOSITORY)}))
            seen = [json.loads((folder / "frames.json").read_text()) for folder in folders]
            print(json.dumps({"name": "transfer to first convolution", "before": seen[0], "after": seen[1]}))
        finally:
            subprocess.run(["git", "worktree", "remove", "--force", str(before)], cwd=REPOSITORY, check=False)
    return int(differing > 0)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        child(sys.argv[2])
    else:
        sys.exit(main(*sys.argv[1:]))

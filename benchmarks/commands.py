"""Seconds of the usual commands at one commit against another, each in a process of its own, before and after in turn.

    python benchmarks/commands.py [--before COMMIT] [--after COMMIT] [--runs 5] [--only transfer]

``--before`` is by default the last commit before the rooms were laid out anew, ``--after`` this checkout. Both read the same weights: the
networks that the later one ships, and VGG-16 and VGG-19 with random numbers, since the compact encoder became another network in between.
Methods run with their published presets, whose settings did not change either. The value is the ratio of the medians.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from common import REPOSITORY, figure, in_turn, parser, quartiles
from unchanged import BEFORE, drawn

NETWORKS = ("classics", "brushwork")
RUN = "import sys; from stylespace.cli.app import main; sys.exit(main())"
VGG16, VGG19 = (("--weights", f"{{weights}}/{name}.safetensors") for name in ("vgg16", "vgg19"))
SMALL = ("photo.png", "--style", "style.png", "-o", "out.png", "--size", "128", "--precision", "fp32", "--quiet")
COMMANDS: dict[str, tuple[str, ...]] = {
    "help": ("--help",),
    "help of a method": ("gatys", "--help"),
    "models": ("models",),
    "transfer": ("transfer", *SMALL, "--preset", "style-transfer-pytorch", "--steps", "20", *VGG19),
    "strotss": ("strotss", *SMALL, "--preset", "strotss-2019", "--steps", "20", *VGG16),
    "nnst": ("nnst", *SMALL, "--preset", "nnst-2022", "--steps", "16", "--last-steps", "2", *VGG16),
    "learn-style": (
        "learn-style", "style.png", "other.png", "-o", "out.png", "--preset", "document", "--size", "96", "--smallest", "96",
        "--route", "exact", "--steps", "10", "--precision", "fp32", "--quiet", *VGG19,
    ),
    "paint": ("paint", "photo.png", "--style", "starry_night", "-o", "out.png"),
    "paint with PyTorch": ("paint", "photo.png", "--style", "starry_night", "-o", "out.png", "--engine", "torch"),
    "match": ("match", "photo.png", "other.png", "-o", "out.png", "--encoder", "vgg19", "--fast", "--no-clean", *VGG19),
    "score": ("score", "photo.png", "style.png", "photo.png", "--size", "256", "--encoder", "vgg19", *VGG19),
}  # fmt: skip


@contextmanager
def checked_out(commit: str | None, place: Path) -> Iterator[Path]:
    """A checkout of ``commit`` in ``place`` while it lasts, with the networks of this one; None: this one."""
    if commit is None:
        yield REPOSITORY
        return
    subprocess.run(["git", "worktree", "add", "--detach", str(place), commit], cwd=REPOSITORY, check=True, capture_output=True)
    try:
        for path in (REPOSITORY / "src/stylespace/models").iterdir():
            if path.name.startswith(NETWORKS):
                (place / "src/stylespace/models" / path.name).write_bytes(path.read_bytes())
        yield place
    finally:
        subprocess.run(["git", "worktree", "remove", "--force", str(place)], cwd=REPOSITORY, check=False)


def prepared(folder: Path) -> None:
    """Random weights and pictures in ``folder``."""
    from PIL import Image
    from safetensors.torch import save_file

    from stylespace.encoders.vgg import vgg

    for name in ("vgg16", "vgg19"):
        save_file(vgg(name, random_seed=0).state_dict(), folder / f"{name}.safetensors")
    for seed, name in enumerate(("photo", "style", "other")):
        Image.fromarray(drawn(384, 512, seed)).save(folder / f"{name}.png")


def run(checkout: Path, arguments: tuple[str, ...], folder: Path, threads: int) -> None:
    """One command in a new folder. Raises ``CalledProcessError``."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("STYLESPACE_")}
    environment |= {"PYTHONPATH": str(checkout / "src"), "OMP_NUM_THREADS": str(threads)}
    with tempfile.TemporaryDirectory() as place:
        for picture in folder.glob("*.png"):
            shutil.copy(picture, place)
        command = [sys.executable, "-c", RUN, *(argument.format(weights=folder) for argument in arguments)]
        subprocess.run(command, cwd=place, env=environment, check=True, capture_output=True, text=True)


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--before", default=BEFORE, help=f"a commit (default: {BEFORE})")
    options.add_argument("--after", help="a commit (default: this checkout as it is)")
    options.add_argument("--runs", type=int, default=5)
    options.add_argument("--only", default="", help="commands whose name contains this text")
    given = options.parse_args()
    sys.path.insert(0, str(REPOSITORY / "src"))
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "inputs"
        folder.mkdir()
        prepared(folder)
        places = (Path(scratch) / "before", Path(scratch) / "after")
        with checked_out(given.before, places[0]) as before, checked_out(given.after, places[1]) as after:
            for name, arguments in COMMANDS.items():
                if given.only not in name:
                    continue
                jobs = {
                    which: partial(run, checkout, arguments, folder, given.threads)
                    for which, checkout in (("before", before), ("after", after))
                }
                try:
                    seconds = in_turn(jobs, given.runs)
                except subprocess.CalledProcessError as error:
                    print(f"skipped: {name}: {(error.stderr or '').strip()[-300:]}", file=sys.stderr)
                    continue
                medians = {which: quartiles(each)[1] for which, each in seconds.items()}
                ratios = [b / a for a, b in zip(seconds["before"], seconds["after"], strict=True)]
                figure(
                    f"command-seconds-ratio: {name}", medians["after"] / medians["before"], "<= 1.05", spread=(min(ratios), max(ratios)),
                    before_s=round(medians["before"], 3), after_s=round(medians["after"], 3), before=given.before,
                )  # fmt: skip


if __name__ == "__main__":
    main()

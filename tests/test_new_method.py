"""What a new method needs: its file, its settings and one row. A throw-away method does everything that the others do."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from PIL import Image

from stylespace.demo.drawings import draw

# All there is of it: settings, the problem, one row.
METHOD = '''
from dataclasses import dataclass

import torch

from stylespace.methods.registry import METHODS, STYLES, Method
from stylespace.settings import EncoderSettings, option
from stylespace.solvers import pyramid
from stylespace.solvers.coarse_to_fine import Problem, minimise
from stylespace.solvers.solver import Adam


@dataclass(frozen=True)
class PastelSettings(EncoderSettings):
    size: int = option(64, "long side of the result in pixels", least=1)
    steps: int = option(8, "steps in all")
    softness: float = option(0.5, "how near the photo comes to the mean colour of the style", least=0, most=1)
    seed: int = option(0, "seed of everything random")


class Pastel(Problem):
    def __init__(self, content, regions, settings, run):
        self.content, self.settings = content, settings
        self.mean = regions[-1].styles[0].picture.mean((2, 3), keepdim=True)
        sizes = pyramid.sizes(settings.size, settings.size // 2, 2.0)
        self.schedule = list(zip(sizes, pyramid.share(settings.steps, sizes, 0.0)))
        self.generator = torch.Generator().manual_seed(settings.seed)

    def start(self, scale, picture):
        return self.photo(scale) if picture is None else torch.nn.functional.interpolate(picture, size=self.shape(scale))

    def loss(self, scale, start, core, turn=0):
        photo, mean = self.photo(scale), self.mean

        def objective(picture):
            noise = 0.01 * torch.randn(1, generator=self.generator)
            return {"softness": (picture - photo.lerp(mean, self.settings.softness) + noise).square().mean()}

        return objective

    def solver(self, scale):
        return Adam(0.05)


def pastel(content, regions, settings, encoder, run):
    return minimise(Pastel(content, regions, settings, run), run)


METHODS["pastel"] = Method(
    settings=PastelSettings, run="throw_away.method:pastel", summary="The same, in pastel.", help="Redraw photos in pastel.",
    presets={"default": PastelSettings, "soft-2026": lambda: PastelSettings(softness=0.9)}, accepts=(STYLES,),
)
'''  # fmt: skip

USE = """
import json
from pathlib import Path

import numpy as np
from PIL import Image

import throw_away.method  # the row is there from here on
import stylespace as ss
from stylespace.cli.app import main
from stylespace.storage import journal

def pixels(name):
    return np.asarray(Image.open(name)).tolist()

seen, found = [], {}
result = ss.transfer("a.png", "style.png", method="pastel", size=32, progress=seen.append)
found["progress"] = [(p.done, p.of) for p in seen]
found["record"] = result.record["method"], result.settings["softness"]

quick = ["--style", "style.png", "--size", "32"]
found["help"] = main(["pastel", "--help"])
found["batch"] = main(["pastel", "a.png", "b.png", *quick, "--softness", "0.7", "--preset", "soft-2026", "-o", "out/"])
found["skipped"] = main(["transfer", "--method", "pastel", "a.png", "b.png", *quick, "--softness", "0.7", "-o", "out/"])
found["range"] = main(["pastel", "a.png", *quick, "--softness", "2", "-o", "no.png"])
found["refused"] = main(["transfer", "--method", "pastel", "a.png", *quick, "--point", "0,0=1,1", "-o", "no.png"])
found["from"] = main(["transfer", "--from", "out/a.png", "-o", "again.png"])
found["repeated"] = pixels("again.png") == pixels("out/a.png")

class Killed(BaseException):
    pass

journal.EVERY = -1.0
def stop(progress):
    if progress.done == 6:
        raise Killed
try:
    ss.transfer("a.png", "style.png", method="pastel", size=32, unfinished="state", progress=stop)
except Killed:
    pass
told = []
again = ss.transfer("a.png", "style.png", method="pastel", size=32, unfinished="state", note=told.append)
found["resumed"] = again.picture.tobytes() == result.picture.tobytes(), told
print("FOUND", json.dumps(found))
"""


def test_a_method_of_one_row_does_everything(tmp_path: Path) -> None:
    for name, drawing in (("a", "waves"), ("b", "swirls"), ("style", "stained_glass")):
        Image.fromarray(draw(drawing, (40, 48))).save(tmp_path / f"{name}.png")
    (tmp_path / "throw_away").mkdir()
    (tmp_path / "throw_away/__init__.py").write_text("")
    (tmp_path / "throw_away/method.py").write_text(METHOD)
    (tmp_path / "out").mkdir()
    ran = subprocess.run([sys.executable, "-c", USE], cwd=tmp_path, capture_output=True, text=True, timeout=240)
    assert "FOUND" in ran.stdout, ran.stderr
    found = json.loads(ran.stdout.rpartition("FOUND")[2])
    assert found["progress"] == [[n, 8] for n in range(1, 9)]
    assert found["record"] == ["pastel", 0.5]
    assert (found["help"], found["batch"], found["skipped"], found["from"]) == (0, 0, 0, 0), ran.stderr
    assert (found["range"], found["refused"]) == (2, 2)
    assert "--softness" in ran.stdout
    assert "soft-2026" in ran.stdout
    assert "--point" not in ran.stdout
    assert ran.stderr.count("is finished already") == 2
    assert found["repeated"]
    assert found["resumed"] == [True, ["Continuing after step 5."]]

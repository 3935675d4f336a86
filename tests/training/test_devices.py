"""Two processes of a processor give what one gives, for the same batch."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from stylespace.errors import InputError
from stylespace.storage.journal import Journal
from stylespace.training.devices import Devices

RUN = """
import sys
from pathlib import Path
import torch
from stylespace.demo.drawings import draw
from stylespace.training.devices import Devices
from stylespace.training.photos import Photos
from stylespace.training.settings import TrainingSettings
from stylespace.training.trainer import Trainer, TrainingStyle

torch.set_num_threads(1)
pixels = {n: torch.from_numpy(draw(n, (64, 64)).copy()).permute(2, 0, 1)[None].float() / 255 for n in ("swirls", "waves")}
squares = torch.randint(0, 256, (5, 36, 36, 3), generator=torch.Generator().manual_seed(0), dtype=torch.uint8).numpy()
settings = TrainingSettings(build="tiny", steps=4, batch=4, crop=32, style_sizes=(64,), warm_up=1, rate=1e-6, final_rate=1e-6,
                            style_layers="relu1_1,relu2_1", content_layers="relu2_1", precision="fp32")
devices = Devices.found(torch.device("cpu"))
trainer = Trainer(Photos(squares, {}), [TrainingStyle(n, p) for n, p in pixels.items()], settings, Path(sys.argv[1]), devices=devices)
assert trainer.run()
seen = f"{sorted(trainer.style_losses)} {[len(v) for v in trainer.style_losses.values()]}"
Path(f"{sys.argv[1]}-{devices.number}-of-{devices.count}").write_text(seen)  # not printed: what two processes print runs together
"""


@pytest.mark.slow
def test_two_processes_give_the_result_of_one(tmp_path: Path) -> None:
    pytest.importorskip("accelerate")
    script = tmp_path / "run.py"
    script.write_text(RUN)
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    for name, command in (("one", [sys.executable]), ("two", launch)):
        ran = subprocess.run(
            [*command, str(script), str(tmp_path / name)], capture_output=True, text=True, timeout=240,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )  # fmt: skip
        assert ran.returncode == 0, ran.stderr[-2000:]
    one, first, second = (tmp_path / name for name in ("one-0-of-1", "two-0-of-2", "two-1-of-2"))
    assert first.read_text() == second.read_text() == one.read_text()
    kept = [Journal.kept(tmp_path / name / "state", "state") for name in ("one", "two")]
    assert kept[0] is not None
    assert kept[1] is not None
    alone, shared = kept[0][1], kept[1][1]
    assert set(alone) == set(shared)
    for name, gradient in alone.items():
        if name.startswith("adam.exp_avg."):
            # Gradients of four steps, small ones: a large step of Adam makes much of rounding where the gradient is nearly zero.
            assert (gradient - shared[name]).norm() < 2e-3 * gradient.norm(), name


def test_a_batch_that_cannot_be_shared() -> None:
    assert list(Devices().part([1, 2, 3])) == [1, 2, 3]
    assert list(Devices(number=1, count=2).part([1, 2, 3, 4])) == [3, 4]
    with pytest.raises(InputError, match="multiple"):
        Devices(number=1, count=2).part([1, 2, 3])


def test_alone_nothing_is_sent() -> None:
    weight = torch.ones(2, requires_grad=True)
    weight.sum().backward()
    Devices().sum_gradients([weight])
    assert weight.grad is not None
    assert weight.grad.tolist() == [1, 1]

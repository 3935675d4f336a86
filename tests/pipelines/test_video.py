"""A film redrawn: held together by shots, interrupted and gone on with, in every form; what goes wrong in one sentence."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import time
from collections.abc import Callable
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from films import apart, moving, network
from PIL import Image

import stylespace as ss
from stylespace.errors import InputError, PictureError
from stylespace.film.encoding import Segment, form_of
from stylespace.film.frame import Info
from stylespace.film.joining import join
from stylespace.film.reading import open_film
from stylespace.pipelines import film_out
from stylespace.pipelines.track import track_of

pytest.importorskip("av")
Film = Callable[..., Path]


@pytest.fixture
def film(tmp_path: Path) -> Film:
    def made(
        name: str = "in.mkv",
        count: int = 12,
        cut: int | None = None,
        size: tuple[int, int] = (64, 96),
        alpha: bool = False,
        still: bool = False,
    ) -> Path:
        info = Info(size, time_base=Fraction(1, 1000), alpha=alpha)
        form, _ = form_of(Path(name).suffix, info, codec="ffv1" if name.endswith("mkv") else None)
        segment = Segment(tmp_path / "part.scratch", form)
        for number in range(count):
            pixels = moving(0 if still else number, size, shot=int(cut is not None and number >= cut))
            if alpha:
                pixels = np.concatenate([pixels, np.full((*size, 1), 90, np.uint8)], 2)
            segment.write(pixels)
        segment.close()
        return join([tmp_path / "part.scratch"], [40 * i + (i % 3) for i in range(count)], 40, form, tmp_path / name)

    return made


def pixels(path: str | Path) -> list[Any]:
    return [frame.pixels for frame in open_film(path).frames()]


def test_a_film_is_redrawn_in_its_own_times(film: Film, tmp_path: Path) -> None:
    seen: list[Any] = []
    result = ss.stylize_video(
        film(cut=6), tmp_path / "out.mkv", {"style_0": 1, "style_1": 1}, network=network(), codec="ffv1", progress=seen.append
    )
    assert (result.frames, result.shots, result.interrupted) == (12, (0, 6), False)
    one, other = open_film(tmp_path / "in.mkv"), open_film(tmp_path / "out.mkv")
    assert [frame.ticks for frame in one.frames()] == [frame.ticks for frame in other.frames()]
    assert [(p.stage, p.done, p.of) for p in seen] == [(stage, i, 12) for stage in ("looking", "painting") for i in range(1, 13)]
    assert seen[-1].seconds_left == 0
    assert not list(tmp_path.glob(".*"))


def test_each_frame_by_itself_is_what_the_network_makes_of_it(film: Film, tmp_path: Path) -> None:
    net = network()
    ss.stylize_video(film(count=3), tmp_path / "out.mkv", "style_1", network=net, codec="ffv1", steady="off", strength=0.7)
    for given, made in zip(pixels(tmp_path / "in.mkv"), pixels(tmp_path / "out.mkv"), strict=True):
        assert apart(made, np.asarray(net(given, "style_1", strength=0.7))) < 0.05


def test_shots_share_their_statistics(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bright square comes into a still picture: far from it nothing changes, where each frame by itself changes everywhere.

    Without OpenCV, so that nothing else holds it.
    """
    folder = tmp_path / "frames"
    folder.mkdir()
    for number in range(10):
        ground = moving(0, (96, 480)) // 2
        ground[4:36, 4 : 4 + 3 * number] = 250
        Image.fromarray(ground).save(folder / f"{number}.png")
    changes = []
    monkeypatch.setitem(sys.modules, "cv2", None)
    for steady in ("off", "fast"):
        ss.stylize_video(folder, tmp_path / f"{steady}.mkv", "style_0", network=network(), codec="ffv1", steady=steady)
        frames = pixels(tmp_path / f"{steady}.mkv")
        changes.append(apart(frames[0][:, 320:], frames[-1][:, 320:]))
    assert changes[1] < 0.25 * changes[0]


def stopped(monkeypatch: pytest.MonkeyPatch, after: int, error: type[BaseException], painter: str = "NetworkPainter") -> None:
    """The painter stops after so many frames."""
    from stylespace.pipelines import painters

    kind = getattr(painters, painter)
    paint, done = kind.paint, [0]

    def stop(self: Any, *arguments: Any) -> Any:
        done[0] += 1
        if done[0] > after:
            raise error("stopped")
        return paint(self, *arguments)

    monkeypatch.setattr(kind, "paint", stop)


@pytest.mark.parametrize(("after", "error"), [(6, KeyboardInterrupt), (10, RuntimeError)])
@pytest.mark.parametrize("out", ["out.mkv", "out.gif", "folder/"])
def test_goes_on_where_it_was(
    film: Film, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: type[BaseException], out: str, after: int
) -> None:
    pytest.importorskip("cv2")
    monkeypatch.setattr(film_out, "FRAMES", 4)
    monkeypatch.setattr(film_out, "SECONDS", 0.0)
    codec = {"codec": "ffv1"} if out.endswith("mkv") else {}
    source = film(cut=7)
    again = [source, tmp_path / "again" / out, "style_0"]
    ss.stylize_video(source, tmp_path / "whole" / out, "style_0", network=network(), steady="best", **codec)  # type: ignore[arg-type]
    with monkeypatch.context() as patch:
        stopped(patch, after, error)
        if error is KeyboardInterrupt:
            assert ss.stylize_video(*again, network=network(), steady="best", **codec).interrupted  # type: ignore[arg-type]
        else:
            with pytest.raises(RuntimeError, match="stopped"):
                ss.stylize_video(*again, network=network(), steady="best", **codec)  # type: ignore[arg-type]
    notes: list[str] = []
    result = ss.stylize_video(*again, network=network(), steady="best", note=notes.append, **codec)  # type: ignore[arg-type]
    assert any(note.startswith("Going on after frame") for note in notes)
    assert result.frames == 12
    one, other = pixels(tmp_path / "whole" / out), pixels(tmp_path / "again" / out)
    assert len(one) == len(other) == 12
    assert all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))
    assert not list((tmp_path / "again").glob(".*"))


PROGRAM = """
import sys, time
from stylespace.cli.app import main
from stylespace.pipelines import film_out
from stylespace.pipelines.painters import NetworkPainter

film_out.FRAMES = 4
paint = NetworkPainter.paint

def slow(self, *arguments):
    time.sleep(float(sys.argv[1]))
    return paint(self, *arguments)

NetworkPainter.paint = slow
sys.exit(main(sys.argv[2:]))
"""


def segments(folder: Path) -> int:
    """Finished ones, as the journal has them."""
    try:
        return len(json.loads((folder / "journal.json").read_text()).get("counts", []))
    except (OSError, ValueError):
        return 0


@pytest.mark.slow
@pytest.mark.parametrize("counts", [1, 4])
def test_a_killed_run_goes_on(film: Film, tmp_path: Path, counts: int) -> None:
    """Killed by the system (kill -9) after so many segments: the same command goes on, to the same file."""
    pytest.importorskip("cv2")
    source, net = film("long.mkv", 40, cut=23), tmp_path / "net.safetensors"
    network().save(net)

    def command(out: str, pause: float) -> list[str]:
        given = ["video", str(source), "-o", str(tmp_path / out), "--network", str(net), "--codec", "ffv1", "--steady", "best"]
        return [sys.executable, "-c", PROGRAM, str(pause), *given]

    subprocess.run(command("whole.mkv", 0.0), check=True, capture_output=True)
    process = subprocess.Popen(command("again.mkv", 0.2), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until = time.monotonic() + 240
        while segments(tmp_path / ".again.mkv.unfinished") < counts and time.monotonic() < until:
            time.sleep(0.02)
    finally:
        process.kill()
        process.wait()
    assert not (tmp_path / "again.mkv").exists()
    again = subprocess.run(command("again.mkv", 0.0), check=True, capture_output=True, text=True)
    assert "Going on after frame" in again.stderr
    one, other = pixels(tmp_path / "whole.mkv"), pixels(tmp_path / "again.mkv")
    assert len(one) == len(other) == 40
    assert all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


def test_a_broken_frame_is_said(film: Film, tmp_path: Path) -> None:
    source = film(count=6)
    data, packet = bytearray(source.read_bytes()), packet_of(source, 3)
    begin, third = data.index(packet), len(packet) // 3
    data[begin + third : begin + len(packet)] = b"\x55" * (len(packet) - third)
    source.write_bytes(data)
    notes: list[str] = []
    result = ss.stylize_video(source, tmp_path / "out.mkv", "style_0", network=network(), codec="ffv1", note=notes.append)
    assert (result.frames, len(result.repaired)) == (6, 1)
    assert any("is broken: it was made from its neighbours" in note for note in notes)


def packet_of(source: Path, number: int) -> bytes:
    """The ``number``-th packet of a film."""
    import av

    with av.open(str(source)) as opened:
        return next(bytes(packet) for i, packet in enumerate(opened.demux(video=0)) if i == number)


def test_other_work_is_not_gone_on_with(film: Film, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        stopped(patch, 5, KeyboardInterrupt)
        ss.stylize_video(film(), tmp_path / "out.mkv", "style_0", network=network(), codec="ffv1")
    notes: list[str] = []
    result = ss.stylize_video(
        tmp_path / "in.mkv", tmp_path / "out.mkv", "style_1", network=network(), codec="ffv1", note=notes.append
    )
    assert result.frames == 12
    assert not any("Going on" in note for note in notes)


def test_styles_change_over_time(film: Film, tmp_path: Path) -> None:
    net = network()
    track = track_of([(0.0, {"style_0": 1}), (0.4, {"style_1": 1})])
    ss.stylize_video(film(still=True), tmp_path / "out.mkv", network=net, track=track, codec="ffv1", steady="off")
    made = pixels(tmp_path / "out.mkv")
    assert apart(made[0], np.asarray(net(moving(0), "style_0"))) < 0.05
    assert apart(made[-1], np.asarray(net(moving(0), "style_1"))) < 0.05
    middle = apart(made[5], made[0]), apart(made[5], made[-1])
    assert min(middle) > 0.2 * apart(made[0], made[-1])
    slow = track_of([(0.0, {"style_0": 1}), (3.0, {"style_1": 1})])
    ss.stylize_video(film("long.mkv", 80, still=True), tmp_path / "fast.mkv", network=net, track=slow, codec="ffv1", every=2)
    assert apart(pixels(tmp_path / "fast.mkv")[0], made[0]) < 0.4 * apart(made[0], made[-1])


def test_transparency_sizes_and_other_forms(film: Film, tmp_path: Path) -> None:
    source = film(count=4, alpha=True)
    for name, extra in (("out.mov", {}), ("out.webm", {}), ("out.apng", {}), ("out.gif", {}), ("frames/", {"bits": 16})):
        ss.stylize_video(source, tmp_path / name, "style_0", network=network(), size=48, **extra)  # type: ignore[arg-type]
        made = open_film(tmp_path / name)
        assert made.info.size == (32, 48)
        assert made.info.alpha
        assert made.info.bits == {"out.mov": 10, "frames/": 16}.get(name, 8)


def test_one_frame_and_odd_sizes(film: Film, tmp_path: Path) -> None:
    notes: list[str] = []
    ss.stylize_video(
        film(count=1, size=(33, 41)), tmp_path / "out.mp4", "style_0", network=network(), note=notes.append, steady="fast"
    )
    (frame,) = open_film(tmp_path / "out.mp4").frames()
    assert frame.pixels.shape[:2] == (32, 40)
    assert any("41 x 33 is written as 40 x 32" in note for note in notes)


def test_pipes(film: Film, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Raw frames in and out, with averages of the frames so far in place of a first pass."""
    given, got = io.BytesIO(b"".join(moving(i).tobytes() for i in range(3))), io.BytesIO()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(given))
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(got))
    ss.stylize_video("-", "-", "style_0", network=network(), raw="96x64")
    made = np.frombuffer(got.getvalue(), np.uint8).reshape(3, 64, 96, 3)
    assert apart(made[0], np.asarray(network()(moving(0), "style_0"))) < 0.6


def test_a_loop_meets_itself(tmp_path: Path) -> None:
    pytest.importorskip("cv2")
    folder = tmp_path / "frames"
    folder.mkdir()
    for number in range(24):
        Image.fromarray(np.roll(moving(0, (64, 96)), number * 4, 1)).save(folder / f"{number}.png")
    seams = []
    for loop in (False, True):
        ss.stylize_video(folder, tmp_path / f"{loop}.mkv", "style_0", network=network(), codec="ffv1", steady="best", loop=loop)
        made = pixels(tmp_path / f"{loop}.mkv")
        back = np.roll(made[0], -4, 1)
        seams.append(apart(back[:, 16:-16], made[-1][:, 16:-16]))
    assert seams[1] <= seams[0]


def test_a_method_that_optimises(film: Film, tmp_path: Path, compact_weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Frames after the first start from the one before and stay near it."""
    pytest.importorskip("cv2")
    from stylespace import encoders

    load = encoders.load
    monkeypatch.setattr(encoders, "load", lambda name, **keywords: load(name, **{**keywords, "weights": compact_weights}))
    style, source = tmp_path / "style.png", film(count=3)
    Image.fromarray(moving(3, shot=1)).save(style)
    changes = []
    for steady in ("off", "fast"):
        ss.stylize_video(source, tmp_path / f"{steady}.mkv", style, method="gatys", steady=steady, codec="ffv1", steps=8, size=64)
        made = pixels(tmp_path / f"{steady}.mkv")
        changes.append(apart(made[1][:, 6:-2], made[2][:, 4:-4]))
    assert changes[1] < changes[0]


def redrawn_in_colours(source: Path, tmp_path: Path, name: str = "out.mkv", **more: Any) -> list[Any]:
    style = tmp_path / "style.png"
    Image.fromarray(moving(3, shot=1)).save(style)
    ss.stylize_video(source, tmp_path / name, style, method="photoreal", codec="ffv1", **more)
    return pixels(tmp_path / name)


def test_colours_of_a_still_film_are_one(film: Film, tmp_path: Path) -> None:
    made = redrawn_in_colours(film(count=4, still=True), tmp_path)
    assert all(np.array_equal(made[0], frame) for frame in made[1:])
    assert apart(made[0], pixels(tmp_path / "in.mkv")[0]) > 5


def test_colours_of_a_moving_film_change_smoothly(film: Film, tmp_path: Path) -> None:
    """What moves keeps its colours: frames differ as the film's own do, not more."""
    made, own = redrawn_in_colours(film(count=6), tmp_path), pixels(tmp_path / "in.mkv")
    steps = [max(float(np.abs((b - a.astype(int)).mean((0, 1))).max()) for a, b in pairwise(frames)) for frames in (made, own)]
    assert steps[0] < 3 * steps[1] + 1  # of 255


def test_colours_of_a_shot_begin_anew_and_go_on_after_a_stop(film: Film, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(film_out, "FRAMES", 3)
    monkeypatch.setattr(film_out, "SECONDS", 0.0)
    source = film(count=8, cut=4)
    whole = redrawn_in_colours(source, tmp_path)
    with monkeypatch.context() as patch:
        stopped(patch, 6, RuntimeError, "ColourPainter")
        with pytest.raises(RuntimeError, match="stopped"):
            redrawn_in_colours(source, tmp_path, "again.mkv")
    again = redrawn_in_colours(source, tmp_path, "again.mkv")
    assert all(np.array_equal(a, b) for a, b in zip(whole, again, strict=True))


def test_passes_forwards_and_backwards(
    film: Film, tmp_path: Path, compact_weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ruder's passes: each goes the other way, starts from the last one's results, and is gone on with after a stop."""
    pytest.importorskip("cv2")
    from stylespace import encoders
    from stylespace.pipelines.painters import MethodPainter

    load = encoders.load
    monkeypatch.setattr(encoders, "load", lambda name, **keywords: load(name, **{**keywords, "weights": compact_weights}))
    style, source = tmp_path / "style.png", film(count=3)
    Image.fromarray(moving(3, shot=1)).save(style)
    given: dict[str, Any] = {"method": "gatys", "passes": 3, "codec": "ffv1", "steps": 8, "size": 64}
    calls: list[tuple[float, bool, bool]] = []
    init = MethodPainter.__init__

    def noted(self: Any, redraw: Any, *arguments: Any) -> None:
        def counted(pixels: Any, own: Any, temporal: Any) -> Any:
            if len(calls) == stop:
                raise KeyboardInterrupt
            calls.append((float(pixels.mean()), own is not None, temporal is not None))
            return redraw(pixels, own, temporal)

        init(self, counted, *arguments)

    monkeypatch.setattr(MethodPainter, "__init__", noted)
    stop = 100
    ss.stylize_video(source, tmp_path / "whole.mkv", style, **given)
    order = [mean for mean, _, _ in calls]
    assert order[3:6] == order[2::-1]
    assert order[6:] == order[:3]
    assert [own for _, own, _ in calls] == [False] * 3 + [True] * 6
    assert [held for _, _, held in calls] == [False, True, True] * 3
    calls.clear()
    stop = 5
    assert ss.stylize_video(source, tmp_path / "again.mkv", style, **given).interrupted
    stop = 100
    assert not ss.stylize_video(source, tmp_path / "again.mkv", style, **given).interrupted
    assert len(calls) == 9
    assert all(np.array_equal(a, b) for a, b in zip(pixels(tmp_path / "whole.mkv"), pixels(tmp_path / "again.mkv"), strict=True))


@pytest.mark.parametrize(
    ("keywords", "words"),
    [
        ({"passes": 2}, "Several passes are for"),
        ({"steady": "very"}, "Steadiness 'very' is unknown"),
        ({"method": "inversion"}, "cannot redraw a film"),
        ({"method": "gatys", "style": None}, "wants a style picture"),
        ({"style": "style_9"}, "no style 'style_9'"),
        ({"steps": 3}, "no setting 'steps'"),
        ({"strength": 2.0}, "strength is 2.0"),
        ({"codec": "vp8"}, "not 'vp8'"),
        ({"rate": 0.0}, "frames a second"),
        ({"size": 1}, "too small"),
        ({"track": track_of([(0.0, {"style_0": 1})])}, "leave the style out"),
    ],
)
def test_what_cannot_be_asked(film: Film, tmp_path: Path, keywords: dict[str, Any], words: str) -> None:
    given: dict[str, Any] = {"style": "style_0", "network": network(), **keywords}
    with pytest.raises(InputError, match=words):
        ss.stylize_video(film(count=1), tmp_path / "out.mkv", **given)
    assert not (tmp_path / "out.mkv").exists()


def test_what_is_there_stays(film: Film, tmp_path: Path) -> None:
    source = film(count=2)
    (tmp_path / "out.mkv").write_text("mine")
    with pytest.raises(PictureError, match="exists already"):
        ss.stylize_video(source, tmp_path / "out.mkv", "style_0", network=network())
    with pytest.raises(PictureError, match="the film itself"):
        ss.stylize_video(source, source, "style_0", network=network(), force=True)
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "a.txt").write_text("mine")
    with pytest.raises(PictureError, match="holds files already"):
        ss.stylize_video(source, tmp_path / "folder", "style_0", network=network())
    assert (tmp_path / "out.mkv").read_text() == "mine"
    ss.stylize_video(source, tmp_path / "out.mkv", "style_0", network=network(), force=True)
    assert len(pixels(tmp_path / "out.mkv")) == 2

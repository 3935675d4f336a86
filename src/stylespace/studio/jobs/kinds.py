"""What each kind of job does: one call of the pipeline that the command line calls. Runs in the job's process, in the job's folder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stylespace.errors import InputError
from stylespace.studio.decoder import limit_memory
from stylespace.studio.jobs.job import Request

if TYPE_CHECKING:
    from stylespace.studio.jobs.process import Teller

PICTURE, NETWORK, FILM = "result.png", "result.safetensors", "result"
UNFINISHED = Path("unfinished")


def transfer(request: Request, device: str, teller: Teller) -> str | None:
    """``stylespace.transfer``; the result's file, or None where it was interrupted."""
    from stylespace.pipelines.sources import Area
    from stylespace.pipelines.transfer import transfer as run

    placed = {region.style for region in request.regions}
    rest = {style: weight for style, weight in request.styles.items() if style not in placed}
    areas = [Area(each.mask, None if each.style is None else {each.style: 1.0}, each.style_mask) for each in request.regions]
    result = run(
        str(request.photo), rest, areas=areas, device=device, threads=request.threads, progress=teller.step, note=teller.note,
        unfinished=UNFINISHED, **request.options,
    )  # fmt: skip
    if result.interrupted:
        return None
    result.save(PICTURE, force=True)
    return PICTURE


def learn_style(request: Request, device: str, teller: Teller) -> str | None:
    """``stylespace.learn_style``, as :func:`transfer`."""
    from stylespace.pipelines.learn_style import learn_style as run

    learned = run(
        request.styles, device=device, threads=request.threads, progress=teller.step, note=teller.note, checkpoint=UNFINISHED,
        snapshots=(), **request.options,
    )  # fmt: skip
    if learned.interrupted:
        return None
    learned.save(PICTURE, force=True)
    return PICTURE


def add_style(request: Request, device: str, teller: Teller) -> str | None:
    """``stylespace add-style``, as :func:`transfer`; the result is the network with the new style."""
    from stylespace.pipelines.train import train
    from stylespace.training.settings import AddStyleSettings

    made = train(
        [str(request.photo)], dict.fromkeys([request.title], next(iter(request.styles))), AddStyleSettings(**request.options), UNFINISHED,
        network=request.network, device=device, threads=request.threads, progress=teller.trained, note=teller.note,
        warn=teller.note,
    )  # fmt: skip
    if not made.finished:
        return None
    made.network.save(NETWORK)
    return NETWORK


def video(request: Request, device: str, teller: Teller) -> str | None:
    """``stylespace.stylize_video``, as :func:`transfer`. The film is decoded here, within the memory that the job may take."""
    from stylespace.film.reading import open_film
    from stylespace.pipelines.run import choose_device
    from stylespace.pipelines.video import stylize_video

    if request.memory is not None and choose_device(device).type == "cpu":  # others map far more than they use
        limit_memory(request.memory)
    options: dict[str, Any] = dict(request.options)
    high, wide = open_film(str(request.photo)).info.size
    if high * wide > request.max_pixels:
        raise InputError(
            f"The film has frames of {wide} x {high} pixels: make them smaller, {request.max_pixels:,} pixels at most."
        )
    result = stylize_video(
        str(request.photo), FILM + options.pop("suffix"), request.styles, network=str(request.network), device=device,
        threads=request.threads, progress=teller.frame, note=teller.note, force=True, **options,
    )  # fmt: skip
    return None if result.interrupted else result.path.name


KINDS: dict[str, Callable[[Request, str, Any], str | None]] = {
    "transfer": transfer, "learn-style": learn_style, "add-style": add_style, "video": video,
}  # fmt: skip

"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import typer

from stylespace.methods.registry import METHODS, QUALITY

FILES, RUN = "Files", "Running"
DEVICES = ("auto", "cpu", "cuda", "mps")


_STYLE: dict[str, Any] = {"metavar": "REF[=WEIGHT]", "rich_help_panel": FILES}
Style = Annotated[
    list[str] | None,
    typer.Option(
        "--style", "-s", **_STYLE,
        help="Style picture; repeat for several, each with its weight. Without weights, or with a folder or a query (library:tag=oil),"
        " the blend that suits the photo best.",
    ),
]  # fmt: skip
Weighted = Annotated[
    list[str] | None,
    typer.Option("--style", "-s", **_STYLE, help="Style picture, or a folder of them; repeat for several, each with its weight."),
]
Out = Annotated[
    str | None,
    typer.Option(
        "--out", "-o", metavar="OUT", rich_help_panel=FILES,
        help="Result: .png, .jpg, .webp, .tif, .avif, or a folder. [default: PHOTO-STYLE.png here]",
    ),
]  # fmt: skip
Force = Annotated[bool, typer.Option("--force", help="Replace existing files.", rich_help_panel=FILES)]


Guide = Annotated[
    list[str] | None,
    typer.Option(
        metavar="MAP=STYLEMAP[:WEIGHT]", rich_help_panel="Regions and strokes",
        help="quilting, analogies, texture: a map of the photo and one of the style; alike colours mean alike places. Repeat for more.",
    ),
]  # fmt: skip


def preset(names: Iterable[str]) -> Any:
    """The option ``--preset`` with these ``names``."""
    help_ = f"Published settings to start from: {', '.join(names)}. [default: default]"
    return Annotated[str | None, typer.Option(metavar="NAME", rich_help_panel="What to do", help=help_)]


PRESETS = dict.fromkeys(name for row in METHODS.values() for name in row.presets)
Preset = Annotated[
    str | None,
    typer.Option(
        metavar="NAME", rich_help_panel="What to do",
        help=f"Published settings to start from; each belongs to one method: {', '.join(PRESETS)}. [default: default]",
    ),
]  # fmt: skip


def quality(words: str) -> Any:
    """The option ``--quality`` with what its values mean."""
    text = f"{words}. [default: {QUALITY or 'the settings as listed'}]"
    return Annotated[str | None, typer.Option(metavar="draft|good|best", help=text, rich_help_panel="What to do")]


Quality = quality(f"gatys and blend: {METHODS['gatys'].qualities}. Others: {METHODS['strotss'].qualities}")
Weights = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Encoder weights to use instead of those shipped or downloaded.", rich_help_panel=RUN),
]
Device = Annotated[
    str | None, typer.Option(metavar="auto|cpu|cuda|mps", help="Where to compute. [default: auto]", rich_help_panel=RUN)
]
Threads = Annotated[
    int | None, typer.Option(metavar="N", min=1, help="Processor threads. [default: all cores]", rich_help_panel=RUN)
]
MaxPixels = Annotated[
    int | None,
    typer.Option(
        metavar="N", min=4, help="Refuse pictures with more pixels than this. [default: 200 million]", rich_help_panel=RUN
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.", rich_help_panel=RUN)]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print errors only.", rich_help_panel=RUN)]
Traceback = Annotated[bool, typer.Option("--traceback", help="Show where an unexpected error came from.", rich_help_panel=RUN)]

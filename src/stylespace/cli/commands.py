"""The commands by name; methods come from the registry. A command's module is imported only when it runs or its help is shown."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

import stylespace
from stylespace.methods.registry import METHODS

COMMANDS = {
    "transfer": "Redraw photos in the style of other pictures.",
    **{name: row.summary for name, row in METHODS.items()},
    "learn-style": "Learn one style picture from many references.",
    "space": "Show what a set of references has in common and how it varies.",
    "library": "Manage hundreds of thousands of references: add, tag, search, blend.",
    "paint": "Redraw photos with a trained network, at once; mix its styles.",
    "video": "Redraw a film, with its sound, held still; styles may change over time.",
    "deflicker": "Hold frames still that another tool redrew, by the film they were made from.",
    "live": "Redraw a camera, the screen or a film as it comes; mix styles by keys.",
    "dataset": "Redraw a whole data set, each picture in drawn styles, with its labels.",
    "train": "Train a network for many styles, on a folder of photos.",
    "add-style": "Teach a trained network a new style.",
    "network": "Show what a trained network holds; remove, rename and merge styles.",
    "export": "Write a trained network as ONNX, for other programs and fast engines.",
    "match": "Find corresponding places in two pictures.",
    "warp": "Apply the warp of a deformable transfer to any picture.",
    "texture": "Make textures of any size; make pictures tile; fill holes.",
    "sweep": "Draw a labelled contact sheet over settings: layers, weights, sizes, presets.",
    "score": "Measure how close a result is to its content and to its style.",
    "studio": "Mix styles by hand on a page, while the picture follows; the same over REST.",
    "models": "List the encoders' weights: which are here, where, sizes, checksums.",
    "demo": "Redraw a bundled photograph in several styles, offline.",
}
_WIDTH = {"max_content_width": 110, "help_option_names": ["-h", "--help"]}


class Late(TyperCommand):
    """A command known by name and summary until it is needed."""

    def make_context(self, info_name: Any, args: list[str], parent: Any = None, **extra: Any) -> Any:
        """Import the command and hand over to it."""
        if self.name in METHODS:
            from stylespace.cli.methods import method_command

            return command(str(self.name), method_command(str(self.name))).make_context(info_name, args, parent=parent, **extra)
        module = import_module(f"stylespace.cli.{str(self.name).replace('-', '_')}")
        known = command(str(self.name), module.command) if hasattr(module, "command") else grouped(module.app)
        return known.make_context(info_name, args, parent=parent, **extra)


class Sectioned(TyperCommand):
    """A command whose help lists its options under the headings they name (``rich_help_panel``).

    ``ctx.meta["order"]``: names of its parameters in the order in which they were given, for options that go together.
    """

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Note the order, then parse."""
        ctx.meta["order"] = [str(parameter.name) for parameter in self.make_parser(ctx).parse_args(args=list(args))[2]]
        return super().parse_args(ctx, args)

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the options, section by section."""
        sections: dict[str, list[tuple[str, str]]] = {}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if record is None:
                continue
            heading = getattr(parameter, "rich_help_panel", None) or "Options"
            if parameter.param_type_name == "argument":
                heading, record = "Arguments", (str(parameter.metavar), record[1])
            sections.setdefault(heading, []).append(record)
        for heading, records in sections.items():
            with formatter.section(heading):
                formatter.write_dl(records, col_max=34)


class Group(TyperGroup):
    """The commands, not yet imported."""

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command of this name, or None."""
        if cmd_name not in COMMANDS:
            return None
        return Late(cmd_name, help=COMMANDS[cmd_name], short_help=COMMANDS[cmd_name], rich_markup_mode=None)

    def list_commands(self, ctx: Any) -> list[str]:
        """Names in the order of the help."""
        return list(COMMANDS)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """As Click's, with all names known, so that a mistyped one gets a suggestion."""
        self.commands = {name: self.get_command(ctx, name) for name in COMMANDS}
        return super().resolve_command(ctx, args)


def group() -> Any:
    """All commands together."""
    app = typer.Typer(add_completion=False, rich_markup_mode=None, cls=Group, context_settings=_WIDTH)
    app.callback(no_args_is_help=True)(_root)
    return typer.main.get_command(app)


def command(name: str, function: Callable[..., Any]) -> Any:
    """``function`` with Typer's annotations as the command ``name``."""
    app = typer.Typer(add_completion=False, rich_markup_mode=None, context_settings=_WIDTH)
    app.command(name, cls=Sectioned)(function)
    return typer.main.get_command(app)


def grouped(app: typer.Typer) -> Any:
    """Commands below a command, such as ``stylespace library add``."""
    app.info.context_settings = _WIDTH
    return typer.main.get_command(app)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"stylespace {stylespace.__version__}")
        raise typer.Exit


def _root(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")] = False,
) -> None:
    """Redraw photographs in the style of other pictures.

    Start with: stylespace transfer photo.jpg --style painting.jpg -o out.png
    """

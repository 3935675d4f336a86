"""Options made from the fields of settings: help, choices, default and source are the dataclass's own."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Mapping
from dataclasses import MISSING, Field, fields
from types import MappingProxyType
from typing import Annotated, Any, get_origin, get_type_hints

import typer

from stylespace.errors import InputError
from stylespace.settings import OURS, kinds, parsed, shown

_SHORT, _, _MEANING = OURS.partition(": ")
SECTION = f"Settings of the method (source '{_SHORT}' means: {_MEANING})"


def with_settings(
    function: Callable[..., Any],
    *settings: type,
    without: Collection[str] = (),
    other: Mapping[str, Any] = MappingProxyType({}),
    **fixed: Any,
) -> Callable[..., Any]:
    """``function`` as a command whose ``**settings`` are options, one for each field of the ``settings`` classes.

    It receives only those that were given, as text or bool. ``fixed``: parameters with a fixed value, which get no option; ``without``:
    fields that get no option; ``other``: annotations that replace the parameters' own. Where two classes have a field of the same
    name, the first one's is used.
    """
    hints = get_type_hints(function, include_extras=True) | dict(other)
    own = [
        parameter.replace(annotation=hints[name], kind=inspect.Parameter.KEYWORD_ONLY)
        for name, parameter in inspect.signature(function).parameters.items()
        if parameter.kind is not inspect.Parameter.VAR_KEYWORD and name not in fixed
    ]
    names = {parameter.name for parameter in own} | set(without)
    made: dict[str, inspect.Parameter] = {}
    for kind in settings:
        for each in fields(kind):
            if each.name not in names:
                made.setdefault(each.name, _parameter(each, kinds(kind)[each.name]))

    def call(**values: Any) -> Any:
        chosen = {name: values.pop(name) for name in made}
        return function(**values, **fixed, **{name: value for name, value in chosen.items() if value is not None})

    parameters = [*own, *made.values()]
    call.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    call.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    call.__doc__ = function.__doc__
    return call


def values(settings: type, chosen: Mapping[str, Any]) -> dict[str, Any]:
    """The text ``given`` on the command line as values of the fields; a mistake is wrong usage."""
    known = {each.name for each in fields(settings)}
    for name in chosen:
        if name not in known:
            raise typer.BadParameter("it belongs to another method: leave it out.", param_hint=f"--{name.replace('_', '-')}")
    try:
        return {name: value if isinstance(value, bool) else parsed(settings, name, value) for name, value in chosen.items()}
    except InputError as error:
        raise typer.BadParameter(str(error)) from error


def _parameter(each: Field[Any], kind: Any) -> inspect.Parameter:
    choices = each.metadata["choices"]
    default = shown(each.default_factory() if each.default_factory is not MISSING else each.default)
    flag = f"--{each.name.replace('_', '-')}"
    names = [f"{flag}/--no-{flag[2:]}"] if kind is bool else [flag]
    if "colour" in flag:
        names.append(flag.replace("colour", "color"))
    source = each.metadata["source"]
    source = _SHORT if source == OURS else source
    parts = [each.metadata["help"].rstrip("."), f"[default: {default or 'none given'}]", f"[source: {source}]"]
    if choices:
        parts.insert(1, f"({', '.join(choices)})")
    option = typer.Option(
        *names, help=" ".join(parts), metavar=None if kind is bool else _metavar(kind, choices), rich_help_panel=SECTION
    )
    annotation: Any = Annotated[(bool if kind is bool else str) | None, option]
    return inspect.Parameter(each.name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation)


def _metavar(kind: Any, choices: tuple[str, ...]) -> str:
    if choices:
        return "NAME"
    if get_origin(kind) is tuple:
        return "N,N,..."
    return {int: "N", str: "TEXT", Any: "LAYERS"}.get(kind, "X")

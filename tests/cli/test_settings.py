"""Options are what the dataclasses say."""

from __future__ import annotations

from dataclasses import MISSING, fields
from typing import Any

import pytest
import typer

from stylespace.cli.settings import values, with_settings
from stylespace.methods.gatys_settings import GatysSettings
from stylespace.methods.inversion_settings import InversionSettings
from stylespace.methods.registry import METHODS
from stylespace.settings import OURS, option, parsed, shown


def squeezed(text: str) -> str:
    """Without white space, which help may break anywhere."""
    return "".join(text.split())


@pytest.mark.parametrize(
    ("command", "settings"),
    [("gatys", GatysSettings), ("transfer", GatysSettings), ("sweep", GatysSettings), ("inversion", InversionSettings)],
)
def test_help_lists_every_field(call: Any, command: str, settings: type) -> None:
    text = squeezed(call(command, "--help").out)
    for each in fields(settings):
        assert each.default is not MISSING
        source = each.metadata["source"].partition(":")[0] if each.metadata["source"] == OURS else each.metadata["source"]
        wanted = f"{each.metadata['help'].rstrip('.')} "
        if each.metadata["choices"]:
            wanted += f"({', '.join(each.metadata['choices'])}) "
        wanted += f"[default: {shown(each.default) or 'none given'}] [source: {source}]"
        assert f"--{each.name.replace('_', '-')}" in text, each.name
        assert squeezed(wanted) in text, each.name
    assert squeezed(OURS.partition(":")[2]) in text


@pytest.mark.parametrize("name", METHODS)
def test_help_lists_the_methods_own_presets(call: Any, name: str) -> None:
    """``strotss --help`` and ``nnst --help`` listed those of gatys."""
    text = squeezed(call(name, "--help").out)
    others = {preset for row in METHODS.values() for preset in row.presets} - set(METHODS[name].presets)
    assert all(preset in text for preset in METHODS[name].presets if len(METHODS[name].presets) > 1)
    assert not [preset for preset in others if squeezed(preset) in text]


@pytest.mark.parametrize("name", [name for name in METHODS if name != "inversion"])
def test_only_a_blend_says_that_it_blends(call: Any, name: str) -> None:
    """Several styles without weights count alike everywhere else."""
    assert ("blendthatsuits" in squeezed(call(name, "--help").out).partition("--out")[0]) == METHODS[name].blends


def test_inversion_has_no_styles(call: Any) -> None:
    text = call("inversion", "--help").out
    for flag in ("--style ", "--preset", "--region", "--strokes", "--content-layers"):
        assert flag not in text
    assert "--layer" in text


def given(*arguments: str) -> dict[str, Any]:
    """What ``with_settings`` hands over."""
    found: dict[str, Any] = {}

    def take(name: str = "x", **settings: Any) -> None:
        found.update(settings)

    app = typer.Typer()
    app.command()(with_settings(take, GatysSettings, InversionSettings))
    typer.main.get_command(app)(list(arguments), standalone_mode=False)
    return values(GatysSettings, found)


def test_only_what_was_given() -> None:
    assert given() == {}
    assert given("--size", "300") == {"size": 300}


def test_kinds_of_values() -> None:
    assert given("--final-rate", "none", "--sizes", "64,128", "--no-carry-moments", "--colour-strength", "0.25") == {
        "final_rate": None,
        "sizes": (64, 128),
        "carry_moments": False,
        "colour_strength": 0.25,
    }
    assert given("--color", "luminance", "--content-layers", "relu3_1=0.5,relu4_2", "--carry-moments") == {
        "colour": "luminance",
        "content_layers": "relu3_1=0.5,relu4_2",
        "carry_moments": True,
    }


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--size", "big"], ["size", "'big'", "whole number"]),
        (["--size", "3.5"], ["whole number"]),
        (["--rate", "inf"], ["rate", "number"]),
        (["--rate", "none"], ["rate", "'none'"]),
        (["--sizes", "64;128"], ["list of whole numbers"]),
        (["--solver", "sgd"], ["adam, lbfgs"]),
        (["--layer", "relu1_1"], ["--layer", "another method"]),
    ],
)
def test_wrong_values_are_wrong_usage(call: Any, arguments: list[str], words: list[str]) -> None:
    said = call("transfer", "photo.png", "--style", "style.png", *arguments)
    assert said.code == 2
    assert all(word in said.err for word in words), said.err


def test_text_and_back() -> None:
    """What the help shows as a default is read as that default."""
    for settings in (GatysSettings, InversionSettings):
        for each in fields(settings):
            value = parsed(settings, each.name, shown(each.default))
            assert value == (pytest.approx(each.default, rel=1e-3) if isinstance(each.default, float) else each.default)


def test_defaults_that_are_made() -> None:
    made = option({"relu1_1": 1.0}, "layers")
    assert made.default_factory() == {"relu1_1": 1.0}
    assert shown(made.default_factory()) == "relu1_1=1"

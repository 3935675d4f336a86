"""Commands, their help, and what errors become."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any

import pytest
import torch

import stylespace
from stylespace.cli.app import main
from stylespace.cli.commands import COMMANDS
from stylespace.cli.failures import tell
from stylespace.errors import InputError

HEAVY = ("torch", "pyvips", "PIL", "matplotlib", "skimage", "scipy")


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help(call: Any, name: str) -> None:
    said = call(name, "--help")
    assert said.code == 0
    assert f"stylespace {name}" in said.out
    assert "--traceback" in said.out or "COMMAND [ARGS]" in said.out


def test_help_of_commands_is_light() -> None:
    program = f"""
import sys
from stylespace.cli.app import main
modules = set()
for name in {list(COMMANDS)}:
    assert main([name, "--help"]) == 0
print("LOADED", *[name for name in {HEAVY} if name in sys.modules])
"""
    shown = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120, check=True).stdout
    assert shown.rpartition("LOADED")[2].split() == []


def test_list_of_commands_imports_none() -> None:
    program = """
import sys
from stylespace.cli.app import main
main(["--help"])
print("LOADED", *[name for name in sys.modules if name.startswith("stylespace.")])
"""
    shown = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120, check=True).stdout
    loaded = set(shown.rpartition("LOADED")[2].split())
    rows = {name for name in loaded if name == "stylespace.methods.registry" or name.endswith("_settings")}
    own = {"stylespace.cli", "stylespace.cli.app", "stylespace.cli.commands", "stylespace.storage", "stylespace.storage.witness"}
    assert loaded - rows == own | {"stylespace.methods", "stylespace.settings", "stylespace.errors"}


def test_summaries_on_one_page(call: Any) -> None:
    shown = " ".join(call("--help").out.split())
    for name, summary in COMMANDS.items():
        assert f"{name} {summary}" in shown


def test_version(call: Any) -> None:
    said = call("--version")
    assert (said.code, said.out.strip()) == (0, f"stylespace {stylespace.__version__}")


@pytest.mark.parametrize("arguments", [[], ["trasnfer"], ["transfer", "--no-such-option"], ["models", "extra"], ["--no"]])
def test_wrong_usage(call: Any, arguments: list[str]) -> None:
    said = call(*arguments)
    assert said.code == 2
    assert "Usage: stylespace" in said.err + said.out
    assert "Traceback" not in said.err


def test_a_mistyped_command_is_suggested(call: Any) -> None:
    assert "'transfer'" in call("trasnfer").err


def raising(error: BaseException) -> Callable[[], None]:
    def command() -> None:
        raise error

    return command


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (InputError("Give another value."), ["stylespace: Give another value."]),
        (RuntimeError("a shape\nis wrong."), ["RuntimeError", "a shape is wrong", "--traceback"]),
        (KeyError("x"), ["KeyError", "--traceback"]),
        (MemoryError(), ["not enough memory", "--size"]),
        (RuntimeError("[enforce fail at alloc_cpu.cpp:75] . DefaultCPUAllocator: can't allocate memory: you tried"), ["not enough memory"]),
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20 GiB"), ["graphics card", "--device cpu"]),
        (PermissionError(13, "Permission denied", "out.png"), ["Permission denied", "out.png"]),
        (ModuleNotFoundError("No module named 'tqdm'", name="tqdm"), ["'tqdm'", "install"]),
    ],
)  # fmt: skip
def test_errors_are_one_sentence(call: Any, monkeypatch: pytest.MonkeyPatch, error: Exception, words: list[str]) -> None:
    monkeypatch.setattr(import_module("stylespace.cli.models"), "command", raising(error))
    said = call("models")
    assert said.code == 1
    assert said.out == ""
    (line,) = said.err.splitlines()
    assert line.startswith("stylespace: ")
    assert all(word in line for word in words), line


def test_traceback_on_request(monkeypatch: pytest.MonkeyPatch) -> None:
    def command(traceback: bool = False) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(import_module("stylespace.cli.models"), "command", command)
    with pytest.raises(ZeroDivisionError):
        main(["models", "--traceback"])


def test_interrupted_anywhere(call: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(import_module("stylespace.cli.models"), "command", raising(KeyboardInterrupt()))
    said = call("models")
    assert said.code == 130
    assert "Traceback" not in said.err


def test_what_a_file_says_does_not_move_the_cursor(capfd: pytest.CaptureFixture[str]) -> None:
    tell(InputError("a\x1b[2Jb\x00\x9bc\nd \u202f caf\u00e9"))
    assert capfd.readouterr().err == "stylespace: a?[2Jb??c d caf\u00e9\n"

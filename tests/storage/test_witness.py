"""A process that ends without a word has a witness."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

pytestmark = pytest.mark.skipif(os.name == "nt", reason="wants a shell")


def ended(script: str, *arguments: object) -> tuple[int, str]:
    """Exit code and standard error of a process that runs ``script``."""
    command = [sys.executable, "-c", f"import os, signal\nfrom stylespace.storage.witness import WITNESS\n{script}"]
    done = subprocess.run([*command, *map(str, arguments)], capture_output=True, text=True, timeout=120)
    return done.returncode, done.stderr


def test_a_crash_while_reading_names_the_file() -> None:
    script = "WITNESS.wanted = True\nwith WITNESS.reading('bad\\x1b.gif'): os.kill(os.getpid(), signal.SIGSEGV)"
    code, said = ended(script)
    assert code == -signal.SIGSEGV
    assert said == (
        "stylespace: The process ended while it read bad?.gif: a decoder crashed, or memory ran out; leave that file out.\n"
    )


def test_a_kill_between_files_is_told_of() -> None:
    code, said = ended("WITNESS.wanted = True\nwith WITNESS.reading('a.png'): pass\nos.kill(os.getpid(), signal.SIGKILL)")
    assert (code, said.count("\n")) == (-signal.SIGKILL, 1)
    assert "memory ran out" in said
    assert "a.png" not in said


@pytest.mark.parametrize("wanted", [True, False])
def test_silent_where_the_process_has_words_of_its_own(wanted: bool) -> None:
    script = f"WITNESS.wanted = {wanted}\nwith WITNESS.reading('a.png'): pass\nWITNESS.dismiss()"
    assert ended(script) == (0, "")
    if not wanted:
        assert ended(script.replace("WITNESS.dismiss()", "os.kill(os.getpid(), signal.SIGKILL)")) == (-signal.SIGKILL, "")


def test_a_forked_process_has_none() -> None:
    script = """
WITNESS.wanted = True
with WITNESS.reading('mine.png'):
    if os.fork() == 0:
        with WITNESS.reading('theirs.png'):
            os._exit(0)
    os.wait()
    os.kill(os.getpid(), signal.SIGKILL)
"""
    assert "mine.png" in ended(script)[1]


def test_a_decoder_that_crashes_under_a_command(tmp_path: Path) -> None:
    for name in ("photo.png", "style.png"):
        Image.new("RGB", (8, 8)).save(tmp_path / name)
    script = """
import sys
from stylespace.pictures import decoding
decoding.open_image = lambda *given: os.kill(os.getpid(), signal.SIGSEGV)
from stylespace.cli.app import main
sys.exit(main())
"""
    code, said = ended(script, "score", tmp_path / "photo.png", tmp_path / "style.png", tmp_path / "photo.png")
    assert code == -signal.SIGSEGV
    assert "while it read photo.png: a decoder crashed" in said
    assert "Traceback" not in said

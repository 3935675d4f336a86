"""Skip a test file whose packages are not installed, without importing them: every worker collects every file."""

from __future__ import annotations

from importlib.util import find_spec

import pytest


def needs(*packages: str) -> None:
    """Skip the file that calls this where one of ``packages`` is absent."""
    for package in packages:
        if find_spec(package) is None:
            pytest.skip(f"needs {package}", allow_module_level=True)

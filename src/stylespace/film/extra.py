"""PyAV, which an extra installs."""

from __future__ import annotations

from typing import Any

from stylespace.errors import MissingExtraError


def pyav(why: str) -> Any:
    """The module ``av``. Raises ``MissingExtraError``, which begins with ``why``, where it is not installed."""
    try:
        import av
    except ImportError as error:
        raise MissingExtraError(f"{why}: pip install 'stylespace[library]'.") from error
    return av

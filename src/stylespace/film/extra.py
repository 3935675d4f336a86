"""PyAV, which an extra installs."""

from __future__ import annotations

from typing import Any

from stylespace.errors import MissingExtraError

OLDEST = 17  # PyAV before it converted every film by the matrix of BT.601


def pyav(why: str) -> Any:
    """The module ``av``. Raises ``MissingExtraError``, which begins with ``why``, where it is not installed or too old."""
    try:
        import av
    except ImportError as error:
        raise MissingExtraError(f"{why}: pip install 'stylespace[video]'.") from error
    if int(av.__version__.split(".")[0]) < OLDEST:
        raise MissingExtraError(f"{why} {OLDEST} or newer, not {av.__version__}: pip install --upgrade 'stylespace[video]'.")
    return av

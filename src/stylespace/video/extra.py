"""OpenCV, which an extra installs."""

from __future__ import annotations

from typing import Any

from stylespace.errors import MissingExtraError


def opencv() -> Any:
    """The module ``cv2``. Raises ``MissingExtraError`` where it is not installed."""
    try:
        import cv2
    except ImportError as error:
        raise MissingExtraError(
            "Optical flow needs OpenCV: pip install 'stylespace[video]', or leave flow out with --steady off."
        ) from error
    return cv2

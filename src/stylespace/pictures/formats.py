"""The file formats: how a file is recognised by its first bytes, and which suffix writes which format."""

from __future__ import annotations

FILM_SUFFIXES = (".mp4", ".mov", ".mkv", ".webm", ".avi", ".m4v", ".mpg", ".mpeg", ".ogv")
PICTURE_SUFFIXES = (
    ".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".tif", ".tiff", ".webp", ".avif", ".heic", ".heif", ".gif",
)  # fmt: skip
"""Suffixes of the files that ``find_pictures`` takes from a folder (lower case)."""

READABLE = "JPEG, PNG, TIFF, WebP, AVIF, HEIF or GIF"

WRITABLE = {
    ".png": "PNG",
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".jpe": "JPEG",
    ".jfif": "JPEG",
    ".webp": "WebP",
    ".tif": "TIFF",
    ".tiff": "TIFF",
    ".avif": "AVIF",
}
"""Suffix (lower case) to the format that ``write`` uses."""

SIXTEEN_BIT = ("PNG", "TIFF")
"""Formats that hold 16 bits a channel."""

HEAD = 64
"""Bytes that ``recognise`` looks at."""

_HEIF_BRANDS = (b"avif", b"avis", b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1", b"miaf")


def recognise(head: bytes) -> str | None:
    """The format that a file's first ``HEAD`` bytes announce: JPEG, PNG, TIFF, WebP, HEIF (AVIF among them), GIF, or None."""
    if head.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG"
    if head[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
        return "TIFF"
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return "WebP"
    if head[4:8] == b"ftyp" and any(head[i : i + 4] in _HEIF_BRANDS for i in range(8, len(head), 4)):
        return "HEIF"
    if head[:6] in (b"GIF87a", b"GIF89a"):
        return "GIF"
    return None

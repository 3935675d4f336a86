"""Which films are taken: what a file's first bytes say, never its name.

FFmpeg guesses a file's kind from its contents, and some kinds (playlists) name further files, which it would open. So only kinds that it
recognises beyond doubt by these bytes, and that hold all their pictures themselves, are passed on.
"""

from __future__ import annotations

from stylespace.errors import PictureError

_BOXES = (b"ftyp", b"moov", b"mdat", b"wide", b"skip", b"free")


def kind_of(head: bytes) -> str:
    """The suffix for a film that begins with ``head`` (16 bytes or more). Raises ``PictureError``."""
    if head[4:8] in _BOXES:
        return ".mp4"
    if head[:4] == b"\x1aE\xdf\xa3":
        return ".mkv"
    if head[:4] == b"RIFF" and head[8:12] in (b"AVI ", b"WEBP"):
        return ".avi" if head[8:12] == b"AVI " else ".webp"
    if head[:4] == b"OggS":
        return ".ogv"
    if head[:6] in (b"GIF87a", b"GIF89a"):
        return ".gif"
    if head[:8] == b"\x89PNG\r\n\x1a\n":
        return ".apng"
    raise PictureError("The file is no film that can be used here: give MP4, MOV, MKV, WebM, AVI, Ogg, GIF, WebP or APNG.")

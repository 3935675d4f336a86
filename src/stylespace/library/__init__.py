"""Many references: add, tag, search, and choose those whose blend suits a photo. Needs the extra ``library``."""

from __future__ import annotations

from stylespace.library.choosing import choose
from stylespace.library.store import Library

__all__ = ["Library", "choose"]

"""``stylespace inversion``: a photo rebuilt from one layer's features."""

from __future__ import annotations

from stylespace.cli.settings import with_settings
from stylespace.cli.transfer import transfer
from stylespace.methods.inversion_settings import InversionSettings

command = with_settings(
    transfer, InversionSettings,
    method="inversion", style=None, preset=None, region=None, keep_region=None, style_regions=None, strokes=None,
    start_picture=None, explain=False,
)  # fmt: skip
command.__doc__ = """Rebuild photos from the features of one layer alone: what that layer keeps (Mahendran & Vedaldi 2015)."""

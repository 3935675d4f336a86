"""``stylespace gatys``: transfer by optimising pixels, every setting with its source."""

from __future__ import annotations

from stylespace.cli.settings import with_settings
from stylespace.cli.transfer import transfer
from stylespace.methods.gatys_settings import GatysSettings

command = with_settings(transfer, GatysSettings, method=None)
command.__doc__ = """Redraw photos in the manner of other pictures by optimising pixels (Gatys, Ecker & Bethge 2016).

Minimises a distance to the photo's content and to the styles' statistics, coarse to fine. Settings say where their default
comes from; --preset starts from published ones instead.
"""

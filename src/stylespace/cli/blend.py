"""``stylespace blend``: transfer from the blend of many references, every setting with its source."""

from __future__ import annotations

from stylespace.cli.settings import with_settings
from stylespace.cli.transfer import transfer
from stylespace.methods.blend_settings import BlendSettings

command = with_settings(transfer, BlendSettings, method="blend")
command.__doc__ = """Redraw photos in the style that many references share (Ikuta, Ogaki & Odagiri 2016).

The references' texture features are blended so that they come as near to the photo's own as they can; the blend is the style.
With several references a result keeps colours that are natural for the photo. Then as with gatys, whose settings all hold.
"""

"""``stylespace deformable``: the settings of deformable transfer alone."""

from __future__ import annotations

from stylespace.cli.settings import with_settings
from stylespace.cli.transfer import transfer
from stylespace.methods.deformable_settings import DeformableSettings

command = with_settings(transfer, DeformableSettings, method="deformable")
command.__doc__ = """Redraw photos and move their shapes to where the style picture has them (Kim et al. 2020).

Places that belong together are found by neural best buddies, or come from --pairs or --point. --parts writes what is made on the way,
--animation a film; stylespace warp applies the warp to other pictures.
"""

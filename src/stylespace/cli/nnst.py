"""``stylespace nnst``: the settings of Neural Neighbor Style Transfer alone."""

from __future__ import annotations

from stylespace.cli.settings import with_settings
from stylespace.cli.transfer import transfer
from stylespace.methods.nnst_settings import NnstSettings

command = with_settings(transfer, NnstSettings, method="nnst")
command.__doc__ = """Redraw photos from the nearest neighbours of their features among the style's (Kolkin et al. 2022).

Every place takes the features of the place of the style, in any of four turns, that is most like it.
"""

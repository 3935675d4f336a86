"""``stylespace strotss``: the settings of STROTSS alone."""

from __future__ import annotations

from stylespace.cli.settings import with_settings
from stylespace.cli.transfer import transfer
from stylespace.methods.strotss_settings import StrotssSettings

command = with_settings(transfer, StrotssSettings, method="strotss")
command.__doc__ = """Redraw photos by optimal transport and self-similarity (Kolkin, Salavon & Shakhnarovich 2019).

Features at sampled places of the photo are moved to those of the style while likeness between places is kept: shapes change as well as
strokes. Regions, several styles and pairs of points (--point) guide it.
"""

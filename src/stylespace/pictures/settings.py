"""The settings that made a picture, stored in its file as XMP (ISO 16684-1), which all formats that we write support."""

from __future__ import annotations

import json
import os
from typing import Any
from xml.etree import ElementTree
from xml.sax.saxutils import escape

from stylespace.errors import InputError, PictureError
from stylespace.pictures import vips
from stylespace.pictures.decoding import header
from stylespace.pictures.reading import contents

_NAMESPACE = "urn:stylespace:1.0/"
_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_PACKET = """<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="{rdf}"><rdf:Description rdf:about=""
 xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmlns:stylespace="{namespace}">
<xmp:CreatorTool>Stylespace</xmp:CreatorTool>
<stylespace:settings>{settings}</stylespace:settings>
</rdf:Description></rdf:RDF></x:xmpmeta>
<?xpacket end="w"?>"""


def packet(settings: dict[str, Any]) -> bytes:
    """An XMP packet that holds ``settings`` as JSON. Raises ``InputError`` for what JSON cannot hold."""
    try:
        text = json.dumps(settings, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise InputError(f"The settings cannot be stored in the picture ({error}): plain JSON values are expected.") from error
    return _PACKET.format(rdf=_RDF, namespace=_NAMESPACE, settings=escape(text)).encode()


def read_settings(path: str | os.PathLike[str] | bytes) -> dict[str, Any]:
    """The settings that ``write`` put into the picture at ``path`` (or in its bytes). Raises ``PictureError`` if it has none."""
    data, name = (path, "The data given") if isinstance(path, bytes) else contents(path)
    block = vips.field(header(data, name), "xmp-data")
    settings = _settings(block) if block else None
    if settings is None:
        raise PictureError(f"{name} holds no Stylespace settings: give a picture that Stylespace wrote and nothing stripped.")
    return settings


def _settings(block: bytes) -> dict[str, Any] | None:
    if b"<!DOCTYPE" in block or b"<!ENTITY" in block:
        return None
    tag = f"{{{_NAMESPACE}}}settings"
    try:
        root = ElementTree.fromstring(block.strip(b"\0"))
        text = root.findtext(f".//{tag}") or next((e.attrib[tag] for e in root.iter() if tag in e.attrib), None)
        settings = json.loads(text) if text else None
    except (ElementTree.ParseError, ValueError, RecursionError):
        return None
    return settings if isinstance(settings, dict) else None

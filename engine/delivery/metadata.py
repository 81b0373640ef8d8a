"""What of a photo's metadata goes along: everything, only who made it and whose it is, or nothing."""

from __future__ import annotations

import struct
import xml.etree.ElementTree as ET
from dataclasses import replace
from typing import Final
from xml.sax.saxutils import escape

from engine.imageio.exif import read_tree, resized_block, serialise
from engine.types import Metadata

_ARTIST, _COPYRIGHT = 315, 33432
_IPTC_KEPT: Final = frozenset({(1, 90), (2, 80), (2, 85), (2, 110), (2, 116)})
"""Character set, by-line, its title, credit, copyright notice (IIM 4.2)."""
_DC: Final = "http://purl.org/dc/elements/1.1/"
_RIGHTS: Final = "http://ns.adobe.com/xap/1.0/rights/"
_RDF: Final = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_LANG: Final = "{http://www.w3.org/XML/1998/namespace}lang"


def kept(metadata: Metadata, policy: str, size: tuple[int, int] | None = None) -> Metadata:
    """What a policy ("all", "copyright" or "none") leaves. size: the picture's new size, if it has another now."""
    if policy == "none":
        return Metadata(dpi=metadata.dpi)
    if policy == "copyright":
        return Metadata(_exif(metadata.exif), _xmp(metadata.xmp), _iptc(metadata.iptc), metadata.dpi)
    if size is None or metadata.exif is None:
        return metadata
    return replace(metadata, exif=resized_block(metadata.exif, size))


def _exif(block: bytes | None) -> bytes | None:
    if not block:
        return None
    try:
        tree = read_tree(block)
    except ValueError:
        return None
    fields = {tag: tree.ifd0[tag] for tag in (_ARTIST, _COPYRIGHT) if tag in tree.ifd0}
    return serialise(tree.order, fields, {}, {}, {}) if fields else None


def _iptc(block: bytes | None) -> bytes | None:
    """The datasets on authorship. A damaged rest is left out."""
    at, out, some = 0, b"", False
    block = block or b""
    while at + 5 <= len(block) and block[at] == 0x1C:
        record, kind, length = struct.unpack_from(">BBH", block, at + 1)
        if length & 0x8000 or at + 5 + length > len(block):
            break
        if (record, kind) in _IPTC_KEPT:
            out += block[at : at + 5 + length]
            some |= record == 2
        at += 5 + length
    return out if some else None


def _xmp(packet: bytes | None) -> bytes | None:
    """A new packet with creator and rights."""
    if not packet or b"<!DOCTYPE" in packet or b"<!ENTITY" in packet:
        return None
    try:
        root = ET.fromstring(packet.rstrip(b"\0"))
    except (ET.ParseError, ValueError):
        return None
    creators = [_text(each) for each in root.findall(f".//{{{_DC}}}creator//{{{_RDF}}}li")]
    rights = [(each.get(_LANG, "x-default"), _text(each)) for each in root.findall(f".//{{{_DC}}}rights//{{{_RDF}}}li")]
    simple = {name: _simple(root, name) for name in ("Marked", "WebStatement")}
    body = ""
    if any(creators):
        body += (
            f"<dc:creator><rdf:Seq>{''.join(f'<rdf:li>{escape(c)}</rdf:li>' for c in creators)}</rdf:Seq></dc:creator>"
        )
    if any(text for _, text in rights):
        items = "".join(f'<rdf:li xml:lang="{escape(lang)}">{escape(text)}</rdf:li>' for lang, text in rights)
        body += f"<dc:rights><rdf:Alt>{items}</rdf:Alt></dc:rights>"
    body += "".join(f"<xmpRights:{n}>{escape(v)}</xmpRights:{n}>" for n, v in simple.items() if v)
    if not body:
        return None
    return (
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">'
        f'<rdf:RDF xmlns:rdf="{_RDF}"><rdf:Description rdf:about="" xmlns:dc="{_DC}" xmlns:xmpRights="{_RIGHTS}">'
        f'{body}</rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end="w"?>'
    ).encode()


def _simple(root: ET.Element, name: str) -> str:
    """A plain property, as an attribute or as an element."""
    key = f"{{{_RIGHTS}}}{name}"
    for description in root.iter(f"{{{_RDF}}}Description"):
        if key in description.attrib:
            return description.attrib[key]
    found = root.find(f".//{key}")
    return _text(found) if found is not None else ""


def _text(element: ET.Element) -> str:
    return (element.text or "").strip()

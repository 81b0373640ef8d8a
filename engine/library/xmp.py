"""Stars, colour label and flag in an XMP packet, edited byte by byte so that every other field stays as it was.

Properties (XMP part 1; Lightroom, Bridge, Capture One, darktable): `xmp:Rating` 0–5 or −1 for rejected, `xmp:Label` a
colour's name, `xmpDM:pick` 1, 0 or −1. darktable's own `darktable:colorlabels` is read where there is no `xmp:Label`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final
from xml.parsers import expat
from xml.sax.saxutils import escape, quoteattr

RDF: Final = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
XMP: Final = "http://ns.adobe.com/xap/1.0/"
XMP_DM: Final = "http://ns.adobe.com/xmp/1.0/DynamicMedia/"
DARKTABLE: Final = "http://darktable.sf.net/"
PREFIXES: Final = {XMP: "xmp", XMP_DM: "xmpDM"}
Name = tuple[str, str]
"""(namespace, local name)"""
RATING: Final[Name] = (XMP, "Rating")
LABEL: Final[Name] = (XMP, "Label")
PICK: Final[Name] = (XMP_DM, "pick")
COLOURS: Final[Name] = (DARKTABLE, "colorlabels")
KEYS: Final = (RATING, LABEL, PICK, COLOURS)
EMPTY: Final = (
    b'<?xpacket begin="\xef\xbb\xbf" id="W5M0MpCehiHzreSzNTczkc9d"?>\n'
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/">\n'
    b' <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">\n'
    b'  <rdf:Description rdf:about=""/>\n'
    b" </rdf:RDF>\n</x:xmpmeta>\n"
    b'<?xpacket end="w"?>\n'
)
_ATTRIBUTE = re.compile(rb"""\s+([^\s=/>]+)\s*=\s*("[^"]*"|'[^']*')""")
_MAX_BYTES: Final = 1 << 26


class BrokenXmp(ValueError):
    """The packet is not one that can be read or edited safely; the message completes "NAME …"."""


class Label(StrEnum):
    """Colour labels, under the names that Lightroom, Bridge and Capture One write."""

    NONE = ""
    RED = "Red"
    YELLOW = "Yellow"
    GREEN = "Green"
    BLUE = "Blue"
    PURPLE = "Purple"


class Flag(StrEnum):
    """Picked, rejected or neither."""

    NONE = ""
    PICK = "pick"
    REJECT = "reject"


@dataclass(frozen=True)
class Cull:
    """A person's verdict on a frame. stars: 0–5."""

    stars: int = 0
    label: Label = Label.NONE
    flag: Flag = Flag.NONE


def read(packet: bytes) -> Cull:
    """Stars, label and flag of a packet. Raises: BrokenXmp."""
    return verdict(packet) or Cull()


def verdict(packet: bytes) -> Cull | None:
    """The same, None if the packet holds none of the properties read here. Raises: BrokenXmp."""
    tree = _parse(packet)
    return _cull(tree) if tree.values else None


def edited(packet: bytes | None, cull: Cull) -> bytes:
    """The packet with this verdict; None starts a new one. What the packet says already is not written again.

    Raises: BrokenXmp if it cannot be read, or if the result would not say what it should.
    """
    packet = EMPTY if packet is None else packet
    tree = _parse(packet)
    before = _cull(tree)
    if cull == before:
        return packet
    changes: dict[Name, str | None] = {}
    rating = _number(tree.values.get(RATING))
    wanted = -1 if cull.flag is Flag.REJECT and cull.stars == 0 else cull.stars
    if wanted != (rating or 0):
        changes[RATING] = str(wanted)
    if cull.label is not before.label:
        # An empty label goes before darktable's own colours.
        changes[LABEL] = cull.label.value if cull.label or COLOURS in tree.values else None
    if cull.flag is not before.flag:
        changes[PICK] = {Flag.PICK: "1", Flag.REJECT: "-1", Flag.NONE: "0"}[cull.flag]
    out = _apply(packet, tree, changes)
    if read(out) != cull:
        raise BrokenXmp("says the same thing in two places")
    return out


# --- reading ----------------------------------------------------------------------------------------------------------


@dataclass
class _Place:
    """Where a property's value stands. whole: bytes to cut out when the property goes; value: bytes to replace, None
    for an element that closes itself."""

    whole: tuple[int, int]
    value: tuple[int, int] | None
    attribute: bool
    tag: bytes = b""


@dataclass
class _Tree:
    values: dict[Name, str] = field(default_factory=dict)
    places: dict[Name, list[_Place]] = field(default_factory=dict)
    description: tuple[int, Mapping[str, str]] | None = None
    """(byte after the name of the first description's tag, namespace → prefix bound there)."""


class _Reader:
    """Walks through a packet once, remembering places in bytes."""

    def __init__(self, packet: bytes) -> None:
        self.packet, self.tree = packet, _Tree()
        self.scopes: list[dict[str, str]] = [{}]
        self.declared: dict[str, str] = {}
        self.path: list[str] = []
        self.open: tuple[Name, int, int, int, bytes] | None = None
        self.text: list[str] = []
        self.parser = expat.ParserCreate(namespace_separator=" ")
        self.parser.namespace_prefixes = True
        self.parser.StartNamespaceDeclHandler = self._declare
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self.text.append
        self.parser.StartDoctypeDeclHandler = _refuse_doctype

    def run(self) -> _Tree:
        self.parser.Parse(self.packet, True)
        return self.tree

    def _declare(self, prefix: str | None, uri: str) -> None:
        self.declared[uri] = prefix or ""

    def _start(self, name: str, attributes: Mapping[str, str]) -> None:
        self.scopes.append({**self.scopes[-1], **self.declared})
        self.declared = {}
        key, begin, depth = _split(name), self.parser.CurrentByteIndex, len(self.path)
        self.path.append(name)
        if key == (RDF, "Description") and depth and _split(self.path[-2]) == (RDF, "RDF"):
            self._describe(begin, _tag_end(self.packet, begin), attributes)
        elif key in KEYS and [_split(each) for each in self.path[-3:-1]] == [(RDF, "RDF"), (RDF, "Description")]:
            self.open = (key, depth, begin, _tag_end(self.packet, begin), _tag_name(self.packet, begin))
            self.text.clear()

    def _describe(self, begin: int, end: int, attributes: Mapping[str, str]) -> None:
        if self.tree.description is None:
            after = begin + 1 + len(_tag_name(self.packet, begin))
            self.tree.description = (after, dict(self.scopes[-1]))
        prefixes = {prefix: uri for uri, prefix in self.scopes[-1].items()}
        spans = {match[1]: match for match in _ATTRIBUTE.finditer(self.packet, begin, end)}
        for raw, match in spans.items():
            prefix, _, local = raw.decode("utf-8", "replace").partition(":")
            key = (prefixes.get(prefix, ""), local)
            if key in (RATING, LABEL, PICK):
                self.tree.values[key] = next(v for k, v in attributes.items() if _split(k) == key)
                inner = (match.start(2) + 1, match.end(2) - 1)
                self.tree.places.setdefault(key, []).append(_Place(match.span(), inner, True))

    def _end(self, name: str) -> None:
        self.scopes.pop()
        self.path.pop()
        if self.open is None or len(self.path) != self.open[1]:
            return
        key, _, begin, end, tag = self.open
        self.open = None
        self.tree.values[key] = "".join(self.text).strip()
        if self.packet[end - 2 : end] == b"/>":
            place = _Place((begin, end), None, False, tag)
        else:
            close = self.parser.CurrentByteIndex
            place = _Place((begin, _tag_end(self.packet, close)), (end, close), False, tag)
        self.tree.places.setdefault(key, []).append(place)


def _parse(packet: bytes) -> _Tree:
    if len(packet) > _MAX_BYTES:
        raise BrokenXmp("is far too large for a sidecar")
    if packet[:2] in (b"\xff\xfe", b"\xfe\xff") or b"\0" in packet[:64]:
        raise BrokenXmp("is not written in UTF-8")
    try:
        tree = _Reader(packet.rstrip(b"\0")).run()
    except (expat.ExpatError, UnicodeError, StopIteration, ValueError) as error:
        if isinstance(error, BrokenXmp):
            raise
        raise BrokenXmp(f"is damaged ({error})") from error
    if tree.description is None:
        raise BrokenXmp("holds no description of a photo")
    return tree


def _refuse_doctype(*_: object) -> None:
    raise BrokenXmp("declares entities, which no XMP needs")


def _split(name: str) -> Name:
    parts = name.split(" ")
    return (parts[0], parts[1]) if len(parts) > 1 else ("", parts[0])


def _tag_end(packet: bytes, begin: int) -> int:
    """The byte after the ">" of the tag that begins here; ">" in a quoted value does not count."""
    quote = 0
    for at in range(begin, len(packet)):
        byte = packet[at]
        if quote:
            quote = 0 if byte == quote else quote
        elif byte in b"\"'":
            quote = byte
        elif byte == 0x3E:
            return at + 1
    raise BrokenXmp("is cut off")


def _tag_name(packet: bytes, begin: int) -> bytes:
    match = re.compile(rb"[^\s/>]+").match(packet, begin + 1)
    if match is None:
        raise BrokenXmp("is damaged")
    return match[0]


def _number(text: str | None) -> int | None:
    try:
        return None if text is None else round(float(text))
    except (ValueError, OverflowError):
        return None


def _cull(tree: _Tree) -> Cull:
    rating, pick = _number(tree.values.get(RATING)), _number(tree.values.get(PICK))
    stars = min(max(rating or 0, 0), 5)
    flag = Flag.REJECT if rating == -1 or pick == -1 else Flag.PICK if pick == 1 else Flag.NONE
    if LABEL in tree.values:
        named = {label.value.casefold(): label for label in Label}
        return Cull(stars, named.get(tree.values[LABEL].casefold(), Label.NONE), flag)
    first = re.search(r"[0-4]", tree.values.get(COLOURS, ""))
    return Cull(stars, list(Label)[int(first[0]) + 1] if first else Label.NONE, flag)


# --- writing ----------------------------------------------------------------------------------------------------------


def _apply(packet: bytes, tree: _Tree, changes: Mapping[Name, str | None]) -> bytes:
    """All changes as byte splices, from the end to the start."""
    splices: list[tuple[int, int, bytes]] = []
    added = b""
    assert tree.description is not None
    after, bound = tree.description[0], dict(tree.description[1])
    for key, value in changes.items():
        places = tree.places.get(key, [])
        for place in places:
            splices.append(_splice(place, value))
        if not places and value is not None:
            added += _attribute(key, value, bound)
    if added:
        splices.append((after, after, added))
    out = packet
    for begin, end, text in sorted(splices, reverse=True):
        out = out[:begin] + text + out[end:]
    return out


def _splice(place: _Place, value: str | None) -> tuple[int, int, bytes]:
    if value is None:
        return (*place.whole, b"")
    if place.attribute:
        assert place.value is not None
        return (*place.value, quoteattr(value).encode()[1:-1])
    if place.value is None:
        return (*place.whole, b"<" + place.tag + b">" + escape(value).encode() + b"</" + place.tag + b">")
    return (*place.value, escape(value).encode())


def _attribute(key: Name, value: str, bound: dict[str, str]) -> bytes:
    """A property as an attribute, with a namespace declaration where none is in reach."""
    namespace, local = key
    prefix = bound.get(namespace, "")
    declaration = ""
    if not prefix:
        taken, prefix = set(bound.values()), PREFIXES[namespace]
        while prefix in taken:
            prefix += "1"
        declaration = f' xmlns:{prefix}="{namespace}"'
        bound[namespace] = prefix
    return f"{declaration} {prefix}:{local}={quoteattr(value)}".encode()

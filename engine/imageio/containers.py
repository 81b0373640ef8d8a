"""The containers around pixels: JPEG segments, PNG chunks, RIFF (WebP) chunks, Photoshop resources.

Readers return the raw metadata blocks of a file, writers put them around an encoded picture. No pixel is touched here.
"""

from __future__ import annotations

import hashlib
import re
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field

_EXIF, _XMP, _XMP_EXTENSION = b"Exif\0\0", b"http://ns.adobe.com/xap/1.0/\0", b"http://ns.adobe.com/xmp/extension/\0"
_ICC, _PHOTOSHOP = b"ICC_PROFILE\0", b"Photoshop 3.0\0"
_IPTC_RESOURCE = 0x0404
_CREDENTIALS_NOTE = "Content Credentials are not carried over; they vouch for the unedited file only."
_INFLATE_LIMIT = 1 << 25
_SEGMENT_LIMIT = 65533
_XMP_KEYWORD = b"XML:com.adobe.xmp"
_PNG_METADATA = (b"iCCP", b"eXIf", b"pHYs", b"iTXt", b"zTXt", b"tEXt")


class BrokenContainer(ValueError):
    """The file's structure is damaged; the message completes "NAME …"."""


@dataclass
class Blocks:
    """What a container holds besides pixels, as found. size: (width, height) as stored; channels: colour channels of a
    JPEG (1, 3, 4); frames: number of pictures; adobe: the JPEG has Adobe's marker (its CMYK is inverted)."""

    size: tuple[int, int] = (0, 0)
    channels: int = 3
    frames: int = 1
    adobe: bool = False
    icc: bytes | None = None
    exif: bytes | None = None
    xmp: bytes | None = None
    iptc: bytes | None = None
    dpi: tuple[float, float] | None = None
    notes: list[str] = field(default_factory=list)


# --- JPEG (ITU T.81, JFIF 1.02, ICC.1 annex B, XMP part 3) ------------------------------------------------------------


def jpeg_blocks(data: bytes) -> Blocks:
    """Blocks of a JPEG. Raises: BrokenContainer if it is cut off."""
    found = Blocks()
    icc: dict[int, bytes] = {}
    icc_count = 0
    photoshop = b""
    extension: dict[int, bytes] = {}
    for marker, body in _segments(data):
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC) and len(body) >= 6:
            height, width, found.channels = struct.unpack_from(">HHB", body, 1)
            found.size = (width, height)
        elif marker == 0xE0 and body[:5] == b"JFIF\0" and len(body) >= 12:
            found.dpi = _density(*struct.unpack_from(">BHH", body, 7))
        elif marker == 0xE1 and body.startswith(_EXIF):
            found.exif = found.exif or body[len(_EXIF) :]
        elif marker == 0xE1 and body.startswith(_XMP):
            found.xmp = found.xmp or body[len(_XMP) :]
        elif marker == 0xE1 and body.startswith(_XMP_EXTENSION):
            head = len(_XMP_EXTENSION) + 32
            extension[struct.unpack_from(">I", body, head + 4)[0]] = body[head + 8 :]
        elif marker == 0xE2 and body.startswith(_ICC) and len(body) >= 14:
            icc[body[12]], icc_count = body[14:], body[13]
        elif marker == 0xE2 and body.startswith(b"MPF\0"):
            found.notes.append("Only the main picture is kept; the file holds others (a preview or a gain map).")
        elif marker == 0xEB and b"c2pa" in body and _CREDENTIALS_NOTE not in found.notes:
            found.notes.append(_CREDENTIALS_NOTE)
        elif marker == 0xED and body.startswith(_PHOTOSHOP):
            photoshop += body[len(_PHOTOSHOP) :]
        elif marker == 0xEE and body.startswith(b"Adobe"):
            found.adobe = True
    if icc:
        found.icc = b"".join(icc[i] for i in sorted(icc)) if sorted(icc) == list(range(1, icc_count + 1)) else b""
    if extension and found.xmp:
        found.xmp = merge_extended_xmp(found.xmp, b"".join(extension[i] for i in sorted(extension)))
    found.iptc = photoshop_iptc(photoshop)
    return found


def _segments(data: bytes) -> Iterator[tuple[int, bytes]]:
    """(marker, body) up to the scan; proves that the scan ends."""
    at = 2
    while True:
        if at + 4 > len(data):
            raise BrokenContainer("is cut off")
        if data[at] != 0xFF:
            raise BrokenContainer("is damaged")
        marker = data[at + 1]
        if marker in (0xFF, 0x01) or 0xD0 <= marker <= 0xD7:
            at += 1 if marker == 0xFF else 2
            continue
        if marker == 0xD9:
            raise BrokenContainer("holds no picture")
        length = struct.unpack_from(">H", data, at + 2)[0]
        if at + 2 + length > len(data):
            raise BrokenContainer("is cut off")
        yield marker, data[at + 4 : at + 2 + length]
        at += 2 + length
        if marker == 0xDA:
            # Within a scan 0xFF is followed by 0 or a restart marker, so the first 0xFFD9 is the end of the picture.
            if data.find(b"\xff\xd9", at) < 0:
                raise BrokenContainer("is cut off")
            return


def _density(unit: int, x: int, y: int) -> tuple[float, float] | None:
    factor = {1: 1.0, 2: 2.54}.get(unit)
    return (x * factor, y * factor) if factor and x and y else None


def jpeg_with(encoded: bytes, blocks: Blocks) -> list[bytes]:
    """An encoded JPEG with these blocks, as pieces to write. Blocks that are too large must have been cut before."""
    at = 2
    while encoded[at : at + 1] == b"\xff" and 0xE0 <= encoded[at + 1] <= 0xEF:
        at += 2 + struct.unpack_from(">H", encoded, at + 2)[0]
    x, y = blocks.dpi or (0, 0)
    unit, x, y = (1, min(round(x), 65535), min(round(y), 65535)) if x >= 1 and y >= 1 else (0, 1, 1)
    out = [b"\xff\xd8", _segment(0xE0, struct.pack(">5sHBHHBB", b"JFIF\0", 0x102, unit, x, y, 0, 0))]
    if blocks.exif:
        out.append(_segment(0xE1, _EXIF + blocks.exif))
    if blocks.xmp:
        out += _xmp_segments(blocks.xmp)
    if blocks.iptc:
        body = _PHOTOSHOP + photoshop_resource(blocks.iptc)
        out.append(_segment(0xED, body))
    if blocks.icc:
        size = _SEGMENT_LIMIT - 14
        parts = [blocks.icc[i : i + size] for i in range(0, len(blocks.icc), size)]
        out += [_segment(0xE2, _ICC + bytes((i + 1, len(parts))) + part) for i, part in enumerate(parts)]
    return [*out, encoded[at:]]


def _segment(marker: int, body: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body


def jpeg_fits(block: bytes, kind: str) -> bool:
    """Whether a block fits into one JPEG segment. kind: "exif" or "iptc"."""
    overhead = len(_EXIF) if kind == "exif" else len(_PHOTOSHOP) + 13
    return len(block) + overhead <= _SEGMENT_LIMIT


def _xmp_segments(xmp: bytes) -> list[bytes]:
    """One segment, or a standard packet that points to an extended one (XMP part 3, section 1.1.3.1)."""
    if len(xmp) + len(_XMP) > _SEGMENT_LIMIT:
        xmp = re.sub(rb"\s+(?=<\?xpacket end)", b"\n", xmp)
    if len(xmp) + len(_XMP) <= _SEGMENT_LIMIT:
        return [_segment(0xE1, _XMP + xmp)]
    body = re.search(rb"<x:xmpmeta.*</x:xmpmeta>", xmp, re.DOTALL)
    whole = body[0] if body else xmp
    guid = hashlib.md5(whole, usedforsecurity=False).hexdigest().upper().encode()
    main = (
        b'<?xpacket begin="\xef\xbb\xbf" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">'
        b'<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about="" '
        b'xmlns:xmpNote="http://ns.adobe.com/xmp/note/" xmpNote:HasExtendedXMP="' + guid + b'"/></rdf:RDF></x:xmpmeta>'
        b'<?xpacket end="w"?>'
    )
    step = 65400
    return [_segment(0xE1, _XMP + main)] + [
        _segment(0xE1, _XMP_EXTENSION + guid + struct.pack(">II", len(whole), i) + whole[i : i + step])
        for i in range(0, len(whole), step)
    ]


def merge_extended_xmp(main: bytes, extended: bytes) -> bytes:
    """One packet of a standard and an extended one: the extension's descriptions are added to the standard RDF."""
    main = re.sub(rb'\s*xmpNote:HasExtendedXMP="[^"]*"', b"", main)
    main = re.sub(rb"<xmpNote:HasExtendedXMP>[^<]*</xmpNote:HasExtendedXMP>", b"", main)
    inner = re.search(rb"<rdf:RDF[^>]*>(.*)</rdf:RDF>", extended, re.DOTALL)
    end = main.rfind(b"</rdf:RDF>")
    if inner is None or end < 0:
        return main
    return main[:end] + inner[1] + main[end:]


# --- Photoshop resources ----------------------------------------------------------------------------------------------


def photoshop_iptc(resources: bytes) -> bytes | None:
    """The IIM block (resource 0x0404) of a run of 8BIM resources."""
    at = 0
    while at + 12 <= len(resources) and resources[at : at + 4] == b"8BIM":
        kind = struct.unpack_from(">H", resources, at + 4)[0]
        name = (resources[at + 6] + 2) & ~1
        size = struct.unpack_from(">I", resources.ljust(at + 10 + name, b"\0"), at + 6 + name)[0]
        start = at + 10 + name
        if kind == _IPTC_RESOURCE:
            return resources[start : start + size] or None
        at = start + size + (size & 1)
    return None


def photoshop_resource(iptc: bytes) -> bytes:
    """An IIM block as an 8BIM resource."""
    return b"8BIM" + struct.pack(">HHI", _IPTC_RESOURCE, 0, len(iptc)) + iptc + b"\0" * (len(iptc) & 1)


# --- PNG (third edition) ----------------------------------------------------------------------------------------------


def png_blocks(data: bytes) -> Blocks:
    """Blocks of a PNG. Raises: BrokenContainer if it is cut off."""
    found = Blocks()
    for kind, body, intact in _chunks(data):
        if not intact:
            found.notes.append(f"A damaged {kind.decode('latin-1')} block was left out.")
            found.icc = b"" if kind == b"iCCP" else found.icc
        elif kind == b"IHDR":
            found.size = struct.unpack_from(">II", body)
        elif kind == b"caBX":
            found.notes.append(_CREDENTIALS_NOTE)
        elif kind == b"acTL":
            found.frames = struct.unpack_from(">I", body)[0]
        elif kind == b"iCCP":
            found.icc = _inflate(body.partition(b"\0")[2][1:]) or b""
        elif kind == b"eXIf":
            found.exif = body.removeprefix(_EXIF)
        elif kind == b"pHYs" and len(body) == 9 and body[8] == 1:
            x, y = struct.unpack_from(">II", body)
            found.dpi = (x * 0.0254, y * 0.0254) if x and y else None
        elif kind in (b"iTXt", b"zTXt", b"tEXt"):
            _read_text(found, kind, body)
    return found


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes, bool]]:
    """(name, body, whether a metadata chunk's checksum fits); picture data is left to the decoder."""
    at = 8
    while at + 12 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        if at + 12 + length > len(data):
            break
        body = b"" if kind in (b"IDAT", b"fdAT") else data[at + 8 : at + 8 + length]
        checksum = struct.unpack_from(">I", data, at + 8 + length)[0]
        yield kind, body, kind not in _PNG_METADATA or zlib.crc32(kind + body) == checksum
        if kind == b"IEND":
            return
        at += 12 + length
    raise BrokenContainer("is cut off")


def _read_text(found: Blocks, kind: bytes, body: bytes) -> None:
    keyword, _, rest = body.partition(b"\0")
    if kind == b"iTXt":
        if keyword == _XMP_KEYWORD and len(rest) >= 2:
            text = rest[2:].split(b"\0", 2)[-1]
            found.xmp = _inflate(text) if rest[0] else text
        return
    text = _inflate(rest[1:]) or b"" if kind == b"zTXt" else rest
    profile = _raw_profile(text)
    if keyword == b"Raw profile type iptc" and profile:
        found.iptc = photoshop_iptc(profile) if profile.startswith(b"8BIM") else profile
    elif keyword in (b"Raw profile type exif", b"Raw profile type APP1") and profile and not found.exif:
        found.exif = profile.removeprefix(_EXIF) if not profile.startswith(_XMP) else None
    elif keyword == b"Raw profile type xmp" and profile and not found.xmp:
        found.xmp = profile


def _raw_profile(text: bytes) -> bytes | None:
    """ImageMagick's and ExifTool's hexadecimal profile: newline, name, length, hexadecimal lines."""
    parts = text.split(None, 2)
    try:
        return bytes.fromhex(b"".join(parts[2].split()).decode("ascii"))[: int(parts[1])]
    except (IndexError, ValueError):
        return None


def _inflate(data: bytes) -> bytes | None:
    """Decompressed bytes, None if damaged or implausibly large."""
    stream = zlib.decompressobj()
    try:
        out = stream.decompress(data, _INFLATE_LIMIT)
    except zlib.error:
        return None
    return out if stream.eof else None


def png_with(encoded: bytes, blocks: Blocks) -> list[bytes]:
    """An encoded PNG with these blocks after its header, as pieces to write."""
    end = 8 + 12 + struct.unpack_from(">I", encoded, 8)[0]
    out = [encoded[:end]]
    if blocks.icc:
        out.append(_chunk(b"iCCP", b"ICC profile\0\0" + zlib.compress(blocks.icc, 9)))
    if blocks.dpi and min(blocks.dpi) > 0:
        out.append(_chunk(b"pHYs", struct.pack(">IIB", *(round(value / 0.0254) for value in blocks.dpi), 1)))
    if blocks.exif:
        out.append(_chunk(b"eXIf", blocks.exif))
    if blocks.xmp:
        out.append(_chunk(b"iTXt", _XMP_KEYWORD + bytes(5) + blocks.xmp))
    if blocks.iptc:
        resource = photoshop_resource(blocks.iptc)
        text = resource.hex()
        lines = "\n".join(text[i : i + 72] for i in range(0, len(text), 72))
        profile = f"\niptc\n{len(resource):8d}\n{lines}\n".encode("ascii")
        out.append(_chunk(b"zTXt", b"Raw profile type iptc\0\0" + zlib.compress(profile)))
    return [*out, encoded[end:]]


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


# --- WebP (RFC 9649) --------------------------------------------------------------------------------------------------


def webp_blocks(data: bytes) -> Blocks:
    """Blocks of a WebP. Raises: BrokenContainer if it is cut off."""
    found = Blocks()
    total = struct.unpack_from("<I", data, 4)[0] + 8
    if total > len(data) + 1:
        raise BrokenContainer("is cut off")
    at, pictures = 12, 0
    while at + 8 <= min(total, len(data)):
        kind, size = struct.unpack_from("<4sI", data, at)
        body = data[at + 8 : at + 8 + size]
        if kind == b"VP8X" and size >= 10:
            found.size = tuple(1 + int.from_bytes(body[i : i + 3], "little") for i in (4, 7))  # type: ignore[assignment]
        elif kind == b"VP8 " and found.size == (0, 0):
            width, height = struct.unpack_from("<HH", body, 6)
            found.size = (width & 0x3FFF, height & 0x3FFF)
        elif kind == b"VP8L" and found.size == (0, 0):
            bits = int.from_bytes(body[1:5], "little")
            found.size = ((bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1)
        elif kind == b"ANMF":
            pictures += 1
        elif kind == b"ICCP":
            found.icc = body
        elif kind == b"EXIF":
            found.exif = body.removeprefix(_EXIF)
        elif kind == b"XMP ":
            found.xmp = body
        at += 8 + size + (size & 1)
    found.frames = max(pictures, 1)
    return found


# --- HEIF (ISO/IEC 14496-12) ------------------------------------------------------------------------------------------


def check_heic_items(data: bytes) -> None:
    """Prove that the names and types of the file's items are text.

    WORKAROUND: pi-heif 1.4 ends the process where they are not (pillow-heif 1.8 has it repaired).
    Raises: BrokenContainer.
    """
    at = 0
    while at + 8 <= len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        size = struct.unpack_from(">Q", data, at + 8)[0] if size == 1 and at + 16 <= len(data) else size
        if kind == b"meta":
            meta = data[at : at + size if size else None]
            for match in re.finditer(rb"(.{4})infe(.)", meta, re.DOTALL):
                end = match.start() + struct.unpack(">I", match[1])[0]
                text = match.end() + (9 if match[2] == b"\3" else 7)
                if not meta[text:end].isascii():
                    raise BrokenContainer("is damaged")
        if size < 8:
            return
        at += size

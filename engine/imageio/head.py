"""What the first bytes of a photo's file say: time of capture, orientation, profile, XMP, and its embedded preview.

Nothing is decoded and the file is not read to its end, so this is quick for a folder of hundreds of photos.
"""

from __future__ import annotations

import struct
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from engine.imageio.exif import EXIF_IFD, ICC_TAG, ORIENTATION, XMP_TAG, Tree, read_tree, thumbnail_of

_HEAD_BYTES: Final = 1 << 18
_EXIF, _XMP, _ICC = b"Exif\0\0", b"http://ns.adobe.com/xap/1.0/\0", b"ICC_PROFILE\0"
_CAPTURED: Final = ((EXIF_IFD, 36867), (EXIF_IFD, 36868), (0, 306))


@dataclass(frozen=True)
class Head:
    """captured: "YYYY:MM:DD hh:mm:ss" or empty. orientation: EXIF 1–8. preview: a JPEG of IFD1, not turned."""

    captured: str = ""
    orientation: int = 1
    icc: bytes | None = None
    xmp: bytes | None = None
    preview: bytes | None = None


def read_head(path: Path) -> Head:
    """What a file's head says; nothing where it says nothing or is damaged. Raises: OSError."""
    with path.open("rb") as file:
        data = file.read(_HEAD_BYTES)
    with suppress(ValueError, struct.error, IndexError):
        if data.startswith(b"\xff\xd8"):
            return _of_jpeg(data)
        if data.startswith(b"\x89PNG"):
            return _of_png(data)
        if data[:2] in (b"II", b"MM"):
            return _of_tree(read_tree(data), data)
    return Head()


def _of_jpeg(data: bytes) -> Head:
    at, exif, xmp, icc = 2, b"", None, {}
    while at + 4 <= len(data) and data[at] == 0xFF and data[at + 1] not in (0xDA, 0xD9):
        marker, length = data[at + 1], struct.unpack_from(">H", data, at + 2)[0]
        body = data[at + 4 : at + 2 + length]
        if marker == 0xE1 and body.startswith(_EXIF):
            exif = exif or body[len(_EXIF) :]
        elif marker == 0xE1 and body.startswith(_XMP):
            xmp = xmp or body[len(_XMP) :]
        elif marker == 0xE2 and body.startswith(_ICC) and len(body) > 14:
            icc[body[12]] = body[14:]
        at += 2 + length
    profile = b"".join(icc[number] for number in sorted(icc)) or None
    return _of_exif(exif, profile, xmp)


def _of_png(data: bytes) -> Head:
    at, exif, xmp = 8, b"", None
    while at + 12 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        body = data[at + 8 : at + 8 + length]
        if kind == b"IDAT":
            break
        if kind == b"eXIf":
            exif = body.removeprefix(_EXIF)
        elif kind == b"iTXt" and body.startswith(b"XML:com.adobe.xmp\0\0"):
            xmp = body[len(b"XML:com.adobe.xmp") + 3 :].split(b"\0", 2)[-1]
        at += 12 + length
    return _of_exif(exif, None, xmp)


def _of_exif(exif: bytes, icc: bytes | None, xmp: bytes | None) -> Head:
    with suppress(ValueError, struct.error, IndexError):
        tree = read_tree(exif)
        return Head(_captured(tree), _orientation(tree), icc, xmp, thumbnail_of(exif, tree))
    return Head(icc=icc, xmp=xmp)


def _of_tree(tree: Tree, data: bytes) -> Head:
    """Of a TIFF or raw file; values beyond the head are missing."""

    def raw(tag: int) -> bytes | None:
        return tree.ifd0[tag].data if tag in tree.ifd0 else None

    return Head(_captured(tree), _orientation(tree), raw(ICC_TAG), raw(XMP_TAG), thumbnail_of(data, tree))


def _captured(tree: Tree) -> str:
    for directory, tag in _CAPTURED:
        entry = tree.directories.get(directory, {}).get(tag)
        text = entry.data.rstrip(b"\0 ").decode("ascii", "replace") if entry else ""
        if len(text) >= 19 and text[:4].isdigit() and text[:4] != "0000":
            return text[:19]
    return ""


def _orientation(tree: Tree) -> int:
    value = tree.number(0, ORIENTATION) or 1
    return value if 1 <= value <= 8 else 1

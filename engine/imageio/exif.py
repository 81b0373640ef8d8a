"""TIFF directories as raw bytes: what EXIF blocks, TIFF files and most raw files are made of (TIFF 6.0, EXIF 2.32).

Values are never decoded and written anew: a block is patched in place, or its entries are copied byte for byte in the
block's own byte order, so that every field, known or not, survives.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

Buffer = bytes | bytearray

ORIENTATION, EXIF_IFD, GPS_IFD, INTEROP_IFD, SUB_IFDS = 274, 34665, 34853, 40965, 330
XMP_TAG, IPTC_TAG, ICC_TAG, DNG_VERSION = 700, 33723, 34675, 50706
PIXEL_WIDTH, PIXEL_HEIGHT, MAKER_NOTE = 40962, 40963, 37500
_POINTERS = (EXIF_IFD, GPS_IFD, INTEROP_IFD)
_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
_MAX_ENTRIES = 4096
_MAX_VALUE = 1 << 26
_MAX_PADDING = 1 << 15

STRUCTURE = frozenset(
    {*range(254, 260), 262, 263, 264, 265, 266, 273, 274, *range(277, 282), 284, *range(288, 293), 297, 301, 317}
    | {318, 319, 320, *range(322, 326), 330, *range(332, 348), *range(512, 533), 700, 33421, 33422, 33723, 34377, 34675}
    | {37724, 37393, 37398, 50215, 50216}
)
"""IFD0 tags that describe how a file stores its pixels, or that hold blocks kept elsewhere (XMP, IPTC, ICC, Photoshop
layers and thumbnails). Never copied from one file to another."""


@dataclass(frozen=True)
class Entry:
    """One field: TIFF type, number of values, their bytes in the byte order of the block, and where they were found."""

    kind: int
    count: int
    data: bytes
    offset: int = 0


Directory = dict[int, Entry]


@dataclass
class Tree:
    """IFD0 with its EXIF, GPS and interoperability directories. `order` is "<" or ">"; `position` the byte at which an
    IFD0 entry starts (for patching); `next_ifd` the offset of IFD1, 0 if none."""

    order: str
    directories: dict[int, Directory] = field(default_factory=dict)
    positions: dict[tuple[int, int], int] = field(default_factory=dict)
    next_ifd: int = 0
    next_position: int = 0

    @property
    def ifd0(self) -> Directory:
        return self.directories[0]

    def number(self, directory: int, tag: int) -> int | None:
        """First value of an integer field, None if absent or of another type."""
        entry = self.directories.get(directory, {}).get(tag)
        code = {1: "B", 3: "H", 4: "I", 13: "I", 16: "Q", 18: "Q"}.get(entry.kind) if entry else None
        if entry is None or code is None or entry.count < 1:
            return None
        return int(struct.unpack_from(self.order + code, entry.data)[0])


def read_tree(data: Buffer) -> Tree:
    """Parse a TIFF-structured block or file (classic, BigTIFF, and the Olympus and Panasonic variants).

    Raises: ValueError if the structure is damaged.
    """
    order = {b"II": "<", b"MM": ">"}.get(bytes(data[:2]))
    if order is None or len(data) < 14:
        raise ValueError("not a TIFF structure")
    big = struct.unpack_from(order + "H", data, 2)[0] == 43
    tree = Tree(order)
    first = struct.unpack_from(order + ("Q" if big else "I"), data, 8 if big else 4)[0]
    _read_directory(data, tree, 0, first, big)
    for parent, tag in ((0, EXIF_IFD), (0, GPS_IFD), (EXIF_IFD, INTEROP_IFD)):
        offset = tree.number(parent, tag)
        if offset:
            _read_directory(data, tree, tag, offset, big)
    return tree


def _read_directory(data: Buffer, tree: Tree, name: int, offset: int, big: bool = False) -> None:
    directory: Directory = {}
    for tag, kind, count, where, position in _entries(data, tree.order, offset, big):
        size = _SIZES.get(kind, 0) * count
        if size > _MAX_VALUE or where + size > len(data):
            if name == 0 and tag in (XMP_TAG, IPTC_TAG, ICC_TAG):
                raise ValueError(f"field {tag} is cut off")
            continue
        if size or count == 0:
            directory[tag] = Entry(kind, count, bytes(data[where : where + size]), where)
            tree.positions[name, tag] = position
    tree.directories[name] = directory
    if name == 0:
        tree.next_position = offset + 2 + 12 * _count(data, tree.order, offset, big)
        if not big and tree.next_position + 4 <= len(data):
            tree.next_ifd = struct.unpack_from(tree.order + "I", data, tree.next_position)[0]


def _count(data: Buffer, order: str, offset: int, big: bool) -> int:
    if not 8 <= offset <= len(data) - 2:
        raise ValueError(f"directory at {offset} lies outside")
    count = int(struct.unpack_from(order + ("Q" if big else "H"), data, offset)[0])
    if count > _MAX_ENTRIES or offset + count * (20 if big else 12) > len(data):
        raise ValueError(f"directory at {offset} is damaged")
    return count


def _entries(data: Buffer, order: str, offset: int, big: bool) -> Iterator[tuple[int, int, int, int, int]]:
    """(tag, type, count, offset of the value, offset of the entry) of each field."""
    inline, step, head = (8, 20, 8) if big else (4, 12, 2)
    for i in range(_count(data, order, offset, big)):
        position = offset + head + step * i
        tag, kind, count = struct.unpack_from(order + ("HHQ" if big else "HHI"), data, position)
        where = position + step - inline
        if _SIZES.get(kind, 0) * count > inline:
            where = struct.unpack_from(order + ("Q" if big else "I"), data, where)[0]
        yield tag, kind, count, where, position


def upright_block(block: bytes, *, swap: bool) -> bytes:
    """An EXIF block with orientation 1 and no thumbnail; everything else stays byte for byte where it was.

    swap: exchange PixelXDimension and PixelYDimension (the picture was turned by a quarter).
    Raises: ValueError if the block is damaged.
    """
    tree = read_tree(block)
    out = bytearray(block)
    if (position := tree.positions.get((0, ORIENTATION))) is not None:
        struct.pack_into(tree.order + "HII", out, position + 2, 3, 1, 0)
        struct.pack_into(tree.order + "H", out, position + 8, 1)
    width, height = (tree.positions.get((EXIF_IFD, tag)) for tag in (PIXEL_WIDTH, PIXEL_HEIGHT))
    if swap and width is not None and height is not None:
        out[width + 2 : width + 12], out[height + 2 : height + 12] = (
            out[height + 2 : height + 12],
            out[width + 2 : width + 12],
        )
    return _without_thumbnail(out, tree)


def resized_block(block: bytes, size: tuple[int, int]) -> bytes:
    """An EXIF block whose PixelXDimension and PixelYDimension, where present, say this (width, height)."""
    try:
        tree = read_tree(block)
    except ValueError:
        return block
    out = bytearray(block)
    for tag, value in zip((PIXEL_WIDTH, PIXEL_HEIGHT), size, strict=True):
        entry, position = tree.directories.get(EXIF_IFD, {}).get(tag), tree.positions.get((EXIF_IFD, tag))
        if entry is not None and position is not None and entry.count == 1 and entry.kind in (3, 4):
            struct.pack_into(tree.order + "HII", out, position + 2, 4, 1, value)
    return bytes(out)


def _without_thumbnail(block: bytearray, tree: Tree) -> bytes:
    """Unlink IFD1 and blank its picture (it would show the photo unretouched, or turned)."""
    if not tree.next_ifd:
        return bytes(block)
    thumbnail = Tree(tree.order)
    end = len(block)
    try:
        _read_directory(block, thumbnail, 1, tree.next_ifd)
    except ValueError:
        thumbnail.directories[1] = {}
    for offset_tag, size_tag in ((513, 514), (273, 279)):
        start, size = thumbnail.number(1, offset_tag), thumbnail.number(1, size_tag)
        if start and size and start >= 8 and start + size <= len(block):
            block[start : start + size] = bytes(size)
            if start + size >= len(block) - 1:
                end = start
    struct.pack_into(tree.order + "I", block, tree.next_position, 0)
    return bytes(block[: max(end, tree.next_position + 4, tree.next_ifd)])


def thumbnail_of(block: Buffer, tree: Tree) -> bytes | None:
    """The JPEG of IFD1, None if there is none in the block."""
    if not tree.next_ifd:
        return None
    thumbnail = Tree(tree.order)
    try:
        _read_directory(block, thumbnail, 1, tree.next_ifd)
    except ValueError:
        return None
    start, size = thumbnail.number(1, 513), thumbnail.number(1, 514)
    found = bytes(block[start : start + size]) if start and size else b""
    return found if len(found) == size and found.startswith(b"\xff\xd8") else None


def build_block(tree: Tree, *, swap: bool = False, raw: bool = False) -> bytes | None:
    """An EXIF block from the directories of a TIFF or raw file, without the tags that describe its pixels.

    swap: as in `upright_block`. raw: drop the DNG tags and the sensor's dimensions too.
    """
    ifd0 = {tag: entry for tag, entry in tree.ifd0.items() if tag not in STRUCTURE and tag not in _POINTERS}
    if raw:
        ifd0 = {tag: entry for tag, entry in ifd0.items() if not 50706 <= tag <= 52600}
    if ORIENTATION in tree.ifd0:
        ifd0[ORIENTATION] = Entry(3, 1, struct.pack(tree.order + "H", 1))
    exif = {tag: entry for tag, entry in tree.directories.get(EXIF_IFD, {}).items() if tag != INTEROP_IFD}
    if raw:
        exif = {tag: entry for tag, entry in exif.items() if tag not in (PIXEL_WIDTH, PIXEL_HEIGHT)}
    elif swap and PIXEL_WIDTH in exif and PIXEL_HEIGHT in exif:
        exif[PIXEL_WIDTH], exif[PIXEL_HEIGHT] = exif[PIXEL_HEIGHT], exif[PIXEL_WIDTH]
    gps, interop = tree.directories.get(GPS_IFD, {}), tree.directories.get(INTEROP_IFD, {})
    if not (ifd0 or exif or gps):
        return None
    return serialise(tree.order, ifd0, exif, gps, interop)


def serialise(order: str, ifd0: Directory, exif: Directory, gps: Directory, interop: Directory) -> bytes:
    """A TIFF-structured block of these directories.

    The maker note stays at the offset where it was found if that is near the start: many makers point into it with
    offsets that count from the start of the block.
    """
    out = bytearray({"<": b"II*\0", ">": b"MM\0*"}[order] + bytes(4))
    note = exif.get(MAKER_NOTE)
    if note is not None and len(out) <= note.offset <= _MAX_PADDING:
        out += bytes(note.offset - len(out)) + note.data

    def pointer(directory: Directory) -> Entry:
        return Entry(4, 1, struct.pack(order + "I", append_directory(out, order, directory)))

    if interop:
        exif = {**exif, INTEROP_IFD: pointer(interop)}
    links = {tag: pointer(sub) for tag, sub in ((EXIF_IFD, exif), (GPS_IFD, gps)) if sub}
    struct.pack_into(order + "I", out, 4, append_directory(out, order, {**ifd0, **links}))
    return bytes(out)


def append_directory(out: bytearray, order: str, directory: Directory) -> int:
    """Append values, unless they lie in `out` already, then the directory itself; returns the directory's offset."""
    records = []
    for tag in sorted(directory):
        entry = directory[tag]
        value = entry.data.ljust(4, b"\0")
        if len(entry.data) > 4:
            offset = entry.offset
            if not offset or out[offset : offset + len(entry.data)] != entry.data:
                out += b"\0" * (len(out) & 1)
                offset = len(out)
                out += entry.data
            value = struct.pack(order + "I", offset)
        records.append(struct.pack(order + "HHI", tag, entry.kind, entry.count) + value)
    out += b"\0" * (len(out) & 1)
    offset = len(out)
    out += struct.pack(order + "H", len(records)) + b"".join(records) + bytes(4)
    return offset


def without_maker_note(block: bytes) -> bytes | None:
    """The block without its maker note, for containers that cannot hold all of it."""
    tree = read_tree(block)
    tree.directories.get(EXIF_IFD, {}).pop(MAKER_NOTE, None)
    return build_block(tree)

"""EXIF, XMP and IPTC made fit for an upright picture: orientation read once, then reset everywhere it is stored."""

from __future__ import annotations

import re
import struct

from engine.imageio.containers import Blocks, photoshop_iptc
from engine.imageio.exif import (
    EXIF_IFD,
    ICC_TAG,
    INTEROP_IFD,
    IPTC_TAG,
    ORIENTATION,
    XMP_TAG,
    Tree,
    build_block,
    read_tree,
    upright_block,
)
from engine.types import Metadata

_DAMAGED_EXIF = "The EXIF block is damaged and was left out."


def orientation_of(blocks: Blocks, tree: Tree | None = None) -> int:
    """EXIF orientation, 1–8; 1 if there is none or it is damaged."""
    if tree is None and blocks.exif:
        try:
            tree = read_tree(blocks.exif)
        except ValueError:
            return 1
    value = tree.number(0, ORIENTATION) if tree else None
    return value if value is not None and 1 <= value <= 8 else 1


def is_adobe_rgb(exif: bytes | None) -> bool:
    """Whether a camera without an embedded profile says Adobe RGB (DCF 2.0: interoperability index R03)."""
    if not exif:
        return False
    try:
        tree = read_tree(exif)
    except ValueError:
        return False
    index = tree.directories.get(INTEROP_IFD, {}).get(1)
    colour_space = tree.number(EXIF_IFD, 40961)
    return colour_space != 1 and index is not None and index.data.startswith(b"R03")


def blocks_of_tree(tree: Tree) -> Blocks:
    """Profile, XMP, IPTC and density of a TIFF or raw file."""
    blocks = Blocks()

    def raw(tag: int) -> bytes | None:
        return tree.ifd0[tag].data if tag in tree.ifd0 and tree.ifd0[tag].data else None

    blocks.icc, blocks.xmp = raw(ICC_TAG), raw(XMP_TAG)
    blocks.iptc = raw(IPTC_TAG) or photoshop_iptc(raw(34377) or b"")
    factor = {2: 1.0, 3: 2.54}.get(tree.number(0, 296) or 2)
    values = []
    for tag in (282, 283):
        entry = tree.ifd0.get(tag)
        top, bottom = struct.unpack_from(tree.order + "II", entry.data) if entry and entry.kind == 5 else (0, 0)
        values.append(top / bottom if bottom else 0.0)
    blocks.dpi = (values[0] * factor, values[1] * factor) if factor and min(values) > 0 else None
    return blocks


def upright_metadata(
    blocks: Blocks, orientation: int, tree: Tree | None = None, *, raw: bool = False
) -> tuple[Metadata, list[str]]:
    """Metadata of the picture after turning it, and notes on what was left out.

    `tree` is given for TIFF and raw files, whose EXIF is not a block of its own.
    """
    swap = orientation >= 5
    notes: list[str] = []
    exif: bytes | None = None
    try:
        if tree is not None:
            exif = build_block(tree, swap=swap, raw=raw)
        elif blocks.exif:
            exif = upright_block(blocks.exif, swap=swap)
    except ValueError:
        notes.append(_DAMAGED_EXIF)
    xmp = upright_xmp(blocks.xmp, swap=swap) if blocks.xmp else None
    dpi = (blocks.dpi[1], blocks.dpi[0]) if blocks.dpi and swap else blocks.dpi
    return Metadata(exif=exif, xmp=xmp, iptc=blocks.iptc, dpi=dpi), notes


def upright_xmp(xmp: bytes, *, swap: bool) -> bytes:
    """An XMP packet with tiff:Orientation 1; with `swap`, widths and heights of the picture exchanged."""
    xmp = xmp.rstrip(b"\0")
    value = rb"\g<1>1\g<2>"
    xmp = re.sub(rb"""(\btiff:Orientation\s*=\s*["'])\s*\d+\s*(["'])""", value, xmp)
    xmp = re.sub(rb"(<tiff:Orientation>)\s*\d+\s*(</tiff:Orientation>)", value, xmp)
    if swap:
        for width, height in (
            (b"tiff:ImageWidth", b"tiff:ImageLength"),
            (b"exif:PixelXDimension", b"exif:PixelYDimension"),
        ):
            xmp = _swap_values(xmp, width, height)
    return xmp


def _swap_values(xmp: bytes, first: bytes, second: bytes) -> bytes:
    def find(name: bytes) -> re.Match[bytes] | None:
        return re.search(rb"\b" + name + rb"""(?:\s*=\s*["']|>)\s*(\d+)""", xmp)

    a, b = find(first), find(second)
    if a is None or b is None:
        return xmp
    left, right = sorted((a, b), key=lambda match: match.start(1))
    return b"".join((xmp[: left.start(1)], right[1], xmp[left.end(1) : right.start(1)], left[1], xmp[right.end(1) :]))

"""TIFF pixels: reading through tifffile, writing with the photo's own EXIF block at the start of the file."""

from __future__ import annotations

import io
import logging
import struct
from collections.abc import Callable
from itertools import accumulate
from typing import Any

import imagecodecs
import numpy as np
import numpy.typing as npt
import tifffile

from engine.device import side_by_side
from engine.errors import ImageReadError
from engine.imageio.containers import Blocks
from engine.imageio.decode import REEXPORT, Decoded, Source
from engine.imageio.exif import (
    EXIF_IFD,
    GPS_IFD,
    ICC_TAG,
    IPTC_TAG,
    ORIENTATION,
    STRUCTURE,
    XMP_TAG,
    Directory,
    Entry,
    Tree,
    append_directory,
    read_tree,
)
from engine.imageio.metadata import blocks_of_tree

# Every failure that tifffile logs is raised as one of our errors too.
logging.getLogger("tifffile").setLevel(logging.CRITICAL)

_LAYERS_TAG = 37724
_STRIP_ROWS = 256
_COMPRESSIONS = {5: "lzw", 8: "deflate", 32946: "deflate"}
"""Tag 259 → the kinds that are written too; 32946 is the old number of 8."""
_MODELS = {0: "gray", 1: "gray", 2: "rgb", 3: "palette", 5: "cmyk", 6: "rgb"}


def decode_tiff(source: Source, tree: Tree) -> Decoded:
    """The first picture of a TIFF: grey, RGB, palette or CMYK; 8 and 16 bit as they are, others converted and noted."""
    with tifffile.TiffFile(io.BytesIO(source.data)) as file:
        page: Any = file.pages[0]
        source.check_size(page.imagewidth, page.imagelength)
        ends = [offset + size for offset, size in zip(page.dataoffsets, page.databytecounts, strict=False)]
        if not ends or max(ends) > len(source.data):
            raise ImageReadError(f"{source.name} is cut off.", "Copy it again from its source.")
        model = _MODELS.get(int(page.photometric))
        if model is None:
            name = getattr(page.photometric, "name", "of an unknown number")
            raise ImageReadError(f"{source.name} uses the colour model {name}, which is not supported.", REEXPORT)
        notes = _page_notes(file, tree)
        samples = page.asarray()
        if page.axes not in ("YX", "YXS", "SYX"):
            raise ImageReadError(f"{source.name} holds a stack of pictures, not a photo.", REEXPORT)
        if page.axes == "SYX":
            samples = np.moveaxis(samples, 0, -1)
        colormap = page.colormap
        extra = [int(value) for value in page.extrasamples]
        compression = _COMPRESSIONS.get(int(page.compression), "")
        white_is_zero, bits = int(page.photometric) == 0, page.bitspersample
    if model == "palette":
        samples, model = _from_palette(samples, colormap), "rgb"
    else:
        samples = _to_integers(source, samples, bits, notes)
    if white_is_zero:
        samples = np.iinfo(samples.dtype).max - samples
    samples, alpha = _split_extra(samples, {"gray": 1, "rgb": 3, "cmyk": 4}[model], extra, notes)
    return Decoded(samples, blocks_of_tree(tree), model, alpha, tree, notes=notes, compression=compression)


def _page_notes(file: tifffile.TiffFile, tree: Tree) -> list[str]:
    notes = []
    pages: Any = file.pages
    if sum(not page.is_reduced for page in pages) > 1:
        notes.append("Only the first picture of the file is kept.")
    if _LAYERS_TAG in tree.ifd0:
        notes.append("The file's layers are not kept, only their flattened picture.")
    return notes


def _to_integers(source: Source, samples: npt.NDArray[Any], bits: int, notes: list[str]) -> npt.NDArray[Any]:
    """8 and 16 bit unchanged; other depths to 16 bit, with a note."""
    kind = samples.dtype.kind
    if kind == "f":
        return _from_float(source, samples, notes)
    if kind == "b" or bits == 1:
        return samples.astype(np.uint8) * np.uint8(255)
    if kind != "u":
        raise ImageReadError(f"{source.name} holds signed numbers, not a photo.", REEXPORT)
    if bits == samples.dtype.itemsize * 8 and bits <= 16:
        return samples
    full = (1 << bits) - 1
    depth = np.uint8 if bits < 8 else np.uint16
    notes.append(f"A {bits}-bit TIFF is read as {np.dtype(depth).itemsize * 8} bit.")
    return np.rint(samples.astype(np.float64) * (np.iinfo(depth).max / full)).astype(depth)


def _from_float(source: Source, samples: npt.NDArray[Any], notes: list[str]) -> npt.NDArray[np.uint16]:
    if not np.isfinite(samples).all():
        raise ImageReadError(
            f"{source.name} holds pixels that are not numbers (NaN or infinite).", "Export it again as 16-bit TIFF."
        )
    samples = samples.astype(np.float64 if samples.dtype.itemsize > 4 else np.float32, copy=False)
    outside = float(np.count_nonzero((samples < 0) | (samples > 1)) / samples.size)
    if outside > 0.5:
        raise ImageReadError(
            f"{source.name} holds floating point pixels far outside 0–1.", "Export it again as 16-bit TIFF."
        )
    notes.append("Floating point pixels are read as 16 bit, encoded by the file's profile (sRGB if it has none).")
    if outside:
        notes.append(f"{outside:.2%} of values were outside 0–1 and are clipped.")
    return np.rint(np.clip(samples, 0, 1) * 65535).astype(np.uint16)


def _from_palette(indices: npt.NDArray[Any], colormap: npt.NDArray[np.uint16]) -> npt.NDArray[Any]:
    """Colours of a palette; 8 bit where the 16-bit table only repeats 8-bit values."""
    table = np.ascontiguousarray(np.asarray(colormap, np.uint16).T)
    high, low = table >> 8, table & 255
    is_8_bit = bool((high == low).all()) or not low.any()
    return (high.astype(np.uint8) if is_8_bit else table)[indices]


def _split_extra(
    samples: npt.NDArray[Any], channels: int, extra: list[int], notes: list[str]
) -> tuple[npt.NDArray[Any], npt.NDArray[Any] | None]:
    if samples.ndim == 2:
        return samples, None
    colours = samples[..., 0] if channels == 1 else samples[..., :channels]
    if samples.shape[2] == channels:
        return colours, None
    if not extra or extra[0] not in (1, 2):
        notes.append("Extra channels that are not transparency are left out.")
        return colours, None
    if len(extra) > 1:
        notes.append("Only the first extra channel, transparency, is kept.")
    alpha = samples[..., channels]
    if extra[0] == 1:
        notes.append("Premultiplied transparency is converted to plain transparency.")
        full = float(np.iinfo(samples.dtype).max)
        weight = np.where(alpha > 0, full / np.maximum(alpha, 1), 0.0)
        weight = weight if channels == 1 else weight[..., None]
        colours = np.rint(np.minimum(colours * weight, full)).astype(samples.dtype)
    return colours, alpha


def tiff_with(
    samples: npt.NDArray[Any],
    blocks: Blocks,
    *,
    alpha: bool,
    layers: Callable[[str], bytes] | None = None,
    compression: str = "",
) -> list[bytes | memoryview]:
    """A TIFF as pieces to write.

    The EXIF block becomes the head of the file unchanged, so that all its offsets, also those inside maker notes, stay
    valid; a new IFD0 with the block's entries and the picture's takes the place of its own.
    samples: (h, w, 3 or 4) uint8 or uint16. layers: byte order → Photoshop's layers of the picture (tag 37724).
    compression: "lzw" or "deflate", both with horizontal differences (predictor 2); empty for none.
    """
    head, order, kept = _head_of(blocks.exif)
    height, width, channels = samples.shape
    bits = samples.dtype.itemsize * 8
    strips = _strips(samples, order, compression)
    counts = [len(each) for each in strips]

    def numbers(kind: int, *values: int) -> Entry:
        return Entry(kind, len(values), struct.pack(f"{order}{len(values)}{'H' if kind == 3 else 'I'}", *values))

    directory: Directory = kept | {
        256: numbers(4, width),
        257: numbers(4, height),
        258: numbers(3, *[bits] * channels),
        259: numbers(3, {"lzw": 5, "deflate": 8}.get(compression, 1)),
        262: numbers(3, 2),
        273: numbers(4, *[0] * len(counts)),
        ORIENTATION: numbers(3, 1),
        277: numbers(3, channels),
        278: numbers(4, _STRIP_ROWS),
        279: numbers(4, *counts),
        284: numbers(3, 1),
        339: numbers(3, *[1] * channels),
    }
    if compression:
        directory[317] = numbers(3, 2)
    if alpha:
        directory[338] = numbers(3, 2)
    for tag, block, kind in ((XMP_TAG, blocks.xmp, 1), (IPTC_TAG, blocks.iptc, 7), (ICC_TAG, blocks.icc, 7)):
        if block:
            directory[tag] = Entry(kind, len(block), block)
    if layers is not None:
        directory[_LAYERS_TAG] = Entry(7, len(block := layers(order)), block)
    if blocks.dpi:
        for tag, value in zip((282, 283), blocks.dpi, strict=True):
            directory[tag] = Entry(5, 1, struct.pack(order + "II", round(value * 10000), 10000))
        directory[296] = numbers(3, 2)
    # The directory's size does not depend on the values: lay it out once to learn where the strips begin.
    start = len(_with_directory(head, order, directory))
    directory[273] = numbers(4, *accumulate(counts[:-1], initial=start))
    return [_with_directory(head, order, directory), *strips]


def _strips(samples: npt.NDArray[Any], order: str, compression: str) -> list[bytes | memoryview]:
    """The picture in strips of `_STRIP_ROWS`, compressed or not."""
    strips = [samples[y : y + _STRIP_ROWS] for y in range(0, len(samples), _STRIP_ROWS)]

    def stored(strip: Any) -> Any:
        return np.ascontiguousarray(strip, samples.dtype.newbyteorder("<" if order == "<" else ">"))

    def compressed(strip: npt.NDArray[Any]) -> bytes:
        steps = stored(imagecodecs.delta_encode(strip, axis=1))
        encoded = imagecodecs.lzw_encode(steps) if compression == "lzw" else imagecodecs.deflate_encode(steps, level=6)
        return bytes(encoded)

    if not compression:
        return [memoryview(stored(strip)).cast("B") for strip in strips]
    return side_by_side(compressed, strips)


def _with_directory(head: bytes, order: str, directory: Directory) -> bytes:
    out = bytearray(head)
    out += b"\0" * (len(out) & 1)
    struct.pack_into(order + "I", out, 4, append_directory(out, order, directory))
    return bytes(out) + b"\0" * (len(out) & 1)


def _head_of(exif: bytes | None) -> tuple[bytes, str, Directory]:
    """(bytes to begin the file with, byte order, IFD0 entries to carry over)."""
    if exif:
        tree = read_tree(exif)
        kept = {tag: entry for tag, entry in tree.ifd0.items() if tag not in STRUCTURE}
        for pointer in (EXIF_IFD, GPS_IFD):
            if pointer in kept and pointer not in tree.directories:
                del kept[pointer]
        return exif, tree.order, kept
    return b"II*\0" + bytes(4), "<", {}

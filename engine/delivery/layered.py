"""A retouch as Photoshop layers inside a TIFF (tag 37724, ImageSourceData): one named, masked layer per retouch layer.

The lowest layer is the photo. Healing lies over it as pixels; every other layer holds its change around middle grey and
is blended by Linear Light (result = below + 2 · layer − 1), so each can be switched off, faded or masked by itself. The
change is stored at 16 bit, which makes the flattened layers equal to the export within the rounding of the photo's
depth; where layers clip one after another, a last layer holds the rest. Read by Photoshop, Affinity Photo and Krita.
A PSD would hold the same block; in a TIFF every other program finds the flattened picture, profile and metadata too.
Source: Adobe Photoshop File Formats Specification, layer and mask information (REFERENCES: adobe-psd).
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import psdtags

from engine.imageio.write import to_depth
from engine.layers.render import render
from engine.types import LAYERS, Box, FaceEdits, Photo, Pixels, RetouchLayers

TITLES: Final = {
    "heal": "Heal",
    "smooth": "Smooth",
    "tone": "Even colour",
    "light": "Even light",
    "shine": "Shine",
    "under_eye": "Under eyes",
    "texture": "Texture",
    "features": "Clarity",
    "teeth": "Teeth",
    "eye_whites": "Eye whites",
}
BASE, REST = "Photo", "Rest"
FULL: Final = 65535
NEUTRAL: Final = 32768
U16 = npt.NDArray[np.uint16]
Done = Sequence[tuple[RetouchLayers, FaceEdits]]


@dataclass(frozen=True)
class Sheet:
    """One layer. pixels: (h, w, 3) uint16 of `box`; mask: (h, w) uint16, None for everywhere. light: Linear Light."""

    name: str
    box: Box
    pixels: U16
    mask: U16 | None = None
    light: bool = False


def sheets(photo: Photo, done: Done, final: Pixels) -> list[Sheet]:
    """The layers from the lowest up. final: the export's pixels in the photo's depth, which they flatten to."""
    deep = replace(photo, pixels=to_depth(photo.pixels, 16))
    found = [Sheet(BASE, (0, 0, *photo.size), deep.pixels)]
    box = _union([layers.grid.box for layers, edits in done if edits.enabled], photo.size)
    if box is None:
        return found
    x0, y0, x1, y1 = box
    below = deep.pixels[y0:y1, x0:x1].astype(np.int32)
    source = below.copy()
    for name in LAYERS:
        change = render(deep, [(layers, _only(edits, name)) for layers, edits in done], box).astype(np.int32) - source
        sheet = _sheet(name, box, source, change)
        if sheet is not None:
            found.append(sheet)
            below = flatten_onto(below, sheet, box)
    wanted = to_depth(final[y0:y1, x0:x1], 16)
    off = np.abs(wanted.astype(np.int32) - below) > (FULL // 255 // 2 + 16 if photo.depth == 8 else 2 * len(found))
    if off.any():
        found.append(_cut(REST, box, wanted, off.any(axis=2), light=False))
    return found


def flatten_onto(below: npt.NDArray[np.int32], sheet: Sheet, box: Box) -> npt.NDArray[np.int32]:
    """The values of `box` after laying a sheet over them. (h, w, 3) int32 of 16-bit values → the same."""
    x0, y0, x1, y1 = sheet.box
    out = below.copy()
    part = out[y0 - box[1] : y1 - box[1], x0 - box[0] : x1 - box[0]]
    top: Any = sheet.pixels.astype(np.int32)
    top = np.clip(part + 2 * top - FULL, 0, FULL) if sheet.light else top
    part[...] = top if sheet.mask is None else np.where(sheet.mask[..., None] > 0, top, part)
    return out


def source_data(layers: Sequence[Sheet], order: str) -> bytes:
    """The value of tag 37724. order: "<" or ">", the byte order of the file."""
    format = psdtags.PsdFormat.LE32BIT if order == "<" else psdtags.PsdFormat.BE32BIT
    data = psdtags.TiffImageSourceData(
        psdformat=format,
        layers=psdtags.PsdLayers(key=psdtags.PsdKey.LAYER_16, layers=[_record(sheet) for sheet in layers]),
        usermask=psdtags.PsdUserMask(colorspace=psdtags.PsdColorSpaceType.RGB, components=(65535, 0, 0, 0), opacity=50),
        info=[],
    )
    return bytes(data.tobytes(maxworkers=min(os.cpu_count() or 1, 8)))


def _only(edits: FaceEdits, name: str) -> FaceEdits:
    """The edits with one layer's strength left."""
    own = edits.strengths
    values = {layer: own.values[layer] if layer == name else 0.0 for layer in LAYERS}
    return replace(edits, strengths=replace(own, values=values))


def _sheet(name: str, box: Box, source: npt.NDArray[np.int32], change: npt.NDArray[np.int32]) -> Sheet | None:
    touched = np.asarray(change.any(axis=2))
    if not touched.any():
        return None
    if name == "heal":
        return _cut(TITLES[name], box, (source + change).astype(np.uint16), touched, light=False)
    grey = (NEUTRAL + np.floor_divide(change, 2)).astype(np.uint16)
    return _cut(TITLES[name], box, grey, touched, light=True)


def _cut(name: str, box: Box, pixels: U16, touched: npt.NDArray[np.bool_], *, light: bool) -> Sheet:
    """The part of a layer in which something is touched."""
    rows, columns = np.flatnonzero(touched.any(axis=1)), np.flatnonzero(touched.any(axis=0))
    top, bottom, left, right = int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1
    part = (box[0] + left, box[1] + top, box[0] + right, box[1] + bottom)
    inside = touched[top:bottom, left:right]
    shown = np.where(inside[..., None], pixels[top:bottom, left:right], np.uint16(NEUTRAL))  # packs well
    return Sheet(name, part, shown, inside.astype(np.uint16) * np.uint16(FULL), light)


def _union(boxes: Sequence[Box], size: tuple[int, int]) -> Box | None:
    if not boxes:
        return None
    x0, y0 = min(box[0] for box in boxes), min(box[1] for box in boxes)
    x1, y1 = max(box[2] for box in boxes), max(box[3] for box in boxes)
    return max(x0, 0), max(y0, 0), min(x1, size[0]), min(y1, size[1])


def _record(sheet: Sheet) -> psdtags.PsdLayer:
    x0, y0, x1, y1 = sheet.box
    rectangle = psdtags.PsdRectangle(y0, x0, y1, x1)
    ids = psdtags.PsdChannelId
    colours = [(id, sheet.pixels[..., c]) for c, id in enumerate((ids.CHANNEL0, ids.CHANNEL1, ids.CHANNEL2))]
    # The photo itself is noise, on which packing is lost time.
    packing = psdtags.PsdCompressionType.RAW if sheet.mask is None else psdtags.PsdCompressionType.ZIP_PREDICTED
    mask = None
    if sheet.mask is not None:
        alpha = np.full(sheet.mask.shape, FULL, np.uint16)
        colours = [(ids.TRANSPARENCY_MASK, alpha), *colours, (ids.USER_LAYER_MASK, sheet.mask)]
        mask = psdtags.PsdLayerMask(default_color=0, rectangle=rectangle)
    planes = [(id, np.ascontiguousarray(plane)) for id, plane in colours]
    return psdtags.PsdLayer(
        name=sheet.name,
        rectangle=rectangle,
        channels=[psdtags.PsdChannel(channelid=id, compression=packing, data=plane) for id, plane in planes],
        mask=mask,
        opacity=255,
        blendmode=psdtags.PsdBlendMode.LINEAR_LIGHT if sheet.light else psdtags.PsdBlendMode.NORMAL,
        flags=psdtags.PsdLayerFlag.PHOTOSHOP5,
        info=[psdtags.PsdString(psdtags.PsdKey.UNICODE_LAYER_NAME, sheet.name)],
    )

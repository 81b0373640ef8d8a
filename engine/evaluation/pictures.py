"""Pictures for the page: each face whole, and crops at 100% where most changed."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from engine.imageio.colour import to_srgb8
from engine.layers.bands import gaussian
from engine.types import F32, FaceAnalysis, Mark, Photo, Pixels

Srgb8 = npt.NDArray[np.uint8]

WHOLE: Final = 640
"""Longest side of the picture of a whole face, in pixels."""
CROP: Final = 224
"""Side of a crop at 100%, in the photo's pixels."""
CROPS: Final = 3
QUALITY: Final = 90


@dataclass(frozen=True)
class FacePictures:
    """whole: "before" and each retoucher → JPEG; crops: the same of several places at 100%; marks: what was looked at,
    (x, y, radius, to remove) as shares of the whole picture; size: of the whole picture, in pixels."""

    label: str
    whole: Mapping[str, bytes]
    crops: Sequence[Mapping[str, bytes]]
    marks: Sequence[tuple[float, float, float, bool]]
    size: tuple[int, int]


def face_pictures(
    label: str, photo: Photo, face: FaceAnalysis, results: Mapping[str, Pixels], marks: Sequence[Mark]
) -> FacePictures:
    """Pictures of one face before and by each retoucher."""
    x0, y0, x1, y1 = face.grid.box
    cut = {"before": photo.pixels[y0:y1, x0:x1]} | {name: p[y0:y1, x0:x1] for name, p in results.items()}
    srgb = {name: to_srgb8(np.ascontiguousarray(part), photo.icc) for name, part in cut.items()}
    height, width = y1 - y0, x1 - x0
    scale = min(1.0, WHOLE / max(width, height))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    corners = _most_changed(srgb, face)
    side = min(CROP, width, height)
    return FacePictures(
        label,
        {
            name: jpeg(np.asarray(cv2.resize(part, size, interpolation=cv2.INTER_AREA), np.uint8))
            for name, part in srgb.items()
        },
        [{name: jpeg(part[y : y + side, x : x + side]) for name, part in srgb.items()} for x, y in corners],
        [
            ((m.centre[0] - x0) / width, (m.centre[1] - y0) / height, m.radius / width, m.decision == "remove")
            for m in marks
        ],
        size,
    )


def _most_changed(srgb: Mapping[str, Srgb8], face: FaceAnalysis) -> list[tuple[int, int]]:
    """Corners of up to `CROPS` crops on skin in which the retouchers changed most, apart from each other; each has the
    same say, however strong its hand."""
    before = srgb["before"].astype(np.int16)
    height, width = before.shape[:2]
    side = min(CROP, width, height)
    skin = np.asarray(cv2.resize(face.regions["skin"], (width, height), interpolation=cv2.INTER_LINEAR) > 0.5)
    change = np.zeros((height, width), np.float32)
    for name, part in srgb.items():
        difference = np.abs(part - before).sum(2).astype(np.float32)
        if name != "before" and difference.any():
            # Fine changes count, not a shift of the whole tone.
            fine = np.abs(difference - gaussian(difference, face.width / 12)) * skin
            change += fine / max(float(fine.mean()), 1e-6)
    total = cv2.boxFilter(change, -1, (side, side), borderType=cv2.BORDER_CONSTANT)
    chosen: list[tuple[int, int]] = []
    for _ in range(CROPS):
        half = side // 2
        inner = total[half : height - side + half + 1, half : width - side + half + 1]
        if inner.size == 0 or float(inner.max()) <= 0:
            break
        y, x = np.unravel_index(int(inner.argmax()), inner.shape)
        chosen.append((int(x), int(y)))
        reach = round(0.8 * side)
        total[max(0, y + half - reach) : y + half + reach, max(0, x + half - reach) : x + half + reach] = 0
    return chosen


def jpeg(srgb: Srgb8) -> bytes:
    """(h, w, 3) sRGB as a JPEG file without colour subsampling."""
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(srgb)).save(buffer, "jpeg", quality=QUALITY, subsampling=0)
    return buffer.getvalue()


def save_crop(path: Path, photo: Photo, face: FaceAnalysis) -> None:
    """The face's crop at most 1024 pixels long as an sRGB PNG file, as metrics of other packages read it."""
    from PIL import Image

    x0, y0, x1, y1 = face.grid.box
    part: F32 | Pixels = np.ascontiguousarray(photo.pixels[y0:y1, x0:x1])
    scale = 1024 / max(part.shape[:2])
    if scale < 1:
        size = round(part.shape[1] * scale), round(part.shape[0] * scale)
        part = cv2.resize(part, size, interpolation=cv2.INTER_AREA)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(to_srgb8(np.asarray(part), photo.icc)).save(path)

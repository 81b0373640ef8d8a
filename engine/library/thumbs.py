"""Small pictures of photos: the embedded preview first, a reduced decoding next, kept on disk between runs.

The cache is in the system's place for caches, one JPEG per photo, named by path, time and size of the file, so a photo
that changes gets another name. Nothing in it is needed: a file that is lost or damaged is made again.
"""

from __future__ import annotations

import hashlib
import io
import os
from contextlib import suppress
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
from PIL import Image

from engine import paths
from engine.errors import EngineError, ImageReadError
from engine.imageio.colour import to_srgb8
from engine.imageio.head import read_head
from engine.imageio.read import MAX_PIXELS, is_raw_name, read_photo, turned

U8 = npt.NDArray[np.uint8]
SIDE: Final = 400
"""Greatest side of a small picture, in its own pixels."""
QUALITY: Final = 85
CACHE_BYTES: Final = 512 << 20
"""The cache is cut down to three quarters of this when it has grown beyond."""
Stamp = tuple[int, ...]
"""(size, mtime in ns) of a file and, of an edited one that is shown retouched, when the edits were saved."""

# The size is checked here, with the same limit as for reading a photo.
Image.MAX_IMAGE_PIXELS = None


class ThumbCache:
    """Small pictures on disk. Several threads and programs may share the folder."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder or paths.user_cache() / "thumbs"

    def place(self, path: Path, stamp: Stamp) -> Path:
        key = "|".join(["1", str(SIDE), str(path.absolute()), *map(str, stamp)]).encode("utf-8", "surrogateescape")
        name = hashlib.sha256(key).hexdigest()
        return self.folder / name[:2] / f"{name[2:34]}.jpg"

    def get(self, path: Path, stamp: Stamp) -> U8 | None:
        """The picture made before, None if there is none or it is damaged."""
        try:
            place = self.place(path, stamp)
            with Image.open(place) as image:
                pixels = np.asarray(image.convert("RGB"))
        except (OSError, ValueError, SyntaxError):
            return None
        with suppress(OSError):  # what was looked at last goes last
            os.utime(place)
        return pixels

    def put(self, path: Path, stamp: Stamp, pixels: U8) -> None:
        """Keep a picture; a cache that cannot be written is no error."""
        with suppress(OSError):
            place = self.place(path, stamp)
            place.parent.mkdir(parents=True, exist_ok=True)
            data = io.BytesIO()
            Image.fromarray(pixels).save(data, "JPEG", quality=QUALITY)
            paths.write_atomic(place, data.getvalue())

    def prune(self, limit: int = CACHE_BYTES) -> int:
        """Remove what was not looked at for longest, if the cache is larger than the limit. Returns: bytes left."""
        found = []
        for file in self.folder.glob("*/*.jpg"):
            with suppress(OSError):
                status = file.stat()
                found.append((status.st_mtime_ns, status.st_size, file))
        total = sum(size for _, size, _ in found)
        if total > limit:
            for _, size, file in sorted(found):
                with suppress(OSError):
                    file.unlink()
                    total -= size
                if total <= limit * 3 // 4:
                    break
        return total


def quick(path: Path) -> U8 | None:
    """The preview embedded in the file, upright, if there is one; (h, w, 3) sRGB. Raises: OSError."""
    head = read_head(path)
    pixels = _jpeg(head.preview, None) if head.preview else None
    return None if pixels is None else turned(pixels, head.orientation)


def make(path: Path) -> U8:
    """A small upright picture, at most `SIDE` pixels long; (h, w, 3) sRGB.

    Raises: ImageReadError, ColourProfileError if the photo cannot be read.
    """
    try:
        pixels = _of_raw(path) if is_raw_name(path.name) else _reduced(path)
    except (OSError, ValueError, SyntaxError, EngineError):
        pixels = None  # the reader knows more formats, and says what is wrong
    if pixels is None:
        photo = read_photo(path)
        pixels = to_srgb8(_fit(photo.pixels), photo.icc)
    return _fit(pixels)


def _reduced(path: Path) -> U8 | None:
    """Through Pillow, JPEG at an eighth to a half of its size; None for what `read_photo` does better."""
    with Image.open(path) as image:
        if image.width * image.height > MAX_PIXELS:
            raise ImageReadError(f"{path.name} is too large.")
        if image.mode not in ("RGB", "L") or image.format not in ("JPEG", "MPO", "PNG", "WEBP", "TIFF"):
            return None
        orientation = image.getexif().get(274, 1)
        icc = image.info.get("icc_profile") if image.mode == "RGB" else None
        image.draft("RGB", (SIDE, SIDE))
        image.thumbnail((SIDE, SIDE), Image.Resampling.BOX, reducing_gap=2.0)
        pixels = np.asarray(image.convert("RGB"))
    return turned(to_srgb8(pixels, icc), orientation if isinstance(orientation, int) else 1)


def _of_raw(path: Path) -> U8 | None:
    """The camera's own JPEG inside a raw file, as LibRaw finds it."""
    import rawpy

    try:
        with rawpy.imread(io.BytesIO(path.read_bytes())) as raw:
            thumbnail = raw.extract_thumb()
            flip = {3: 3, 5: 8, 6: 6}.get(raw.sizes.flip, 1)
    except rawpy.LibRawError:
        return None
    if thumbnail.format != rawpy.ThumbFormat.JPEG:
        return None
    pixels = _jpeg(bytes(thumbnail.data), (SIDE, SIDE))
    return None if pixels is None else turned(pixels, flip)


def _jpeg(data: bytes, size: tuple[int, int] | None) -> U8 | None:
    try:
        with Image.open(io.BytesIO(data)) as image:
            if image.format != "JPEG" or image.width * image.height > MAX_PIXELS:
                return None
            if size is not None:
                image.draft("RGB", size)
                image.thumbnail(size, Image.Resampling.BOX, reducing_gap=2.0)
            return np.asarray(image.convert("RGB"))
    except (OSError, ValueError, SyntaxError):
        return None


def _fit(pixels: npt.NDArray[np.generic]) -> U8:
    """Reduced to at most `SIDE`, same depth."""
    import cv2

    height, width = pixels.shape[:2]
    scale = SIDE / max(height, width)
    if scale >= 1:
        return np.ascontiguousarray(pixels)
    shape = (max(round(width * scale), 1), max(round(height * scale), 1))
    return np.asarray(cv2.resize(np.ascontiguousarray(pixels), shape, interpolation=cv2.INTER_AREA))

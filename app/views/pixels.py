"""Arrays to QImage: the only place in the window where this happens."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PySide6.QtGui import QImage


def to_image(pixels: npt.NDArray[np.uint8]) -> QImage:
    """A QImage that owns its memory.

    Shapes: (h, w, 3) uint8, sRGB. Raises: ValueError for anything else.
    """
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3:
        raise ValueError(f"Expected (h, w, 3) uint8, got {pixels.shape} {pixels.dtype}.")
    height, width = pixels.shape[:2]
    image = QImage(width, height, QImage.Format.Format_RGB32)
    # Blue, green, red, padding in memory (little endian): what the raster painter draws without conversion.
    view = np.frombuffer(image.bits(), np.uint8).reshape(height, image.bytesPerLine())[:, : width * 4]
    bgrx = view.reshape(height, width, 4)
    bgrx[..., 0] = pixels[..., 2]
    bgrx[..., 1] = pixels[..., 1]
    bgrx[..., 2] = pixels[..., 0]
    bgrx[..., 3] = 255
    return image

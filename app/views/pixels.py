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
    import cv2  # the engine has loaded it by now; the window opens without it

    height, width = pixels.shape[:2]
    image = QImage(width, height, QImage.Format.Format_RGB32)
    # Blue, green, red, 255 in memory (little endian): what the raster painter draws without conversion.
    target = np.frombuffer(image.bits(), np.uint8).reshape(height, width, 4)
    cv2.cvtColor(pixels, cv2.COLOR_RGB2BGRA, dst=target)
    return image

"""What of a mark's own texture heals with it: lines that run through, such as hairs and creases, and sound pores.

Blood under the skin changes its colour and leaves its texture; a head, a crust or gloss does not. So a mark's own fine
band stays where it is as strong as around the mark and healing changes little of it, as when a retoucher corrects the
low frequencies alone.
"""

from __future__ import annotations

from typing import Any, Final

import cv2
import numpy as np
import numpy.typing as npt

from engine.faces.raster import ramp
from engine.layers.bands import gaussian, masked_gaussian
from engine.layers.lines import LONG, Lines
from engine.types import F32

THROUGH: Final = LONG / 2
"""Pixels of a line beside all marks from which it runs through a mark and is no part of it, as a share of W."""
STRAIGHT: Final = 3.0
"""Pixels for each pixel of extent up to which a part of a line inside marks is one and no outline of a mark."""
EDGE: Final = 0.7
"""σ that softens the edges of lines, in grid pixels."""

NEARBY, LOCAL = 1 / 25, 1 / 100
"""σ over which texture is usual, and over which it is compared with that, as shares of W."""
CALM, ROUGH = (0.5, 0.7), (1.5, 1.15)
"""Strength of a mark's own texture, in times what is usual, up to which nothing and from which all of it stays."""
MOVED: Final = (0.6, 0.3)
"""The same of what healing changes of it. Twice as much leaves 0.018 more of painted marks, half as much leaves them
0.1 to 0.2 farther from the true pores, in times their strength."""


def sound_texture(own: F32, healing: F32, clean: F32, width: float) -> F32:
    """(h, w) in [0, 1]: where the fine band is sound.

    Args: own, healing: (h, w, 3) fine bands of the encoded grid and of what healing adds; clean: (h, w) in [0, 1] of
    skin without marks; width: W in pixels of them.
    """
    energies = [np.square(each).sum(-1, dtype=np.float32) for each in (own, own + healing)]
    usual = np.maximum(np.sqrt(masked_gaussian(energies[0], width * NEARBY, clean)), np.float32(1e-6))
    before, after = (np.asarray(np.sqrt(gaussian(each, width * LOCAL)) / usual, np.float32) for each in energies)
    return ramp(before, *ROUGH) * ramp(after, *CALM)


def lines_through(lines: Lines, beside: npt.NDArray[np.bool_], width: float) -> F32:
    """(h, w) in [0, 1]: what stays of lines that run through marks; where a line is clearer than it is beside marks, it
    is the mark that shows. beside: (h, w) where no mark is; width: W in pixels."""
    out, count = (lines.labels * beside).ravel(), int(lines.labels.max()) + 1
    pixels, strength = np.bincount(out, minlength=count), np.bincount(out, lines.strength.ravel(), count)
    usual = np.where(pixels >= THROUGH * width, strength / np.maximum(pixels, 1), 0)
    usual[0] = 0
    _, parts, boxes, _ = cv2.connectedComponentsWithStats(((lines.labels > 0) & ~beside).astype(np.uint8))
    extent = np.hypot(boxes[:, cv2.CC_STAT_WIDTH], boxes[:, cv2.CC_STAT_HEIGHT])
    straight = boxes[:, cv2.CC_STAT_AREA] <= STRAIGHT * extent
    straight[0] = True
    return drawn(np.minimum(usual[lines.labels] / np.maximum(lines.strength, 1e-6), 1) * straight[parts])


def drawn(lines: npt.NDArray[Any]) -> F32:
    """(h, w) in [0, 1]: lines with their edges."""
    wide = cv2.dilate(lines.astype(np.float32), np.ones((3, 3), np.uint8))
    return gaussian(np.asarray(wide, np.float32), EDGE)

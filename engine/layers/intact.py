"""What of a mark's own texture heals with it: lines that run through, such as hairs and creases, and sound pores.

Blood and pigment under the skin change its colour and leave its texture; a head, a crust or gloss does not. So a mark's
own fine band stays, with all that healing changes of it, unless the mark is rougher than the skin around it or healing
leaves nothing of it. Only its light and shade stay, in the colour that they have on the clean skin of the face: what is
fine and of another colour, such as a pale head, is the mark's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import cv2
import numpy as np
import numpy.typing as npt
from scipy.ndimage import find_objects

from engine.faces.raster import ramp
from engine.layers.bands import gaussian, masked_gaussian
from engine.layers.lines import LONG, Lines
from engine.types import F32

THROUGH: Final = LONG / 2
"""Pixels of a line beside all marks from which it runs through a mark and is no part of it, as a share of W."""
BROADER: Final = 1.3
"""Times its breadth beside marks up to which a line inside them is a line and no outline of one."""
EDGE: Final = 0.7
"""σ that softens the edges of lines, in grid pixels."""

NEARBY, LOCAL, WHOLE = 1 / 25, 1 / 100, 1 / 50
"""σ over which texture is usual, over which it is compared with that, and made as strong, as shares of W."""
ROUGH, WORN = (1.5, 1.15), (0.5, 0.7)
"""Strength of a mark's texture before and after healing, in times what is usual, up to which nothing and from which all
of it stays."""
STRONGER: Final = 1.5
"""How far texture is made stronger: pigment darkens pores with all else, a network smooths some of them away."""


LUMA: Final = np.array([0.2126, 0.7152, 0.0722], np.float32)
"""Share of encoded red, green and blue in what the eye sees as light (ITU-R BT.709)."""


@dataclass(frozen=True)
class Texture:
    """What marks keep of their own texture.

    share: (h, w) in [0, 1] of it that stays; gain: (h, w) what it is multiplied by, to be as strong as around a mark;
    healing: (h, w) what healing changes of its luma; colour: (3,) encoded change that goes with a change of luma by 1.
    """

    share: F32
    gain: F32
    healing: F32
    colour: F32

    @classmethod
    def none(cls, shape: tuple[int, int]) -> Texture:
        nothing = np.zeros(shape, np.float32)
        return cls(nothing, nothing, nothing, np.ones(3, np.float32))


def sound_texture(own: F32, healing: F32, clean: F32, width: float) -> Texture:
    """Where the fine band is sound, and in which colour.

    Args: own, healing: (3, h, w) fine bands of the encoded grid and of what healing adds; clean: (h, w) in [0, 1] of
    skin without marks; width: W in pixels of them.
    """
    light, change = (np.tensordot(LUMA, each, 1) for each in (own, healing))
    before, after = np.square(light), np.square(light + change)
    usual = np.maximum(np.sqrt(masked_gaussian(before, width * NEARBY, clean)), np.float32(1e-6))

    def strength(energy: F32, over: float) -> F32:
        return np.asarray(np.sqrt(gaussian(energy, width * over)) / usual, np.float32)

    share = ramp(strength(before, LOCAL), *ROUGH) * ramp(strength(after, LOCAL), *WORN)
    gain = 1 / strength(after, WHOLE).clip(1 / STRONGER, 1)
    energy = float((before * clean).sum())
    colour = np.tensordot(own, light * clean, 2) / energy if energy > 0 else np.ones(3)
    return Texture(share, gain.astype(np.float32), change, colour.astype(np.float32))


def lines_through(lines: Lines, beside: npt.NDArray[np.bool_], width: float) -> F32:
    """(h, w) in [0, 1]: what stays of lines that run through marks; where one is clearer or broader than it is beside
    marks, it is the marks that show. beside: (h, w) where no mark is; width: W in pixels."""
    kept = np.zeros(beside.shape, np.float32)
    for number, window in enumerate(find_objects(lines.labels), 1):
        if window is None or beside[window].all():
            continue
        line, strength = lines.labels[window] == number, lines.strength[window]
        out = line & beside[window]
        if out.sum() < THROUGH * width:
            continue
        _, sizes, lengths = _parts(out)
        parts, inside, extents = _parts(line & ~beside[window])
        through = inside <= BROADER * extents * sizes.sum() / lengths.sum()
        share = np.minimum(strength[out].mean() / np.maximum(strength, 1e-6), 1)
        kept[window] = np.where(line & ~beside[window], share * through[parts], kept[window])
    return drawn(kept)


def _parts(mask: npt.NDArray[np.bool_]) -> tuple[npt.NDArray[np.int32], F32, F32]:
    """Numbers (h, w) of a mask's connected parts, and each one's area and extent in pixels; those of part 0, all else,
    are 0."""
    _, parts, boxes, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8))
    boxes[0] = 0
    extents = np.hypot(boxes[:, cv2.CC_STAT_WIDTH], boxes[:, cv2.CC_STAT_HEIGHT])
    return np.asarray(parts, np.int32), boxes[:, cv2.CC_STAT_AREA].astype(np.float32), extents.astype(np.float32)


def drawn(lines: npt.NDArray[Any]) -> F32:
    """(h, w) in [0, 1]: lines with their edges."""
    wide = cv2.dilate(lines.astype(np.float32), np.ones((3, 3), np.uint8))
    return gaussian(np.asarray(wide, np.float32), EDGE)

"""What of a mark's own texture heals with it: lines that run through, such as hairs and creases, and sound pores.

Blood and pigment under the skin change its colour and leave its texture; a head, a crust or gloss does not. So a mark's
own fine band stays, with all that healing changes of it, unless the mark is rougher or much smoother than the skin
around it or healing leaves little of it. Only its light and shade stay, in the colour that they have on the clean skin
of the face: what is fine and of another colour, such as a pale head, is the mark's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import cv2
import numpy as np
import numpy.typing as npt
from scipy.ndimage import find_objects

from engine.faces.raster import ramp
from engine.imageio.colour import luma
from engine.layers.bands import gaussian, masked_gaussian
from engine.layers.lines import LONG, Lines, connected_parts
from engine.types import F32

THROUGH: Final = LONG / 2
"""Pixels of a line beside all marks from which it runs through a mark and is no part of it, as a share of W."""
BROADER: Final = 1.3
"""Times its breadth beside marks up to which a line inside them is a line and no outline of one."""
EDGE: Final = 0.7
"""σ that softens the edges of lines, in grid pixels."""

AROUND, NEARBY, LOCAL = 1 / 25, 1 / 50, 1 / 100
"""σ over which texture is usual where no clean skin is near, over which it is where some is, and made as strong, and
over which it is compared with that, as shares of W: gloss is rough, and no wider than that."""
RIM = 1 / 150
"""Distance from a mark from which skin near it tells what is usual, as a share of W: crusts reach beyond masks."""
FEW = np.float32(0.05)
"""Share of such skin near a pixel that tells as much as all that is around."""
ROUGH, BARE, WORN = (1.5, 1.15), (0.25, 0.4), (0.5, 0.7)
"""How rough and how smooth a mark may be, in times what is usual around it, and what healing must leave of its texture:
where nothing and where all of it stays."""
STRONGER: Final = 1.5
"""How far texture is made stronger, own or a donor's, for want of stronger: a network smooths some of it away."""


@dataclass(frozen=True)
class OwnTexture:
    """What marks keep of their own texture.

    share: (h, w) in [0, 1] of it that stays; gain: (h, w) in [1, `STRONGER`] what it is multiplied by, to be as strong
    as before, or as around a mark that was rougher; colour: (3,) encoded change that goes with a change of luma by 1.
    """

    share: F32
    gain: F32
    colour: F32

    @classmethod
    def none(cls, shape: tuple[int, int]) -> OwnTexture:
        """Marks on a grid (h, w) that keep nothing."""
        return cls(np.zeros(shape, np.float32), np.ones(shape, np.float32), np.ones(3, np.float32))


def sound_texture(texture: F32, healing: F32, clean: F32, width: float) -> OwnTexture:
    """Where the fine band is sound, how much stronger it has to be, and its colour.

    Args: texture: (3, h, w) fine band of the encoded grid; healing: (h, w) what healing adds to its luma; clean: (h, w)
    in [0, 1] of skin without marks; width: W in pixels of them.
    """
    light = luma(texture)
    before, after = np.square(light), np.square(light + healing)
    around = masked_gaussian(before, width * AROUND, clean)
    rim = 2 * int(np.ceil(width * RIM)) + 1
    sure = cv2.erode(clean, np.ones((rim, rim), np.uint8)).astype(np.float32)
    near = gaussian(sure * before, width * NEARBY) + FEW * around
    usual = np.maximum(np.sqrt(near / (gaussian(sure, width * NEARBY) + FEW)), np.float32(1e-6))

    def strength(energy: F32, over: float) -> F32:
        return np.asarray(np.sqrt(gaussian(energy, width * over)) / usual, np.float32)

    def left(over: float) -> F32:
        """What healing leaves of texture, as a share of what is usual or, where skin is smoother, of what was there."""
        return strength(after, over) / strength(before, over).clip(1e-6, 1)

    own = strength(before, LOCAL)
    share = ramp(own, *ROUGH) * ramp(own, *BARE) * ramp(left(LOCAL), *WORN)
    gain = 1 / left(NEARBY).clip(1 / STRONGER, 1)
    energy = float((before * clean).sum())
    colour = np.tensordot(texture, light * clean, 2) / energy if energy > 0 else np.ones(3)
    return OwnTexture(share, gain.astype(np.float32), colour.astype(np.float32))


def lines_through(lines: Lines, beside: npt.NDArray[np.bool_], width: float) -> F32:
    """(h, w) in [0, 1]: what stays of lines that run through marks; where one is clearer or broader than it is beside
    marks, it is the marks that show. beside: (h, w) where no mark is; width: W in pixels."""
    kept = np.zeros(beside.shape, np.float32)
    for number, window in enumerate(find_objects(lines.labels), 1):
        if window is None or beside[window].all():
            continue
        line, strength = lines.labels[window] == number, lines.strength[window]
        outside, within = line & beside[window], line & ~beside[window]
        if outside.sum() < THROUGH * width:
            continue
        _, areas, extents = connected_parts(outside)
        breadth = areas.sum() / extents.sum()
        parts, areas, extents = connected_parts(within)
        through = areas <= BROADER * breadth * extents
        share = np.minimum(strength[outside].mean() / np.maximum(strength[within], 1e-6), 1)
        kept[window][within] = share * through[parts[within]]
    return drawn(kept)


def drawn(lines: npt.NDArray[Any]) -> F32:
    """(h, w) in [0, 1]: lines with their edges."""
    wide = cv2.dilate(lines.astype(np.float32), np.ones((3, 3), np.uint8))
    return gaussian(np.asarray(wide, np.float32), EDGE)

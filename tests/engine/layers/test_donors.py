"""Which skin lends a mark its texture, on skin whose strength and lightness are given."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from engine.layers.donors import Skin, choose
from engine.layers.intact import STRONGER
from engine.types import F32, FaceGrid

SIDE, MARK, CLOSE = 400, (190, 190, 210, 210), 20


def skin(level: F32, rms: F32) -> Skin:
    """Skin (SIDE, SIDE) of this L* and strength of texture, clean around a mark and, past others, farther away."""
    away = np.abs(np.mgrid[:SIDE, :SIDE] + 0.5 - SIDE / 2).max(0)
    clean = (((away > 10) & (away < CLOSE)) | (away > 50)).astype(np.float32)
    nothing = np.zeros_like(clean)
    planes = clean, level * clean, rms**2 * clean, nothing, nothing, nothing
    grid = FaceGrid((0, 0, SIDE, SIDE), (SIDE, SIDE))
    return Skin(grid, *(np.asarray(cv2.integral(plane, sdepth=cv2.CV_64F), np.float64) for plane in planes))


@pytest.mark.parametrize(("darker", "left"), [(0.0, True), (7.0, True), (30.0, False)])
def test_skin_that_cannot_be_made_as_rough_is_hardly_a_donor(darker: float, left: bool) -> None:
    """Around a mark in gloss texture has a strength of 2; on the left it can be made so, on the right it cannot."""
    x = np.broadcast_to(np.arange(SIDE, dtype=np.float32), (SIDE, SIDE))
    around = np.maximum(np.abs(x - 200), np.abs(x.T - 200)) < 40
    level = np.where(around | (x > 200), 70, 70 - darker).astype(np.float32)
    rms = np.where(around, 2, np.where(x < 200, 1.4, 0.4)).astype(np.float32)
    (donor,) = choose(skin(level, rms), [MARK], [MARK])
    assert donor is not None and (donor.x < 0) is left
    assert donor.gain == pytest.approx(2 / 1.4 if left else STRONGER, rel=0.1)


def test_of_skin_alike_in_strength_the_one_as_light_is_taken() -> None:
    x = np.broadcast_to(np.arange(SIDE, dtype=np.float32), (SIDE, SIDE))
    even = np.ones((SIDE, SIDE), np.float32)
    for side in (x < 170, x > 230):
        (donor,) = choose(skin(np.where(side, 50, 70).astype(np.float32), even), [MARK], [MARK])
        assert donor is not None and donor.gain == pytest.approx(1, abs=1e-6)
        there = side[200 + donor.y, 200 + donor.x]
        assert not there

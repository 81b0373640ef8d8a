"""Changed fraction and the greatest difference outside masks, counted by hand."""

from __future__ import annotations

import numpy as np
import pytest

from engine.metrics.change import allowed, changed_fraction, max_difference_outside
from engine.types import FaceGrid, RetouchLayers


def _layers(box: tuple[int, int, int, int]) -> RetouchLayers:
    """A mask of one grid pixel (of 4 × 4 source pixels) in the middle of a 5 × 5 grid."""
    mask = np.zeros((5, 5), np.float32)
    mask[2, 2] = 1
    return RetouchLayers("face", FaceGrid(box, (5, 5)), 10.0, {}, None, mask)


def test_the_mask_reaches_one_grid_pixel_around() -> None:
    reach = allowed([_layers((10, 20, 30, 40))], (0, 0, 50, 60))
    wanted = np.zeros((60, 50), bool)
    wanted[26:34, 16:24] = True
    np.testing.assert_array_equal(reach, wanted)
    part = allowed([_layers((10, 20, 30, 40))], (15, 25, 20, 55))
    np.testing.assert_array_equal(part, wanted[25:55, 15:20])


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_changes_are_counted_and_those_outside_found(dtype: type) -> None:
    before = np.full((700, 50, 3), 100, dtype)
    after, layers = before.copy(), [_layers((10, 20, 30, 40))]
    assert changed_fraction(before, after) == 0 and max_difference_outside(before, after, layers) == 0
    after[30, 20] = 7
    assert changed_fraction(before, after) == pytest.approx(1 / 35000)
    assert max_difference_outside(before, after, layers) == 0
    after[600, 3, 1] = 91
    assert changed_fraction(before, after) == pytest.approx(2 / 35000)
    assert max_difference_outside(before, after, layers) == 9
    assert max_difference_outside(before, after, []) == 93


def test_different_kinds_of_pictures_cannot_be_compared() -> None:
    with pytest.raises(ValueError, match="compare"):
        changed_fraction(np.zeros((2, 2, 3), np.uint8), np.zeros((2, 2, 3), np.uint16))

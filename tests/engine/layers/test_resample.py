"""Enlarging and averaging against OpenCV and closed forms; windows change nothing."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from engine.layers.resample import Enlarger, across, averaging, down, enlarging, intersect, support
from engine.types import FaceGrid


def test_linear_enlargement_agrees_with_opencv() -> None:
    image = np.random.default_rng(0).random((23, 31)).astype(np.float32)
    grid = FaceGrid((50, 70, 50 + 31 * 4, 70 + 23 * 4), image.shape)
    reference = cv2.resize(image, (31 * 4, 23 * 4), interpolation=cv2.INTER_LINEAR)
    np.testing.assert_allclose(Enlarger(grid, cubic=False)(image, grid.box), reference, atol=1e-5)


@pytest.mark.parametrize("cubic", [True, False])
def test_a_plane_stays_a_plane_at_the_named_positions(cubic: bool) -> None:
    grid = FaceGrid((13, 29, 13 + 173, 29 + 149), (61, 71))
    y, x = np.mgrid[: grid.shape[0], : grid.shape[1]] + 0.5
    points = grid.to_source(np.stack([x.ravel(), y.ravel()], -1).astype(np.float32))
    image = (2 * points[:, 0] - 3 * points[:, 1]).reshape(grid.shape).astype(np.float32)
    box = (33, 51, 161, 143)
    sy, sx = np.mgrid[box[1] : box[3], box[0] : box[2]] + 0.5
    np.testing.assert_allclose(Enlarger(grid, cubic=cubic)(image, box), 2 * sx - 3 * sy, atol=1e-3)


@pytest.mark.parametrize("cubic", [True, False])
def test_any_part_equals_the_whole(cubic: bool) -> None:
    """By sparse matrices, as photos are rendered in tiles, bit by bit; for small boxes but for the order of sums."""
    rng = np.random.default_rng(3)
    image = rng.standard_normal((47, 53, 3)).astype(np.float32)
    grid = FaceGrid((7, 11, 7 + 211, 11 + 197), image.shape[:2])

    def part(x0: int, y0: int, x1: int, y1: int) -> np.ndarray:
        columns = enlarging(53, 7, grid.scale[0], x0, x1, cubic=cubic)
        return down(enlarging(47, 11, grid.scale[1], y0, y1, cubic=cubic), across(columns, image))

    whole, enlarger = part(*grid.box), Enlarger(grid, cubic=cubic)
    for _ in range(25):
        x0, y0 = (int(value) for value in (rng.integers(7, 217), rng.integers(11, 207)))
        x1, y1 = (int(value) for value in (rng.integers(x0 + 1, 219), rng.integers(y0 + 1, 209)))
        here = whole[y0 - 11 : y1 - 11, x0 - 7 : x1 - 7]
        np.testing.assert_array_equal(part(x0, y0, x1, y1), here)
        small = enlarger(np.moveaxis(image, -1, 0), (x0, y0, x1, y1))
        np.testing.assert_allclose(np.moveaxis(small, 0, -1), here, atol=1e-5)


def test_averages_agree_with_opencv_area() -> None:
    image = np.random.default_rng(4).random((101, 137)).astype(np.float32)
    columns, rows = averaging(0, 137, 0, 137 / 40, 0, 40), averaging(0, 101, 0, 101 / 29, 0, 29)
    reference = cv2.resize(image, (40, 29), interpolation=cv2.INTER_AREA)
    np.testing.assert_allclose(down(rows, across(columns, image)), reference, atol=1e-5)


def test_a_grid_finer_than_the_source_is_sampled_without_a_shift() -> None:
    x = (np.arange(80, dtype=np.float32) + 0.5) / 2
    matrix = enlarging(80, 0, 2.0, 5, 35, cubic=True)
    np.testing.assert_allclose(matrix @ x, np.arange(5, 35) + 0.5, atol=1e-4)


def test_boxes_that_only_touch_have_nothing_in_common() -> None:
    assert intersect((0, 0, 5, 5), (5, 0, 9, 5)) is None
    assert intersect((0, 0, 5, 5), (3, 2, 9, 4)) == (3, 2, 5, 4)


def test_support_is_the_box_of_what_is_not_zero():
    image = np.zeros((20, 30, 3), np.float32)
    assert support(image) is None and support(image[..., 0]) is None
    image[4, 7, 2] = image[11, 25, 0] = -1
    assert support(image) == (slice(4, 12), slice(7, 26))
    assert support(image[..., 2]) == (slice(4, 5), slice(7, 8))
    assert support(image, 5) == (slice(0, 17), slice(2, 30))

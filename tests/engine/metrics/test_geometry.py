"""Landmark drift on a real portrait: an unchanged picture does not drift, a moved one drifts by as much as it moved."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from engine.faces.analysis import analyse
from engine.imageio.read import read_photo
from engine.metrics.geometry import drift, landmark_drift
from engine.metrics.likeness import identity_distance


@pytest.fixture(scope="module")
def portrait(portraits):
    photo = read_photo(portraits / "train/london/neutral_002.jpg")
    return photo, analyse(photo)[0][0]


def test_drift_is_the_mean_distance_in_face_widths():
    before = np.zeros((4, 2), np.float32)
    assert drift(before, before + np.float32([3, 4]), 100.0) == pytest.approx(0.05)


def test_unchanged_pixels_do_not_drift_and_a_shift_is_measured(portrait):
    photo, face = portrait
    shift = 0.02 * face.width
    moved = cv2.warpAffine(photo.pixels, np.float32([[1, 0, shift], [0, 1, 0]]), photo.size, borderMode=1)
    same, away = landmark_drift(photo, [photo.pixels.copy(), moved], face)
    assert same == 0
    assert away == pytest.approx(0.02, abs=0.002)


def test_finer_skin_hardly_drifts_and_stays_the_person(portrait):
    photo, face = portrait
    soft = cv2.bilateralFilter(photo.pixels, 9, 20, 5)
    assert 0 < landmark_drift(photo, [soft], face)[0] < 0.004
    assert identity_distance(photo, photo.pixels, face) == 0
    assert 0 < identity_distance(photo, soft, face) < 0.3
    assert identity_distance(photo, replace(photo, pixels=255 - photo.pixels).pixels, face) > 0.3

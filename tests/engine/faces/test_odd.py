"""Odd pictures: a face cut off, under coloured light, hung as a print in the background."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from engine.faces.analysis import analyse
from engine.metrics.crop import region_on
from tests.helpers.odd_portraits import ODD, as_photo


@pytest.fixture(scope="module")
def found(portraits):
    """name in `ODD` → its picture, faces and skipped faces."""
    odd = {each.name: each for each in ODD}

    @cache
    def look(name):
        picture = odd[name].make(portraits)
        return picture, *analyse(as_photo(picture), embed=False)

    return look


def test_half_a_face_is_skipped_with_the_reason(found):
    _, faces, skipped = found("half out of the frame")
    assert faces == () and [face.reason for face in skipped] == ["Most of the face lies outside the photo."]


def test_a_face_cut_through_the_eye_is_analysed_within_the_photo(found):
    picture, (face,), _ = found("a third out of the frame")
    x0, y0, x1, y1 = face.grid.box
    assert 0 == x0 < x1 <= picture.shape[1] and 0 <= y0 < y1 <= picture.shape[0]
    assert all(np.isfinite(mask).all() for mask in face.regions.values())
    assert 0.2 < face.regions["skin"].mean() < 0.8


def test_coloured_light_leaves_the_skin_skin(found, analysed):
    _, (face,), _ = found("coloured light")
    (plain,), _ = analysed("train/london/neutral_002.jpg", 1400)
    sure = plain.regions["skin"] > 0.9
    skin = region_on(face, plain.grid, "skin")
    assert np.mean(skin[sure] > 0.5) > 0.85
    lips = plain.regions["lips"] > 0.9
    assert np.mean(skin[lips]) < 0.15


def test_a_print_in_the_background_is_a_face_of_its_own_and_off(found):
    picture, faces, _ = found("a print in the background")
    assert len(faces) == 2
    person, printed = sorted(faces, key=lambda face: -face.width)
    assert person.box[2] <= printed.box[0] and printed.box[2] <= picture.shape[1]
    assert person.doubt == "" and printed.doubt.startswith("It has one colour only")

"""Finding and fitting faces: real portraits, moved, turned, scaled; groups; nothing there."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from engine.faces import topology
from engine.faces.analysis import SMALLEST_FACE, analyse
from engine.types import GRID_FACE_WIDTH, REGIONS
from tests.engine.faces.conftest import as_photo

PORTRAIT = "train/london/neutral_002.jpg"
CLOSE = 0.02
"""Allowed mean error of landmarks as a fraction of the face's width."""


def _warped(photo, matrix, size):
    pixels = cv2.warpAffine(photo.pixels, matrix, size, flags=cv2.INTER_AREA, borderMode=cv2.BORDER_REPLICATE)
    return replace(photo, pixels=pixels)


@pytest.mark.parametrize(
    ("turn", "scale", "shift"),
    [(0, 1.0, (140, -60)), (0, 0.6, (0, 0)), (0, 1.7, (0, 0)), (25, 1.0, (0, 0)), (-40, 0.8, (0, 0))],
)
def test_landmarks_follow_the_picture(photo_of, analysed, turn, scale, shift):
    photo, ((face,), _) = photo_of(PORTRAIT), analysed(PORTRAIT)
    width, height = photo.size
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), turn, scale)
    matrix[:, 2] += np.array(shift) + (scale - 1) * np.array([width, height]) / 2
    size = (round(width * max(scale, 1)), round(height * max(scale, 1)))
    (moved,), _ = analyse(_warped(photo, matrix, size), embed=False)
    expected = face.landmarks @ matrix[:, :2].T + matrix[:, 2]
    error = np.linalg.norm(moved.landmarks - expected, axis=1) / moved.width
    assert error.mean() < CLOSE
    assert moved.width == pytest.approx(face.width * scale, rel=0.04)
    assert moved.pose[2] - face.pose[2] == pytest.approx(-turn, abs=3)


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_a_face_lying_on_its_side_is_found(photo_of, turns):
    photo = photo_of(PORTRAIT)
    (face,), _ = analyse(replace(photo, pixels=np.ascontiguousarray(np.rot90(photo.pixels, turns))), embed=False)
    assert abs(face.pose[2]) == pytest.approx(180 if turns == 2 else 90, abs=6)


def test_depth_and_encoding_do_not_move_landmarks(photo_of, analysed):
    photo, ((face,), _) = photo_of(PORTRAIT), analysed(PORTRAIT)
    (deep,), _ = analyse(replace(photo, pixels=photo.pixels.astype(np.uint16) * 257), embed=False)
    assert np.abs(deep.landmarks - face.landmarks).max() < 0.5
    assert np.abs(deep.lab - face.lab).max() < 0.6


def test_eyes_lie_where_the_iris_is_dark(photo_of, analysed):
    """An independent check of the coordinates: the landmarks of the pupils hit dark pixels between light whites."""
    photo, ((face,), _) = photo_of(PORTRAIT), analysed(PORTRAIT)
    grey = photo.pixels.mean(2)
    for pupil, corners in ((468, (33, 133)), (473, (362, 263))):
        x, y = (int(v) for v in face.landmarks[pupil])
        cheek = face.landmarks[205]
        assert grey[y - 1 : y + 2, x - 1 : x + 2].mean() < 0.5 * grey[int(cheek[1]), int(cheek[0])]
        outer, inner = face.landmarks[list(corners)]
        assert min(outer[0], inner[0]) < x < max(outer[0], inner[0])


def test_shapes_ranges_and_grid(analysed, photo_of):
    (face,), skipped = analysed(PORTRAIT)
    assert face.id == "face-1" and skipped == ()
    assert face.landmarks.shape == (478, 2) and face.landmarks.dtype == np.float32
    assert set(face.regions) == set(REGIONS)
    for name, mask in face.regions.items():
        assert mask.shape == face.grid.shape and mask.dtype == np.float32, name
        assert np.isfinite(mask).all() and mask.min() >= 0 and mask.max() <= 1, name
    assert face.lab.shape == (*face.grid.shape, 3) and np.isfinite(face.lab).all()
    x0, y0, x1, y1 = face.grid.box
    width, height = photo_of(PORTRAIT).size
    assert 0 <= x0 < face.box[0] and face.box[2] < x1 <= width and 0 <= y0 < y1 <= height
    assert face.grid_width == pytest.approx(GRID_FACE_WIDTH, rel=0.01)
    assert 0.5 < face.confidence <= 1
    np.testing.assert_allclose(face.grid.to_source(face.grid.to_grid(face.landmarks)), face.landmarks, atol=1e-2)


def test_grid_shows_the_same_pixels_as_the_source(photo_of, analysed):
    from engine.imageio.colour import to_lab

    photo, ((face,), _) = photo_of(PORTRAIT), analysed(PORTRAIT)
    for point in topology.SKIN_SAMPLES[::4]:
        x, y = face.landmarks[point].astype(int)
        source = to_lab(photo.pixels[y - 4 : y + 5, x - 4 : x + 5], photo.icc).mean((0, 1))
        gx, gy = face.grid.to_grid(face.landmarks[point][None])[0].astype(int)
        assert np.linalg.norm(face.lab[gy - 4 : gy + 5, gx - 4 : gx + 5].mean((0, 1)) - source) < 2.5


@pytest.mark.parametrize(
    ("name", "faces", "skipped"),
    [("detection1.jpg", 1, 1), ("detection2.jpg", 1, 0), ("detection5.jpg", 3, 0), ("identification1.jpg", 0, 4)],
)
def test_groups(analysed, name, faces, skipped):
    found, small = analysed(f"test/groups/{name}")
    assert len(found) == faces
    assert len(small) == skipped
    assert [face.id for face in found] == [f"face-{i}" for i in range(1, faces + 1)]
    for face in small:
        assert face.reason.startswith("The face is too small") and face.reason.endswith("px are needed).")


def test_a_classroom(analysed):
    """Five people at different distances, one half hidden by hair: each is either analysed or listed, once."""
    faces, skipped = analysed("test/large/07_students.jpg", 3000)
    boxes = [face.box for face in faces] + [face.box for face in skipped]
    assert sorted((box[0] + box[2]) / 6000 for box in boxes) == pytest.approx([0.05, 0.28, 0.39, 0.62, 0.95], abs=0.03)
    assert len(faces) >= 4
    standing = max(faces, key=lambda face: -face.box[1])
    assert standing.id == "face-1"


def test_every_face_is_found_once(analysed):
    found, skipped = analysed("test/groups/detection5.jpg")
    centres = [np.array([face.box[0] + face.box[2], face.box[1] + face.box[3]]) / 2 for face in found]
    for i, a in enumerate(centres):
        for b in centres[i + 1 :]:
            assert np.linalg.norm(a - b) > SMALLEST_FACE / 2
    assert skipped == ()


def test_a_small_face_is_skipped_with_its_width(photo_of):
    photo = photo_of(PORTRAIT)
    small = cv2.resize(photo.pixels, None, fx=0.22, fy=0.22, interpolation=cv2.INTER_AREA)
    canvas = np.full((700, 900, 3), 128, np.uint8)
    canvas[200 : 200 + small.shape[0], 300 : 300 + small.shape[1]] = small
    faces, skipped = analyse(as_photo(canvas), embed=False)
    assert faces == () and len(skipped) == 1
    assert "too small" in skipped[0].reason
    assert skipped[0].box[0] > 300 and skipped[0].box[2] < 300 + small.shape[1]


def test_a_small_part_of_a_large_frame_is_found(photo_of):
    """A face of about 150 px in a frame of 24 megapixels."""
    photo = photo_of(PORTRAIT)
    face = cv2.resize(photo.pixels, None, fx=0.38, fy=0.38, interpolation=cv2.INTER_AREA)
    canvas = np.full((4000, 6000, 3), 110, np.uint8)
    canvas[2600 : 2600 + face.shape[0], 4700 : 4700 + face.shape[1]] = face
    (found,), _ = analyse(as_photo(canvas), embed=False)
    assert 120 < found.width < 200 and found.box[0] > 4700


@pytest.mark.parametrize("size", [(1, 1), (5, 400), (300, 300), (900, 1400)])
def test_no_face_gives_nothing(size):
    noise = np.random.default_rng(1).integers(0, 255, (*size, 3), dtype=np.uint8)
    assert analyse(as_photo(cv2.blur(noise, (5, 5)).reshape(*size, 3))) == ((), ())


def test_a_face_cut_by_the_border_is_skipped_or_kept_inside(photo_of, analysed):
    photo, ((face,), _) = photo_of(PORTRAIT), analysed(PORTRAIT)
    middle = int(face.landmarks[topology.NOSE_TIP, 0] - 0.12 * face.width)
    faces, skipped = analyse(replace(photo, pixels=np.ascontiguousarray(photo.pixels[:, middle:])), embed=False)
    assert faces == ()
    assert all(s.reason.endswith(".") for s in skipped)


def test_a_marked_box_is_analysed_and_an_empty_one_is_refused(photo_of, analysed):
    photo, ((face,), _) = photo_of(PORTRAIT), analysed(PORTRAIT)
    (same,), skipped = analyse(photo, boxes=[face.box, (0, 0, 60, 60)], embed=False)
    assert np.linalg.norm(same.landmarks - face.landmarks, axis=1).mean() < 0.01 * face.width
    assert [s.reason for s in skipped] == ["No face could be recognised in this box."]
    assert analyse(photo, boxes=[]) == ((), ())


def test_turning_the_head_changes_the_sign_of_yaw(photo_of, analysed):
    name = "train/officials/gwen-moore.jpg"
    photo, ((face,), _) = photo_of(name), analysed(name)
    (mirrored,), _ = analyse(replace(photo, pixels=np.ascontiguousarray(photo.pixels[:, ::-1])), embed=False)
    assert abs(face.pose[0]) > 10
    assert mirrored.pose[0] == pytest.approx(-face.pose[0], abs=4)


def test_same_photo_same_result(photo_of, analysed):
    photo, ((face,), _) = photo_of(PORTRAIT), analysed(PORTRAIT)
    (again,), _ = analyse(photo)
    np.testing.assert_array_equal(again.landmarks, face.landmarks)
    for name in REGIONS:
        np.testing.assert_array_equal(again.regions[name], face.regions[name])

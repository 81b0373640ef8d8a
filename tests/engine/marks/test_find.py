"""The mark ledger from painted maps whose marks are known."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from engine.marks.find import find_marks
from engine.types import MARK_CLASSES, Decision, MarkKind
from tests.helpers.faces import synthetic_face


def _disc(shape, centre, radius):
    y, x = np.mgrid[: shape[0], : shape[1]]
    return (np.hypot(x + 0.5 - centre[0], y + 0.5 - centre[1]) <= radius).astype(np.float32)


def _classes(shape, **maps):
    """Maps of `MARK_CLASSES` from those that are named."""
    return np.stack([np.float32(maps.get(kind, np.zeros(shape))) for kind in MARK_CLASSES])


@pytest.fixture
def scene():
    _, face = synthetic_face(size=(480, 400), width=220.0)
    shape = face.grid.shape
    middle = shape[1] / 2, shape[0] / 2
    places = {
        "red": ((middle[0] - 50, middle[1] + 40), 4.0, (2.0, -9.0, -2.0), "blemish"),
        "brown": ((middle[0] + 55, middle[1] + 45), 4.0, (9.0, -2.0, 2.0), "dark_spot"),
        "mole": ((middle[0], middle[1] - 95), 5.0, (22.0, -3.0, 0.0), "mole"),
        "faint": ((middle[0] + 30, middle[1] - 95), 4.0, (0.4, -0.3, 0.0), "blemish"),
        "in the eye": (tuple(face.grid.to_grid(face.landmarks[[468]])[0]), 4.0, (9.0, -9.0, 0.0), "blemish"),
    }
    change = np.zeros((*shape, 3), np.float32)
    maps = np.zeros((len(MARK_CLASSES), *shape), np.float32)
    for centre, radius, value, kind in places.values():
        disc = _disc(shape, centre, radius)
        change += disc[..., None] * np.float32(value)
        maps += _classes(shape, **{kind: disc * 0.9})
    return face, change, maps, places


def test_marks_are_listed_with_kind_place_size_and_decision(scene):
    face, change, maps, places = scene
    marks, _ = find_marks(face, change, maps)
    by_kind = {mark.kind: mark for mark in marks}
    assert {m.kind: m.decision for m in marks} == {
        MarkKind.MOLE: Decision.KEEP,
        MarkKind.BLEMISH: Decision.REMOVE,
        MarkKind.DARK_SPOT: Decision.REMOVE,
    }
    for kind, name in ((MarkKind.BLEMISH, "red"), (MarkKind.DARK_SPOT, "brown"), (MarkKind.MOLE, "mole")):
        centre, radius, value, _ = places[name]
        mark = by_kind[kind]
        assert face.grid.to_grid(np.float32([mark.centre]))[0] == pytest.approx(centre, abs=0.6)
        assert mark.radius * face.grid.scale[0] == pytest.approx(radius, abs=0.6)
        assert mark.contrast == pytest.approx(np.linalg.norm(value), rel=1e-4)
        assert mark.confidence == pytest.approx(0.9, abs=1e-5)


def test_masks_cover_their_mark_and_never_add_up_to_more_than_one(scene):
    face, change, maps, _ = scene
    marks, masks = find_marks(face, change, maps)
    assert list(masks) == [m.id for m in marks]
    assert sum(masks.values()).max() <= 1
    for mark in marks:
        x, y = face.grid.to_grid(np.float32([mark.centre]))[0]
        assert masks[mark.id][int(y), int(x)] == pytest.approx(1, abs=0.02)
        assert masks[mark.id][0, 0] == 0
    with pytest.raises(KeyError):
        masks["no such mark"]


def test_touching_grown_masks_are_shared_at_the_border():
    _, face = synthetic_face(size=(480, 400), width=220.0)
    shape = face.grid.shape
    a, b = (_disc(shape, (shape[1] / 2 + d, shape[0] / 2 - 90), 4) for d in (-5.5, 5.5))
    change = (a + b)[..., None] * np.float32([8, -8, 0])
    marks, masks = find_marks(face, change, _classes(shape, blemish=a + b))
    left, right = sorted(marks, key=lambda m: m.centre[0])
    both = np.minimum(masks[left.id], masks[right.id])
    assert both.max() == 0
    assert (masks[left.id] + masks[right.id])[int(shape[0] / 2 - 90), int(shape[1] / 2)] > 0.4


def test_a_face_without_marks_has_an_empty_ledger():
    _, face = synthetic_face()
    shape = face.grid.shape
    marks, masks = find_marks(face, np.zeros((*shape, 3), np.float32), _classes(shape))
    assert marks == () and len(masks) == 0


def test_a_mole_amid_acne_is_a_mark_of_its_own():
    _, face = synthetic_face(size=(480, 400), width=220.0)
    shape = face.grid.shape
    middle = shape[1] / 2, shape[0] / 2 - 90
    acne, mole = _disc(shape, middle, 9), _disc(shape, middle, 3)
    change = (acne - mole)[..., None] * np.float32([4, -8, 0]) + mole[..., None] * np.float32([20, -2, 0])
    marks, masks = find_marks(face, change, _classes(shape, blemish=acne * 0.8 - mole * 0.6, mole=mole * 0.9))
    decided = {mark.kind: mark for mark in marks}
    assert {kind: m.decision for kind, m in decided.items()} == {
        MarkKind.BLEMISH: Decision.REMOVE,
        MarkKind.MOLE: Decision.KEEP,
    }
    at = int(middle[1]), int(middle[0])
    assert masks[decided[MarkKind.MOLE].id][at] > 0.95
    assert masks[decided[MarkKind.BLEMISH].id][at] == 0
    assert masks[decided[MarkKind.BLEMISH].id][at[0], at[1] + 6] > 0.95


def test_a_mole_beside_acne_that_touches_it_is_a_mark_of_its_own_and_a_rim_is_none():
    _, face = synthetic_face(size=(480, 400), width=220.0)
    shape = face.grid.shape
    middle = shape[1] / 2, shape[0] / 2
    acne = _disc(shape, (middle[0] - 50, middle[1] + 40), 6)
    mole = _disc(shape, (middle[0] - 41, middle[1] + 40), 4)
    ring = _disc(shape, (middle[0] + 50, middle[1] + 40), 6)
    core = _disc(shape, (middle[0] + 50, middle[1] + 40), 5.2)
    red = np.clip(acne - mole, 0, 1)
    maps = _classes(shape, blemish=0.9 * (red + np.clip(ring - core, 0, 1)), mole=0.9 * (mole + core))
    change = red[..., None] * np.float32([2, -9, -2]) + (mole + ring)[..., None] * np.float32([20, -3, 0])
    marks, masks = find_marks(face, change, maps)
    assert sorted(mark.kind for mark in marks) == [MarkKind.BLEMISH, MarkKind.MOLE, MarkKind.MOLE]
    of = {mark.id: mark for mark in marks}
    for place, decision in (((-50, 40), Decision.REMOVE), ((-41, 40), Decision.KEEP), ((50, 40), Decision.KEEP)):
        x, y = int(middle[0] + place[0]), int(middle[1] + place[1])
        inside = [key for key in masks if masks[key][y, x] > 0.9]
        assert [of[key].decision for key in inside] == [decision]


def test_a_faint_mark_on_an_edge_of_shade_is_none():
    _, face = synthetic_face(size=(480, 400), width=220.0)
    x = np.arange(face.grid.shape[1], dtype=np.float32)
    lab = face.lab.copy()
    lab[..., 0] = 60 - 40 / (1 + np.exp(-(x - x.mean()) / 2))
    face = replace(face, lab=lab)
    shape = face.grid.shape
    on_edge = _disc(shape, (shape[1] / 2, shape[0] / 2 - 95), 4)
    beside = _disc(shape, (shape[1] / 2 - 50, shape[0] / 2 + 40), 4)
    change = (on_edge + beside)[..., None] * np.float32([1.5, -2.0, 0.0])
    marks, _ = find_marks(face, change, _classes(shape, blemish=on_edge + beside))
    assert len(marks) == 1
    assert face.grid.to_grid(np.float32([marks[0].centre]))[0][0] == pytest.approx(shape[1] / 2 - 50, abs=1)
    marks, _ = find_marks(face, 3 * change, _classes(shape, blemish=on_edge + beside))
    assert len(marks) == 2, "a clear one is told from shade"


def test_what_is_no_redder_than_shade_is_told_from_it_by_more_contrast():
    _, face = synthetic_face(size=(480, 400), width=220.0)
    x = np.arange(face.grid.shape[1], dtype=np.float32)
    lab = face.lab.copy()
    lab[..., 0] = 60 - 14 / (1 + np.exp(-(x - x.mean()) / 4))
    shape = face.grid.shape
    dimple = _disc(shape, (shape[1] / 2, shape[0] / 2 - 95), 4)

    def found(colour, lab=lab):
        change = dimple[..., None] * np.float32(colour)
        return len(find_marks(replace(face, lab=lab - change), change, _classes(shape, blemish=dimple))[0])

    assert found([1.5, -0.3, 0.0]) == 0 and found([1.0, -1.2, 0.0]) == 1, "of the same contrast"
    assert found([4.5, -0.9, 0.0]) == 1, "a clear one is told from shade"
    level = lab * np.float32([0, 1, 1]) + np.float32([50, 0, 0])
    assert found([1.5, -0.3, 0.0], level) == 1, "where there is no shade it is a mark"
    assert found([1.5, 0.0, 0.0], lab * np.float32([1, 0, 0])) == 1, "without colour nothing tells it from blood"


def test_around_a_mole_that_stays_its_shade_stays_too():
    _, face = synthetic_face(size=(480, 400), width=220.0)
    shape = face.grid.shape
    mole = _disc(shape, (shape[1] / 2, shape[0] / 2 - 95), 4)
    beside, away = (_disc(shape, (shape[1] / 2 + x, shape[0] / 2 - 95), 3) for x in (9, 30))

    def kinds(colour, times=1.0):
        spots = beside + away
        change = mole[..., None] * np.float32([9, -1, -3]) + times * spots[..., None] * np.float32(colour)
        return [mark.kind for mark in find_marks(face, change, _classes(shape, mole=mole, blemish=spots))[0]]

    assert kinds([3, -0.6, 0]) == [MarkKind.MOLE, MarkKind.MOLE, MarkKind.BLEMISH]
    assert kinds([2, -2.3, 0]) == [MarkKind.MOLE, MarkKind.BLEMISH, MarkKind.BLEMISH], "blood is no shade"
    assert kinds([3, -0.6, 0], 2) == [MarkKind.MOLE, MarkKind.BLEMISH, MarkKind.BLEMISH], "no fainter than the mole"


def test_what_rough_skin_has_everywhere_is_no_mark():
    _, face = synthetic_face(size=(480, 400), width=220.0)
    shape = face.grid.shape
    grain = cv2.GaussianBlur(np.random.default_rng(1).normal(size=shape).astype(np.float32), (0, 0), 1.5)
    lab = face.lab.copy()
    lab[..., 0] += 6 * grain / grain.std()
    small = _disc(shape, (shape[1] / 2, shape[0] / 2 - 95), 2)
    large = _disc(shape, (shape[1] / 2 - 50, shape[0] / 2 + 40), 6)
    change = (small + large)[..., None] * np.float32([1.2, -0.9, 0.0])
    classes = _classes(shape, blemish=0.9 * (small + large))
    assert len(find_marks(face, change, classes)[0]) == 2
    (mark,), _ = find_marks(replace(face, lab=lab), change, classes)
    assert mark.radius * face.grid.scale[0] == pytest.approx(6, abs=0.6)
    marks, _ = find_marks(replace(face, lab=lab), 3 * change, classes)
    assert len(marks) == 2, "a clear one stands out of any skin"

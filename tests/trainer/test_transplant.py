"""Real marks in other people's skin, by a mark whose density is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from engine.imageio.light import encode, linearise
from tests.helpers.faces import synthetic_face
from trainer.pretrain.paint import HAEMOGLOBIN, MELANIN
from trainer.pretrain.transplant import Cut, cut_marks, distinct, transplant

SIZE, WIDTH = (560, 460), 300.0
RED, BROWN = (300, 170), (300, 290)
"""Rows and columns of a pimple and of a mole on the cheeks."""


@pytest.fixture(scope="module")
def found():
    photo, face = synthetic_face(SIZE, width=WIDTH, spots=False)
    y, x = np.mgrid[: SIZE[0], : SIZE[1]] + 0.5
    density = np.zeros((*SIZE, 3), np.float32)
    for (row, column), amount in ((RED, 0.5 * HAEMOGLOBIN), (BROWN, 0.9 * MELANIN)):
        blob = np.exp(-((y - row) ** 2 + (x - column) ** 2) / (2 * 3.0**2))
        density += blob[..., None].astype(np.float32) * amount
    marked = encode(linearise(photo.pixels / np.float32(255)) * np.exp(-density))
    pixels = np.rint(marked * 255).astype(np.uint8)
    return cut_marks(replace(photo, pixels=pixels), [face])


def test_a_cut_is_the_density_of_the_mark_against_the_skin_around(found):
    red, brown = sorted(found, key=lambda cut: cut.stays)
    assert (red.stays, brown.stays) == (False, True)
    for cut, amount in ((red, 0.5 * HAEMOGLOBIN), (brown, 0.9 * MELANIN)):
        assert cut.width == pytest.approx(WIDTH)
        middle = cut.density.shape[0] // 2
        peak = cut.density[middle - 1 : middle + 2, middle - 1 : middle + 2].mean((0, 1))
        np.testing.assert_allclose(peak, amount, rtol=0.25, atol=0.05)
        assert np.abs(cut.density[0]).max() == 0 and np.abs(cut.density[:, -1]).max() == 0


def test_marks_to_remove_and_to_keep_are_told_apart_and_lie_on_skin(found):
    linear, skin = np.full((600, 600, 3), 0.4, np.float32), np.zeros((600, 600), np.float32)
    skin[150:] = 1
    made = transplant(linear, skin, 300.0, found, np.random.default_rng(1))
    assert np.array_equal(made.marked[:140], linear[:140]) and not made.removable[:140].any()
    assert made.removable.max() == made.keep.max() == 1
    fallen = np.log(made.kept / made.marked)[made.removable == 1].mean(0)
    assert fallen[0] / fallen[1] == pytest.approx(HAEMOGLOBIN[0] / HAEMOGLOBIN[1], abs=0.12)
    stayed = np.log(0.4 / made.kept)[made.keep == 1].mean(0)
    assert stayed[0] / stayed[1] == pytest.approx(MELANIN[0] / MELANIN[1], abs=0.12)
    assert not (made.removable * made.keep > 0.5).any(), "none on another"


def test_a_mark_is_as_large_on_every_face_and_stronger_and_weaker(found):
    peaks, sizes = [], []
    for width in (300.0, 600.0):
        side = int(2 * width)
        linear, skin = np.full((side, side, 3), 0.4, np.float32), np.ones((side, side), np.float32)
        made = transplant(linear, skin, width, [cut for cut in found if not cut.stays], np.random.default_rng(3))
        assert not made.keep.any()
        sizes.append((made.removable > 0.5).mean())
        peaks.append(np.log(0.4 / made.marked[..., 1].min()))
    assert sizes[1] == pytest.approx(sizes[0], rel=0.35)
    assert all(0.7 * 0.38 < peak < 1.4 * 0.38 for peak in peaks)


def test_without_marks_or_skin_nothing_changes():
    linear = np.full((50, 50, 3), 0.4, np.float32)
    cut = Cut(np.ones((5, 5, 3), np.float32), 100.0, False)
    for skin, cuts in ((np.zeros((50, 50), np.float32), [cut]), (np.ones((50, 50), np.float32), [])):
        made = transplant(linear, skin, 100.0, cuts, np.random.default_rng(0))
        assert np.array_equal(made.marked, linear) and not made.removable.any()


def _cut(shape, colour, stays):
    """A density (41, 41, 3) that is `shape` of the distances down and across from its middle."""
    y, x = np.mgrid[-20:21, -20:21].astype(np.float32)
    return Cut(np.asarray(shape(y, x)[..., None] * colour, np.float32), 500.0, stays)


def _blob(y, x):
    return 0.5 * np.exp(-(x**2 + y**2) / 50)


def _speckled(y, x):
    return _blob(y, x) * np.random.default_rng(0).uniform(-0.5, 2.5, x.shape)


def test_a_network_learns_from_plain_marks_only():
    for colour, stays in ((HAEMOGLOBIN, False), (MELANIN, True)):
        assert distinct(_cut(_blob, colour, stays))
        assert not distinct(_cut(_blob, colour, not stays)), "its colour speaks against it"
        assert not distinct(_cut(_speckled, colour, stays)), "stubble, pores"
        assert not distinct(_cut(lambda y, x: 0.5 * np.exp(-(x**2 / 8 + y**2 / 72)), colour, stays)), "a hair, a crease"
        assert not distinct(_cut(lambda y, x: _blob(y, x) - 0.4 * _blob(y - 14, x), colour, stays)), "gloss beside it"
        assert not distinct(_cut(lambda y, x: 0.1 * _blob(y, x), colour, stays)), "hardly to be seen"
        assert not distinct(_cut(lambda y, x: 0 * x, colour, stays))
        assert not distinct(Cut(np.ones((1, 1, 3), np.float32) * colour, 500.0, stays)), "a pixel"

"""The second painter keeps its masks' promise, repeats with its seed, and its marks look to a blob filter as meant."""

from __future__ import annotations

import numpy as np
import pytest

from trainer.pretrain import lab_paint
from trainer.pretrain.lab_paint import paint_lab

WIDTH = 500.0


def _skin(light: float = 65.0, size: int = 320):
    lab = np.empty((size, size, 3), np.float32)
    lab[:] = light, 14, 17
    return lab, np.ones((size, size), np.float32)


def test_same_seed_same_marks_other_seed_other_marks():
    lab, skin = _skin()
    one, two, other = (paint_lab(lab, skin, WIDTH, np.random.default_rng(s)) for s in (1, 1, 2))
    assert np.array_equal(one.marked, two.marked) and not np.array_equal(one.marked, other.marked)


def test_masks_say_where_which_marks_are():
    lab, skin = _skin()
    p = paint_lab(lab, skin, WIDTH, np.random.default_rng(3), severity=200.0)
    quiet = (p.removable < 1e-3) & (p.keep < 1e-3)
    assert 0.3 < quiet.mean() < 0.98
    assert np.abs(p.marked - p.clean)[quiet].max() < 0.5
    assert np.linalg.norm(p.marked - p.kept, axis=-1)[p.removable > 0.8].mean() > 4
    assert np.linalg.norm(p.kept - p.clean, axis=-1)[p.keep > 0.8].mean() > 6
    assert (p.removable * p.keep).max() < 0.06
    assert np.array_equal(p.clean, lab)


def test_nothing_is_painted_off_the_skin():
    lab, skin = _skin()
    skin[:, 160:] = 0
    p = paint_lab(lab, skin, WIDTH, np.random.default_rng(4), severity=300.0)
    assert np.array_equal(p.marked[:, 160:], lab[:, 160:]) and not np.array_equal(p.marked, lab)
    none = paint_lab(lab, 0 * skin, WIDTH, np.random.default_rng(4))
    assert np.array_equal(none.marked, lab) and none.removable.max() == 0


@pytest.mark.parametrize("light", [30.0, 65.0])
def test_removable_marks_redden_or_darken_and_kept_ones_are_brown(light: float):
    for draw in lab_paint.REMOVABLE:
        stamp = draw(WIDTH, light, np.random.default_rng(5))
        mean = (stamp.change * stamp.mask[..., None]).sum((0, 1)) / stamp.mask.sum()
        assert mean[1] > 0 and (mean[1] > 1.0 or mean[0] < -2), draw
    for draw in lab_paint.KEPT:
        stamp = draw(WIDTH, light, np.random.default_rng(6))
        mean = (stamp.change * stamp.mask[..., None]).sum((0, 1)) / stamp.mask.sum()
        assert mean[0] < -2 and mean[1] < 0.35 * np.linalg.norm(mean), draw


def test_stamps_end_before_their_border():
    for draw in (*lab_paint.REMOVABLE, *lab_paint.KEPT):
        for seed in range(4):
            stamp = draw(WIDTH, 60.0, np.random.default_rng(seed))
            border = np.abs(
                np.concatenate([stamp.change[0], stamp.change[-1], stamp.change[:, 0], stamp.change[:, -1]])
            )
            assert border.max() < 0.3, draw

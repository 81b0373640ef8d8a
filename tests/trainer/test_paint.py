"""Painted marks obey Beer–Lambert, keep their masks' promise and repeat with their seed."""

import numpy as np
import pytest

from trainer.pretrain.paint import HAEMOGLOBIN, MELANIN, _draw, paint

SKIN = np.float32([0.55, 0.35, 0.26])


def _plain(size=200):
    return np.broadcast_to(SKIN, (size, size, 3)).copy(), np.ones((size, size), np.float32)


def test_same_seed_same_marks_other_seed_other_marks():
    linear, skin = _plain()
    one, two, other = (paint(linear, skin, 400.0, np.random.default_rng(s), severity=300.0) for s in (1, 1, 2))
    assert np.array_equal(one.marked, two.marked)
    assert not np.array_equal(one.marked, other.marked)


def test_pixels_outside_both_masks_are_clean_and_kept_marks_stand_on_both_sides():
    linear, skin = _plain()
    p = paint(linear, skin, 400.0, np.random.default_rng(3), severity=200.0)
    quiet = (p.removable < 1e-4) & (p.keep < 1e-4)
    assert quiet.mean() > 0.2
    assert np.abs(p.marked - p.clean)[quiet].max() < 0.02
    only_kept = (p.keep > 0.8) & (p.removable < 1e-4)
    assert only_kept.any()
    assert np.abs(p.kept - p.clean)[only_kept].mean() > 0.02
    assert np.abs(p.marked - p.kept)[only_kept].max() < 0.02


def test_nothing_is_painted_off_the_skin():
    linear, skin = _plain()
    skin[:, :] = 0
    p = paint(linear, skin, 400.0, np.random.default_rng(3), severity=200.0)
    assert p.removable.max() == 0 and p.keep.max() == 0
    assert np.array_equal(p.marked, p.clean)


@pytest.mark.parametrize("kind", ["papule", "scab", "dark_spot", "mole", "freckle"])
def test_every_mark_only_adds_chromophore(kind):
    rng = np.random.default_rng(5)
    for _ in range(5):
        melanin, haemoglobin, _, mask = _draw(kind, 512.0, (1.0, 0.0), rng)
        assert melanin.min() >= -0.01 and haemoglobin.min() >= -0.01
        assert mask.min() >= 0 and mask.max() <= 1
        assert mask[0].max() < 0.12, "the mark is cut by its own window"


def test_chromophores_colour_skin_as_in_nature():
    """Haemoglobin reddens (green falls most), melanin browns (blue falls most): Jacques 2013, figures 3 and 8."""
    red, brown = SKIN * np.exp(-0.4 * HAEMOGLOBIN), SKIN * np.exp(-0.4 * MELANIN)
    assert np.argmin(red / SKIN) == 1
    assert np.argmin(brown / SKIN) == 2
    assert np.argmax(red / SKIN) == np.argmax(brown / SKIN) == 0

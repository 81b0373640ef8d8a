"""Painted marks obey Beer–Lambert, keep their masks' promise and repeat with their seed."""

import numpy as np
import pytest

from engine.marks import kinds
from trainer.pretrain.paint import HAEMOGLOBIN, MELANIN, SORTS, Place, paint, stubble

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
    p = paint(linear, skin, 400.0, np.random.default_rng(4), severity=200.0)
    quiet = (p.removable < 1e-4) & (p.keep < 1e-4)
    assert quiet.mean() > 0.2
    assert np.abs(p.marked - p.clean)[quiet].max() < 0.03
    only_kept = (p.keep > 0.8) & (p.removable < 1e-4)
    assert only_kept.any()
    assert np.abs(p.kept - p.clean)[only_kept].mean() > 0.02
    assert np.abs(p.marked - p.kept)[only_kept].max() < 0.03


def test_nothing_is_painted_off_the_skin():
    linear, skin = _plain()
    skin[:, :] = 0
    p = paint(linear, skin, 400.0, np.random.default_rng(3), severity=200.0)
    assert p.removable.max() == 0 and p.keep.max() == 0
    assert np.array_equal(p.marked, p.clean)


@pytest.mark.parametrize("name", ["macule", "flush", "scab", "dark spot", "blackhead", "freckle"])
def test_flat_marks_only_add_chromophore_and_end_inside_their_window(name):
    rng = np.random.default_rng(5)
    for radius in (3.0, 6.5, 11.0):
        density = SORTS[name].draw(radius, Place((1.0, 0.0), SKIN, rng))
        assert density.min() >= -0.01
        assert density.max() > 0.02
        border = np.concatenate([density[0], density[-1], density[:, 0], density[:, -1]])
        assert np.abs(border).max() < 0.03, "the mark is cut by its own window"


def test_each_class_marks_where_its_own_kind_changed_the_skin():
    """A pixel of a removable class differs from the picture with kept marks only, one of no class from none."""
    linear, skin = _plain()
    p = paint(linear, skin, 400.0, np.random.default_rng(11), severity=150.0)
    change = np.abs(np.log(p.marked / p.kept)).max(-1)
    assert np.percentile(change[p.removable > 0.9], 2) > 0.03, "marks that cancel each other are rare"
    assert change[p.removable == 0].max() < 0.1, "faint tails of several marks may add up"
    kept = np.abs(np.log(p.kept / p.clean)).max(-1)
    assert kept[p.keep == 0].max() < 0.1


def test_stubble_darkens_part_of_the_skin_in_points():
    skin = np.ones((400, 400), np.float32)
    skin[:, :150] = 0
    for seed in range(5):
        density = stubble(skin, 400.0, np.random.default_rng(seed))[..., 1]
        assert density.min() >= 0 and density[:, :140].max() < 1e-3
        beard = density[:, 160:]
        shadow = np.median(beard[beard > 0])
        assert beard.max() > 3 * shadow > 0, "points over a shadow"


def test_a_pit_is_lit_from_the_other_side_than_a_papule():
    """Light from +x: a bump is bright on the side towards it, a pit on the other (sign of the first moment)."""

    def moment(name, seed):
        draw = SORTS[name].draw(8.0, Place((1.0, 0.0), SKIN, np.random.default_rng(seed)))
        x = np.arange(draw.shape[1]) - draw.shape[1] // 2
        return float((draw[..., 0] * x).sum())

    pits, bumps = (np.mean([moment(name, seed) for seed in range(40)]) for name in ("pit", "nodule"))
    assert pits * bumps < 0


def test_chromophores_colour_skin_as_in_nature():
    """Haemoglobin reddens (green falls most), melanin browns (blue falls most): Jacques 2013, figures 3 and 8."""
    red, brown = SKIN * np.exp(-0.4 * HAEMOGLOBIN), SKIN * np.exp(-0.4 * MELANIN)
    assert np.argmin(red / SKIN) == 1
    assert np.argmin(brown / SKIN) == 2
    assert np.argmax(red / SKIN) == np.argmax(brown / SKIN) == 0


def test_a_mark_as_red_may_be_little_darker_than_skin_or_much():
    """A flush is blood only. Green, which reddens it, falls as much whatever its oxygen; red falls 5 times as much in
    some as in others (Jacques 2013, figure 3)."""
    flushes = [SORTS["flush"].draw(8.0, Place((1.0, 0.0), SKIN, np.random.default_rng(seed))) for seed in range(60)]
    shares = np.array([flush[..., 0].sum() / flush[..., 1].sum() for flush in flushes])
    assert 0.05 < shares.min() < 0.1
    assert 0.33 < shares.max() < 0.45
    assert shares.mean() == pytest.approx(HAEMOGLOBIN[0] / HAEMOGLOBIN[1], rel=0.15)


def test_the_judge_of_colours_knows_the_chromophores_that_are_painted():
    assert MELANIN[0] / MELANIN[1] == pytest.approx(kinds.PIGMENT_RATIO, abs=0.01)
    assert HAEMOGLOBIN[0] / HAEMOGLOBIN[1] == pytest.approx(kinds.BLOOD_RATIO, abs=0.01)

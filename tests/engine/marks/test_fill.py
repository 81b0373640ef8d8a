"""Closing marks from the skin around them."""

import numpy as np

from engine.marks.fill import close_marks


def _scene(width=300.0, size=120):
    y, x = np.mgrid[:size, :size].astype(np.float32)
    lab = np.stack([60 + 0.03 * x, 15 + 0 * x, 14 + 0 * x], -1).astype(np.float32)
    distance = np.hypot(x - 60, y - 60)
    mark = np.exp(-((distance / 3.5) ** 2)).astype(np.float32)
    soft = (distance < 7).astype(np.float32)  # masks reach beyond their mark
    marked = lab + mark[..., None] * np.float32([-8, 9, 0])
    return lab, marked, soft, np.ones((size, size), np.float32), width


def _one(soft):
    return (soft > 0).astype(np.int32)


def test_a_mark_that_the_network_left_alone_takes_the_colour_of_its_surroundings():
    lab, marked, soft, skin, width = _scene()
    change = close_marks(marked, np.zeros_like(marked), _one(soft), soft, skin, width)
    before, after = (np.linalg.norm(image - lab, axis=-1)[soft > 0].mean() for image in (marked, marked + change))
    assert before > 2.5
    assert after < 0.3 * before


def test_skin_outside_marks_and_a_perfect_proposal_are_left_alone():
    lab, marked, soft, skin, width = _scene()
    change = close_marks(marked, lab - marked, _one(soft), soft, skin, width)
    assert np.abs(marked + change - lab)[soft > 0].max() < 0.15
    assert np.array_equal(change[soft == 0], (lab - marked)[soft == 0])


def test_the_membrane_meets_a_slope_and_ignores_what_is_not_skin():
    """Laplace's equation reproduces a plane exactly, and lips beside a mark do not bleed into it."""
    lab, marked, soft, skin, width = _scene()
    lips = np.zeros_like(soft, bool)
    lips[:, 66:] = True
    skin, marked = np.where(lips, np.float32(0), skin), np.where(lips[..., None], np.float32([40, 45, 20]), marked)
    soft = soft * ~lips
    change = close_marks(marked, np.zeros_like(marked), _one(soft), soft, skin, width)
    inside = soft > 0
    assert np.abs((marked + change - lab)[..., 1][inside]).max() < 3.0, "redness of the lips would be 30"
    assert np.abs((marked + change - lab)[inside]).mean() < 0.6


def test_a_proposal_that_falls_short_is_strengthened_and_keeps_the_form_that_it_knows():
    """A crease runs under the mark; the network knows it and takes 70% of the mark away, of the other mark nothing."""
    lab, marked, soft, skin, width = _scene()
    y, x = np.mgrid[:120, :120].astype(np.float32)
    crease = -4 * np.sin((x - 60) / 2)[..., None] * np.exp(-(((x - 60) / 4) ** 2))[..., None] * np.float32([1, 0, 0])
    lab, marked = lab + crease, marked + crease
    far = (np.hypot(x - 20, y - 20) < 7).astype(np.float32)
    labels = (_one(soft) + 2 * _one(far)).astype(np.int32)
    marked = marked + np.exp(-(((x - 20) ** 2 + (y - 20) ** 2) / 12))[..., None] * np.float32([-8, 9, 0])
    proposal = np.where(labels[..., None] == 1, 0.7 * (lab - marked), 0).astype(np.float32)
    change = close_marks(marked, proposal, labels, soft + far, skin, width)
    alone = close_marks(marked, np.zeros_like(lab), labels, soft + far, skin, width)
    error, membrane = (np.linalg.norm(marked + c - lab, axis=-1) for c in (change, alone))
    assert error[soft > 0].mean() < 0.5 * membrane[soft > 0].mean()
    assert error[far > 0].mean() < 0.3 * np.linalg.norm(marked - lab, axis=-1)[far > 0].mean(), (
        "what the network missed is closed from around"
    )


def test_marks_beside_each_other_are_strengthened_without_a_step():
    """The network takes 90% of one half of a spot away and 60% of the other, as two marks; its rim would show."""
    lab, marked, soft, skin, width = _scene()
    left = np.arange(120)[None] < 60
    labels = np.where(left, 1, 2) * _one(soft)
    proposal = np.where(left[..., None], 0.9, 0.6).astype(np.float32) * (lab - marked)
    change = close_marks(marked, proposal, labels.astype(np.int32), soft, skin, width)
    times = change[60, 56:64, 0] / proposal[60, 56:64, 0]
    assert times[-1] > times[0] + 0.1, "what fell shorter is strengthened more"
    assert np.diff(times).max() < 0.5 * (times[-1] - times[0])

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


def test_skin_outside_marks_is_left_alone_and_a_perfect_proposal_nearly():
    lab, marked, soft, skin, width = _scene()
    change = close_marks(marked, lab - marked, _one(soft), soft, skin, width)
    assert np.abs(marked + change - lab)[soft > 0].max() < 0.06 * 9
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


def _many(count=12):
    """Marks in rows on a slope of light, far enough from each other for skin between."""
    y, x = np.mgrid[:200, :200].astype(np.float32)
    lab = np.stack([60 + 0.03 * x, 15 + 0 * x, 14 + 0 * x], -1).astype(np.float32)
    mark, labels = np.zeros_like(x), np.zeros(x.shape, np.int32)
    for i in range(count):
        distance = np.hypot(x - 30 - 45 * (i % 4), y - 30 - 60 * (i // 4))
        mark += np.exp(-((distance / 3.5) ** 2)).astype(np.float32)
        labels[distance < 7] = i + 1
    return lab, lab + mark[..., None] * np.float32([-8, 9, 0]), labels, (labels > 0).astype(np.float32)


def test_what_a_network_overdoes_on_all_of_a_face_is_taken_back():
    lab, marked, labels, soft = _many()
    proposal = 1.2 * (lab - marked)
    change = close_marks(marked, proposal, labels, soft, np.ones_like(soft), 300.0)
    times = (change / np.where(proposal == 0, 1, proposal))[..., 0][soft > 0.5]
    assert 1.2 * times.mean() < 1.1
    assert times.std() < 0.02


def test_one_mark_beside_a_shade_is_healed_like_the_others():
    """A dark shade beside it, as under a lip, makes its membrane dark: the network, which sees it, knows better."""
    lab, marked, labels, soft = _many()
    shade = np.zeros_like(lab)
    shade[15:45, 37:60, 0] = -25
    change = close_marks(marked + shade, lab - marked, labels, soft, np.ones_like(soft), 300.0)
    error = np.linalg.norm(marked + change - lab, axis=-1)
    assert error[labels == 1].mean() < 0.2, "1.5 if its own membrane were believed"
    assert error[labels > 1].mean() < 0.2


def test_one_mark_alone_hardly_weakens_its_proposal():
    lab, marked, soft, skin, width = _scene()
    shade = np.zeros_like(lab)
    shade[:, 67:90, 0] = -25
    change = close_marks(marked + shade, lab - marked, _one(soft), soft, skin, width)
    times = (change / (lab - marked + 1e-9))[..., 1][np.abs((lab - marked)[..., 1]) > 2]
    assert 0.85 < times.mean() < 0.95, "0.51 if what it lacks were believed"

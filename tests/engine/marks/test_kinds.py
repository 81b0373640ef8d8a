"""A mark is what the network says, unless its colour says otherwise."""

import numpy as np

from engine.marks.kinds import ACNE, FRECKLED, judged
from engine.types import MARK_CLASSES, MarkKind

BROWN, HALF_RED, REDDISH, RED = (9.0, -1.5, -4.0), (9.0, -4.5, -3.0), (7.0, -4.6, -2.5), (3.0, -6.0, -1.0)
"""Changes that heal spots of these colours, L*a*b*."""


def _kind(change=BROWN, acne=ACNE, lightness=65.0, **kinds):
    """Of a mark on a face with so many inflamed ones, on skin of this L*."""
    rows = [[kinds.get(kind, 0.02) for kind in MARK_CLASSES], *[[0.9, 0, 0, 0, 0]] * acne]
    skin = np.full(len(rows), lightness, np.float32)
    scores = judged(np.float32(rows), np.float32([change, *[RED] * acne]), skin)
    return MARK_CLASSES[int(scores[0].argmax())]


def test_what_is_mainly_red_is_neither_mole_nor_freckle():
    for kind in (MarkKind.FRECKLE, MarkKind.MOLE):
        assert _kind(BROWN, **{kind: 0.8, "blemish": 0.4}) is kind
        for acne in (0, ACNE):
            assert _kind(RED, acne, **{kind: 0.8, "blemish": 0.3}) is MarkKind.BLEMISH


def test_half_way_the_network_is_believed_half():
    assert 0.35 < 4.5 / np.linalg.norm(HALF_RED) < 0.5
    assert _kind(HALF_RED, mole=0.9, blemish=0.3) is MarkKind.MOLE
    assert _kind(HALF_RED, mole=0.9, blemish=0.7) is MarkKind.BLEMISH


def test_a_reddish_mole_stays_on_skin_without_acne_if_the_network_is_sure():
    assert 0.5 < 4.6 / np.linalg.norm(REDDISH) < 0.6
    assert _kind(REDDISH, acne=ACNE - 1, mole=0.95, blemish=0.4) is MarkKind.MOLE
    assert _kind(REDDISH, acne=ACNE - 1, mole=0.7, blemish=0.4) is MarkKind.BLEMISH
    assert _kind(REDDISH, acne=ACNE, mole=0.95, blemish=0.4) is MarkKind.BLEMISH


def test_in_doubt_what_is_brown_stays_on_skin_without_acne():
    for kind in (MarkKind.FRECKLE, MarkKind.MOLE):
        assert _kind(BROWN, acne=ACNE - 1, **{kind: 0.7, "dark_spot": 0.85}) is kind
        assert _kind(BROWN, acne=ACNE, **{kind: 0.7, "dark_spot": 0.85}) is MarkKind.DARK_SPOT
        assert _kind(BROWN, acne=ACNE - 1, **{kind: 0.6, "dark_spot": 0.85}) is MarkKind.DARK_SPOT
        assert _kind(HALF_RED, acne=ACNE - 1, **{kind: 0.7, "blemish": 0.85}) is MarkKind.BLEMISH


def test_on_freckled_skin_a_freckle_that_warm_light_reddens_stays():
    warm, row = (2.6, -1.6, -0.9), np.float32([0.45, 0.1, 0, 0.02, 0.83])
    assert 0.48 < 1.6 / np.linalg.norm(warm) < 0.51 and MARK_CLASSES[0] is MarkKind.BLEMISH

    def kind(freckles, acne=0):
        scores = np.float32([row] * (1 + freckles) + [[0.9, 0, 0, 0, 0]] * acne)
        change = np.float32([warm, *[BROWN] * freckles, *[RED] * acne])
        found = judged(scores, change, np.full(len(scores), 65, np.float32))
        return MARK_CLASSES[int(found[0].argmax())]

    assert kind(FRECKLED) is MarkKind.FRECKLE
    assert kind(FRECKLED - 1) is MarkKind.BLEMISH
    assert kind(FRECKLED, ACNE) is MarkKind.BLEMISH, "amid acne it may be acne"


def test_on_dark_skin_less_redness_tells_a_scab_from_a_mole():
    scab, mole = (7.5, -2.6, -1.2), (9.8, -0.9, -0.8)
    for acne in (0, ACNE):
        assert _kind(scab, acne, mole=0.93, blemish=0.7) is MarkKind.MOLE
        assert _kind(scab, acne, lightness=30.0, mole=0.93, blemish=0.7) is MarkKind.BLEMISH
        assert _kind(mole, acne, lightness=30.0, mole=0.93, blemish=0.7) is MarkKind.MOLE


def test_scars_may_be_red():
    assert _kind((1.0, -6.0, 0.0), scar=0.6, blemish=0.5) is MarkKind.SCAR


def test_a_mark_without_colour_is_what_the_network_says_and_no_marks_are_none():
    assert _kind((0.0, 0.0, 0.0), mole=0.6, blemish=0.5) is MarkKind.MOLE
    none = np.zeros((0, len(MARK_CLASSES)), np.float32)
    assert judged(none, np.zeros((0, 3), np.float32), np.zeros(0, np.float32)).shape == (0, 5)

"""A mark is what the network says, unless its colour says otherwise."""

import numpy as np
import pytest

from engine.imageio.colour import to_lab
from engine.imageio.light import encode, linearise
from engine.marks.kinds import ACNE, FRECKLED, judged, redness
from engine.types import MARK_CLASSES, MarkKind

MELANIN, BLOOD = np.float32([0.32, 0.48, 0.82]), np.float32([0.17, 0.76, 0.63])
"""Optical densities in red, green and blue (Jacques 2013, over camera bands)."""
BROWN, HALF_RED, REDDISH, RED = 0.0, 0.4, 0.55, 1.0
"""Shares of blood in spots."""
LIGHT, DARK = (0.75, 0.58, 0.48), (0.3, 0.22, 0.18)
"""Skin, sRGB-encoded."""


def _spot(blood, skin=LIGHT, light=(1.0, 1.0, 1.0), dense=0.4):
    """Change that heals a spot, and the skin without it, L*a*b*. light: its colour, linear."""
    linear = linearise(np.float32(skin)) * np.float32(light)
    density = dense * ((1 - blood) * MELANIN + blood * BLOOD)
    clean, marked = (to_lab(encode(c)[None, None], None)[0, 0] for c in (linear, linear * np.exp(-density)))
    return clean - marked, clean


def _judged(scores, spots):
    change, skin = (np.float32([spot[i] for spot in spots]) for i in (0, 1))
    return [MARK_CLASSES[int(row.argmax())] for row in judged(np.float32(scores), change, skin)]


def _kind(blood=BROWN, acne=ACNE, skin=LIGHT, **kinds):
    """Of a mark on a face with so many inflamed ones, on skin of this colour."""
    rows = [[kinds.get(kind, 0.02) for kind in MARK_CLASSES], *[[0.9, 0, 0, 0, 0]] * acne]
    return _judged(rows, [_spot(blood, skin), *[_spot(RED, skin)] * acne])[0]


def _redness(*spot):
    return float(redness(*(np.float32(each)[None] for each in spot))[0])


def test_redness_tells_blood_from_melanin_in_any_light():
    for light in ((1.0, 1.0, 1.0), (1.2, 0.9, 0.6), (0.85, 1.0, 1.3)):
        assert _redness(*_spot(BROWN, light=light)) == pytest.approx(0, abs=0.03)
        assert _redness(*_spot(RED, light=light)) == pytest.approx(1, abs=0.03)
        assert 0.45 < _redness(*_spot(HALF_RED, light=light)) < 0.55
        assert _redness(*_spot(HALF_RED, light=light, dense=0.1)) == pytest.approx(0.51, abs=0.03), "faint as well"


def test_what_is_lighter_than_skin_is_not_red_and_pus_is_no_pigment():
    change, skin = _spot(RED)
    assert _redness(-change, skin) == 0
    pus = to_lab(encode(linearise(np.float32(LIGHT)) * np.exp(np.float32([0.02, -0.005, -0.1])))[None, None], None)
    assert _redness(skin - pus[0, 0], skin) > 1


def test_what_is_mainly_red_is_neither_mole_nor_freckle():
    for kind in (MarkKind.FRECKLE, MarkKind.MOLE):
        assert _kind(BROWN, **{kind: 0.8, "blemish": 0.4}) is kind
        for acne in (0, ACNE):
            assert _kind(RED, acne, **{kind: 0.8, "blemish": 0.3}) is MarkKind.BLEMISH
            assert _kind(RED, acne, **{kind: 0.9, "blemish": 0.1}) is kind, "as in gloss"


def test_half_way_the_network_is_believed_half():
    assert _kind(HALF_RED, mole=0.9, blemish=0.3) is MarkKind.MOLE
    assert _kind(HALF_RED, mole=0.9, blemish=0.7) is MarkKind.BLEMISH


def test_a_reddish_mole_stays_on_skin_without_acne_if_the_network_is_sure():
    assert 0.6 < _redness(*_spot(REDDISH)) < 0.75
    assert _kind(REDDISH, acne=ACNE - 1, mole=0.95, blemish=0.4) is MarkKind.MOLE
    assert _kind(REDDISH, acne=ACNE - 1, mole=0.45, blemish=0.4) is MarkKind.BLEMISH
    assert _kind(REDDISH, acne=ACNE, mole=0.95, blemish=0.4) is MarkKind.BLEMISH


def test_in_doubt_a_mole_stays_and_on_skin_without_acne_a_brown_freckle():
    for acne in (ACNE - 1, ACNE):
        assert _kind(BROWN, acne, mole=0.6, dark_spot=0.85) is MarkKind.MOLE
        assert _kind(BROWN, acne, mole=0.5, dark_spot=0.85) is MarkKind.DARK_SPOT
        assert _kind(BROWN, acne, skin=DARK, mole=0.7, dark_spot=0.85) is MarkKind.DARK_SPOT, "where acne is brown"
    assert _kind(BROWN, ACNE - 1, freckle=0.6, dark_spot=0.85) is MarkKind.FRECKLE
    assert _kind(BROWN, ACNE, freckle=0.7, dark_spot=0.85) is MarkKind.DARK_SPOT
    assert _kind(BROWN, ACNE - 1, freckle=0.5, dark_spot=0.85) is MarkKind.DARK_SPOT
    assert _kind(HALF_RED, ACNE - 1, freckle=0.7, blemish=0.85) is MarkKind.BLEMISH


def test_on_freckled_skin_a_reddish_freckle_stays():
    row = [0.45, 0.1, 0, 0.02, 0.83]
    assert MARK_CLASSES[0] is MarkKind.BLEMISH

    def kind(freckles, acne=0):
        scores = [row] * (1 + freckles) + [[0.9, 0, 0, 0, 0]] * acne
        return _judged(scores, [_spot(REDDISH), *[_spot(BROWN)] * freckles, *[_spot(RED)] * acne])[0]

    assert kind(FRECKLED) is MarkKind.FRECKLE
    assert kind(FRECKLED - 1) is MarkKind.BLEMISH
    assert kind(FRECKLED, ACNE) is MarkKind.BLEMISH, "amid acne it may be acne"


def test_on_dark_skin_less_redness_tells_a_scab_from_a_mole():
    """L*a*b* of a scab and of a mole of a dark man; on light skin such a scab is brown."""
    scab, mole, skin = (7.5, -2.8, -1.2), (9.8, -0.9, -0.8), np.float32([30, 10, 12])
    for acne in (0, ACNE):
        rows = [[0.6, 0.02, 0.02, 0.93, 0.02], *[[0.9, 0, 0, 0, 0]] * acne]
        others = [_spot(RED, DARK)] * acne
        assert _judged(rows, [(scab, skin), *others])[0] is MarkKind.BLEMISH
        assert _judged(rows, [(mole, skin), *others])[0] is MarkKind.MOLE
        assert _judged(rows, [(scab, skin + np.float32([35, 8, 8])), *others])[0] is MarkKind.MOLE


def test_scars_may_be_red():
    assert _kind(RED, scar=0.6, blemish=0.5) is MarkKind.SCAR


def test_a_mark_without_colour_is_what_the_network_says_and_no_marks_are_none():
    _, skin = _spot(RED)
    assert _judged([[0.5, 0, 0, 0.6, 0]], [(np.zeros(3), skin)]) == [MarkKind.MOLE]
    none = np.zeros((0, len(MARK_CLASSES)), np.float32)
    assert judged(none, np.zeros((0, 3), np.float32), np.zeros((0, 3), np.float32)).shape == (0, 5)

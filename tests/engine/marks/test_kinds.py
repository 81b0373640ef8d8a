"""An ambiguous brown spot goes amid acne and stays amid freckles; clear ones are never turned."""

import numpy as np

from engine.marks.kinds import judged
from engine.types import MARK_CLASSES, MarkKind

BROWN = (9.0, -1.5, -4.0)
"""Change that heals a brown spot, L*a*b*."""


def _scores(**kinds):
    return [kinds.get(kind, 0.02) for kind in MARK_CLASSES]


def _kinds(*scores, change=BROWN, area=None):
    count = len(scores)
    area = np.ones(count) if area is None else np.float32(area)
    judgement = judged(np.float32(scores), np.tile(np.float32(change), (count, 1)), area)
    return [MARK_CLASSES[i] for i in judgement.argmax(1)]


AMBIGUOUS = _scores(dark_spot=0.5, freckle=0.6)
MOLE = _scores(dark_spot=0.2, mole=0.9)


def test_what_surrounds_an_ambiguous_spot_decides():
    acne, freckles = [_scores(blemish=0.9)] * 8, [_scores(freckle=0.8)] * 8
    assert _kinds(AMBIGUOUS, MOLE, *acne)[:2] == [MarkKind.DARK_SPOT, MarkKind.MOLE]
    assert _kinds(AMBIGUOUS, MOLE, *freckles)[:2] == [MarkKind.FRECKLE, MarkKind.MOLE]


def test_a_pimple_among_freckles_is_a_pimple():
    assert _kinds(_scores(blemish=0.9, freckle=0.3), *[_scores(freckle=0.8)] * 8)[0] is MarkKind.BLEMISH


def test_a_few_large_pimples_count_more_than_many_faint_dots():
    scores = [AMBIGUOUS] * 12 + [_scores(blemish=0.9)] * 3
    assert _kinds(*scores)[0] is MarkKind.FRECKLE
    assert _kinds(*scores, area=[1] * 12 + [40] * 3)[0] is MarkKind.DARK_SPOT


def test_what_is_mainly_red_is_neither_mole_nor_freckle():
    freckled = [_scores(freckle=0.8, blemish=0.4)] * 9
    assert set(_kinds(*freckled, change=BROWN)) == {MarkKind.FRECKLE}
    assert set(_kinds(*freckled, change=(3.0, -6.0, -1.0))) == {MarkKind.BLEMISH}

"""A mark is what the network says, unless its colour says otherwise."""

import numpy as np

from engine.marks.kinds import judged
from engine.types import MARK_CLASSES, MarkKind

BROWN = (9.0, -1.5, -4.0)
"""Change that heals a brown spot, L*a*b*."""


def _kind(change=BROWN, **kinds):
    scores = np.float32([kinds.get(kind, 0.02) for kind in MARK_CLASSES])
    return MARK_CLASSES[int(judged(scores, np.float32(change)).argmax())]


def test_what_is_mainly_red_is_neither_mole_nor_freckle():
    for kind in (MarkKind.FRECKLE, MarkKind.MOLE):
        assert _kind(BROWN, **{kind: 0.8, "blemish": 0.4}) is kind
        assert _kind((3.0, -6.0, -1.0), **{kind: 0.8, "blemish": 0.4}) is MarkKind.BLEMISH


def test_half_way_the_network_is_believed_half():
    half_red = (9.0, -4.5, -3.0)
    assert 0.35 < 4.5 / np.linalg.norm(half_red) < 0.5
    assert _kind(half_red, mole=0.9, blemish=0.3) is MarkKind.MOLE
    assert _kind(half_red, mole=0.9, blemish=0.7) is MarkKind.BLEMISH


def test_scars_may_be_red():
    assert _kind((1.0, -6.0, 0.0), scar=0.6, blemish=0.5) is MarkKind.SCAR


def test_a_mark_without_colour_is_what_the_network_says():
    assert _kind((0.0, 0.0, 0.0), mole=0.6, blemish=0.5) is MarkKind.MOLE

"""By what retouches differ: the layers that show, in the order in which they show."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from engine.layers.differences import differences
from engine.types import FaceEdits, FaceGrid, RetouchLayers, Strengths


def _layers(texture: float = 0.0, **codes: float) -> RetouchLayers:
    """Layers of so many codes of 255 on one half of the face."""
    half = np.zeros((40, 40, 3), np.float32)
    half[:20] = 1 / 255
    deltas = {name: half * np.float32(size) for name, size in codes.items()}
    gain = np.full((40, 40), texture, np.float32)
    return RetouchLayers("f", FaceGrid((0, 0, 40, 40), (40, 40)), 40.0, deltas, gain, np.ones((40, 40), np.float32))


def test_what_differs_most_comes_first_and_what_nobody_sees_is_left_out() -> None:
    than = _layers(tone=3, shine=5, light=2, texture=0.05)
    now = _layers(tone=4, shine=2, light=2.2, texture=0.25)
    assert differences(now, than, FaceEdits()) == (("shine", False), ("tone", True), ("texture", True))
    assert differences(than, than, FaceEdits()) == ()


def test_layers_that_are_off_do_not_tell_retouches_apart() -> None:
    than, now = _layers(tone=1, features=1), _layers(tone=3, features=9)
    assert differences(now, than, FaceEdits()) == (("tone", True),), "clarity starts at 0"
    edits = replace(FaceEdits(), strengths=Strengths({"tone": 0, "features": 50}))
    assert differences(now, than, edits) == (("features", True),)

"""Strengths of a variation's own."""

import numpy as np
import pytest

from engine.doses import DOSED, dosed
from engine.types import Strengths


def test_every_other_variation_has_strengths_of_its_own_the_same_each_time():
    base = Strengths({"texture": 60.0})
    assert [dosed(base, "photo", seed, 1.0) == base for seed in range(6)] == [True, False] * 3
    assert dosed(base, "photo", 1, 1.0) == dosed(base, "photo", 1, 1.0) != dosed(base, "other", 1, 1.0)


def test_only_the_layers_of_the_skin_move_that_nobody_has_set():
    base = Strengths({"shine": 0.0, "tone": 95.0})
    found = [dosed(base, "photo", seed, 1.0).values for seed in range(1, 40, 2)]
    moved = {name for values in found for name in values if values[name] != base.values[name]}
    assert moved == set(DOSED) - {"shine", "tone"}


@pytest.mark.parametrize("reach", [0.0, 0.3, 1.0])
def test_they_go_as_far_as_they_reach(reach):
    drawn = [dosed(Strengths(), str(photo), 1, reach).values[layer] for photo in range(300) for layer in DOSED]
    away = np.array(drawn) - 50
    assert np.abs(away).max() == pytest.approx(50 * reach)
    assert away.std() == pytest.approx(100 * reach / 12**0.5, rel=0.05), "evenly drawn"

"""Strengths and the face grid."""

from __future__ import annotations

import numpy as np
import pytest

from engine.types import DEFAULT_STRENGTHS, LAYERS, FaceGrid, Strengths


@pytest.mark.parametrize(
    ("value", "amount", "factor"), [(50, 50, 1.0), (0, 50, 0.0), (100, 50, 2.0), (50, 100, 2.0), (25, 25, 0.25)]
)
def test_strength_50_is_as_proposed_and_amount_multiplies(value: float, amount: float, factor: float) -> None:
    strengths = Strengths({"tone": value}, amount)
    assert strengths.factor("tone") == pytest.approx(factor)
    assert strengths.factor("heal") == pytest.approx(amount / 50)


def test_unknown_names_and_values_out_of_range_are_refused() -> None:
    for wrong in ({"whiten": 10.0}, {"tone": 100.1}, {"tone": -1.0}, {"tone": float("nan")}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            Strengths(wrong)
    with pytest.raises(ValueError, match="amount"):
        Strengths(amount=101)


def test_with_replaces_and_keeps() -> None:
    first = Strengths({"tone": 10.0, "heal": 20.0}, 30.0)
    second = first.with_(tone=40.0, amount=60.0)
    assert (second.values, second.amount) == ({**DEFAULT_STRENGTHS, "tone": 40.0, "heal": 20.0}, 60.0)
    assert (first.values, first.amount) == ({**DEFAULT_STRENGTHS, "tone": 10.0, "heal": 20.0}, 30.0)
    assert set(first.values) == set(LAYERS)


def test_by_default_the_skin_is_as_proposed_and_eyes_lips_and_teeth_are_left_alone() -> None:
    off = {name for name in LAYERS if Strengths().factor(name) == 0}
    assert off == {"features", "teeth", "eye_whites"}
    assert {Strengths().factor(name) for name in set(LAYERS) - off} == {1.0}


def test_grid_positions_follow_pixel_centres() -> None:
    grid = FaceGrid((100, 50, 307, 361), (103, 71))
    corners = np.array([(100, 50), (307, 361)], np.float32)
    np.testing.assert_allclose(grid.to_grid(corners), [(0, 0), (71, 103)], rtol=1e-6)
    centre = np.array([(10.5, 20.5)], np.float32)
    expected = [(100 + 10.5 * 207 / 71, 50 + 20.5 * 311 / 103)]
    np.testing.assert_allclose(grid.to_source(centre), expected, rtol=1e-6)
    points = np.random.default_rng(0).uniform(0, 400, (50, 2)).astype(np.float32)
    np.testing.assert_allclose(grid.to_source(grid.to_grid(points)), points, rtol=1e-5)

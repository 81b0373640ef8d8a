"""The training distribution of the field flow: needs, hands, and faces that might have been."""

from __future__ import annotations

import numpy as np
import pytest

from engine.policies.compact import field as fields
from engine.types import LAYERS
from trainer.pretrain.styles import (
    CELL_NEEDS,
    CHILD,
    MOST,
    RESPONSE,
    TYPICAL,
    Needs,
    sample_style,
    to_modes,
    vary_features,
)


def _features(need: float = 1.0, **whole: float) -> np.ndarray:
    """A face of equal needs everywhere, all skin."""
    cells = [np.full((fields.MODES, fields.MODES), 1.0 if n == "skin" else need) for n in fields.CELL_FEATURES]
    values = {"shine": need, "under_eye": need, "features": need, "teeth": 2 * need, "eye_whites": need, **whole}
    return np.concatenate([np.ravel(cells), [values.get(n, 0.0) for n in fields.FACE_FEATURES]]).astype(np.float32)


@pytest.fixture
def needs() -> Needs:
    return Needs.of(np.stack([_features(x) for x in (0.5, 1.0, 2.0)]))


def test_a_typical_face_needs_one_and_needs_grow_less_than_what_is_seen(needs: Needs) -> None:
    assert needs(_features()) == pytest.approx(np.ones((fields.CHANNELS, fields.MODES, fields.MODES)), abs=1e-6)
    for layer in (*CELL_NEEDS, "shine", "under_eye"):
        value = needs(_features(0.3))[LAYERS.index(layer)]
        assert value == pytest.approx(np.full_like(value, 0.3**RESPONSE), rel=1e-5)
        assert needs(_features(50))[LAYERS.index(layer)].max() == pytest.approx(MOST)
        assert needs(_features(0))[LAYERS.index(layer)].max() < 0.01


def test_children_are_retouched_less_but_their_pimples_go(needs: Needs) -> None:
    child = needs(_features(child=1.0))
    heal = LAYERS.index("heal")
    assert child[heal] == pytest.approx(np.ones_like(child[heal]))
    assert np.delete(child, heal, 0) == pytest.approx(np.full_like(np.delete(child, heal, 0), 1 - CHILD), abs=1e-6)


def test_hands_differ_for_all_layers_together_and_tastes_for_each(needs: Needs) -> None:
    rng = np.random.default_rng(0)
    styles = sample_style(np.repeat(needs(_features())[None], 3000, 0), rng)
    means = {name: styles[:, c].mean((1, 2)) for c, name in enumerate(LAYERS)}
    for name in ("smooth", "tone", "light"):
        assert 0.85 * TYPICAL[name] < np.median(means[name]) < 1.2 * TYPICAL[name]
        assert 0.4 < means[name].std() / means[name].mean() < 0.7
        assert styles[:, LAYERS.index(name)].max() <= fields.LIMITS[name]
    together = np.corrcoef(means["smooth"], means["tone"])[0, 1]
    assert 0.2 < together < 0.7
    again = sample_style(np.repeat(needs(_features())[None], 3000, 0), np.random.default_rng(0))
    np.testing.assert_array_equal(styles, again)


def test_modes_of_equal_cells_are_their_mean_alone() -> None:
    cells = np.broadcast_to(np.arange(10.0)[:, None, None], (10, fields.MODES, fields.MODES)).astype(np.float32)
    modes = to_modes(cells)
    assert modes[:, 0, 0] == pytest.approx(np.arange(10), abs=1e-5)
    modes[:, 0, 0] = 0
    assert np.abs(modes).max() < 1e-5


def test_varied_faces_need_less_and_more_and_may_be_children() -> None:
    rng = np.random.default_rng(1)
    face = _features()
    varied = vary_features(np.repeat(face[None], 2000, 0), np.zeros_like(face), rng)
    cells, whole = fields.split_features(varied)
    assert np.percentile(cells["tone"], 5) < 0.2 and np.percentile(cells["tone"], 95) > 1.4
    assert (cells["skin"] == 1).all() and (cells["tone"] >= 0).all()
    assert 0.25 < (whole["child"] > 0).mean() < 0.35
    assert (face == _features()).all()

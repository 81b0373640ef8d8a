"""The retouch field's latent against closed forms and SciPy-free DCT identities."""

import numpy as np
import pytest

from engine.policies.compact import field
from engine.types import LAYERS


def test_zero_latent_is_the_mean_retouch_everywhere():
    amounts = field.to_field(np.zeros((field.CHANNELS, field.MODES, field.MODES), np.float32), (30, 20))
    for name, mean in zip(LAYERS, field.MEANS, strict=True):
        assert amounts[name].shape == (30, 20)
        assert amounts[name] == pytest.approx(min(float(mean), field.LIMITS[name]), abs=1e-6)


def test_latent_and_modes_are_inverse():
    modes = np.random.default_rng(0).normal(size=field.SCALES.shape).astype(np.float32)
    assert field.to_modes(field.to_latent(modes)) == pytest.approx(modes, abs=1e-5)


def test_one_mode_is_a_cosine_along_its_axis():
    latent = np.zeros(field.SCALES.shape, np.float32)
    tone = LAYERS.index("tone")
    latent[tone, 0, 1] = 0.5
    got = field.to_field(latent, (4, 50))["tone"]
    x = (np.arange(50) + 0.5) / 50
    expected = field.MEANS[tone] + 0.5 * field.SCALES[tone, 0, 1] * np.cos(np.pi * x)
    assert got == pytest.approx(np.broadcast_to(expected, (4, 50)), abs=1e-5)


def test_ceilings_bring_the_greatest_amount_to_all_there_is():
    latent = np.random.default_rng(2).normal(size=field.SCALES.shape).astype(np.float32)
    modes = field.to_modes(latent)
    ceilings, amounts = field.ceilings(modes), field.to_field(latent, (200, 150))
    assert set(ceilings) == {"smooth", "tone", "light", "shine", "under_eye"}
    for name, ceiling in ceilings.items():
        assert ceiling * amounts[name].max() == pytest.approx(1, abs=0.05)


def test_amounts_stay_within_their_limits_for_any_latent():
    latent = np.random.default_rng(1).normal(size=field.SCALES.shape).astype(np.float32) * 50
    for name, amount in field.to_field(latent, (16, 16)).items():
        assert amount.min() >= 0 and amount.max() <= field.LIMITS[name]

"""The loop and its schedules on flows that are known in closed form."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from engine.errors import Cancelled, ModelCorruptError
from engine.jobs import CancelToken, Progress
from engine.sampling import schedules
from engine.sampling.loop import SamplerConfig, sample
from tests.helpers.float64 import NoDoubles

KINDS = ("ode", "sde", "cps", "dpg")
POINT = torch.linspace(-2, 2, 12).reshape(1, 3, 4)


def randn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def to_point(x: Tensor, t: float) -> Tensor:
    """Velocity of the flow whose data is the single point POINT."""
    return (x - POINT) / t


def gaussian_flow(mean: float, deviation: float):  # type: ignore[no-untyped-def]
    """Exact marginal velocity for data N(mean, deviation²): E[ε − x₀ | x_t]."""

    def velocity(x: Tensor, t: float) -> Tensor:
        variance = (1 - t) ** 2 * deviation**2 + t**2
        centred = x - (1 - t) * mean
        return (t * centred - (1 - t) * deviation**2 * centred) / variance - mean

    return velocity


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("form", ["cps", "paper"])
@pytest.mark.parametrize(("steps", "shift"), [(4, 1.0), (5, 3.0), (17, 0.5), (28, 3.0)])
def test_a_point_mass_is_hit_for_any_number_of_steps(kind, form, steps, shift) -> None:  # type: ignore[no-untyped-def]
    config = SamplerConfig(kind, steps, shift, form=form)
    out = sample(to_point, randn(1, 3, 4), config, anchor=randn(1, 3, 4, seed=3), seed=1).latent
    torch.testing.assert_close(out, POINT, rtol=0, atol=2e-5)


def marginal_error(kind: str, steps: int, eta: float, deviation: float = 0.5) -> float:
    config = SamplerConfig(kind, steps, eta=eta)  # type: ignore[arg-type]
    out = sample(gaussian_flow(1.5, 0.5), randn(1, 60000), config, seed=2).latent
    return max(abs(float(out.mean()) - 1.5), abs(float(out.std()) - deviation))


@pytest.mark.parametrize("kind", ["ode", "sde"])
def test_the_marginal_of_a_gaussian_converges(kind: str) -> None:
    coarse, fine, finest = (marginal_error(kind, steps, 0.8) for steps in (4, 16, 128))
    assert finest < fine < coarse
    assert finest < 0.01, (coarse, fine, finest)


@pytest.mark.parametrize("eta", [0.1, 0.5, 0.8])
def test_cps_in_all_of_many_steps_narrows_a_gaussian_as_documented(eta: float) -> None:
    """Near t = 0 a step multiplies deviations by A = 1 − t²·(1 − cos(ηπ/2)) / d² and adds variance (t·sin(ηπ/2))²; the
    balance V = (t·sin)² / (1 − A²) tends to d²·(1 + cos(ηπ/2)) / 2, which is (d·cos(ηπ/4))²."""
    limit = 0.5 * math.cos(eta * math.pi / 4)
    coarse, finest = (marginal_error("cps", steps, eta, limit) for steps in (8, 512))
    assert finest < coarse and finest < 0.01, (coarse, finest)


def test_every_sampler_but_the_ode_depends_on_the_seed_and_all_repeat() -> None:
    velocity, noise, anchor = gaussian_flow(1, 2), randn(2, 5), randn(2, 5, seed=5)
    for kind in KINDS:
        first, again, other = (
            sample(velocity, noise, SamplerConfig(kind, 8), anchor=anchor, seed=s).latent  # type: ignore[arg-type]
            for s in (1, 1, 2)
        )
        assert torch.equal(first, again)
        assert torch.equal(first, other) == (kind == "ode")


def test_step_noise_is_not_the_starting_noise_of_the_same_seed() -> None:
    kept = sample(gaussian_flow(0, 1), randn(1, 4000, seed=7), SamplerConfig("cps", 8), seed=7, keep=True).trajectory
    assert kept is not None
    for draw in kept.draws:
        both = torch.stack([draw.step.noise.flatten(), randn(1, 4000, seed=7).flatten()])
        assert abs(float(torch.corrcoef(both)[0, 1])) < 0.06


@pytest.mark.parametrize("form", ["cps", "paper"])
def test_dpg_takes_one_early_enough_random_step_in_each_segment(form: str) -> None:
    config = SamplerConfig("dpg", 14, segments=3, form=form)  # type: ignore[arg-type]
    seen = set()
    for seed in range(40):
        kept = sample(to_point, randn(1, 3, 4), config, anchor=POINT, seed=seed, keep=True).trajectory
        assert kept is not None
        indices = [draw.index for draw in kept.draws]
        assert [index // 4 for index in indices] == [0, 1, 2]
        strengths = [draw.step.guidance for draw in kept.draws]
        assert strengths == pytest.approx([min(1 - index / 13, 0.9) for index in indices]), "strong early, free late"
        seen.update(indices)
    assert seen == set(range(12)), "the last two steps never, all others now and then"


def test_dpg_draws_nearer_to_its_anchor_with_more_guidance() -> None:
    velocity, noise, anchor = gaussian_flow(0, 1), randn(1, 2000), 2 + randn(1, 2000, seed=4)
    distances = []
    for cap in (0.0, 0.3, 0.6, 0.9):
        config = SamplerConfig("dpg", 12, segments=3, lambda_max=cap)
        runs = [sample(velocity, noise, config, anchor=anchor, seed=s).latent for s in range(5)]
        distances.append(sum(float((run - anchor).norm()) for run in runs))
    assert distances == sorted(distances, reverse=True) and distances[-1] < 0.97 * distances[0]


def test_dpg_without_an_anchor_pulls_to_the_ode_result_of_the_same_noise() -> None:
    velocity, noise, config = gaussian_flow(1, 2), randn(1, 50), SamplerConfig("dpg", 8)
    ode = sample(velocity, noise, SamplerConfig("ode", 8)).latent
    alone = sample(velocity, noise, config, seed=3, keep=True)
    told = sample(velocity, noise, config, anchor=ode, seed=3)
    assert torch.equal(alone.latent, told.latent)
    assert alone.trajectory is not None and alone.trajectory.anchor is not None
    assert torch.equal(alone.trajectory.anchor, ode)


@pytest.mark.parametrize("kind", ["sde", "cps", "dpg"])
def test_a_kept_trajectory_gives_its_ratio_again(kind: str) -> None:
    velocity, better = gaussian_flow(1, 2), gaussian_flow(1.1, 2)
    kept = sample(velocity, randn(3, 20), SamplerConfig(kind, 8), seed=3, keep=True).trajectory  # type: ignore[arg-type]
    assert kept is not None and len(kept.draws) == (3 if kind == "dpg" else 6)
    for draw in kept.draws:
        assert torch.equal(draw.velocity, velocity(draw.x, draw.t))
        assert torch.equal(draw.log_ratio(velocity(draw.x, draw.t)).exp(), torch.ones(3))
        assert (draw.log_ratio(better(draw.x, draw.t)) != 0).all()
    assert sample(velocity, randn(1, 5), SamplerConfig("ode", 4)).trajectory is None


def test_cancelling_stops_before_the_next_step() -> None:
    token, calls = CancelToken(), []

    def velocity(x: Tensor, t: float) -> Tensor:
        calls.append(t)
        if len(calls) == 3:
            token.cancel()
        return to_point(x, t)

    with pytest.raises(Cancelled):
        sample(velocity, randn(1, 3, 4), SamplerConfig("ode", 8), token=token)
    assert len(calls) == 3


def test_progress_rises_to_one_also_with_an_anchor_run() -> None:
    for kind in KINDS:
        got: list[Progress] = []
        sample(to_point, randn(1, 3, 4), SamplerConfig(kind, 6), report=got.append)  # type: ignore[arg-type]
        fractions = [p.fraction for p in got]
        assert fractions == sorted(fractions) and fractions[-1] == 1 and len(fractions) == (12 if kind == "dpg" else 6)


def test_values_that_are_not_numbers_are_an_error() -> None:
    with pytest.raises(ModelCorruptError, match="step 2 of 4"):
        sample(lambda x, t: x if t == 1 else x * math.inf, randn(1, 4), SamplerConfig("ode", 4))


def test_meaningless_settings_are_errors() -> None:
    for bad in (
        {"kind": "euler", "steps": 4},
        {"kind": "ode", "steps": 0},
        {"kind": "ode", "steps": 4, "shift": 0.0},
        {"kind": "ode", "steps": 4, "shift": math.nan},
        {"kind": "sde", "steps": 1},
        {"kind": "sde", "steps": 4, "eta": 0.0},
        {"kind": "sde", "steps": 4, "eta": math.nan},
        {"kind": "sde", "steps": 4, "eta": math.inf},
        {"kind": "cps", "steps": 4, "eta": 1.5},
        {"kind": "dpg", "steps": 8, "eta": 1.5},
        {"kind": "dpg", "steps": 8, "lambda_max": 1.0},
        {"kind": "dpg", "steps": 8, "lambda_max": -0.1},
        {"kind": "dpg", "steps": 3, "segments": 3},
        {"kind": "dpg", "steps": 8, "segments": 0},
        {"kind": "dpg", "steps": 8, "form": "other"},
        {"kind": "ode", "steps": 2, "sigmas": (1.0, 0.5)},
        {"kind": "ode", "steps": 2, "sigmas": (0.5, 1.0, 0.0)},
        {"kind": "ode", "steps": 2, "sigmas": (1.0, 0.5, 0.1)},
        {"kind": "ode", "steps": 2, "sigmas": (1.5, 0.5, 0.0)},
    ):
        with pytest.raises(ValueError, match=r"\w"):
            SamplerConfig(**bad)  # type: ignore[arg-type]


def test_schedules() -> None:
    assert schedules.linear(4) == (1.0, 0.75, 0.5, 0.25, 0.0)
    shifted = schedules.linear(4, 3.0)
    assert shifted == pytest.approx((1.0, 0.9, 0.75, 0.5, 0.0))
    mu = 1.15
    exponential = [math.exp(mu) / (math.exp(mu) + 1 / t - 1) for t in (1.0, 0.75, 0.5, 0.25)]
    assert schedules.linear(4, math.exp(mu))[:4] == pytest.approx(exponential)
    assert schedules.given([1, 0.3, 0]) == (1.0, 0.3, 0.0)
    assert schedules.guidance(5, 0.9) == pytest.approx((0.9, 0.75, 0.5, 0.25, 0.0))
    assert schedules.tail(28, 3) == 2 and schedules.tail(4, 3) == 1
    sigmas = (1.0, 0.6, 0.1, 0.0)
    assert SamplerConfig("ode", 3, sigmas=sigmas).times() == sigmas


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("form", ["cps", "paper"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_no_float64_on_the_path(kind, form, dtype) -> None:  # type: ignore[no-untyped-def]
    noise = randn(1, 3, 4).to(dtype)
    with NoDoubles():
        drawn = sample(lambda x, t: x / t, noise, SamplerConfig(kind, 6, 3.0, form=form), keep=True)
        assert drawn.trajectory is not None
        for draw in drawn.trajectory.draws:
            draw.log_ratio(draw.velocity + 0.1)
    assert drawn.latent.dtype == dtype


def test_the_float64_guard_can_fail() -> None:
    with pytest.raises(AssertionError, match="float64"), NoDoubles():
        torch.zeros(2) + torch.zeros(2, dtype=torch.float64)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("form", ["cps", "paper"])
def test_arrays_and_tensors_are_sampled_alike(kind, form) -> None:  # type: ignore[no-untyped-def]
    """One loop for both: the same random numbers, the same arithmetic."""
    flow, noise, anchor = gaussian_flow(0.5, 0.2), randn(3, 4, 5), randn(3, 4, 5, seed=1)
    config = SamplerConfig(kind, 9, 3.0, form=form)
    of_tensors = sample(flow, noise, config, anchor=anchor, seed=4).latent
    of_arrays = sample(flow, noise.numpy(), config, anchor=anchor.numpy(), seed=4).latent
    assert isinstance(of_arrays, np.ndarray) and of_arrays.dtype == np.float32
    np.testing.assert_allclose(of_arrays, of_tensors.numpy(), atol=2e-6)


def test_an_array_that_is_not_finite_or_too_wide_is_refused() -> None:
    config = SamplerConfig("ode", 4)
    with pytest.raises(ModelCorruptError):
        sample(lambda x, t: x * np.float32(np.nan), np.ones((1, 2), np.float32), config)
    with pytest.raises(ValueError, match="float64"):
        sample(lambda x, t: x, np.ones((1, 2)), config)


def test_entries_that_are_not_explored_take_euler_steps_only() -> None:
    velocity, noise = gaussian_flow(1, 2), randn(3, 6)
    explored = torch.tensor([True, False] * 3).expand(3, 6)
    ode = sample(velocity, noise, SamplerConfig("ode", 8)).latent
    for kind in KINDS[1:]:
        config = SamplerConfig(kind, 8)  # type: ignore[arg-type]
        out = sample(velocity, noise, config, anchor=randn(3, 6, seed=5), explored=explored).latent
        torch.testing.assert_close(out[~explored], ode[~explored], rtol=0, atol=1e-6)
        assert (out[explored] - ode[explored]).abs().min() > 1e-4


def test_without_the_pull_dpg_keeps_its_noise_and_needs_no_anchor() -> None:
    velocity, noise, anchor = gaussian_flow(1, 2), randn(2, 5), randn(2, 5, seed=5)
    for form in ("cps", "paper"):
        with_, without = (
            sample(velocity, noise, SamplerConfig("dpg", 8, form=form, pull=pull), anchor=anchor, seed=3, keep=True)  # type: ignore[arg-type]
            for pull in (True, False)
        )
        assert with_.trajectory and without.trajectory
        for a, b in zip(with_.trajectory.draws, without.trajectory.draws, strict=True):
            assert (a.index, a.step.std, a.step.gain) == (b.index, b.step.std, b.step.gain)
            assert torch.equal(a.step.noise, b.step.noise)
        free = without.trajectory.draws[0]
        clean, noisy = free.x - free.t * free.velocity, free.x + (1 - free.t) * free.velocity
        if form == "cps":
            rest = math.sqrt(free.t_next**2 - free.step.std**2)
            torch.testing.assert_close(free.step.mean, (1 - free.t_next) * clean + rest * noisy)
        assert not torch.allclose(with_.latent, without.latent)

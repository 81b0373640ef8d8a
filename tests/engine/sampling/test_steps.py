"""Steps against closed forms and formulas written out independently."""

from __future__ import annotations

import math

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given, settings
from torch import Tensor

from engine.sampling.steps import Step, cps_step, dpg_step, log_prob, log_ratio, ode_step, sde_step

TOLERANCE = {torch.float32: 1e-5, torch.float16: 5e-3, torch.bfloat16: 4e-2}
SHAPE = (2, 3, 5, 7)


def randn(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float32) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed)).to(dtype)


def flow_grpo(
    sample: Tensor, model_output: Tensor, sigma: float, sigma_prev: float, noise_level: float, noise: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Flow-GRPO's published step in its own variables, float64 (dt < 0, σ_max = next σ at σ = 1): x', mean, log p."""
    sample, model_output, noise = sample.double(), model_output.double(), noise.double()
    dt = sigma_prev - sigma
    std_dev_t = math.sqrt(sigma / (1 - (sigma_prev if sigma == 1 else sigma))) * noise_level
    mean = (
        sample * (1 + std_dev_t**2 / (2 * sigma) * dt)
        + model_output * (1 + std_dev_t**2 * (1 - sigma) / (2 * sigma)) * dt
    )
    std = std_dev_t * math.sqrt(-dt)
    prev = mean + std * noise
    log_p = -((prev - mean) ** 2) / (2 * std**2) - math.log(std) - math.log(math.sqrt(2 * math.pi))
    return prev, mean, log_p.mean(dim=tuple(range(1, log_p.ndim)))


@pytest.mark.parametrize(("t", "t_next"), [(1.0, 0.9), (0.9, 0.75), (0.5, 0.4), (0.06, 0.0)])
@pytest.mark.parametrize("eta", [0.1, 0.7, 1.0])
def test_sde_step_is_the_published_flow_grpo_step(t: float, t_next: float, eta: float) -> None:
    x, v, noise = (randn(*SHAPE, seed=i) for i in range(3))
    step = sde_step(x, v, t, t_next, eta, noise)
    prev, mean, log_p = flow_grpo(x, v, t, t_next, eta, noise)
    torch.testing.assert_close(step.sample.double(), prev, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(step.mean.double(), mean, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(log_prob(step.sample, step.mean, step.std).double(), log_p, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("guidance", [0.0, 0.3, 0.9])
@pytest.mark.parametrize(("t", "t_next"), [(1.0, 0.8), (0.6, 0.45)])
def test_paper_dpg_is_the_mix_written_in_the_paper(guidance: float, t: float, t_next: float) -> None:
    x, v, noise, anchor = (randn(*SHAPE, seed=i) for i in range(4))
    _, mean, _ = flow_grpo(x, v, t, t_next, 0.7, noise)
    sigma = 0.7 * math.sqrt(t / (1 - (t_next if t == 1 else t))) * math.sqrt(t - t_next)
    line = (t - t_next) / t * anchor.double() + (1 - (t - t_next) / t) * x.double()
    z = guidance * (line - mean) / sigma + (1 - guidance) * noise.double()
    step = dpg_step(x, v, t, t_next, 0.7, noise, anchor=anchor, guidance=guidance, form="paper")
    torch.testing.assert_close(step.sample.double(), mean + sigma * z, rtol=1e-5, atol=1e-5)
    assert step.std == pytest.approx((1 - guidance) * sigma)


def test_paper_dpg_with_little_noise_is_an_euler_step_with_pulled_data() -> None:
    x, v, noise, anchor = (randn(*SHAPE, seed=i) for i in range(4))
    t, t_next, guidance = 0.7, 0.6, 0.4
    pulled = (1 - guidance) * (x - t * v) + guidance * anchor
    euler = ode_step(x, (x - pulled) / t, t, t_next)
    step = dpg_step(x, v, t, t_next, 1e-4, noise, anchor=anchor, guidance=guidance, form="paper")
    torch.testing.assert_close(step.mean, euler, rtol=0, atol=1e-5)


@pytest.mark.parametrize("form", ["cps", "paper"])
def test_dpg_without_pull_is_the_plain_step(form: str) -> None:
    x, v, noise, anchor = (randn(*SHAPE, seed=i) for i in range(4))
    plain = (cps_step if form == "cps" else sde_step)(x, v, 0.7, 0.6, 0.8, noise)
    step = dpg_step(x, v, 0.7, 0.6, 0.8, noise, anchor=anchor, guidance=0.0, form=form)  # type: ignore[arg-type]
    torch.testing.assert_close(step.sample, plain.sample, rtol=0, atol=1e-6)
    assert (step.std, step.gain) == (plain.std, plain.gain)


@pytest.mark.parametrize("step_function", [sde_step, cps_step])
def test_the_mean_tends_to_euler_as_eta_vanishes(step_function) -> None:  # type: ignore[no-untyped-def]
    x, v, noise = (randn(*SHAPE, seed=i) for i in range(3))
    euler = ode_step(x, v, 0.7, 0.6)
    far, near = (float((step_function(x, v, 0.7, 0.6, eta, noise).mean - euler).abs().max()) for eta in (0.3, 1e-3))
    assert near < 1e-5 < far


@pytest.mark.parametrize("eta", [0.2, 0.8, 1.0])
@pytest.mark.parametrize("guidance", [None, 0.5, 0.9])
def test_cps_keeps_the_noise_level_exactly(eta: float, guidance: float | None) -> None:
    """With the flow's own clean and noise parts, x' = (1 − t')·clean + t'·(unit noise): the parts' weights say so."""
    t, t_next = 0.7, 0.55
    clean, noisy = 3.0, torch.tensor([[1.0, 0.0]])
    fresh = torch.tensor([[0.0, 1.0]])
    x, v = (1 - t) * clean + t * noisy, noisy - clean
    if guidance is None:
        step = cps_step(x, v, t, t_next, eta, fresh)
    else:
        anchor = torch.full_like(x, clean)
        step = dpg_step(x, v, t, t_next, eta, fresh, anchor=anchor, guidance=guidance, form="cps")
    weights = step.sample - (1 - t_next) * clean
    assert float(weights.norm()) == pytest.approx(t_next, abs=1e-6)


@pytest.mark.parametrize("form", ["cps", "paper"])
def test_a_pull_brings_the_step_nearer_to_the_anchor(form: str) -> None:
    """Expected clean image after the step (velocity unchanged in distribution): the more λ, the nearer."""
    x, v, anchor = (randn(*SHAPE, seed=i) for i in range(3))
    noise = torch.zeros(SHAPE)
    target = ode_step(x, (x - anchor) / 0.7, 0.7, 0.5)
    distances = [
        float((dpg_step(x, v, 0.7, 0.5, 0.5, noise, anchor=anchor, guidance=g, form=form).mean - target).norm())  # type: ignore[arg-type]
        for g in (0.0, 0.3, 0.6, 0.9)
    ]
    assert distances == sorted(distances, reverse=True) and distances[-1] < 0.25 * distances[0]


def test_time_runs_from_noise_to_data() -> None:
    """From pure noise with the true velocity to c, one Euler step must raise the share of c."""
    noise, c = randn(*SHAPE), 4.0
    after = ode_step(noise, noise - c, 1.0, 0.75)
    torch.testing.assert_close(after, 0.25 * torch.full(SHAPE, c) + 0.75 * noise)
    for backwards in ((0.5, 0.6), (0.5, 0.5), (1.1, 0.5), (0.5, -0.1), (math.nan, 0.1), (0.5, math.nan)):
        with pytest.raises(ValueError, match="Time runs"):
            ode_step(noise, noise, *backwards)


def steps_of_all_kinds(x: Tensor, v: Tensor, noise: Tensor, anchor: Tensor, guidance: float = 0.6) -> list[Step]:
    pulled = [
        dpg_step(x, v, 0.7, 0.6, 0.8, noise, anchor=anchor, guidance=guidance, form=form)  # type: ignore[arg-type]
        for form in ("cps", "paper")
    ]
    return [sde_step(x, v, 0.7, 0.6, 0.8, noise), cps_step(x, v, 0.7, 0.6, 0.8, noise), *pulled]


def test_log_ratio_is_the_difference_of_log_densities_and_one_on_policy() -> None:
    x, v, noise, anchor = (randn(*SHAPE, seed=i) for i in range(4))
    v_new = v + 0.3 * randn(*SHAPE, seed=9)
    for old, new in zip(
        steps_of_all_kinds(x, v, noise, anchor), steps_of_all_kinds(x, v_new, noise, anchor), strict=True
    ):
        normal_new = torch.distributions.Normal(new.mean.double(), new.std)
        normal_old = torch.distributions.Normal(old.mean.double(), old.std)
        exact = old.mean.double() + old.std * noise.double()
        expected = (normal_new.log_prob(exact) - normal_old.log_prob(exact)).mean((1, 2, 3))
        actual = log_ratio(v_new, v, old.noise, old.gain)
        torch.testing.assert_close(actual.double(), expected, rtol=1e-4, atol=1e-6)
        assert torch.equal(log_ratio(v, v, old.noise, old.gain).exp(), torch.ones(2))
        assert float(actual.abs().max()) > 1e-3, "the test must be able to fail"


def test_guidance_cancels_in_the_ratio() -> None:
    """Paper form: exactly, and far beyond where dividing by ((1 − λ)σ)² fails in float32."""
    x, v, noise, anchor = (randn(*SHAPE, seed=i) for i in range(4))
    v_new = v + 0.1
    free = sde_step(x, v, 0.7, 0.6, 0.8, noise)
    for guidance in (0.0, 0.5, 0.9, 0.999, 1 - 1e-9):
        step = dpg_step(x, v, 0.7, 0.6, 0.8, noise, anchor=anchor, guidance=guidance, form="paper")
        torch.testing.assert_close(
            log_ratio(v_new, v, noise, step.gain), log_ratio(v_new, v, noise, free.gain), rtol=0, atol=0
        )


def test_log_ratio_has_the_gradient_of_log_prob() -> None:
    x, v, noise, anchor = (randn(*SHAPE, seed=i) for i in range(4))
    old = dpg_step(x, v, 0.7, 0.6, 0.8, noise, anchor=anchor, guidance=0.5)
    v_new = (v + 0.1).requires_grad_()
    (ratio_gradient,) = torch.autograd.grad(log_ratio(v_new, v, old.noise, old.gain).sum(), v_new)
    mean = dpg_step(x, v_new, 0.7, 0.6, 0.8, noise, anchor=anchor, guidance=0.5).mean
    (gradient,) = torch.autograd.grad(log_prob(old.sample, mean, old.std).sum(), v_new)
    torch.testing.assert_close(ratio_gradient, gradient, rtol=1e-3, atol=1e-6)


def test_degenerate_values_are_errors() -> None:
    x = v = noise = anchor = torch.zeros(1, 4)
    for eta in (0.0, -1.0, math.nan, math.inf):
        for step in (sde_step, cps_step):
            with pytest.raises(ValueError, match="η"):
                step(x, v, 0.7, 0.6, eta, noise)
    with pytest.raises(ValueError, match="η"):
        cps_step(x, v, 0.7, 0.6, 1.01, noise)
    with pytest.raises(ValueError, match="Euler"):
        cps_step(x, v, 0.7, 0.0, 0.8, noise)
    for guidance in (1.0, -0.1, 1.5, math.nan):
        with pytest.raises(ValueError, match="λ"):
            dpg_step(x, v, 0.7, 0.6, 0.8, noise, anchor=anchor, guidance=guidance)
    for std in (0.0, -1.0, math.nan, math.inf):
        with pytest.raises(ValueError, match="no density"):
            log_prob(x, x, std)
    with pytest.raises(ValueError, match="no density"):
        log_ratio(x, x, noise, math.nan)
    with pytest.raises(ValueError, match="differ"):
        ode_step(x, torch.zeros(1, 5), 0.7, 0.6)
    with pytest.raises(ValueError, match="anchor"):
        dpg_step(x, v, 0.7, 0.6, 0.8, noise, anchor=torch.zeros(4), guidance=0.5)
    with pytest.raises(ValueError, match="float64"):
        ode_step(x.double(), v.double(), 0.7, 0.6)


@settings(max_examples=60, deadline=None)
@given(
    shape=st.lists(st.integers(1, 7), min_size=1, max_size=4).map(tuple),
    dtype=st.sampled_from(list(TOLERANCE)),
    times=st.lists(st.integers(1, 99), min_size=2, max_size=2, unique=True).map(sorted),
    eta=st.floats(0.05, 1.0),
    guidance=st.floats(0.0, 0.95),
    seed=st.integers(0, 2**32),
)
def test_every_step_keeps_shape_and_dtype_and_is_its_mean_plus_noise(
    shape: tuple[int, ...], dtype: torch.dtype, times: list[int], eta: float, guidance: float, seed: int
) -> None:
    x, v, anchor = (randn(*shape, seed=seed + i, dtype=dtype) for i in range(3))
    noise = randn(*shape, seed=seed + 3)
    t_next, t = times[0] / 100, times[1] / 100
    taken = [sde_step(x, v, t, t_next, eta, noise), cps_step(x, v, t, t_next, eta, noise)]
    taken += [
        dpg_step(x, v, t, t_next, eta, noise, anchor=anchor, guidance=guidance, form=form)  # type: ignore[arg-type]
        for form in ("cps", "paper")
    ]
    for step in taken:
        assert step.sample.shape == x.shape and step.sample.dtype == dtype
        assert step.mean.dtype == step.noise.dtype == torch.float32
        assert step.std > 0 and math.isfinite(step.gain) and torch.isfinite(step.sample).all()
        expected = step.mean + step.std * noise
        scale = 1 + float(expected.abs().max())
        assert float((step.sample.float() - expected).abs().max()) <= TOLERANCE[dtype] * scale
        assert log_prob(step.sample, step.mean, step.std).shape == shape[:1]
    assert ode_step(x, v, t, t_next).dtype == dtype

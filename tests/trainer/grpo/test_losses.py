"""Settings, advantages and losses against closed forms and finite differences."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest
import torch

from engine.errors import UsageError
from engine.sampling.steps import cps_step, dpg_step, log_prob, sde_step
from trainer.grpo import losses
from trainer.grpo.advantages import advantages, optimality, win_rates
from trainer.grpo.config import GrpoConfig, as_toml, from_plain, load_config, source_of
from trainer.grpo.losses import StepTerms


def randn(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


# --- settings ---------------------------------------------------------------------------------------------------------


def test_there_are_few_settings_and_each_names_its_source(tmp_path):
    assert len(fields(GrpoConfig)) <= 25
    assert all(len(source_of(each.name)) > 3 for each in fields(GrpoConfig))
    file = tmp_path / "config.toml"
    config = GrpoConfig(mode="nft", learning_rate=1e-3, shared_noise=False)
    file.write_text(as_toml(config))
    assert load_config(file) == config
    assert load_config(file, mode="sde").mode == "sde"
    assert from_plain(config.plain()) == config


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("speed = 3", "no setting 'speed'"),
        ("mode = 'ppo'", "no meaning"),
        ("group = 1", "2 … 256"),
        ("group = 2.5", "Give a whole number"),
        ("shared_noise = 1", "Give true or false"),
        ("kl = true", "Give a number"),
        ("kl = nan", "0 … 100"),
        ("mode =", "no TOML"),
    ],
)
def test_settings_without_meaning_are_refused_in_words(tmp_path, text, words):
    file = tmp_path / "config.toml"
    file.write_text(text)
    with pytest.raises(UsageError, match=words):
        load_config(file)


def test_the_ceiling_of_the_pull_falls_to_nothing():
    config = GrpoConfig(iterations=10, anneal=0.5, lambda_max=0.8)
    assert [round(config.ceiling(i), 3) for i in range(7)] == [0.8, 0.64, 0.48, 0.32, 0.16, 0.0, 0.0]
    assert GrpoConfig(anneal=0).ceiling(0) == 0


# --- advantages -------------------------------------------------------------------------------------------------------


def test_advantages_are_relative_to_the_group_and_flat_groups_are_dropped():
    rewards = np.array([1.0, 2.0, 3.0, 6.0])
    found = advantages(rewards, 0.01)
    np.testing.assert_allclose(found, (rewards - 3) / np.sqrt(3.5))
    assert not advantages(np.array([1.0, 1.001, 0.999]), 0.01).any()
    assert not advantages(np.ones(4), 0.0).any()


def test_win_rates_count_wins_and_half_ties_and_ignore_how_large_a_gap_is():
    np.testing.assert_allclose(win_rates(np.array([0.0, 1.0, 1.0, 5.0])), [0, 0.5, 0.5, 1])
    near, far = (advantages(np.array([0.0, 1.0, gap]), 0.01, "win_rate") for gap in (1.1, 100.0))
    np.testing.assert_allclose(near, far)


def test_optimality_is_a_probability():
    np.testing.assert_allclose(optimality(np.array([-9.0, -2.5, 0.0, 5.0])), [0, 0.25, 0.5, 1])


# --- ratios -----------------------------------------------------------------------------------------------------------


def drawn(kind, guidance=0.6):
    """A step of each kind, its terms, and the velocity that drew it."""
    x, v, noise = (randn(3, 8, seed=s) for s in (1, 2, 3))
    if kind == "sde":
        step = sde_step(x, v, 0.7, 0.6, 0.7, noise)
    elif kind == "flow_cps":
        step = cps_step(x, v, 0.7, 0.6, 0.8, noise)
    else:
        step = dpg_step(x, v, 0.7, 0.6, 0.8, noise, anchor=randn(3, 8, seed=4), guidance=guidance, form=kind)
    return step, StepTerms(noise, step.gain, step.std, step.guidance, 0.1), v, x


@pytest.mark.parametrize("kind", ["sde", "flow_cps", "paper", "cps"])
@pytest.mark.parametrize("normalise", [False, True])
def test_the_ratio_of_a_policy_with_itself_is_exactly_1(kind, normalise):
    _, terms, v, _ = drawn(kind)
    assert torch.equal(torch.exp(losses.step_log_ratio(v, v, terms, normalise=normalise)), torch.ones(3))


@pytest.mark.parametrize("kind", ["sde", "flow_cps"])
def test_the_ratio_is_that_of_the_densities(kind):
    step, terms, v, x = drawn(kind)
    v_new = v + 0.1 * randn(3, 8, seed=9)
    again = {"sde": lambda: sde_step(x, v_new, 0.7, 0.6, 0.7, terms.noise)}.get(
        kind, lambda: cps_step(x, v_new, 0.7, 0.6, 0.8, terms.noise)
    )()
    expected = log_prob(step.sample, again.mean, step.std) - log_prob(step.sample, step.mean, step.std)
    torch.testing.assert_close(losses.step_log_ratio(v_new, v, terms, normalise=False), expected, atol=2e-5, rtol=1e-3)


@pytest.mark.parametrize("kind", ["paper", "cps"])
def test_guidance_leaves_the_ratio_alone_and_weighs_the_step(kind):
    v_new = drawn(kind)[2] + 0.1 * randn(3, 8, seed=9)
    free, bound = (drawn(kind, guidance)[1] for guidance in (0.0, 0.8))
    v = drawn(kind)[2]
    if kind == "paper":  # in CPS form the mean's rest of noise depends on λ a little
        plain = [losses.step_log_ratio(v_new, v, each, normalise=False) for each in (free, bound)]
        torch.testing.assert_close(*plain)
    assert losses.step_weight(bound, normalise=False) == pytest.approx(0.2)
    assert losses.step_weight(bound, normalise=True) == pytest.approx(0.2 / 0.1)
    assert bound.full_std == pytest.approx(free.std)


def test_normalised_ratios_are_centred_and_are_the_mean_of_shift_times_noise():
    _, terms, v, _ = drawn("cps")
    v_new = v + 0.1 * randn(3, 8, seed=9)
    shift = terms.full_std * terms.gain * (v_new - v)
    torch.testing.assert_close(
        losses.step_log_ratio(v_new, v, terms, normalise=True), (shift * terms.noise).mean(1), atol=1e-7, rtol=1e-4
    )


def test_clipping_is_the_pessimistic_one():
    log_r = torch.log(torch.tensor([1.3, 1.3, 0.7, 0.7]))
    advantage = torch.tensor([1.0, -1.0, 1.0, -1.0])
    expected = -(1.2 - 1.3 + 0.7 - 0.8) / 4
    assert float(losses.clipped(log_r, advantage, 0.2)) == pytest.approx(expected, abs=1e-6)
    assert losses.clipped_share(log_r, 0.2) == 1.0


# --- gradients --------------------------------------------------------------------------------------------------------


def check_gradient(loss, v, places=((0, 0), (1, 3), (2, 7)), size=1e-2):
    """Autograd against central differences of a smooth loss, in float32."""
    v = v.clone().requires_grad_(True)
    (gradient,) = torch.autograd.grad(loss(v), v)
    for place in places:
        offset = torch.zeros_like(v)
        offset[place] = size
        with torch.no_grad():
            slope = float(loss(v + offset) - loss(v - offset)) / (2 * size)
        assert float(gradient[place]) == pytest.approx(slope, rel=0.03, abs=2e-4)


@pytest.mark.parametrize("normalise", [False, True])
def test_gradients_of_the_clipped_loss(normalise):
    _, terms, v, _ = drawn("cps")
    advantage = torch.tensor([1.0, -0.5, 2.0])
    v_new = v + 0.05 * randn(3, 8, seed=5)
    check_gradient(
        lambda new: losses.clipped(losses.step_log_ratio(new, v, terms, normalise=normalise), advantage, 10.0), v_new
    )


def test_the_gradient_on_policy_is_the_policy_gradient():
    """−mean(A · gain · ε / n): the score of a Gaussian step."""
    _, terms, v, _ = drawn("cps")
    advantage = torch.tensor([1.0, -0.5, 2.0])
    new = v.clone().requires_grad_(True)
    losses.clipped(losses.step_log_ratio(new, v, terms, normalise=False), advantage, 1e-3).backward()
    torch.testing.assert_close(new.grad, -advantage[:, None] * terms.gain * terms.noise / 8 / 3)


def test_the_divergence_is_that_of_gaussians_and_its_gradient():
    v, reference = randn(3, 8, seed=1), randn(3, 8, seed=2)
    mean = torch.distributions.kl_divergence(
        torch.distributions.Normal(0.7 * v, 1.0), torch.distributions.Normal(0.7 * reference, 1.0)
    ).mean()
    assert float(losses.divergence(v, reference, 0.7)) == pytest.approx(float(mean), rel=1e-5)
    check_gradient(lambda new: losses.divergence(new, reference, 0.7), v)


def test_nft_at_the_old_policy_has_the_gradient_of_its_closed_form():
    """At v = v_old: −(2r − 1)·2βt·(x̂₀ − x₀) / (w·n·B): none at r = ½, to the sample above, away from it below."""
    x, v_old, clean = (randn(3, 8, seed=s) for s in (1, 2, 3))
    t, r, beta = torch.tensor([0.3, 0.6, 0.9]), torch.tensor([1.0, 0.5, 0.1]), 0.7
    new = v_old.clone().requires_grad_(True)
    losses.nft(new, v_old, x, t, clean, r, beta).backward()
    off = x - t[:, None] * v_old - clean
    weight = off.abs().mean(1, keepdim=True)
    expected = -(2 * r - 1)[:, None] * 2 * beta * t[:, None] * off / (weight * 8 * 3)
    torch.testing.assert_close(new.grad, expected, atol=1e-6, rtol=1e-4)
    assert float(new.grad[1].abs().max()) < 1e-8


def test_nft_with_certainty_is_flow_matching():
    """r = 1, β = 1: the loss is 0 exactly where x̂₀(v) is the sample."""
    x, v_old, clean = (randn(2, 8, seed=s) for s in (1, 2, 3))
    t = torch.tensor([0.4, 0.8])
    exact = (x - clean) / t[:, None]
    assert float(losses.nft(exact, v_old, x, t, clean, torch.ones(2), 1.0)) == pytest.approx(0, abs=1e-5)

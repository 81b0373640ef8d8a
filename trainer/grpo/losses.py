"""Losses of policy optimisation as pure functions on tensors; every one is differentiable in v_new only.

v: velocities (B, n), the explored entries of a latent in a row. Averages over entries, as in `engine.sampling.steps`.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from engine.sampling.steps import log_ratio


@dataclass(frozen=True)
class StepTerms:
    """What a stochastic step was drawn with. noise: (B, n); gain, std, guidance as in `Step`; dt: t − t'."""

    noise: Tensor
    gain: float
    std: float
    guidance: float
    dt: float

    @property
    def full_std(self) -> float:
        """Noise of the step without guidance: std = (1 − λ)·full_std."""
        return self.std / (1 - self.guidance)


def step_log_ratio(v_new: Tensor, v_old: Tensor, step: StepTerms, *, normalise: bool) -> Tensor:
    """(B,) log r of the step in closed form (`log_ratio`: u·ε − u²/2, without λ).

    normalise: log r̂ = σ√dt·(log r + |Δμ|²/(2σ²dt)) = mean(Δμ·ε), which is centred and equally spread at every step
    (REFERENCES: grpo-guard).
    """
    plain = log_ratio(v_new, v_old, step.noise, step.gain)
    if not normalise:
        return plain
    shift = step.gain * (v_new - v_old)
    return step.full_std * (plain + 0.5 * (shift * shift).mean(1))


def step_weight(step: StepTerms, *, normalise: bool) -> float:
    """Weight of a step's loss: its signal shrinks as 1 − λ (methods 2(c)); 1/dt evens out normalised ratios."""
    return (1 - step.guidance) * (1 / step.dt if normalise else 1.0)


def clipped(log_r: Tensor, advantage: Tensor, clip: float) -> Tensor:
    """−mean(min(r·A, clip(r, 1 − c, 1 + c)·A)). Shapes (B,). Gives a scalar."""
    ratio = torch.exp(log_r)
    return -torch.minimum(ratio * advantage, ratio.clamp(1 - clip, 1 + clip) * advantage).mean()


def clipped_share(log_r: Tensor, clip: float) -> float:
    """Share of samples whose ratio left the clip range; for curves."""
    return float(((torch.exp(log_r.detach()) - 1).abs() > clip).float().mean())


def divergence(v_new: Tensor, v_reference: Tensor, factor: float = 1.0) -> Tensor:
    """½·mean((factor·Δv)²): with factor = gain the KL divergence of a step's Gaussians, averaged over entries; with
    factor 1 the same for a step whose mean moves as far as its noise spreads. Gives a scalar."""
    return 0.5 * ((factor * (v_new - v_reference)) ** 2).mean()


def nft(v_new: Tensor, v_old: Tensor, x: Tensor, t: Tensor, clean: Tensor, r: Tensor, beta: float) -> Tensor:
    """DiffusionNFT: r·|x̂₀(v⁺) − x₀|²/w⁺ + (1 − r)·|x̂₀(v⁻) − x₀|²/w⁻, averaged.

    v⁺ = βv + (1 − β)v_old, v⁻ = (1 + β)v_old − βv, x̂₀(v) = x − t·v, w the mean absolute error, without gradient.
    Shapes: x, clean, v (B, n); t, r (B,). Gives a scalar. Source: REFERENCES nft.
    """
    wide = t[:, None]
    positive = x - wide * (beta * v_new + (1 - beta) * v_old)
    negative = x - wide * ((1 + beta) * v_old - beta * v_new)

    def error(guess: Tensor) -> Tensor:
        off = guess - clean
        weight = off.detach().abs().mean(1).clamp_min(1e-5)
        return (off * off).mean(1) / weight

    return (r * error(positive) + (1 - r) * error(negative)).mean()

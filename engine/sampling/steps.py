"""One step from time t to t' < t, as pure functions on latents; every random number is passed in.

Conventions: x_t = (1 − t)·x₀ + t·ε, v = ε − x₀, x̂₀ = x − t·v, x̂₁ = x + (1 − t)·v. Latents have shape (B, …) and any
floating dtype but float64, which Apple GPUs lack; arithmetic is float32 and results have the dtype of x.

Every stochastic step draws x' = mean + std·noise with a mean that is affine in v. `Step.gain` is (∂mean/∂v) / std with
the guidance's factor (1 − λ) cancelled on paper, because both numbers vanish as λ → 1 (see `log_ratio`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from engine.sampling.arrays import Latent, float32, matching, narrow

Form = Literal["cps", "paper"]


@dataclass(frozen=True)
class Step:
    """A stochastic step taken.

    sample: x', dtype of x. mean, noise: shaped like x, float32, with sample = mean + std·noise. std: > 0. gain: change
    of the mean, in units of std, for a unit change of v. guidance: λ in [0, 1); the signal in a step's reward shrinks
    about as 1 − λ.
    """

    sample: Latent
    mean: Latent
    noise: Latent
    std: float
    gain: float
    guidance: float = 0.0


def ode_step(x: Latent, v: Latent, t: float, t_next: float) -> Latent:
    """Euler step x − v·(t − t'). Raises: ValueError."""
    _check(x, v, t, t_next)
    return matching(float32(x) - float32(v) * (t - t_next), x)


def sde_step(x: Latent, v: Latent, t: float, t_next: float, eta: float, noise: Latent) -> Step:
    """Euler–Maruyama step of the reverse SDE with the flow's marginals.

    Diffusion σ = η·√(t / (1 − t)); at t = 1 it is η·√(1 / (1 − t')), as the source's own code has it.
    Raises: ValueError. Source: REFERENCES flow-grpo, equations 9 and 12.
    """
    return _diffuse(x, v, t, t_next, eta, noise, None, 0.0)


def cps_step(x: Latent, v: Latent, t: float, t_next: float, eta: float, noise: Latent) -> Step:
    """Coefficients-preserving step: x' has exactly the noise level t'. η in (0, 1].

    s = t'·sin(ηπ/2), mean = (1 − t')·x̂₀ + √(t'² − s²)·x̂₁. The noise level is exact, the spread of the data is not: s
    does not shrink with the step, so taken in every one of many steps it brings data N(m, d²) to deviation d·cos(ηπ/4).
    Raises: ValueError, also at t' = 0, where no noise is left. Source: REFERENCES flow-cps.
    """
    return _preserve(x, v, t, t_next, eta, noise, None, 0.0)


def dpg_step(
    x: Latent,
    v: Latent,
    t: float,
    t_next: float,
    eta: float,
    noise: Latent,
    *,
    anchor: Latent,
    guidance: float,
    form: Form = "cps",
) -> Step:
    """Dynamic path guidance: the step's x̂₀ is pulled to `anchor` by λ = `guidance`, its noise shrunk by 1 − λ.

    form "paper": x' ~ N((1 − λ)·μ + λ·x*, ((1 − λ)·σ√dt)²), μ and σ of `sde_step`, x* on the line from x to the anchor.
    Computed as an Euler step with pulled x̂₀, which is the same because x* − μ_ode = (dt/t)·(anchor − x̂₀).
    form "cps": `cps_step` with pulled x̂₀, x̂₁ recomputed from it, and s shrunk: exact noise level at every step.
    Raises: ValueError. Source: REFERENCES beautygrpo.
    """
    if not 0 <= guidance < 1:
        raise ValueError(f"λ must be in [0, 1), not {guidance}: 1 leaves no noise, and so no density.")
    if anchor.shape != x.shape:
        raise ValueError(f"The anchor's shape {tuple(anchor.shape)} is not the latent's {tuple(x.shape)}.")
    step = {"cps": _preserve, "paper": _diffuse}[form]
    return step(x, v, t, t_next, eta, noise, float32(anchor), guidance)


def log_prob(sample: Latent, mean: Latent, std: float) -> Latent:
    """Gaussian log-density of a step, averaged over the entries of each latent. Shape (B,), float32.

    To compare policies use `log_ratio`: this one divides a vanishing difference by a vanishing std as λ → 1.
    Raises: ValueError if std is not positive (η = 0 or λ = 1: the step has no density).
    """
    if not (math.isfinite(std) and std > 0):
        raise ValueError(f"A step with standard deviation {std} has no density.")
    z = (float32(sample) - float32(mean)) / std
    return _average(-0.5 * z * z) - math.log(std) - 0.5 * math.log(2 * math.pi)


def log_ratio(v_new: Latent, v_old: Latent, noise: Latent, gain: float) -> Latent:
    """log p_new(x') − log p_old(x') of a step that was drawn with v_old, averaged over entries. Shape (B,), float32.

    With u = gain·(v_new − v_old), the shift of the mean in units of std, it is u·ε − u²/2. λ appears nowhere, and
    the ratio of a policy with itself is exactly 1. Differentiable in v_new.
    Raises: ValueError if gain is not finite.
    """
    if not math.isfinite(gain):
        raise ValueError(f"A step with gain {gain} has no density.")
    u = gain * (float32(v_new) - float32(v_old))
    return _average(u * (float32(noise) - 0.5 * u))


def _diffuse(
    x: Latent, v: Latent, t: float, t_next: float, eta: float, noise: Latent, anchor: Latent | None, guidance: float
) -> Step:
    _check(x, v, t, t_next, noise)
    if not (math.isfinite(eta) and eta > 0):
        raise ValueError(f"η must be positive, not {eta}.")
    dt = t - t_next
    free = 1 - (t_next if t == 1 else t)
    variance = eta**2 * t / free
    correction = variance * dt / (2 * t)
    std = math.sqrt(variance * dt)
    wide, velocity = float32(x), float32(v)
    clean, noisy = wide - t * velocity, wide + (1 - t) * velocity
    if anchor is not None:
        clean = clean + guidance * (anchor - clean)
    mean = wide - (wide - clean) * (dt / t) - (1 - guidance) * correction * noisy
    gain = -(dt + correction * (1 - t)) / std
    return _draw(x, mean, noise, (1 - guidance) * std, gain, guidance)


def _preserve(
    x: Latent, v: Latent, t: float, t_next: float, eta: float, noise: Latent, anchor: Latent | None, guidance: float
) -> Step:
    _check(x, v, t, t_next, noise)
    if not 0 < eta <= 1:
        raise ValueError(f"η of a coefficients-preserving step must be in (0, 1], not {eta}.")
    if t_next == 0:
        raise ValueError("A coefficients-preserving step to time 0 has no noise: take an Euler step.")
    full = t_next * math.sin(eta * math.pi / 2)
    std = (1 - guidance) * full
    rest = math.sqrt(max(t_next**2 - std**2, 0.0))
    wide, velocity = float32(x), float32(v)
    clean, noisy = wide - t * velocity, wide + (1 - t) * velocity
    if anchor is not None:
        clean = clean + guidance * (anchor - clean)
        noisy = (wide - (1 - t) * clean) / t
    mean = (1 - t_next) * clean + rest * noisy
    gain = (rest * (1 - t) - (1 - t_next) * t) / full
    return _draw(x, mean, noise, std, gain, guidance)


def _draw(x: Latent, mean: Latent, noise: Latent, std: float, gain: float, guidance: float) -> Step:
    wide = float32(noise)
    return Step(matching(mean + std * wide, x), mean, wide, std, gain, guidance)


def _average(values: Latent) -> Latent:
    return values.reshape(values.shape[0], -1).mean(1) if values.ndim > 1 else values


def _check(x: Latent, v: Latent, t: float, t_next: float, noise: Latent | None = None) -> None:
    if not 0 <= t_next < t <= 1:
        raise ValueError(f"Time runs from 1 to 0: a step from {t} to {t_next} is none.")
    for latent in (x, v) if noise is None else (x, v, noise):
        if latent.shape != x.shape:
            raise ValueError(f"Shapes {tuple(latent.shape)} and {tuple(x.shape)} differ.")
        if not narrow(latent):
            raise ValueError(f"Latents are float32, float16 or bfloat16, not {latent.dtype}.")

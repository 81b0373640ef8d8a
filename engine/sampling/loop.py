"""The one sampling loop: ODE, Flow-SDE, CPS and DPG over any velocity function. Cancellable at every step."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np

from engine.errors import ModelCorruptError
from engine.jobs import CancelToken, Progress, Report, silent, within
from engine.sampling import schedules
from engine.sampling.arrays import Latent, finite, gaussian, like, matching, where, without_gradients
from engine.sampling.steps import Form, Step, cps_step, dpg_step, log_ratio, ode_step, sde_step

Kind = Literal["ode", "sde", "cps", "dpg"]
Velocity = Callable[[Latent, float], Latent]

_STEP_STREAM = 0x5851F42D4C957F2D
"""Turned into the seed, so that step noise never repeats the starting noise that a policy draws from the same seed."""


@dataclass(frozen=True)
class SamplerConfig:
    """How to sample.

    kind: "ode" Euler; "sde", "cps": noise in every step but the last ones; "dpg": in one random step of each segment,
    pulled to an anchor, all others Euler. steps, shift: of `schedules.linear`. eta: size of noise, (0, 1] for cps and
    dpg of form "cps", positive for the others. lambda_max: cap of the pull, in [0, 1). sigmas: a schedule from
    elsewhere, of steps + 1 times, instead of `linear`. pull: False keeps DPG's noise and leaves out its pull, so that
    no anchor is used: the comparison that tells one from the other.
    Raises: ValueError.
    """

    kind: Kind
    steps: int
    shift: float = 1.0
    eta: float = 0.8
    segments: int = 3
    lambda_max: float = 0.9
    form: Form = "cps"
    sigmas: tuple[float, ...] | None = None
    pull: bool = True

    def __post_init__(self) -> None:
        if self.kind not in ("ode", "sde", "cps", "dpg") or self.form not in ("cps", "paper"):
            raise ValueError(f"Unknown sampler {self.kind!r} of form {self.form!r}.")
        if len(self.times()) != self.steps + 1:
            raise ValueError(f"{self.steps} steps need {self.steps + 1} times.")
        if self.kind == "ode":
            return
        preserving = self.kind == "cps" or (self.kind == "dpg" and self.form == "cps")
        if not 0 < self.eta <= (1 if preserving else sys.float_info.max):
            limit = ", and at most 1 where the noise level is kept" if preserving else ""
            raise ValueError(f"η is above 0{limit}, not {self.eta}: use the ODE for no noise.")
        if self.kind == "dpg":
            schedules.guidance(self.steps, self.lambda_max)
            schedules.guided_steps(self.steps, self.segments, np.random.default_rng(0))
        elif self.steps < 2:
            raise ValueError("A stochastic sampler needs at least two steps.")

    def times(self) -> tuple[float, ...]:
        """steps + 1 times from noise to 0."""
        return schedules.linear(self.steps, self.shift) if self.sigmas is None else schedules.given(self.sigmas)


@dataclass(frozen=True)
class Draw:
    """A stochastic step with what it was drawn from: index in the schedule, times, x and v shaped like the latent."""

    index: int
    t: float
    t_next: float
    x: Latent
    velocity: Latent
    step: Step

    def log_ratio(self, velocity: Latent) -> Latent:
        """`steps.log_ratio` of another policy's velocity at (x, t) to the one that drew this step. Shape (B,)."""
        return log_ratio(velocity, self.velocity, self.step.noise, self.step.gain)


@dataclass(frozen=True)
class Trajectory:
    """times: the whole schedule. draws: the stochastic steps in order. anchor: what DPG pulled to, if it did."""

    times: tuple[float, ...]
    draws: tuple[Draw, ...]
    anchor: Latent | None = None


@dataclass(frozen=True)
class Sample:
    """latent: x₀, shape and dtype of the starting noise. trajectory: only if it was asked for."""

    latent: Latent
    trajectory: Trajectory | None = None


def sample(
    policy_velocity: Velocity,
    noise: Latent,
    config: SamplerConfig,
    *,
    anchor: Latent | None = None,
    seed: int = 0,
    token: CancelToken | None = None,
    report: Report = silent,
    keep: bool = False,
    explored: Latent | None = None,
) -> Sample:
    """Integrate from `noise` (B, …) at time 1 to data at time 0.

    DPG without an anchor first integrates the ODE from the same noise and takes that as the anchor, which doubles the
    work. All random numbers come from `seed` on the CPU and are then moved, so they are equal on every device.
    explored: bool, the latent's shape; entries where it is False take Euler steps in random steps too.
    Records no gradients.
    Raises: ValueError for shapes and dtypes, Cancelled, ModelCorruptError if a velocity is not finite.
    """
    first = 0.0
    with without_gradients(noise):
        if config.kind == "dpg" and config.pull and anchor is None:
            first = 0.5
            ode = SamplerConfig("ode", config.steps, config.shift, sigmas=config.sigmas)
            anchor = _run(
                policy_velocity, noise, ode, None, seed, token, within(report, 0.0, first), False, None
            ).latent
        if anchor is not None:
            anchor = matching(anchor, noise)
        return _run(policy_velocity, noise, config, anchor, seed, token, within(report, first, 1.0), keep, explored)


def _run(
    policy_velocity: Velocity,
    noise: Latent,
    config: SamplerConfig,
    anchor: Latent | None,
    seed: int,
    token: CancelToken | None,
    report: Report,
    keep: bool,
    explored: Latent | None,
) -> Sample:
    times = config.times()
    generator = np.random.default_rng((seed ^ _STEP_STREAM) % 2**63)
    random_steps = _random_steps(config, generator)
    pull = schedules.guidance(config.steps, config.lambda_max) if config.kind == "dpg" else ()
    x, draws = noise, []
    for index, (t, t_next) in enumerate(pairwise(times)):
        if token is not None:
            token.check()
        v = policy_velocity(x, t)
        if index in random_steps:
            fresh = like(gaussian(tuple(x.shape), generator), x)
            lam = pull[index] if pull else 0.0
            step = _stochastic(config, x, v, t, t_next, fresh, anchor, lam)
            if keep:
                draws.append(Draw(index, t, t_next, x, v, step))
            x = step.sample if explored is None else where(explored, step.sample, ode_step(x, v, t, t_next))
        else:
            x = ode_step(x, v, t, t_next)
        if not finite(x):
            raise ModelCorruptError(
                f"The policy computed values that are not numbers in step {index + 1} of {config.steps}.",
                "Try another device or check the model's files.",
            )
        report(Progress("sample", (index + 1) / config.steps))
    used = anchor if config.kind == "dpg" else None
    return Sample(x, Trajectory(times, tuple(draws), used) if keep else None)


def _random_steps(config: SamplerConfig, generator: np.random.Generator) -> frozenset[int]:
    if config.kind == "ode":
        return frozenset()
    if config.kind == "dpg":
        return frozenset(schedules.guided_steps(config.steps, config.segments, generator))
    return frozenset(range(config.steps - schedules.tail(config.steps)))


def _stochastic(
    config: SamplerConfig,
    x: Latent,
    v: Latent,
    t: float,
    t_next: float,
    noise: Latent,
    anchor: Latent | None,
    lam: float,
) -> Step:
    if config.kind == "dpg":
        if not config.pull:
            anchor = x - t * v  # its own x̂₀: nothing is pulled
        assert anchor is not None
        return dpg_step(x, v, t, t_next, config.eta, noise, anchor=anchor, guidance=lam, form=config.form)
    step = sde_step if config.kind == "sde" else cps_step
    return step(x, v, t, t_next, config.eta, noise)

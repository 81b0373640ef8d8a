"""Groups of samples of one face: drawn, measured, scored. Random numbers come from the run's seed and their place."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from engine.errors import UsageError
from engine.policies.base import Policy
from engine.proposal import Drawer, ProposalSpec
from engine.sampling.loop import Draw, Kind, SamplerConfig, sample
from engine.types import F32
from trainer.grpo.advantages import F64
from trainer.grpo.config import GrpoConfig
from trainer.grpo.faces import Measured, TrainingFace


class Scored(Protocol):
    """Of n samples: overall (n,), dimensions name → (n,), uncertainty (n,) of overall."""

    @property
    def overall(self) -> Any: ...

    @property
    def dimensions(self) -> Mapping[str, Any]: ...

    @property
    def uncertainty(self) -> Any: ...


class Reward(Protocol):
    """Anything that says how much retouches are liked, from their features (n, f)."""

    def score(self, features: F32) -> Scored: ...


@dataclass(frozen=True)
class Group:
    """One face's samples. index: of the face. latents: (G, …). rewards: (G,) after caution; overall, dimensions: as the
    reward gave them. measured: one each. draws: stochastic steps, none of an ODE."""

    index: int
    latents: Tensor
    rewards: F64
    overall: F64
    dimensions: Mapping[str, F64]
    measured: tuple[Measured, ...]
    draws: tuple[Draw, ...] = ()

    @property
    def best(self) -> int:
        return int(self.rewards.argmax())


def seed_of(config: GrpoConfig, *place: int) -> int:
    """A seed of its own for every place (iteration, face, sample …) of a run."""
    return int(np.random.SeedSequence([config.seed, *place]).generate_state(1, np.uint32)[0] >> 1)


def sampler(config: GrpoConfig, policy: Policy, ceiling: float) -> SamplerConfig:
    """The sampler of a mode. ceiling: of λ now. Raises: UsageError for settings that do not go together."""
    info = policy.info
    kind: Kind = {"sde": "sde", "nft": "ode"}.get(config.mode, "dpg")  # type: ignore[assignment]
    try:
        return SamplerConfig(
            kind,
            config.steps or info.steps,
            info.shift,
            eta=config.eta,
            segments=config.segments,
            lambda_max=ceiling,
            form="paper" if config.mode == "dpg" else "cps",
            pull=config.anchor != "none",
        )
    except ValueError as error:
        raise UsageError(f"The settings do not go together: {error}", "Change eta, steps or segments.") from error


def roll(
    policy: Policy,
    face: TrainingFace,
    index: int,
    reward: Reward,
    config: GrpoConfig,
    place: tuple[int, ...],
    settings: SamplerConfig,
    anchor: Tensor | None = None,
    pool: ThreadPoolExecutor | None = None,
) -> Group:
    """Draw, measure and score a group. place: what tells this group from all others of the run."""
    seeds = [seed_of(config, *place, number) for number in range(config.group)]
    shared = config.shared_noise and settings.kind != "ode"
    noise = torch.cat([policy.noise(face.condition, seeds[0 if shared else number]) for number in range(config.group)])
    drawn = sample(
        lambda x, sigma: policy.velocity(x, sigma, face.condition),
        noise,
        settings,
        anchor=None if anchor is None else anchor.expand_as(noise),
        seed=seed_of(config, *place, config.group),
        keep=settings.kind != "ode",
        explored=face.explored.expand_as(noise),
    )
    draws = drawn.trajectory.draws if drawn.trajectory else ()
    return judge(face, index, drawn.latent, reward, config.caution, pool, draws)


def plain(
    policy: Policy,
    face: TrainingFace,
    index: int,
    reward: Reward,
    config: GrpoConfig,
    seeds: Sequence[int],
    pool: ThreadPoolExecutor | None = None,
) -> Group:
    """Samples without an anchor or noise in the steps."""
    noise = torch.cat([policy.noise(face.condition, seed) for seed in seeds])
    settings = SamplerConfig("ode", policy.info.steps, policy.info.shift)
    latents = sample(lambda x, sigma: policy.velocity(x, sigma, face.condition), noise, settings).latent
    return judge(face, index, latents, reward, config.caution, pool)


def typical(
    policy: Policy,
    face: TrainingFace,
    index: int,
    reward: Reward,
    config: GrpoConfig,
    pool: ThreadPoolExecutor | None = None,
) -> Group:
    """The retouch that the product proposes, a group of one."""
    latent = Drawer(policy, face.condition).latent(ProposalSpec.of(policy.info))
    return judge(face, index, latent, reward, config.caution, pool)


def judge(
    face: TrainingFace,
    index: int,
    latents: Tensor,
    reward: Reward,
    caution: float,
    pool: ThreadPoolExecutor | None,
    draws: tuple[Draw, ...] = (),
) -> Group:
    """Measure and score latents (G, …); the reward's uncertainty is subtracted `caution` times."""
    run: Callable[..., Any] = map if pool is None else pool.map
    measured = tuple(run(face.measure, latents.split(1)))
    scored = reward.score(np.stack([each.features for each in measured]))
    overall = np.asarray(scored.overall, np.float64)
    rewards = overall - caution * np.asarray(scored.uncertainty, np.float64)
    dimensions = {name: np.asarray(values, np.float64) for name, values in scored.dimensions.items()}
    return Group(index, latents, rewards, overall, dimensions, measured, draws)

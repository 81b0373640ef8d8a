"""The loss of one group in each mode, from what the group was drawn with; `losses` holds the formulas."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor

from engine.policies.base import Policy, TrainablePolicy
from trainer.grpo import losses
from trainer.grpo.advantages import F64, optimality
from trainer.grpo.config import GrpoConfig
from trainer.grpo.faces import TrainingFace
from trainer.grpo.losses import StepTerms
from trainer.grpo.rollout import Group, seed_of

NFT_TIMES = 4
"""Noise levels at which each update looks at a group (REFERENCES: nft trains on a random share of the steps)."""


def group_loss(
    policy: TrainablePolicy,
    face: TrainingFace,
    group: Group,
    advantage: F64,
    config: GrpoConfig,
    old: Sequence[Tensor] | None,
    place: tuple[int, ...],
) -> tuple[Tensor, dict[str, float]]:
    """The loss (scalar) and what curves show of it. old: parameters that drew the group, for NFT."""
    reference = policy.reference()
    if config.mode == "nft":
        assert old is not None
        return _nft(policy, reference, face, group, advantage, config, old, place)
    return _grpo(policy, reference, face, group, advantage, config)


def _grpo(
    policy: TrainablePolicy, reference: Policy, face: TrainingFace, group: Group, advantage: F64, config: GrpoConfig
) -> tuple[Tensor, dict[str, float]]:
    a = torch.as_tensor(advantage, dtype=torch.float32, device=group.latents.device)
    normalise = config.mode == "cps"
    inside = face.explored.expand_as(group.latents)
    loss, total = group.latents.new_zeros(()), 0.0
    curves = {"kl": 0.0, "clipped": 0.0}
    for draw in group.draws:
        v_new = policy.velocity(draw.x, draw.t, face.condition)
        with torch.no_grad():
            v_ref = reference.velocity(draw.x, draw.t, face.condition)
        step = StepTerms(
            _rows(draw.step.noise, inside),
            draw.step.gain,
            draw.step.std,
            draw.step.guidance,
            draw.t - draw.t_next,
        )
        log_r = losses.step_log_ratio(_rows(v_new, inside), _rows(draw.velocity, inside), step, normalise=normalise)
        weight = losses.step_weight(step, normalise=normalise)
        kl = losses.divergence(_rows(v_new, inside), _rows(v_ref, inside), 1.0 if normalise else step.gain)
        kept = losses.divergence(_rows(v_new, ~inside), _rows(v_ref, ~inside)) if not bool(inside.all()) else 0.0
        loss = loss + weight * losses.clipped(log_r, a, config.clip) + config.kl * kl + config.preserve * kept
        total += 1
        curves["kl"] += float(kl.detach())
        curves["clipped"] += losses.clipped_share(log_r, config.clip)
    count = max(total, 1.0)
    return loss / count, {name: value / count for name, value in curves.items()}


def _nft(
    policy: TrainablePolicy,
    reference: Policy,
    face: TrainingFace,
    group: Group,
    advantage: F64,
    config: GrpoConfig,
    old: Sequence[Tensor],
    place: tuple[int, ...],
) -> tuple[Tensor, dict[str, float]]:
    inside = face.explored.expand_as(group.latents)
    generator = torch.Generator().manual_seed(seed_of(config, *place))
    r = torch.as_tensor(optimality(advantage), dtype=torch.float32, device=group.latents.device)
    clean, loss, divergence = group.latents, group.latents.new_zeros(()), 0.0
    for _ in range(NFT_TIMES):
        t = float(torch.rand((), generator=generator)) * 0.98 + 0.02
        noise = torch.randn(clean.shape, generator=generator).to(clean)
        x = (1 - t) * clean + t * noise
        v_new = policy.velocity(x, t, face.condition)
        with torch.no_grad():
            v_ref = reference.velocity(x, t, face.condition)
            with swapped(policy, old):
                v_old = policy.velocity(x, t, face.condition)
        times = torch.full((len(clean),), t, device=clean.device)
        kl = losses.divergence(_rows(v_new, inside), _rows(v_ref, inside))
        kept = losses.divergence(_rows(v_new, ~inside), _rows(v_ref, ~inside)) if not bool(inside.all()) else 0.0
        new, before, noisy, wanted = (_rows(each, inside) for each in (v_new, v_old, x, clean))
        if advantage.any():  # a dropped group would still pull to the old policy
            loss = loss + losses.nft(new, before, noisy, times, wanted, r, config.beta)
        loss = loss + config.kl * kl + config.preserve * kept
        divergence += float(kl.detach())
    return loss / NFT_TIMES, {"kl": divergence / NFT_TIMES, "clipped": 0.0}


@contextmanager
def swapped(policy: TrainablePolicy, values: Sequence[Tensor] | None) -> Iterator[None]:
    """The policy with other values of its parameters, if any, inside the block; for use without gradients."""
    if values is None:
        yield
        return
    parameters = list(policy.parameters())
    own = [parameter.data for parameter in parameters]
    for parameter, value in zip(parameters, values, strict=True):
        parameter.data = value
    try:
        yield
    finally:
        for parameter, value in zip(parameters, own, strict=True):
            parameter.data = value


def follow(old: Sequence[Tensor], policy: TrainablePolicy, decay: float) -> None:
    """old ← decay·old + (1 − decay)·new, in place."""
    for value, parameter in zip(old, policy.parameters(), strict=True):
        value.mul_(decay).add_(parameter.detach(), alpha=1 - decay)


def _rows(values: Tensor, inside: Tensor) -> Tensor:
    """(B, n) the entries where the mask is True; it is the same for every latent."""
    return values[:, inside[0]]

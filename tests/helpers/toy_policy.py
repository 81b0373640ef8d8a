"""A policy in closed form that learns, and faces whose features are the latent itself: training without photographs.

Its flow carries unit noise to N(mean, SPREAD²) for a mean that is learned; entries from SKIN on are not explored.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from safetensors.torch import load, save

from engine.metrics.dimensions import PairMeasures
from engine.policies.base import Condition, PolicyInfo
from engine.types import F32
from trainer.grpo.faces import Measured

SIZE, SKIN = 6, 4
SPREAD = 0.4
CONDITION = Condition(None, None)  # type: ignore[arg-type]


class ToyPolicy:
    """Implements `engine.policies.base.TrainablePolicy`."""

    def __init__(self) -> None:
        self.mean = torch.nn.Parameter(torch.zeros(SIZE))
        self.base: ToyPolicy | None = None

    @property
    def info(self) -> PolicyInfo:
        return PolicyInfo("toy", "1", "Apache-2.0", steps=8, shift=1.0, device="cpu")

    def encode(self, *_: object) -> Condition:
        return CONDITION

    def noise(self, condition: Condition, seed: int) -> torch.Tensor:
        return torch.from_numpy(np.random.default_rng(seed).standard_normal((1, SIZE), dtype=np.float32))

    def velocity(self, x: torch.Tensor, sigma: float, condition: Condition) -> torch.Tensor:
        variance = (1 - sigma) ** 2 * SPREAD**2 + sigma**2
        offset = (x - (1 - sigma) * self.mean) / variance
        return sigma * offset - (self.mean + (1 - sigma) * SPREAD**2 * offset)

    def decode(self, *_: object) -> Any:
        raise NotImplementedError

    def parameters(self) -> Iterator[torch.nn.Parameter]:
        return iter([self.mean])

    def reference(self) -> ToyPolicy:
        if self.base is None:
            self.base = ToyPolicy()
            self.base.mean.requires_grad_(False)
        return self.base

    def weights(self) -> bytes:
        return save({"mean": self.mean.detach()})

    def load(self, weights: bytes) -> None:
        with torch.no_grad():
            self.mean.copy_(load(weights)["mean"])

    def explored(self, condition: Condition) -> torch.Tensor:
        return (torch.arange(SIZE) < SKIN)[None]

    def marks(self, condition: Condition) -> tuple[()]:
        return ()

    def slim(self, condition: Condition) -> Condition:
        return condition

    def canvas(self, condition: Condition) -> Callable[[torch.Tensor], F32]:
        raise NotImplementedError


@dataclass(frozen=True)
class ToyFace:
    """Features are the latent; its first entry is how much of the pores is kept, for the guards."""

    key: str = "toy"
    photo: str = "toy"
    condition: Condition = CONDITION

    @property
    def explored(self) -> torch.Tensor:
        return (torch.arange(SIZE) < SKIN)[None]

    def measure(self, latent: torch.Tensor) -> Measured:
        features = latent[0].detach().numpy()
        return Measured(features, PairMeasures(pore_retention=1 + 0.06 * float(features[0])))


class Likes:
    """A reward: minus the squared distance of the first entries to a target."""

    def __init__(self, *target: float, uncertainty: float = 0.0) -> None:
        self.target, self.uncertainty = np.array(target), uncertainty

    def score(self, features: F32) -> Any:
        overall = -((features[:, : len(self.target)] - self.target) ** 2).sum(1)
        return SimpleNamespace(
            overall=overall, dimensions={"tone": overall}, uncertainty=np.full(len(features), self.uncertainty)
        )


class LovesNoise:
    """A reward that can be hacked: the more of the first entry, the better, without end."""

    def score(self, features: F32) -> Any:
        return SimpleNamespace(overall=features[:, 0], dimensions={}, uncertainty=np.zeros(len(features)))

"""Everything a training carries from one iteration to the next, and its checkpoints: nothing else is remembered, and
random numbers are made anew from seed and place, so a resumed training goes the same way to the bit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from safetensors.torch import load, save
from torch import Tensor

from engine.errors import EngineError
from engine.policies.base import TrainablePolicy
from trainer.grpo.config import GrpoConfig
from trainer.grpo.rollout import Group
from trainer.runs import Run, RunError


@dataclass
class Good:
    """Weights that the guards let pass. reward: mean over evaluation samples. iteration: after which they stood."""

    iteration: int
    reward: float
    weights: bytes


class TrainingError(EngineError):
    """A training became unstable."""

    code = "training"


@dataclass(frozen=True)
class Outcome:
    """status: "done", "stopped" (may be resumed), "guarded" (a guard ended it). words: what happened, as sentences.
    good: the best weights that the guards let pass, None if there are none."""

    status: str
    words: str
    good: Good | None


@dataclass
class TrainingState:
    """iteration: how many are done. evaluated: after which one the last evaluation was. anchors: face index → latent
    (1, …) that was picked (reward None), or else the best so far and its reward. old: NFT's old parameters. before:
    guarded measures of the policy before training; baseline: its rewards, (faces, seeds). good: the best weights yet.
    """

    optimiser: torch.optim.Optimizer
    iteration: int = 0
    evaluated: int = -1
    anchors: dict[int, tuple[Tensor, float | None]] = field(default_factory=dict)
    old: list[Tensor] | None = None
    before: dict[str, float] = field(default_factory=dict)
    baseline: list[list[float]] = field(default_factory=list)
    good: Good | None = None

    @classmethod
    def fresh(cls, policy: TrainablePolicy, config: GrpoConfig) -> TrainingState:
        parameters = list(policy.parameters())
        old = [parameter.detach().clone() for parameter in parameters] if config.mode == "nft" else None
        return cls(torch.optim.Adam(parameters, config.learning_rate, foreach=False), old=old)

    def meet(self, group: Group) -> None:
        """Take the group's best sample as the face's anchor if none was picked and it is better than the one before."""
        reward = float(group.rewards[group.best])
        known = self.anchors.get(group.index)
        if known is None or (known[1] is not None and reward > known[1]):
            self.anchors[group.index] = group.latents[group.best : group.best + 1].detach().clone(), reward

    def save(self, run: Run, policy: TrainablePolicy) -> None:
        """Raises: RunError."""
        tensors = {f"anchor.{index}": latent.contiguous() for index, (latent, _) in self.anchors.items()}
        tensors |= {f"old.{number}": value.contiguous() for number, value in enumerate(self.old or ())}
        for number, values in self.optimiser.state_dict()["state"].items():
            tensors |= {f"optimiser.{number}.{name}": torch.as_tensor(value) for name, value in values.items()}
        files = {"weights.safetensors": policy.weights(), "training.safetensors": save(tensors)}
        state: dict[str, Any] = {
            "anchors": {str(index): reward for index, (_, reward) in self.anchors.items()},
            "before": {name: value if np.isfinite(value) else None for name, value in self.before.items()},
            "baseline": self.baseline,
            "evaluated": self.evaluated,
        }
        if self.good is not None:
            files["good.safetensors"] = self.good.weights
            state["good"] = {"iteration": self.good.iteration, "reward": self.good.reward}
        run.save_checkpoint(self.iteration, files, state)

    def load(self, run: Run, policy: TrainablePolicy) -> bool:
        """Take up the newest whole checkpoint; False if there is none. Raises: ModelCorruptError, RunError."""
        found = run.load_checkpoint()
        if found is None:
            return False
        state, files = found
        policy.load(files["weights.safetensors"])
        # Copies in torch's own memory: products depend on alignment in the last bit.
        tensors: Mapping[str, Tensor] = {k: v.clone() for k, v in load(files["training.safetensors"]).items()}
        try:
            self.iteration, self.evaluated = int(state["step"]), int(state["evaluated"])
            self.baseline = state["baseline"]
            self.before = {name: float("nan") if value is None else value for name, value in state["before"].items()}
            self.anchors = {int(i): (tensors[f"anchor.{i}"], reward) for i, reward in state["anchors"].items()}
            if self.old is not None:
                self.old = [tensors[f"old.{number}"] for number in range(len(self.old))]
            if "good" in state:
                self.good = Good(state["good"]["iteration"], state["good"]["reward"], files["good.safetensors"])
        except (KeyError, TypeError, ValueError) as error:
            raise RunError(f"A checkpoint of {run.folder.name} is damaged.", "Start the training anew.") from error
        moments: dict[int, dict[str, Tensor]] = {}
        for name, value in tensors.items():
            if name.startswith("optimiser."):
                _, number, key = name.split(".", 2)
                moments.setdefault(int(number), {})[key] = value
        self.optimiser.load_state_dict({**self.optimiser.state_dict(), "state": moments})
        return True

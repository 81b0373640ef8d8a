"""The one loop of policy optimisation, for every mode, one process or many."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import torch
from torch import Tensor

from engine.errors import Cancelled
from engine.jobs import Progress, Report, silent
from engine.policies.base import TrainablePolicy
from trainer.grpo import guards
from trainer.grpo.advantages import advantages
from trainer.grpo.config import GrpoConfig
from trainer.grpo.evaluation import Evaluation, chosen, curves_of, evaluation_seeds
from trainer.grpo.faces import TrainingFace
from trainer.grpo.rollout import Group, Reward, plain, roll, sampler
from trainer.grpo.state import Good, Outcome, TrainingError, TrainingState
from trainer.grpo.update import follow, group_loss, swapped
from trainer.grpo.workers import Alone, Together, Workers
from trainer.runs import Run


class Training:
    """Trains `policy` on `faces` for `reward`. tell: writes an event. stopping: whether to stop at the next face.
    shown: gets the groups of every evaluation. picked: face index → latent (1, …) that a person liked, its anchor."""

    def __init__(
        self,
        policy: TrainablePolicy,
        faces: Sequence[TrainingFace],
        reward: Reward,
        config: GrpoConfig,
        run: Run,
        *,
        tell: Callable[..., Any] = lambda kind, **data: None,
        stopping: Callable[[], bool] = lambda: False,
        report: Report = silent,
        shown: Callable[[int, Sequence[Group]], Any] = lambda step, groups: None,
        workers: Workers | None = None,
        threads: int = 1,
        picked: Mapping[int, Tensor] | None = None,
    ) -> None:
        self.policy, self.faces, self.reward, self.config, self.run = policy, faces, reward, config, run
        self.report, self.shown, self.threads = report, shown, threads
        self.pool: ThreadPoolExecutor | None = None
        self.workers = workers or Alone()
        self.together = Together(run, self.workers, tell, stopping)
        self.state = TrainingState.fresh(policy, config)
        if picked and config.anchor == "pick":
            self.state.anchors = {index: (latent, None) for index, latent in picked.items()}

    def train(self) -> Outcome:
        """From the last checkpoint, or the beginning, to the end. Raises: TrainingError, RunError."""
        state, config = self.state, self.config
        state.load(self.run, self.policy)
        with ThreadPoolExecutor(self.threads, thread_name_prefix="measure") as self.pool:
            try:
                while True:
                    last = state.iteration == config.iterations
                    due = last or state.iteration % config.evaluate_every == 0
                    if due and state.evaluated < state.iteration and (broken := self._evaluate()):
                        return Outcome("guarded", f"Stopped by a guard. {'; '.join(map(str, broken))}.", state.good)
                    if last:
                        return Outcome("done", f"All {state.iteration} iterations are done.", state.good)
                    self.together.wait()
                    self._learn(self._sample())
                    state.iteration += 1
            except Cancelled:
                self._save()
                return Outcome("stopped", f"Stopped after {state.iteration} iterations.", state.good)

    def _sample(self) -> list[Group]:
        """This process's share of the iteration's groups; anchors are met with those of all processes."""
        state, config = self.state, self.config
        settings = sampler(config, self.policy, config.ceiling(state.iteration))
        own = []
        for place, index in self.together.share(chosen(config, state.iteration, len(self.faces))):
            self.together.check()
            self.report(Progress("train", (state.iteration + place / config.faces) / config.iterations))
            anchor = state.anchors[index][0] if settings.kind == "dpg" and settings.pull else None
            with swapped(self.policy, state.old):
                face, stream = self.faces[index], (1, state.iteration, place)
                own.append(roll(self.policy, face, index, self.reward, config, stream, settings, anchor, self.pool))
        everyone = self.workers.gather(own)
        for group in sorted(everyone, key=lambda group: group.index):
            state.meet(group)
        self.together.tell("samples", step=state.iteration + 1, **curves_of(everyone, config, state.iteration))
        return own

    def _learn(self, groups: Sequence[Group]) -> None:
        """Some updates from one batch of groups."""
        config, state = self.config, self.state
        parameters = list(self.policy.parameters())
        taught = [advantages(group.rewards, config.least_spread, config.advantage) for group in groups]
        curves: list[dict[str, float]] = []
        for epoch in range(config.epochs):
            state.optimiser.zero_grad(set_to_none=True)
            for group, advantage in zip(groups, taught, strict=True):
                place = (2, state.iteration, epoch, group.index)
                loss, seen = group_loss(
                    self.policy, self.faces[group.index], group, advantage, config, state.old, place
                )
                curves.append({**seen, "loss": float(loss.detach())})
                torch.autograd.backward(loss / config.faces)
            self.workers.add_gradients(parameters)
            norm = float(torch.nn.utils.clip_grad_norm_(parameters, config.gradient_norm))
            if not math.isfinite(norm):
                raise TrainingError(
                    f"The training became unstable: its loss is no number in iteration {state.iteration + 1}.",
                    "Use a smaller learning_rate. The last good weights are kept.",
                )
            state.optimiser.step()
        if state.old is not None:
            follow(state.old, self.policy, min(0.001 * (state.iteration + 1), config.old_decay))
        shown = self.workers.gather(curves)
        means = {name: float(np.mean([each[name] for each in shown])) for name in shown[0]} if shown else {}
        dropped = self.workers.gather([not advantage.any() for advantage in taught])
        self.together.tell("update", step=state.iteration + 1, gradient=norm, dropped=sum(dropped), **means)

    def _evaluate(self) -> list[guards.Breach]:
        """Plain samples of every face: guards, and whether these weights are the best so far. Saves a checkpoint."""
        state = self.state
        own = []
        for index, face in self.together.share(self.faces):
            self.together.check()
            seeds = evaluation_seeds(self.config, index)
            own.append(plain(self.policy, face, index, self.reward, self.config, seeds, self.pool))
        groups = sorted(self.workers.gather(own), key=lambda group: group.index)
        seen = Evaluation.of(groups)
        if not state.baseline:
            state.before, state.baseline = seen.guards, seen.rewards
            for group in groups:
                state.meet(group)
        broken = guards.breaches(seen.guards, state.before, guards.IN_TRAINING)
        if not broken and (state.good is None or seen.reward > state.good.reward):
            state.good = Good(state.iteration, seen.reward, self.policy.weights())
        if not broken:  # a run that is killed after this and resumed looks again, and ends the same
            state.evaluated = state.iteration
        self.together.tell("evaluation", step=state.iteration, **seen.plain(state.baseline))
        if self.workers.rank == 0:
            self.shown(state.iteration, groups)
        if broken:
            self.together.tell("guard", step=state.iteration, words=[str(each) for each in broken])
        self._save()
        return broken

    def _save(self) -> None:
        if self.workers.rank == 0 and self.state.baseline:
            self.state.save(self.run, self.policy)

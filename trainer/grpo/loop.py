"""The one loop of policy optimisation, for every mode, one process or many."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from engine.errors import Cancelled, EngineError
from engine.jobs import Progress, Report, silent
from engine.policies.base import TrainablePolicy
from trainer.grpo import guards
from trainer.grpo.advantages import advantages
from trainer.grpo.config import GrpoConfig
from trainer.grpo.faces import TrainingFace
from trainer.grpo.rollout import Group, Reward, plain, roll, sampler, seed_of
from trainer.grpo.state import Good, TrainingState
from trainer.grpo.update import follow, group_loss, swapped
from trainer.grpo.workers import Alone, Workers
from trainer.runs import Run

EVALUATION_SEEDS = 2
"""Plain samples of every face at each evaluation; the same seeds each time, so that only the policy differs."""


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


class Training:
    """Trains `policy` on `faces` for `reward`. tell: writes an event. stopping: whether to stop at the next face."""

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
        workers: Workers | None = None,
        threads: int = 1,
    ) -> None:
        self.policy, self.faces, self.reward, self.config, self.run = policy, faces, reward, config, run
        self.tell, self.stopping, self.report = tell, stopping, report
        self.workers, self.threads = workers or Alone(), threads
        self.state = TrainingState.fresh(policy, config)

    def train(self) -> Outcome:
        """From the last checkpoint, or the beginning, to the end. Raises: TrainingError, RunError."""
        with ThreadPoolExecutor(self.threads, thread_name_prefix="measure") as self.pool:
            try:
                if not self.state.load(self.run, self.policy):
                    self._evaluate()
                while self.state.iteration < self.config.iterations:
                    self._wait()
                    groups = self._sample()
                    self._learn(groups)
                    self.state.iteration += 1
                    due = self.state.iteration % self.config.evaluate_every == 0
                    if (due or self.state.iteration == self.config.iterations) and (broken := self._evaluate()):
                        return Outcome(
                            "guarded", f"Stopped by a guard. {'; '.join(map(str, broken))}.", self.state.good
                        )
            except Cancelled:
                self._save()
                return Outcome("stopped", f"Stopped after {self.state.iteration} iterations.", self.state.good)
        return Outcome("done", f"All {self.state.iteration} iterations are done.", self.state.good)

    def _sample(self) -> list[Group]:
        """This process's share of the iteration's groups; anchors are met with those of all processes."""
        state, config = self.state, self.config
        settings = sampler(config, self.policy, config.ceiling(state.iteration))
        own = []
        for place, index in self._share(self._chosen()):
            self._check((state.iteration * config.faces + place) / (config.iterations * config.faces))
            anchor = state.anchors[index][0] if settings.kind == "dpg" and settings.pull else None
            with swapped(self.policy, state.old or [p.data for p in self.policy.parameters()]):
                own.append(
                    roll(
                        self.policy,
                        self.faces[index],
                        index,
                        self.reward,
                        config,
                        (1, state.iteration, place),
                        settings=settings,
                        anchor=anchor,
                        pool=self.pool,
                    )
                )
        everyone = self.workers.gather(own)
        for group in sorted(everyone, key=lambda group: group.index):
            state.meet(group)
        self._tell_samples(everyone)
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
        self._say("update", step=state.iteration + 1, gradient=norm, dropped=sum(dropped), **means)

    def _evaluate(self) -> list[guards.Breach]:
        """Plain samples of every face: guards, and whether these weights are the best so far. Saves a checkpoint."""
        state, config = self.state, self.config
        own = []
        for index, face in self._share(list(self.faces)):
            self._check(state.iteration / config.iterations)
            seeds = [seed_of(config, 0, index, number) for number in range(EVALUATION_SEEDS)]
            own.append(plain(self.policy, face, index, self.reward, config, seeds, self.pool))
        groups = sorted(self.workers.gather(own), key=lambda group: group.index)
        now = guards.means([measured.pair for group in groups for measured in group.measured])
        rewards = [[float(value) for value in group.rewards] for group in groups]
        if not state.baseline:
            state.before, state.baseline = now, rewards
            for group in groups:
                state.meet(group)
        broken = guards.breaches(now, state.before)
        reward = float(np.mean(rewards))
        if not broken and (state.good is None or reward > state.good.reward):
            state.good = Good(state.iteration, reward, self.policy.weights())
        wins = np.sign(np.array(rewards) - np.array(state.baseline))
        rate = float((wins > 0).mean() + 0.5 * (wins == 0).mean())
        self._say("evaluation", step=state.iteration, reward=reward, win_rate=rate, guards=now, parts=parts(groups))
        if broken:
            self._say("guard", step=state.iteration, words=[str(each) for each in broken])
        self._save()
        return broken

    # --- small things -------------------------------------------------------------------------------------------------

    def _chosen(self) -> list[int]:
        """Faces of this iteration: all in turn, each round in an order of its own."""
        start = self.state.iteration * self.config.faces
        return [
            self._order(place // len(self.faces))[place % len(self.faces)]
            for place in range(start, start + self.config.faces)
        ]

    def _order(self, turn: int) -> list[int]:
        return [int(i) for i in np.random.default_rng(seed_of(self.config, 3, turn)).permutation(len(self.faces))]

    def _share(self, items: Sequence[Any]) -> list[tuple[int, Any]]:
        return [(n, item) for n, item in enumerate(items) if n % self.workers.count == self.workers.rank]

    def _wait(self) -> None:
        """Obey requests, all processes alike."""
        if self.workers.rank == 0:
            self.run.control.wait_while_paused(
                lambda on: self._say("paused" if on else "continued", step=self.state.iteration), self.stopping
            )
        if self.workers.agree(self.stopping() or self.run.control.asked("stop")):
            raise Cancelled

    def _check(self, fraction: float) -> None:
        """Between faces; several processes only stop together, in `_wait`."""
        self.report(Progress("train", fraction))
        if self.workers.count == 1 and (self.stopping() or self.run.control.asked("stop")):
            raise Cancelled

    def _save(self) -> None:
        if self.workers.rank == 0 and self.state.baseline:
            self.state.save(self.run, self.policy)

    def _say(self, kind: str, **data: Any) -> None:
        if self.workers.rank == 0:
            self.tell(kind, **data)

    def _tell_samples(self, groups: Sequence[Group]) -> None:
        rewards = np.concatenate([group.rewards for group in groups])
        spread = float(np.mean([group.rewards.std() for group in groups]))
        self._say(
            "samples",
            step=self.state.iteration + 1,
            reward=float(rewards.mean()),
            spread=spread,
            rendered=(self.state.iteration + 1) * self.config.faces * self.config.group,
            ceiling=self.config.ceiling(self.state.iteration),
        )


def parts(groups: Sequence[Group]) -> dict[str, float]:
    """Mean of each of the reward's dimensions over samples."""
    names = groups[0].dimensions if groups else {}
    return {name: float(np.mean(np.concatenate([group.dimensions[name] for group in groups]))) for name in names}

"""Hidden tastes through the whole of learning: picks by a simulated photographer, the reward, the policy, unseen faces.

`python -m tests.bench.bench_tastes --portraits DIR --taste clean --variant mode=cps` prints JSON lines: how often the
hidden taste likes the trained policy's retouch better than the shipped one's, on faces that nothing was trained on.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import torch

from engine.imageio.colour import from_lab
from engine.metrics.crop import region_on, width_on
from engine.policies.base import Condition
from engine.policies.compact.learner import CompactLearner, learner
from engine.policies.registry import load_policy
from engine.types import F32, REGIONS
from engine.weights.own import NONE
from tests.helpers.photographers import TASTES, Photographer
from trainer.grpo import guards
from trainer.grpo.config import GrpoConfig
from trainer.grpo.faces import PhotoFace, load_faces
from trainer.grpo.loop import Training
from trainer.grpo.rollout import plain, typical
from trainer.reward.encoder import Encoder, chosen
from trainer.reward.features import learning_grid
from trainer.reward.model import Comparisons, Reward, fit_reward
from trainer.reward.prior import Prior, shipped
from trainer.reward.train import spread_of_looks
from trainer.runs import Manifest, Run


class Judge:
    """How much a hidden taste likes latents of a face; pictures are drawn as 8-bit sRGB."""

    def __init__(self, face: PhotoFace, taste: str) -> None:
        grid = learning_grid(face.condition.face)
        self.face, self.taste = face, TASTES[taste]
        self.masks = {name: region_on(face.condition.face, grid, name) for name in REGIONS}
        self.width = width_on(face.condition.face, grid)
        self.before = _srgb(face.meter.before)

    def __call__(self, latent: torch.Tensor) -> float:
        return self.taste(self.before, _srgb(self.face.after(latent)), self.masks, self.width)


class Seeing(CompactLearner):
    """Keeps the regions of faces, for the hidden taste."""

    def slim(self, condition: Condition) -> Condition:
        slim = super().slim(condition)
        return replace(slim, face=replace(slim.face, regions=condition.face.regions))


def _srgb(lab: F32) -> np.ndarray:
    return np.round(np.clip(from_lab(lab, None), 0, 1) * 255).astype(np.uint8)


class Indifferent:
    """Scores nothing, to draw samples without a reward."""

    def score(self, features: F32) -> object:
        from types import SimpleNamespace

        zero = np.zeros(len(features))
        return SimpleNamespace(overall=zero, dimensions={}, uncertainty=zero)


def picks(
    faces: list[PhotoFace], judges: list[Judge], policy: CompactLearner, count: int, person: Photographer
) -> Comparisons:
    """Random pairs of the shipped policy's samples, answered."""
    per_face = -(-count // len(faces))
    first, second, answers = [], [], []
    for index, (face, judge) in enumerate(zip(faces, judges, strict=True)):
        seeds = [1000 + 100 * index + number for number in range(2 * per_face)]
        group = plain(policy, face, index, Indifferent(), GrpoConfig(), seeds)
        liked = [judge(latent) for latent in group.latents.split(1)]
        for a, b in zip(range(0, 2 * per_face, 2), range(1, 2 * per_face, 2), strict=True):
            first.append(group.measured[a].features)
            second.append(group.measured[b].features)
            answers.append({"image1": 0, "image2": 1, "tie": 2}[person.answer(liked[a], liked[b])])
    which = np.random.default_rng(0).permutation(len(answers))[:count]
    return Comparisons(np.array(first)[which], np.array(second)[which], np.array(answers)[which])


def prior(answers: Comparisons, encoder: Encoder | None) -> Prior:
    """The shipped one, seeing through an encoder if there is one."""
    if encoder is None:
        return shipped()
    both = [*answers.first, *answers.second]
    return shipped().seeing(encoder.digest, spread_of_looks(both, [*range(len(answers))] * 2))


def judged(
    trained: CompactLearner, faces: list[PhotoFace], judges: list[Judge], seeds: int
) -> tuple[float, float, float, dict[str, float]]:
    """Win rate over the reference by the hidden taste: of samples, and of what is proposed first; the samples' gain in
    spreads of the shipped ones; guards of both."""
    wins, first, gains, pairs = [], [], [], []
    for index, (face, judge) in enumerate(zip(faces, judges, strict=True)):
        numbers = [50_000 + 100 * index + number for number in range(seeds)]
        new, old = (
            plain(each, face, index, Indifferent(), GrpoConfig(), numbers) for each in (trained, trained.reference())
        )
        a, b = ([judge(latent) for latent in group.latents.split(1)] for group in (new, old))
        wins += [float(x > y) + 0.5 * (x == y) for x, y in zip(a, b, strict=True)]
        gains.append((np.mean(a) - np.mean(b)) / max(float(np.std(b)), 1e-9))
        proposed, before = (
            typical(each, face, index, Indifferent(), GrpoConfig()) for each in (trained, trained.reference())
        )
        first.append(float(judge(proposed.latents) > judge(before.latents)))
        pairs += [each.pair for each in (*new.measured, *proposed.measured)]
    return float(np.mean(wins)), float(np.mean(first)), float(np.mean(gains)), guards.means(pairs)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--portraits", type=Path, required=True)
    parser.add_argument("--faces", type=int, default=12)
    parser.add_argument("--unseen", type=int, default=8)
    parser.add_argument("--picks", type=int, default=60)
    parser.add_argument("--inconsistent", type=float, default=0.0)
    parser.add_argument("--taste", action="append")
    parser.add_argument("--encoder", default=NONE, help="folder of a DINOv2 to look through too")
    parser.add_argument("--set", action="append", default=[], help="KEY=VALUE of the settings; may be repeated")
    parser.add_argument("--variant", action="append", default=[""], help="comma-separated KEY=VALUE, one training each")
    args = parser.parse_args()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    paths = sorted(args.portraits.rglob("*.jpg"))
    paths = [paths[i] for i in np.random.default_rng(1).permutation(len(paths))[: args.faces + args.unseen]]
    base = load_policy("compact", device="cpu")
    start = time.perf_counter()
    encoder = chosen(args.encoder)
    faces, _ = load_faces(paths, Seeing(base), encoder=encoder)
    print(json.dumps({"faces": len(faces), "seconds": round(time.perf_counter() - start, 1)}), flush=True)
    seen, unseen = faces[: args.faces], faces[args.faces :]
    for taste in args.taste or list(TASTES):
        judges = [Judge(face, taste) for face in faces]
        answers = picks(seen, judges[: args.faces], learner(base), args.picks, Photographer(args.inconsistent))
        start = time.perf_counter()
        reward: Reward = fit_reward(prior(answers, encoder), answers)
        fitted = time.perf_counter() - start
        for variant in args.variant[1:] or [""]:
            values = dict(pair.split("=") for pair in [*args.set, *filter(None, variant.split(","))])
            config = GrpoConfig(**{key: _parsed(value) for key, value in values.items()})
            policy = learner(base)
            start = time.perf_counter()
            with tempfile.TemporaryDirectory() as folder:
                run = Run.create(Path(folder) / "run", Manifest("policy", config.plain()))
                training = Training(policy, seen, reward, config, run)
                outcome = training.train()
            seconds = time.perf_counter() - start
            if outcome.good is not None:
                policy.load(outcome.good.weights)
            rate, first, gain, measured = judged(policy, unseen, judges[args.faces :], 4)
            row = {
                "taste": taste,
                "variant": variant,
                "win_rate": round(rate, 3),
                "typical": round(first, 3),
                "gain": round(gain, 2),
                "status": outcome.status,
            }
            row |= {
                "fit": round(fitted, 1),
                "seconds": round(seconds, 1),
                "good": outcome.good and outcome.good.iteration,
            }
            row |= {"words": outcome.words if outcome.status == "guarded" else ""}
            row |= {"guards": {name: round(value, 3) for name, value in measured.items()}}
            print(json.dumps(row), flush=True)


def _parsed(value: str) -> object:
    try:
        return json.loads(value)
    except ValueError:
        return value


if __name__ == "__main__":
    main()

"""How well a reward learns hidden tastes: python -m tests.bench.bench_taste --portraits DIR

Simulated photographers (`tests.helpers.photographers`) answer a sitting of `PickSession` about faces that the policy
was never trained on; the reward is fitted as `porelight train reward` does it, and judged on other people's faces. What
was rendered and measured is kept in --cache, by the policy's version, so that only the first run takes minutes.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from engine.errors import EngineError
from engine.policies.base import Policy
from engine.policies.versions import SHIPPED
from tests.helpers import photographers
from tests.helpers.photographers import TASTES, Photographer
from trainer.picks.files import sha256_of
from trainer.picks.identity import Identity
from trainer.picks.records import Candidate
from trainer.picks.session import PickSession
from trainer.picks.store import PickStore
from trainer.reward.data import collect
from trainer.reward.features import NAMES, VERSION
from trainer.reward.measuring import Loaded, OpenFace
from trainer.reward.model import Reward
from trainer.reward.prior import shipped
from trainer.reward.train import RewardConfig, Trained, fit_answers
from trainer.reward.world import EDITED, people, retouches

VISIBLE = 0.3
"""Pairs count as visibly different for a taste from this share of its spread between retouches of one face."""


@dataclass(frozen=True)
class Face:
    """candidates: of the retouches, in order; features: (n, f); likings: (n, tastes)."""

    photo: str
    candidates: list[Candidate]
    features: np.ndarray
    likings: np.ndarray


def load(path: Path, cache: Path, policy: Policy, count: int, seed: int) -> Face:
    """A face's retouches, from the cache if they were measured before by the same policy, features and tastes."""
    version = policy.info.version
    key = f"{sha256_of(path)} {version} {VERSION} {count} {seed} {sha256_of(Path(photographers.__file__))}"
    store = cache / f"{path.stem}-{hashlib.sha256(key.encode()).hexdigest()[:12]}.npz"
    if not store.exists():
        opened = OpenFace(path, policy)
        before, box = opened.session.photo.pixels, opened.face.grid.box
        part = (slice(box[1], box[3]), slice(box[0], box[2]))
        size = (box[2] - box[0], box[3] - box[1])
        masks = {name: np.asarray(cv2.resize(mask, size), np.float32) for name, mask in opened.face.regions.items()}
        candidates, features, likings = [], [], []
        for each in retouches(opened, policy, count, seed):
            candidates.append(each.sidecar.model_dump_json())
            features.append(opened.measure(each.pixels))
            pair = before[part], each.pixels[part]
            likings.append([taste(*pair, masks, opened.face.width) for taste in TASTES.values()])
        cache.mkdir(parents=True, exist_ok=True)
        np.savez(store, features=np.stack(features), likings=np.array(likings), candidates=np.array(candidates))
    with np.load(store) as data:
        photo = str(sha256_of(path))
        kept = [Candidate(photo=photo, face="face-1", retouch=json.loads(str(text))) for text in data["candidates"]]
        return Face(photo, kept, data["features"], data["likings"])


def sitting(faces: list[Face], taste: int, person: Photographer, picks: int, seed: int) -> tuple[Trained, float]:
    """A sitting of so many training picks. Returns: what was trained, and the processor seconds of the fit."""
    prior, spread = shipped(), _spread(faces, taste)
    identity = Identity("a" * 16, f"{seed:016x}")
    liking = {c.id: v for face in faces for c, v in zip(face.candidates, face.likings[:, taste] / spread, strict=True)}
    features = {c.id: v for face in faces for c, v in zip(face.candidates, face.features, strict=True)}
    with tempfile.TemporaryDirectory() as folder, PickStore.open(Path(folder) / "p.sqlite", create=True) as store:
        groups = [(face.photo, [each.id for each in face.candidates]) for face in faces]
        session = PickSession(store, groups, features, prior, identity, seed, refit=4)
        while sum(each.purpose != "random" for each in store.picks()) < picks:
            question = session.next()
            assert question is not None
            session.answer(person.answer(liking[question.image1], liking[question.image2]))  # type: ignore[arg-type]
        start = time.process_time()
        trained = fit_answers(collect(store.picks(), features), prior, RewardConfig())
        return trained, time.process_time() - start


def accuracy(reward: Reward, faces: list[Face], taste: int) -> tuple[float, float]:
    """Share of pairs whose order is predicted: of all, and of those that differ visibly for the taste."""
    spread, hits, visible = _spread(faces, taste), [], []
    for face in faces:
        scores, likings = reward.score(face.features).overall, face.likings[:, taste]
        i, j = np.triu_indices(len(likings), 1)
        right = np.sign(scores[i] - scores[j]) == np.sign(likings[i] - likings[j])
        hits.append(right)
        visible.append(right[np.abs(likings[i] - likings[j]) >= VISIBLE * spread])
    return float(np.concatenate(hits).mean()), float(np.concatenate(visible).mean())


def _spread(faces: list[Face], taste: int) -> float:
    return float(np.median([face.likings[:, taste].std() for face in faces])) or 1.0


def regional_variety(faces: list[Face], measure: str, chosen: slice) -> tuple[float, float]:
    """Spreads between chosen retouches of one face: of a measure's mean over cheeks and forehead, of its difference."""
    places = [NAMES.index(f"{part}_{measure}") for part in ("cheeks", "forehead")]
    values = [face.features[chosen][:, places] for face in faces]
    cheeks, forehead = np.concatenate([each - each.mean(0) for each in values]).T
    return float(((cheeks + forehead) / 2).std()), float((cheeks - forehead).std())


def judged_by(
    faces: list[Face], taste: int, share: float, options: argparse.Namespace
) -> tuple[np.ndarray, list[float]]:
    """Means over seeds: accuracy on all pairs, on visible ones, and what the report said; seconds of processor time."""
    half, found, seconds = len(faces) // 2, [], []
    for seed in range(options.seeds):
        order = np.random.default_rng(seed).permutation(len(faces))
        shown, judged = [faces[i] for i in order[:half]], [faces[i] for i in order[half:]]
        person = Photographer(share, options.indifferent, seed)
        trained, took = sitting(shown, taste, person, options.picks, seed)
        seconds.append(took)
        found.append((*accuracy(trained.reward, judged, taste), trained.report["accuracy"]["value"]))
    return np.nanmean(np.array(found, float), axis=0), seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--portraits", type=Path, required=True)
    parser.add_argument("--cache", type=Path, default=Path("runs/taste"))
    parser.add_argument("--faces", type=int, default=40)
    parser.add_argument("--count", type=int, default=10, help="retouches of each face")
    parser.add_argument("--picks", type=int, default=40)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--inconsistent", type=float, nargs="+", default=[0.0, 0.15])
    parser.add_argument("--indifferent", type=float, default=0.0, help="difference, in spreads, answered as a tie")
    options = parser.parse_args()
    policy = Loaded()(SHIPPED, "")
    faces = []
    for number, path in enumerate(people(options.portraits, options.faces, held_out=True)):
        try:
            faces.append(load(path, options.cache, policy, options.count, number))
        except EngineError as error:
            print(error)
    print(f"{len(faces)} people never trained on: one half for picks, the other to judge; {options.picks} picks")
    plain = options.count - round(options.count * EDITED)
    for kind, chosen in (("the policy's own", slice(0, plain)), ("edited", slice(plain, None))):
        for measure in ("bumps", "blotches", "lightness"):
            together, apart = regional_variety(faces, measure, chosen)
            print(f"{kind}: {measure} of cheeks and forehead vary by {together:.4f}, one against the other {apart:.4f}")
    for share in options.inconsistent:
        rows, seconds = [], []
        for taste, name in enumerate(TASTES):
            row, took = judged_by(faces, taste, share, options)
            rows.append(row)
            seconds += took
            _tell(name, share, row)
        later = len(photographers.LATER)
        _tell("mean", share, np.nanmean(rows[:-later], axis=0))
        _tell("mean of later tastes", share, np.nanmean(rows[-later:], axis=0))
        print(f"fit and report: {np.median(seconds):.1f} s of one processor, at worst {max(seconds):.1f} s")


def _tell(name: str, share: float, row: np.ndarray) -> None:
    every, visible, stated = row
    answers = visible * (1 - share) + (1 - visible) * share
    print(
        f"{share:4.0%} turned  {name:20s} all pairs {every:.3f}  visible {visible:.3f}  "
        f"the person's answers to them {answers:.3f} (ceiling {1 - share:.2f})  reported {stated:.3f}",
        flush=True,
    )


if __name__ == "__main__":
    main()

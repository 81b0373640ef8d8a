"""How well a reward learns hidden tastes: python -m tests.bench.bench_taste --portraits DIR

Simulated photographers (`tests.helpers.photographers`) answer a sitting of `PickSession` about faces that the policy
was never trained on; the reward is fitted as `porelight train reward` does it, and judged on other people's faces. What
was rendered and measured is kept in --cache, by the policy's version, so that only the first run takes minutes.
With --encoder each sitting is also learned from through that image encoder; --small makes one of the size of DINOv2-S
with random weights, which shows whether further features cost anything where they say nothing.
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
from engine.weights.own import NONE
from tests.helpers import photographers, tiny_dinov2
from tests.helpers.photographers import GROUPS, TASTES, Photographer
from trainer.picks.files import sha256_of
from trainer.picks.identity import Identity
from trainer.picks.records import Candidate
from trainer.picks.session import PickSession
from trainer.picks.store import PickStore
from trainer.reward.data import collect
from trainer.reward.encoder import Encoder, chosen
from trainer.reward.features import NAMES, VERSION, names_with
from trainer.reward.measuring import Loaded, OpenFace
from trainer.reward.model import Reward
from trainer.reward.prior import Prior, shipped
from trainer.reward.train import RewardConfig, Trained, fit_answers, spread_of_looks
from trainer.reward.world import EDITED, people, retouches

VISIBLE = 0.3
"""Pairs count as visibly different for a taste from this share of its spread between retouches of one face."""


@dataclass(frozen=True)
class Face:
    """candidates: of the retouches, in order; features: (n, f), with an encoder's; likings: (n, tastes)."""

    photo: str
    candidates: list[Candidate]
    features: np.ndarray
    likings: np.ndarray


def load(path: Path, cache: Path, policy: Policy, count: int, seed: int, encoder: Encoder | None) -> Face:
    """A face's retouches, from the cache if they were measured before by the same policy, features and tastes."""
    seen = f"{policy.info.version} {VERSION} {' '.join(names_with(encoder.digest if encoder else ''))}"
    key = f"{sha256_of(path)} {seen} {count} {seed} {sha256_of(Path(photographers.__file__))}"
    store = cache / f"{path.stem}-{hashlib.sha256(key.encode()).hexdigest()[:12]}.npz"
    if not store.exists():
        opened = OpenFace(path, policy, encoder=encoder)
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


def sitting(
    faces: list[Face], taste: int, person: Photographer, picks: int, seed: int, priors: list[Prior], together: int = 2
) -> list[tuple[Trained, float]]:
    """A sitting of so many training answers, asked as the window asks with so many shown at a time. Returns: what was
    trained with each prior, and the processor seconds of the fit."""
    spread = _spread(faces, taste)
    identity = Identity("a" * 16, f"{seed:016x}")
    liking = {c.id: v for face in faces for c, v in zip(face.candidates, face.likings[:, taste] / spread, strict=True)}
    features = {c.id: v for face in faces for c, v in zip(face.candidates, face.features, strict=True)}
    with tempfile.TemporaryDirectory() as folder, PickStore.open(Path(folder) / "p.sqlite", create=True) as store:
        groups = [(face.photo, [each.id for each in face.candidates]) for face in faces]
        measured = {key: values[: len(NAMES)] for key, values in features.items()}
        session = PickSession(
            store, groups, measured, shipped(), identity, seed, together=together, refit=4 * (together - 1)
        )
        while picks:
            question = session.next()
            assert question is not None
            session.choose(person.best([liking[each] for each in question.images]))
            picks -= question.purpose != "random"
        found = []
        for prior in priors:
            start = time.process_time()
            seen = {key: values[: len(prior.names)] for key, values in features.items()}
            trained = fit_answers(collect(store.picks(), seen), prior, RewardConfig())
            found.append((trained, time.process_time() - start))
        return found


def accuracy(reward: Reward, faces: list[Face], taste: int) -> tuple[float, float]:
    """Share of pairs whose order is predicted: of all, and of those that differ visibly for the taste."""
    spread, hits, visible = _spread(faces, taste), [], []
    for face in faces:
        scores, likings = reward.score(face.features[:, : len(reward.prior.names)]).overall, face.likings[:, taste]
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
    faces: list[Face], taste: int, share: float, options: argparse.Namespace, priors: list[Prior]
) -> tuple[np.ndarray, np.ndarray]:
    """With each prior, means over seeds: accuracy on all pairs, on visible ones, and what the report said; and seconds
    of processor time, (seeds, priors)."""
    half, found, seconds = len(faces) // 2, [], []
    for seed in range(options.seeds):
        order = np.random.default_rng(seed).permutation(len(faces))
        shown, judged = [faces[i] for i in order[:half]], [faces[i] for i in order[half:]]
        person = Photographer(share, options.indifferent, seed)
        both = sitting(shown, taste, person, options.picks, seed, priors, options.together)
        seconds.append([took for _, took in both])
        found.append([(*accuracy(t.reward, judged, taste), t.report["accuracy"]["value"]) for t, _ in both])
    return np.nanmean(np.array(found, float), axis=0), np.array(seconds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--portraits", type=Path, required=True)
    parser.add_argument("--cache", type=Path, default=Path("runs/taste"))
    parser.add_argument("--faces", type=int, default=40)
    parser.add_argument("--count", type=int, default=10, help="retouches of each face")
    parser.add_argument("--picks", type=int, default=40)
    parser.add_argument("--together", type=int, default=2, help="retouches shown at a time, of which the best is taken")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--inconsistent", type=float, nargs="+", default=[0.0, 0.15])
    parser.add_argument("--indifferent", type=float, default=0.0, help="difference, in spreads, answered as a tie")
    parser.add_argument("--encoder", help="folder of a DINOv2")
    parser.add_argument("--small", action="store_true", help="make it, with random weights, if it is not there")
    options = parser.parse_args()
    if options.small and not Path(options.encoder).exists():
        tiny_dinov2.save(Path(options.encoder), **tiny_dinov2.SMALL)
    encoder = chosen(options.encoder or NONE)
    policy = Loaded()(SHIPPED, "")
    faces = []
    for number, path in enumerate(people(options.portraits, options.faces, held_out=True)):
        try:
            faces.append(load(path, options.cache, policy, options.count, number, encoder))
        except EngineError as error:
            print(error)
    halves = "one half for picks, the other to judge"
    print(f"{len(faces)} people never trained on: {halves}; {options.picks} picks of {options.together} at a time")
    plain = options.count - round(options.count * EDITED)
    for kind, which in (("the policy's own", slice(0, plain)), ("edited", slice(plain, None))):
        for measure in ("bumps", "blotches", "lightness"):
            together, apart = regional_variety(faces, measure, which)
            print(f"{kind}: {measure} of cheeks and forehead vary by {together:.4f}, one against the other {apart:.4f}")
    priors = {"": shipped()}
    if encoder:
        numbers = [number for number, face in enumerate(faces) for _ in face.features]
        spread = spread_of_looks(np.concatenate([face.features for face in faces]), numbers)
        priors[" encoder"] = shipped().seeing(encoder.digest, spread)
    for share in options.inconsistent:
        rows, seconds = [], []
        for taste, name in enumerate(TASTES):
            row, took = judged_by(faces, taste, share, options, list(priors.values()))
            rows.append(row)
            seconds.append(took)
            for kind, each in zip(priors, row, strict=True):
                _tell(name + kind, share, each)
        for number, kind in enumerate(priors):
            own, times = np.array(rows)[:, number], np.concatenate(seconds)[:, number]
            for group, tastes in GROUPS.items():
                which = [list(TASTES).index(each.__name__) for each in tastes]
                _tell(f"mean of {group} tastes" + kind, share, np.nanmean(own[which], axis=0))
            print(f"fit and report{kind}: {np.median(times):.1f} s of one processor, at worst {max(times):.1f} s")


def _tell(name: str, share: float, row: np.ndarray) -> None:
    every, visible, stated = row
    answers = visible * (1 - share) + (1 - visible) * share
    print(
        f"{share:4.0%} turned  {name:28s} all pairs {every:.3f}  visible {visible:.3f}  "
        f"the person's answers to them {answers:.3f} (ceiling {1 - share:.2f})  reported {stated:.3f}",
        flush=True,
    )


if __name__ == "__main__":
    main()

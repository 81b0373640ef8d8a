"""From a store of picks to a reward with a report: measure, split honestly, fit, calibrate, say what is known."""

from __future__ import annotations

import math
import time
from collections import Counter, defaultdict
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.errors import EngineError
from engine.jobs import CancelToken, Report, silent
from trainer.picks.annotation import Settled, settle
from trainer.picks.store import PickStore
from trainer.reward import evaluate
from trainer.reward.data import Answers, collect
from trainer.reward.evaluate import Consistency
from trainer.reward.features import NAMES
from trainer.reward.files import save_reward
from trainer.reward.measuring import Load, Loaded, Measured, measure_candidates
from trainer.reward.model import Reward, fit_head, fit_reward, tempered
from trainer.reward.prior import OVERALL, Prior, shipped
from trainer.runs import Run
from trainer.statistics import Share, rounded

if TYPE_CHECKING:
    from trainer.reward.encoder import Encoder


class PicksError(EngineError):
    """The picks cannot be learned from."""

    code = "picks"


@dataclass(frozen=True)
class RewardConfig:
    """persons: ids whose picks count, all if empty. trust_model: picks of a model count where no person answered.
    seed: of the split into folds."""

    persons: tuple[str, ...] = ()
    trust_model: bool = False
    seed: int = 0


@dataclass(frozen=True)
class Trained:
    """reward; report: plain JSON, what is known of it; words: the same for people, one sentence each. encoder: the
    folder of the one that it looks through. rows: that the store had when its picks were read."""

    reward: Reward
    report: dict[str, Any]
    words: tuple[str, ...]
    encoder: Path | None = None
    rows: int = 0


def train_reward(
    store: PickStore,
    config: RewardConfig | None = None,
    *,
    prior: Prior | None = None,
    load: Load | None = None,
    encoder: Encoder | None = None,
    token: CancelToken | None = None,
    report: Report = silent,
) -> Trained:
    """encoder: that looks too. Raises: PicksError if nothing can be learned from, PickStoreError, Cancelled."""
    config, prior, rows = config or RewardConfig(), prior or shipped(), len(store)
    settled = settle(store.picks(), persons=config.persons, trust_model=config.trust_model)
    if not settled.picks:
        raise PicksError(f"The store {store.path.name} holds no pick that counts.", _why(settled, config))
    wanted = [key for each in settled.picks for key in each.pair]
    measured = measure_candidates(store, wanted, load or Loaded(), encoder=encoder, token=token, report=report)
    answers = collect(settled.picks, measured.features)
    start = time.perf_counter()
    if not answers.picks:
        reason = next(iter(measured.missing.values()), "nothing could be measured")
        raise PicksError(f"Of {len(settled.picks)} picks none can be used: {reason}", "Put the photos back.")
    if encoder is not None:
        candidates = store.candidates()
        faces = [(candidates[key].photo, candidates[key].face) for key in measured.features]
        prior = prior.seeing(encoder.digest, spread_of_looks(list(measured.features.values()), faces))
    trained = fit_answers(answers, prior, config, settled, measured, damage=store.damage)
    known = {**trained.report, "encoder": None, "fit_seconds": round(time.perf_counter() - start, 2)}
    if encoder is None:
        return replace(trained, report=known, rows=rows)
    unseen = sum(bool(np.isnan(each[len(NAMES) :]).any()) for each in measured.features.values())
    words = [f"It also looks through {encoder.weights.title}."]
    if unseen:
        words.append(f"{unseen} of {len(measured.features)} pictures are gone that it has not looked at.")
    known["encoder"] = {"title": encoder.weights.title, "digest": encoder.digest, "unseen": unseen}
    return replace(trained, report=known, words=(*trained.words, *words), encoder=encoder.weights.folder, rows=rows)


def spread_of_looks(features: Sequence[np.ndarray], faces: Sequence[Hashable]) -> float:
    """How far what an encoder sees spreads between retouches of one face, one value for all of its features; 1 if it
    has not seen two of any. faces: of each (f,)."""
    groups: dict[Hashable, list[np.ndarray]] = defaultdict(list)
    for face, values in zip(faces, features, strict=True):
        looks = np.asarray(values[len(NAMES) :], np.float64)
        if not np.isnan(looks).any():
            groups[face].append(looks)
    within = [np.array(group) - np.mean(group, axis=0) for group in groups.values() if len(group) > 1]
    return max(float(np.sqrt((np.concatenate(within) ** 2).mean())), 1e-6) if within else 1.0


def save_trained(trained: Trained, store: PickStore, folder: Path) -> Run:
    """Write a new run with what it was trained from. Raises: RunError."""
    sources = {"picks": str(store.path.resolve()), "rows": trained.rows}
    if trained.encoder is not None:
        sources["encoder"] = str(trained.encoder)
    return save_reward(trained.reward, folder, config=trained.report["config"], sources=sources, report=trained.report)


def fit_answers(
    answers: Answers,
    prior: Prior,
    config: RewardConfig,
    settled: Settled | None = None,
    measured: Measured | None = None,
    damage: str = "",
) -> Trained:
    """Split, fit and report. Random test picks and everything of their photos and people are never trained on, once
    there are enough of them to tell anything."""
    train, test = split(answers)
    validated = evaluate.overall_prediction(prior, train, config.seed)
    reward = fit_reward(prior, train.overall, train.dimensions)
    temperature = evaluate.best_temperature(validated)
    reward = tempered(reward, temperature)
    tested = evaluate.predict(prior, reward.heads[OVERALL], test.overall) if test else None
    shown = tested or validated.tempered(temperature)
    consistency = Consistency.of(answers.picks)
    deltas = prior.units(answers.overall.first) - prior.units(answers.overall.second)
    more = evaluate.more_picks(reward.heads[OVERALL], deltas, len(train.picks))
    accuracy = shown.accuracy()
    bins, gap = shown.calibration()
    preferences = Counter(each.preference for each in answers.picks)
    report = {
        "picks": len(answers.picks),
        "trained_on": len(train.picks),
        "ties": preferences["tie"],
        "chosen_actively": sum(each.purpose == "active" for each in answers.picks),
        "photos": len({each.photo for each in answers.picks}),
        "persons": len({each.person for each in answers.picks}),
        "left_out": {
            "features_missing": answers.missing,
            "reasons": sorted(set(measured.missing.values())) if measured else [],
            "disputed": len(settled.disputed) if settled else 0,
            "model_only": len(settled.unread) if settled else 0,
        },
        "method": "test picks" if tested else "cross-validation by photo and person",
        "accuracy": accuracy.as_json(),
        "log_loss": rounded(shown.log_loss()),
        "calibration": {"bins": bins, "gap": rounded(gap), "temperature": round(temperature, 3)},
        "consistency": {
            "repeats": consistency.agreement.as_json(),
            "ceiling": rounded(consistency.ceiling),
        },
        "by_dimension": {name: share.as_json() for name, share in evaluate.by_dimension(prior, train).items()},
        "by_person": _by_person(prior, answers),
        "families": [{"name": name, "share": round(share, 4)} for name, share in reward.heads[OVERALL].families],
        "more_picks": more,
        "store_damage": damage,
        "config": asdict(config),
    }
    return Trained(reward, report, _words(report, accuracy, consistency, more, answers))


def split(answers: Answers) -> tuple[Answers, Answers | None]:
    """What is trained on, and the random test picks (None if too few)."""
    groups = evaluate.groups_of(answers.picks)
    test = [i for i, each in enumerate(answers.picks) if each.purpose == "random"]
    held_out = {groups[i] for i in test}
    rest = [i for i, group in enumerate(groups) if group not in held_out]
    decided = sum(answers.picks[i].preference != "tie" for i in test)
    if decided < evaluate.LEAST_TESTS or not rest:
        return answers, None
    return answers.take(rest), answers.take(test)


def _by_person(prior: Prior, answers: Answers) -> dict[str, Any]:
    """Where several people answered: how well each one's answers are predicted from the others' and by photo."""
    persons = sorted({each.person for each in answers.picks})
    if len(persons) < 2:
        return {}
    found, groups = {}, evaluate.groups_of(answers.picks)
    for person in persons:
        own = [i for i, each in enumerate(answers.picks) if each.person == person]
        others = [i for i, each in enumerate(answers.picks) if each.person != person]
        theirs = {groups[i] for i in own}
        apart = [i for i in others if groups[i] not in theirs] or others
        fitted = fit_head(prior, OVERALL, answers.overall.take(np.array(apart)))
        share = evaluate.predict(prior, fitted, answers.overall.take(np.array(own))).accuracy()
        ceiling = Consistency.of(answers.take(own).picks).ceiling
        found[person] = {"from_others": share.as_json(), "consistency": rounded(ceiling)}
    return found


def _words(
    report: dict[str, Any], accuracy: Share, consistency: Consistency, more: int, answers: Answers
) -> tuple[str, ...]:
    """What is known, and what is not, for people."""
    said = []
    if not accuracy.count:
        said.append(_unknown(report))
    else:
        said.append(
            f"It predicts {accuracy.value:.0%} of picks on photos that it has not seen "
            f"({accuracy.low:.0%}–{accuracy.high:.0%}, {accuracy.count} picks)."
        )
        if accuracy.low <= 0.5:
            said.append("That may still be chance.")
        if report["method"] != "test picks" and report["chosen_actively"] > 0.5 * report["picks"]:
            said.append("Most of these were asked because they were hard to predict; random pairs are easier.")
    repeats = consistency.agreement
    if math.isfinite(consistency.ceiling):
        said.append(
            f"The same question was answered alike {repeats.value:.0%} of the time "
            f"({repeats.low:.0%}–{repeats.high:.0%}, {repeats.count} repeats): "
            f"no reward can predict more than about {consistency.ceiling:.0%} of these answers."
        )
        if accuracy.count and accuracy.low > consistency.ceiling:
            said.append("It predicts more than that, so it has learned these picks and not the taste.")
    else:
        few = {0: "No pick was", 1: "One pick was"}.get(int(repeats.count), f"Only {repeats.count} picks were")
        said.append(f"{few} repeated, so the person's own consistency is not known.")
    if consistency.ceiling <= 0.5:
        said.append("The picks contradict each other: take your time, and answer tie where you see no difference.")
    elif report["ties"] > 0.5 * report["picks"]:
        said.append("Most answers are ties: the variations hardly differ for this person; explore further from them.")
    elif not more:
        said.append("More picks would change little.")
    elif more < evaluate.MOST:
        said.append(f"It needs about {more} more picks.")
    else:
        said.append(f"It needs {more} more picks or more.")
    if answers.missing:
        picks = answers.missing + len(answers.picks)
        said.append(f"Left out are {answers.missing} of {picks} picks, whose pictures cannot be measured.")
    return tuple(said)


def _unknown(report: Mapping[str, Any]) -> str:
    """Why no answer could be predicted."""
    if report["ties"] == report["picks"]:
        return "How well it predicts is not known: all picks are ties."
    if report["photos"] < 2:
        return "How well it predicts is not known: all picks are of one photo; pick from more photos."
    return "How well it predicts is not known yet."


def _why(settled: Settled, config: RewardConfig) -> str:
    if settled.disputed:
        return "All are disputed: an expert has to decide."
    if settled.unread:
        return "They are a model's; let a person look at them, or use --trust-model."
    return "Name persons by their ids in the store." if config.persons else "Make some picks first."

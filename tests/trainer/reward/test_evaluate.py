"""Splits, ceilings, calibration and the report, against closed forms and worlds whose answer is known."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import binomtest, norm

from tests.helpers.photographers import Photographer
from tests.helpers.picks import candidate, pick
from trainer.picks.records import Pick
from trainer.reward import davidson, evaluate
from trainer.reward.data import Answers, collect
from trainer.reward.davidson import FIRST, SECOND, TIE
from trainer.reward.evaluate import Consistency, Prediction, Share
from trainer.reward.features import NAMES
from trainer.reward.model import Head
from trainer.reward.prior import Prior
from trainer.reward.train import RewardConfig, fit_answers

NAMED = NAMES[:5]
PRIOR = Prior.plain(NAMED)


def answers(photos: int, each: int, photographer: Photographer, **fields: object) -> Answers:
    """Picks by a taste for the first feature: `each` random pairs of every photo."""
    rng = np.random.default_rng(photographer.seed)
    features, picks = {}, []
    for number in range(photos):
        candidates = [candidate(f"photo {number}", seed) for seed in range(5)]
        own = {one.id: rng.standard_normal(len(NAMED)).astype(np.float32) for one in candidates}
        features |= own
        pairs = list(itertools.combinations(candidates, 2))
        for place in rng.permutation(len(pairs))[:each]:
            one, two = pairs[place]
            said = photographer.answer(float(own[one.id][0]), float(own[two.id][0]))
            picks.append(pick(one, two, said, **fields))  # type: ignore[arg-type]
    return collect(picks, features)


def features_of(*parts: Answers) -> dict[str, np.ndarray]:
    """Candidate → features."""
    found = {}
    for part in parts:
        for each, one, two in zip(part.picks, part.overall.first, part.overall.second, strict=True):
            found |= {each.image1: one, each.image2: two}
    return found


@pytest.mark.parametrize(("hits", "count"), [(0, 5), (17, 20), (40, 40), (3, 7)])
def test_intervals_are_wilson_s(hits: int, count: int) -> None:
    expected = binomtest(hits, count).proportion_ci(method="wilson")
    found = Share.of(hits, count)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=1e-6)


def test_nothing_is_known_of_no_cases() -> None:
    assert Share.of(0, 0).as_json() == {"value": None, "low": 0.0, "high": 1.0, "count": 0}


def test_the_ceiling_follows_from_repeats() -> None:
    """A person who turns 15% of answers round agrees with himself in 0.85² + 0.15² = 74.5% of repeats."""
    one, two = candidate(seed=0), candidate(seed=1)
    person, picks = Photographer(inconsistent=0.15, seed=4), []
    for _ in range(1500):
        first = pick(one, two, person.answer(1, 0))  # type: ignore[arg-type]
        again = pick(two, one, person.answer(0, 1), repeats=first.id)  # type: ignore[arg-type]
        picks += [first, again]
    found = Consistency.of(picks)
    assert found.agreement.count == 2999
    assert found.agreement.value == pytest.approx(0.745, abs=0.03)
    assert found.ceiling == pytest.approx(0.85, abs=0.02)
    assert np.isnan(Consistency.of(picks[:5]).ceiling) and np.isfinite(Consistency.of(picks[:6]).ceiling)


def test_a_tie_against_a_preference_agrees_half() -> None:
    one, two = candidate(seed=0), candidate(seed=1)
    first = pick(one, two, "tie")
    assert Consistency.of([first, pick(two, one, "image1", repeats=first.id)]).agreement.value == 0.5
    assert np.isnan(Consistency.of([first]).ceiling)


def test_accuracy_calibration_and_loss_by_hand() -> None:
    p = np.array([[0.9, 0.1, 0.0], [0.6, 0.4, 0.0], [0.2, 0.8, 0.0], [0.3, 0.3, 0.4]])
    found = Prediction(p, np.array([FIRST, SECOND, SECOND, TIE]))
    assert found.accuracy().value == pytest.approx(2 / 3)
    assert found.log_loss() == pytest.approx(-np.log([0.9, 0.4, 0.8, 0.4]).mean())
    bins, gap = found.calibration()
    assert [(each["stated"], each["came_true"]) for each in bins] == [(0.6, 0.0), (0.8, 1.0), (0.9, 1.0)]
    assert gap == pytest.approx((0.6 + 0.2 + 0.1) / 3)


def test_temperature_undoes_overconfidence_and_leaves_truth_alone() -> None:
    rng = np.random.default_rng(0)
    truth = rng.normal(0, 1.5, 4000)
    share = 1 / (1 + np.exp(-truth))
    outcomes = np.where(rng.random(4000) < share, FIRST, SECOND)

    def stated(scale: float) -> Prediction:
        side = 1 / (1 + np.exp(-truth * scale))
        return Prediction(np.stack([side, 1 - side, np.full(4000, 1e-9)], -1), outcomes)

    assert evaluate.best_temperature(stated(1)) == pytest.approx(1, abs=0.1)
    assert evaluate.best_temperature(stated(3)) == pytest.approx(3, abs=0.4)
    assert evaluate.best_temperature(Prediction(np.zeros((0, 3)), np.zeros(0, np.int64))) == 1


def test_a_head_states_what_its_calibration_was_measured_of() -> None:
    """Also where it takes mistaken answers into account."""
    delta = np.linspace(-6, 6, 9)[:, None]
    head = Head(np.ones(1), np.eye(1) * 0.1, -1.0, turned=0.1)
    stated = Prediction(head.probabilities(delta), np.zeros(9, np.int64)).tempered(1.7)
    np.testing.assert_allclose(replace(head, temperature=1.7).probabilities(delta), stated.probabilities, atol=1e-9)
    sure = replace(head, turned=0.0, covariance=np.zeros((1, 1)), temperature=2.0)
    np.testing.assert_allclose(sure.probabilities(delta), davidson.probabilities(delta[:, 0] / 2, -1.0), atol=1e-9)


def test_photos_of_one_person_stay_together() -> None:
    subject = "1" * 8
    picks: list[Pick] = []
    for name, of in (("a", None), ("b", subject), ("c", subject), ("a", None), ("d", None)):
        picks.append(pick(candidate(name, 0), candidate(name, 1), subject=of))
    groups = evaluate.groups_of(picks)
    assert groups[0] == groups[3] and groups[1] == groups[2] and len(set(groups)) == 3


def test_cross_validation_never_sees_the_answers_of_a_photo() -> None:
    """Each photo has a taste of its own, so that only a leak could predict more than chance."""
    rng = np.random.default_rng(2)
    features, picks = {}, []
    for number in range(30):
        one, two = (candidate(f"photo {number}", seed) for seed in range(2))
        features |= {each.id: rng.standard_normal(5).astype(np.float32) for each in (one, two)}
        said = "image1" if rng.random() < 0.5 else "image2"
        picks += [pick(one, two, said) for _ in range(4)]
    found = collect(picks, features)
    share = evaluate.overall_prediction(PRIOR, found).accuracy()
    assert share.value < 0.72
    assert fit_answers(found, PRIOR, RewardConfig()).reward.picks == 120


def test_more_picks_follows_the_normal_distribution() -> None:
    head = Head(np.array([1.0]), np.array([[1.0]]), -1.0)
    deltas = np.ones((3, 1))
    needed = evaluate.more_picks(head, deltas, 40)
    settled = norm.cdf(np.sqrt((40 + needed) / 40)), norm.cdf(np.sqrt((40 + needed - 10) / 40))
    assert settled[0] >= evaluate.SETTLED > settled[1]
    assert evaluate.more_picks(Head(np.array([9.0]), np.array([[1.0]]), -1.0), deltas, 40) == 0


def test_the_report_of_a_consistent_person() -> None:
    trained = fit_answers(answers(12, 4, Photographer()), PRIOR, RewardConfig())
    report = trained.report
    assert report["method"].startswith("cross-validation") and report["accuracy"]["value"] >= 0.85
    assert report["accuracy"]["low"] <= report["accuracy"]["value"] <= report["accuracy"]["high"]
    assert report["trained_on"] == 48 and report["families"][0]["name"].endswith(NAMED[0])
    assert trained.words[0].startswith("It predicts ") and "own consistency is not known" in trained.words[1]


def test_random_test_picks_are_never_trained_on() -> None:
    """The test photos' answers contradict the others: a reward that had seen them would not be so sure and so wrong."""
    train = answers(12, 4, Photographer())
    test = answers(6, 4, Photographer(inconsistent=1.0, seed=1), purpose="random")
    fresh = [each.model_copy(update={"photo": "e" * 63 + str(int(each.photo[0], 16) % 10)}) for each in test.picks]
    trained = fit_answers(collect([*train.picks, *fresh], features_of(train, test)), PRIOR, RewardConfig())
    assert trained.report["method"] == "test picks" and trained.report["trained_on"] == 48
    assert trained.report["accuracy"]["count"] == 24 and trained.report["accuracy"]["value"] <= 0.2


def turned(found: Answers) -> Answers:
    """The same pairs answered once more, the other way round."""
    other = {"image1": "image2", "image2": "image1"}
    again = [
        each.model_copy(update={"id": f"{n:016x}", "preference": other[each.preference]})
        for n, each in enumerate(found.picks)
    ]
    return collect([*found.picks, *again], features_of(found))


@pytest.mark.parametrize(
    ("found", "said", "unsaid"),
    [
        (answers(1, 1, Photographer()), "all picks are of one photo; pick from more photos.", "ties"),
        (answers(6, 3, Photographer(indifferent=99)), "all picks are ties.", "pick from more photos"),
        (answers(6, 3, Photographer(indifferent=99)), "explore further from them.", "more picks"),
        (answers(10, 3, Photographer(inconsistent=0.5)), "That may still be chance.", "contradict"),
        (turned(answers(6, 2, Photographer())), "The picks contradict each other", "more picks"),
    ],
    ids=["one pick", "all ties", "all ties, what to do", "at random", "contradictions"],
)
def test_what_cannot_be_known_is_said(found: Answers, said: str, unsaid: str) -> None:
    trained = fit_answers(found, PRIOR, RewardConfig())
    words = " ".join(trained.words)
    assert said in words and unsaid not in words
    scored = trained.reward.score(np.zeros((2, 5)), reference=np.zeros(5))
    assert np.isfinite(scored.overall).all()


@pytest.mark.parametrize(
    ("repeats", "words"),
    [
        (0, "No pick was repeated, so"),
        (1, "One pick was repeated, so"),
        (4, "Only 4 picks were repeated, so"),
        (5, "answered alike 100% of the time (57%–100%, 5 repeats): no reward can predict more than about 100%"),
    ],
)
def test_few_repeats_tell_no_ceiling(repeats: int, words: str) -> None:
    once = answers(12, 4, Photographer())
    again = [each.model_copy(update={"id": f"{n:016x}", "repeats": each.id}) for n, each in enumerate(once.picks)]
    both = collect([*once.picks, *again[:repeats]], features_of(once))
    trained = fit_answers(both, PRIOR, RewardConfig())
    assert words in trained.words[1] and (trained.report["consistency"]["ceiling"] is None) == (repeats < 5)


def test_people_are_predicted_from_others() -> None:
    mine = answers(6, 4, Photographer())
    yours = answers(6, 4, Photographer(inconsistent=1.0), person="f" * 16)
    report = fit_answers(collect([*mine.picks, *yours.picks], features_of(mine, yours)), PRIOR, RewardConfig()).report
    assert set(report["by_person"]) == {"a" * 16, "f" * 16}
    assert all(each["from_others"]["value"] < 0.3 for each in report["by_person"].values())

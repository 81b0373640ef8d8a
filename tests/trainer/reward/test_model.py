"""The reward on small worlds of made-up features."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from engine.errors import ModelCorruptError
from trainer.picks.records import DIMENSIONS
from trainer.reward.davidson import FIRST, SECOND, TIE
from trainer.reward.features import DIMENSION_OF, NAMES, UNCHANGED
from trainer.reward.files import FILE, load_reward, save_reward
from trainer.reward.model import Comparisons, Reward, fit_reward
from trainer.reward.prior import HEADS, OVERALL, Prior, shipped
from trainer.reward.regional import FORMER, LATER
from trainer.runs import RunError

PLAIN = Prior.plain()


def world(taste: dict[str, float], count: int, seed: int = 0, flipped: float = 0.0) -> Comparisons:
    """Random retouches, compared by a linear taste over named features. As on faces, those of a dimension go together:
    their correlation is 0.64."""
    rng = np.random.default_rng(seed)
    groups = np.array([[DIMENSION_OF[name] == each for name in NAMES] for each in DIMENSIONS], float)
    common = rng.standard_normal((2, count, len(groups))) @ groups
    first, second = 0.8 * common + 0.6 * rng.standard_normal((2, count, len(NAMES)))
    weights = np.array([taste.get(name, 0.0) for name in NAMES])
    outcomes = np.where((first - second) @ weights > 0, FIRST, SECOND)
    turned = rng.random(count) < flipped
    return Comparisons(first, second, np.where(turned, 1 - outcomes, outcomes))


def accuracy(reward: Reward, data: Comparisons) -> float:
    p = reward.probability(data.first, data.second)
    return float(((p[:, 0] > p[:, 1]) == (data.outcomes == FIRST)).mean())


@pytest.mark.parametrize(
    "taste",
    [
        {"shine": -1.0},
        {"pore_retention": 1.0, "bump_retention": 1.0, "noise": 0.5},
        {"cheeks_mean_bumps": -1.0, "forehead_mean_bumps": 1.0},
    ],
    ids=["one measure", "a dimension", "a contrast"],
)
def test_forty_answers_are_enough_for_a_simple_taste(taste: dict[str, float]) -> None:
    reward = fit_reward(PLAIN, world(taste, 40))
    assert accuracy(reward, world(taste, 2000, seed=1)) >= 0.85


def test_inconsistent_answers_cost_little() -> None:
    taste = {"shine": -1.0}
    reward = fit_reward(PLAIN, world(taste, 60, flipped=0.15))
    assert accuracy(reward, world(taste, 2000, seed=1)) >= 0.9
    sure = fit_reward(PLAIN, world(taste, 60))
    ask = world(taste, 300, seed=2)
    spread = [np.abs(r.probability(ask.first, ask.second)[:, 0] - 0.5).mean() for r in (reward, sure)]
    assert spread[0] < spread[1], "who contradicts himself is predicted less surely"


def test_score_counts_from_the_unchanged_picture_and_agrees_with_compare() -> None:
    reward = fit_reward(PLAIN, world({"shine": -1.0}, 60))
    assert reward.score(UNCHANGED).overall == pytest.approx(0, abs=1e-12)
    assert reward.score(UNCHANGED).uncertainty == pytest.approx(0, abs=1e-12)
    less, more = UNCHANGED.copy(), UNCHANGED.copy()
    less[NAMES.index("shine")], more[NAMES.index("shine")] = -1, 1
    found = reward.score(np.stack([less, more]))
    assert found.overall[0] > 0 > found.overall[1] and (found.uncertainty > 0).all()
    said = reward.compare(less, more)
    assert said.preference == "image1" and sum(said.probabilities.values()) == pytest.approx(1)
    assert said.decided_by == DIMENSION_OF["shine"] == "tone"
    assert "Image 1" in said.words and "less shine" in said.words
    turned = reward.compare(more, less)
    assert turned.probabilities["image2"] == pytest.approx(said.probabilities["image1"])
    moved = reward.score(more, reference=less)
    assert moved.overall == pytest.approx(found.overall[1] - found.overall[0])


def test_uncertainty_falls_with_picks() -> None:
    ask = np.random.default_rng(5).standard_normal((1000, len(NAMES)))
    spreads = []
    for count in (10, 100, 600):
        scored = fit_reward(PLAIN, world({"shine": -1.0, "red_spots": -1.0}, count)).score(ask)
        spreads.append(float((scored.uncertainty / np.abs(scored.overall).mean()).mean()))
    assert spreads[0] > spreads[1] > spreads[2]


@pytest.mark.parametrize("count", [0, 1])
def test_no_pick_and_one_pick(count: int) -> None:
    reward = fit_reward(PLAIN, world({"shine": -1.0}, count))
    ask = world({"shine": -1.0}, 30, seed=3)
    p = reward.probability(ask.first, ask.second)
    assert np.isfinite(p).all() and p.max() < 0.9, "one answer makes nobody sure"


def test_all_ties_say_that_there_is_no_preference() -> None:
    ties = world({}, 40)
    reward = fit_reward(PLAIN, Comparisons(ties.first, ties.second, np.full(40, TIE)))
    p = reward.probability(ties.first, ties.second)
    assert (p[:, 2] > 0.5).all() and np.abs(p[:, 0] - p[:, 1]).max() < 0.05


def test_contradictory_answers_say_that_nothing_is_known() -> None:
    once = world({"shine": -1.0}, 20)
    both = Comparisons(
        np.concatenate([once.first, once.first]),
        np.concatenate([once.second, once.second]),
        np.concatenate([once.outcomes, 1 - once.outcomes]),
    )
    p = fit_reward(PLAIN, both).probability(once.first, once.second)
    assert np.abs(p[:, 0] - p[:, 1]).max() < 0.05


def test_a_dimension_s_head_learns_from_its_own_answers() -> None:
    own = world({"red_spots": -1.0}, 60)
    reward = fit_reward(PLAIN, world({"shine": -1.0}, 40), {"blemishes": own})
    clean, red = UNCHANGED.copy(), UNCHANGED.copy()
    red[NAMES.index("red_spots")] = 2
    said = reward.compare(clean, red)
    assert said.dimensions["blemishes"] > 0.8 and said.dimensions["clarity"] == pytest.approx(0.5)


def test_a_dimension_without_answers_says_what_the_overall_head_says_of_its_features() -> None:
    reward = fit_reward(PLAIN, world({"shine": -1.0}, 40))
    scored = reward.score(np.random.default_rng(4).standard_normal((7, len(NAMES))))
    assert np.sum(list(scored.dimensions.values()), axis=0) == pytest.approx(scored.overall)
    assert np.abs(scored.dimensions["tone"]).mean() > 3 * np.abs(scored.dimensions["clarity"]).mean()


def test_a_run_folder_keeps_the_reward_to_the_bit(tmp_path: Path) -> None:
    reward = fit_reward(PLAIN, world({"shine": -1.0}, 30))
    save_reward(reward, tmp_path / "run", config={}, sources={"picks": "x"}, report={"picks": 30})
    again = load_reward(tmp_path / "run")
    ask = np.random.default_rng(1).standard_normal((9, len(NAMES)))
    for one, two in zip(reward.heads.values(), again.heads.values(), strict=True):
        assert (one.mean == two.mean).all() and one.eta == two.eta
    assert (reward.score(ask).overall == again.score(ask).overall).all()
    assert set(again.heads) == set(HEADS) and again.picks == 30
    assert again.heads[OVERALL].families == reward.heads[OVERALL].families
    with pytest.raises(RunError, match="holds a run already"):
        save_reward(reward, tmp_path / "run", config={}, sources={}, report={})


def test_a_reward_from_before_some_features_came_scores_as_it_did(tmp_path: Path) -> None:
    earlier = tuple(name for name in NAMES if name not in LATER)
    places = [NAMES.index(name) for name in earlier]
    answers = world({"shine": -1.0, "cheeks_bumps": 0.5}, 40)
    old = Comparisons(answers.first[:, places], answers.second[:, places], answers.outcomes)
    reward = fit_reward(Prior.plain(earlier), old)
    save_reward(reward, tmp_path / "run", config={}, sources={}, report={})
    again = load_reward(tmp_path / "run")
    ask = np.random.default_rng(1).standard_normal((9, len(NAMES)))
    assert len(earlier) == len(NAMES) - 17 and again.prior.names == NAMES
    assert again.score(ask).overall == pytest.approx(reward.score(ask[:, places]).overall, rel=1e-12)
    assert again.score(ask).uncertainty == pytest.approx(reward.score(ask[:, places]).uncertainty, rel=1e-9)


def test_a_damaged_reward_is_named(tmp_path: Path) -> None:
    save_reward(fit_reward(PLAIN, world({}, 0)), tmp_path / "run", config={}, sources={}, report={})
    data = (tmp_path / "run" / FILE).read_bytes()
    (tmp_path / "run" / FILE).write_bytes(data[: len(data) // 2])
    with pytest.raises(ModelCorruptError, match=r"reward run cannot be read.*Train it again"):
        load_reward(tmp_path / "run")
    with pytest.raises(RunError, match="no run in"):
        load_reward(tmp_path / "nowhere")


def test_the_shipped_prior_fits_the_features() -> None:
    prior = shipped()
    assert prior.names == NAMES
    assert set(prior.log_weight) <= {family.name for family in prior.families(OVERALL)}
    for head in HEADS:
        for family in prior.families(head):
            assert np.trace(family.factor.T @ family.factor) == pytest.approx(1)
            foreign = [name in FORMER or head not in (OVERALL, DIMENSION_OF[name]) for name in NAMES]
            assert np.abs(family.factor[:, foreign]).sum() == 0

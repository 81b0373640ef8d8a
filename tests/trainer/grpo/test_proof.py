"""When a policy wins, and when it does not."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from engine.metrics.dimensions import PairMeasures
from tests.helpers.picks import TIME, candidate
from tests.helpers.picks import pick as pick_of
from tests.helpers.toy_policy import Likes, LovesNoise, ToyFace, ToyPolicy
from trainer.grpo import guards
from trainer.grpo.config import GrpoConfig
from trainer.grpo.curves import Figure
from trainer.grpo.faces import split
from trainer.grpo.held_out import KnownPicks
from trainer.grpo.plots import plot
from trainer.grpo.proof import HeldOutPick, agreement_of, prove, win_rate
from trainer.picks.store import PickStore, with_features
from trainer.reward.data import collect
from trainer.reward.features import NAMES, UNCHANGED, VERSION
from trainer.reward.files import save_reward
from trainer.reward.model import Head, Reward
from trainer.reward.prior import HEADS, shipped
from trainer.statistics import Share

FACES = [ToyFace(f"{n}/face-1", f"photo-{n}") for n in range(6)]


def trained(*mean):
    policy = ToyPolicy()
    policy.reference()
    with torch.no_grad():
        policy.mean[: len(mean)] = torch.tensor(mean)
    return policy


def pick(better, worse, face="0/face-1"):
    return HeldOutPick(face, *(np.array([*each, 0, 0, 0, 0, 0], np.float32) for each in ([better], [worse])))


def test_a_better_policy_wins_and_a_worse_one_does_not():
    good = prove(trained(0.0, 0.8), FACES, Likes(0.0, 0.8), GrpoConfig())
    assert good.wins and good.win_rate.low > 0.5 and good.words[-1] == "It wins."
    same = prove(trained(), FACES, Likes(0.0, 0.8), GrpoConfig())
    assert not same.wins and same.win_rate.value == 0.5
    bad = prove(trained(0.0, -0.8), FACES, Likes(0.0, 0.8), GrpoConfig())
    assert not bad.wins and bad.win_rate.high < 0.5


def test_without_anything_unseen_nothing_is_proved():
    proof = prove(trained(0.0, 0.8), [], Likes(0.0, 0.8), GrpoConfig())
    assert not proof.wins and "Nothing was held out" in proof.words[0]
    assert proof.plain()["win_rate"] is None


def test_held_out_picks_that_point_the_other_way_stop_a_win():
    policy, reward = trained(0.0, 0.8), Likes(0.0, 0.8)
    towards = HeldOutPick("0/face-1", np.eye(6, dtype=np.float32)[1], np.zeros(6, np.float32))
    away = HeldOutPick("1/", np.zeros(6, np.float32), np.eye(6, dtype=np.float32)[1])
    elsewhere = HeldOutPick("9/face-1", np.zeros(6, np.float32), np.eye(6, dtype=np.float32)[1])
    agrees = prove(policy, FACES, reward, GrpoConfig(), [towards, towards, away, elsewhere])
    assert agrees.picks == Share.of(2, 3) and agrees.wins
    disagrees = prove(policy, FACES, reward, GrpoConfig(), [towards, away, away])
    assert disagrees.picks == Share.of(1, 3) and not disagrees.wins


def test_a_hacked_reward_wins_nothing_where_a_guard_breaks():
    proof = prove(trained(1.5), FACES, LovesNoise(), GrpoConfig())
    assert proof.win_rate.value > 0.9
    assert not proof.wins
    assert any("pore retention rose to" in each for each in proof.breaches)


def test_measures_of_whole_photos_are_guarded_too():
    proof = prove(trained(0.0, 0.8), FACES, Likes(0.0, 0.8), GrpoConfig(), extra={"identity_distance": (0.05, 0.4)})
    assert not proof.wins and "identity distance rose to 0.40" in proof.breaches[0]


def test_samples_of_one_face_count_less_than_samples_of_many():
    alike = win_rate([np.ones(4)] * 3, [np.zeros(4)] * 3)
    assert alike.value == 1 and alike.count == pytest.approx(12 / 1.9)
    by_face = win_rate([np.ones(4), np.zeros(4)], [np.zeros(4), np.ones(4)])
    assert by_face.value == 0.5 and by_face.count == pytest.approx(2)


def test_the_retouch_that_won_most_is_the_faces_anchor():
    one, two, three = often = [candidate(seed=n) for n in range(3)]
    other, elsewhere = candidate("two", 7), candidate("two", 8)
    made = [pick_of(one, two), pick_of(one, three), pick_of(two, three), pick_of(three, two), pick_of(two, three)]
    made += [pick_of(other, elsewhere), pick_of(one, two, "tie")]
    everyone = [*often, other, elsewhere]
    answers = collect(made, {each.id: np.zeros(2, np.float32) for each in everyone})
    specs = {each.id: each.retouch.proposal for each in everyone}
    known = KnownPicks(answers, frozenset(), {each.id: each.face for each in everyone}, specs)
    liked = known.liked({other.photo}, "1-00000000")
    assert liked == {f"{one.photo[:16]}/face-1": specs[two.id]}, "of two that won twice, the later one"
    assert known.liked(set(), "1-00000000")[f"{other.photo[:16]}/face-1"] == specs[other.id]
    assert known.liked(set(), "another version") == {}


def test_picks_made_since_a_reward_was_fitted_are_none_that_it_was_made_from(tmp_path):
    """Else a run that is resumed would go another way, and photos would count as tests that the reward has seen."""
    made = [candidate(f"photo-{n}", seed) for n in range(12) for seed in (0, 1)]
    pairs = list(zip(made[::2], made[1::2], strict=True))
    with PickStore.open(tmp_path / "p.sqlite", create=True) as store:
        store.append(*made, first := pick_of(*pairs[0]), *(pick_of(*pair) for pair in pairs[1:]))
        with_features(store, VERSION, NAMES, {each.id: UNCHANGED for each in made})
        head = Head(np.zeros(len(NAMES)), np.eye(len(NAMES)), 0.0)
        reward = Reward(shipped(), dict.fromkeys(HEADS, head), 12)
        sources = {"picks": str(store.path), "rows": len(store)}
        save_reward(reward, tmp_path / "reward", config={}, sources=sources, report={})
        before = KnownPicks.of(tmp_path / "reward")
        store.append(*(pick_of(*pair, purpose="random") for pair in pairs[:11]))
        store.undo(first.id)
        assert KnownPicks.of(tmp_path / "reward").answers.picks == before.answers.picks
        assert KnownPicks.of(tmp_path / "reward").tested == before.tested == frozenset()
        store.withdraw(pairs[1][0].photo, TIME)
        assert len(KnownPicks.of(tmp_path / "reward").answers.picks) == 11


def test_agreement_is_none_without_picks():
    assert agreement_of({"a/f": np.ones(2, np.float32)}, [], np.ones(2, np.float32)) is None


def test_guards_break_only_where_it_was_better_before():
    def seen(value):
        return guards.means([PairMeasures(pore_retention=value), PairMeasures()])

    assert guards.breaches(seen(0.8), seen(0.95))
    assert not guards.breaches(seen(0.8), seen(0.80))
    assert not guards.breaches(seen(1.0), seen(0.6))
    (low,) = guards.breaches(seen(0.5), seen(0.8))
    assert str(low) == "texture: pore retention fell to 0.50 (before training 0.80, limit 0.90)"
    assert not guards.breaches(guards.means([PairMeasures()]), guards.means([PairMeasures()]))
    (gone,) = guards.breaches(guards.means([PairMeasures()]), seen(1.0))
    assert str(gone) == "texture: pore retention cannot be measured any more (before training 1.00)"
    assert guards.breaches(seen(0.8), seen(1.3)), "beyond one limit before is no leave to cross the other"
    assert not guards.breaches(seen(1.3), seen(1.3))


def test_photos_are_held_out_by_hash_and_stay_so():
    photos = [f"photo-{n}" for n in range(20)]
    first = split(photos, 0.25, 1)
    assert sum(first.values()) == 5
    more = split([*photos, "another"], 0.25, 1)
    assert sum(first[photo] != more[photo] for photo in photos) <= 1
    assert sum(split(["a", "b"], 0.1, 0).values()) == 1
    assert not any(split(["a"], 0.5, 0).values()) and not any(split(photos, 0, 0).values())


def test_plots_are_whole_and_leave_gaps():
    curves = {"one": [(0, 1.0), (1, None), (2, 2.0), (3, 2.5)], "two": [(0, 0.5)]}
    drawn = plot(Figure("A <b>", curves, (1.5,), "logits"))
    assert drawn.count("<polyline") == 3 and "A &lt;b&gt;" in drawn and 'class="limit"' in drawn
    assert plot(Figure("nothing", {"x": [(0, None)]})) == ""


@pytest.mark.parametrize(
    ("values", "axis"),
    [
        ((0.5, 1.0), (0.5, 1.0)),
        ((1.03, 18.3), (0, 20)),
        ((0.0, 0.113), (0, 0.12)),
        ((0.9969, 1.0), (0.996, 1.0)),
        ((-0.3, 0.62), (-0.8, 0.8)),
        ((0.5, 0.5), (0.5, 0.6)),
        ((0.0, 0.0), (0, 0.0002)),
    ],
)
def test_axes_end_at_round_numbers_that_hold_the_curve(values, axis):
    extent = Figure("one", {"x": list(enumerate(values))}).extent
    assert extent == (0, 1, *(pytest.approx(value, abs=1e-9) for value in axis))


def test_a_training_stops_before_the_limit_that_unseen_faces_are_held_to():
    start = {**dict.fromkeys((limit.measure for limit in guards.LIMITS), math.nan), "pore_retention": 1.0}
    for value, training, proof in (
        (1.035, False, False),
        (1.045, True, False),
        (1.065, True, True),
        (0.88, True, True),
    ):
        now = {**start, "pore_retention": value}
        assert bool(guards.breaches(now, start, guards.IN_TRAINING)) == training
        assert bool(guards.breaches(now, start)) == proof


def test_a_guard_is_used_up_at_the_value_that_breaks_it():
    before = {"pore_retention": 1.0, "tone_change": 1.0, "kept_survival": 0.95, "seam": None}
    broken_at = {**before, "pore_retention": 0.89}  # limit 0.90, slack 0.01
    assert guards.used(broken_at, before) == {
        "pore_retention": pytest.approx(1.0),
        "tone_change": 0,
        "kept_survival": 0,
    }
    nan = dict.fromkeys((limit.measure for limit in guards.LIMITS), math.nan)
    start = {**nan, "pore_retention": 1.0}
    assert not guards.breaches({**nan, "pore_retention": 0.8901}, start)
    assert guards.breaches({**nan, "pore_retention": 0.8899}, start)
    better = {**before, "tone_change": 0.2, "kept_survival": 1.0}
    assert guards.used(better, before) == {"pore_retention": 0, "tone_change": 0, "kept_survival": 0}

"""Information of a question against the change of the posterior that its answer really makes."""

from __future__ import annotations

import random

import numpy as np
import pytest

from trainer.picks.selection import Group, choose_active, choose_beside, choose_random, information
from trainer.reward import davidson
from trainer.reward.model import Head


def _head(d: int = 3) -> Head:
    rng = np.random.default_rng(0)
    root = rng.standard_normal((d, d))
    return Head(rng.standard_normal(d) * 0.3, root @ root.T / d, -1.0)


def test_information_is_the_gain_of_the_log_determinant() -> None:
    head = _head()
    delta = np.array([[0.7, -0.2, 1.1]])
    p = davidson.probabilities(delta @ head.mean, head.eta)
    fisher = np.outer(delta[0], delta[0]) * float(davidson.curvature(p)[0])
    after = np.linalg.inv(np.linalg.inv(head.covariance) + fisher)
    expected = np.linalg.slogdet(head.covariance)[1] - np.linalg.slogdet(after)[1]
    assert information(head, delta)[0] == pytest.approx(expected)


def test_a_question_whose_answer_is_known_tells_nothing() -> None:
    sure = Head(np.array([30.0, 0, 0]), np.eye(3), -5.0)
    found = information(sure, np.array([[3.0, 0, 0], [0, 0.5, 0], [0, 0, 0]]))
    assert found[0] < 1e-6 < found[1] and found[2] == 0


def test_active_choice_is_telling_and_new() -> None:
    flat = Head(np.zeros(2), np.diag([4.0, 1.0]), -1.0)
    units = np.array([[0.0, 0], [3, 0], [1, 2], [2.9, 0.0]])
    group = Group("a", ("p", "q", "r", "s"), units)
    assert choose_active([group], flat, set(), {}) == (group, 0, 1), "along the widest direction of the posterior"
    assert choose_active([group], flat, {("p", "q")}, {}) == (group, 0, 3)


def test_beside_others_the_candidate_is_shown_whose_pairs_with_all_of_them_tell_most() -> None:
    flat = Head(np.zeros(2), np.diag([4.0, 1.0]), -1.0)
    group = Group("a", ("p", "q", "r", "s"), np.array([[0.0, 0], [3, 0], [0.1, 0], [1.5, 3]]))
    assert choose_beside(group, [0, 1], flat, set()) == 3, "r is far from q alone"
    assert choose_beside(group, [0, 3], flat, set()) == 1
    assert choose_beside(group, [0, 1], flat, {("q", "s")}) == 2
    assert choose_beside(group, [0, 1], flat, {("q", "s"), ("p", "r")}) is None


def test_photos_asked_before_count_less() -> None:
    flat = Head(np.zeros(1), np.eye(1), -1.0)
    groups = [Group(name, (f"{name}1", f"{name}2"), np.array([[0.0], [size]])) for name, size in (("a", 1.1), ("b", 1))]
    assert choose_active(groups, flat, set(), {}) == (groups[0], 0, 1)
    assert choose_active(groups, flat, set(), {"a": 3}) == (groups[1], 0, 1)
    assert choose_active(groups, flat, {("a1", "a2"), ("b1", "b2")}, {}) is None


def test_random_choice_is_fair_among_photos_and_seedable() -> None:
    groups = [
        Group("few", ("f1", "f2"), np.zeros((2, 1))),
        Group("many", tuple(f"m{i}" for i in range(9)), np.zeros((9, 1))),
    ]
    chosen = [choose_random(groups, set(), {}, random.Random(seed)) for seed in range(200)]
    share = np.mean([pair is not None and pair[0].photo == "few" for pair in chosen])
    assert 0.4 < share < 0.6, "a photo with many retouches is not asked about more often"
    assert choose_random(groups, set(), {}, random.Random(7)) == choose_random(groups, set(), {}, random.Random(7))
    assert choose_random(groups, set(), {"few": 1}, random.Random(0))[0].photo == "many"  # type: ignore[index]
    assert choose_random(groups[:1], {("f1", "f2")}, {}, random.Random(0)) is None

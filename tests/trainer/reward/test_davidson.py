"""The comparison model against closed forms, finite differences and scipy's general minimiser."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import logsumexp

from trainer.reward import davidson


def _world(n: int, d: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    differences = rng.standard_normal((n, d))
    p = davidson.probabilities(differences @ rng.standard_normal(d), -0.5)
    return differences, np.array([rng.choice(3, p=each) for each in p])


def test_probabilities_are_davidson_s() -> None:
    strong, weak, nu = 3.7, 1.3, 0.4
    tie = nu * np.sqrt(strong * weak)
    total = strong + weak + tie
    found = davidson.probabilities(np.array(np.log(strong / weak)), np.log(nu))
    assert found == pytest.approx([strong / total, weak / total, tie / total], abs=1e-12)


def test_curvature_is_the_second_derivative() -> None:
    h, eta = 1e-4, -0.7
    for u in (-2.0, 0.0, 0.4, 3.0):
        logs = [logsumexp([x / 2, -x / 2, eta]) for x in (u - h, u, u + h)]
        expected = (logs[0] - 2 * logs[1] + logs[2]) / h**2
        assert davidson.curvature(davidson.probabilities(np.array(u), eta)) == pytest.approx(expected, rel=1e-5)


def test_fit_finds_the_minimum_that_a_general_minimiser_finds() -> None:
    differences, outcomes = _world(80, 4, 1)
    covariance = np.diag([1.0, 2.0, 0.5, 1.0])
    mean = np.array([0.2, 0.0, -0.1, 0.0])
    found = davidson.fit(differences, outcomes, mean, covariance)

    def negative(at: np.ndarray) -> float:
        u = differences @ at[:4]
        logits = np.stack([u / 2, -u / 2, np.full(len(u), at[4])], -1)
        logs = logits[np.arange(len(u)), outcomes] - logsumexp(logits, axis=1)
        off = at[:4] - mean
        prior = off @ np.linalg.inv(covariance) @ off / 2
        return float(prior + (at[4] - davidson.ETA_MEAN) ** 2 / (2 * davidson.ETA_SPREAD**2) - logs.sum())

    expected = minimize(negative, np.zeros(5), method="BFGS", options={"gtol": 1e-8})
    assert found.mean == pytest.approx(expected.x, abs=1e-4)
    step, eye = 1e-3, np.eye(5)
    second = [
        [sum(a * b * negative(found.mean + step * (a * eye[i] + b * eye[j])) for a in (1, -1) for b in (1, -1))
         for j in range(5)]
        for i in range(5)
    ]  # fmt: skip
    assert np.linalg.inv(found.covariance) == pytest.approx(np.array(second) / (4 * step**2), abs=1e-4)


def test_no_answers_give_the_prior_and_evidence_one() -> None:
    found = davidson.fit(np.zeros((0, 3)), np.zeros(0, np.int64), np.array([1.0, 2, 3]), np.eye(3) * 4)
    assert found.weights == pytest.approx([1, 2, 3]) and found.eta == davidson.ETA_MEAN
    assert np.diag(found.covariance)[:3] == pytest.approx([4, 4, 4])
    assert found.evidence == pytest.approx(0, abs=1e-9)


def test_evidence_of_one_answer_is_one_half_without_ties() -> None:
    """By symmetry the first and the second are equally likely before anything is known; together with the tie they
    add up to one."""
    shares = []
    for outcome in (davidson.FIRST, davidson.SECOND, davidson.TIE):
        found = davidson.fit(np.array([[0.3]]), np.array([outcome]), np.zeros(1), np.eye(1))
        shares.append(np.exp(found.evidence))
    assert shares[0] == pytest.approx(shares[1])
    assert sum(shares) == pytest.approx(1, abs=0.02)


def test_contradicting_answers_cancel() -> None:
    differences = np.array([[1.0, 0], [1, 0], [-1, 0], [-1, 0]])
    found = davidson.fit(differences, np.array([0, 1, 0, 1]), np.zeros(2), np.eye(2))
    assert found.weights == pytest.approx([0, 0], abs=1e-9)


def test_a_flood_of_sure_answers_stays_finite() -> None:
    differences = np.full((500, 1), 40.0)
    found = davidson.fit(differences, np.zeros(500, np.int64), np.zeros(1), np.eye(1) * 100)
    assert np.isfinite(found.mean).all() and found.weights[0] > 0.1

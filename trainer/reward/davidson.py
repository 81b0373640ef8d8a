"""Bradley–Terry with ties after Davidson, with a Gaussian prior: fit, Laplace posterior and evidence. numpy only.

For a difference u of utilities and η = log ν, P(first) : P(second) : P(tie) = e^{u/2} : e^{−u/2} : e^η, which is
Davidson's P(tie) = ν√(p₁p₂)/(p₁+p₂+ν√(p₁p₂)). u = δ·w is linear in the weights, so the negative log posterior is convex
in (w, η), and Newton's method finds its one minimum. Source: REFERENCES davidson.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

F64 = npt.NDArray[np.float64]

FIRST, SECOND, TIE = 0, 1, 2
"""Outcomes of a comparison."""
ETA_MEAN: Final = -1.5
ETA_SPREAD: Final = 1.5
"""Prior of η: about one tie in ten between equals that are hard to tell apart."""
STEPS: Final = 25
TOLERANCE: Final = 1e-7


@dataclass(frozen=True)
class Posterior:
    """Gaussian around the most probable (w, η). mean: (d + 1,); covariance: (d + 1, d + 1); evidence: logarithm of the
    probability of the answers, weights integrated out (Laplace)."""

    mean: F64
    covariance: F64
    evidence: float

    @property
    def weights(self) -> F64:
        return self.mean[:-1]

    @property
    def eta(self) -> float:
        return float(self.mean[-1])


def probabilities(u: F64, eta: float | F64) -> F64:
    """(…, 3) of first, second and tie for differences u (…)."""
    logits = np.stack([u / 2, -u / 2, np.broadcast_to(np.asarray(eta, np.float64), u.shape)], -1)
    logits -= logits.max(-1, keepdims=True)
    odds = np.exp(logits)
    return np.asarray(odds / odds.sum(-1, keepdims=True))


def tempered(p: F64, temperature: float) -> F64:
    """(…, 3) the same answers stated less surely: the log-odds of the two sides divided by the temperature."""
    logs = np.log(np.maximum(p, 1e-12))
    return probabilities((logs[..., 0] - logs[..., 1]) / temperature, logs[..., 2] - logs[..., :2].mean(-1))


def curvature(p: F64) -> F64:
    """(…) second derivative of −log P by u: Fisher information of one answer, from its probabilities (…, 3)."""
    return np.asarray((p[..., 0] + p[..., 1] - (p[..., 0] - p[..., 1]) ** 2) / 4)


def fit(
    differences: F64,
    outcomes: npt.NDArray[np.int64],
    prior_mean: F64,
    prior_covariance: F64,
    turned: float = 0.0,
) -> Posterior:
    """The posterior of (w, η) after comparisons.

    Newton's method with the expected Hessian, which without turned answers is the exact one; with them the objective is
    no longer convex, and the minimum that is found is the one downhill of the prior.

    Args:
        differences: (n, d) features of the first minus those of the second; n may be 0.
        outcomes: (n,) of FIRST, SECOND, TIE.
        prior_mean, prior_covariance: (d,) and (d, d) of w.
        turned: probability that a preference was given the wrong way round, whatever the difference.
    """
    _, d = differences.shape
    mean = np.append(prior_mean, ETA_MEAN)
    precision = np.zeros((d + 1, d + 1))
    precision[:d, :d] = np.linalg.inv(prior_covariance)
    precision[d, d] = 1 / ETA_SPREAD**2
    at = mean.copy()
    value, gradient, hessian = _objective(at, differences, outcomes, turned, mean, precision)
    for _ in range(STEPS):
        step = np.linalg.solve(hessian, gradient)
        decrement = float(gradient @ step)
        if decrement < TOLERANCE:
            break
        size = 1.0
        while True:
            trial = at - size * step
            found = _objective(trial, differences, outcomes, turned, mean, precision)
            if found[0] <= value - 1e-4 * size * decrement or size < 1e-8:
                break
            size /= 2
        at, (value, gradient, hessian) = trial, found
    log_prior, log_posterior = np.linalg.slogdet(precision)[1], np.linalg.slogdet(hessian)[1]
    covariance = np.asarray(np.linalg.inv(hessian), np.float64)
    return Posterior(at, covariance, float(-value + 0.5 * (log_prior - log_posterior)))


def _objective(
    at: F64, differences: F64, outcomes: npt.NDArray[np.int64], turned: float, mean: F64, precision: F64
) -> tuple[float, F64, F64]:
    """Negative log posterior (the prior's constant left out), its gradient and its expected Hessian."""
    n, d = differences.shape
    off = at - mean
    value = 0.5 * float(off @ precision @ off)
    gradient, hessian = precision @ off, precision.copy()
    if not n:
        return value, gradient, hessian
    p = probabilities(differences @ at[:d], float(at[d]))
    by_u = p * (np.array([0.5, -0.5, 0.0]) - ((p[:, 0] - p[:, 1]) / 2)[:, None])
    by_eta = p * (np.array([0.0, 0.0, 1.0]) - p[:, 2:])
    q, by_u, by_eta = (turn(each, turned) for each in (p, by_u, by_eta))
    q = np.maximum(q, 1e-12)
    rows = np.arange(n)
    value -= float(np.log(q[rows, outcomes]).sum())
    gradient[:d] -= differences.T @ (by_u / q)[rows, outcomes]
    gradient[d] -= float((by_eta / q)[rows, outcomes].sum())
    hessian[:d, :d] += differences.T @ (differences * (by_u**2 / q).sum(1)[:, None])
    cross = differences.T @ (by_u * by_eta / q).sum(1)
    hessian[:d, d] += cross
    hessian[d, :d] += cross
    hessian[d, d] += float((by_eta**2 / q).sum())
    return value, gradient, hessian


def turn(p: F64, turned: float) -> F64:
    """(…, 3) probabilities, or derivatives of them, of what is answered when preferences are turned that often."""
    mixed = p.copy()
    mixed[..., 0] += turned * (p[..., 1] - p[..., 0])
    mixed[..., 1] += turned * (p[..., 0] - p[..., 1])
    return mixed

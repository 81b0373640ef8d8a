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
STEPS: Final = 60
TOLERANCE: Final = 1e-9


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


def probabilities(u: F64, eta: float) -> F64:
    """(…, 3) of first, second and tie for differences u (…)."""
    logits = np.stack([u / 2, -u / 2, np.broadcast_to(np.float64(eta), u.shape)], -1)
    logits -= logits.max(-1, keepdims=True)
    odds = np.exp(logits)
    return np.asarray(odds / odds.sum(-1, keepdims=True))


def curvature(p: F64) -> F64:
    """(…) second derivative of −log P by u: Fisher information of one answer, from its probabilities (…, 3)."""
    return np.asarray((p[..., 0] + p[..., 1] - (p[..., 0] - p[..., 1]) ** 2) / 4)


def fit(
    differences: F64,
    outcomes: npt.NDArray[np.int64],
    prior_mean: F64,
    prior_covariance: F64,
    importance: F64 | None = None,
) -> Posterior:
    """The posterior of (w, η) after comparisons.

    Args:
        differences: (n, d) features of the first minus those of the second; n may be 0.
        outcomes: (n,) of FIRST, SECOND, TIE. importance: (n,) weights of the answers, 1 by default.
        prior_mean, prior_covariance: (d,) and (d, d) of w.
    """
    n, d = differences.shape
    importance = np.ones(n) if importance is None else importance
    mean = np.append(prior_mean, ETA_MEAN)
    precision = np.zeros((d + 1, d + 1))
    precision[:d, :d] = np.linalg.inv(prior_covariance)
    precision[d, d] = 1 / ETA_SPREAD**2
    at = mean.copy()
    value, gradient, hessian = _objective(at, differences, outcomes, importance, mean, precision)
    for _ in range(STEPS):
        step = np.linalg.solve(hessian, gradient)
        decrement = float(gradient @ step)
        if decrement < TOLERANCE:
            break
        size = 1.0
        while True:
            trial = at - size * step
            found = _objective(trial, differences, outcomes, importance, mean, precision)
            if found[0] <= value - 1e-4 * size * decrement or size < 1e-8:
                break
            size /= 2
        at, (value, gradient, hessian) = trial, found
    log_prior, log_posterior = np.linalg.slogdet(precision)[1], np.linalg.slogdet(hessian)[1]
    covariance = np.asarray(np.linalg.inv(hessian), np.float64)
    return Posterior(at, covariance, float(-value + 0.5 * (log_prior - log_posterior)))


def _objective(
    at: F64, differences: F64, outcomes: npt.NDArray[np.int64], importance: F64, mean: F64, precision: F64
) -> tuple[float, F64, F64]:
    """Negative log posterior (the prior's constant left out), its gradient and its Hessian."""
    n, d = differences.shape
    off = at - mean
    value = 0.5 * float(off @ precision @ off)
    gradient, hessian = precision @ off, precision.copy()
    if not n:
        return value, gradient, hessian
    p = probabilities(differences @ at[:d], float(at[d]))
    chosen = np.eye(3)[outcomes]
    value -= float(importance @ np.log(np.maximum(p[np.arange(n), outcomes], 1e-300)))
    lead, tied = p[:, 0] - p[:, 1], p[:, 2]
    by_u = importance * ((lead - (chosen[:, 0] - chosen[:, 1])) / 2)
    by_eta = importance * (tied - chosen[:, 2])
    gradient[:d] += differences.T @ by_u
    gradient[d] += by_eta.sum()
    hessian[:d, :d] += differences.T @ (differences * (importance * curvature(p))[:, None])
    cross = differences.T @ (importance * -lead * tied / 2)
    hessian[:d, d] += cross
    hessian[d, :d] += cross
    hessian[d, d] += float(importance @ (tied * (1 - tied)))
    return value, gradient, hessian

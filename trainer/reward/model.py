"""The reward: how much a studio likes a retouch, from its features, with how sure that is. numpy only.

An overall head and one for each dimension; each is linear in the features, with a Gaussian posterior of its weights.
Utilities are in logits: a difference of 1 means that the better one is picked e times as often as the other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from trainer.picks.records import DIMENSIONS
from trainer.reward import davidson
from trainer.reward.davidson import F64
from trainer.reward.features import LOOK, UNCHANGED, dimension_of, neutral
from trainer.reward.prior import OVERALL, Family, Prior

ANSWERING: Final = ((1.5, 0.1), (0.5, 0.0), (1.5, 0.0), (5.0, 0.0), (5.0, 0.1), (5.0, 0.2))
"""Ways of answering that are tried: the spread of utility between retouches of one face, from hardly any preference to
certain answers, and how often an answer is given the wrong way round by mistake. The first is tried with every family,
the others with the `LIKELIEST` of them."""
LIKELIEST: Final = 16

Outcomes = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Comparisons:
    """What a head is fitted to. first, second: (n, f) features; outcomes: (n,) of `davidson.FIRST`, SECOND, TIE."""

    first: np.ndarray
    second: np.ndarray
    outcomes: Outcomes

    def __len__(self) -> int:
        return len(self.outcomes)

    def take(self, which: npt.NDArray[np.bool_] | Outcomes) -> Comparisons:
        return Comparisons(self.first[which], self.second[which], self.outcomes[which])


@dataclass(frozen=True)
class Head:
    """A posterior over the weights of `Prior.units`.

    mean: (f,), covariance: (f, f), eta: of ties, turned: share of mistaken answers (`davidson`). temperature: what
    log-odds are divided by, so that stated probabilities come true. families: the ideas that the picks speak for,
    with their probabilities, the likeliest first.
    """

    mean: F64
    covariance: F64
    eta: float
    turned: float = 0.0
    temperature: float = 1.0
    families: tuple[tuple[str, float], ...] = ()

    def difference(self, delta: F64) -> tuple[F64, F64]:
        """Mean and spread of the difference of utilities, for (…, f) differences of units."""
        variance = np.einsum("...i,ij,...j->...", delta, self.covariance, delta)
        return delta @ self.mean, np.sqrt(np.maximum(variance, 0))

    def probabilities(self, delta: F64) -> F64:
        """(…, 3) of the answers first, second, tie, with the weights' uncertainty (MacKay's approximation) and mistakes
        taken in."""
        mean, spread = self.difference(delta)
        moderated = mean / np.sqrt(1 + np.pi / 8 * spread**2)
        p = davidson.turn(davidson.probabilities(moderated, self.eta), self.turned)
        return davidson.tempered(p, self.temperature)


@dataclass(frozen=True)
class Score:
    """Of n retouches. overall: (n,) utility above that of the unchanged picture (or of the reference given).
    dimensions: name → (n,) the same by that dimension's head. uncertainty: (n,) standard deviation of `overall`."""

    overall: F64
    dimensions: Mapping[str, F64]
    uncertainty: F64


@dataclass(frozen=True)
class Comparison:
    """probabilities: of "image1", "image2" and "tie". dimensions: name → probability that image 1 is the better in it.
    decided_by: the dimension that speaks loudest for the likelier image, or "look" of an encoder. words: the same as
    sentences."""

    probabilities: Mapping[str, float]
    dimensions: Mapping[str, float]
    decided_by: str
    words: str

    @property
    def preference(self) -> str:
        return max(self.probabilities, key=lambda name: self.probabilities[name])


@dataclass(frozen=True)
class Reward:
    """heads: by name, `prior.OVERALL` and the dimensions. picks: how many answers the overall head has seen."""

    prior: Prior
    heads: Mapping[str, Head]
    picks: int = 0
    unchanged: np.ndarray = field(default_factory=lambda: UNCHANGED)

    def score(self, features: np.ndarray, reference: np.ndarray | None = None) -> Score:
        """features: (n, f) or (f,). reference: (f,) features of the picture that counts 0; the unchanged one if None.
        Between retouches of one face only differences mean something."""
        zero = self.unchanged if reference is None else reference
        delta = self.prior.units(np.atleast_2d(features)) - self.prior.units(zero)
        overall, spread = self.heads[OVERALL].difference(delta)
        dimensions = {name: self.heads[name].difference(delta)[0] for name in DIMENSIONS}
        return Score(overall, dimensions, spread)

    def compare(self, first: np.ndarray, second: np.ndarray) -> Comparison:
        """Two retouches of one face, features (f,) each."""
        delta = self.prior.units(first) - self.prior.units(second)
        p = self.heads[OVERALL].probabilities(delta)
        sides = {name: self.heads[name].probabilities(delta) for name in DIMENSIONS}
        better = {name: float(each[0] / (each[0] + each[1])) for name, each in sides.items()}
        probabilities = dict(zip(("image1", "image2", "tie"), map(float, p), strict=True))
        pulls = delta * self.heads[OVERALL].mean
        decided, words = _explain(self.prior.names, pulls, probabilities, first, second)
        return Comparison(probabilities, better, decided, words)

    def probability(self, first: np.ndarray, second: np.ndarray) -> F64:
        """(n, 3) of first, second and tie, for (n, f) features each."""
        return self.heads[OVERALL].probabilities(self.prior.units(first) - self.prior.units(second))


def fit_head(prior: Prior, name: str, data: Comparisons, mean: F64 | None = None) -> Head:
    """The posterior of a head: families and ways of answering are fitted, and they are averaged by their evidence.

    mean: (f,) of the prior, 0 by default.
    """
    delta = prior.units(data.first) - prior.units(data.second)
    start = np.zeros(len(prior.names)) if mean is None else mean

    def fitted(family: Family, sharpness: float, turned: float) -> _Fitted:
        covariance = sharpness**2 * family.factor.T @ family.factor + 1e-9 * np.eye(len(start))
        posterior = davidson.fit(delta, data.outcomes, start, covariance, turned)
        return _Fitted(family, turned, posterior, posterior.evidence + prior.weight(family.name))

    found = [fitted(family, *ANSWERING[0]) for family in prior.families(name)]
    likeliest = sorted(found, key=lambda each: -each.evidence)[:LIKELIEST]
    return _averaged(found + [fitted(each.family, *way) for each in likeliest for way in ANSWERING[1:]])


class _Fitted(NamedTuple):
    family: Family
    turned: float
    posterior: davidson.Posterior
    evidence: float


def _averaged(found: Sequence[_Fitted]) -> Head:
    """One Gaussian with the mixture's mean and covariance."""
    evidence = np.array([each.evidence for each in found])
    share = np.exp(evidence - evidence.max())
    share /= share.sum()
    means = np.array([each.posterior.weights for each in found])
    mean = share @ means
    off = means - mean
    covariance = (off * share[:, None]).T @ off
    by_family: dict[str, float] = {}
    for p, each in zip(share, found, strict=True):
        by_family[each.family.name] = by_family.get(each.family.name, 0.0) + float(p)
        if p > 1e-6:
            covariance += p * each.posterior.covariance[:-1, :-1]
    ranked = sorted(by_family.items(), key=lambda item: -item[1])
    eta = float(share @ np.array([each.posterior.eta for each in found]))
    turned = float(share @ np.array([each.turned for each in found]))
    return Head(mean, covariance, eta, turned, families=tuple(ranked[:5]))


def fit_reward(prior: Prior, overall: Comparisons, dimensions: Mapping[str, Comparisons] | None = None) -> Reward:
    """All heads. dimensions: answers per dimension; a dimension's head starts from what the overall one says of its
    features, and without answers stays there."""
    whole = fit_head(prior, OVERALL, overall)
    heads = {OVERALL: whole}
    for name in DIMENSIONS:
        inside = np.array([dimension_of(each) == name for each in prior.names], float)
        mean = whole.mean * inside
        answers = (dimensions or {}).get(name)
        if answers:
            heads[name] = fit_head(prior, name, answers, mean)
        else:
            heads[name] = replace(whole, mean=mean, covariance=whole.covariance * np.outer(inside, inside), families=())
    return Reward(prior, heads, len(overall), neutral(prior.names))


def tempered(reward: Reward, temperature: float) -> Reward:
    """The same with another temperature of the overall head."""
    heads = {**reward.heads, OVERALL: replace(reward.heads[OVERALL], temperature=temperature)}
    return replace(reward, heads=heads)


# --- in words ---------------------------------------------------------------------------------------------------------

_LABEL: Final = {
    "smoothing": "smoothing",
    "blemishes": "blemish removal",
    "tone": "skin tone and texture",
    "features": "preservation of personal features",
    "clarity": "overall clarity",
    LOOK: "the overall look, as the encoder sees it,",
}
_FIRM: Final = 0.6


def _explain(
    names: Sequence[str], pulls: F64, probabilities: Mapping[str, float], first: np.ndarray, second: np.ndarray
) -> tuple[str, str]:
    """The deciding dimension, and sentences. pulls: (f,) what each feature adds to the utility of image 1."""
    better = "image1" if pulls.sum() >= 0 else "image2"
    sign = 1 if better == "image1" else -1
    by_dimension = dict.fromkeys((*DIMENSIONS, *{dimension_of(name) for name in names} - {*DIMENSIONS}), 0.0)
    for name, pull in zip(names, pulls, strict=True):
        by_dimension[dimension_of(name)] += sign * float(pull)
    decided = max(by_dimension, key=lambda name: by_dimension[name])
    label = {"image1": "Image 1", "image2": "Image 2"}[better]
    share = probabilities[better] / (probabilities["image1"] + probabilities["image2"])
    if share < _FIRM:
        return decided, f"Hardly a difference ({label} with {share:.0%})."
    text = f"{label} is liked better ({share:.0%}); {_LABEL[decided]} decided"
    if decided == LOOK:
        text += "."
    else:
        own = [i for i, name in enumerate(names) if dimension_of(name) == decided]
        loudest = max(own, key=lambda i: sign * float(pulls[i]))
        less = (first[loudest] - second[loudest]) * sign < 0
        text += f", above all {'less' if less else 'more'} {names[loudest].replace('_', ' ')}."
    against = min(by_dimension, key=lambda name: by_dimension[name])
    if by_dimension[against] < -0.25 * by_dimension[decided]:
        text += f" Against it speaks {_LABEL[against]}."
    return decided, text

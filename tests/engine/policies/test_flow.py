"""The shipped field flow against the styles it was trained on, for real and made faces, with the shipped sampler."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
import torch
from safetensors import safe_open

from engine.faces.analysis import analyse
from engine.imageio.read import read_photo
from engine.metrics.colour import ciede2000
from engine.policies.base import Condition
from engine.policies.compact import field as fields
from engine.policies.compact.learner import learner
from engine.policies.compact.networks import FIELD_WEIGHTS
from engine.policies.compact.policy import CompactCondition, load_compact
from engine.proposal import EXPLORATION, Drawer, ProposalSpec
from engine.sampling.loop import SamplerConfig, sample
from engine.types import LAYERS
from engine.weights.catalogue import locate
from trainer.pretrain.styles import Needs, sample_style, to_modes

SKIN = [LAYERS.index(name) for name in ("smooth", "tone", "light", "shine", "under_eye")]
HELD_OUT = ("canada/056f", "london/neutral_064", "officials/cori-bush", "officials/brian-schatz")
SEEDS = 160


@pytest.fixture(scope="module")
def policy():
    return load_compact("cpu")


@pytest.fixture(scope="module")
def needs():
    with safe_open(str(locate(FIELD_WEIGHTS)), "np") as file:
        return Needs(json.loads(file.metadata()["typical_needs"]))


@pytest.fixture(scope="module")
def people(portraits):
    """Features of people that were never trained on."""
    return [
        fields.face_features(analyse(read_photo(portraits / "train" / f"{name}.jpg"), embed=False)[0][0])
        for name in HELD_OUT
    ]


def _condition(features: np.ndarray) -> Condition:
    data = CompactCondition(features, None, (), None, None)  # type: ignore[arg-type]
    return Condition(None, data)  # type: ignore[arg-type]


def _drawn(policy, features: np.ndarray, kind: str) -> np.ndarray:
    """Amounts (SEEDS, layers of skin, M, M) at the cells."""
    condition = _condition(features)
    noise = np.concatenate([policy.noise(condition, seed) for seed in range(SEEDS)])
    config = SamplerConfig(kind, policy.info.steps, policy.info.shift)  # type: ignore[arg-type]
    latents = sample(lambda x, s: policy.velocity(x, s, condition), noise, config, seed=1).latent
    return _cells(fields.to_modes(np.asarray(latents)))


def _styles(needs: Needs, features: np.ndarray) -> np.ndarray:
    """The same, as the trainer makes them."""
    asked = np.repeat(needs(features)[None], 4000, 0)
    return _cells(to_modes(sample_style(asked, np.random.default_rng(0))))


def _cells(modes: np.ndarray) -> np.ndarray:
    basis = fields.cosine_basis(fields.MODES)
    return np.maximum((basis @ modes @ basis.T)[:, SKIN], 0)


def _spreads(amounts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Standard deviations over samples, by layer: of the whole face's mean, and of cells against that mean."""
    mean = amounts.mean((2, 3), keepdims=True)
    return mean.std(0).ravel(), (amounts - mean).std(0).mean((1, 2))


@pytest.mark.parametrize("kind", ["dpg", "ode"])
def test_styles_of_a_face_differ_between_seeds_as_much_as_in_training(policy, needs, people, kind):
    """A few-step ODE that collapses to the mean style would show here, and so would a flow that ignores the face."""
    drawn = [_spreads(_drawn(policy, features, kind)) for features in people]
    asked = [_spreads(_styles(needs, features)) for features in people]
    ratio = np.sum(drawn, 0) / np.sum(asked, 0)  # (global and regional, layers)
    assert ratio == pytest.approx(np.ones((2, len(SKIN))), abs=0.2)


def test_mean_styles_follow_the_face(policy, needs, people):
    drawn, asked = (
        np.array([f(features).mean((0, 2, 3)) for features in people])
        for f in (lambda x: _drawn(policy, x, "ode"), lambda x: _styles(needs, x))
    )
    assert np.abs(drawn - asked).max() < 0.06
    assert np.abs(drawn / asked - 1)[asked > 0.1].mean() < 0.1
    shine = SKIN.index(LAYERS.index("shine"))
    assert asked[2, shine] > 1.5 * asked[0, shine] and drawn[2, shine] > 1.5 * drawn[0, shine]


def test_a_face_that_needs_nothing_and_a_child_are_left_nearly_alone(policy, people):
    """What is seen goes with amount × need: both fall."""
    adult = people[1].copy()
    flawless, child = adult.copy(), adult.copy()
    cells, _ = fields.split_features(flawless)  # views
    for name in ("smooth", "tone", "light", "shine"):
        cells[name] *= 0.1
    for name in ("shine", "under_eye"):
        flawless[_index(name)] *= 0.1
    child[_index("child")] = 1
    normal, little, careful = (_drawn(policy, f, "ode").mean((0, 2, 3)) for f in (adult, flawless, child))
    assert (little < 0.4 * normal).all()
    assert (careful < 0.65 * normal).all()


def _index(name: str) -> int:
    return len(fields.CELL_FEATURES) * fields.MODES**2 + fields.FACE_FEATURES.index(name)


def test_the_typical_retouch_is_the_mean_style(policy, needs, people):
    """What is proposed first: no style that a seed happens to give, nor regions that differ without reason."""
    for features in people:
        drawn = _cells(fields.to_modes(Drawer(policy, _condition(features)).latent(ProposalSpec.of(policy.info))))[0]
        asked = _styles(needs, features)
        assert drawn == pytest.approx(asked.mean(0), abs=0.1)
        assert drawn.mean((1, 2)) == pytest.approx(asked.mean((0, 2, 3)), abs=0.05)


def test_variations_differ_in_ways_people_see(portraits):
    """CIEDE2000 of 1 is seen side by side; of two photos that need a retouch, where variations differ most."""
    base = load_compact("cpu")
    for name in HELD_OUT[2:]:
        photo = read_photo(portraits / "train" / f"{name}.jpg")
        condition = base.encode(photo, analyse(photo, embed=False)[0][0])
        drawer, paint, face = Drawer(base, condition), learner(base).canvas(condition), condition.face
        latents = [drawer.latent(ProposalSpec.of(base.info).varied(seed, EXPLORATION)) for seed in range(1, 7)]
        pictures = [(face.lab + paint(torch.from_numpy(latent)))[face.regions["skin"] > 0.5] for latent in latents]
        apart = [float(np.quantile(ciede2000(a, b), 0.98)) for a, b in combinations(pictures, 2)]
        assert np.mean(apart) > 0.55 and max(apart) > 1.0


def test_variations_stay_near_their_anchor_in_proportion_to_exploration(policy, people):
    drawer, anchor = Drawer(policy, _condition(people[0])), ProposalSpec.of(policy.info)

    def distance(exploration: float) -> float:
        specs = [anchor.varied(seed, exploration) for seed in range(1, 17)]
        apart = [float(((drawer.latent(spec) - drawer.latent(anchor)) ** 2).mean()) for spec in specs]
        return float(np.sqrt(np.mean(apart)))

    far = distance(1.0)
    for exploration in (0.1, 0.25, 0.5, 0.75):
        assert distance(exploration) == pytest.approx(exploration * far, rel=0.2)
    free = [drawer.latent(replace(anchor, seed=s, exploration=1.0)) - drawer.latent(anchor) for s in range(1, 17)]
    assert far < 0.95 * float(np.sqrt((np.concatenate(free) ** 2).mean()))

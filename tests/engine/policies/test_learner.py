"""The compact policy as a learner: equal to its base at first, and its canvas paints what the product renders."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch

from engine.imageio.colour import to_lab
from engine.layers.render import render
from engine.policies.base import TrainablePolicy
from engine.policies.compact import field as fields
from engine.policies.compact.learner import learner
from engine.policies.compact.policy import load_compact
from engine.sampling.loop import SamplerConfig, sample
from engine.types import LAYERS, FaceEdits, Strengths
from tests.helpers.faces import synthetic_face
from tests.tolerances import RUNTIME_LATENT


@pytest.fixture(scope="module")
def base():
    return load_compact("cpu")


@pytest.fixture(scope="module")
def painted():
    return synthetic_face(size=(640, 520), width=300.0, depth=16)


def test_it_starts_as_its_reference_and_only_the_flow_learns(base, painted):
    policy = learner(base)
    assert isinstance(policy, TrainablePolicy)
    reference, condition = policy.reference(), policy.encode(*painted)
    x = policy.noise(condition, 3)
    assert torch.equal(policy.velocity(x, 0.7, condition), reference.velocity(x, 0.7, condition))
    of_base = base.velocity(x.numpy(), 0.7, condition)
    np.testing.assert_allclose(reference.velocity(x, 0.7, condition).numpy(), of_base, atol=RUNTIME_LATENT)
    policy.velocity(x, 0.7, condition).sum().backward()
    assert all(parameter.grad is not None for parameter in policy.field.module.head.parameters())
    assert not any(parameter.requires_grad for parameter in reference.field.module.parameters())
    with torch.no_grad():
        policy.field.module.head.bias += 1
    other = learner(base)
    other.load(policy.weights())
    assert torch.equal(policy.velocity(x, 0.7, condition), other.velocity(x, 0.7, condition))
    assert not torch.equal(policy.velocity(x, 0.7, condition), reference.velocity(x, 0.7, condition))


def test_only_layers_of_skin_are_explored(base, painted):
    mask = learner(base).explored(base.encode(*painted))[0]
    on = {name for c, name in enumerate(LAYERS) if mask[c].all()}
    assert on == {"heal", "smooth", "tone", "light", "shine", "under_eye", "texture"}
    assert mask.sum() == len(on) * fields.MODES**2


def test_the_canvas_paints_what_the_product_renders(base):
    """16 bit, so that rounding hides nothing, and no healing, whose patches have pores of their own; in L*a*b*."""
    photo, face = synthetic_face(size=(640, 520), width=300.0, depth=16, spots=False)
    policy = learner(base)
    condition = policy.encode(photo, face)
    config = SamplerConfig("ode", policy.info.steps, policy.info.shift)
    unhealed = replace(condition.data, change=np.zeros_like(condition.data.change))
    canvas = policy.canvas(replace(condition, data=unhealed))
    edits = FaceEdits(Strengths({"heal": 0}))
    for seed in (0, 1):
        latent = sample(lambda x, s: policy.velocity(x, s, condition), policy.noise(condition, seed), config).latent
        rendered = render(photo, [(policy.decode(latent, photo, condition), edits)])
        change, expected = canvas(latent), _on_grid(rendered, face) - _on_grid(photo.pixels, face)
        size = float(np.sqrt((expected**2).mean()))
        assert size > 0.02
        assert float(np.sqrt(((change - expected) ** 2).mean())) < 0.25 * size


def _on_grid(pixels, face):
    x0, y0, x1, y1 = face.grid.box
    crop = pixels[y0:y1, x0:x1].astype(np.float32) / 65535
    return to_lab(cv2.resize(crop, face.grid.shape[::-1], interpolation=cv2.INTER_LINEAR), None)

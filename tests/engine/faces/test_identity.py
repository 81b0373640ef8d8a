"""Identity drift: the same person stays close, other people are far."""

from __future__ import annotations

import itertools

import cv2
import numpy as np
import pytest

from engine.errors import ModelCorruptError, ModelMissingError
from engine.faces import identity, models
from tests.tolerances import IDENTITY_ROUNDED

PEOPLE = ("002", "003", "022")


def embeddings(analysed, kind):
    return [analysed(f"train/london/{kind}_{person}.jpg")[0][0].embedding for person in PEOPLE]


def test_same_person_smiling_is_closer_than_any_other(analysed):
    neutral, smiling = embeddings(analysed, "neutral"), embeddings(analysed, "smiling")
    for i, one in enumerate(neutral):
        same = identity.distance(one, smiling[i])
        others = [identity.distance(one, other) for j, other in enumerate([*neutral, *smiling]) if j % len(PEOPLE) != i]
        assert same < 0.45 < min(others)


def test_rounded_weights_keep_the_distances_of_the_exact_network(analysed):
    """The numbers are those of the unrounded network (dlib's, in float32) on the same chips."""
    found = [*embeddings(analysed, "neutral"), *embeddings(analysed, "smiling")]
    exact = [0.7702, 0.8782, 0.2752, 0.7599, 0.9164, 0.8932, 0.7399, 0.1283]
    exact += [0.8726, 0.8978, 0.8781, 0.2904, 0.7374, 0.9179, 0.8585]
    pairs = itertools.combinations(found, 2)
    changes = [abs(identity.distance(*pair) - wanted) for pair, wanted in zip(pairs, exact, strict=True)]
    assert 0 < max(changes) < IDENTITY_ROUNDED


def test_a_slight_retouch_stays_below_the_drift_limit(photo_of, analysed):
    name = "train/london/neutral_002.jpg"
    photo, ((face,), _) = photo_of(name), analysed(name)
    softened = cv2.bilateralFilter(photo.pixels, 9, 25, 9)
    moved = identity.distance(face.embedding, identity.embed(softened, face.landmarks))
    assert 0 < moved < identity.DRIFT_LIMIT


def test_the_chip_is_upright_whatever_the_photo_s_turn(photo_of, analysed):
    name = "train/london/neutral_002.jpg"
    photo, ((face,), _) = photo_of(name), analysed(name)
    straight = identity.chip(photo.pixels, face.landmarks)
    turned = np.ascontiguousarray(np.rot90(photo.pixels))
    points = np.stack([face.landmarks[:, 1], photo.size[0] - face.landmarks[:, 0]], 1)
    assert straight.shape == (150, 150, 3)
    assert np.abs(identity.chip(turned, points).astype(int) - straight).mean() < 1


def test_distance_is_euclidean():
    assert identity.distance(np.float32([0, 3]), np.float32([4, 0])) == pytest.approx(5)


def test_a_missing_model_is_named(monkeypatch, tmp_path):
    monkeypatch.setattr("engine.paths.shipped_models", lambda: tmp_path)
    with pytest.raises((ModelMissingError, ModelCorruptError)) as error:
        models.model_file(models.IDENTITY)
    assert models.IDENTITY in str(error.value) or "catalogue" in str(error.value)
    assert error.value.hint

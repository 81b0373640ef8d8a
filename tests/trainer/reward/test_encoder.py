"""Through an encoder: the real loading code on a small random DINOv2, what it sees, and what the reward learns."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from safetensors.numpy import load_file, save_file

from engine.errors import ModelCorruptError, ModelMissingError
from engine.metrics.crop import lab_on
from engine.types import F32, FaceAnalysis, Photo, Pixels
from engine.weights import own
from tests.helpers import tiny_dinov2
from tests.helpers.faces import synthetic_face
from tests.helpers.picks import candidate, pick
from trainer.picks.store import PickStore, with_features
from trainer.reward import encoder as encoders
from trainer.reward.data import collect
from trainer.reward.davidson import FIRST, SECOND
from trainer.reward.encoder import Encoder
from trainer.reward.features import (
    LOOK,
    LOOKS,
    NAMES,
    VERSION,
    FeatureMeter,
    encoder_of,
    learning_grid,
    names_with,
    neutral,
)
from trainer.reward.files import load_reward
from trainer.reward.measuring import kept
from trainer.reward.model import Comparisons, fit_reward
from trainer.reward.prior import OVERALL, SEEN, shipped
from trainer.reward.train import save_trained, spread_of_looks, train_reward

SIZE, WIDTH = (300, 240), 130.0


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Encoder:
    return Encoder(own.inspect(tiny_dinov2.save(tmp_path_factory.mktemp("encoder"))))


@pytest.fixture(scope="module")
def drawn() -> tuple[Photo, FaceAnalysis]:
    return synthetic_face(SIZE, width=WIDTH)


def looks(features: F32) -> F32:
    return features[len(NAMES) :]


def behind(photo: Photo, face: FaceAnalysis, amount: float) -> Pixels:
    """What is no skin warmer: hair, eyes, background."""
    x0, y0, x1, y1 = face.grid.box
    skin = np.zeros(SIZE, np.float32)
    skin[y0:y1, x0:x1] = face.regions["skin"]
    rest = (cv2.GaussianBlur(skin, (0, 0), 4) < 0.01)[..., None]
    return np.rint(np.clip(photo.pixels + rest * np.float32([amount, 0, -amount]), 0, 255)).astype(np.uint8)


def test_tokens_are_those_of_the_network_itself(encoder: Encoder, tmp_path: Path) -> None:
    from transformers import Dinov2Model

    picture = np.random.default_rng(0).random((encoder.side, encoder.side, 3), np.float32)
    network = Dinov2Model.from_pretrained(encoder.weights.folder).eval()
    mean, spread = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    with torch.no_grad():
        wanted = network(((torch.from_numpy(picture) - mean) / spread).permute(2, 0, 1)[None]).last_hidden_state[0]
    found = encoder.tokens(picture)
    assert encoder.side == 224 and found.shape == (1 + 16 * 16, 24)
    np.testing.assert_allclose(found, wanted.numpy(), rtol=0, atol=1e-5)
    network.half().save_pretrained(tmp_path)
    halved = Encoder(own.inspect(tmp_path)).tokens(picture)
    assert halved.dtype == np.float32 and np.abs(halved - found).max() < 0.02 and (halved != found).any()


def test_what_changes_in_the_picture_changes_what_is_seen(encoder: Encoder, drawn: tuple[Photo, FaceAnalysis]) -> None:
    photo, face = drawn
    meter, plain = FeatureMeter(*drawn, (), encoder), FeatureMeter(*drawn, ())
    same = meter.measure(photo.pixels)
    assert (looks(same) == 0).all() and same == pytest.approx(neutral(names_with(encoder.digest)), abs=1e-5)
    little, much = (meter.measure(behind(photo, face, amount)) for amount in (6, 30))
    assert (little == meter.measure(behind(photo, face, 6))).all(), "the same at every look"
    assert 0.001 < np.linalg.norm(looks(little)) < np.linalg.norm(looks(much)) / 2
    assert (little[: len(NAMES)] == plain.measure(behind(photo, face, 6))).all(), "measures stay what they are"


def test_the_projection_of_the_class_token_and_of_the_skin(encoder: Encoder, drawn: tuple[Photo, FaceAnalysis]) -> None:
    """Worked out by hand for a face that is looked at as it is: crop, tokens, weights of skin, signs."""
    photo, face = drawn
    grid = learning_grid(face)
    before, after = lab_on(photo, grid), lab_on(photo, grid, behind(photo, face, 20))
    box = np.array(face.box) - np.tile(grid.box[:2], 2)
    side = max(box[2] - box[0], box[3] - box[1])
    rows, columns = (
        np.clip(int((box[i] + box[i + 2]) / 2) + np.arange(-round(side / 2), round(side / 2) + 1), 0, limit - 1)
        for i, limit in ((1, grid.shape[0]), (0, grid.shape[1]))
    )
    x0, y0, x1, y1 = grid.box
    skin = cv2.resize(face.regions["skin"][rows][:, columns], (16, 16), interpolation=cv2.INTER_AREA).ravel()

    def parts(pixels: Pixels) -> np.ndarray:
        crop = np.ascontiguousarray((pixels[y0:y1, x0:x1] / np.float32(255))[rows][:, columns])
        mode = cv2.INTER_AREA if len(rows) > 224 else cv2.INTER_CUBIC
        tokens = encoder.tokens(np.clip(cv2.resize(crop, (224, 224), interpolation=mode), 0, 1))
        return np.stack([tokens[0], (tokens[1:] * skin[:, None]).sum(0) / skin.sum()])

    was, now = parts(photo.pixels), parts(behind(photo, face, 20))
    change = ((now - was) / np.linalg.norm(was, axis=1, keepdims=True)).ravel()
    found = encoder.look(face, before, grid).measure(after)
    np.testing.assert_allclose(found, 100 * encoder.projection @ change, rtol=0, atol=0.02)
    assert np.linalg.norm(found) > 0.3
    assert set(np.unique(encoder.projection)) == {np.float32(-0.25), np.float32(0.25)}
    gram = encoder.projection @ encoder.projection.T
    assert np.abs(gram - np.diag(np.diag(gram))).max() < 0.6 * gram[0, 0], "rows point in different directions"


def test_a_set_of_features_is_its_names(encoder: Encoder) -> None:
    names = names_with(encoder.digest)
    assert names[: len(NAMES)] == NAMES == names_with() and len(names) == len(NAMES) + LOOKS
    assert encoder_of(names) == encoder.digest and encoder_of(NAMES) == ""


def test_broken_and_foreign_weights_are_said(tmp_path: Path, encoder: Encoder, monkeypatch: pytest.MonkeyPatch) -> None:
    def changed(name: str, change) -> own.OwnWeights:
        folder = tiny_dinov2.save(tmp_path / name)
        tensors = load_file(folder / "model.safetensors")
        change(tensors)
        save_file(tensors, folder / "model.safetensors", {"format": "pt"})
        return own.inspect(folder)

    def spoil(tensors) -> None:
        tensors["layernorm.weight"][0] = np.nan

    with pytest.raises(ModelCorruptError, match="lacks some of its weights"):
        Encoder(changed("fewer", lambda tensors: tensors.pop("layernorm.weight")))
    with pytest.raises(ModelCorruptError, match="not numbers"):
        Encoder(changed("nan", spoil))
    shrunk = tiny_dinov2.save(tmp_path / "shrunk")
    config = json.loads((shrunk / "config.json").read_text())
    (shrunk / "config.json").write_text(json.dumps({**config, "hidden_size": 48}))
    with pytest.raises(ModelCorruptError, match=r"'shrunk' (cannot be loaded|lacks)"):
        Encoder(own.inspect(shrunk))
    monkeypatch.setitem(__import__("sys").modules, "transformers", None)
    with pytest.raises(ModelMissingError, match=r"needs the package 'transformers'.*porelight\[train\]"):
        Encoder(encoder.weights)


# --- learning ---------------------------------------------------------------------------------------------------------


def world(encoder: Encoder, faces: int, seed: int) -> tuple[list[F32], list[np.ndarray]]:
    """Features of retouches of painted faces, and how warm what is no skin was made in each."""
    rng, features, warmth = np.random.default_rng(seed), [], []
    for number in range(faces):
        photo, face = synthetic_face(SIZE, width=WIDTH, seed=seed + number)
        meter, found, amounts = FeatureMeter(photo, face, (), encoder), [], rng.uniform(-12, 12, 6)
        for amount in amounts:
            soft = cv2.GaussianBlur(photo.pixels, (0, 0), 2)
            mixed = np.where(rng.random() < 0.5, photo.pixels, soft).astype(np.uint8)
            lit = np.clip(mixed + rng.normal(0, 3, 3), 0, 255).astype(np.uint8)
            found.append(meter.measure(behind(Photo(lit, None, photo.metadata, photo.path, "png"), face, amount)))
        features.append(np.stack(found))
        warmth.append(amounts)
    return features, warmth


def pairs(features: list[F32], liking: list[np.ndarray], count: int, seed: int) -> Comparisons:
    rng, first, second, outcomes = np.random.default_rng(seed), [], [], []
    for number in range(count):
        face = number % len(features)
        a, b = rng.choice(len(liking[face]), 2, replace=False)
        first.append(features[face][a])
        second.append(features[face][b])
        outcomes.append(FIRST if liking[face][a] > liking[face][b] else SECOND)
    return Comparisons(np.array(first), np.array(second), np.array(outcomes))


def measured_only(data: Comparisons) -> Comparisons:
    return Comparisons(data.first[:, : len(NAMES)], data.second[:, : len(NAMES)], data.outcomes)


def right(reward, data: Comparisons) -> float:
    p = reward.probability(data.first, data.second)
    return float((p[:, :2].argmax(1) == data.outcomes).mean())


def test_a_taste_that_no_measure_names_is_learned_through_the_encoder(encoder: Encoder) -> None:
    features, warmth = world(encoder, 8, 0)
    unseen, theirs = world(encoder, 6, 100)
    spread = spread_of_looks([each for face in features for each in face], [n for n in range(8) for _ in range(6)])
    prior = shipped().seeing(encoder.digest, spread)
    answers, asked = pairs(features, warmth, 40, 1), pairs(unseen, theirs, 200, 2)
    seeing, measuring = fit_reward(prior, answers), fit_reward(shipped(), measured_only(answers))
    assert right(seeing, asked) >= 0.85
    assert right(seeing, asked) >= right(measuring, measured_only(asked)) + 0.15
    assert seeing.heads[OVERALL].families[0][0] in SEEN
    warm, cool = (unseen[0][int(pick)] for pick in (theirs[0].argmax(), theirs[0].argmin()))
    said = seeing.compare(warm, cool)
    assert said.decided_by == LOOK and "the overall look, as the encoder sees it, decided" in said.words
    assert set(seeing.heads) == set(measuring.heads), "dimensions stay what they are"
    for name in set(seeing.heads) - {OVERALL}:
        assert (seeing.heads[name].mean[len(NAMES) :] == 0).all()


def test_families_of_measures_say_nothing_of_what_is_seen(encoder: Encoder) -> None:
    plain, seeing = shipped(), shipped().seeing(encoder.digest, 2.0)
    for before, after in zip(plain.families(OVERALL), seeing.families(OVERALL), strict=False):
        assert before.name == after.name
        np.testing.assert_allclose(after.factor[:, : len(NAMES)], before.factor, rtol=1e-12)
        assert (after.factor[:, len(NAMES) :] == 0).all()
    more = seeing.families(OVERALL)[len(plain.families(OVERALL)) :]
    assert [each.name for each in more] == list(SEEN)
    assert all(np.trace(each.factor.T @ each.factor) == pytest.approx(1) for each in more)
    total = sum(np.exp(seeing.weight(each.name)) for each in seeing.families(OVERALL))
    assert total == pytest.approx(sum(np.exp(plain.weight(each.name)) for each in plain.families(OVERALL)), abs=1e-5)
    assert (seeing.scale[len(NAMES) :] == 2).all() and (seeing.centre[len(NAMES) :] == 0).all()


def test_the_spread_is_that_between_retouches_of_one_face() -> None:
    plain = np.zeros(len(NAMES))
    rows = [np.append(plain, np.full(LOOKS, value)) for value in (1.0, 3.0, 10.0, 10.0, np.nan)]
    assert spread_of_looks(rows, ["a", "a", "b", "b", "b"]) == pytest.approx(np.sqrt(0.5))
    assert spread_of_looks(rows[1:3], ["a", "b"]) == 1.0


# --- in the store -----------------------------------------------------------------------------------------------------


def test_pictures_that_are_gone_stay_picks(tmp_path: Path, encoder: Encoder) -> None:
    """Measured before there was an encoder, their photo gone since: the encoder says nothing of them."""
    names, rng = names_with(encoder.digest), np.random.default_rng(0)
    made = [candidate("one", seed) for seed in range(4)]
    with PickStore.open(tmp_path / "p.sqlite", create=True) as store:
        picks = [pick(made[0], made[1]), pick(made[2], made[3], "image2"), pick(made[1], made[2])]
        store.append(*made, *picks)
        plain = {each.id: rng.standard_normal(len(NAMES)) for each in made[2:]}
        with_features(store, VERSION, NAMES, plain)
        seen = {each.id: rng.standard_normal(len(names)) for each in made[:2]}
        with_features(store, VERSION, names, seen)
        assert set(store.features(VERSION, NAMES)) == {each.id for each in made}
        found = kept(store, names)
        assert np.isnan(looks(found[made[3].id])).all() and looks(found[made[0].id]) == pytest.approx(
            seen[made[0].id][len(NAMES) :]
        )
        answers = collect(store.picks(), found)
        assert len(answers.picks) == 3 and np.isfinite(answers.overall.first).all()
        changes = answers.overall.first - answers.overall.second
        assert (changes[1:, len(NAMES) :] == 0).all() and (changes[0, len(NAMES) :] != 0).all()
        assert (changes[1:, : len(NAMES)] != 0).all()
        trained = train_reward(store, encoder=encoder)
        assert trained.report["encoder"]["unseen"] == 2 and trained.report["picks"] == 3
        assert encoder.digest in trained.words[-2] and "2 of 4 pictures are gone" in trained.words[-1]
        save_trained(trained, store, tmp_path / "run")
        without = train_reward(store)
        assert without.report["encoder"] is None and encoder_of(without.reward.prior.names) == ""
    loaded = load_reward(tmp_path / "run")
    ask = rng.standard_normal((5, len(names)))
    assert (loaded.score(ask).overall == trained.reward.score(ask).overall).all()
    again = encoders.of_reward(tmp_path / "run", loaded)
    assert again is not None and again.weights == encoder.weights
    encoder.weights.folder.rename(tmp_path / "moved")
    try:
        with pytest.raises(ModelMissingError, match=f"looks through the DINOv2 encoder {encoder.digest}"):
            encoders.of_reward(tmp_path / "run", loaded)
    finally:
        (tmp_path / "moved").rename(encoder.weights.folder)

"""The shipped compact policy: its contract, its weights' defences, and what it does to a real face."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from engine import inference
from engine.errors import DeviceError, ModelCorruptError
from engine.faces.grid import grid_lab
from engine.layers.render import render
from engine.metrics.texture import texture_retention
from engine.policies.base import Policy
from engine.policies.compact import networks, tensors
from engine.policies.compact.nets import HealNet, from_model, to_model
from engine.policies.compact.networks import HEAL_VERSION, OnnxNetwork, read_weights
from engine.policies.compact.policy import CompactPolicy, load_compact
from engine.sampling.arrays import to_numpy
from engine.sampling.loop import SamplerConfig, sample
from engine.session import RetouchSession
from engine.types import LAYERS, Decision, FaceEdits, MarkKind
from engine.weights.catalogue import locate
from tests.helpers.faces import SPOTS, synthetic_face
from tests.tolerances import RUNTIME_CODES, RUNTIME_FLOAT, RUNTIME_LATENT, RUNTIME_MEAN


@pytest.fixture(scope="module")
def policy():
    return load_compact("cpu")


@pytest.fixture(scope="module")
def in_torch():
    return load_compact("cpu", "torch")


def _draw(policy, condition, seed, kind="ode"):
    config = SamplerConfig(kind, policy.info.steps, policy.info.shift)
    return sample(
        lambda x, s: policy.velocity(x, s, condition), policy.noise(condition, seed), config, seed=seed
    ).latent


def test_model_colours_are_a_linear_map_and_back():
    lab = torch.tensor([[60.0, 20.0, 15.0], [0.0, -40.0, 40.0]]).T.reshape(1, 3, 1, 2)
    assert torch.allclose(to_model(lab)[0, :, 0, 0], torch.tensor([0.2, 0.5, 0.375]))
    assert torch.allclose(from_model(to_model(lab) - to_model(torch.zeros_like(lab))), lab, atol=1e-5)


def test_it_is_a_policy_and_repeats_itself(policy):
    assert isinstance(policy, Policy)
    photo, face = synthetic_face(size=(480, 400), width=220.0)
    condition = policy.encode(photo, face)
    one, again, other = (_draw(policy, condition, seed) for seed in (1, 1, 2))
    assert np.array_equal(one, again)
    assert not np.allclose(one, other, atol=0.05)
    layers = policy.decode(one, photo, condition)
    assert set(layers.deltas) <= set(LAYERS)
    twice = [render(photo, [(policy.decode(one, photo, condition), FaceEdits())]) for _ in range(2)]
    assert np.array_equal(*twice)


def test_eyes_brows_and_background_stay_bit_identical_without_the_features_layer(policy):
    photo, face = synthetic_face(size=(480, 400), width=220.0)
    condition = policy.encode(photo, face)
    layers = policy.decode(_draw(policy, condition, 0), photo, condition)
    edits = FaceEdits(FaceEdits().strengths.with_(features=0, eye_whites=0, teeth=0))
    out = render(photo, [(layers, edits)])
    x, y = (int(v) for v in face.landmarks[468])
    assert np.array_equal(out[y - 3 : y + 4, x - 3 : x + 4], photo.pixels[y - 3 : y + 4, x - 3 : x + 4])
    assert np.array_equal(out[:20], photo.pixels[:20])


def test_red_spots_are_found_and_fade(policy):
    photo, face = synthetic_face(size=(640, 520), width=300.0)
    clean, _ = synthetic_face(size=(640, 520), width=300.0, spots=False)
    condition = policy.encode(photo, face)
    layers = policy.decode(_draw(policy, condition, 0), photo, condition)
    out = render(photo, [(layers, FaceEdits(FaceEdits().strengths.with_(tone=0, smooth=0, light=0)))])
    for sx, sy, _ in SPOTS:
        x, y = int(260 + sx * 300), int(320 + sy * 300)
        spot = np.s_[y - 2 : y + 3, x - 2 : x + 3, 1]
        before = clean.pixels[spot].mean() - photo.pixels[spot].mean()
        after = clean.pixels[spot].mean() - out[spot].mean()
        assert before > 20
        assert after < 0.5 * before


class _Watched:
    """A network that remembers what it was last given."""

    def __init__(self, network):
        self.network, self.weights = network, network.weights

    def array(self, values):
        self.seen = np.array(values)
        return self.network.array(values)

    def __call__(self, *inputs):
        return self.network(*inputs)


def test_in_less_light_the_network_sees_the_same_and_changes_as_much_of_what_is_there(policy):
    """Light on everything is a factor on linear values, so on L* + 16, a* and b* (CIE 1976), but for deep blacks."""
    photo, face = synthetic_face(size=(480, 400), width=220.0, spots=True)
    watched = CompactPolicy(_Watched(policy.heal), policy.field, "cpu")

    def healed(light):
        linear = light * np.where(photo.pixels > 10, (photo.pixels / 255 + 0.055) ** 2.4 / 1.055**2.4, 0.003)
        encoded = np.where(linear > 0.0031308, 1.055 * linear ** (1 / 2.4) - 0.055, 12.92 * linear)
        dim = replace(photo, pixels=np.rint(encoded * 65535).astype(np.uint16))
        dim_face = replace(face, lab=grid_lab(dim, face.grid))
        return watched.encode(dim, dim_face).data.change, watched.heal.seen, dim_face.lab

    (change, seen, lab), (less, seen_again, dark) = healed(0.4), healed(0.2)
    assert np.median(dark[..., 0]) < np.median(lab[..., 0]) - 8
    lit = np.pad(dark[..., 0] > 9, [(0, n - m) for n, m in zip(seen.shape[2:], dark.shape[:2], strict=True)])
    assert np.quantile(np.abs(seen_again - seen)[0][:, lit], 0.999) < 0.1
    spots = np.linalg.norm(change, axis=-1) > 4
    assert spots.sum() > 50
    assert np.median(np.linalg.norm(less, axis=-1)[spots] / np.linalg.norm(change, axis=-1)[spots]) == pytest.approx(
        0.5 ** (1 / 3), abs=0.05
    )


def test_a_real_face_loses_red_marks_and_keeps_its_pores(policy, portraits):
    from engine.faces.analysis import analyse
    from engine.imageio.colour import to_lab
    from engine.imageio.read import read_photo

    photo = read_photo(portraits / "train" / "canada" / "024f.jpg")
    faces, _ = analyse(photo, embed=False)
    condition = policy.encode(photo, faces[0])
    layers = policy.decode(_draw(policy, condition, 0), photo, condition)
    out = render(photo, [(layers, FaceEdits())])
    x0, y0, x1, y1 = faces[0].grid.box
    before, after = (to_lab(p[y0:y1, x0:x1], photo.icc) for p in (photo.pixels, out))
    marks = np.zeros(photo.pixels.shape[:2], np.float32)
    for mark in layers.marks:
        cv2.circle(marks, tuple(int(v) for v in mark.centre), int(mark.radius * 2 + 3), 1.0, -1)
    skin = cv2.resize(faces[0].regions["skin"], (x1 - x0, y1 - y0)) * (1 - marks[y0:y1, x0:x1])
    assert 0.85 <= texture_retention(before, after, skin, faces[0].width) <= 1.08
    removed = [m for m in layers.marks if m.decision is Decision.REMOVE]
    assert removed and all(m.kind not in (MarkKind.MOLE, MarkKind.FRECKLE) for m in removed)


def _onnx_heal(weights, version=HEAL_VERSION, side=32, device="cpu"):
    probe = [np.full((1, 3, side, side), 50, np.float32)]
    return OnnxNetwork(locate(networks.HEAL_GRAPH), weights, version, probe, device)


def test_both_runtimes_compute_the_same(policy, in_torch):
    """From maps to pixels."""
    assert policy.info == in_torch.info
    photo, face = synthetic_face(size=(480, 400), width=220.0)
    conditions = [each.encode(photo, face) for each in (policy, in_torch)]
    assert len(conditions[0].data.marks) == len(conditions[1].data.marks) > 0
    latents = [_draw(each, c, 5, "dpg") for each, c in zip((policy, in_torch), conditions, strict=True)]
    assert isinstance(latents[0], np.ndarray) and isinstance(latents[1], torch.Tensor)
    assert np.abs(latents[0] - to_numpy(latents[1])).max() < RUNTIME_LATENT
    one, other = (
        render(photo, [(each.decode(x, photo, c), FaceEdits())]).astype(int)
        for each, x, c in zip((policy, in_torch), latents, conditions, strict=True)
    )
    assert np.abs(one - other).max() <= RUNTIME_CODES
    assert np.abs(one - other).mean() < RUNTIME_MEAN


@pytest.mark.parametrize("shape", [(1, 3, 16, 48), (2, 3, 112, 80)])
def test_the_heal_graph_takes_any_size_and_is_the_network(shape):
    """In single precision, against torch; with weights that are not the shipped ones, so that none is baked in."""
    torch.manual_seed(3)
    net = HealNet()
    for value in net.state_dict().values():
        value += torch.randn_like(value) * 0.05
    values = {key: value.numpy().copy() for key, value in net.state_dict().items()}
    weights = networks.Weights("heal", values, "none")
    lab = np.random.default_rng(0).random(shape, dtype=np.float32) * 60
    with torch.no_grad():
        expected = tensors.HealMaps(net)(torch.from_numpy(lab)).numpy()
    found = _onnx_heal(weights)(lab)
    assert found.std() > 0.1
    np.testing.assert_allclose(found, expected, atol=RUNTIME_FLOAT * np.abs(expected).max())


def test_a_graph_or_a_picture_that_does_not_fit_is_refused_in_words():
    weights = read_weights(locate(networks.HEAL_WEIGHTS), HEAL_VERSION)
    with pytest.raises(ModelCorruptError, match=f"heal.onnx is of version {HEAL_VERSION}, but 99"):
        _onnx_heal(weights, version=99)
    with pytest.raises(ModelCorruptError, match="does not fit"):
        _onnx_heal(weights, side=31)


@pytest.mark.parametrize(("error", "works"), [(0.0, True), (1e-4, True), (0.05, False), (float("nan"), False)])
def test_a_device_that_computes_wrongly_is_refused(monkeypatch, error, works):
    """A driver that gives other answers than the processor must not retouch."""

    def open_model(path, device, weights):
        session = inference.open_model(path, "cpu", weights)
        return session if device == "cpu" else _Wrong(session, error)

    monkeypatch.setattr(networks, "open_model", open_model)
    weights = read_weights(locate(networks.HEAL_WEIGHTS), HEAL_VERSION)
    if works:
        _onnx_heal(weights, device="cuda")
    else:
        with pytest.raises(DeviceError, match="'cuda' computes wrongly"):
            _onnx_heal(weights, device="cuda")


class _Wrong:
    """A session whose answers are off by a share of their greatest value."""

    def __init__(self, session, error):
        self.session, self.error = session, error

    def __getattr__(self, name):
        return getattr(self.session, name)

    def run(self, names, inputs):
        (answer,) = self.session.run(names, inputs)
        return [answer + np.float32(self.error) * np.abs(answer).max()]


def test_retouching_imports_no_torch():
    script = """
import sys
from engine.policies.registry import load_policy
from engine.session import RetouchSession
from tests.helpers.faces import synthetic_face
photo, face = synthetic_face(size=(240, 200), width=120.0)
session = RetouchSession(photo)
session.faces, policy = (face,), load_policy("compact", device="auto")
session.propose(policy)
assert len(list(session.vary(policy, 1))) == 1
print(sorted({"torch", "diffusers"} & set(sys.modules)), policy.info.device)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["[]", "cpu"]


def _state(version=str(HEAL_VERSION)):
    return {k: v.half() for k, v in HealNet().state_dict().items()}, {"version": version}


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda s, m: (s, {"version": "99"}), "version 99"),
        (lambda s, m: ({**s, "stem.bias": torch.full_like(s["stem.bias"], float("nan"))}, m), "not finite"),
        (lambda s, m: ({k: v for k, v in s.items() if k != "stem.bias"}, m), "does not fit"),
    ],
)
def test_bad_weights_are_refused_in_words(tmp_path, spoil, words):
    path = tmp_path / "heal.safetensors"
    state, metadata = spoil(*_state())
    save_file(state, path, metadata)
    with pytest.raises(ModelCorruptError, match=words):
        tensors.heal(read_weights(path, HEAL_VERSION))
    with pytest.raises(ModelCorruptError, match="|".join((words, "cannot be loaded"))):
        _onnx_heal(read_weights(path, HEAL_VERSION))


def test_a_file_that_is_no_safetensors_is_refused(tmp_path):
    path = tmp_path / "heal.safetensors"
    path.write_bytes(b"not a model")
    with pytest.raises(ModelCorruptError, match="cannot be read"):
        read_weights(path, HEAL_VERSION)


def test_numbers_that_are_not_finite_never_reach_the_picture(policy):
    photo, face = synthetic_face()
    broken = replace(face, lab=np.full_like(face.lab, np.nan))
    with pytest.raises(ModelCorruptError):
        policy.encode(photo, broken)


@pytest.mark.parametrize("name", ["canada/003f", "london/neutral_019"])
def test_a_bump_at_the_hair_line_is_seen_as_skin_and_healed(policy, portraits, name):
    """The analysis takes it for hair, and nothing of it went."""
    clean = RetouchSession.open(portraits / "train" / f"{name}.jpg")
    clean.analyse()
    (face,) = clean.faces
    x = face.grid.to_grid(face.landmarks[[10]])[0, 0]
    y = int(np.flatnonzero(face.regions["skin"][:, round(float(x))] > 0.9)[0])
    at = face.grid.to_source(np.array([[x, y + 0.02 * face.grid_width]], np.float32))[0]
    pixels = clean.photo.pixels.astype(np.float32)
    bump = np.zeros(pixels.shape[:2], np.float32)
    cv2.circle(bump, tuple(round(float(v)) for v in at), round(face.width * 0.012), 1, -1)
    bump = cv2.GaussianBlur(bump, (0, 0), face.width * 0.002)
    red = np.array([0.15, 0.35, 0.3], np.float32)
    marked = np.rint(pixels * (1 - bump[..., None] * red)).astype(np.uint8)
    session = RetouchSession(replace(clean.photo, pixels=marked))
    session.analyse()
    x0, y0, x1, y1 = session.faces[0].grid.box
    there = cv2.resize(bump[y0:y1, x0:x1], session.faces[0].grid.shape[::-1], interpolation=cv2.INTER_AREA) > 0.5
    assert session.faces[0].regions["skin"][there].mean() < 0.1
    session.propose(policy)
    assert session.faces[0].regions["skin"][there].mean() > 0.8
    own = bump > 0.5
    painted = np.abs((marked - pixels)[own].mean(0)).max()
    left = np.abs((session.render() - pixels)[own].mean(0)).max()
    assert left < 0.3 * painted

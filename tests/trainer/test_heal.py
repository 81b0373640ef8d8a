"""Training of the heal network: its examples, their reuse, its loss, and beginning from older weights."""

from dataclasses import replace
from itertools import islice

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from engine.policies.compact.nets import HealNet
from engine.types import KEPT_BY_DEFAULT, MARK_CLASSES, MarkKind
from trainer.pretrain import heal
from trainer.pretrain.faces import TrainingFace
from trainer.pretrain.heal import (
    REUSE,
    _camera,
    batches,
    chances_of,
    crop,
    loss_of,
    mean_of,
    save,
    start_from,
    with_found,
)
from trainer.pretrain.paint import HAEMOGLOBIN, MELANIN, Painted
from trainer.pretrain.transplant import Cut

K = len(MARK_CLASSES)


@pytest.fixture(scope="module")
def face():
    rng = np.random.default_rng(0)
    skin = np.float32([0.55, 0.35, 0.26]) * (1 + 0.05 * rng.standard_normal((300, 260, 1)))
    natural = np.zeros((300, 260), np.uint8)
    natural[140:150, 120:130] = 255
    return TrainingFace(
        "drawn", "nobody", skin.astype(np.float16), np.full((300, 260), 255, np.uint8), natural, 250.0, 1.2
    )


def test_input_and_target_differ_only_where_removable_or_kept_marks_are(face):
    for seed in range(6):
        source, target, masks, weight = crop(face, 96, np.random.default_rng(seed))
        assert source.shape == target.shape == (3, 96, 96) and masks.shape == (K, 96, 96)
        change = (source - target).abs().amax(0) * 50
        inside = masks.amax(0)
        if (inside > 0.9).any():
            assert change[inside > 0.9].mean() > 1.5 * change[inside == 0].mean()
        assert change[inside == 0].mean() < 1.5
        assert weight.min() >= 0 and weight.max() == 1


def test_marks_of_real_people_are_among_those_that_are_painted(face, monkeypatch):
    """On half of the crops, each as what it is: here nothing is painted, so that they are all there is."""

    def nothing(linear, *_):
        return Painted(linear, linear, linear, np.zeros((K, 128, 128), np.float32))

    monkeypatch.setattr(heal, "paint", nothing)
    blob = np.exp(-(np.hypot(*np.mgrid[-8:9, -8:9]) ** 2) / 18)[..., None].astype(np.float32)
    cuts = [Cut(0.9 * blob * HAEMOGLOBIN, 250.0, False), Cut(1.5 * blob * MELANIN, 250.0, True)]
    redness = {MarkKind.BLEMISH: [], MarkKind.MOLE: []}
    without = 0
    for seed in range(60):
        source, target, masks, _ = crop(face, 128, np.random.default_rng(seed), cuts)
        darker, redder = (target - source)[0] * 50, (source - target)[1] * 40
        without += not masks.any()
        for kind in redness:
            inside = masks[MARK_CLASSES.index(kind)] > 0.9
            if inside.sum() > 30:
                assert darker[inside].mean() > 3
                redness[kind].append(float(redder[inside].mean() / darker[inside].mean()))
        others = [k for k, kind in enumerate(MARK_CLASSES) if kind not in redness]
        assert not masks[others].any()
    assert 18 < without < 42 and min(len(shares) for shares in redness.values()) > 8
    assert np.median(redness[MarkKind.BLEMISH]) > 2 * np.median(redness[MarkKind.MOLE])


def test_the_persons_own_marks_do_not_count(face):
    weights = [crop(face, 128, np.random.default_rng(seed))[3].min() for seed in range(8)]
    assert min(weights) == 0


def _of_colour(face, factor):
    return replace(face, linear=(face.linear * np.float16(factor)).astype(np.float16))


def test_dark_skin_is_shown_with_more_light_as_in_the_product(face):
    """On the network's scale L* 50 is 0; skin in a fiftieth of its light stays darker, as only so much is added."""
    levels = []
    for factor in (1.0, 0.25, 0.02):
        sources = [crop(_of_colour(face, factor), 96, np.random.default_rng(seed))[0][0] for seed in range(12)]
        levels.append(float(torch.stack([source.median() for source in sources]).median()))
    assert levels[0] > 0.1 and levels[1] == pytest.approx(0, abs=0.03) and levels[2] < -0.1


def test_a_cameras_picture_style_changes_colours_and_hardly_lightness():
    """Of many cameras a few are black and white, others paler or more colourful; both planes by the same one."""
    plane = np.full((16, 16, 3), (0.7, 0.5, 0.42), np.float32)
    shots = [_camera([plane, plane], np.random.default_rng(seed)) for seed in range(300)]
    chroma = np.array([shot[0].mean((0, 1))[0] - shot[0].mean((0, 1))[2] for shot in shots]) / 0.28
    assert 0.02 < (chroma < 0.1).mean() < 0.09
    assert 0.05 < ((chroma > 0.1) & (chroma < 0.85)).mean() < 0.2
    assert 0.05 < (chroma > 1.15).mean() < 0.2
    greys = np.array([shot[0].mean((0, 1)) @ (0.3, 0.59, 0.11) for shot in shots])
    assert np.abs(greys - greys.mean()).max() < 0.01


def test_few_dark_faces_among_many_light_ones_are_drawn_more_often_than_that(face):
    faces = [face] * 9 + [_of_colour(face, 0.1)]
    chances = chances_of(faces)
    assert chances.sum() == pytest.approx(1)
    assert chances[9] == pytest.approx(1 / (1 + 3)), "one group of nine and one of one: 3 to 1 in all"


def test_each_crop_is_used_about_as_often_as_it_says():
    ones = torch.ones(1, 8, 8)
    crops = ((ones * i, ones, ones, ones) for i in range(100_000))
    seen = torch.cat([b[0][:, 0, 0, 0] for b in islice(batches(crops, 6, np.random.default_rng(1)), 900)])
    middle = seen[(seen > 300) & (seen < 900)].to(torch.int64)
    assert float(torch.bincount(middle)[301:900].float().mean()) == pytest.approx(REUSE, rel=0.15)


def test_the_loss_is_least_for_the_right_answer_and_ignores_what_has_no_weight():
    generator = torch.Generator().manual_seed(0)
    source, target = (torch.rand(2, 3, 16, 16, generator=generator) for _ in range(2))
    weight = torch.ones(2, 1, 16, 16)
    weight[..., :8] = 0
    masks = (torch.rand(2, K, 16, 16, generator=generator) > 0.8).float() * weight
    right = torch.cat([target - source, (masks * 2 - 1) * 20], 1)
    best, parts = loss_of(right, source, target, masks, weight)
    assert parts["left"] < 0.01 and float(best) < 0.05
    wrong = right.clone()
    wrong[:, :3, :, 9:] += 0.1
    assert loss_of(wrong, source, target, masks, weight)[0] > best + 0.3
    unseen = right.clone()
    unseen[..., :7] = 3
    assert loss_of(unseen, source, target, masks, weight)[0] == pytest.approx(float(best), abs=0.02)


def test_pores_that_no_network_can_know_do_not_make_healed_skin_lighter():
    """Dark pores, 15% of the skin: the median is the skin between them, 0.024 lighter than the mean."""
    pores = (torch.rand(1, 1, 64, 64, generator=torch.Generator().manual_seed(0)) < 0.15).float().expand(1, 3, 64, 64)
    target, weight, masks = -0.16 * pores, torch.ones(1, 1, 64, 64), torch.ones(1, K, 64, 64)

    def loss(level):
        out = torch.cat([torch.full_like(target, level), torch.full_like(masks, 20)], 1)
        return float(loss_of(out, torch.zeros_like(target), target, masks, weight)[0])

    best = min(np.linspace(-0.04, 0.01, 51), key=loss)
    assert -0.024 < best < -0.009


def test_a_mark_painted_over_a_persons_own_is_to_be_found_but_not_to_be_healed_to_what_is_below():
    source, weight, masks = torch.zeros(1, 3, 16, 16), torch.zeros(1, 1, 16, 16), torch.zeros(1, K, 16, 16)
    masks[:, 0, 4:8, 4:8] = 1
    found = torch.cat([source, (masks * 2 - 1) * 20], 1)
    missed = torch.cat([source, torch.full_like(masks, -20)], 1)
    best = float(loss_of(found, source, source, masks, weight)[0])
    assert float(loss_of(missed, source, source, masks, weight)[0]) > best + 1
    assert float(loss_of(found, source, source + 1, masks, weight)[0]) == pytest.approx(best)


def test_rough_faces_of_one_colour_are_drawn_more_often(face):
    chances = chances_of([face, replace(face, bumps=2.4), _of_colour(face, 0.1)])
    assert chances[1] == pytest.approx(4 * chances[0])
    assert chances[2] == pytest.approx(1 / (1 + 2**0.5)), "groups as often as before"


class _Finds(torch.nn.Module):
    """Likely marks at a spot and along a line, whatever it is shown."""

    def forward(self, shown):
        out = torch.full((1, 3 + K, *shown.shape[-2:]), -20.0)
        out[:, 3, 200:206, 200:206] = 0.0
        out[:, 3, 60:62, 60:200] = 0.0
        return out


def test_spots_that_a_network_finds_count_as_the_persons_own(face):
    found = with_found(face, _Finds())
    assert found.natural.shape == face.natural.shape
    assert (found.natural[200:206, 200:206] == 255).all() and (found.natural[140:150, 120:130] == 255).all()
    assert found.natural[60:62, 80:180].max() == 0, "a crease is no spot"
    assert (found.natural > 0).mean() < 0.01


def test_a_deeper_network_begins_as_the_one_it_starts_from(tmp_path):
    torch.manual_seed(0)
    first, deeper = HealNet(), HealNet(depth=5)
    torch.nn.init.normal_(first.head.weight)
    save_file(first.state_dict(), tmp_path / "first.safetensors")
    start_from(deeper, tmp_path / "first.safetensors")
    shown = torch.rand(1, 3, 32, 32)
    torch.testing.assert_close(deeper(shown), first(shown))


def test_weights_of_version_1_start_each_class_from_removable_or_kept(tmp_path):
    torch.manual_seed(0)
    old, new = HealNet(), HealNet()
    state = dict(old.state_dict())
    maps = torch.randn(5, old.unshuffle**2, *state["head.weight"].shape[1:])
    state["head.weight"], state["head.bias"] = maps.flatten(0, 1), torch.zeros(5 * old.unshuffle**2)
    save_file(state, tmp_path / "v1.safetensors")
    start_from(new, tmp_path / "v1.safetensors")
    out = new(torch.rand(1, 3, 32, 32))
    for channel, kind in enumerate(MARK_CLASSES):
        expected = maps[4 if kind in KEPT_BY_DEFAULT else 3]
        split = new.head.weight.unflatten(0, (3 + K, new.unshuffle**2))
        assert torch.equal(split[3 + channel], expected)
    assert torch.isfinite(out).all()


def test_what_is_written_is_the_mean_of_the_trained_weights_and_others(tmp_path):
    trained, first, second = ({"w": torch.tensor(w)} for w in ([2.0, -4.0], [0.0, 4.0], [4.0, 6.0]))
    save(mean_of([trained, first, second]), tmp_path / "heal.safetensors")
    np.testing.assert_array_equal(load_file(tmp_path / "heal.safetensors")["w"].numpy(), [2.0, 2.0])

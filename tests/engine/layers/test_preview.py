"""Preview equals export: at 1:1 within rounding, reduced within small tolerances, whatever the order of changes."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from engine.errors import Cancelled
from engine.imageio.colour import to_srgb8
from engine.imageio.profiles import adobe_rgb_profile, prophoto_profile
from engine.jobs import CancelToken
from engine.layers.preview import REFRESH, PreviewRenderer
from engine.layers.render import render
from engine.layers.stacks import add, to_bytes
from engine.types import LAYERS, Decision, FaceEdits, Photo, RetouchLayers, Strengths
from tests.helpers.scenes import layers_on, scene

SIZE, FACE_BOX, WIDTH = (601, 557), (61, 43, 541, 507), 317.0
VIEW = (91, 37, 600, 541)
Made = tuple[Photo, RetouchLayers]

DRAGS = [
    FaceEdits(),
    FaceEdits(Strengths({"tone": 80})),
    FaceEdits(Strengths({"tone": 20})),
    FaceEdits(Strengths({"tone": 20, "texture": 100})),
    FaceEdits(Strengths({"tone": 20, "texture": 100}, amount=70)),
    FaceEdits(Strengths({"tone": 20, "texture": 100}, amount=30)),
    FaceEdits(Strengths({"tone": 20}, amount=30), {"mark-0": Decision.REMOVE, "mark-1": Decision.KEEP}),
    FaceEdits(Strengths({"tone": 20}, amount=31), {"mark-0": Decision.REMOVE, "mark-1": Decision.KEEP}),
    FaceEdits(enabled=False),
    FaceEdits(Strengths(dict.fromkeys(LAYERS, 0.0))),
    FaceEdits(Strengths({"heal": 100}, amount=75)),
    FaceEdits(),
]


def _made(dtype: type, icc: bytes | None = None) -> Made:
    photo, face = scene(SIZE, FACE_BOX, WIDTH, dtype=dtype, grid_width=200, icc=icc)
    return photo, layers_on(photo, face)


def _crop_size(box: tuple[int, int, int, int]) -> tuple[int, int]:
    return box[2] - box[0], box[3] - box[1]


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16], ids=["8 bit", "16 bit"])
def test_at_one_to_one_the_view_is_the_export(dtype: type) -> None:
    photo, layers = _made(dtype)
    view = PreviewRenderer(photo, [layers], VIEW, _crop_size(VIEW))
    x0, y0, x1, y1 = VIEW
    source = to_srgb8(photo.pixels[y0:y1, x0:x1], None)
    difference = np.abs(view.original.astype(int) - source)
    # 16 bit are rounded to 14 and then to 8: values next to a half may go the other way.
    assert difference.max() <= photo.depth // 16 and (difference > 0).mean() < 0.01
    for edits in DRAGS:
        wanted = to_srgb8(render(photo, [(layers, edits)], VIEW), None).astype(int)
        difference = np.abs(view.update([edits]) - wanted)
        assert difference.max() <= 1 and (difference > 0).mean() < 0.05


@pytest.mark.parametrize("size", [(173, 171), (97, 211)])
def test_a_reduced_view_is_the_reduced_export(size: tuple[int, int]) -> None:
    photo, layers = _made(np.uint8)
    view = PreviewRenderer(photo, [layers], VIEW, size)
    for edits in DRAGS:
        export = render(photo, [(layers, edits)], VIEW).astype(np.float32)
        difference = np.abs(view.update([edits]) - cv2.resize(export, size, interpolation=cv2.INTER_AREA))
        assert difference.mean() < 0.32 and difference.max() < 2.5  # 0.25 is rounding


@pytest.mark.parametrize("profile", [adobe_rgb_profile, prophoto_profile])
def test_other_profiles_are_shown_in_srgb(profile: object) -> None:
    icc = profile()  # type: ignore[operator]
    photo, layers = _made(np.uint16, icc)
    view = PreviewRenderer(photo, [layers], VIEW, _crop_size(VIEW))
    assert np.abs(view.original.astype(int) - photo.pixels[37:541, 91:600] // 257).mean() > 3
    for edits in DRAGS:
        wanted = to_srgb8(render(photo, [(layers, edits)], VIEW), icc).astype(int)
        difference = np.abs(view.update([edits]) - wanted)
        assert difference.mean() < 0.15 and difference.max() <= 6


def test_long_wandering_does_not_drift() -> None:
    photo, layers = _made(np.uint8)
    box = (200, 180, 400, 330)
    view = PreviewRenderer(photo, [layers], box, _crop_size(box))
    rng = np.random.default_rng(0)
    for _ in range(3 * REFRESH):
        strengths = {name: float(rng.uniform(0, 100)) for name in rng.choice(LAYERS, 2, replace=False)}
        view.update([FaceEdits(Strengths(strengths))])
    fresh = PreviewRenderer(photo, [layers], box, _crop_size(box)).update([FaceEdits()]).astype(int)
    assert np.abs(view.update([FaceEdits()]) - fresh).max() <= 1


def test_two_faces_follow_their_own_edits() -> None:
    photo, first = _made(np.uint8)
    _, face = scene(SIZE, (300, 200, 590, 550), 190.0, grid_width=120)
    second = layers_on(photo, face, seed=5)
    view = PreviewRenderer(photo, [first, second], VIEW, _crop_size(VIEW))
    for pair in ((DRAGS[0], DRAGS[1]), (DRAGS[0], DRAGS[8]), (DRAGS[5], DRAGS[4])):
        wanted = render(photo, [(first, pair[0]), (second, pair[1])], VIEW).astype(int)
        assert np.abs(view.update(pair) - wanted).max() <= 1


def test_a_view_beside_the_face_shows_the_source() -> None:
    photo, layers = _made(np.uint8)
    view = PreviewRenderer(photo, [layers], (0, 0, 60, 40), (60, 40))
    np.testing.assert_array_equal(view.update([FaceEdits()]), photo.pixels[:40, :60])


def test_wrong_views_are_refused_and_building_can_be_cancelled() -> None:
    photo, layers = _made(np.uint8)
    with pytest.raises(ValueError, match="not inside"):
        PreviewRenderer(photo, [layers], (0, 0, SIZE[0] + 1, 10), (10, 10))
    with pytest.raises(ValueError, match="does not fit"):
        PreviewRenderer(photo, [layers], (0, 0, 10, 10), (11, 10))
    with pytest.raises(ValueError, match="edits"):
        PreviewRenderer(photo, [layers], (0, 0, 10, 10), (10, 10)).update([])
    token = CancelToken()
    token.cancel()
    with pytest.raises(Cancelled):
        PreviewRenderer(photo, [layers], VIEW, (50, 50), token)


def test_stacks_add_and_show_what_sixty_fourths_say():
    rng = np.random.default_rng(1)
    total, stack = (rng.integers(-limit, limit, (301, 40, 3)).astype(np.int16) for limit in (30000, 9000))
    part = np.s_[10:211, 3:30]
    out = np.full(total.shape, 7, np.uint8)
    to_bytes(total[part], stack[part], 0.61, out=out[part])
    mixed = np.rint(total[part] + 0.61 * stack[part]).clip(-32768, 32767)
    np.testing.assert_array_equal(out[part], np.rint(mixed / 64).clip(0, 255))
    assert (out[:10] == 7).all() and (out[:, :3] == 7).all() and (out[211:] == 7).all()
    np.testing.assert_array_equal(to_bytes(total), np.rint(total / 64).clip(0, 255))
    moved = total.copy()
    add(moved[part], stack[part], -0.4)
    np.testing.assert_array_equal(moved[part], np.rint(total[part] - 0.4 * stack[part]).clip(-32768, 32767))
    np.testing.assert_array_equal(moved[211:], total[211:])

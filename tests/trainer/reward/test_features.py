"""Features of drawn faces: what was done is what is measured, where it was done."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import cv2
import numpy as np
import pytest

from engine.policies.base import Condition
from engine.session import RetouchSession
from engine.types import F32, FaceAnalysis, FaceGrid, Photo, Pixels
from tests.helpers.faces import SPOTS, synthetic_face
from tests.helpers.fake_policy import FakePolicy
from tests.helpers.photographers import TASTES
from trainer.reward.features import DIMENSION_OF, NAMES, UNCHANGED, FeatureMeter, OtherPhotoError, learning_grid
from trainer.reward.measuring import OpenFace
from trainer.reward.regional import PARTS

SIZE, WIDTH = (640, 520), 330.0


@pytest.fixture(scope="module")
def drawn() -> tuple[Photo, FaceAnalysis]:
    return synthetic_face(SIZE, width=WIDTH)


@pytest.fixture(scope="module")
def meter(drawn: tuple[Photo, FaceAnalysis]) -> FeatureMeter:
    return FeatureMeter(*drawn, marks=())


def mask(face: FaceAnalysis, *names: str) -> F32:
    """(H, W, 1) a region on the whole photo."""
    whole = np.zeros(SIZE, np.float32)
    x0, y0, x1, y1 = face.grid.box
    whole[y0:y1, x0:x1] = np.max([face.regions[name] for name in names], axis=0)
    return whole[..., None]


def blended(photo: Photo, other: np.ndarray, where: F32) -> Pixels:
    mixed = photo.pixels + (other.astype(np.float32) - photo.pixels) * where
    return np.rint(np.clip(mixed, 0, 255)).astype(np.uint8)


def softened(pixels: Pixels, sigma: float, where: F32) -> np.ndarray:
    """Blurred within a region, so that nothing of lips or hair comes in."""
    weight = where + np.float32(1e-4)
    norm = cv2.GaussianBlur(weight, (0, 0), sigma)[..., None]
    return np.asarray(cv2.GaussianBlur(pixels * weight, (0, 0), sigma) / norm)


def value(features: F32, name: str) -> float:
    return float(features[NAMES.index(name)])


@pytest.mark.parametrize(
    ("change", "same"),
    [
        (lambda pixels: cv2.GaussianBlur(pixels, (0, 0), 1.5), True),
        (lambda pixels: np.rint(255 * (pixels / 255.0) ** 0.6).astype(np.uint8)[..., ::-1], True),
        (lambda pixels: np.roll(pixels, 3, axis=1), True),
        (lambda pixels: pixels[::-1], False),
        (lambda pixels: cv2.resize(pixels[60:-60, 40:-40], pixels.shape[1::-1]), False),
    ],
    ids=["blurred", "graded", "a little moved", "upside down", "cropped"],
)
def test_pictures_of_something_else_are_refused(
    drawn: tuple[Photo, FaceAnalysis], meter: FeatureMeter, change: Callable[[Pixels], Pixels], same: bool
) -> None:
    picture = replace(drawn[0], pixels=np.ascontiguousarray(change(drawn[0].pixels)))
    if same:
        assert np.isfinite(meter.measure_photo(picture)).all()
    else:
        with pytest.raises(OtherPhotoError, match="is no retouch of"):
            meter.measure_photo(picture)


def test_every_feature_belongs_to_a_dimension_and_the_unchanged_picture_is_neutral(
    drawn: tuple[Photo, FaceAnalysis], meter: FeatureMeter
) -> None:
    assert set(DIMENSION_OF) == set(NAMES) and len(UNCHANGED) == len(NAMES)
    assert meter.measure(drawn[0].pixels) == pytest.approx(UNCHANGED, abs=1e-5)
    assert meter.measure_photo(drawn[0]) == pytest.approx(UNCHANGED, abs=1e-5)


@pytest.mark.parametrize("part", ["forehead", "cheeks", "nose"])
def test_smoothing_one_part_is_seen_there_and_not_elsewhere(
    drawn: tuple[Photo, FaceAnalysis], meter: FeatureMeter, part: str
) -> None:
    photo, face = drawn
    where = mask(face, *PARTS[part])
    found = meter.measure(blended(photo, softened(photo.pixels, 4, where), where))
    assert value(found, f"{part}_pores") < -0.5 and value(found, f"{part}_bumps") < -0.1
    others = [value(found, f"{other}_pores") for other in PARTS if other != part]
    assert max(map(abs, others)) < 0.1
    assert value(found, "pore_retention") < 1


@pytest.mark.parametrize("part", list(PARTS))
def test_light_and_warmth_of_one_part(drawn: tuple[Photo, FaceAnalysis], meter: FeatureMeter, part: str) -> None:
    photo, face = drawn
    where = mask(face, *PARTS[part])
    lighter = meter.measure(blended(photo, photo.pixels + np.float32(6), where))
    assert value(lighter, f"{part}_lightness") > 1 and abs(value(lighter, f"{part}_yellow")) < 0.5
    warmer = meter.measure(blended(photo, photo.pixels + np.float32([4, 0, -6]), where))
    assert value(warmer, f"{part}_yellow") > 1.5 and value(warmer, f"{part}_red") > 0.5
    # The drawn regions overlap a little.
    own = value(warmer, f"{part}_yellow")
    assert all(value(warmer, f"{other}_yellow") < own / 2 for other in PARTS if other != part)


def test_spots_that_go_are_seen_by_kind(drawn: tuple[Photo, FaceAnalysis], meter: FeatureMeter) -> None:
    """The painted spots are red; dark ones are added and go again."""
    photo, face = drawn
    clean = synthetic_face(SIZE, width=WIDTH, spots=False)[0]
    assert value(meter.measure(clean.pixels), "red_spots") < -0.2
    ys, xs = np.mgrid[: SIZE[0], : SIZE[1]] + 0.5
    shade = np.ones(SIZE)
    for x, y in np.random.default_rng(0).uniform((-0.3, 0.05), (0.3, 0.25), (25, 2)):
        far = np.hypot((xs - SIZE[1] / 2) / WIDTH - x, (ys - SIZE[0] / 2) / WIDTH - y)
        shade *= 1 - 0.3 * np.exp(-((far / 0.012) ** 2))
    dark = photo.pixels * shade[..., None]
    freckled = replace(photo, pixels=np.rint(dark).astype(np.uint8))
    found = FeatureMeter(freckled, face, ()).measure(photo.pixels)
    assert value(found, "dark_spots") < -0.1 and len(SPOTS) == 3


def test_shine_that_is_taken_away(drawn: tuple[Photo, FaceAnalysis]) -> None:
    photo, face = drawn
    ys, xs = np.mgrid[: SIZE[0], : SIZE[1]] + 0.5
    far2 = ((xs - SIZE[1] / 2) ** 2 + (ys - SIZE[0] / 2 + 0.45 * WIDTH) ** 2) / (0.12 * WIDTH) ** 2
    shining = np.clip(photo.pixels + 45 * np.exp(-far2)[..., None], 0, 255).astype(np.uint8)
    meter = FeatureMeter(replace(photo, pixels=shining), face, ())
    assert value(meter.measure(photo.pixels), "shine") < -2
    assert value(meter.measure(shining), "shine") == 0


def test_what_most_of_a_part_shows_counts_beside_what_its_strongest_edge_does(
    drawn: tuple[Photo, FaceAnalysis],
) -> None:
    """A dark stroke that stays decides the rms of the cheeks; their mean magnitude sees that all else became smooth."""
    photo, face = drawn
    where = mask(face, *PARTS["cheeks"])
    x = np.arange(SIZE[1]) + 0.5 - SIZE[1] / 2
    stroke = 0.5 * np.exp(-(((x - 0.25 * WIDTH) / 2.5) ** 2))[:, None] * where
    smooth = blended(photo, softened(photo.pixels, 8, where), where)
    before, after = (np.rint(pixels * (1 - stroke)).astype(np.uint8) for pixels in (photo.pixels, smooth))
    found = FeatureMeter(replace(photo, pixels=before), face, ()).measure(after)
    assert value(found, "cheeks_mean_bumps") < 2 * value(found, "cheeks_bumps") < 0
    assert abs(value(found, "forehead_mean_bumps")) < 0.05


def test_lifted_shadows_are_seen_apart_from_lights(drawn: tuple[Photo, FaceAnalysis]) -> None:
    photo, face = drawn
    shade = np.where(np.arange(SIZE[1]) < SIZE[1] / 2, 0.6, 1.0)[:, None]
    shaded = replace(photo, pixels=np.rint(photo.pixels * shade).astype(np.uint8))
    meter = FeatureMeter(shaded, face, ())
    lift = np.float32(12) * mask(face, "skin")
    shadows = meter.measure(np.rint(shaded.pixels + lift * (shade < 1)).astype(np.uint8))
    lights = meter.measure(np.rint(shaded.pixels + lift * (shade == 1)).astype(np.uint8))
    assert value(shadows, "shadow_lightness") > 3 and abs(value(lights, "shadow_lightness")) < 0.5
    assert value(shadows, "tone_lightness") == pytest.approx(value(lights, "tone_lightness"), rel=0.4)


def test_sides_of_a_face_that_come_closer_are_seen_wherever_the_light_is(drawn: tuple[Photo, FaceAnalysis]) -> None:
    photo, face = drawn
    columns = np.arange(SIZE[1])
    for dark in (columns < SIZE[1] / 2, columns >= SIZE[1] / 2):
        lit = replace(photo, pixels=np.rint(photo.pixels * np.where(dark, 0.6, 1.0)[:, None]).astype(np.uint8))
        meter = FeatureMeter(lit, face, ())
        lift = np.float32(12) * mask(face, "skin")
        closer, apart, all_over = (
            meter.measure(np.rint(lit.pixels + lift * where[:, None]).astype(np.uint8))
            for where in (dark, ~dark, np.ones_like(dark))
        )
        assert value(closer, "side_contrast") < -3 and value(apart, "side_contrast") > 3
        assert abs(value(all_over, "side_contrast")) < 1
        assert value(closer, "shadow_lightness") == pytest.approx(-value(closer, "side_contrast"), rel=0.1)


def test_large_faces_are_reduced_and_small_ones_left() -> None:
    _, small = synthetic_face()
    face = replace(small, width=1000.0, grid=FaceGrid((100, 50, 1340, 1610), (780, 620)))
    grid = learning_grid(face)
    assert grid.box == face.grid.box and face.width * grid.scale[0] == pytest.approx(480, rel=0.01)
    assert learning_grid(small).scale == (1.0, 1.0)


def test_the_simulated_photographers_see_what_their_names_say(drawn: tuple[Photo, FaceAnalysis]) -> None:
    """Each prefers the picture that was changed as it likes."""
    photo, face = drawn
    before, skin = photo.pixels, mask(face, "skin")
    masks = {name: mask(face, name)[..., 0] for name in ("skin", "forehead", "nose", "cheeks", "under_eyes")}
    soft = cv2.GaussianBlur(before, (0, 0), 4)
    smooth = blended(photo, soft, skin)
    half = blended(photo, soft, 0.4 * skin)
    pairs = {
        "texture": (before, smooth),
        "clean": (smooth, before),
        "removes_freckles": (synthetic_face(SIZE, width=WIDTH, spots=False)[0].pixels, before),
        "warm": (blended(photo, before + np.float32([5, 0, -5]), skin), before),
        "shine_free": (np.minimum(before, np.uint8(np.percentile(before, 90))), before),
        "smooth_cheeks_only": (
            blended(photo, soft, mask(face, "cheeks")),
            blended(photo, soft, mask(face, "forehead")),
        ),
        "bright_eyes": (blended(photo, before + np.float32(8), mask(face, "under_eyes")), before),
        "natural": (before, smooth),
        "half_way": (half, blended(photo, cv2.GaussianBlur(before, (0, 0), 12), skin)),
        "even_colour": (synthetic_face(SIZE, width=WIDTH, spots=False)[0].pixels, before),
        "sculpted": (before, blended(photo, cv2.GaussianBlur(before, (0, 0), WIDTH / 4), skin)),
        "pale": (blended(photo, (before + before.mean(-1, keepdims=True)) / 2, skin), before),
        "matte_forehead": (blended(photo, before - np.float32(8), mask(face, "forehead")), before),
        "lifted": (blended(photo, before + np.float32(8), skin), before),
        "matte_forehead_only": (blended(photo, before - np.float32(8), mask(face, "forehead")), before),
        "warm_with_shadows": (
            blended(photo, before + np.float32([5, 0, -5]), skin),
            blended(photo, before + np.float32([25, 20, 15]), mask(face, "under_eyes")),
        ),
        "blemishes_only": (synthetic_face(SIZE, width=WIDTH, spots=False)[0].pixels, smooth),
        "calm_nose": (blended(photo, before + np.float32([-6, 3, 0]), mask(face, "nose")), before),
    }
    assert set(pairs) == set(TASTES)
    for name, (liked, other) in pairs.items():
        taste = TASTES[name]
        assert taste(before, liked, masks, WIDTH) > taste(before, other, masks, WIDTH), name


def test_skin_that_a_policy_finds_under_marks_counts_wherever_a_picture_is_measured(
    drawn: tuple[Photo, FaceAnalysis], monkeypatch: pytest.MonkeyPatch
) -> None:
    photo, face = drawn
    finer = replace(face, regions={**face.regions, "skin": face.regions["skin"] * np.float32(0.5)})
    policy = FakePolicy()
    monkeypatch.setattr(policy, "encode", lambda *_: Condition(finer, None))
    session = RetouchSession(photo)
    session.faces = (face,)
    opened = OpenFace(photo.path, policy, session=session)
    marks = policy.decode(policy.noise(Condition(finer, None), 0), photo, Condition(finer, None)).marks
    darker = (photo.pixels * 0.9).astype(np.uint8)
    assert np.array_equal(opened.measure(darker), FeatureMeter(photo, finer, marks).measure(darker))
    assert not np.array_equal(opened.measure(darker), FeatureMeter(photo, face, marks).measure(darker))

"""Long thin lines: hairs and creases are found, pores, moles and webs of wrinkles are not; healing leaves them."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from engine.imageio.colour import to_lab
from engine.layers.build import build_layers
from engine.layers.lines import SEEN, SURE, long_lines
from engine.layers.render import render
from engine.marks.own import OwnMarks
from engine.types import F32, Decision, FaceAnalysis, FaceEdits, OwnMark, Photo
from tests.helpers.scenes import marks_on, scene, smooth_noise

WIDTH = 400.0
SHAPE = 360, 420
SIZE, BOX = (760, 700), (60, 50, 700, 650)


def skin(seed: int = 0) -> F32:
    """(h, w) L* of skin with pores, rms 1.5."""
    return 65 + 1.5 * smooth_noise(np.random.default_rng(seed), SHAPE, 1.0)


def curve(shape: tuple[int, int], points: np.ndarray, thickness: float = 1.0) -> F32:
    """(h, w) in [0, 1], antialiased."""
    big = np.zeros((4 * shape[0], 4 * shape[1]), np.uint8)
    cv2.polylines(big, [np.rint(4 * points).astype(np.int32)], False, 255, max(1, round(4 * thickness)))
    return np.asarray(cv2.resize(big, shape[::-1], interpolation=cv2.INTER_AREA), np.float32) / 255


def arc(centre: tuple[float, float], radius: float, start: float, stop: float) -> np.ndarray:
    angle = np.linspace(start, stop, 80)
    return np.stack([centre[0] + radius * np.cos(angle), centre[1] + radius * np.sin(angle)], -1)


@pytest.mark.parametrize("sign", [-1, 1])
@pytest.mark.parametrize(
    "points",
    [
        np.array([[60.0, 80.0], [330.0, 270.0]]),
        arc((200, 180), 60, 0.3, 2.8),
        np.array([[40.0, 300.0], [380.0, 300.0]]),
    ],
)
def test_hairs_are_found_all_along_and_pores_are_not(sign: int, points: np.ndarray) -> None:
    drawn = curve(SHAPE, points)
    found = long_lines(skin() + sign * 14 * drawn, np.ones(SHAPE, np.float32), WIDTH)
    near = cv2.dilate((found.labels > 0).astype(np.uint8), np.ones((3, 3))) > 0
    assert near[drawn > 0.5].mean() > 0.9
    far = cv2.distanceTransform((drawn == 0).astype(np.uint8), cv2.DIST_L2, 5) > 8
    assert (found.labels[far] > 0).mean() < 0.002
    assert found.strength[found.labels > 0].min() > SEEN and found.strength[far].max() < SURE


def test_skin_moles_and_webs_of_wrinkles_are_no_lines() -> None:
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]]
    mole = np.clip(9 - np.hypot(x - 120, y - 120), 0, 1)
    web = np.zeros(SHAPE, np.float32)
    for place in range(230, 321, 9):
        web += curve(SHAPE, np.array([[place, 60.0], [place + 12, 150.0]]))
        web += curve(SHAPE, np.array([[228.0, place - 170], [330.0, place - 165]]))
    found = long_lines(skin(1) - 25 * mole - 12 * web, np.ones(SHAPE, np.float32), WIDTH)
    assert (found.labels > 0).mean() < 0.1 * (web > 0.5).mean() + 0.002
    assert not long_lines(skin(1), np.zeros(SHAPE, np.float32), WIDTH).labels.any(), "no skin, no lines"


HAIR = arc((380, 210), 150, 0.7, 2.5)
SPOT = 380, 360
"""In source pixels; the hair runs through the spot."""


@pytest.fixture(scope="module")
def haired() -> tuple[Photo, FaceAnalysis, FaceAnalysis, F32, F32]:
    """A red spot with a hair across: photo, its face, the face without the spot, masks (H, W) of hair and spot."""
    photo, face = scene(SIZE, BOX, WIDTH, grid_width=WIDTH)
    hair = curve(SIZE[::-1], HAIR)
    y, x = np.mgrid[: SIZE[1], : SIZE[0]].astype(np.float32)
    spot = np.clip(1.6 - np.hypot(x - SPOT[0], y - SPOT[1]) / 9, 0, 1).astype(np.float32)
    clean = photo.pixels * (1 - 0.3 * hair[..., None])
    marked = clean * (1 - spot[..., None] * np.float32([0.05, 0.3, 0.25]))

    def seen(pixels: np.ndarray) -> FaceAnalysis:
        crop = (pixels[BOX[1] : BOX[3], BOX[0] : BOX[2]] / 255).astype(np.float32)
        return replace(face, lab=to_lab(crop, None))

    return replace(photo, pixels=np.rint(marked).astype(np.uint8)), seen(marked), seen(clean), hair, spot


def contrast(pixels: np.ndarray, hair: F32, where: np.ndarray) -> float:
    """How much darker the hair is than what is up to three pixels beside it, in code values."""
    grey = pixels.astype(np.float32).mean(-1)
    beside = (cv2.dilate(hair, np.ones((7, 7))) > 0) & (cv2.dilate(hair, np.ones((3, 3))) == 0)
    return float(grey[beside & where].mean() - grey[(hair > 0.6) & where].mean())


@pytest.mark.parametrize("wiped", [0.0, 0.6, 1.0])
def test_a_hair_runs_through_a_healed_mark(
    haired: tuple[Photo, FaceAnalysis, FaceAnalysis, F32, F32], wiped: float
) -> None:
    """Whatever share of it a network takes for a part of the mark."""
    photo, face, healed, hair, spot = haired
    mark = replace(marks_on(face, 1)[0][0], id="spot", decision=Decision.REMOVE)
    mask = cv2.dilate((spot > 0).astype(np.float32), np.ones((5, 5)))[BOX[1] : BOX[3], BOX[0] : BOX[2]]
    bald = cv2.inpaint(
        np.rint(healed.lab[..., 0] * 2.55).astype(np.uint8),
        (hair[BOX[1] : BOX[3], BOX[0] : BOX[2]] > 0.05).astype(np.uint8),
        3,
        cv2.INPAINT_TELEA,
    )
    target = healed.lab.copy()
    target[..., 0] += wiped * (bald / np.float32(2.55) - target[..., 0])
    layers = build_layers(photo, face, {}, None, (mark,), target, {"spot": mask})
    out = render(photo, [(layers, FaceEdits())])
    far = cv2.dilate(spot, np.ones((25, 25))) == 0
    there, usual = contrast(out, hair, spot > 0), contrast(photo.pixels, hair, far)
    assert there > (0.75 - 0.45 * wiped) * usual and 0.75 * usual > 15
    assert contrast(out, np.roll(hair, 14, 0), spot > 0) < 0.2 * there, "and no second one beside it"
    redness = out[..., 0].astype(float) - out[..., 1]
    assert redness[spot > 0.9].mean() == pytest.approx(redness[far & (hair == 0)].mean(), abs=4)


def test_ones_own_brush_takes_a_hair_away(haired: tuple[Photo, FaceAnalysis, FaceAnalysis, F32, F32]) -> None:
    photo, face, _, hair, spot = haired
    nothing = build_layers(photo, face, {}, None, (), face.lab, {})
    own = OwnMark(id="face-1/own-1", points=(tuple(map(float, SPOT)),), radius=16.0)
    edits = FaceEdits(marks=(own,))
    layers = OwnMarks(photo, face).onto(nothing, edits.marks)
    out = render(photo, [(layers, edits)])
    assert abs(contrast(out, hair, spot > 0.9)) < 0.25 * contrast(photo.pixels, hair, cv2.dilate(spot, None) == 0)

"""What of a mark's own texture stays: pores under a flush and creases do, a crust, outlines and what is worn do not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from engine.imageio.colour import luma, to_lab
from engine.layers.bands import PORE_CUT, gaussian
from engine.layers.build import build_layers
from engine.layers.intact import lines_through, sound_texture
from engine.layers.lines import Lines, long_lines
from engine.layers.render import render
from engine.types import F32, Decision, FaceEdits
from tests.helpers.scenes import marks_on, scene, smooth_noise

WIDTH, SIZE, BOX = 400.0, (760, 700), (60, 50, 700, 650)
SHAPE = 300, 300


def disc(shape: tuple[int, int], centre: tuple[float, float], radius: float, soft: float) -> F32:
    """(h, w) in [0, 1]; centre: x, y."""
    y, x = np.mgrid[: shape[0], : shape[1]].astype(np.float32)
    return np.clip((radius - np.hypot(x - centre[0], y - centre[1])) / soft + 0.5, 0, 1).astype(np.float32)


def fine(seed: int) -> F32:
    """(3, h, w) pores, rms 1 in luma, redder where they are darker."""
    pores = smooth_noise(np.random.default_rng(seed), SHAPE, 1.0)
    return (pores * np.float32([0.6, 1.1, 1.2])[:, None, None]).astype(np.float32)


@pytest.mark.parametrize(
    ("strength", "wiped", "stays"),
    [
        (1.0, 0.0, 1.0),
        (1.0, 0.2, 1.0),
        (1.0, 0.8, 0.0),
        (2.5, 0.0, 0.0),
        (2.5, 0.6, 0.0),
        (0.5, 0.0, 1.0),
        (0.15, 0.0, 0.0),
    ],
)
def test_texture_is_sound_that_is_much_as_around_and_that_healing_leaves(
    strength: float, wiped: float, stays: float
) -> None:
    mark = disc(SHAPE, (150, 150), 30, 1)
    own = fine(0) * (1 + (strength - 1) * mark)
    own[2] += 2 * mark * smooth_noise(np.random.default_rng(5), SHAPE, 1.0)  # yellow of its own
    found = sound_texture(own, -wiped * luma(own) * mark, 1 - mark, WIDTH)
    middle = np.s_[140:160, 140:160]
    assert found.share[middle].mean() == pytest.approx(stays, abs=0.12)
    assert found.gain[middle].mean() == pytest.approx(
        np.clip(min(strength, 1) / (strength * (1 - wiped)), 1, 1.5), rel=0.1
    )
    assert found.share[:60].mean() > 0.9, "where no mark is, all is sound"
    np.testing.assert_allclose(found.colour, fine(0)[:, 0, 0] / luma(fine(0)[:, 0, 0]), rtol=0.02)


def test_in_gloss_a_mark_is_as_rough_as_the_gloss() -> None:
    """Though gloss is far rougher than the rest of the face, and hardly wider than the mark."""
    gloss, mark = disc(SHAPE, (150, 150), 22, 1), disc(SHAPE, (150, 150), 8, 1)
    healing, shares = np.zeros(SHAPE, np.float32), []
    for seed in range(5):
        found = sound_texture(fine(seed) * (1 + 2 * gloss), healing, 1 - mark, WIDTH)
        shares.append(found.share[145:155, 145:155].mean())
    assert np.mean(shares) > 0.7


@pytest.mark.parametrize("radius", [6, 15, 30])
def test_a_crust_that_reaches_beyond_its_mask_is_none_of_the_skin_around(radius: int) -> None:
    crust, mark = (disc(SHAPE, (150, 150), r, 1) for r in (radius + 2, radius))
    healing, shares = np.zeros(SHAPE, np.float32), []
    for seed in range(5):
        found = sound_texture(fine(seed) * (1 + crust), healing, 1 - mark, WIDTH)
        shares.append(found.share[mark > 0.5].mean())
    assert np.mean(shares) < 0.2


def test_the_colour_of_a_pale_head_goes_with_the_mark() -> None:
    """Whatever of it is as fine as pores."""
    photo, face = scene(SIZE, BOX, WIDTH, grid_width=WIDTH)
    head = disc(SIZE[::-1], (380, 360), 4, 3)
    marked = np.clip(photo.pixels / 255 + head[..., None] * np.float32([0.02, 0.0, -0.3]), 0, 1)
    taken = replace(photo, pixels=np.rint(marked * 255).astype(np.uint8))
    seen = replace(face, lab=to_lab(marked[BOX[1] : BOX[3], BOX[0] : BOX[2]].astype(np.float32), None))
    mask = disc(SIZE[::-1], (380, 360), 20, 3)[BOX[1] : BOX[3], BOX[0] : BOX[2]]
    mark = replace(marks_on(face, 1)[0][0], id="spot", decision=Decision.REMOVE)
    finest = seen.lab - gaussian(seen.lab, 1)  # which healing leaves where it is
    healed = np.where(mask[..., None] > 0, gaussian(face.lab, 1) + finest, seen.lab)
    layers = build_layers(taken, seen, {}, None, (mark,), healed.astype(np.float32), {"spot": mask})
    out = render(taken, [(layers, FaceEdits())])
    yellow = [p[..., 1].astype(float) - p[..., 2] for p in (photo.pixels, taken.pixels, out)]
    before, left = (each[head > 0.9].mean() - yellow[0][head > 0.9].mean() for each in yellow[1:])
    assert before > 40 and abs(left) < 0.06 * before


def test_the_outline_of_a_mark_on_a_crease_is_no_line() -> None:
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]].astype(np.float32)
    crease = np.exp(-(((x - 150) / 1.2) ** 2))
    outline = np.exp(-(((np.hypot(x - 150, y - 150) - 10) / 1.2) ** 2))
    skin = 60 + smooth_noise(np.random.default_rng(2), SHAPE, 1.0)
    inside = np.hypot(x - 150, y - 150) < 18

    def through(dark: F32) -> F32:
        lines = long_lines((skin - dark).astype(np.float32), np.ones(SHAPE, np.float32), WIDTH)
        return lines_through(lines, ~inside, WIDTH)

    assert through(4 * crease)[inside & (crease > 0.9)].mean() > 0.8
    assert through(np.maximum(4 * crease, 10 * outline))[inside & (outline > 0.9)].mean() < 0.05


def test_of_a_line_that_is_clearer_inside_a_mark_as_much_stays_as_beside_it() -> None:
    lines = Lines(np.zeros(SHAPE, np.int32), np.ones(SHAPE, np.float32))
    lines.labels[149:152, 50:250] = 1
    beside = np.ones(SHAPE, bool)
    beside[:, 140:160] = False
    lines.strength[149:152] = np.where(beside[149:152], 6, 8)
    assert lines_through(lines, beside, WIDTH)[150, 145:155] == pytest.approx(0.75, abs=0.05)


def test_no_line_no_line_through() -> None:
    flat = np.full(SHAPE, 60, np.float32)
    lines = long_lines(flat, np.ones_like(flat), WIDTH)
    assert not lines_through(lines, flat > 0, WIDTH).any()


@pytest.mark.parametrize(("kind", "own"), [("flush", True), ("crust", False)])
def test_a_flush_keeps_its_pores_and_a_crust_gets_others(kind: str, own: bool) -> None:
    photo, face = scene(SIZE, BOX, WIDTH, grid_width=WIDTH)
    spot = disc(SIZE[::-1], (380, 360), 16, 6 if kind == "flush" else 1)
    change = spot[..., None] * np.float32([0.02, -0.08, -0.06])
    if kind == "crust":
        rough = smooth_noise(np.random.default_rng(3), SIZE[::-1], 1.5)
        change = spot[..., None] * (np.float32([-0.1, -0.16, -0.14]) + 0.06 * rough[..., None])
    marked = np.clip(photo.pixels / 255 + change, 0, 1)
    taken = replace(photo, pixels=np.rint(marked * 255).astype(np.uint8))
    seen = replace(face, lab=to_lab(marked[BOX[1] : BOX[3], BOX[0] : BOX[2]].astype(np.float32), None))
    mark = replace(marks_on(face, 1)[0][0], id="spot", decision=Decision.REMOVE)
    mask = disc(SIZE[::-1], (380, 360), 22, 3)[BOX[1] : BOX[3], BOX[0] : BOX[2]]
    layers = build_layers(taken, seen, {}, None, (mark,), face.lab, {"spot": mask})
    out = render(taken, [(layers, FaceEdits())])
    core = disc(SIZE[::-1], (380, 360), 12, 1) > 0.5
    pores = [
        p - gaussian(p, WIDTH * PORE_CUT) for p in (image.astype(np.float32)[..., 1] for image in (out, photo.pixels))
    ]
    alike = np.corrcoef(pores[0][core], pores[1][core])[0, 1]
    assert alike > 0.9 if own else alike < 0.4
    assert out[core].mean(0) == pytest.approx(photo.pixels[core].mean(0), abs=2.5)

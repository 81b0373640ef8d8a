"""The renderer: bit-identity, tiling, depths, linearity, strengths and decisions."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from engine.layers.bands import PORE_CUT
from engine.layers.build import build_layers
from engine.layers.render import render
from engine.layers.resample import Enlarger
from engine.types import LAYERS, Decision, FaceAnalysis, FaceEdits, Photo, RetouchLayers, Strengths
from tests.helpers.scenes import layers_on, scene

SIZE, BOX, WIDTH = (401, 367), (37, 29, 353, 331), 211.0
Made = tuple[Photo, FaceAnalysis, RetouchLayers]


@pytest.fixture(scope="module", params=[np.uint8, np.uint16], ids=["8 bit", "16 bit"])
def made(request: pytest.FixtureRequest) -> Made:
    photo, face = scene(SIZE, BOX, WIDTH, dtype=request.param, grid_width=150)
    return photo, face, layers_on(photo, face)


def _edits(**strengths: float) -> FaceEdits:
    return FaceEdits(Strengths().with_(**strengths))


def _none_but(name: str, value: float = 50.0, amount: float = 50.0) -> FaceEdits:
    return FaceEdits(Strengths({**dict.fromkeys(LAYERS, 0.0), name: value}, amount))


def test_outside_the_mask_every_bit_stays(made: Made) -> None:
    photo, _, layers = made
    out = render(photo, [(layers, _edits(amount=100, **dict.fromkeys(LAYERS, 100.0)))])
    allowed = np.zeros(photo.pixels.shape[:2], bool)
    x0, y0, x1, y1 = layers.grid.box
    allowed[y0:y1, x0:x1] = Enlarger(layers.grid, cubic=False)(layers.mask, layers.grid.box) > 0
    assert out.dtype == photo.pixels.dtype
    np.testing.assert_array_equal(out[~allowed], photo.pixels[~allowed])
    assert (out[allowed] != photo.pixels[allowed]).mean() > 0.5


def test_a_mask_smaller_than_the_deltas_wins(made: Made) -> None:
    photo, _, layers = made
    mask = layers.mask.copy()
    mask[:, : mask.shape[1] // 2] = 0
    cut = replace(layers, mask=mask)
    out = render(photo, [(cut, FaceEdits())])
    x0, y0, x1, y1 = layers.grid.box
    outside = Enlarger(layers.grid, cubic=False)(mask, layers.grid.box) == 0
    np.testing.assert_array_equal(out[y0:y1, x0:x1][outside], photo.pixels[y0:y1, x0:x1][outside])


@pytest.mark.parametrize("edits", [_edits(amount=0), FaceEdits(enabled=False), _none_but("heal", 0)])
def test_no_strength_changes_no_bit(made: Made, edits: FaceEdits) -> None:
    photo, _, layers = made
    out = render(photo, [(layers, edits)])
    np.testing.assert_array_equal(out, photo.pixels)
    assert not np.shares_memory(out, photo.pixels)


def test_tiles_equal_the_whole_bit_by_bit(made: Made) -> None:
    photo, _, layers = made
    faces = [(layers, _edits(tone=83, texture=97, heal=61))]
    whole = render(photo, faces)
    rng = np.random.default_rng(7)
    for _ in range(20):
        x0, y0 = int(rng.integers(0, SIZE[0] - 1)), int(rng.integers(0, SIZE[1] - 1))
        x1, y1 = int(rng.integers(x0 + 1, SIZE[0] + 1)), int(rng.integers(y0 + 1, SIZE[1] + 1))
        np.testing.assert_array_equal(render(photo, faces, (x0, y0, x1, y1)), whole[y0:y1, x0:x1])
    tiled = np.zeros_like(whole)
    for y in range(0, SIZE[1], 53):
        for x in range(0, SIZE[0], 71):
            box = (x, y, min(x + 71, SIZE[0]), min(y + 53, SIZE[1]))
            tiled[y : box[3], x : box[2]] = render(photo, faces, box)
    np.testing.assert_array_equal(tiled, whole)


def test_a_face_at_the_photo_edge_tiles_too() -> None:
    photo, face = scene((199, 211), (0, 0, 199, 211), 140.0, grid_width=100)
    skin = np.ones(face.grid.shape, np.float32)
    layers = layers_on(photo, replace(face, regions={**face.regions, "skin": skin}))
    whole = render(photo, [(layers, _edits(texture=100))])
    for box in ((0, 0, 1, 1), (0, 0, 7, 211), (190, 200, 199, 211), (3, 1, 198, 5)):
        part = render(photo, [(layers, _edits(texture=100))], box)
        np.testing.assert_array_equal(part, whole[box[1] : box[3], box[0] : box[2]])


def test_the_result_is_the_rounded_sum_of_source_and_delta(made: Made) -> None:
    """Against float64 arithmetic written out, with the enlarged delta as the only shared part."""
    photo, _, layers = made
    out = render(photo, [(layers, _none_but("tone", 80))])
    x0, y0, x1, y1 = layers.grid.box
    full = np.iinfo(photo.pixels.dtype).max
    tone = np.moveaxis(layers.deltas["tone"], -1, 0)
    delta = np.moveaxis(Enlarger(layers.grid, cubic=True)(tone, layers.grid.box), 0, -1).astype(np.float64)
    gate = np.minimum(1, 4 * Enlarger(layers.grid, cubic=False)(layers.mask, layers.grid.box))[..., None]
    wanted = np.clip(photo.pixels[y0:y1, x0:x1] + 1.6 * full * delta * gate, 0, full)
    assert np.abs(out[y0:y1, x0:x1] - wanted).max() <= 0.5 + 1e-6 * full


def test_the_texture_layer_scales_the_pore_band(made: Made) -> None:
    photo, face, layers = made
    out = render(photo, [(layers, _none_but("texture", 100))]).astype(np.float64)
    source = photo.pixels.astype(np.float64)
    low = gaussian_filter(source, (WIDTH * PORE_CUT, WIDTH * PORE_CUT, 0), mode="reflect")
    inner = np.s_[130:230, 130:260]
    wanted = source + 2 * 0.1 * (source - low)
    step = np.iinfo(photo.pixels.dtype).max / 255
    assert np.abs(out - wanted)[inner].max() <= 0.5 + 0.1 * step
    assert face.regions["skin"].max() == 1


def test_deltas_are_linear_in_strength_and_amount(made: Made) -> None:
    photo, _, layers = made
    once, twice, amount, both = (
        render(photo, [(layers, edits)]).astype(np.int64) - photo.pixels
        for edits in (
            _none_but("light", 25),
            _none_but("light", 50),
            _none_but("light", 50, amount=25),
            FaceEdits(Strengths({**dict.fromkeys(LAYERS, 0.0), "light": 25, "shine": 25})),
        )
    )
    shine = render(photo, [(layers, _none_but("shine", 25))]).astype(np.int64) - photo.pixels
    assert np.abs(2 * once - twice).max() <= 1
    np.testing.assert_array_equal(once, amount)
    assert np.abs(once + shine - both).max() <= 1


def test_healing_stops_at_complete(made: Made) -> None:
    photo, _, layers = made
    full, twice, half = (render(photo, [(layers, _none_but("heal", value))]) for value in (50, 100, 25))
    np.testing.assert_array_equal(full, twice)
    assert (full != half).any() and (half != photo.pixels).any()


def test_a_flipped_decision_changes_its_mark_and_nothing_else(made: Made) -> None:
    photo, _, layers = made
    ledger = {mark.id: mark for mark in layers.marks}
    patch = next(p for p in layers.patches if ledger[p.mark_id].decision is Decision.KEEP)
    before = render(photo, [(layers, FaceEdits())])
    after = render(photo, [(layers, FaceEdits(decisions={patch.mark_id: Decision.REMOVE}))])
    x0, y0, x1, y1 = patch.box
    assert (before != after)[y0:y1, x0:x1].any()
    rest = np.ones(before.shape[:2], bool)
    rest[y0:y1, x0:x1] = False
    np.testing.assert_array_equal(before[rest], after[rest])
    everything_kept = {mark.id: Decision.KEEP for mark in layers.marks}
    kept = render(photo, [(layers, replace(_none_but("heal"), decisions=everything_kept))])
    np.testing.assert_array_equal(kept, photo.pixels)


def test_values_are_clipped_and_never_wrap(made: Made) -> None:
    photo, face, _ = made
    for lightness, end in ((90.0, 1), (-90.0, 0)):
        delta = np.asarray([lightness, 0, 0], np.float32) * face.regions["skin"][..., None]
        layers = build_layers(photo, face, {"light": delta}, None, (), face.lab, {})
        out = render(photo, [(layers, replace(_none_but("light", 100, 100), preserve=0))])
        assert (out[180, 195] == end * np.iinfo(out.dtype).max).all()


def test_overlapping_faces_add_up(made: Made) -> None:
    photo, _, layers = made
    edits = _none_but("tone")
    one = render(photo, [(layers, edits)]).astype(np.int64) - photo.pixels
    two = render(photo, [(layers, edits), (layers, edits)]).astype(np.int64) - photo.pixels
    assert np.abs(2 * one - two).max() <= 1


@pytest.mark.parametrize("box", [(0, 0, 0, 5), (-1, 0, 5, 5), (0, 0, SIZE[0] + 1, 5)])
def test_a_box_outside_the_photo_is_an_error(made: Made, box: tuple[int, int, int, int]) -> None:
    with pytest.raises(ValueError, match="not inside"):
        render(made[0], [], box)

"""Regions, brushwork, limits and own marks: linear, seamless, equal in view and export."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from engine.jobs import CancelToken
from engine.layers.areas import ALLOWANCE, PERSONAL, limit_of, painted, weight_of
from engine.layers.brush import coverage, paint
from engine.layers.preview import PreviewRenderer
from engine.layers.render import render
from engine.marks.own import OwnMarks
from engine.metrics.change import changed
from engine.types import (
    LAYERS,
    Brushwork,
    Decision,
    FaceAnalysis,
    FaceEdits,
    FaceGrid,
    OwnMark,
    Photo,
    RetouchLayers,
    Strengths,
)
from tests.helpers.scenes import layers_on, scene

SIZE, FACE_BOX, WIDTH = (401, 357), (31, 23, 361, 337), 217.0
Made = tuple[Photo, FaceAnalysis, RetouchLayers]


@pytest.fixture(scope="module")
def made() -> Made:
    photo, face = scene(SIZE, FACE_BOX, WIDTH, grid_width=160)
    h, w = face.grid.shape
    ramp = np.linspace(0, 1, w, dtype=np.float32) * np.ones((h, 1), np.float32)
    skin = face.regions["skin"]
    regions = {**face.regions, "cheeks": ramp * skin, "chin": (1 - ramp) * skin}
    face = replace(face, regions=regions)
    return photo, face, layers_on(photo, face)


def test_a_region_at_50_is_the_face_and_at_0_the_original(made: Made) -> None:
    photo, _, layers = made
    plain = render(photo, [(layers, FaceEdits())])
    same = render(photo, [(layers, FaceEdits(regions={"cheeks": {"tone": 50.0, "amount": 50.0}}))])
    assert np.abs(same.astype(int) - plain).max() <= 1
    none = {area: {"amount": 0.0} for area in ("cheeks", "chin")}
    bare = render(photo, [(layers, FaceEdits(regions=none))])
    inside = np.s_[150:200, 150:250]  # cheeks and chin cover all of the skin there
    assert np.array_equal(bare[inside], photo.pixels[inside])
    assert changed(photo.pixels[inside], plain[inside]).mean() > 0.5


def test_the_weight_is_the_mix_of_the_parts(made: Made) -> None:
    _, _, layers = made
    edits = FaceEdits(Strengths({"tone": 60}, 25), regions={"cheeks": {"tone": 100.0, "amount": 75.0}})
    weight = weight_of(layers, edits, "tone")
    cheeks = layers.regions["cheeks"]
    assert np.allclose(weight, (1.2 * 0.5) * ((1 - cheeks) + 2 * 1.5 * cheeks), atol=1e-5)
    assert weight_of(layers, edits, "light") == pytest.approx(0.5 * (1 + 0.5 * cheeks), abs=1e-5)


def test_healing_stops_at_complete_in_every_region(made: Made) -> None:
    _, _, layers = made
    edits = FaceEdits(regions={"cheeks": {"heal": 100.0}})
    assert float(np.max(weight_of(layers, edits, "heal"))) == pytest.approx(1)


def test_no_layer_takes_away_more_than_is_there(made: Made) -> None:
    layers = replace(made[2], ceilings={"tone": 1.5, "light": 1.5})
    edits = FaceEdits(Strengths({"tone": 60, "light": 90}), preserve=0, regions={"cheeks": {"tone": 100.0}})
    cheeks = layers.regions["cheeks"]
    assert weight_of(layers, edits, "tone") == pytest.approx(1.2 * (1 - cheeks) + 1.5 * cheeks, abs=1e-5)
    assert weight_of(layers, edits, "light") == pytest.approx(1.5)


@pytest.mark.parametrize("preserve", [10.0, 50.0, 80.0, 100.0])
def test_preserving_bounds_every_value_of_personal_layers(made: Made, preserve: float) -> None:
    _, _, layers = made
    strong = FaceEdits(Strengths(dict.fromkeys(LAYERS, 100.0), 100), regions={"chin": {"amount": 100.0}})
    bound = ALLOWANCE * (100 - preserve) / preserve
    for name in PERSONAL:
        factor = float(np.max(weight_of(layers, replace(strong, preserve=preserve), name)))
        assert factor * np.abs(layers.deltas[name]).max() <= bound * (1 + 1e-5)
    assert limit_of(layers, FaceEdits(preserve=0), "light") == np.inf
    assert weight_of(layers, replace(strong, preserve=100.0), "smooth") == pytest.approx(
        4 * (1 + layers.regions["chin"]), abs=1e-5
    )


def _edits(grid: FaceGrid) -> list[FaceEdits]:
    values = np.full(grid.shape, Brushwork.NEUTRAL, np.uint8)
    values[30:90, 40:120] = 255
    more = Brushwork.of(grid, values)
    values[60:110, 80:140] = 0
    none = Brushwork.of(grid, values)
    return [
        FaceEdits(regions={"cheeks": {"smooth": 100.0, "heal": 20.0}}),
        FaceEdits(Strengths({"tone": 90}), regions={"chin": {"amount": 0.0}}, brushwork={"tone": more}),
        FaceEdits(brushwork={"all": none, "heal": more, "texture": more}),
    ]


@pytest.mark.parametrize("index", range(3))
def test_the_view_is_the_export(made: Made, index: int) -> None:
    photo, _, layers = made
    edits = _edits(layers.grid)[index]
    view = PreviewRenderer(photo, [layers], (0, 0, *SIZE), SIZE, edits=[edits])
    for step in (edits, replace(edits, strengths=Strengths({"tone": 20, "smooth": 80})), edits):
        wanted = render(photo, [(layers, step)]).astype(int)
        assert np.abs(view.update([step]) - wanted).max() <= 1
    assert changed(photo.pixels, render(photo, [(layers, edits)])).any()


def test_a_repainted_view_is_one_made_anew(made: Made) -> None:
    photo, _, layers = made
    _, tone, protected = _edits(layers.grid)
    plain = FaceEdits(decisions={"mark-0": Decision.REMOVE})
    token = CancelToken()
    view = PreviewRenderer(photo, [layers], (0, 0, *SIZE), SIZE, token, [plain])
    before = view.update([plain]).copy()
    steps = [replace(plain, brushwork=tone.brushwork), replace(plain, brushwork=protected.brushwork), plain]
    for edits in steps:
        view = view.repainted([edits], token)
        anew = PreviewRenderer(photo, [layers], (0, 0, *SIZE), SIZE, token, [edits])
        assert np.abs(view.update([edits]).astype(int) - anew.update([edits])).max() <= 1
        kept = replace(edits, decisions={"mark-0": Decision.KEEP})
        assert np.abs(view.update([kept]).astype(int) - anew.update([kept])).max() <= 1
    assert np.abs(view.update([plain]).astype(int) - before).max() <= 1


def test_what_is_protected_keeps_every_bit(made: Made) -> None:
    photo, _, layers = made
    nothing = Brushwork.of(layers.grid, np.zeros(layers.grid.shape, np.uint8))
    assert np.array_equal(render(photo, [(layers, FaceEdits(brushwork={"all": nothing}))]), photo.pixels)


def test_brushwork_follows_its_place_to_another_grid() -> None:
    old, new = FaceGrid((10, 20, 110, 120), (50, 50)), FaceGrid((30, 20, 130, 120), (100, 100))
    values = np.full(old.shape, Brushwork.NEUTRAL, np.uint8)
    values[:, 25:] = 0  # source x ≥ 60
    factor = painted(Brushwork.of(old, values), new)
    assert (factor[:, :28] == 1).all() and (factor[10:90, 32:75] == 0).all()
    assert (factor[:, 85:] == 1).all(), "outside the old grid nothing was painted"


def spotted(made: Made, *spots: tuple[float, float]) -> Made:
    """The scene with red spots of radius 5."""
    import cv2

    from engine.imageio.colour import to_lab

    photo, face, layers = made
    pixels = photo.pixels.copy()
    yy, xx = np.mgrid[: SIZE[1], : SIZE[0]]
    for x, y in spots:
        pixels[np.hypot(xx + 0.5 - x, yy + 0.5 - y) < 5] = (90, 40, 40)
    x0, y0, x1, y1 = face.grid.box
    crop = pixels[y0:y1, x0:x1].astype(np.float32) / 255
    small = cv2.resize(crop, face.grid.shape[::-1], interpolation=cv2.INTER_AREA)
    return replace(photo, pixels=pixels), replace(face, lab=to_lab(np.asarray(small, np.float32), None)), layers


def test_what_is_healed_beside_a_healed_spot_takes_nothing_of_it(made: Made) -> None:
    places = ((196.0, 180.0), (206.0, 180.0))
    photo, face, layers = spotted(made, *places)
    marks = [OwnMark(f"own-{i}", (place,), 6.5) for i, place in enumerate(places)]
    healed = OwnMarks(photo, face).onto(layers, marks)
    off = Strengths({**dict.fromkeys(LAYERS, 0.0), "heal": 50.0})
    decisions = {mark.id: Decision.KEEP for mark in layers.marks}
    out = render(photo, [(healed, FaceEdits(off, decisions, marks=tuple(marks)))])
    yy, xx = np.mgrid[: SIZE[1], : SIZE[0]]
    last = np.hypot(xx + 0.5 - 206, yy + 0.5 - 180) < 5
    assert np.abs(out[last].mean(0) - made[0].pixels[last].mean(0)).max() < 6


def test_an_own_mark_heals_its_spot_and_nothing_else(made: Made) -> None:
    photo, face, layers = spotted(made, (200, 180))
    yy, xx = np.mgrid[: SIZE[1], : SIZE[0]]
    off = Strengths({**dict.fromkeys(LAYERS, 0.0), "heal": 50.0})
    decisions = {mark.id: Decision.KEEP for mark in layers.marks}
    own = OwnMark("own-1", ((200.0, 180.0),), 8.0)
    marks = OwnMarks(photo, face)
    healed = marks.onto(layers, [own])
    edits = FaceEdits(off, decisions, marks=(own,))
    out = render(photo, [(healed, edits)])
    around = np.hypot(xx + 0.5 - 200, yy + 0.5 - 180)
    assert np.abs(out[around < 5].mean(0) - made[0].pixels[around < 5].mean(0)).max() < 4
    assert np.array_equal(out[around > 16], photo.pixels[around > 16])
    keep = replace(edits, decisions={**decisions, "own-1": Decision.KEEP})
    assert np.array_equal(render(photo, [(healed, keep)]), photo.pixels)
    outside = OwnMark("own-2", ((2.0, 2.0),), 3.0)
    assert marks.onto(layers, [outside]).marks == layers.marks
    again = marks.onto(layers, [own, outside])
    assert again.marks == healed.marks and again.patches[-1] is healed.patches[-1], "a mark is healed once"
    light = {**layers.deltas, "light": layers.deltas["light"] * 2}
    variation = replace(layers, deltas=light, patches=tuple(replace(each) for each in layers.patches))
    varied = marks.onto(variation, [own])
    assert varied.deltas is light and varied.patches[-1] is healed.patches[-1], "what heals alike is not healed anew"
    flipped = {Decision.REMOVE: Decision.KEEP, Decision.KEEP: Decision.REMOVE}
    first, *others = layers.marks
    other = replace(layers, marks=(replace(first, decision=flipped[first.decision]), *others))
    assert marks.onto(other, [own]).patches[-1] is not healed.patches[-1]
    moved = tuple(replace(each, delta=each.delta * 2) for each in layers.patches)
    assert marks.onto(replace(layers, patches=moved), [own]).patches[-1] is not healed.patches[-1]
    twice = replace(own, id="own-3")
    both = marks.onto(layers, [own, twice])
    off = render(photo, [(both, replace(edits, marks=(own, twice)))]).astype(np.float32) - out
    assert np.abs(cv2.blur(off, (7, 7))).max() <= 2, (
        "the second lies over the first, and finds nothing to heal but pores"
    )
    only = replace(edits, marks=(own, twice), decisions={**decisions, "own-3": Decision.KEEP})
    assert np.array_equal(render(photo, [(both, only)]), out), "a mark that is kept covers nothing"
    view = PreviewRenderer(photo, [both], (0, 0, *photo.size), photo.size)
    for mine in (edits, only):
        assert np.abs(view.update([mine]).astype(int) - render(photo, [(both, mine)])).max() <= 1


@pytest.mark.parametrize(
    "points", [[(20.5, 30.5)], [(2.0, 1.0), (60.0, 70.0)], [(-5.0, 40.0), (96.0, 44.0)], [(300.0, 9.0)]]
)
def test_a_stroke_is_painted_as_if_the_whole_face_were_covered(
    points: list[tuple[float, float]],
) -> None:
    values = np.random.default_rng(3).integers(0, 256, (101, 83)).astype(np.uint8)
    line = np.asarray(points, np.float32)
    cover = coverage(values.shape, line, 7.3) * np.float32(0.6)
    whole = np.rint(values + cover * (255 - values)).astype(np.uint8)
    assert np.array_equal(paint(values, line, 7.3, 255, 0.6), whole)

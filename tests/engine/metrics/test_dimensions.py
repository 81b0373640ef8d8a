"""The five dimensions on a painted face whose changes are known in closed form."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from engine.layers.bands import masked_gaussian
from engine.metrics.dimensions import DIMENSIONS, PairMeasures, PairMeter, as_dict, measure_pair
from engine.types import F32, Decision, FaceAnalysis, Mark, MarkKind
from tests.helpers.faces import SPOTS, synthetic_face

SIZE, WIDTH = (520, 430), 300.0


@pytest.fixture(scope="module")
def face() -> FaceAnalysis:
    return synthetic_face(SIZE, width=WIDTH)[1]


@pytest.fixture(scope="module")
def marks() -> tuple[Mark, ...]:
    """The three painted spots: two to remove, one to keep."""
    found = []
    for number, (x, y, radius) in enumerate(SPOTS):
        centre = (SIZE[1] / 2 + x * WIDTH, SIZE[0] / 2 + y * WIDTH)
        keep = number == 2
        kind, decision = (MarkKind.MOLE, Decision.KEEP) if keep else (MarkKind.BLEMISH, Decision.REMOVE)
        found.append(Mark(f"m{number}", centre, radius * WIDTH, 10.0, kind, 0.9, decision))
    return tuple(found)


def _without(face: FaceAnalysis, share: float, which: tuple[int, ...]) -> F32:
    """The face with `share` of the spots' colour taken away; the spots are found by painting the face without them."""
    plain = synthetic_face(SIZE, width=WIDTH, spots=False)[1].lab
    near = np.zeros(face.lab.shape[:2], bool)
    rows, columns = np.mgrid[: near.shape[0], : near.shape[1]] + 0.5
    for number in which:
        x, y, radius = SPOTS[number]
        place = face.grid.to_grid(np.float32([[SIZE[1] / 2 + x * WIDTH, SIZE[0] / 2 + y * WIDTH]]))[0]
        near |= np.hypot(columns - place[0], rows - place[1]) < 4 * radius * WIDTH
    return np.where(near[..., None], face.lab + share * (plain - face.lab), face.lab).astype(np.float32)


def test_an_unchanged_picture_has_neutral_measures(face: FaceAnalysis, marks: tuple[Mark, ...]) -> None:
    same = measure_pair(face, face.lab, face.lab.copy(), marks)
    for name, meaning in PairMeasures.meanings().items():
        value = getattr(same, name)
        if meaning.dimension != "face" and name not in ("blemish_left", "blemish_worst") and np.isfinite(value):
            assert value == pytest.approx(meaning.neutral, abs=1e-6), name


def test_the_vector_is_named_ordered_finite_and_documented(face: FaceAnalysis) -> None:
    measured = measure_pair(face, face.lab, face.lab)
    assert len(measured.vector()) == len(PairMeasures.names()) == len(PairMeasures.meanings())
    assert np.isfinite(measured.vector()).all()
    assert np.isnan(measured.blemish_removed) and as_dict(measured)["blemish_removed"] is None
    assert measured.vector()[PairMeasures.names().index("kept_contrast")] == 1
    order = [DIMENSIONS.index(meaning.dimension) for meaning in PairMeasures.meanings().values()]
    assert order == sorted(order) and set(order) == set(range(len(DIMENSIONS)))


@pytest.mark.parametrize("share", [0.5, 1.0])
def test_marks_that_fade_are_removed_by_that_share(face: FaceAnalysis, marks: tuple[Mark, ...], share: float) -> None:
    measured = measure_pair(face, face.lab, _without(face, share, (0, 1)), marks)
    assert measured.blemish_removed == pytest.approx(share, abs=0.06)
    assert (measured.kept_contrast, measured.kept_survival) == (pytest.approx(1), 1)
    before = measure_pair(face, face.lab, face.lab, marks).blemish_left
    assert measured.blemish_left == pytest.approx((1 - share) * before, abs=0.8)


def test_a_mole_that_fades_does_not_survive(face: FaceAnalysis, marks: tuple[Mark, ...]) -> None:
    measured = measure_pair(face, face.lab, _without(face, 0.4, (2,)), marks)
    assert measured.kept_contrast == pytest.approx(0.6, abs=0.05)
    assert measured.kept_survival == 0 and measured.blemish_removed == pytest.approx(0, abs=1e-6)


def test_a_mark_turned_into_its_opposite_is_not_removed(face: FaceAnalysis, marks: tuple[Mark, ...]) -> None:
    measured = measure_pair(face, face.lab, _without(face, 2.0, (0, 1)), marks)
    assert measured.blemish_removed == pytest.approx(0, abs=0.1)


def test_tone_seam_and_under_eyes_take_constant_shifts_apart(face: FaceAnalysis) -> None:
    neck = np.zeros_like(face.regions["skin"])
    neck[int(len(neck) * 0.75) :] = face.regions["skin"][int(len(neck) * 0.75) :]
    face = replace(face, regions={**face.regions, "neck": neck})
    shift = np.float32([1.5, -0.75, 0.5])
    everywhere = measure_pair(face, face.lab, face.lab + shift)
    assert (everywhere.tone_lightness, everywhere.tone_a, everywhere.tone_b) == pytest.approx(shift, abs=1e-3)
    assert everywhere.seam == pytest.approx(0, abs=1e-3) and everywhere.under_eye_lift == pytest.approx(0, abs=1e-3)
    assert everywhere.pore_retention == pytest.approx(1, abs=1e-3)
    above = measure_pair(face, face.lab, face.lab + shift * (neck <= 0.5)[..., None])
    assert above.seam == pytest.approx(float(np.linalg.norm(shift)), rel=0.02)
    under = (face.regions["under_eyes"] > 0)[..., None] * np.float32([2, 0, 0])
    # The painted cheeks reach a little under the eyes.
    assert measure_pair(face, face.lab, face.lab + under).under_eye_lift == pytest.approx(2, abs=0.1)


def test_each_band_is_retained_by_its_own_gain(face: FaceAnalysis) -> None:
    """White pores halved: the finest band halves, form and colour stay."""
    light = face.lab[..., 0]
    fine = light - masked_gaussian(light, 2.0, face.regions["skin"])
    softer = face.lab.copy()
    softer[..., 0] -= 0.5 * fine
    measured = measure_pair(face, face.lab, softer)
    assert measured.pore_retention == pytest.approx(0.5, abs=0.05)
    assert measured.noise == pytest.approx(0.5, abs=0.03)
    assert measured.colour_retention == pytest.approx(1, abs=1e-6)
    assert measured.blotch_retention == pytest.approx(1, abs=0.02)


def test_a_changed_feature_is_seen_outside_the_skin_only(face: FaceAnalysis) -> None:
    after = face.lab.copy()
    after[face.regions["skin"] <= 0] += np.float32([3, 0, 0])
    measured = measure_pair(face, face.lab, after)
    assert measured.outside_change > 2 and measured.tone_change == pytest.approx(0, abs=1e-3)


def test_blur_lowers_sharpness_and_raises_perceptual_blur(face: FaceAnalysis) -> None:
    after = np.stack([gaussian_filter(face.lab[..., c], 1.2) for c in range(3)], -1)
    measured = measure_pair(face, face.lab, after)
    assert measured.feature_sharpness < 0.8 and measured.hair_sharpness < 0.8 and measured.blur > 0.1


def test_a_meter_is_asked_often_and_shapes_must_fit(face: FaceAnalysis, marks: tuple[Mark, ...]) -> None:
    meter = PairMeter(face, face.lab, marks)
    after = _without(face, 1.0, (0,))
    first = meter.measure(after)
    meter.measure(face.lab)
    assert np.array_equal(first.vector(), meter.measure(after).vector())
    assert np.array_equal(first.vector(), measure_pair(face, face.lab, after, marks).vector())
    with pytest.raises(ValueError, match="Cannot compare"):
        meter.measure(after[1:])
    with pytest.raises(ValueError, match="does not lie on"):
        PairMeter(face, face.lab[1:], marks)

"""Spots found without a network on a painted face whose spots are known."""

from __future__ import annotations

import numpy as np
import pytest

from engine.metrics.marks import contrast_left, probes
from engine.metrics.spots import agreed, find_spots
from engine.types import F32, Decision, FaceAnalysis, MarkKind
from tests.helpers.faces import synthetic_face

SIZE, WIDTH = (900, 740), 560.0


@pytest.fixture(scope="module")
def plain() -> FaceAnalysis:
    return synthetic_face(SIZE, width=WIDTH, spots=False)[1]


def _painted(face: FaceAnalysis, x: float, y: float, radius: float, change: tuple[float, float, float]) -> F32:
    """A Gaussian spot of `radius` (share of W) at a place (shares of W from the middle), added to L*a*b*."""
    place = face.grid.to_grid(np.float32([[SIZE[1] / 2 + x * WIDTH, SIZE[0] / 2 + y * WIDTH]]))[0]
    rows, columns = np.mgrid[: face.lab.shape[0], : face.lab.shape[1]] + 0.5
    blob = np.exp(-((rows - place[1]) ** 2 + (columns - place[0]) ** 2) / (2 * (radius * WIDTH / 1.4) ** 2))
    return (face.lab + blob[..., None] * np.float32(change)).astype(np.float32)


@pytest.mark.parametrize(
    ("change", "kind", "decision"),
    [
        ((-5, 10, 3), MarkKind.BLEMISH, Decision.REMOVE),
        ((-14, 6, 3), MarkKind.DARK_SPOT, Decision.REMOVE),
        ((-18, 2, 2), MarkKind.MOLE, Decision.KEEP),
    ],
)
def test_a_spot_is_found_at_its_place_and_named_by_its_colour(
    plain: FaceAnalysis, change: tuple[float, float, float], kind: MarkKind, decision: Decision
) -> None:
    spots = find_spots(plain, _painted(plain, 0.24, 0.18, 0.011, change), plain.grid)
    assert [(spot.kind, spot.decision) for spot in spots] == [(kind, decision)]
    wanted = SIZE[1] / 2 + 0.24 * WIDTH, SIZE[0] / 2 + 0.18 * WIDTH
    assert np.hypot(*(np.array(spots[0].centre) - wanted)) < 0.004 * WIDTH
    assert 0.5 < spots[0].radius / (0.011 * WIDTH) < 1.7


def test_clean_skin_lines_and_shades_have_no_spots(plain: FaceAnalysis) -> None:
    assert find_spots(plain, plain.lab, plain.grid) == ()
    lab = plain.lab.copy()
    row = int(plain.lab.shape[0] * 0.62)
    lab[row - 2 : row + 3, :, 0] -= 12  # a line across the cheeks
    assert find_spots(plain, lab, plain.grid) == ()


def test_a_spot_is_believed_if_one_result_fades_it(plain: FaceAnalysis) -> None:
    red, brown = (-5.0, 10.0, 3.0), (-18.0, 2.0, 2.0)
    before = _painted(plain, 0.24, 0.18, 0.011, red)
    before = before + _painted(plain, -0.24, 0.18, 0.008, brown) - plain.lab
    faded = _painted(plain, 0.24, 0.18, 0.011, (-1.0, 2.0, 0.6)) + before - _painted(plain, 0.24, 0.18, 0.011, red)
    spots = find_spots(plain, before, plain.grid)
    assert sorted(spot.decision for spot in spots) == [Decision.KEEP, Decision.REMOVE]
    assert agreed(spots, before, [before, faded], plain.grid) == spots
    assert [s.decision for s in agreed(spots, before, [before, before], plain.grid)] == [Decision.KEEP]
    probe = next(p for p in probes(spots, plain.grid) if p.mark.decision is Decision.REMOVE)
    assert contrast_left(probe.difference(before), probe.difference(faded)) == pytest.approx(0.2, abs=0.05)


def test_a_spot_that_may_be_a_mole_is_believed_if_all_results_fade_it(plain: FaceAnalysis) -> None:
    before = _painted(plain, 0.24, 0.18, 0.011, (-14.0, 6.0, 3.0))
    (spot,) = find_spots(plain, before, plain.grid)
    assert (spot.kind, spot.confidence) == (MarkKind.DARK_SPOT, 0.5)
    assert agreed((spot,), before, [before, plain.lab], plain.grid) == ()
    assert agreed((spot,), before, [plain.lab, plain.lab], plain.grid) == (spot,)

"""What each layer takes away and what it leaves: pictures of skin made of known parts."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from engine.layers.bands import band_split
from engine.policies.compact.propose import CARRIED, unit_layers
from engine.types import REGIONS, FaceAnalysis
from tests.helpers.faces import synthetic_face

SIDE = 400
WIDTH = 300.0
Y, X = np.mgrid[:SIDE, :SIDE].astype(np.float32)


def _face(lab: np.ndarray, **regions: np.ndarray) -> FaceAnalysis:
    """A face that is skin all over but for `regions`, W = 300 px on its grid."""
    _, face = synthetic_face((SIDE, SIDE), width=WIDTH)
    planes = {name: np.zeros((SIDE, SIDE), np.float32) for name in REGIONS}
    planes |= {"skin": np.ones((SIDE, SIDE), np.float32), "cheeks": np.ones((SIDE, SIDE), np.float32)} | regions
    grid = replace(face.grid, box=(0, 0, SIDE, SIDE), shape=(SIDE, SIDE))
    return replace(face, grid=grid, width=WIDTH, lab=np.ascontiguousarray(lab, np.float32), regions=planes)


def _skin(light: np.ndarray | float = 60.0, a: np.ndarray | float = 15.0, b: np.ndarray | float = 18.0) -> np.ndarray:
    return np.stack([np.broadcast_to(np.float32(c), (SIDE, SIDE)) for c in (light, a, b)], -1)


def _spot(sigma: float, x: float = 200, y: float = 200) -> np.ndarray:
    return np.exp(-((X - x) ** 2 + (Y - y) ** 2) / (2 * sigma**2)).astype(np.float32)


def _units(lab: np.ndarray, **regions: np.ndarray) -> dict[str, np.ndarray]:
    return unit_layers(_face(lab, **regions), lab)


def test_even_skin_is_left_alone_by_every_layer() -> None:
    for name, delta in _units(_skin()).items():
        assert np.abs(delta).max() < 0.02, name


def test_a_slope_of_light_is_form_up_to_the_border_of_the_skin() -> None:
    """30 L* across the face, on a disc of skin: nothing of it may look like blotch, bump or shine."""
    disc = ((X - 200) ** 2 + (Y - 200) ** 2 < 130**2).astype(np.float32)
    light = np.where(disc > 0, 45 + 30 * X / SIDE, 5).astype(np.float32)
    lab = _skin(light, 15 * light / 60, 18 * light / 60)
    for name, delta in _units(lab, skin=disc, cheeks=disc).items():
        if name != "features":
            assert np.abs(delta[disc > 0]).max() < 1.0, name
    bands = band_split(lab, WIDTH, disc)
    assert np.abs(bands.blotch[disc > 0]).max() < 0.8


@pytest.mark.parametrize(("size", "layer"), [(WIDTH / 110, "smooth"), (WIDTH / 26, "light")])
def test_faint_spots_of_light_go_and_strong_ones_stay(size: float, layer: str) -> None:
    faint, strong = (_units(_skin(60 - c * _spot(size)))[layer][200, 200, 0] for c in (1.5, 20.0))
    assert 0.3 < faint < 1.5
    assert 0 <= strong < 0.12 * 20


def test_redness_goes_towards_the_faces_own_colour_and_gets_its_light_back() -> None:
    red = _skin(a=15 + 6 * _spot(40))
    tone = _units(red)["tone"][200, 200]
    assert -6 < tone[1] < -1.5
    assert tone[0] == pytest.approx(-0.4 * tone[1], rel=0.6)
    far = _units(red)["tone"][30, 30]
    assert np.abs(far).max() < 0.3


def test_coloured_light_from_one_side_is_not_taken_for_redness() -> None:
    lit = _skin(a=np.where(X < 200, 15, 60))
    flushed = _skin(a=15 + 5 * _spot(40))
    assert np.abs(_units(lit)["tone"][200, 350]).max() < np.abs(_units(flushed)["tone"][200, 200]).max()


def test_gloss_is_paler_than_skin_and_goes_and_diffuse_light_stays() -> None:
    """The same lightness twice: once white added to it (gloss), once with its chroma in proportion (form)."""
    light = 60 + 18 * _spot(25)
    gloss, diffuse = _skin(light), _skin(light, 15 * light / 60, 18 * light / 60)
    down = _units(gloss)["shine"][200, 200]
    assert down[0] < -2 and down[1] > 0 and down[2] > 0
    assert abs(_units(diffuse)["shine"][200, 200, 0]) < 0.15 * abs(down[0])


def test_gloss_on_a_black_and_white_photo_is_what_is_nearly_white() -> None:
    bright, dim = (_units(_skin(base + 18 * _spot(25), 0, 0)) for base in (70, 30))
    assert -4 < bright["shine"][200, 200, 0] < -0.8
    assert dim["shine"][200, 200, 0] == 0
    assert all(np.abs(delta[..., 1:]).max() < 1e-3 for delta in bright.values())


def test_dark_skin_under_an_eye_is_lifted_to_the_cheek_beside_it_and_no_further() -> None:
    """Left cheek at L* 60, right one in shade at 40, both 8 darker under the eye."""
    side = np.where(X < 200, 60.0, 40.0).astype(np.float32)
    under = np.maximum(_spot(22, 90, 200), _spot(22, 310, 200))
    lab = _skin(side - 8 * under)
    delta = _units(lab, under_eyes=(under > 0.3).astype(np.float32), cheeks=(under < 0.05).astype(np.float32))
    for x in (90, 310):
        assert 3 < delta["under_eye"][200, x, 0] < 8
    light = _units(_skin(side + 8 * under), under_eyes=(under > 0.3).astype(np.float32))
    assert np.abs(light["under_eye"]).max() == 0


def test_kept_marks_and_what_is_no_skin_stay() -> None:
    rng = np.random.default_rng(0)
    lab = _skin(60 + rng.normal(size=(SIDE, SIDE)) * 3, 15 + rng.normal(size=(SIDE, SIDE)) * 2)
    kept = (_spot(10) > 0.5).astype(np.float32)
    skin = (X > 60).astype(np.float32)
    face = _face(lab, skin=skin)
    for name, delta in unit_layers(face, lab, kept).items():
        assert not delta[skin == 0].any()
        if name not in CARRIED:
            assert not delta[kept > 0].any()


def test_a_kept_mark_stands_out_as_before_when_gloss_around_it_goes() -> None:
    """It darkens with its skin: neither a bright island nor flattened like the gloss."""
    gloss = _spot(30)
    mole = 12 * _spot(3)
    lab = _skin(60 + 14 * gloss - mole, 15 - 6 * gloss, 18 - 7 * gloss)
    shine = unit_layers(_face(lab), lab, (mole > 1).astype(np.float32))["shine"][..., 0]
    inside, ring = shine[mole > 1], shine[(np.hypot(X - 200, Y - 200) > 10) & (np.hypot(X - 200, Y - 200) < 12)]
    assert ring.mean() < -2
    assert inside.mean() == pytest.approx(ring.mean(), rel=0.1)

"""The classical tools do to skin what they are known for, and nothing elsewhere."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from engine.evaluation.classical import METHODS, retouch
from engine.imageio.colour import to_lab
from engine.metrics.dimensions import measure_pair
from engine.types import F32
from tests.helpers.faces import synthetic_face


def _wave(period: float, size: int = 256) -> F32:
    """A grey grating of the given period in pixels, amplitude 0.1."""
    wave = 0.5 + 0.1 * np.sin(2 * np.pi * np.arange(size) / period)
    return np.repeat(np.repeat(wave[None, :, None], size, 0), 3, 2).astype(np.float32)


def _kept(method: str, period: float, width: float) -> float:
    """Share of a grating's amplitude that a method leaves, away from the border."""
    rgb = _wave(period)
    out = METHODS[method](rgb, np.ones(rgb.shape[:2], np.float32), width)
    inner = np.s_[64:-64, 64:-64, 0]
    return float(out[inner].std() / rgb[inner].std())


@pytest.mark.parametrize("method", ["frequency separation", "wavelet"])
def test_bands_between_pores_and_form_are_lowered(method: str) -> None:
    width = 400.0
    assert _kept(method, 3, width) == pytest.approx(1, abs=0.1)
    assert _kept(method, width / 12, width) < 0.75


def test_a_bilateral_filter_keeps_strong_edges_and_takes_faint_ones() -> None:
    step = np.full((80, 80, 3), 0.3, np.float32)
    step[:, 40:] = 0.8
    faint = np.full((80, 80, 3), 0.50, np.float32)
    faint[:, 40:] = 0.53
    skin = np.ones((80, 80), np.float32)
    for picture, keeps in ((step, True), (faint, False)):
        out = METHODS["bilateral"](picture, skin, 300.0)
        jump, was = out[40, 41, 0] - out[40, 38, 0], picture[40, 41, 0] - picture[40, 38, 0]
        assert (jump > 0.9 * was) == keeps


@pytest.mark.parametrize("method", list(METHODS))
@pytest.mark.parametrize("depth", [8, 16])
def test_only_skin_changes_and_the_photo_s_own_array_stays(method: str, depth: int) -> None:
    photo, face = synthetic_face(depth=depth, grid_scale=1.3)
    untouched = photo.pixels.copy()
    after = retouch(photo, (face,), method)
    assert np.array_equal(photo.pixels, untouched) and after.dtype == photo.pixels.dtype
    x0, y0, x1, y1 = face.grid.box
    outside = np.ones(after.shape[:2], bool)
    outside[y0:y1, x0:x1] = False
    assert np.array_equal(after[outside], photo.pixels[outside])
    face = replace(face, grid=replace(face.grid, shape=(y1 - y0, x1 - x0)), regions=synthetic_face()[1].regions)
    before, lab = (to_lab(np.ascontiguousarray(p[y0:y1, x0:x1]), None) for p in (photo.pixels, after))
    measured = measure_pair(face, before, lab)
    assert measured.bump_retention < 0.95

"""A finished picture → layers, on a painted face whose changes are known."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from engine.faces.analysis import analyse
from engine.faces.grid import grid_pixels
from engine.imageio.colour import from_lab, to_lab
from engine.imageio.read import read_photo
from engine.layers.bands import band_split
from engine.layers.render import render
from engine.layers.split import layers_from_image, register
from engine.metrics.texture import texture_retention
from engine.types import F32, Decision, FaceAnalysis, FaceEdits, Strengths
from tests.helpers.faces import SPOTS, srgb_to_lab, synthetic_face

SIZE, WIDTH = (360, 300), 200.0


def grid_srgb(photo, face: FaceAnalysis) -> F32:  # type: ignore[no-untyped-def]
    x0, y0, x1, y1 = face.grid.box
    return photo.pixels[y0:y1, x0:x1].astype(np.float32) / 255


def painted(**options: bool):  # type: ignore[no-untyped-def]
    return synthetic_face(SIZE, width=WIDTH, **options)


def shifted(image: F32, dx: float, dy: float, scale: float = 1.0) -> F32:
    h, w = image.shape[:2]
    move = np.array([[scale, 0, dx + (1 - scale) * w / 2], [0, scale, dy + (1 - scale) * h / 2]])
    return cv2.warpAffine(image, move, (w, h), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)


def test_the_same_picture_changes_nothing() -> None:
    photo, face = painted()
    layers = layers_from_image(photo, face, grid_srgb(photo, face))
    assert layers.marks == ()
    assert max(float(np.abs(delta).max()) for delta in layers.deltas.values()) < 2e-3
    assert np.array_equal(render(photo, [(layers, FaceEdits())]), photo.pixels)


def test_spots_that_the_picture_lacks_become_marks_that_heal() -> None:
    photo, face = painted()
    clean, _ = painted(spots=False)
    layers = layers_from_image(photo, face, grid_srgb(clean, face))
    centre = np.array([SIZE[1] / 2, SIZE[0] / 2])
    found = np.array([mark.centre for mark in layers.marks])
    wanted = np.array([centre + np.array(spot[:2]) * WIDTH for spot in SPOTS])
    distance = np.hypot(*(found[:, None] - wanted[None]).transpose(2, 0, 1))
    assert distance.shape == (3, 3) and (distance.min(0) < 1.5).all()
    assert all(mark.decision is Decision.REMOVE for mark in layers.marks), "they are red"

    out = render(photo, [(layers, FaceEdits())])
    for x, y in wanted:
        window = np.s_[round(y) - 3 : round(y) + 4, round(x) - 3 : round(x) + 4]
        mean = [srgb_to_lab(image[window] / 255).mean((0, 1)) for image in (photo.pixels, out, clean.pixels)]
        assert np.linalg.norm(mean[1] - mean[2]) < 0.3 * np.linalg.norm(mean[0] - mean[2])
    no_heal = Strengths(dict.fromkeys(layers.deltas, 0.0) | {"heal": 0.0, "texture": 0.0})
    assert np.array_equal(render(photo, [(layers, FaceEdits(no_heal))]), photo.pixels)


def test_brown_spots_are_proposed_as_kept() -> None:
    photo, face = painted(spots=False)
    picture = grid_srgb(photo, face)
    spotted = photo.pixels.astype(np.float32) / 255
    yy, xx = np.mgrid[: SIZE[0], : SIZE[1]]
    falloff = np.exp(-((xx - 110) ** 2 + (yy - 210) ** 2) / (2 * 3.0**2))[..., None]
    spotted = spotted * (1 - falloff) + falloff * np.array([0.33, 0.22, 0.17])
    x0, y0, x1, y1 = face.grid.box
    photo.pixels[:] = np.round(np.clip(spotted, 0, 1) * 255)
    face.lab[:] = srgb_to_lab(photo.pixels[y0:y1, x0:x1] / 255)
    layers = layers_from_image(photo, face, picture)
    (mole,) = layers.marks
    assert np.hypot(mole.centre[0] - 110, mole.centre[1] - 210) < 1.5
    assert mole.decision is Decision.KEEP


def test_form_never_changes() -> None:
    """A picture that is lighter and yellower everywhere, and shaded anew, leaves all layers almost still."""
    photo, face = painted()
    shade = np.linspace(-0.06, 0.06, face.grid.shape[1], dtype=np.float32)[None, :, None]
    layers = layers_from_image(photo, face, np.clip(grid_srgb(photo, face) + 0.05 + shade, 0, 1))
    skin = face.regions["skin"] > 0.9
    assert float(np.abs(sum(layers.deltas.values()))[skin].mean()) < 0.003, "the picture itself changes 0.05 and more"


def test_blotches_go_to_tone_and_light_bumps_to_smooth() -> None:
    photo, face = painted(spots=False)
    skin = face.regions["skin"]
    bands = band_split(face.lab, face.grid_width, skin)
    even = face.lab - (bands.blotch + bands.bump) * skin[..., None]
    picture = _srgb(even)
    layers = layers_from_image(photo, face, picture)
    inner = cv2.erode(skin, np.ones((15, 15))) > 0.9
    total = sum(layers.deltas.values())
    after = srgb_to_lab(np.clip(grid_srgb(photo, face) + total, 0, 1))
    left, wanted = (band_split(lab, face.grid_width, skin) for lab in (after, even))
    for name in ("blotch", "bump"):
        source, result, target = (getattr(b, name)[inner] for b in (bands, left, wanted))
        # Gaussian bands overlap: a band of a band is weaker than the band, so not all of the way is gone.
        assert np.linalg.norm(result - target) < 0.5 * np.linalg.norm(source - target), name
    assert np.abs(left.pore - bands.pore)[inner].mean() < 0.35 * np.abs(bands.pore)[inner].mean()
    assert np.abs(layers.deltas["under_eye"])[face.regions["under_eyes"] == 0].max() == 0


def test_texture_rises_with_the_picture_but_never_falls() -> None:
    photo, face = painted(spots=False)
    skin = face.regions["skin"]
    pore = band_split(face.lab, face.grid_width, skin).pore
    sharper = layers_from_image(photo, face, _srgb(face.lab + 0.8 * pore))
    softer = layers_from_image(photo, face, _srgb(face.lab - 0.8 * pore))
    assert sharper.texture_gain is not None and softer.texture_gain is not None
    inner = cv2.erode(skin, np.ones((15, 15))) > 0.9
    assert sharper.texture_gain.max() <= 0.15 + 1e-6 and sharper.texture_gain[inner].mean() > 0.14
    assert softer.texture_gain.min() >= 0 and softer.texture_gain.max() < 0.01


@pytest.mark.parametrize(("dx", "dy", "scale"), [(2.0, -1.5, 1.0), (-1.3, 2.6, 1.01), (0.4, 0.3, 0.99)])
def test_a_moved_picture_is_registered(dx: float, dy: float, scale: float) -> None:
    photo, face = painted()
    picture = srgb_to_lab(np.clip(shifted(grid_srgb(photo, face), dx, dy, scale), 0, 1))
    inner = np.s_[20:-20, 20:-20]
    # Without pores: resampling twice weakens those whatever the registration.
    before, after = (
        np.abs(cv2.GaussianBlur(lab - face.lab, (0, 0), 1.5))[inner].mean()
        for lab in (picture, register(face.lab, picture, face))
    )
    assert after < 0.1 * before


def test_another_picture_is_left_where_it_is() -> None:
    _, face = painted()
    noise = np.random.default_rng(5).standard_normal(face.lab.shape).astype(np.float32) * 9
    for other in (np.full_like(face.lab, 50), noise, shifted(face.lab, 30, 0)):
        assert register(face.lab, other, face) is other


def test_a_real_models_picture_of_acne_keeps_the_photos_pores(anchors: Path) -> None:
    """The paper's own result for a face with heavy acne loses 40% of its texture; its layers lose a tenth of it."""
    photo, result = (read_photo(anchors / "beautygrpo" / f"3_{kind}.png") for kind in ("input", "beautygrpo"))
    (face,), _ = analyse(photo, embed=False)
    picture = grid_pixels(result, face.grid)
    layers = layers_from_image(photo, face, picture)
    removed = [mark for mark in layers.marks if mark.decision is Decision.REMOVE]
    assert len(removed) > 30
    out = to_lab(grid_pixels(replace(photo, pixels=render(photo, [(layers, FaceEdits())])), face.grid), None)
    skin, width = face.regions["skin"], face.grid_width
    theirs = texture_retention(face.lab, to_lab(picture, None), skin, width)
    ours = texture_retention(face.lab, out, skin, width)
    assert theirs < 0.7 < 0.85 < ours < 1.05


def test_bad_pictures_are_refused() -> None:
    photo, face = painted()
    with pytest.raises(ValueError, match="does not fit"):
        layers_from_image(photo, face, np.zeros((8, 8, 3), np.float32))
    picture = grid_srgb(photo, face)
    picture[3, 3] = np.nan
    with pytest.raises(ValueError, match="not numbers"):
        layers_from_image(photo, face, picture)


def _srgb(lab: F32) -> F32:
    return np.clip(from_lab(lab.astype(np.float32), None), 0, 1)

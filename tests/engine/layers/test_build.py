"""Layers from proposals: exact decoding, sparsity, finite checks, and heal patches."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from engine.errors import ModelCorruptError
from engine.imageio.colour import from_lab
from engine.imageio.profiles import prophoto_profile
from engine.layers.bands import PORE_CUT, gaussian
from engine.layers.build import build_layers
from engine.layers.resample import Enlarger
from engine.types import F32, FaceAnalysis, Photo
from tests.helpers.scenes import layers_on, marks_on, scene, smooth_noise

SIZE, BOX, WIDTH = (397, 359), (37, 29, 353, 331), 211.0


@pytest.fixture(scope="module")
def made() -> tuple[Photo, FaceAnalysis]:
    return scene(SIZE, BOX, WIDTH, grid_width=150)


@pytest.mark.parametrize("icc", [None, "prophoto"])
def test_a_delta_gives_the_colour_that_was_asked_for(icc: str | None) -> None:
    profile = prophoto_profile() if icc else None
    photo, face = scene(SIZE, BOX, WIDTH, grid_width=150, icc=profile)
    skin = face.regions["skin"]
    delta = np.asarray([2.0, -3.0, 1.0], np.float32) * skin[..., None]
    layers = build_layers(photo, face, {"tone": delta}, None, (), face.lab, {})
    wanted = from_lab(face.lab + delta, profile)
    np.testing.assert_allclose(from_lab(face.lab, profile) + layers.deltas["tone"], wanted, atol=3e-6)
    assert not layers.deltas["tone"][skin == 0].any()
    np.testing.assert_array_equal(layers.mask > 0, layers.deltas["tone"].any(axis=-1))


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("where", ["tone", "heal", "texture", "mask"])
def test_what_is_not_finite_is_refused_by_name(made: tuple[Photo, FaceAnalysis], bad: float, where: str) -> None:
    photo, face = made
    marks, masks, healed = marks_on(face, 2)
    delta, gain = np.zeros_like(face.lab), np.zeros(face.grid.shape, np.float32)
    target = {"tone": delta, "heal": healed, "texture": gain, "mask": masks["mark-0"]}[where]
    target[3, 4] = bad
    with pytest.raises(ModelCorruptError, match="heal" if where == "mask" else where) as caught:
        build_layers(photo, face, {"tone": delta}, gain, marks, healed, masks)
    assert "scene.png" in caught.value.message and caught.value.hint


def test_unknown_layers_and_wrong_shapes_are_programming_errors(made: tuple[Photo, FaceAnalysis]) -> None:
    photo, face = made
    with pytest.raises(ValueError, match="shine_on"):
        build_layers(photo, face, {"shine_on": np.zeros_like(face.lab)}, None, (), face.lab, {})
    with pytest.raises(ValueError, match="shape"):
        build_layers(photo, face, {"tone": face.lab[1:]}, None, (), face.lab, {})


def test_patches_end_in_zeros_and_stay_inside_the_mask(made: tuple[Photo, FaceAnalysis]) -> None:
    photo, face = made
    layers = layers_on(photo, face, marks=12)
    assert [p.mark_id for p in layers.patches] == [m.id for m in layers.marks]
    for patch in layers.patches:
        border = np.ones(patch.delta.shape[:2], bool)
        border[1:-1, 1:-1] = False
        assert patch.delta.any() and not patch.delta[border].any()
        reach = Enlarger(layers.grid, cubic=False)(layers.mask, patch.box)
        assert not patch.delta[reach == 0].any()


def _dark_spot(photo: Photo, face: FaceAnalysis, crust: float = 0) -> tuple[Photo, FaceAnalysis, F32, F32]:
    """A spot painted on the photo, the grid as it then looks, the spot's mask there and in the source. crust: by how
    many codes its texture is rough, so that it needs a donor's."""
    from engine.imageio.colour import to_lab

    y, x = np.mgrid[: SIZE[1], : SIZE[0]].astype(np.float32)
    native = np.clip(1.6 - np.hypot(y - 180, x - 200) / 7, 0, 1).astype(np.float32)
    rough = crust * native * smooth_noise(np.random.default_rng(4), native.shape, 1.0)
    painted = photo.pixels * (1 - 0.35 * native[..., None]) + rough[..., None]
    marked = replace(photo, pixels=np.rint(np.clip(painted, 0, 255)).astype(photo.pixels.dtype))
    import cv2

    crop = marked.pixels[BOX[1] : BOX[3], BOX[0] : BOX[2]].astype(np.float32) / 255
    small = cv2.resize(crop, face.grid.shape[::-1], interpolation=cv2.INTER_AREA)
    centre = face.grid.to_grid(np.asarray([[200.5, 180.5]], np.float32))[0]
    gy, gx = np.mgrid[: face.grid.shape[0], : face.grid.shape[1]].astype(np.float32) + 0.5
    soft = np.clip(2.6 - np.hypot(gy - centre[1], gx - centre[0]) / (7 * face.grid.scale[0]), 0, 1).astype(np.float32)
    return marked, replace(face, lab=to_lab(small.astype(np.float32), None)), soft, native


def test_a_healed_mark_has_the_healed_colour_and_its_own_pores(made: tuple[Photo, FaceAnalysis]) -> None:
    from engine.layers.render import render
    from engine.types import Decision, FaceEdits

    photo, face = made
    marked, marked_face, soft, native = _dark_spot(photo, face)
    mark = replace(marks_on(face, 1)[0][0], id="spot", decision=Decision.REMOVE)
    layers = build_layers(marked, marked_face, {}, None, (mark,), face.lab, {"spot": soft})
    out = render(marked, [(layers, FaceEdits())]).astype(np.float32)
    core = native >= 1
    clean, dark = photo.pixels.astype(np.float32), marked.pixels.astype(np.float32)
    assert np.abs(clean[core].mean(0) - dark[core].mean(0)).min() > 30
    assert np.abs(clean[core].mean(0) - out[core].mean(0)).max() < 2

    sigma = WIDTH * PORE_CUT
    skin = np.s_[100:260, 100:290]
    fine_clean, fine_out = (image - gaussian(image, sigma) for image in (clean, out))
    assert 0.8 < fine_out[core].std() / fine_clean[skin].std() < 1.2
    assert np.corrcoef(fine_out[core].ravel(), fine_clean[core].ravel())[0, 1] > 0.85


def _healed_crust(around: Photo, clean: Photo, face: FaceAnalysis) -> F32:
    """(N, 3) what a healed crust amid `around` differs by from the clean photo, full scale 1."""
    marked, marked_face, soft, native = _dark_spot(around, face, crust=20)
    mark = replace(marks_on(face, 1)[0][0], id="spot")
    patch = build_layers(marked, marked_face, {}, None, (mark,), face.lab, {"spot": soft}).patches[0]
    x0, y0, x1, y1 = patch.box
    out = marked.pixels[y0:y1, x0:x1] / np.float32(255) + patch.delta.astype(np.float32)
    return (out - clean.pixels[y0:y1, x0:x1] / np.float32(255))[native[y0:y1, x0:x1] > 0]


def test_a_donor_shows_no_line(made: tuple[Photo, FaceAnalysis]) -> None:
    """What is lined like the edge of a nail is no skin to heal with, though all else is farther and lighter."""
    photo, face = made
    y, x = np.mgrid[: SIZE[1], : SIZE[0]].astype(np.float32)
    radius = np.hypot(y - 180, x - 200)
    lines = 1.8 * np.exp(-((((radius - 24) % 8) - 4) ** 2)) * ((radius > 24) & (radius < 62))
    change = 40 * lines + 45 * (radius > 66)
    lined = replace(photo, pixels=np.clip(photo.pixels + change[..., None], 0, 255).astype(np.uint8))
    assert _healed_crust(lined, photo, face).max() < 0.07, "a line is 0.1 and more"


def test_where_each_donor_would_bring_a_hair_there_is_none(made: tuple[Photo, FaceAnalysis]) -> None:
    photo, face = made
    y, x = np.mgrid[: SIZE[1], : SIZE[0]].astype(np.float32)
    hairs = np.exp(-((((x + y) % 40) - 20) ** 2) / 0.8) * (np.hypot(y - 180, x - 200) > 22)
    haired = replace(photo, pixels=np.clip(photo.pixels - 25 * hairs[..., None], 0, 255).astype(np.uint8))
    assert _healed_crust(haired, photo, face).min() > -0.07, "with a hair 0.1"


@pytest.mark.parametrize("part", ["under_eyes", "neck"])
def test_a_cheek_gets_no_texture_from_under_an_eye_or_the_neck(made: tuple[Photo, FaceAnalysis], part: str) -> None:
    photo, face = made
    marked, marked_face, soft, _ = _dark_spot(photo, face, crust=20)
    mark = replace(marks_on(face, 1)[0][0], id="spot")

    def texture(there: F32) -> F32:
        seen = replace(marked_face, regions={**face.regions, part: there.astype(np.float32)})
        return build_layers(marked, seen, {}, None, (mark,), face.lab, {"spot": soft}).patches[0].delta

    nowhere = np.zeros(face.grid.shape, np.float32)
    sides = [np.arange(nowhere.shape[1]) < 116, np.arange(nowhere.shape[1]) > 116]  # of the mark's middle
    found = [texture(nowhere + (side & (nowhere == 0)) * (soft == 0)) for side in sides]
    plain = texture(nowhere)
    assert [np.array_equal(each, plain) for each in found].count(True) == 1, "the donor was on one side, and moves"
    np.testing.assert_array_equal(texture(nowhere + 1), plain)


def test_pores_are_as_strong_as_around_the_mark() -> None:
    """The rough skin around a mark is too broken to heal with, and the donor from farther away is smoother."""
    import cv2

    photo, face = scene(SIZE, BOX, WIDTH, grid_width=2 * WIDTH)
    sigma = WIDTH * PORE_CUT
    y, x = np.mgrid[: SIZE[1], : SIZE[0]].astype(np.float32)
    near = np.hypot(y - 180, x - 200) < 72
    pixels = photo.pixels.astype(np.float32)
    rough = pixels + 1.2 * (pixels - gaussian(pixels, sigma)) * near[..., None]
    rough_photo = replace(photo, pixels=np.rint(rough).astype(np.uint8))
    marked, marked_face, soft, native = _dark_spot(rough_photo, face, crust=20)
    broken = np.where(near & (x % 8 < 4) & (native == 0), 0, 1).astype(np.float32)
    broken = cv2.resize(broken[BOX[1] : BOX[3], BOX[0] : BOX[2]], face.grid.shape[::-1], interpolation=cv2.INTER_AREA)
    marked_face = replace(marked_face, regions={**face.regions, "skin": face.regions["skin"] * broken})
    mark = replace(marks_on(face, 1)[0][0], id="spot")
    patch = build_layers(marked, marked_face, {}, None, (mark,), face.lab, {"spot": soft}).patches[0]
    out = marked.pixels.astype(np.float32)
    x0, y0, x1, y1 = patch.box
    out[y0:y1, x0:x1] += 255 * patch.delta.astype(np.float32)
    fine_out, fine_rough = (image - gaussian(image, sigma) for image in (out, rough))
    around = near & (native == 0)
    assert 0.7 < fine_out[native > 0].std() / fine_rough[around].std() < 1.3, "0.59 by the donor as it is"


def test_overlapping_marks_heal_once(made: tuple[Photo, FaceAnalysis]) -> None:
    photo, face = made
    marks, masks, healed = marks_on(face, 1)
    twin = replace(marks[0], id="twin")
    one = build_layers(photo, face, {}, None, marks, healed, masks)
    mask = masks["mark-0"]
    two = build_layers(photo, face, {}, None, (*marks, twin), healed, {**masks, "twin": mask})
    whole, parts = (sum(p.delta.astype(np.float32) for p in layers.patches) for layers in (one, two))
    full = Enlarger(face.grid, cubic=False)(np.where(mask > 0.99, mask, 0), one.patches[0].box) > 0.999
    assert full.any()
    np.testing.assert_allclose(parts[full], whole[full], atol=2e-3)


def test_without_clean_skin_a_mark_is_still_healed(made: tuple[Photo, FaceAnalysis]) -> None:
    photo, face = made
    bare = replace(face, regions={**face.regions, "skin": np.zeros(face.grid.shape, np.float32)})
    marks, masks, healed = marks_on(face, 1)
    patch = build_layers(photo, bare, {}, None, marks, healed, masks).patches[0]
    assert np.isfinite(patch.delta).all() and np.abs(patch.delta).max() > 0.005


def test_a_mark_on_the_edge_of_the_photo_gives_a_patch_inside_it() -> None:
    photo, face = scene((211, 197), (0, 0, 211, 197), 150.0, grid_width=100)
    marks, _, _ = marks_on(face, 1)
    mask = np.zeros(face.grid.shape, np.float32)
    mask[:5, :6] = 1
    layers = build_layers(photo, face, {}, None, marks, face.lab + mask[..., None] * 4, {"mark-0": mask})
    x0, y0, x1, y1 = layers.patches[0].box
    assert (x0, y0) == (0, 0) and x1 <= 211 and y1 <= 197
    assert not layers.patches[0].delta[0].any() and layers.patches[0].delta.any()

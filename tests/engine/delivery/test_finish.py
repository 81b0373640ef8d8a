from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from engine.delivery.finish import finished, target_size
from engine.delivery.recipe import Recipe
from engine.imageio.profiles import adobe_rgb_profile, display_p3_profile, srgb_profile
from engine.imageio.read import read_photo
from engine.imageio.write import write_photo
from engine.types import Metadata, Photo
from tests.helpers import photos


def photo(width: int = 331, height: int = 211, dtype: type = np.uint8, icc: bytes | None = None) -> Photo:
    y, x = np.mgrid[:height, :width]
    pixels = np.stack([40 + 170 * x / width, 30 + 150 * y / height, 60 + 100 * (x + y) / (width + height)], -1)
    scale = 257 if dtype is np.uint16 else 1
    return Photo(np.rint(pixels * scale).astype(dtype), icc, Metadata(), Path("a.png"), "png")


def test_a_plain_recipe_returns_the_very_pixels() -> None:
    source = photo()
    assert finished(source, Recipe()).pixels is source.pixels


@pytest.mark.parametrize(("name", "icc"), [("adobe_rgb", adobe_rgb_profile()), ("display_p3", display_p3_profile())])
def test_conversion_agrees_with_littlecms(name: str, icc: bytes) -> None:
    source = photo()
    done = finished(source, Recipe.model_validate({"profile": name}))
    assert done.icc == icc
    assert done.pixels.dtype == np.uint16
    target = ImageCms.ImageCmsProfile(io.BytesIO(icc))
    own = ImageCms.ImageCmsProfile(io.BytesIO(srgb_profile()))
    wanted = ImageCms.profileToProfile(Image.fromarray(source.pixels), own, target, renderingIntent=1)
    assert wanted is not None
    assert np.abs(done.pixels / 257 - np.asarray(wanted)).max() < 1.2


def test_sizes_never_grow_and_keep_the_shape() -> None:
    assert target_size((6000, 4000), Recipe(long_edge=2048)) == (2048, 1365)
    assert target_size((4000, 6000), Recipe(megapixels=6)) == (2000, 3000)
    assert target_size((600, 400), Recipe(long_edge=2048)) == (600, 400)


def test_reducing_averages_light_not_codes() -> None:
    """A fine checkerboard of black and white becomes the grey of half the light."""
    board = (np.indices((400, 600)).sum(axis=0) % 2 * 255).astype(np.uint8)
    source = replace(photo(), pixels=np.repeat(board[..., None], 3, axis=2))
    done = finished(source, Recipe(long_edge=300))
    assert done.pixels.shape == (200, 300, 3)
    assert np.abs(done.pixels / 65535 - 0.5 ** (1 / 2.2)).max() < 0.01


def test_reducing_agrees_with_an_independent_mean() -> None:
    source = photo(600, 400, np.uint16)
    done = finished(source, Recipe(long_edge=300)).pixels / 65535
    linear = (source.pixels / 65535) ** 2.2
    wanted = linear.reshape(200, 2, 300, 2, 3).mean(axis=(1, 3)) ** (1 / 2.2)
    assert np.abs(done - wanted).max() < 1e-4


def test_sharpening_raises_edges_within_bounds_and_leaves_flats() -> None:
    step = np.full((64, 64, 3), 26000, np.uint16)
    step[:, 32:] = 40000
    done = finished(replace(photo(), pixels=step), Recipe(sharpen="high")).pixels.astype(int)
    assert (done[:, :28] == 26000).all() and (done[:, 36:] == 40000).all()
    assert 26000 - 0.061 * 65535 < done[:, 31].min() < 25500
    assert (done[..., 0] == done[..., 2]).all()


def test_a_watermark_is_there_only_when_asked_for_and_only_in_its_corner() -> None:
    source = photo(900, 600)
    done = finished(source, Recipe(watermark="© Studio")).pixels.astype(int)
    changed = np.abs(done - source.pixels.astype(int) * 257).max(axis=2) > 300
    assert changed.any()
    rows, columns = np.nonzero(changed)
    assert rows.min() > 500 and columns.min() > 600


@pytest.mark.parametrize("kind", ["jpeg", "tiff", "png"])
def test_metadata_policies(tmp_path: Path, kind: str) -> None:
    path = photos.photo_file(tmp_path, kind, photos.gradient(40, 60))
    source = read_photo(path)
    exif = Image.Exif()
    exif[315], exif[33432], exif[271] = "Zoë", "© Zoë 2026", "Maker"
    source = replace(source, metadata=replace(source.metadata, exif=exif.tobytes().removeprefix(b"Exif\0\0")))
    out = {}
    for policy in ("all", "copyright", "none"):
        file = tmp_path / f"{policy}.jpg"
        write_photo(finished(source, Recipe.model_validate({"metadata": policy})), file)
        with Image.open(file) as image:
            out[policy] = dict(image.getexif()), image.info.get("xmp", b""), image.info.get("icc_profile")
    assert out["all"][0][271] == "Maker"
    assert 271 not in out["copyright"][0]
    assert out["copyright"][0][33432] == out["all"][0][33432]
    assert "Jürgen F.".encode() in out["copyright"][1]
    assert b"Rating" not in out["copyright"][1]
    assert out["none"][:2] == ({}, b"")
    assert out["none"][2] == source.icc


def test_a_reduced_photo_says_its_own_size(tmp_path: Path) -> None:
    path = photos.photo_file(tmp_path, "jpeg", photos.gradient(200, 300))
    source = read_photo(path)
    done = finished(source, Recipe(long_edge=100))
    write_photo(done, tmp_path / "small.jpg")
    with Image.open(tmp_path / "small.jpg") as image:
        fields = image.getexif().get_ifd(34665)
    assert (fields[40962], fields[40963]) == done.size == (100, 67)

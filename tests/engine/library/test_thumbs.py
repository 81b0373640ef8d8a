from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from engine.errors import ImageReadError
from engine.imageio.profiles import adobe_rgb_profile
from engine.library.thumbs import SIDE, ThumbCache, make, quick
from tests.helpers import photos


def gradient(width: int, height: int) -> np.ndarray:
    y, x = np.mgrid[:height, :width]
    return np.stack([40 + 170 * x / width, 30 + 150 * y / height, 90 + 0 * x], -1).astype(np.uint8)


def test_a_small_picture_is_upright_and_looks_like_the_photo(tmp_path: Path) -> None:
    pixels = gradient(1601, 1009)
    path = tmp_path / "turned.jpg"
    exif = Image.Exif()
    exif[274] = 6
    Image.fromarray(pixels).save(path, quality=95, exif=exif)
    small = make(path)
    upright = np.rot90(pixels, -1)
    assert small.shape == (SIDE, round(1009 * SIDE / 1601), 3)
    expected = np.asarray(
        Image.fromarray(np.ascontiguousarray(upright)).resize(small.shape[1::-1], Image.Resampling.BOX)
    )
    assert np.abs(small.astype(int) - expected.astype(int)).mean() < 2


def test_colours_go_through_the_profile(tmp_path: Path) -> None:
    path = tmp_path / "adobe.jpg"
    Image.new("RGB", (600, 400), (60, 180, 90)).save(path, quality=100, subsampling=0, icc_profile=adobe_rgb_profile())
    from PIL import ImageCms

    source = ImageCms.ImageCmsProfile(io.BytesIO(adobe_rgb_profile()))
    patch = Image.new("RGB", (8, 8), (60, 180, 90))
    wanted = ImageCms.profileToProfile(patch, source, ImageCms.createProfile("sRGB"), renderingIntent=1)
    assert wanted is not None
    assert np.abs(make(path)[100, 100].astype(int) - np.asarray(wanted)[4, 4].astype(int)).max() <= 2


def test_sixteen_bit_and_unusual_files_go_through_the_reader(tmp_path: Path) -> None:
    import tifffile

    pixels = gradient(503, 307).astype(np.uint16) * 257
    path = tmp_path / "deep.tif"
    tifffile.imwrite(path, pixels, photometric="rgb")
    assert make(path).shape == (round(307 * SIDE / 503), SIDE, 3)


def test_the_embedded_preview_comes_first(tmp_path: Path) -> None:
    path = tmp_path / "camera.jpg"
    embedded = photos.jpeg_bytes(np.full((120, 160, 3), (200, 30, 40), np.uint8))
    Image.fromarray(gradient(300, 200)).save(path, exif=b"Exif\0\0" + photos.exif(thumbnail=embedded))
    preview = quick(path)
    assert preview is not None
    assert preview.shape == (120, 160, 3)
    assert np.abs(preview[60, 80].astype(int) - (200, 30, 40)).max() < 6
    plain = tmp_path / "plain.jpg"
    Image.fromarray(gradient(300, 200)).save(plain)
    assert quick(plain) is None


def test_a_photo_that_cannot_be_read_is_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "broken.jpg"
    path.write_bytes(b"\xff\xd8\xff\xe0nothing")
    with pytest.raises(ImageReadError, match=r"broken\.jpg"):
        make(path)


def test_the_cache_knows_a_photo_by_path_time_and_size(tmp_path: Path) -> None:
    cache, pixels, path = ThumbCache(tmp_path / "cache"), gradient(400, 267), tmp_path / "a.jpg"
    cache.put(path, (10, 20), pixels)
    found = cache.get(path, (10, 20))
    assert found is not None
    assert np.abs(found.astype(int) - pixels).mean() < 2
    assert cache.get(path, (10, 21)) is None
    assert cache.get(tmp_path / "b.jpg", (10, 20)) is None
    cache.place(path, (10, 20)).write_bytes(b"damaged")
    assert cache.get(path, (10, 20)) is None


def test_the_cache_stays_within_its_limit_and_drops_the_oldest(tmp_path: Path) -> None:
    import os

    cache, pixels = ThumbCache(tmp_path / "cache"), gradient(400, 267)
    for number in range(8):
        cache.put(tmp_path / f"{number}.jpg", (1, 1), pixels)
        os.utime(cache.place(tmp_path / f"{number}.jpg", (1, 1)), (number, number))
    size = cache.place(tmp_path / "0.jpg", (1, 1)).stat().st_size
    assert cache.prune(limit=8 * size + 999) > 0
    assert cache.get(tmp_path / "0.jpg", (1, 1)) is not None
    os.utime(cache.place(tmp_path / "0.jpg", (1, 1)), (0, 0))
    assert cache.prune(limit=4 * size) <= 4 * size
    kept = [number for number in range(8) if cache.get(tmp_path / f"{number}.jpg", (1, 1)) is not None]
    assert kept == [5, 6, 7]


def test_a_cache_that_cannot_be_written_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    cache = ThumbCache(tmp_path / "file")
    cache.put(tmp_path / "a.jpg", (1, 1), gradient(40, 30))
    assert cache.get(tmp_path / "a.jpg", (1, 1)) is None

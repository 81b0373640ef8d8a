"""Bad files: one sentence with the file's name, and what to do."""

from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
import tifffile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from engine.errors import ColourProfileError, EngineError, ImageReadError
from engine.imageio import read
from engine.imageio.read import read_photo
from tests.helpers import photos


def refusal(path: Path, kind: type[EngineError] = ImageReadError, **options: Any) -> str:
    """The message of the error, after checking its form."""
    with pytest.raises(kind) as caught:
        read_photo(path, **options)
    error = caught.value
    assert error.message.startswith(path.name[:79]) and error.message.endswith(".") and "\n" not in error.message
    assert error.hint.endswith(".") and "\n" not in error.hint
    return error.message


def test_empty_missing_and_folder(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").touch()
    assert refusal(tmp_path / "a.jpg") == "a.jpg is empty."
    assert "does not exist" in refusal(tmp_path / "b.jpg")
    assert "is a folder" in refusal(tmp_path)


@pytest.mark.parametrize("kind", ["jpeg", "png", "webp", "tiff", "heic"])
@pytest.mark.parametrize("share", [0.02, 0.3, 0.6, 0.97])
def test_cut_off(tmp_path: Path, kind: str, share: float) -> None:
    path = photos.photo_file(tmp_path, kind, photos.gradient(64, 48))
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    refusal(path)


def test_jpeg_that_ends_in_zeros(tmp_path: Path) -> None:
    """A copy that stopped half way into a file laid out at full size."""
    data = photos.jpeg_bytes(photos.gradient(64, 48))
    (tmp_path / "a.jpg").write_bytes(data[: len(data) // 2] + bytes(len(data) // 2))
    assert refusal(tmp_path / "a.jpg") == "a.jpg is cut off."


@pytest.mark.parametrize("name", ["a.jpg", "a.tif", "a.png", "a.heic", "a.dng", "a.nef", "a.webp"])
@pytest.mark.parametrize("content", [b"This is a text, not a photo.\n" * 40, b"\0" * 4000, b"\xff\xd8\xff", b"II*\0"])
def test_not_a_photo(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    refusal(tmp_path / name)


@pytest.mark.parametrize("format", ["GIF", "BMP", "JPEG2000", "PDF"])
def test_other_formats_are_named(tmp_path: Path, format: str) -> None:
    Image.fromarray(photos.gradient()).save(tmp_path / "a.jpg", format)
    assert "not supported" in refusal(tmp_path / "a.jpg")


def test_a_video_is_not_read_to_its_end(tmp_path: Path) -> None:
    with (tmp_path / "a.jpg").open("wb") as file:
        file.write(b"\0\0\0\x18ftypisom" + bytes(100))
        file.truncate(1 << 40)  # sparse
    assert "video" in refusal(tmp_path / "a.jpg")


@pytest.mark.parametrize("name", ["a.png", "a.webp"])
def test_animations(tmp_path: Path, name: str) -> None:
    first, second = Image.fromarray(photos.gradient()), Image.fromarray(255 - photos.gradient())
    first.save(tmp_path / name, save_all=True, append_images=[second], duration=100)
    assert "animation of 2 pictures" in refusal(tmp_path / name)


@pytest.mark.parametrize("name", [b"mime\0application", b"Exif"])
def test_heic_with_item_names_that_are_not_text(tmp_path: Path, name: bytes) -> None:
    path = photos.photo_file(tmp_path, "heic", photos.gradient(64, 48))
    data = path.read_bytes()
    assert name in data[:1000]
    path.write_bytes(data.replace(name, b"\xff" + name[1:], 1))
    assert refusal(path) == f"{path.name} is damaged."


@pytest.mark.parametrize("kind", ["jpeg", "png", "webp", "tiff", "heic"])
def test_the_pixel_limit_is_checked_before_decoding(tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    path = photos.photo_file(tmp_path, kind, photos.gradient(64, 48))
    for decoder in ("jpeg8_decode", "png_decode", "webp_decode"):
        monkeypatch.setattr(imagecodecs, decoder, lambda *_, **__: pytest.fail("decoded before the check"))
    monkeypatch.setattr(tifffile.TiffPage, "asarray", lambda *_, **__: pytest.fail("decoded before the check"))
    assert "48 × 64" in refusal(path, max_pixels=3000)


def test_raw_pixel_limit(tmp_path: Path) -> None:
    path = photos.dng_file(tmp_path / "a.dng", np.full((64, 96, 3), 0.2))
    assert "96 × 64" in refusal(path, max_pixels=6000)


def test_bombs(tmp_path: Path) -> None:
    """Headers that promise far more pixels than the limit, in tiny files."""
    png = bytearray(imagecodecs.png_encode(photos.gradient()))
    png[16:24] = struct.pack(">II", 60000, 60000)
    (tmp_path / "a.png").write_bytes(png)
    assert "60000 × 60000" in refusal(tmp_path / "a.png")
    jpeg = bytearray(photos.jpeg_bytes(photos.gradient()))
    at = jpeg.index(b"\xff\xc0")
    jpeg[at + 5 : at + 9] = struct.pack(">HH", 65000, 65000)
    (tmp_path / "a.jpg").write_bytes(jpeg)
    assert "65000 × 65000" in refusal(tmp_path / "a.jpg")


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_pixels_that_are_not_numbers(tmp_path: Path, value: float) -> None:
    values = (photos.gradient() / 255).astype(np.float32)
    values[3, 4, 1] = value
    tifffile.imwrite(tmp_path / "a.tif", values, photometric="rgb")
    assert "NaN" in refusal(tmp_path / "a.tif")


def test_odd_tiffs(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", photos.gradient().astype(np.float32), photometric="rgb")
    assert "outside 0–1" in refusal(tmp_path / "a.tif")
    tifffile.imwrite(tmp_path / "b.tif", photos.gradient().astype(np.int16), photometric="rgb")
    assert "signed" in refusal(tmp_path / "b.tif")
    tifffile.imwrite(tmp_path / "c.tif", photos.gradient(), photometric="cielab")
    assert "CIELAB" in refusal(tmp_path / "c.tif")


def test_cmyk_without_a_profile(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(photos.jpeg_bytes(np.zeros((8, 8, 4), np.uint8)))
    assert "CMYK without a CMYK profile" in refusal(tmp_path / "a.jpg", ColourProfileError)


@pytest.mark.parametrize("kind", ["jpeg", "png", "webp", "tiff"])
@pytest.mark.parametrize("icc", [b"x" * 300, photos.ADOBE_RGB[:180], photos.GREY_GAMMA_18], ids=["text", "cut", "grey"])
def test_unusable_profiles(tmp_path: Path, kind: str, icc: bytes) -> None:
    path = photos.photo_file(tmp_path, kind, photos.gradient(), icc=icc)
    assert "profile" in refusal(path, ColourProfileError)


def test_profile_with_a_missing_part(tmp_path: Path) -> None:
    data = photos.jpeg_bytes(photos.gradient(), icc_profile=photos.ADOBE_RGB)
    at = data.index(b"ICC_PROFILE\0")
    (tmp_path / "a.jpg").write_bytes(data[: at + 13] + b"\2" + data[at + 14 :])
    assert "damaged colour profile" in refusal(tmp_path / "a.jpg", ColourProfileError)


def test_unreadable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = photos.photo_file(tmp_path, "jpeg", photos.gradient())
    path.chmod(0)
    if os.access(path, os.R_OK):  # the administrator may read anything

        def refuse(*arguments: object, **options: object) -> None:
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr(Path, "open", refuse)
    assert "may not be read" in refusal(path)


def test_name_too_long(tmp_path: Path) -> None:
    assert "cannot be opened" in refusal(tmp_path / ("x" * 300 + ".jpg"))


def test_broken_raw(tmp_path: Path) -> None:
    path = photos.dng_file(tmp_path / "a.dng", np.full((64, 96, 3), 0.2))
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    refusal(path)


def test_errors_of_our_own_keep_their_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(read, "_decode", fail)
    path = photos.photo_file(tmp_path, "jpeg", photos.gradient())
    assert "memory" in refusal(path)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    kind=st.sampled_from(["jpeg", "png", "webp", "tiff"]),
    edits=st.lists(st.tuples(st.floats(0, 0.999), st.integers(0, 255)), min_size=1, max_size=6),
)
def test_damaged_bytes_give_a_photo_or_one_of_our_errors(
    tmp_path: Path, kind: str, edits: list[tuple[float, int]]
) -> None:
    path = photos.photo_file(tmp_path, kind, photos.gradient())
    data = bytearray(path.read_bytes())
    for where, value in edits:
        data[int(where * len(data))] = value
    path.write_bytes(data)
    try:
        photo = read_photo(path, max_pixels=1_000_000)
    except EngineError as error:
        assert path.name in error.message and error.hint
    else:
        assert photo.pixels.ndim == 3 and photo.pixels.shape[2] == 3 and photo.pixels.dtype.kind == "u"

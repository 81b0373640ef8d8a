"""Reading: pixels, depth, colour model, orientation, per format."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import imagecodecs
import numpy as np
import pillow_heif
import pytest
import tifffile
from PIL import Image, ImageOps

from engine.imageio import colour, profiles
from engine.imageio.read import read_photo, supported_suffixes
from tests.helpers import photos

ALL = ("jpeg", "png", "webp", "tiff", "heic")
NEAR = {"jpeg": 4, "heic": 4}
"""Greatest difference of a lossy file from its source, of 255."""


def assert_near(actual: photos.Array, expected: photos.Array, kind: str) -> None:
    assert actual.shape == expected.shape and actual.dtype == expected.dtype
    assert np.abs(actual.astype(int) - expected.astype(int)).max() <= NEAR.get(kind, 0)


@pytest.mark.parametrize("kind", ALL)
def test_pixels_profile_and_format(tmp_path: Path, kind: str) -> None:
    pixels = photos.gradient()
    photo = read_photo(photos.photo_file(tmp_path, kind, pixels, icc=photos.DISPLAY_P3))
    assert photo.icc == photos.DISPLAY_P3
    assert photo.format == kind and photo.depth == 8 and photo.size == (17, 13)
    assert photo.alpha is None
    assert_near(photo.pixels, pixels, kind)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ALL)
def test_orientation_is_applied_once(tmp_path: Path, kind: str, orientation: int) -> None:
    stored = photos.gradient()
    path = photos.photo_file(tmp_path, kind, stored, orientation)
    tagged = Image.fromarray(stored)
    tagged.getexif()[274] = orientation
    photo = read_photo(path)
    assert_near(photo.pixels, np.asarray(ImageOps.exif_transpose(tagged)), kind)
    assert photo.pixels.flags.c_contiguous
    assert photo.metadata.exif and photo.metadata.xmp
    assert photos.fields_of_block(photo.metadata.exif).ifd0[274] == 1
    assert photo.metadata.xmp == photos.xmp(1)


@pytest.mark.parametrize("kind", ["png", "tiff"])
def test_16_bit_stays_16_bit(tmp_path: Path, kind: str) -> None:
    pixels = photos.gradient(dtype=np.uint16)
    assert (pixels % 257).any()
    photo = read_photo(photos.photo_file(tmp_path, kind, pixels, 8, photos.PROPHOTO))
    assert photo.depth == 16 and photo.icc == photos.PROPHOTO
    assert np.array_equal(photo.pixels, pixels.swapaxes(0, 1)[::-1])


LAYOUTS: tuple[dict[str, Any], ...] = (
    {"bigtiff": True},
    {"byteorder": ">"},
    {"planarconfig": "separate"},
    {"tile": (16, 16)},
    {"compression": "zlib", "predictor": True},
    {"compression": "lzw"},
)


@pytest.mark.parametrize("options", LAYOUTS)
def test_tiff_layouts(tmp_path: Path, options: dict[str, Any]) -> None:
    pixels = photos.gradient(dtype=np.uint16)
    stored = np.moveaxis(pixels, -1, 0) if "planarconfig" in options else pixels
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, stored, photometric="rgb", iccprofile=photos.PROPHOTO, **options)
    photo = read_photo(path)
    assert np.array_equal(photo.pixels, pixels) and photo.icc == photos.PROPHOTO and photo.notes == ()


def test_10_bit_heic(tmp_path: Path) -> None:
    pixels = photos.gradient(32, 48, np.uint16)
    pixels = np.ascontiguousarray(pixels >> 6 << 6)
    path = tmp_path / "a.heic"
    pillow_heif.encode("RGB;16", (48, 32), pixels.tobytes(), path, quality=-1, chroma=444, matrix_coefficients=0)
    photo = read_photo(path)
    assert photo.depth == 16 and "10-bit" in photo.notes[-1]
    assert np.abs(photo.pixels.astype(int) - pixels.astype(int)).max() < 4 * 64


@pytest.mark.parametrize(
    ("kind", "dtype"),
    [("jpeg", np.uint8), ("png", np.uint8), ("png", np.uint16), ("tiff", np.uint8), ("tiff", np.uint16)],
)
@pytest.mark.parametrize("icc", [None, photos.GREY_GAMMA_18])
def test_grey_becomes_rgb_with_the_same_tones(tmp_path: Path, kind: str, dtype: Any, icc: bytes | None) -> None:
    grey = photos.gradient(dtype=dtype)[..., 0]
    path = tmp_path / f"a.{kind}"
    if kind == "tiff":
        tifffile.imwrite(path, grey, photometric="minisblack", iccprofile=icc)
    else:
        Image.fromarray(grey).save(path, icc_profile=icc or b"", **({"quality": 100} if kind == "jpeg" else {}))
    photo = read_photo(path)
    assert_near(photo.pixels, np.repeat(grey[..., None], 3, axis=2), kind)
    assert any("grey" in note for note in photo.notes)
    if icc is None:
        assert photo.icc is None
    else:
        assert photo.icc is not None and profiles.profile_space(photo.icc) == "rgb"
        value = colour.as_float(photo.pixels[:1, :1])[0, 0, 0]
        assert colour.to_lab(photo.pixels, photo.icc)[0, 0, 0] == pytest.approx(116 * value ** (1.8 / 3) - 16, abs=0.1)


def test_white_is_zero_and_one_bit(tmp_path: Path) -> None:
    grey = photos.gradient()[..., 0]
    tifffile.imwrite(tmp_path / "a.tif", grey, photometric="miniswhite")
    assert np.array_equal(read_photo(tmp_path / "a.tif").pixels[..., 1], 255 - grey)
    bits = grey > 128
    tifffile.imwrite(tmp_path / "b.tif", bits, photometric="minisblack")
    assert np.array_equal(read_photo(tmp_path / "b.tif").pixels[..., 1], bits * np.uint8(255))


def test_cmyk_jpeg_through_its_profile(tmp_path: Path) -> None:
    ink = np.zeros((16, 32, 4), np.uint8)
    ink[:, 16:, 1:3] = 255
    (tmp_path / "a.jpg").write_bytes(photos.jpeg_bytes(ink, icc_profile=photos.cmyk_profile()))
    photo = read_photo(tmp_path / "a.jpg")
    assert np.abs(photo.pixels[8, 4].astype(int) - [255, 255, 255]).max() < 4
    assert np.abs(photo.pixels[8, 28].astype(int) - [255, 0, 0]).max() < 4
    assert photo.icc is None and any("CMYK" in note for note in photo.notes)


def test_16_bit_cmyk_tiff(tmp_path: Path) -> None:
    ink = np.zeros((4, 6, 4), np.uint16)
    ink[:, 3:, 0] = 65535
    tifffile.imwrite(tmp_path / "a.tif", ink, photometric="separated", iccprofile=photos.cmyk_profile())
    photo = read_photo(tmp_path / "a.tif")
    assert photo.depth == 16
    assert np.abs(photo.pixels[0, 5] / 257 - [0, 255, 255]).max() < 3


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_float_tiff_is_declared(tmp_path: Path, dtype: Any) -> None:
    values = (photos.gradient() / 255).astype(dtype)
    values[0, 0] = (-0.5, 1.5, 0.5)
    tifffile.imwrite(tmp_path / "a.tif", values, photometric="rgb", iccprofile=photos.ADOBE_RGB)
    photo = read_photo(tmp_path / "a.tif")
    assert photo.depth == 16 and photo.icc == photos.ADOBE_RGB
    expected = np.rint(np.clip(values.astype(np.float64), 0, 1) * 65535)
    assert np.abs(photo.pixels - expected).max() <= 1
    assert "16 bit" in photo.notes[0] and "0.30%" in photo.notes[1]


def test_32_bit_integers_are_declared(tmp_path: Path) -> None:
    values = photos.gradient(dtype=np.uint16).astype(np.uint32) << 16
    tifffile.imwrite(tmp_path / "a.tif", values, photometric="rgb")
    photo = read_photo(tmp_path / "a.tif")
    assert np.abs(photo.pixels.astype(int) - (values >> 16)).max() <= 1
    assert "32-bit" in photo.notes[0]


def test_palettes(tmp_path: Path) -> None:
    picture = Image.fromarray(photos.gradient()).quantize(16)
    expected = np.asarray(picture.convert("RGB"))
    for name in ("a.png", "a.tif"):
        picture.save(tmp_path / name)
        assert np.array_equal(read_photo(tmp_path / name).pixels, expected)


@pytest.mark.parametrize("name", ["a.png", "a.webp", "a.tif"])
def test_transparency_is_kept(tmp_path: Path, name: str) -> None:
    pixels = np.dstack((photos.gradient(), np.arange(13 * 17, dtype=np.uint8).reshape(13, 17)))
    if name == "a.tif":
        tifffile.imwrite(tmp_path / name, pixels, photometric="rgb", extrasamples=["unassalpha"])
    else:
        Image.fromarray(pixels).save(tmp_path / name, **({"lossless": True, "exact": True} if "webp" in name else {}))
    photo = read_photo(tmp_path / name)
    assert photo.alpha is not None
    assert np.array_equal(photo.alpha, pixels[..., 3]) and np.array_equal(photo.pixels, pixels[..., :3])


def test_premultiplied_transparency(tmp_path: Path) -> None:
    alpha = np.full((13, 17, 1), 128, np.uint8)
    stored = np.rint(photos.gradient() * (alpha / 255)).astype(np.uint8)
    tifffile.imwrite(tmp_path / "a.tif", np.dstack((stored, alpha)), photometric="rgb", extrasamples=["assocalpha"])
    photo = read_photo(tmp_path / "a.tif")
    assert np.abs(photo.pixels.astype(int) - photos.gradient()).max() <= 1
    assert any("Premultiplied" in note for note in photo.notes)


def test_several_pages_are_declared(tmp_path: Path) -> None:
    with tifffile.TiffWriter(tmp_path / "a.tif") as writer:
        writer.write(photos.gradient(), photometric="rgb")
        writer.write(photos.gradient(5, 7), photometric="rgb")
    photo = read_photo(tmp_path / "a.tif")
    assert photo.size == (17, 13) and "first picture" in photo.notes[0]


def test_raw_is_developed_with_white_balance_into_its_profile(tmp_path: Path) -> None:
    linear = np.full((64, 96, 3), 0.18)
    linear[:, 48:] = (0.4, 0.2, 0.1)
    photo = read_photo(photos.dng_file(tmp_path / "a.dng", linear))
    assert photo.format == "raw" and photo.depth == 16 and photo.size == (96, 64)
    assert photo.metadata.exif is not None and photo.metadata.xmp == photos.xmp(1)
    fields = photos.fields_of_block(photo.metadata.exif).ifd0
    assert (fields[271], fields[272], fields[315]) == ("Synth", "Cam", "Juergen F.")
    assert not {33421, 33422, 50706, 50721} & fields.keys()
    encoded = np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055).astype(np.float32)
    expected = colour.to_lab(encoded, None)
    lab = colour.to_lab(photo.pixels, photo.icc)
    for x in (20, 75):
        assert np.abs(lab[20:40, x] - expected[20:40, x]).max() < 1.0


def test_raw_is_turned_once(tmp_path: Path) -> None:
    linear = np.full((64, 96, 3), 0.1)
    linear[:20, :20] = 0.6
    photo = read_photo(photos.dng_file(tmp_path / "a.dng", linear, flip=6))
    assert photo.size == (64, 96)
    assert photo.pixels[5, -6].mean() > 2 * photo.pixels[-6, 5].mean()
    assert photo.metadata.xmp == photos.xmp(1) and photo.metadata.exif is not None
    assert photos.fields_of_block(photo.metadata.exif).ifd0[274] == 1


def test_adobe_rgb_told_by_exif_only(tmp_path: Path) -> None:
    block = Image.Exif()
    block.get_ifd(34665).update({40961: 65535, 40965: {1: "R03"}})
    path = tmp_path / "a.jpg"
    path.write_bytes(photos.jpeg_bytes(photos.gradient(), exif=block.tobytes()))
    photo = read_photo(path)
    assert photo.icc == profiles.adobe_rgb_profile() and any("Adobe RGB" in note for note in photo.notes)


def test_content_decides_not_the_suffix(tmp_path: Path) -> None:
    source = photos.photo_file(tmp_path, "png", photos.gradient())
    renamed = source.rename(tmp_path / "a.JPG")
    photo = read_photo(renamed)
    assert photo.format == "png" and photo.notes == ("The file is named .JPG but is a PNG file.",)
    assert np.array_equal(photo.pixels, photos.gradient())


@pytest.mark.parametrize("kind", ["jpeg", "png", "webp", "tiff"])
def test_one_pixel(tmp_path: Path, kind: str) -> None:
    photo = read_photo(photos.photo_file(tmp_path, kind, photos.gradient(1, 1)))
    assert photo.size == (1, 1)


@pytest.mark.parametrize("kind", ALL)
def test_names_beyond_ascii_and_long_paths(tmp_path: Path, kind: str) -> None:
    folder = tmp_path.joinpath(*["ein sehr langer Ordnername " + "ä" * 60] * 4)
    folder.mkdir(parents=True)
    path = photos.photo_file(tmp_path, kind, photos.gradient()).rename(folder / f"Porträt 写真 🙂 {'x' * 150}.{kind}")
    photo = read_photo(path)
    assert photo.path == path and photo.size == (17, 13)


def test_the_original_is_opened_read_only(tmp_path: Path) -> None:
    path = photos.photo_file(tmp_path, "tiff", photos.gradient())
    before = path.read_bytes(), path.stat().st_mtime_ns
    path.chmod(0o444)
    read_photo(path)
    assert (path.read_bytes(), path.stat().st_mtime_ns) == before


def test_jpeg_with_further_pictures(tmp_path: Path) -> None:
    first, second = (Image.fromarray(photos.gradient(16, 24)) for _ in range(2))
    first.save(tmp_path / "a.mpo", "MPO", save_all=True, append_images=[second], quality=100, subsampling=0)
    photo = read_photo((tmp_path / "a.mpo").rename(tmp_path / "a.jpg"))
    assert photo.format == "jpeg" and "main picture" in photo.notes[0]
    assert_near(photo.pixels, photos.gradient(16, 24), "jpeg")


def test_jpeg_that_stores_rgb(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(photos.jpeg_bytes(photos.gradient(), keep_rgb=True))
    assert_near(read_photo(tmp_path / "a.jpg").pixels, photos.gradient(), "jpeg")


def test_content_credentials_are_declared(tmp_path: Path) -> None:
    body = b"JP\0\1\0\0\0\1....jumb....jumdc2pa"
    jpeg = photos.jpeg_bytes(photos.gradient())
    (tmp_path / "a.jpg").write_bytes(jpeg[:2] + struct.pack(">BBH", 0xFF, 0xEB, len(body) + 2) + body + jpeg[2:])
    assert "Content Credentials" in read_photo(tmp_path / "a.jpg").notes[0]


def test_supported_suffixes() -> None:
    assert {".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".heic", ".dng", ".cr3", ".nef"} <= supported_suffixes()
    assert ".txt" not in supported_suffixes()


def test_extended_xmp_is_joined(tmp_path: Path) -> None:
    head = b"http://ns.adobe.com/xap/1.0/\0"
    more = b"http://ns.adobe.com/xmp/extension/\0"
    guid = b"A" * 32
    main = photos.xmp().replace(
        b'xmp:Rating="4"',
        b'xmp:Rating="4" xmlns:xmpNote="http://ns.adobe.com/xmp/note/" xmpNote:HasExtendedXMP="%s"' % guid,
    )
    text = b"word " * 20000
    extended = (
        b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        b'<rdf:Description rdf:about="" xmlns:p="urn:p"><p:big>'
        + text
        + b"</p:big></rdf:Description></rdf:RDF></x:xmpmeta>"
    )
    bodies = [head + main] + [
        more + guid + struct.pack(">II", len(extended), at) + extended[at : at + 60000] for at in (60000, 0)
    ]
    jpeg = photos.jpeg_bytes(photos.gradient())
    segments = b"".join(struct.pack(">BBH", 0xFF, 0xE1, len(body) + 2) + body for body in bodies)
    (tmp_path / "a.jpg").write_bytes(jpeg[:2] + segments + jpeg[2:])
    found = read_photo(tmp_path / "a.jpg").metadata.xmp
    assert found is not None and b"HasExtendedXMP" not in found
    rdf = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
    first, second = ElementTree.fromstring(found).iter(f"{rdf}Description")
    assert first.get("{http://ns.adobe.com/xap/1.0/}Rating") == "4"
    assert second.findtext("{urn:p}big") == text.decode()


def test_png_with_a_transparent_colour(tmp_path: Path) -> None:
    pixels = photos.gradient()
    Image.fromarray(pixels).save(tmp_path / "a.png", transparency=tuple(int(v) for v in pixels[0, 0]))
    photo = read_photo(tmp_path / "a.png")
    assert np.array_equal(photo.pixels, pixels)
    assert photo.alpha is not None and photo.alpha[0, 0] == 0 and photo.alpha[5, 5] == 255
    assert imagecodecs.png_decode((tmp_path / "a.png").read_bytes()).shape[2] == 4

"""EXIF, IPTC and XMP, field by field, for every pair of formats, read back by libraries other than the code's own."""

from __future__ import annotations

import io
import struct
from pathlib import Path
from xml.etree import ElementTree

import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import Image, IptcImagePlugin

from engine.imageio.exif import read_tree
from engine.imageio.read import read_photo
from engine.imageio.write import write_photo
from tests.helpers import photos

INPUTS = ("jpeg", "png", "webp", "tiff", "heic")
OUTPUTS = ("jpeg", "png", "tiff")


def xmp_in(path: Path) -> bytes:
    if path.suffix == ".tiff":
        with tifffile.TiffFile(path) as file:
            return bytes(file.pages[0].tags[700].value)
    with Image.open(path) as picture:
        found = picture.info.get("xmp") or picture.info["XML:com.adobe.xmp"]
        return found if isinstance(found, bytes) else found.encode()


def iptc_in(path: Path) -> bytes:
    """The raw IIM block by each format's own conventions."""
    if path.suffix == ".tiff":
        with tifffile.TiffFile(path) as file:
            return bytes(file.pages[0].tags[33723].value)
    with Image.open(path) as picture:
        if path.suffix == ".jpeg":
            return bytes(picture.info["photoshop"][0x0404])
        name, size, *lines = picture.info["Raw profile type iptc"].split()
        resource = bytes.fromhex("".join(lines))
        assert name == "iptc" and int(size) == len(resource) and resource[:6] == b"8BIM\x04\x04"
        length = struct.unpack_from(">I", resource, 8)[0]
        return resource[12 : 12 + length]


def assert_same_fields(found: photos.Fields, expected: photos.Fields, size: tuple[int, int]) -> None:
    for tag in photos.DESCRIPTIVE:
        assert found.ifd0[tag] == expected.ifd0[tag], tag
    assert found.gps == expected.gps
    for tag, value in expected.exif.items():
        if tag not in (40962, 40963):
            assert found.exif[tag] == value, tag
    assert found.exif.keys() == expected.exif.keys()
    assert (found.exif[40962], found.exif[40963]) == size
    assert found.ifd0.get(274, 1) == 1


@pytest.mark.parametrize("target", OUTPUTS)
@pytest.mark.parametrize("source", INPUTS)
def test_every_field_survives_and_survives_again(tmp_path: Path, source: str, target: str) -> None:
    path = photos.photo_file(tmp_path, source, photos.gradient(), 6, photos.DISPLAY_P3)
    expected = photos.fields_of_block(photos.exif(6, size=(17, 13)))
    assert expected.exif[37500] == photos.MAKER_NOTE and expected.gps[2] == (48, 51, 29.99)
    for generation in range(2):
        photo = read_photo(path)
        path = tmp_path / f"{generation}.{target}"
        assert write_photo(photo, path) == ()
        assert_same_fields(photos.fields_of(path), expected, (13, 17))
        assert xmp_in(path) == photos.xmp(1)
        with Image.open(path) as picture:
            assert picture.info["icc_profile"] == photos.DISPLAY_P3
            assert picture.size == (13, 17)
        if source not in ("webp", "heic"):
            assert iptc_in(path) == photos.iptc()
            assert photo.metadata.iptc == photos.iptc()


def test_iptc_fields_by_pillow(tmp_path: Path) -> None:
    path = photos.photo_file(tmp_path, "tiff", photos.gradient())
    write_photo(read_photo(path), tmp_path / "a.jpg")
    with Image.open(tmp_path / "a.jpg") as picture:
        fields = IptcImagePlugin.getiptcinfo(picture)
    assert fields is not None
    assert fields[2, 5] == "Porträt".encode() and fields[2, 25] == [b"studio", b"skin"] and fields[2, 90] == b"Wien"


@pytest.mark.parametrize("source", ["jpeg", "png", "tiff"])
@pytest.mark.parametrize("target", OUTPUTS)
def test_density(tmp_path: Path, source: str, target: str) -> None:
    path = photos.photo_file(tmp_path, source, photos.gradient())
    write_photo(read_photo(path), tmp_path / f"out.{target}")
    with Image.open(tmp_path / f"out.{target}") as picture:
        assert picture.info["dpi"] == pytest.approx((240, 240), abs=0.02)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("target", OUTPUTS)
def test_both_byte_orders_keep_maker_notes_in_place(tmp_path: Path, order: str, target: str) -> None:
    block = photos.exif(3, order=order)
    at = block.index(photos.MAKER_NOTE)
    (tmp_path / "a.jpg").write_bytes(photos.jpeg_bytes(photos.gradient(), exif=b"Exif\0\0" + block))
    photo = read_photo(tmp_path / "a.jpg")
    assert photo.metadata.exif is not None and photo.metadata.exif.index(photos.MAKER_NOTE) == at
    path = tmp_path / f"b.{target}"
    write_photo(photo, path)
    assert_same_fields(photos.fields_of(path), photos.fields_of_block(block), (6, 4))
    if target == "tiff":
        # A TIFF's offsets count from its first byte, so notes that point into themselves still do.
        assert path.read_bytes().index(photos.MAKER_NOTE) == at
        again = read_photo(path).metadata.exif
        assert again is not None and again.index(photos.MAKER_NOTE) == at
        assert_same_fields(photos.fields_of_block(again), photos.fields_of_block(block), (6, 4))
        assert np.array_equal(tifffile.imread(path), photo.pixels)


def test_16_bit_tiff_in_either_byte_order(tmp_path: Path) -> None:
    pixels = photos.gradient(dtype=np.uint16)
    for order in "<>":
        data = photos.with_png_chunks(imagecodecs.png_encode(pixels), [(b"eXIf", photos.exif(order=order))])
        (tmp_path / "a.png").write_bytes(data)
        write_photo(read_photo(tmp_path / "a.png"), tmp_path / "b.tif", overwrite=True)
        assert np.array_equal(tifffile.imread(tmp_path / "b.tif"), pixels)
        assert np.array_equal(read_photo(tmp_path / "b.tif").pixels, pixels)
        with tifffile.TiffFile(tmp_path / "b.tif") as file:
            assert file.byteorder == order


@pytest.mark.parametrize("order", ["<", ">"])
def test_the_thumbnail_goes(tmp_path: Path, order: str) -> None:
    small = photos.jpeg_bytes(np.full((8, 8, 3), 77, np.uint8))
    block = photos.exif(6, order=order, thumbnail=small)
    (tmp_path / "a.jpg").write_bytes(photos.jpeg_bytes(photos.gradient(), exif=b"Exif\0\0" + block))
    kept = read_photo(tmp_path / "a.jpg").metadata.exif
    assert kept is not None and small[20:] not in kept and len(kept) < len(block)
    found = Image.Exif()
    found.load(kept)
    assert not found.get_ifd(1)
    assert photos.fields_of_block(kept).gps == photos.fields_of_block(block).gps


def test_xmp_orientation_and_sizes_as_elements(tmp_path: Path) -> None:
    packet = (
        b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        b'<rdf:Description xmlns:tiff="http://ns.adobe.com/tiff/1.0/" xmlns:exif="http://ns.adobe.com/exif/1.0/" '
        b'exif:PixelXDimension="17" exif:PixelYDimension="13"><tiff:Orientation>8</tiff:Orientation>'
        b"<tiff:ImageWidth>17</tiff:ImageWidth><tiff:ImageLength>13</tiff:ImageLength>"
        b"</rdf:Description></rdf:RDF></x:xmpmeta>"
    )
    block = photos.exif(8, size=(17, 13))
    (tmp_path / "a.jpg").write_bytes(photos.jpeg_bytes(photos.gradient(), exif=b"Exif\0\0" + block, xmp=packet))
    found = read_photo(tmp_path / "a.jpg").metadata.xmp
    assert found is not None
    description = ElementTree.fromstring(found)[0][0]
    tiff, exif = "{http://ns.adobe.com/tiff/1.0/}", "{http://ns.adobe.com/exif/1.0/}"
    assert description.findtext(f"{tiff}Orientation") == "1"
    assert (description.findtext(f"{tiff}ImageWidth"), description.findtext(f"{tiff}ImageLength")) == ("13", "17")
    assert (description.get(f"{exif}PixelXDimension"), description.get(f"{exif}PixelYDimension")) == ("13", "17")


def test_blocks_too_large_for_a_jpeg_segment(tmp_path: Path) -> None:
    """XMP is split and joined again; a huge maker note is left out and said so; PNG and TIFF hold both."""
    big = photos.xmp().replace(b"rgen F.", b"rgen F. " + b"x" * 150_000)
    block = Image.Exif()
    block[271] = "Porelight"
    block.get_ifd(34665).update({37500: b"n" * 80_000, 42036: "85mm F1.4"})
    data = imagecodecs.png_encode(photos.gradient())
    chunks = [(b"eXIf", block.tobytes()[6:]), (b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + big)]
    (tmp_path / "a.png").write_bytes(photos.with_png_chunks(data, chunks))
    photo = read_photo(tmp_path / "a.png")
    assert write_photo(photo, tmp_path / "b.tif") == () == write_photo(photo, tmp_path / "b.png")
    assert read_photo(tmp_path / "b.tif").metadata.xmp == big
    notes = write_photo(photo, tmp_path / "b.jpg")
    assert len(notes) == 1 and "maker note" in notes[0]
    again = read_photo(tmp_path / "b.jpg").metadata
    assert again.exif is not None and photos.fields_of_block(again.exif).exif == {42036: "85mm F1.4"}
    assert again.xmp is not None and b"x" * 150_000 in again.xmp
    creator = ElementTree.fromstring(again.xmp).find(".//{http://purl.org/dc/elements/1.1/}creator")
    assert creator is not None and "".join(creator.itertext()).startswith("Jürgen F. xxx")


def test_icc_profile_larger_than_a_segment(tmp_path: Path) -> None:
    icc = photos.ADOBE_RGB + np.random.default_rng(0).bytes(200_000)
    icc = struct.pack(">I", len(icc)) + icc[4:]
    path = photos.photo_file(tmp_path, "tiff", photos.gradient(), icc=icc)
    for target in OUTPUTS:
        write_photo(read_photo(path), tmp_path / f"b.{target}")
        assert read_photo(tmp_path / f"b.{target}").icc == icc
        with Image.open(tmp_path / f"b.{target}") as picture:
            assert picture.info["icc_profile"] == icc


def test_a_damaged_exif_block_is_declared(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(
        photos.jpeg_bytes(photos.gradient(), exif=b"Exif\0\0II*\0\xff\xff\xff\xff" + bytes(9))
    )
    photo = read_photo(tmp_path / "a.jpg")
    assert photo.metadata.exif is None and photo.notes == ("The EXIF block is damaged and was left out.",)


def test_a_file_without_metadata_gets_none(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(photos.jpeg_bytes(photos.gradient()))
    for target in OUTPUTS:
        path = tmp_path / f"b.{target}"
        write_photo(read_photo(tmp_path / "a.jpg"), path)
        metadata = read_photo(path).metadata
        assert metadata.xmp is None and metadata.iptc is None and read_photo(path).icc is None
        if metadata.exif is not None:
            assert set(read_tree(metadata.exif).ifd0) <= {274}


def test_photoshop_only_iptc_in_tiff(tmp_path: Path) -> None:
    """Some TIFFs hold IPTC in their Photoshop block alone."""
    iim = photos.iptc()
    block = b"8BIM" + struct.pack(">HHI", 0x0404, 0, len(iim)) + iim + b"\0" * (len(iim) & 1)
    tags = [(34377, "B", len(block), block, True)]
    tifffile.imwrite(tmp_path / "a.tif", photos.gradient(), photometric="rgb", extratags=tags)
    assert read_photo(tmp_path / "a.tif").metadata.iptc == iim


def test_jpeg_is_written_without_subsampling_and_readable_by_pillow(tmp_path: Path) -> None:
    photo = read_photo(photos.photo_file(tmp_path, "jpeg", photos.gradient(64, 48)))
    write_photo(photo, tmp_path / "b.jpg")
    with Image.open(io.BytesIO((tmp_path / "b.jpg").read_bytes())) as picture:
        assert [layer[1:3] for layer in picture.layer] == [(1, 1)] * 3  # type: ignore[attr-defined]
        assert max(max(table) for table in picture.quantization.values()) <= 12  # type: ignore[attr-defined]
        assert np.abs(np.asarray(picture).astype(int) - photo.pixels).max() <= 6

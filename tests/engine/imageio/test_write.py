"""Writing: depth, notes, collisions, whole files or none."""

from __future__ import annotations

import errno
import os
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image

from engine.errors import EngineError, ExportError, UsageError
from engine.imageio import write
from engine.imageio.read import read_photo
from engine.imageio.write import write_photo
from engine.types import Metadata, Photo
from tests.helpers import photos


def photo_of(pixels: photos.Array, **fields: Any) -> Photo:
    return Photo(pixels=pixels, icc=None, metadata=Metadata(), path=Path("nowhere.tif"), format="tiff", **fields)


@pytest.mark.parametrize("suffix", ["png", "tif", "tiff"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_lossless_formats_keep_every_bit(tmp_path: Path, suffix: str, dtype: Any) -> None:
    pixels = np.random.default_rng(1).integers(0, np.iinfo(dtype).max + 1, (300, 7, 3)).astype(dtype)
    path = tmp_path / f"a.{suffix}"
    assert write_photo(photo_of(pixels), path) == ()
    assert np.array_equal(read_photo(path).pixels, pixels)
    if suffix != "png":
        assert np.array_equal(tifffile.imread(path), pixels)
    elif dtype is np.uint8:
        with Image.open(path) as picture:
            assert np.array_equal(np.asarray(picture), pixels)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize(
    ("source", "kept"),
    [
        ({"compression": "lzw", "predictor": True}, 5),
        ({"compression": "lzw"}, 5),
        ({"compression": 32946}, 8),
        ({"compression": "zlib", "predictor": True, "tile": (64, 64)}, 8),
        ({"compression": "packbits"}, 1),
        ({}, 1),
    ],
)
def test_a_tiff_keeps_its_compression(
    tmp_path: Path, source: dict[str, Any], kept: int, dtype: Any, order: Any
) -> None:
    """Two other libraries read what is written."""
    y, x = np.mgrid[:521, :97]
    pixels = (np.stack([y * 7 + x, y + x * 5, y * x], -1) % 251 * (np.iinfo(dtype).max // 255)).astype(dtype)
    tifffile.imwrite(tmp_path / "a.tif", pixels, photometric="rgb", byteorder=order, **source)
    photo = read_photo(tmp_path / "a.tif")
    exif = b"MM\0*\0\0\0\x08\0\0\0\0\0\0" if order == ">" else None
    alpha = np.ascontiguousarray(pixels[..., 1])
    for name, made in (("b.tif", photo), ("c.tif", replace(photo, alpha=alpha))):
        write_photo(replace(made, metadata=Metadata(exif=exif)), tmp_path / name)
        with tifffile.TiffFile(tmp_path / name) as file:
            page: Any = file.pages[0]
            assert (file.byteorder, int(page.compression), page.predictor) == (order, kept, 1 if kept == 1 else 2)
            assert np.array_equal(page.asarray()[..., :3], pixels)
        assert np.array_equal(read_photo(tmp_path / name).pixels, pixels)
    assert np.array_equal(read_photo(tmp_path / "c.tif").alpha, alpha)  # type: ignore[arg-type]
    if dtype is np.uint8:
        with Image.open(tmp_path / "b.tif") as picture:
            assert picture.info["compression"] == {1: "raw", 5: "tiff_lzw", 8: "tiff_adobe_deflate"}[kept]
            assert np.array_equal(np.asarray(picture), pixels)
    if kept != 1:
        assert (tmp_path / "b.tif").stat().st_size < pixels.nbytes / 2
        write_photo(photo, tmp_path / "d.png")
        assert read_photo(tmp_path / "d.png").compression == ""


def test_depth_changes_only_when_asked(tmp_path: Path) -> None:
    deep = np.arange(65536, dtype=np.uint16).repeat(3).reshape(256, 256, 3)
    assert write_photo(photo_of(deep), tmp_path / "a.tif", depth=8) == ()
    assert np.array_equal(read_photo(tmp_path / "a.tif").pixels, np.rint(deep / 257).astype(np.uint8))
    shallow = photos.gradient()
    write_photo(photo_of(shallow), tmp_path / "b.png", depth=16)
    assert np.array_equal(read_photo(tmp_path / "b.png").pixels, shallow.astype(np.uint16) * 257)
    notes = write_photo(photo_of(deep), tmp_path / "c.jpg", quality=100)
    assert len(notes) == 1 and "8 bit" in notes[0]
    assert write_photo(photo_of(shallow), tmp_path / "d.jpg") == ()


def test_what_cannot_be_encoded(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match=r"a\.tif cannot be encoded"):
        write_photo(replace(photo_of(photos.gradient()), metadata=Metadata(exif=b"junk" * 9)), tmp_path / "a.tif")
    with pytest.raises(ExportError, match="too large for JPEG"):
        write_photo(photo_of(np.zeros((1, 65501, 3), np.uint8)), tmp_path / "a.jpg")
    assert not list(tmp_path.iterdir())


def test_quality(tmp_path: Path) -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (64, 64, 3)).astype(np.uint8)
    sizes = []
    for quality in (60, 95, 100):
        write_photo(photo_of(pixels), tmp_path / "a.jpg", quality=quality, overwrite=True)
        sizes.append((tmp_path / "a.jpg").stat().st_size)
    assert sizes[0] < sizes[1] < sizes[2]


def test_transparency(tmp_path: Path) -> None:
    alpha = np.full((13, 17), 255, np.uint8)
    alpha[:, :8] = 0
    photo = photo_of(photos.gradient(), alpha=alpha)
    for name in ("a.png", "a.tif"):
        write_photo(photo, tmp_path / name)
        found = read_photo(tmp_path / name)
        assert np.array_equal(found.pixels, photo.pixels)
        assert found.alpha is not None and np.array_equal(found.alpha, alpha)
    notes = write_photo(photo, tmp_path / "a.jpg", quality=100)
    assert "white" in notes[0]
    assert read_photo(tmp_path / "a.jpg").pixels[:, :6].min() > 250
    assert write_photo(replace(photo, alpha=np.full_like(alpha, 255)), tmp_path / "b.jpg") == ()


def test_the_format_argument_wins_over_the_suffix(tmp_path: Path) -> None:
    write_photo(photo_of(photos.gradient()), tmp_path / "a.dat", format="png")
    assert (tmp_path / "a.dat").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    "options", [{"format": "gif"}, {"depth": 12}, {"quality": 0}, {"format": "jpeg", "depth": 16}, {"name": "a.webp"}]
)
def test_settings_without_meaning(tmp_path: Path, options: dict[str, Any]) -> None:
    path = tmp_path / options.pop("name", "a.png")
    with pytest.raises(UsageError) as caught:
        write_photo(photo_of(photos.gradient()), path, **options)
    assert caught.value.hint and not list(tmp_path.iterdir())


def test_existing_files_need_the_flag(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(b"precious")
    with pytest.raises(ExportError, match=r"a\.png exists already"):
        write_photo(photo_of(photos.gradient()), path)
    assert path.read_bytes() == b"precious"
    write_photo(photo_of(photos.gradient()), path, overwrite=True)
    assert read_photo(path).size == (17, 13)
    assert [file.name for file in tmp_path.iterdir()] == ["a.png"]


@pytest.mark.parametrize("route", ["same", "dots", "symlink", "hardlink", "linked folder", "other input"])
def test_an_input_is_never_overwritten(tmp_path: Path, route: str) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    source = photos.photo_file(folder, "jpeg", photos.gradient())
    before = source.read_bytes()
    photo = read_photo(source)
    inputs: tuple[Path, ...] = ()
    target = {"same": source, "dots": folder / ".." / "in" / source.name}.get(route, tmp_path / "link.jpeg")
    if route == "symlink":
        target.symlink_to(source)
    elif route == "hardlink":
        target.hardlink_to(source)
    elif route == "linked folder":
        (tmp_path / "alias").symlink_to(folder)
        target = tmp_path / "alias" / source.name
    elif route == "other input":
        target = source.rename(folder / "second.jpeg")
        inputs, source = (target,), target
    with pytest.raises(ExportError, match="never overwritten"):
        write_photo(photo, target, overwrite=True, inputs=inputs)
    assert source.read_bytes() == before


def test_another_case_of_an_input_on_a_folder_that_ignores_case(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = photos.photo_file(tmp_path, "jpeg", photos.gradient())
    photo = read_photo(source)
    same = Path.samefile

    def ignoring_case(self: Path, other: Path) -> bool:
        return str(self).lower() == str(other).lower() or same(self, other)

    monkeypatch.setattr(Path, "samefile", ignoring_case)
    with pytest.raises(ExportError, match="never overwritten"):
        write_photo(photo, source.with_name(source.name.upper()), overwrite=True)


def test_a_symlink_to_an_existing_file_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "other.png").write_bytes(b"precious")
    (tmp_path / "link.png").symlink_to(tmp_path / "other.png")
    with pytest.raises(ExportError, match="exists already"):
        write_photo(photo_of(photos.gradient()), tmp_path / "link.png")
    write_photo(photo_of(photos.gradient()), tmp_path / "link.png", overwrite=True)
    assert (tmp_path / "other.png").read_bytes() == b"precious"


FAILURES = [
    (errno.ENOSPC, "disk is full"),
    (errno.EDQUOT, "disk is full"),
    (errno.EACCES, "read-only"),
    (errno.EROFS, "read-only"),
    (errno.EIO, "cannot be written"),
]


@pytest.mark.parametrize(("code", "words"), FAILURES)
@pytest.mark.parametrize("existing", [False, True])
def test_a_failing_disk_leaves_nothing_and_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, words: str, existing: bool
) -> None:
    path = tmp_path / "a.tif"
    if existing:
        path.write_bytes(b"precious")

    def fail(descriptor: int) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(write.os, "fsync", fail)
    with pytest.raises(ExportError, match=words) as caught:
        write_photo(photo_of(photos.gradient()), path, overwrite=existing)
    assert "a.tif" in caught.value.message and caught.value.hint
    assert [file.name for file in tmp_path.iterdir()] == (["a.tif"] if existing else [])
    assert not existing or path.read_bytes() == b"precious"


def test_interruption_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(descriptor: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(write.os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_photo(photo_of(photos.gradient()), tmp_path / "a.tif")
    assert not list(tmp_path.iterdir())


def test_a_really_full_file_system(tmp_path: Path) -> None:
    resource = pytest.importorskip("resource")
    signal = pytest.importorskip("signal")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    try:
        with pytest.raises(ExportError, match=r"a\.tif cannot be written"):
            write_photo(photo_of(photos.gradient(100, 100)), tmp_path / "a.tif")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, handler)
    assert not list(tmp_path.iterdir())


def test_a_read_only_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "locked"
    folder.mkdir()
    folder.chmod(0o555)
    if os.access(folder, os.W_OK):  # the administrator may write anywhere

        def refuse(*arguments: object) -> int:
            raise PermissionError(errno.EACCES, "Permission denied")

        monkeypatch.setattr(write.os, "open", refuse)
    with pytest.raises(ExportError, match=r"a\.tif cannot be written: the folder locked is read-only"):
        write_photo(photo_of(photos.gradient()), folder / "a.tif")
    assert not list(folder.iterdir())
    folder.chmod(0o755)


def test_missing_folder_and_long_name(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="gone does not exist"):
        write_photo(photo_of(photos.gradient()), tmp_path / "gone" / "a.tif")
    with pytest.raises(ExportError, match="name is too long"):
        write_photo(photo_of(photos.gradient()), tmp_path / f"{'x' * 300}.tif")
    assert not list(tmp_path.iterdir())


def test_a_name_as_long_as_the_folder_allows(tmp_path: Path) -> None:
    path = tmp_path / ("写" * 83 + ".png")
    write_photo(photo_of(photos.gradient()), path)
    assert read_photo(path).size == (17, 13)


def test_without_hard_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unsupported(self: Path, target: Path) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(Path, "hardlink_to", unsupported)
    path = tmp_path / "a.png"
    write_photo(photo_of(photos.gradient()), path)
    assert read_photo(path).size == (17, 13)
    with pytest.raises(ExportError, match="exists already"):
        write.write_atomically(path, [b"new"], overwrite=False)
    assert [file.name for file in tmp_path.iterdir()] == ["a.png"]


def test_of_many_writers_one_wins(tmp_path: Path) -> None:
    outcomes: list[str] = []

    def attempt(i: int) -> None:
        try:
            write.write_atomically(tmp_path / "a.bin", [bytes([i]) * 1000], overwrite=False)
            outcomes.append(f"won {i}")
        except EngineError as error:
            outcomes.append(error.code)

    threads = [threading.Thread(target=attempt, args=(i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    winners = [outcome for outcome in outcomes if outcome.startswith("won")]
    assert len(winners) == 1 and outcomes.count("export") == 7
    assert (tmp_path / "a.bin").read_bytes() == bytes([int(winners[0][4:])]) * 1000


def test_permissions_follow_the_umask(tmp_path: Path) -> None:
    if os.name == "nt":
        pytest.skip("no modes on Windows")
    old = os.umask(0o027)
    try:
        write_photo(photo_of(photos.gradient()), tmp_path / "a.png")
    finally:
        os.umask(old)
    assert (tmp_path / "a.png").stat().st_mode & 0o777 == 0o640

"""Broken, odd and hostile input through the command line: one clear sentence each, and the other photo goes on."""

from __future__ import annotations

import os
import shutil
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from tests.cli.conftest import Run
from tests.helpers.fake_policy import landscape, portrait

pytestmark = pytest.mark.usefixtures("fakes")


def _empty(path: Path) -> None:
    path.write_bytes(b"")


def _truncated(path: Path) -> None:
    whole = portrait(path.parent / "whole" / path.name).read_bytes()
    path.write_bytes(whole[: len(whole) // 2])


def _text(path: Path) -> None:
    path.write_text("This is not a photo at all, whatever its name says.")


def _bomb(path: Path) -> None:
    """A PNG of a few bytes that claims 60,000 × 60,000 pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    data = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 1000)) + chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + data)


def _animated(path: Path) -> None:
    frames = [Image.new("RGB", (32, 32), (shade, 0, 0)) for shade in (0, 100, 200)]
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=100)


def _cmyk(path: Path) -> None:
    Image.new("CMYK", (64, 64), (10, 60, 70, 0)).save(path)


def _folder(path: Path) -> None:
    """Root may read everything; a folder with a photo's name, named by a glob's match, cannot be read either."""
    path.symlink_to(path.parent / "nowhere.jpg")


FAILING: dict[str, tuple[str, Callable[[Path], None], str]] = {
    "empty": ("empty.jpg", _empty, "empty"),
    "truncated JPEG": ("half.jpg", _truncated, "cut off|damaged"),
    "truncated PNG": ("half.png", _truncated, "cut off|damaged"),
    "truncated TIFF": ("half.tif", _truncated, "cut off|damaged"),
    "text": ("letter.jpg", _text, "not a photo|format"),
    "bomb": ("bomb.png", _bomb, "large|pixels"),
    "animated WebP": ("moving.webp", _animated, "animat|frames"),
    "animated PNG": ("moving.png", _animated, "animat|frames"),
    "CMYK without profile": ("print.jpg", _cmyk, "CMYK"),
    "dangling link": ("link.jpg", _folder, "exist"),
}


@pytest.mark.parametrize("case", FAILING)
def test_one_bad_photo_does_not_stop_the_good(porelight: Run, tmp_path: Path, case: str) -> None:
    name, make, words = FAILING[case]
    photos = tmp_path / "in"
    photos.mkdir()
    make(photos / name)
    good = portrait(photos / "zz.png")
    before = {path.name: path.read_bytes() for path in photos.iterdir() if path.is_file()}
    result = porelight("retouch", photos / name, good, "--out", tmp_path / "out", "--policy", "fake")
    assert result.exit_code == 1, result.output
    assert "2 photos: 1 done, 0 skipped, 1 failed" in result.stdout
    (line,) = [line for line in result.stderr.splitlines() if line.startswith("failed")]
    assert name in line and any(word in line for word in words.split("|")), line
    assert line.rstrip().endswith((".", "!")) and line.count(". ") >= 1, (
        "a sentence on what is wrong and one on what to do"
    )
    assert "Traceback" not in result.stderr
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["zz.png"]
    assert {path.name: path.read_bytes() for path in photos.iterdir() if path.is_file()} == before


def test_wrong_extension_is_read_by_content_and_noted(porelight: Run, tmp_path: Path) -> None:
    shutil.move(portrait(tmp_path / "a.png"), tmp_path / "a.jpg")
    result = porelight("retouch", tmp_path / "a.jpg", "--out", tmp_path / "out", "--policy", "fake")
    assert result.exit_code == 0, result.output
    assert "note:" in result.stderr and "PNG" in result.stderr
    (written,) = (tmp_path / "out").iterdir()
    with Image.open(written) as picture:
        assert written.name == "a.png" and picture.format == "PNG"


@pytest.mark.parametrize("size", [(1, 1), (64, 48)])
def test_no_face_and_one_pixel(porelight: Run, tmp_path: Path, size: tuple[int, int]) -> None:
    Image.new("RGB", size, (200, 150, 130)).save(tmp_path / "flat.png")
    result = porelight("retouch", tmp_path / "flat.png", "--out", tmp_path / "out", "--policy", "fake")
    assert result.exit_code == 0
    assert "skipped" in result.stderr and "flat.png shows no face" in result.stderr
    assert "Nothing was changed or written" in result.stderr
    assert not (tmp_path / "out").exists()


def test_float_with_nan(porelight: Run, tmp_path: Path) -> None:
    """Read with a note or refused with a reason; never a traceback, never a black picture."""
    pixels = np.full((64, 64, 3), 0.5, np.float32)
    pixels[10:20, 10:20] = np.nan
    tifffile.imwrite(tmp_path / "float.tif", pixels, photometric="rgb")
    result = porelight("retouch", tmp_path / "float.tif", "--out", tmp_path / "out", "--policy", "fake")
    assert "float.tif" in result.stderr and "Traceback" not in result.stderr
    assert ("1 failed" in result.stdout) == (result.exit_code == 1)
    assert not (tmp_path / "out").exists()


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_unreadable(porelight: Run, tmp_path: Path) -> None:
    photo = portrait(tmp_path / "a.png")
    photo.chmod(0)
    result = porelight("retouch", photo, "--out", tmp_path / "out", "--policy", "fake")
    assert result.exit_code == 1 and "a.png" in result.stderr


def test_unreadable_drive(porelight: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    photo = portrait(tmp_path / "a.png")
    opened = Path.open

    def refuse(self: Path, *arguments: object, **options: object) -> object:
        if self == photo:
            raise PermissionError(13, "Permission denied")
        return opened(self, *arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(Path, "open", refuse)
    result = porelight("retouch", photo, "--out", tmp_path / "out", "--policy", "fake")
    assert result.exit_code == 1 and "a.png may not be read" in result.stderr


@pytest.mark.parametrize("name", ["Zoë Ångström – 写真 📷.png", "a b\n'\"[1].png", "[red]bold[/].png"])
def test_names_beyond_ascii_and_markup(porelight: Run, tmp_path: Path, name: str) -> None:
    photo = portrait(tmp_path / "plain.png").rename(tmp_path / name.replace("/", "∕"))
    result = porelight("retouch", photo, "--out", tmp_path / "out", "--policy", "fake", "--sidecar")
    assert result.exit_code == 0, result.output
    assert (tmp_path / "out" / photo.name).exists()
    assert photo.name.splitlines()[0] in result.stderr


def test_names_that_are_no_unicode(porelight: Run, tmp_path: Path) -> None:
    photo = portrait(tmp_path / "plain.png").rename(os.fsdecode(os.fsencode(tmp_path) + b"/b\xff.png"))
    arguments = ("retouch", photo, "--out", tmp_path / "out", "--policy", "fake", "--report", tmp_path / "r.json")
    result = porelight(*arguments, "--sidecar")
    assert result.exit_code == 0, result.output
    assert (tmp_path / "out" / photo.name).exists() and (tmp_path / "r.json").exists()


def test_very_long_paths(porelight: Run, tmp_path: Path) -> None:
    deep = tmp_path.joinpath(*["d" * 100] * 8)
    deep.mkdir(parents=True)
    photo = portrait(tmp_path / "p.png").rename(deep / ("n" * 250 + ".png"))
    result = porelight("retouch", deep, "--out", tmp_path / "out", "--policy", "fake", "--sidecar")
    assert result.exit_code == 0, result.output
    assert (tmp_path / "out" / photo.name).exists()
    impossible = tmp_path / ("x" * 300 + ".png")
    result = porelight("retouch", impossible, photo, "--out", tmp_path / "out2", "--policy", "fake")
    assert result.exit_code == 1 and "1 done, 0 skipped, 1 failed" in result.stdout


def test_output_folder_that_cannot_be_made(porelight: Run, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"in the way")
    photo = portrait(tmp_path / "a.png")
    result = porelight("retouch", photo, "--out", tmp_path / "file" / "out", "--policy", "fake")
    assert result.exit_code == 1 and "output folder" in result.stderr and "--out" in result.stderr
    assert (tmp_path / "file").read_bytes() == b"in the way"


def _failing_open(monkeypatch: pytest.MonkeyPatch, folder: Path, error: OSError) -> None:
    opened = os.open

    def refuse(path: object, flags: int, *arguments: int, **options: int) -> int:
        if isinstance(path, Path) and path.parent == folder and flags & os.O_CREAT:
            raise error
        return opened(path, flags, *arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "open", refuse)


def test_read_only_output_folder(porelight: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    photo = portrait(tmp_path / "a.png")
    (tmp_path / "out").mkdir()
    _failing_open(monkeypatch, tmp_path / "out", PermissionError(13, "Permission denied"))
    result = porelight("retouch", photo, "--out", tmp_path / "out", "--policy", "fake")
    assert result.exit_code == 1 and "a.png" in result.stderr and "read-only" in result.stderr
    assert list((tmp_path / "out").iterdir()) == []


def test_full_disk(porelight: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    photo = portrait(tmp_path / "a.png")
    old = portrait(tmp_path / "out" / "a.png", seed=5).read_bytes()

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    result = porelight("retouch", photo, "--out", tmp_path / "out", "--policy", "fake", "--overwrite")
    assert result.exit_code == 1 and "disk is full" in result.stderr
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["a.png"]
    assert (tmp_path / "out" / "a.png").read_bytes() == old


@pytest.mark.parametrize("damage", ["missing", "corrupt", "no catalogue"])
def test_weights_of_the_shipped_policy(
    porelight: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damage: str
) -> None:
    from engine import paths
    from engine.weights.catalogue import WEIGHT_SUFFIXES

    models = tmp_path / "models"
    shutil.copytree(paths.shipped_models(), models)
    weights = [path for path in models.rglob("*") if path.suffix in WEIGHT_SUFFIXES and "faces" not in path.parts]
    assert weights, "the shipped policy has no weights"
    for path in weights:
        if damage == "missing":
            path.unlink()
        elif damage == "corrupt":
            data = bytearray(path.read_bytes())
            data[len(data) // 2] ^= 0xFF
            path.write_bytes(data)
    if damage == "no catalogue":
        (models / "catalogue.json").unlink()
    monkeypatch.setattr(paths, "shipped_models", lambda: models)
    result = porelight("retouch", portrait(tmp_path / "a.png"), "--out", tmp_path / "out", "--device", "cpu")
    assert result.exit_code == 1, result.output
    assert ("damaged" if damage == "corrupt" else "missing") in result.stderr
    assert "Install" in result.stderr and "Traceback" not in result.stderr
    assert not (tmp_path / "out").exists()
    assert porelight("models").exit_code == 1


def test_landscape_among_portraits_keeps_the_count_true(porelight: Run, tmp_path: Path) -> None:
    portrait(tmp_path / "in" / "a.png")
    landscape(tmp_path / "in" / "b.png")
    _empty(tmp_path / "in" / "c.png")
    result = porelight("retouch", tmp_path / "in", "--out", tmp_path / "out", "--policy", "fake")
    assert result.exit_code == 1
    assert "3 photos: 1 done, 1 skipped, 1 failed" in result.stdout

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from engine.errors import SidecarError
from engine.library import culls
from engine.library.culls import Listing
from engine.library.xmp import Cull, Flag, Label, read
from tests.engine.library.packets import DARKTABLE, LIGHTROOM


def photo(folder: Path, name: str = "IMG_1.JPG") -> Path:
    path = folder / name
    path.write_bytes(b"\xff\xd8photo")
    return path


def test_a_new_sidecar_lies_beside_and_the_photo_stays(tmp_path: Path) -> None:
    path = photo(tmp_path)
    assert culls.save(path, Cull(4, Label.GREEN, Flag.PICK)) == tmp_path / "IMG_1.xmp"
    assert culls.load(path) == Cull(4, Label.GREEN, Flag.PICK)
    assert path.read_bytes() == b"\xff\xd8photo"


def test_raw_and_jpeg_of_one_stem_have_sidecars_of_their_own(tmp_path: Path) -> None:
    raw, jpeg = photo(tmp_path, "IMG_1.CR2"), photo(tmp_path)
    assert culls.save(raw, Cull(5)).name == "IMG_1.xmp"
    assert culls.save(jpeg, Cull(2)).name == "IMG_1.JPG.xmp"
    assert (culls.load(raw).stars, culls.load(jpeg).stars) == (5, 2)


def test_the_sidecar_that_is_there_is_edited(tmp_path: Path) -> None:
    path = photo(tmp_path, "IMG_1.CR2")
    (tmp_path / "IMG_1.CR2.xmp").write_bytes(DARKTABLE)
    assert culls.load(path) == Cull(1, Label.GREEN)
    assert culls.save(path, Cull(3, Label.GREEN)).name == "IMG_1.CR2.xmp"
    assert (tmp_path / "IMG_1.CR2.xmp").read_bytes() == DARKTABLE.replace(b'Rating="1"', b'Rating="3"')
    assert not (tmp_path / "IMG_1.xmp").exists()


def test_of_two_sidecars_the_later_counts(tmp_path: Path) -> None:
    path = photo(tmp_path)
    (tmp_path / "IMG_1.JPG.xmp").write_bytes(DARKTABLE)
    (tmp_path / "IMG_1.xmp").write_bytes(LIGHTROOM)
    os.utime(tmp_path / "IMG_1.JPG.xmp", ns=(1, 1))
    assert culls.load(path) == Cull(3, Label.RED)


def test_what_the_photo_says_itself_counts_without_a_sidecar(tmp_path: Path) -> None:
    path = photo(tmp_path)
    assert culls.load(path, embedded=LIGHTROOM) == Cull(3, Label.RED)
    culls.save(path, Cull(0, Label.RED), embedded=LIGHTROOM)
    assert culls.load(path, embedded=LIGHTROOM) == Cull(0, Label.RED)


def test_a_broken_sidecar_is_never_overwritten(tmp_path: Path) -> None:
    path = photo(tmp_path)
    broken = LIGHTROOM[:300]
    (tmp_path / "IMG_1.xmp").write_bytes(broken)
    with pytest.raises(SidecarError, match=r"IMG_1\.xmp is damaged"):
        culls.load(path)
    with pytest.raises(SidecarError, match="are not saved"):
        culls.save(path, Cull(5))
    assert (tmp_path / "IMG_1.xmp").read_bytes() == broken
    assert sorted(each.name for each in tmp_path.iterdir()) == ["IMG_1.JPG", "IMG_1.xmp"]


def test_of_a_folder_that_cannot_be_written_it_goes_to_the_users_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from engine import paths

    path, write = photo(tmp_path), paths.write_atomic

    def refuse(target: Path, data: bytes, **rest: bool) -> None:
        if target.parent == tmp_path:
            raise OSError(30, "Read-only file system")
        write(target, data, **rest)

    monkeypatch.setattr(paths, "write_atomic", refuse)
    saved = culls.save(path, Cull(2))
    assert saved.parent == paths.user_sidecars()
    assert culls.load(path) == Cull(2)
    assert [each.name for each in tmp_path.iterdir()] == ["IMG_1.JPG"]


def test_two_writers_at_once_lose_no_foreign_field(tmp_path: Path) -> None:
    path = photo(tmp_path)
    (tmp_path / "IMG_1.xmp").write_bytes(LIGHTROOM)

    def write(stars: int) -> None:
        for _ in range(10):
            culls.save(path, Cull(stars, Label.RED))

    threads = [threading.Thread(target=write, args=(stars,)) for stars in (1, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    packet = (tmp_path / "IMG_1.xmp").read_bytes()
    assert read(packet).stars in (1, 5)
    assert len(packet) == len(LIGHTROOM)


def test_only_the_one_raw_photo_owns_the_stem() -> None:
    listing = Listing.of(["a.CR2", "a.jpg", "b.jpg", "c.jpg", "c.tif", "b.txt"])
    owners = {name for name in listing.names if listing.owns_stem(Path(name))}
    assert owners & {"a.CR2", "a.jpg", "b.jpg", "c.jpg", "c.tif"} == {"a.CR2", "b.jpg"}

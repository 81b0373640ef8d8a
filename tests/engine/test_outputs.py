"""Which photos a batch takes and where results go: none lost, none twice, none over another or over a photo."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine import outputs
from engine.errors import UsageError
from engine.outputs import Source


def _touch(*files: Path) -> None:
    for file in files:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"x")


def _names(out: Path, *paths: Path, format: str | None = None) -> list[str]:
    targets = outputs.plan([Source(path) for path in paths], out, format)
    return [str((target.folder / target.stem).relative_to(out)) for target in targets]


def test_folders_keep_their_subfolders(tmp_path: Path) -> None:
    shoot = tmp_path / "shoot"
    _touch(shoot / "b.JPG", shoot / "a.png", shoot / "day 2" / "a.png", shoot / "notes.txt", shoot / ".hidden.jpg")
    _touch(shoot / ".trash" / "c.jpg")
    sources = outputs.gather([str(shoot)])
    assert [str(source.path.relative_to(shoot)) for source in sources] == ["a.png", "b.JPG", "day 2/a.png"]
    targets = outputs.plan(sources, tmp_path / "out")
    assert [target.folder for target in targets] == [tmp_path / "out"] * 2 + [tmp_path / "out" / "day 2"]


def test_results_inside_the_folder_are_not_taken_again(tmp_path: Path) -> None:
    _touch(tmp_path / "a.jpg", tmp_path / "out" / "a.jpg")
    assert [source.path.parent for source in outputs.gather([str(tmp_path)], exclude=tmp_path / "out")] == [tmp_path]
    assert len(outputs.gather([str(tmp_path)])) == 2


def test_a_photo_named_twice_is_taken_once(tmp_path: Path) -> None:
    _touch(tmp_path / "a.jpg")
    (tmp_path / "link.jpg").symlink_to(tmp_path / "a.jpg")
    roundabout = f"{tmp_path}/../{tmp_path.name}/a.jpg"
    arguments = [str(tmp_path / "a.jpg"), str(tmp_path), roundabout, str(tmp_path / "*.jpg")]
    assert [source.path.name for source in outputs.gather(arguments)] == ["a.jpg"]


def test_globs_and_names_with_brackets(tmp_path: Path) -> None:
    _touch(tmp_path / "a1.jpg", tmp_path / "a2.jpg", tmp_path / "b[1].jpg", tmp_path / "sub" / "a3.jpg")
    assert [s.path.name for s in outputs.gather([str(tmp_path / "a?.jpg")])] == ["a1.jpg", "a2.jpg"]
    assert [s.path.name for s in outputs.gather([str(tmp_path / "b[1].jpg")])] == ["b[1].jpg"]
    assert [s.path.name for s in outputs.gather([str(tmp_path / "**" / "a3.jpg")])] == ["a3.jpg"]


def test_what_is_not_there_is_not_lost(tmp_path: Path) -> None:
    missing = [str(tmp_path / "gone.jpg"), str(tmp_path / "none*.jpg")]
    assert [str(source.path) for source in outputs.gather(missing)] == missing


def test_an_empty_folder_is_wrong_usage(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no photos"):
        outputs.gather([str(tmp_path)])


def test_same_names_from_different_folders_are_numbered(tmp_path: Path) -> None:
    paths = [tmp_path / folder / "a.jpg" for folder in ("x", "y", "z")]
    assert _names(tmp_path / "out", *paths) == ["a", "a-2", "a-3"]


def test_numbers_do_not_collide_with_names(tmp_path: Path) -> None:
    paths = [tmp_path / name for name in ("x/a.jpg", "x/a-2.jpg", "y/a.jpg", "y/A.jpg")]
    assert _names(tmp_path / "out", *paths) == ["a", "a-2", "a-3", "A-4"]


def test_different_suffixes_share_a_stem_where_they_can(tmp_path: Path) -> None:
    paths = [tmp_path / name for name in ("a.jpg", "a.NEF", "a.png", "a.heic")]
    assert _names(tmp_path / "out", *paths) == ["a", "a", "a", "a-2"]
    assert _names(tmp_path / "out", *paths, format="jpeg") == ["a", "a-2", "a-3", "a-4"]


def test_results_beside_the_photos_get_another_name(tmp_path: Path) -> None:
    _touch(tmp_path / "a.jpg", tmp_path / "a.NEF")
    assert _names(tmp_path, tmp_path / "a.jpg", tmp_path / "a.NEF") == ["a-retouched", "a"]


def test_no_result_takes_the_place_of_another_photo(tmp_path: Path) -> None:
    """x/a.jpg retouched into y would otherwise land on y/a.jpg."""
    _touch(tmp_path / "x" / "a.jpg", tmp_path / "y" / "a.jpg")
    assert _names(tmp_path / "y", tmp_path / "x" / "a.jpg", tmp_path / "y" / "a.jpg") == [
        "a-retouched",
        "a-retouched-2",
    ]


@pytest.mark.parametrize(
    ("name", "format", "suffix"),
    [("a.JPEG", "jpeg", ".JPEG"), ("a.jpg", "tiff", ".tif"), ("a.heic", "jpeg", ".jpg"), ("a", "png", ".png")],
)
def test_suffixes(name: str, format: str, suffix: str) -> None:
    assert outputs.suffix_of(Path(name), format) == suffix

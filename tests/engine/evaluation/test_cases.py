"""Which files belong together."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from engine.errors import UsageError
from engine.evaluation.cases import find_cases


def _photos(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 8)).save(folder / name)
    return folder


def test_results_have_the_photo_s_name_or_one_more_word(tmp_path: Path) -> None:
    before = _photos(tmp_path / "before", "anna.jpg", "ben-2.jpg", "sub/cleo.png", "dan.png")
    after = _photos(tmp_path / "after", "anna.png", "ben-2-retouched.png", "cleo.png")
    other = _photos(tmp_path / "other", "dan.png")
    cases = {case.name: case for case in find_cases(before, [after, other])}
    assert list(cases) == ["anna", "ben-2", "dan", "sub/cleo"]
    assert cases["anna"].results == {"after": after / "anna.png"}
    assert cases["ben-2"].results == {"after": after / "ben-2-retouched.png"}
    assert cases["sub/cleo"].results == {"after": after / "cleo.png"}
    assert cases["dan"].results == {"other": other / "dan.png"}


def test_one_folder_may_hold_photos_and_results(tmp_path: Path) -> None:
    folder = _photos(tmp_path, "3_input.png", "3_other.png", "3_third.png", "29_input.png", "29_other.png", "alone.png")
    cases = {case.name: case for case in find_cases(folder)}
    assert set(cases) == {"3", "29", "alone"}
    assert cases["3"].before.name == "3_input.png"
    assert {name: path.name for name, path in cases["3"].results.items()} == {
        "other": "3_other.png",
        "third": "3_third.png",
    }
    assert cases["alone"].results == {} and cases["alone"].before.name == "alone.png"


def test_photos_of_one_name_in_several_folders_are_told_apart(tmp_path: Path) -> None:
    folder = _photos(tmp_path, "x/3_input.png", "x/3_other.png", "y/3_input.png", "y/3_other.png")
    cases = {case.name: case for case in find_cases(folder)}
    assert list(cases) == ["x/3", "y/3"]
    for name, case in cases.items():
        assert case.before == folder / f"{name}_input.png" and case.results == {"other": folder / f"{name}_other.png"}


def test_names_with_a_last_word_stay_single_photos_without_a_photo_before(tmp_path: Path) -> None:
    folder = _photos(tmp_path, "neutral_a.png", "neutral_b.png")
    assert [case.name for case in find_cases(folder)] == ["neutral_a", "neutral_b"]


def test_folders_of_one_name_are_told_apart(tmp_path: Path) -> None:
    before = _photos(tmp_path / "before", "a.png")
    one, two = _photos(tmp_path / "x" / "out", "a.png"), _photos(tmp_path / "y" / "out", "a.png")
    assert set(find_cases(before, [one, two])[0].results) == {"out", "y/out"}


def test_missing_folders_and_results_without_a_photo_are_refused(tmp_path: Path) -> None:
    before, other = _photos(tmp_path / "before", "a.png"), _photos(tmp_path / "other", "b.png")
    with pytest.raises(UsageError, match="no folder 'none'"):
        find_cases(tmp_path / "none")
    with pytest.raises(UsageError, match="'other' has the name of a photo"):
        find_cases(before, [other])

from __future__ import annotations

import json
from pathlib import Path

import pytest
from pydantic import ValidationError

from engine.delivery import recipe as recipes
from engine.delivery.naming import Subject, stem
from engine.delivery.recipe import BUILT_IN, Recipe

SUBJECT = Subject(Path("/shoot/Anna & Tom/IMG_0042.CR2"), "2026:05:01 10:30:07", 4)


@pytest.mark.parametrize(
    ("template", "wanted"),
    [
        ("{name}", "IMG_0042"),
        ("{date}_{time}_{seq:3}", "2026-05-01_103007_012"),
        ("{folder}-{stars}-{recipe}-{year}", "Anna & Tom-4-Web-2026"),
        ("a/b:{name}?", "a_b_IMG_0042_"),
        ("con", "_con"),
        ("{name}. ", "IMG_0042"),
    ],
)
def test_names_are_filled_in_and_fit_every_file_system(template: str, wanted: str) -> None:
    assert stem(template, SUBJECT, 12, "Web") == wanted


@pytest.mark.parametrize("template", ["{nmae}", "{name", "", "  "])
def test_a_template_that_makes_no_sense_is_refused(template: str) -> None:
    with pytest.raises(ValidationError):
        Recipe(naming=template)


@pytest.mark.parametrize(
    "wrong",
    [
        {"format": "jpeg", "depth": 16},
        {"long_edge": 2000, "megapixels": 2},
        {"format": "layered", "profile": "srgb"},
        {"quality": 0},
        {"colour": "red"},
    ],
)
def test_impossible_recipes_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Recipe.model_validate(wrong)


def test_recipes_are_kept_and_found_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORELIGHT_HOME", str(tmp_path))
    assert recipes.load() == (BUILT_IN, None)
    own = (*BUILT_IN, Recipe(name="Lab", format="tiff", depth=16, profile="adobe_rgb", megapixels=12.5))
    recipes.save(own)
    assert recipes.load() == (own, None)


def test_damaged_recipes_are_left_out_and_the_file_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORELIGHT_HOME", str(tmp_path))
    recipes.recipes_file().write_text(json.dumps({"version": 1, "recipes": [{"name": "a"}, {"name": "b", "depth": 3}]}))
    found, wrong = recipes.load()
    assert [each.name for each in found] == ["a"]
    assert wrong is not None and wrong.message.endswith("left out: b.")
    recipes.recipes_file().write_bytes(b"{")
    assert recipes.load()[0] == BUILT_IN
    recipes.save([Recipe(name="c")])
    assert (tmp_path / "recipes.json.damaged").read_bytes() == b"{"
    assert [each.name for each in recipes.load()[0]] == ["c"]

"""Shipped weights: missing, damaged and unknown files are told apart; what is shipped is what the catalogue says."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from engine import paths
from engine.errors import ModelCorruptError, ModelMissingError
from engine.weights import catalogue as weights


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "part").mkdir()
    (tmp_path / "part" / "a.safetensors").write_bytes(b"weights")
    (tmp_path / "card.md").write_bytes(b"not weights")
    weights.refresh(tmp_path)
    return tmp_path


def test_good_files_are_located(folder: Path) -> None:
    assert weights.locate("part/a.safetensors", folder) == folder / "part" / "a.safetensors"
    (file,) = weights.catalogue(folder)
    assert (file.size, file.sha256) == (7, hashlib.sha256(b"weights").hexdigest())


@pytest.mark.parametrize("content", [b"", b"weightz", b"weights and more"])
def test_damage(folder: Path, content: bytes) -> None:
    (folder / "part" / "a.safetensors").write_bytes(content)
    with pytest.raises(ModelCorruptError, match=r"a\.safetensors") as caught:
        weights.locate("part/a.safetensors", folder)
    assert "Install" in caught.value.hint


def test_missing_and_unknown(folder: Path) -> None:
    (folder / "part" / "a.safetensors").unlink()
    with pytest.raises(ModelMissingError, match=r"a\.safetensors is missing") as caught:
        weights.locate("part/a.safetensors", folder)
    assert caught.value.hint
    with pytest.raises(ModelMissingError, match="not among"):
        weights.locate("part/b.safetensors", folder)


def test_catalogue_missing_or_damaged(folder: Path, tmp_path: Path) -> None:
    (folder / weights.CATALOGUE).write_text('{"files": [{"path": "a"}]}')
    with pytest.raises(ModelCorruptError, match="catalogue"):
        weights.catalogue(folder)
    (folder / weights.CATALOGUE).unlink()
    with pytest.raises(ModelMissingError, match="catalogue"):
        weights.catalogue(folder)


def test_refresh_keeps_what_people_wrote(folder: Path) -> None:
    path = folder / weights.CATALOGUE
    data = json.loads(path.read_text())
    data["files"][0]["licence"] = "Apache-2.0"
    path.write_text(json.dumps(data))
    (folder / "part" / "a.safetensors").write_bytes(b"new weights")
    (file,) = weights.refresh(folder)
    assert file.licence == "Apache-2.0" and file.size == 11
    assert weights.check(file, folder)


def test_everything_shipped_is_catalogued_and_undamaged() -> None:
    folder = paths.shipped_models()
    files = weights.catalogue()
    for file in files:
        weights.check(file)
        assert file.licence and file.purpose, file.path
    shipped = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.suffix in weights.WEIGHT_SUFFIXES}
    assert shipped == {file.path for file in files}

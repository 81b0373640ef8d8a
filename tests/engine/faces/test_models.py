"""Tasks wait open for the next borrower, and never for two at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.errors import ModelCorruptError, ModelMissingError
from engine.faces import models


def test_a_task_given_back_serves_the_next_borrower_and_no_two_at_once() -> None:
    with models.person_segmenter() as first:
        with models.person_segmenter() as second:
            assert second is not first
        with models.person_segmenter() as again:
            assert again is second
    with models.detector(models.SHORT_RANGE, 0.4) as loose, models.detector(models.SHORT_RANGE, 0.5) as strict:
        assert loose is not strict


def test_a_task_that_failed_is_not_kept() -> None:
    models.close_waiting()
    with pytest.raises(RuntimeError), models.person_segmenter() as broken:
        raise RuntimeError
    with models.person_segmenter() as fresh:
        assert fresh is not broken


def test_damaged_and_missing_files_are_named_whoever_waits(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def create(vision: object, base: object, files: list[bytes]) -> None:
        raise ValueError("no network")

    with pytest.raises(ModelCorruptError, match=models.PERSON), models.task((models.PERSON,), create, "damaged"):
        pass
    with models.person_segmenter():
        pass
    monkeypatch.setattr("engine.paths.shipped_models", lambda: tmp_path)
    with pytest.raises(ModelMissingError), models.person_segmenter():
        pass


def test_a_bundle_is_a_zip_of_stored_files(tmp_path: Path) -> None:
    import zipfile

    path = tmp_path / "bundle.task"
    path.write_bytes(models.bundle({"a.tflite": b"first" * 100, "b.tflite": b"second"}))
    with zipfile.ZipFile(path) as archive:
        assert archive.read("a.tflite") == b"first" * 100
        assert all(info.compress_type == zipfile.ZIP_STORED for info in archive.infolist())

"""Portraits prepared for training, and what is kept of them."""

from __future__ import annotations

import numpy as np
import pytest

from engine.types import F32
from tests.helpers.faces import synthetic_face
from trainer.pretrain import faces
from trainer.pretrain.transplant import Cut


@pytest.fixture
def analyses(tmp_path, monkeypatch):
    """A folder with one portrait, whose marks are `cuts`; the list grows with each analysis."""
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "12.jpg").touch()
    photo, face = synthetic_face((240, 200), width=130.0)
    made: list[str] = []

    def analysed(path):
        made.append(path.name)
        return photo, face

    monkeypatch.setattr(faces, "analysed", analysed)
    monkeypatch.setattr(faces, "cut_marks", lambda photo, found: [Cut(density(i), 90.0 + i, i == 1) for i in range(3)])
    monkeypatch.setattr(faces, "distinct", lambda cut: cut.width > 90)
    return tmp_path, made, face


def density(i: int) -> F32:
    return np.full((3 + 2 * i,) * 2 + (3,), 0.1 * i, np.float32)


def test_a_prepared_portrait_is_read_with_its_distinct_marks_and_analysed_once(analyses):
    folder, made, face = analyses
    for _ in range(2):
        (one,) = faces.load_faces(folder, folder / "cache")
        assert (one.name, one.person, one.width) == ("12", "set/12", face.grid_width)
        assert [(cut.width, cut.stays) for cut in one.cuts] == [(91.0, True), (92.0, False)]
        for i, cut in enumerate(one.cuts, 1):
            np.testing.assert_array_equal(cut.density, density(i))
    assert made == ["12.jpg"]


def test_what_was_interrupted_or_prepared_by_an_older_version_is_prepared_again(analyses, monkeypatch):
    folder, made, face = analyses
    (folder / "cache").mkdir()
    plane = np.zeros((8, 8), np.uint8)
    np.savez(folder / "cache" / "set-12.npz", linear=np.zeros((8, 8, 3), np.float16), skin=plane, width=5.0)

    def killed(file, **arrays):
        file.write(b"PK")
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(np, "savez", killed)
        with pytest.raises(KeyboardInterrupt):
            list(faces.load_faces(folder, folder / "cache"))
    (one,) = faces.load_faces(folder, folder / "cache")
    assert one.width == face.grid_width and len(one.cuts) == 2 and len(made) == 2


def test_a_face_without_marks_has_none(analyses, monkeypatch):
    folder, _, _ = analyses
    monkeypatch.setattr(faces, "cut_marks", lambda photo, found: [])
    for _ in range(2):
        (one,) = faces.load_faces(folder, folder / "cache")
        assert one.cuts == ()

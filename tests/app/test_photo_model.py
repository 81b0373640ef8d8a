from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from app.viewmodels.history import History
from app.viewmodels.photo import PhotoModel
from app.viewmodels.state import Stage
from engine import sidecar
from engine.types import Decision
from tests.helpers.fake_engine import FakeEngine, endless, opened


def test_history_merges_only_the_same_key_in_a_row() -> None:
    history = History(0)
    history.push("a", 1, key="a", merge=True)
    history.push("a", 2, key="a", merge=True)
    history.push("b", 3, key="b", merge=True)
    assert (history.position, history.go(1), history.go(0)) == (2, 2, 0)
    assert history.go(-1) == 0 and history.last_done is None
    assert history.last_undone.label == "a"
    assert history.go(1) == 2
    history.push("c", 9)
    assert history.last_undone is None
    history.push("drag", 10, key="a")
    history.push("drag", 11, key="a")
    assert history.last_done.label == "drag" and history.go(history.position - 1) == 10


def test_open_finds_faces_and_proposes(model: PhotoModel, portrait: Path, qtbot: QtBot) -> None:
    opened(qtbot, model, portrait)
    assert [face.id for face in model.faces] == ["face-0"]
    assert model.selected == "face-0"
    assert model.summary.startswith("211 × 307")


def test_a_drag_is_one_history_entry_and_undo_takes_it_back(model: PhotoModel, portrait: Path, qtbot: QtBot) -> None:
    opened(qtbot, model, portrait)
    for value in (55, 63, 80):
        model.set_strength("light", value, commit=False)
    assert model.history.last_done is None
    model.set_strength("light", 80)
    assert model.history.last_done.label == "Even light 80"
    model.undo()
    assert model.strength("light") == 50
    model.redo()
    assert model.strength("light") == 80


def test_strengths_go_to_the_selected_face_or_to_all(qtbot: QtBot, portrait: Path) -> None:
    model = PhotoModel(FakeEngine(faces=2))
    try:
        opened(qtbot, model, portrait)
        assert model.selected is None
        model.set_strength("tone", 10)
        model.select("face-1")
        model.set_strength("tone", 90)
        assert [model.edits[f"face-{i}"].strengths.values["tone"] for i in (0, 1)] == [10, 90]
        model.select(None)
        assert model.strength("tone") is None
        assert model.strength("smooth") == 50
    finally:
        model.close()


def test_flipping_a_mark_twice_leaves_no_trace(model: PhotoModel, portrait: Path, qtbot: QtBot) -> None:
    opened(qtbot, model, portrait)
    mole = model.layers["face-0"].marks[1]
    model.flip("face-0", mole)
    assert model.decision("face-0", mole) is Decision.REMOVE
    assert model.history.last_done.label == "Mole removed"
    model.flip("face-0", mole)
    assert dict(model.edits["face-0"].decisions) == {}


def test_edits_are_saved_by_themselves_and_come_back(model: PhotoModel, portrait: Path, qtbot: QtBot) -> None:
    opened(qtbot, model, portrait)
    model.set_strength("smooth", 12)
    model.flip("face-0", model.layers["face-0"].marks[0])
    saved = sidecar.beside(portrait)
    qtbot.waitUntil(saved.exists)
    assert json.loads(saved.read_text())["faces"]
    opened(qtbot, model, portrait)
    assert model.strength("smooth") == 12
    assert model.decision("face-0", model.layers["face-0"].marks[0]) is Decision.KEEP
    assert [entry.label for entry in model.history.entries] == ["", "Smoothing 12", "Blemish kept"]
    model.undo()
    model.undo()
    assert model.strength("smooth") == 50 and not model.edits["face-0"].decisions


def test_edits_are_saved_when_the_window_closes_at_once(qtbot: QtBot, portrait: Path) -> None:
    model = PhotoModel(FakeEngine())
    opened(qtbot, model, portrait)
    model.set_strength("shine", 77)
    model.close()
    loaded = sidecar.load(portrait)
    assert loaded is not None
    assert loaded.faces[0].strengths["shine"] == 77


@pytest.mark.parametrize(("name", "content"), [("broken.jpg", b"\xff\xd8\xff\xe0nothing"), ("empty.png", b"")])
def test_a_broken_file_is_one_sentence(
    model: PhotoModel, tmp_path: Path, qtbot: QtBot, name: str, content: bytes
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    model.open(path)
    qtbot.waitUntil(lambda: model.problem is not None)
    assert model.problem is not None
    assert name in model.problem.message
    assert model.problem.action == "open"
    assert "ImageReadError" in model.problem.details
    assert model.stage is Stage.EMPTY


def test_no_face_is_said_and_the_photo_stays(qtbot: QtBot, portrait: Path) -> None:
    model = PhotoModel(FakeEngine(faces=0))
    try:
        model.open(portrait)
        qtbot.waitUntil(lambda: model.problem is not None)
        assert model.problem is not None and "no face" in model.problem.message
        assert model.stage is Stage.OPEN and model.photo is not None
    finally:
        model.close()


def test_cancel_frees_the_window_and_ends_the_job(qtbot: QtBot, portrait: Path) -> None:
    started = threading.Event()
    model = PhotoModel(FakeEngine(step=endless(started)))
    try:
        model.open(portrait)
        qtbot.waitUntil(lambda: started.is_set() and model.progress is not None and model.progress.fraction > 0.2)
        assert model.doing == "Retouching"
        model.cancel()
        assert not model.busy
        qtbot.waitUntil(lambda: not model.runner.jobs)
        assert model.stage is Stage.OPEN and model.problem is None
    finally:
        model.close()


def test_an_unforeseen_error_says_so_and_keeps_the_details(qtbot: QtBot, portrait: Path) -> None:
    def explode(*_: object) -> None:
        raise RuntimeError("fuse 7")

    model = PhotoModel(FakeEngine(step=explode))
    try:
        model.open(portrait)
        qtbot.waitUntil(lambda: model.problem is not None)
        assert model.problem is not None
        assert "not foreseen" in model.problem.message
        assert "fuse 7" in model.problem.details
    finally:
        model.close()

"""Picks as the window takes them, on made-up faces."""

from __future__ import annotations

import json
import sqlite3
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QFileDialog, QMessageBox
from pytestqt.qtbot import QtBot

from app.viewmodels.engine import Engine
from app.viewmodels.pick_data import PickData
from app.viewmodels.sitting import Sitting
from app.views.main_window import MainWindow
from app.views.pick_data import PickDataDialog
from app.views.picks_window import PicksWindow
from engine.jobs import CancelToken, Progress, Report
from engine.session import RetouchSession
from tests.app.conftest import MakeWindow
from tests.helpers import fake_policy
from tests.helpers.fake_engine import opened, write_portrait
from tests.helpers.fake_policy import FakePolicy
from trainer.picks import exchange
from trainer.picks.exchange import export_lines
from trainer.picks.records import Candidate, Pick, pair_of
from trainer.picks.store import APPLICATION_ID, PickStore, PickStoreError, default_store
from trainer.reward.features import FeatureMeter

# Windows that are offscreen are neither sized nor raised.
pytestmark = pytest.mark.qt_log_ignore("This plugin does not support")


def stored() -> list[Pick]:
    with PickStore.open(default_store()) as store:
        assert store.damage == ""
        return store.picks()


def picking(make_window: MakeWindow, qtbot: QtBot, folder: Path) -> tuple[MainWindow, PicksWindow]:
    """A window with two photos whose variations are drawn, and the first pair shown."""
    for name, size in (("a", (211, 307)), ("b", (223, 311))):
        write_portrait(folder / f"{name}.png", size)
    window = make_window()
    window.desk.open([folder])
    qtbot.waitUntil(lambda: window.desk.library.total == 2 and not window.desk.library.scanning)
    window.desk.library.select_all()
    window.learn.show_picks()
    shown = window.learn._picks
    assert shown is not None
    qtbot.waitUntil(lambda: not shown.model.busy)
    assert shown.model.problem is None, shown.model.problem.details
    assert shown.model.state is not None
    assert shown.model.state.shown is None
    assert shown.draw.text() == "Draw Variations of 2 Photos  D"
    qtbot.keyPress(shown, Qt.Key.Key_D)
    qtbot.waitUntil(lambda: asked(shown) and drawn(shown))
    return window, shown


def drawn(shown: PicksWindow) -> bool:
    """Whether nothing is drawn any more, and what was drawn is known."""
    model = shown.model
    return model.drawing.photo is None and not model._runner.jobs


def asked(shown: PicksWindow) -> bool:
    state = shown.model.state
    return not shown.model.busy and state is not None and state.shown is not None


def test_a_key_is_an_answer_and_lies_in_the_store(make_window: MakeWindow, qtbot: QtBot, tmp_path: Path) -> None:
    _, shown = picking(make_window, qtbot, tmp_path)
    asked_about = []
    for key in (Qt.Key.Key_1, Qt.Key.Key_Right, Qt.Key.Key_Space):
        state = shown.model.state
        assert state is not None
        assert state.shown is not None
        asked_about.append((state.shown.question.image1, state.shown.question.image2))
        if key == Qt.Key.Key_Right:
            qtbot.keyPress(shown, Qt.Key.Key_F2)  # blemishes: left
            qtbot.keyPress(shown, Qt.Key.Key_F5)
            qtbot.keyPress(shown, Qt.Key.Key_F5)  # clarity: right
        qtbot.keyPress(shown, key)
        assert shown.help.text().startswith("Recording the pick …")
        qtbot.waitUntil(lambda: asked(shown))
        assert shown.help.text().startswith("Which is better?")
    picks = stored()
    assert [each.preference for each in picks] == ["image1", "image2", "tie"]
    assert [(each.image1, each.image2) for each in picks] == asked_about
    assert [each.dimensions for each in picks] == [{}, {"blemishes": "image1", "clarity": "image2"}, {}]
    assert shown.progress.text().startswith("3 picks")


def test_of_four_the_best_is_chosen_as_one_answer(
    make_window: MakeWindow, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trainer.picks.session.TESTS", 0.0)
    window, shown = picking(make_window, qtbot, tmp_path)

    def images() -> tuple[str, ...]:
        assert shown.model.state is not None and shown.model.state.shown is not None
        return shown.model.state.shown.question.images

    qtbot.keyPress(shown, Qt.Key.Key_G)
    qtbot.waitUntil(lambda: asked(shown) and shown.model.together == 4)
    before, grid, answered = stored(), images(), shown.model.state.progress.answered  # type: ignore[union-attr]
    assert [each.isVisible() for each in shown.board.places] == [True] * 4
    assert not any(each.isVisible() for each in shown.dimensions.values()), "dimensions are of two"
    qtbot.keyPress(shown, Qt.Key.Key_Right)
    assert not shown.model.busy and stored() == before, "an arrow chooses one of two only"
    qtbot.keyPress(shown, Qt.Key.Key_3)
    qtbot.waitUntil(lambda: asked(shown) and images() != grid)
    assert [each.better for each in stored()[len(before) :]] == [grid[2]] * 3
    qtbot.keyPress(shown, Qt.Key.Key_U)
    qtbot.waitUntil(lambda: asked(shown) and images() == grid)
    assert stored() == before
    qtbot.mouseClick(shown.board.places[3], Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: asked(shown) and images() != grid)
    assert [each.better for each in stored()[len(before) :]] == [grid[3]] * 3
    assert window.settings.values.picks_shown == 4, "kept for the next time"
    shown.together.click()
    qtbot.waitUntil(lambda: asked(shown) and len(images()) == 2)
    assert shown.model.state.progress.answered == answered + 1  # type: ignore[union-attr]


def test_drawing_more_variations_keeps_the_sitting(make_window: MakeWindow, qtbot: QtBot, tmp_path: Path) -> None:
    _, shown = picking(make_window, qtbot, tmp_path)
    qtbot.keyPress(shown, Qt.Key.Key_1)
    qtbot.waitUntil(lambda: asked(shown))
    left = shown.model.state.progress.left  # type: ignore[union-attr]
    shown.draw.click()
    qtbot.waitUntil(lambda: drawn(shown) and asked(shown) and shown.model.state.progress.left > left)  # type: ignore[union-attr]
    assert shown.model.state.progress.answered == 1  # type: ignore[union-attr]
    qtbot.keyPress(shown, Qt.Key.Key_U)
    qtbot.waitUntil(lambda: asked(shown) and stored() == [])


def test_skip_records_nothing_and_undo_takes_the_last_back(
    make_window: MakeWindow, qtbot: QtBot, tmp_path: Path
) -> None:
    _, shown = picking(make_window, qtbot, tmp_path)

    def pair() -> tuple[str, str]:
        state = shown.model.state
        assert state is not None
        assert state.shown is not None
        return state.shown.question.image1, state.shown.question.image2

    skipped = pair()
    qtbot.keyPress(shown, Qt.Key.Key_S)
    qtbot.waitUntil(lambda: asked(shown))
    assert set(pair()) != set(skipped)
    first = pair()
    qtbot.keyPress(shown, Qt.Key.Key_2)
    qtbot.waitUntil(lambda: asked(shown))
    assert len(stored()) == 1
    qtbot.keyPress(shown, Qt.Key.Key_U)
    qtbot.waitUntil(lambda: asked(shown))
    assert stored() == []
    assert pair() == first


def test_picks_go_on_after_the_window_was_closed(make_window: MakeWindow, qtbot: QtBot, tmp_path: Path) -> None:
    window, shown = picking(make_window, qtbot, tmp_path)
    qtbot.keyPress(shown, Qt.Key.Key_1)
    qtbot.waitUntil(lambda: asked(shown))
    shown.reject()
    window.learn.show_picks()
    qtbot.waitUntil(lambda: asked(shown))
    qtbot.keyPress(shown, Qt.Key.Key_2)
    qtbot.waitUntil(lambda: asked(shown))
    picks = stored()
    assert [each.preference for each in picks] == ["image1", "image2"]
    assert picks[0].session != picks[1].session


def test_a_photo_that_is_gone_is_said_and_passed_over(make_window: MakeWindow, qtbot: QtBot, tmp_path: Path) -> None:
    window, shown = picking(make_window, qtbot, tmp_path)
    shown.reject()
    (tmp_path / "a.png").unlink()
    window.learn.show_picks()
    qtbot.waitUntil(lambda: not shown.model.busy and shown.model.state is not None)
    for _ in range(4):
        qtbot.waitUntil(lambda: asked(shown))
        assert shown.title.text() == "b.png"
        qtbot.keyPress(shown, Qt.Key.Key_1)
    qtbot.waitUntil(lambda: not shown.model.busy)
    assert len(stored()) == 4


def taking(make_window: MakeWindow, qtbot: QtBot, photo: Path) -> MainWindow:
    """A window with variations drawn of a photo with an edit."""
    window = make_window()
    opened(qtbot, window.photo, photo)
    window.photo.set_strength("smooth", 40)
    window.adjust.variations.draw()
    qtbot.waitUntil(lambda: len(window.adjust.variations.found) == 6 and window.adjust.variations.ready)
    return window


def test_a_variation_taken_over_the_others_is_recorded_once_the_person_agrees(
    make_window: MakeWindow, qtbot: QtBot, portrait: Path
) -> None:
    window = taking(make_window, qtbot, portrait)
    model, strip = window.adjust.variations, window.learn.strip
    wanted = {each.number: each.spec for each in model.found}
    model.take(3)
    qtbot.waitUntil(lambda: model.ready and window.photo.document.proposal == wanted[3])
    assert strip.isVisible() and not default_store().exists()
    strip.action.click()
    qtbot.waitUntil(lambda: window.photo.notice == "5 picks recorded.")
    assert not strip.isVisible() and window.settings.values.record_picks == "yes"
    picks = stored()
    with PickStore.open(default_store()) as store:
        candidates = store.candidates()
    assert len(picks) == 5 and {each.purpose for each in picks} == {"free"}
    retouches = {key: each.retouch for key, each in candidates.items()}
    assert {retouches[each.better].proposal for each in picks} == {wanted[3]}
    assert {retouch.proposal for retouch in retouches.values()} == set(wanted.values())
    assert {retouch.faces[0].strengths["smooth"] for retouch in retouches.values()} == {40}
    model.pick(1)
    model.pick(2)
    model.compare(True)
    qtbot.waitUntil(lambda: model.comparing and model.ready)
    model.take(2)
    qtbot.waitUntil(lambda: len(stored()) == 6)
    last = stored()[-1]
    assert last.better is not None and retouches[last.better].proposal == wanted[2]
    assert {retouches[key].proposal for key in last.pair} == {wanted[1], wanted[2]}, "of the two compared only"
    assert not strip.isVisible(), "asked once"


def test_undoing_a_taking_takes_its_picks_back_and_what_fails_records_none(
    make_window: MakeWindow, qtbot: QtBot, portrait: Path
) -> None:
    window = taking(make_window, qtbot, portrait)
    model, photo = window.adjust.variations, window.photo
    window.settings.set(record_picks="yes")
    model.take(3)
    qtbot.waitUntil(lambda: default_store().exists() and len(stored()) == 5)
    model.take(3)  # it is the result already
    photo.undo()
    qtbot.waitUntil(lambda: stored() == [])
    photo.redo()
    qtbot.waitUntil(lambda: len(stored()) == 5)
    qtbot.waitUntil(lambda: model.ready)
    model.take(4)
    photo.cancel()
    qtbot.waitUntil(lambda: not photo.busy)
    photo.set_strength("smooth", 30)
    qtbot.wait(50)
    assert len(stored()) == 5, "a taking that was cancelled says nothing"


def test_who_does_not_want_picks_recorded_is_not_asked_again(
    make_window: MakeWindow, qtbot: QtBot, portrait: Path
) -> None:
    window = taking(make_window, qtbot, portrait)
    model = window.adjust.variations
    model.take(1)
    window.canvas.setFocus()
    qtbot.mouseClick(window.learn.strip.dismiss, Qt.MouseButton.LeftButton)
    assert window.focusWidget() is window.canvas, "the keys stay the photo's"
    qtbot.waitUntil(lambda: model.ready)
    model.take(2)
    qtbot.waitUntil(lambda: model.ready)
    assert not window.learn.strip.isVisible() and window.settings.values.record_picks == "no"
    assert not default_store().exists()


def all_picks(window: MainWindow, shown: PicksWindow, qtbot: QtBot) -> PickDataDialog:
    """The dialog over the picks window, once it has looked."""
    dialog = PickDataDialog(PickData(shown.model), shown)
    dialog.show()
    assert dialog.said.text() == "Looking at the picks …"
    qtbot.waitUntil(lambda: dialog.model.summary is not None and not shown.model.busy)
    return dialog


def test_all_picks_are_counted_taken_elsewhere_and_back_and_withdrawn(
    make_window: MakeWindow, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "shoot").mkdir()
    window, shown = picking(make_window, qtbot, tmp_path / "shoot")
    for key in (Qt.Key.Key_F1, Qt.Key.Key_1, Qt.Key.Key_2, Qt.Key.Key_T):
        qtbot.keyPress(shown, key)
        qtbot.waitUntil(lambda: asked(shown))
    dialog = all_picks(window, shown, qtbot)
    assert dialog.title.text().startswith("3 picks of")
    assert "The left one was better in 50%." in dialog.said.text()
    assert "Single dimensions: Smoothing 1." in dialog.said.text()
    summary = dialog.model.summary
    assert summary is not None
    repeats = {"value": 0.75, "low": 0.3, "high": 0.95, "count": 4}
    for ceiling, says in ((0.85, True), (None, False)):
        statistics = {**summary.statistics, "repeats": repeats, "ceiling": ceiling}
        dialog.model.summary = replace(summary, statistics=statistics)
        assert ("no reward can predict more than 85%" in " ".join(dialog.model.said)) is says
    dialog.model.summary = summary

    target = tmp_path / "picks.jsonl"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(target), ""))
    dialog.export.click()
    qtbot.waitUntil(lambda: dialog.trouble.text() == "3 picks are written." and not shown.model.busy)
    lines = [json.loads(line) for line in target.read_text().splitlines()]
    assert [each["preference"] for each in lines] == ["image1", "image2", "tie"]
    assert all((tmp_path / each[name]).exists() for each in lines for name in ("input", "image1", "image2"))

    photo = stored()[0].photo
    names = [key for key, _, _ in dialog.rows.items]
    dialog.table.selectRow(names.index(photo))
    gone = sum(each.photo == photo for each in stored())
    monkeypatch.setattr(QMessageBox, "question", lambda *_: QMessageBox.StandardButton.No)
    dialog.withdraw.click()
    assert len(stored()) == 3
    monkeypatch.setattr(QMessageBox, "question", lambda *_: QMessageBox.StandardButton.Yes)
    dialog.withdraw.click()
    qtbot.waitUntil(lambda: "withdrawn" in dialog.trouble.text() and not shown.model.busy)
    assert len(stored()) == 3 - gone and "1 photo is withdrawn." in dialog.said.text()

    lines[0]["preference"] = "neither"
    target.write_text("\n".join(json.dumps(each) for each in lines))
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(target), ""))
    dialog.load.click()
    qtbot.waitUntil(lambda: "new pick" in dialog.trouble.text() and not shown.model.busy)
    assert "picks.jsonl line 1:" in dialog.trouble.text()
    assert len(stored()) == 3 - gone, "what is withdrawn stays so"
    dialog.close()


def test_a_key_answers_nothing_where_nothing_is_asked(make_window: MakeWindow, qtbot: QtBot) -> None:
    window = make_window()
    window.learn.show_picks()
    shown = window.learn._picks
    assert shown is not None
    qtbot.waitUntil(lambda: not shown.model.busy and shown.model.state is not None)
    for key in (Qt.Key.Key_Space, Qt.Key.Key_1, Qt.Key.Key_S, Qt.Key.Key_U):
        qtbot.keyPress(shown, key)
        assert not shown.model.busy
    assert shown.trouble.isHidden() and stored() == []


def test_a_newer_store_is_said_and_left_as_it_is(make_window: MakeWindow, qtbot: QtBot, tmp_path: Path) -> None:
    default_store().parent.mkdir(parents=True, exist_ok=True)
    base = sqlite3.connect(default_store())
    base.executescript(f"PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = 99; CREATE TABLE later (x);")
    base.close()
    before = default_store().read_bytes()
    window = make_window()
    window.learn.show_picks()
    shown = window.learn._picks
    assert shown is not None
    qtbot.waitUntil(lambda: not shown.model.busy and shown.model.problem is not None)
    assert "was written by a newer Porelight" in shown.trouble.text()
    assert "Update Porelight" in shown.trouble.text()
    assert default_store().read_bytes() == before


def test_an_answer_that_does_not_fit_on_the_disk_waits(
    make_window: MakeWindow, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, shown = picking(make_window, qtbot, tmp_path)
    qtbot.keyPress(shown, Qt.Key.Key_1)
    qtbot.waitUntil(lambda: asked(shown))
    question = shown.model.state.shown.question  # type: ignore[union-attr]

    def full(*_: object) -> None:
        raise PickStoreError("The store of picks picks.sqlite cannot grow: the disk is full.", "Free space; …")

    with monkeypatch.context() as broken:
        broken.setattr(PickStore, "append", full)
        qtbot.keyPress(shown, Qt.Key.Key_2)
        qtbot.waitUntil(lambda: not shown.model.busy and shown.model.problem is not None)
        assert "the disk is full" in shown.trouble.text() and len(stored()) == 1
    assert shown.model.state.shown.question == question  # type: ignore[union-attr]
    qtbot.keyPress(shown, Qt.Key.Key_2)
    qtbot.waitUntil(lambda: asked(shown) and len(stored()) == 2)
    assert set(stored()[-1].pair) == {question.image1, question.image2}
    assert shown.trouble.isHidden()


@pytest.mark.parametrize("share", [0.6, 0.0], ids=["half", "nothing"])
def test_a_damaged_store_is_said_and_repaired_in_the_window(
    make_window: MakeWindow, qtbot: QtBot, tmp_path: Path, share: float
) -> None:
    window, shown = picking(make_window, qtbot, tmp_path)
    for _ in range(3):
        qtbot.keyPress(shown, Qt.Key.Key_1)
        qtbot.waitUntil(lambda: asked(shown))
    picks = stored()
    shown.reject()
    qtbot.waitUntil(lambda: window.learn.picks._sitting is None)
    whole = default_store().read_bytes()
    broken = whole[: int(len(whole) * share)]
    default_store().write_bytes(broken)
    window.learn.show_picks()
    qtbot.waitUntil(lambda: not shown.model.busy and shown.model.problem is not None)
    assert ("is damaged: it breaks off after row" if share else "is not a store of picks") in shown.trouble.text()
    assert "keeps the damaged file" in shown.trouble.text() and shown.repair.isVisible()
    assert default_store().read_bytes() == broken, "nothing is written to it"
    qtbot.keyPress(shown, Qt.Key.Key_R)
    qtbot.waitUntil(lambda: not shown.model.busy and shown.model.state is not None)
    kept = default_store().with_name("picks.sqlite.damaged-1")
    assert shown.trouble.text() == "Repaired; the damaged file is kept as picks.sqlite.damaged-1."
    assert not shown.repair.isVisible() and kept.read_bytes() == broken
    found = stored()
    assert found == picks[: len(found)]
    with PickStore.open(default_store()) as store:
        assert bool(store.candidates()) == (share > 0)
    qtbot.keyPress(shown, Qt.Key.Key_D)
    qtbot.waitUntil(lambda: asked(shown) and drawn(shown))
    qtbot.keyPress(shown, Qt.Key.Key_2)
    qtbot.waitUntil(lambda: len(stored()) == len(found) + 1)


def test_the_first_photo_is_asked_about_while_the_next_is_drawn(
    make_window: MakeWindow, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And what comes meanwhile leaves alone what is looked at."""
    gate, real = threading.Event(), Sitting._add

    def add(self: Sitting, path: Path, token: CancelToken, report: Report) -> None:
        if path.name == "b.png":
            assert gate.wait(60)
        real(self, path, token, report)

    monkeypatch.setattr(Sitting, "_add", add)
    for name, size in (("a", (211, 307)), ("b", (223, 311))):
        write_portrait(tmp_path / f"{name}.png", size)
    window = make_window()
    window.learn.show_picks()
    shown = window.learn._picks
    assert shown is not None
    model = shown.model
    qtbot.waitUntil(lambda: not model.busy and model.state is not None)
    model.add([tmp_path / "a.png", tmp_path / "b.png"])
    assert shown.board.places[0].text == "Drawing variations: a.png …"
    qtbot.waitUntil(lambda: asked(shown))
    assert model.drawing.photo == tmp_path / "b.png" and shown.bar.isVisible()
    assert shown.draw.text() == "Stop  D" and shown.title.text() == "a.png"
    qtbot.keyPress(shown, Qt.Key.Key_1)
    qtbot.waitUntil(lambda: asked(shown) and len(stored()) == 1)
    state = model.state
    assert state is not None and state.shown is not None
    question, left = state.shown.question, state.progress.left
    gate.set()
    qtbot.waitUntil(lambda: drawn(shown))
    assert model.state is not None and model.state.shown is state.shown and model.state.progress.left > left
    qtbot.keyPress(shown, Qt.Key.Key_2)
    qtbot.waitUntil(lambda: len(stored()) == 2)
    assert stored()[-1].pair == pair_of(*question.images), "the pair that was shown"
    assert stored()[-1].better == question.image2


def test_stopping_keeps_what_is_drawn(
    make_window: MakeWindow, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, measured = Sitting._measured, []

    def slow(self: Sitting, *more: Any) -> str:
        measured.append(real(self, *more))
        if len(measured) == 3:
            reached.set()
            assert gate.wait(60)
        return measured[-1]

    reached, gate = threading.Event(), threading.Event()
    monkeypatch.setattr(Sitting, "_measured", slow)
    photo = write_portrait(tmp_path / "a.png")
    window = make_window()
    window.learn.show_picks()
    shown = window.learn._picks
    assert shown is not None
    qtbot.waitUntil(lambda: not shown.model.busy and shown.model.state is not None)
    shown.model.add([photo])
    qtbot.waitUntil(reached.is_set)
    qtbot.keyPress(shown, Qt.Key.Key_D)
    gate.set()
    assert shown.model.drawing.photo is None
    qtbot.waitUntil(lambda: asked(shown))
    with PickStore.open(default_store()) as store:
        assert len(store.candidates()) == 3


def test_a_long_import_or_export_is_cancelled(
    make_window: MakeWindow, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "shoot").mkdir()
    window, shown = picking(make_window, qtbot, tmp_path / "shoot")
    for key in (Qt.Key.Key_1, Qt.Key.Key_2, Qt.Key.Key_1):
        qtbot.keyPress(shown, key)
        qtbot.waitUntil(lambda: asked(shown))
    dialog = all_picks(window, shown, qtbot)
    target = tmp_path / "picks.jsonl"

    def written(candidate: Candidate, file: Path) -> None:
        file.write_text(candidate.id)

    with PickStore.open(default_store()) as store:
        export_lines(store, store.picks(), target, written)
    lines = target.read_text().splitlines()
    target.write_text("\n".join(line.replace('"id": "', '"id": "0') for line in lines))  # as if they were others
    reached, gate = threading.Event(), threading.Event()

    def second(progress: Progress) -> None:
        if progress.fraction > 0.3:
            reached.set()
            assert gate.wait(60)

    real: Any = exchange.import_lines
    monkeypatch.setattr(exchange, "import_lines", lambda *given: real(*given[:4], second))
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(target), ""))
    dialog.load.click()
    qtbot.waitUntil(reached.is_set)
    assert dialog.cancel.isVisible() and not dialog.load.isEnabled()
    dialog.cancel.click()
    gate.set()
    qtbot.waitUntil(lambda: dialog.trouble.text() == "Cancelled." and not shown.model.busy)
    assert len(stored()) == 5 and dialog.title.text().startswith("5 picks"), "lines that were taken over are kept"
    assert not dialog.cancel.isVisible() and dialog.load.isEnabled()

    reached.clear()
    gate.clear()
    out = tmp_path / "away.jsonl"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(out), ""))
    drawing = Sitting._adopted

    def adopted(self: Sitting, *given: Any) -> Any:
        reached.set()
        assert gate.wait(60)
        return drawing(self, *given)

    monkeypatch.setattr(Sitting, "_adopted", adopted)
    dialog.export.click()
    qtbot.waitUntil(reached.is_set)
    dialog.cancel.click()
    gate.set()
    qtbot.waitUntil(lambda: dialog.trouble.text() == "Cancelled." and not shown.model.busy)
    assert not out.exists()
    dialog.close()


def test_nothing_moves_when_dimensions_are_said_or_variations_drawn(
    make_window: MakeWindow, qtbot: QtBot, tmp_path: Path
) -> None:
    _, shown = picking(make_window, qtbot, tmp_path)

    def places() -> list[tuple[int, ...]]:
        QApplication.processEvents()
        return [each.geometry().getRect() for each in (*shown.dimensions.values(), shown.board)]

    before = places()
    for _ in range(4):  # left, right, alike, not said
        for key in (Qt.Key.Key_F1, Qt.Key.Key_F2, Qt.Key.Key_F5):
            qtbot.keyPress(shown, key)
        assert places() == before
    shown.bar.setVisible(not shown.bar.isVisible())
    assert places() == before


def test_a_face_is_measured_in_what_is_drawn_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As of variations that were taken, whose session has no proposal yet."""
    fake_policy.install(monkeypatch, tmp_path / "home")
    fake_policy.portrait(tmp_path / "p.png")
    session = RetouchSession.open(tmp_path / "p.png")
    (face,) = session.analyse()
    measure, found = Engine().meter(session, face), []
    for seed in (1, 2):
        proposal = session.propose(FakePolicy(), seed=seed)
        found.append(measure())
        meter = FeatureMeter(session.photo, face, proposal.layers[face.id].marks)
        assert np.array_equal(found[-1], meter.measure(session.render()))
    assert not np.array_equal(*found)

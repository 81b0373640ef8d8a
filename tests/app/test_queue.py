from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import QItemSelectionModel, QModelIndex, Qt
from pytestqt.qtbot import QtBot

from app.language import use
from app.settings.schema import Language
from app.viewmodels.library import View
from app.viewmodels.opened import Opened
from app.viewmodels.place import place_file
from app.views.main_window import MainWindow
from app.views.queue_window import QueueWindow
from app.views.recipes_dialog import RecipesDialog
from engine import sidecar
from engine.delivery import plan
from engine.delivery.ledger import Ledger, State
from engine.delivery.naming import Subject
from engine.delivery.queue import Queue
from engine.delivery.recipe import BUILT_IN, Recipe, recipes_file
from engine.errors import DiskFullError
from engine.jobs import CancelToken, Report
from engine.library.frames import Frame
from engine.pipeline import RetouchRequest, RetouchResult, Status
from engine.types import OwnMark
from tests.app.conftest import MakeWindow
from tests.helpers.fake_engine import BRIGHTER, FakeEngine, opened, write_portrait


@pytest.fixture
def shoot(tmp_path: Path) -> list[Path]:
    folder = tmp_path / "shoot"
    folder.mkdir()
    return [write_portrait(folder / f"{name}.png") for name in ("a", "b", "c")]


def listed(qtbot: QtBot, window: MainWindow, paths: list[Path]) -> None:
    window.desk.open([paths[0].parent])
    qtbot.waitUntil(lambda: window.desk.library.total == len(paths) and not window.desk.library.scanning)


def ended(qtbot: QtBot, window: MainWindow) -> None:
    queue = window.desk.queue
    qtbot.waitUntil(lambda: not queue.planning and not queue.running and not queue.counts[State.WAITING])


def test_a_selection_is_exported_with_several_recipes(make_window: MakeWindow, qtbot: QtBot, shoot: list[Path]) -> None:
    window = make_window()
    listed(qtbot, window, shoot)
    window.desk.library.select_all()
    window.desk.deliver([Recipe(folder="out"), Recipe(name="Web", format="jpeg", long_edge=100, folder="out")])
    ended(qtbot, window)
    out = shoot[0].parent / "out"
    assert sorted(path.name for path in out.iterdir()) == [f"{n}.{s}" for n in "abc" for s in ("jpg", "png")]
    with Image.open(out / "a.jpg") as image:
        assert max(image.size) == 100
    assert window.desk.queue.summary == "3 photos exported"
    assert window.desk.library.exported == set(shoot)
    assert window.delivery.button.text() == "3 photos exported"


def test_the_export_is_what_the_strengths_say(make_window: MakeWindow, qtbot: QtBot, shoot: list[Path]) -> None:
    window = make_window()
    listed(qtbot, window, shoot)
    window.desk.show(shoot[0])
    qtbot.waitUntil(lambda: bool(window.photo.layers) and not window.photo.busy)
    window.photo.set_strength("light", 100)
    window.photo.set_strength("heal", 0)
    window.desk.deliver([Recipe(folder="out")])  # at once: the sidecar is saved first
    ended(qtbot, window)
    before, after = (np.asarray(Image.open(path)).astype(int) for path in (shoot[0], shoot[0].parent / "out" / "a.png"))
    middle = np.s_[140:160, 95:115]
    assert np.abs((after - before)[middle] - 2 * BRIGHTER * 255).max() <= 1
    assert (after[:9] == before[:9]).all()


class Gated(FakeEngine):
    """Jobs wait for a gate, and those of one photo fail."""

    def __init__(self) -> None:
        super().__init__()
        self.gate, self.bad, self.full = threading.Event(), "", False
        self.order: list[str] = []

    def deliver(self, request: RetouchRequest, token: CancelToken, report: Report) -> RetouchResult:
        self.order.append(request.source.stem)
        while not self.gate.wait(0.01):
            if token.cancelled:
                return RetouchResult(request.source, Status.CANCELLED)
        if self.full:
            error = DiskFullError(f"{request.source.name} cannot be written: the disk is full.", "Free some space.")
            return RetouchResult(request.source, Status.FAILED, error.message, error.hint, error.code)
        if request.source.stem == self.bad:
            return RetouchResult(request.source, Status.FAILED, f"{request.source.name} is damaged.", "Copy it again.")
        return RetouchResult(request.source, Status.DONE, outputs=(request.source.with_suffix(".jpg"),))


@pytest.fixture
def gated(make_window: MakeWindow, qtbot: QtBot, shoot: list[Path]) -> Iterator[tuple[MainWindow, Gated]]:
    engine = Gated()
    window = make_window(engine)
    listed(qtbot, window, shoot)
    window.desk.library.select_all()
    window.desk.deliver([Recipe(folder="out")])
    qtbot.waitUntil(lambda: window.desk.queue.counts[State.RUNNING] == 1)
    yield window, engine
    engine.gate.set()


def test_pause_reorder_cancel_and_resume(gated: tuple[MainWindow, Gated], qtbot: QtBot) -> None:
    window, engine = gated
    queue = window.desk.queue
    queue.pause()
    qtbot.waitUntil(lambda: not queue.running)
    assert queue.counts[State.WAITING] == 3
    assert queue.summary == "Export paused, 3 waiting"
    a, b, c = (entry.id for entry in queue.entries)
    queue.move([c], -1)
    assert [entry.id for entry in queue.entries] == [a, c, b]
    queue.move([c], -1)
    queue.move([a], 1000)
    assert [entry.id for entry in queue.entries] == [c, b, a]
    queue.cancel([b])
    engine.gate.set()
    engine.order.clear()
    queue.resume()
    ended(qtbot, window)
    assert engine.order == ["c", "a"]
    assert queue.summary == "2 photos exported, 1 cancelled"


@pytest.mark.qt_log_ignore("propagateSizeHints", extend=True)
def test_keys_keep_their_place_in_the_queue_and_bring_back_what_was_cancelled(
    gated: tuple[MainWindow, Gated], qtbot: QtBot
) -> None:
    window, _ = gated
    queue = window.desk.queue
    queue.pause()
    qtbot.waitUntil(lambda: not queue.running)
    shown = QueueWindow(queue, window)
    shown.show()
    rows, table = shown.rows, shown.table
    flag = QItemSelectionModel.SelectionFlag  # `selectRow` heeds keys that the tests before have held down
    table.selectionModel().setCurrentIndex(rows.index(1, 0), flag.ClearAndSelect | flag.Rows)
    window.desk.deliver([Recipe(folder="more")])
    qtbot.waitUntil(lambda: len(rows.items) == 6)
    assert shown.selected() == [rows.items[1].id]
    qtbot.keyClick(table, Qt.Key.Key_Down)
    assert shown.selected() == [rows.items[2].id], "one further from where the keys were"
    qtbot.keyClick(table, Qt.Key.Key_Delete)
    qtbot.waitUntil(lambda: rows.items[2].state is State.CANCELLED)
    assert (shown.retry.text(), shown.retry.isEnabled()) == ("Retry Selected", True)
    shown.retry.click()
    qtbot.waitUntil(lambda: rows.items[2].state is State.WAITING)
    assert (shown.retry.text(), shown.retry.isEnabled()) == ("Retry Failed", False)
    shown.close()


def dragged(rows: object, row: int, before: int) -> None:
    """Drop a row between two rows, as the table does after a drag."""
    data = rows.mimeData([rows.index(row, column) for column in range(3)])  # type: ignore[attr-defined]
    assert rows.dropMimeData(data, Qt.DropAction.MoveAction, before, 0, QModelIndex())  # type: ignore[attr-defined]


def test_waiting_jobs_are_dragged_to_another_place(gated: tuple[MainWindow, Gated], qtbot: QtBot) -> None:
    window, _ = gated
    queue = window.desk.queue
    rows = QueueWindow(queue, window).rows
    rows.follow()
    a, b, c = (entry.id for entry in queue.entries)
    draggable = [bool(rows.flags(rows.index(row, 0)) & Qt.ItemFlag.ItemIsDragEnabled) for row in range(3)]
    assert draggable == [False, True, True], "the first one runs"
    dragged(rows, 2, 1)
    assert [entry.id for entry in queue.entries] == [a, c, b]
    rows.follow()
    dragged(rows, 1, 3)  # below the last
    assert [entry.id for entry in queue.entries] == [a, b, c]
    rows.follow()
    dragged(rows, 2, 0)  # above the running one: the first of those that wait
    assert [entry.id for entry in queue.entries] == [a, c, b]


def test_cancelling_the_running_job_goes_on_with_the_next(gated: tuple[MainWindow, Gated], qtbot: QtBot) -> None:
    window, engine = gated
    queue = window.desk.queue
    queue.cancel([queue.entries[0].id])
    qtbot.waitUntil(lambda: engine.order == ["a", "b"])
    engine.gate.set()
    ended(qtbot, window)
    assert [entry.state for entry in queue.entries] == [State.CANCELLED, State.DONE, State.DONE]


@pytest.mark.qt_log_ignore("propagateSizeHints", extend=True)  # the offscreen platform's word on second windows
def test_failures_end_in_a_list_with_retry(gated: tuple[MainWindow, Gated], qtbot: QtBot) -> None:
    window, engine = gated
    queue, library = window.desk.queue, window.desk.library
    engine.bad = "b"
    engine.gate.set()
    ended(qtbot, window)
    assert queue.summary == "2 photos exported, 1 failed"
    assert [path.stem for path in library.failed] == ["b"]
    shown = QueueWindow(queue, window)
    qtbot.addWidget(shown)
    shown.show()
    rows = [shown.rows.data(shown.rows.index(row, 2)) for row in range(3)]
    assert rows == ["Exported", "Failed: b.png is damaged.", "Exported"]
    engine.bad = ""
    qtbot.mouseClick(shown.retry, Qt.MouseButton.LeftButton)
    ended(qtbot, window)
    assert queue.summary == "3 photos exported"
    assert library.failed == {}
    qtbot.mouseClick(shown.clear, Qt.MouseButton.LeftButton)
    assert queue.entries == [] and len(library.exported) == 3


def test_the_only_job_of_a_program_that_was_killed_goes_on(
    make_window: MakeWindow, qtbot: QtBot, shoot: list[Path]
) -> None:
    ledger = Ledger()
    ledger.add(plan.jobs([Subject(shoot[0])], [Recipe(folder="out")]))
    taken = ledger.take()
    assert taken is not None and ledger.counts()[State.WAITING] == 0
    ledger.close()
    window = make_window()
    window.desk.start([shoot[0]])
    qtbot.waitUntil(lambda: window.desk.queue.counts[State.DONE] == 1)
    assert (shoot[0].parent / "out" / "a.png").exists()


def test_a_window_takes_over_from_another_that_is_gone(
    make_window: MakeWindow, qtbot: QtBot, shoot: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.viewmodels.queue.LOOK_MS", 50)
    ledger = Ledger()
    ledger.add(plan.jobs([Subject(path) for path in shoot[:2]], [Recipe(folder="out")]))
    other = Queue(ledger, lambda *_: RetouchResult(shoot[0], Status.DONE))
    assert other.own()
    engine = Gated()
    window = make_window(engine)
    window.desk.start([shoot[0]])
    queue = window.desk.queue
    qtbot.waitUntil(lambda: queue.summary == "2 waiting; another Porelight exports")
    other.step(CancelToken())
    qtbot.waitUntil(lambda: queue.summary == "1 waiting; another Porelight exports")
    assert engine.order == []
    other.close()  # as its end does, by a kill too
    qtbot.waitUntil(lambda: engine.order == ["b"])
    qtbot.waitUntil(lambda: queue.summary.startswith("Exporting 1 of 1"))
    engine.gate.set()
    qtbot.waitUntil(lambda: queue.counts[State.DONE] == 2)
    ledger.close()


def test_a_full_disk_pauses_and_says_so_once(gated: tuple[MainWindow, Gated], qtbot: QtBot) -> None:
    window, engine = gated
    engine.full = True
    engine.gate.set()
    queue = window.desk.queue
    qtbot.waitUntil(lambda: queue.paused and not queue.running)
    assert queue.problem is not None
    assert queue.problem.message == "a.png cannot be written: the disk is full."
    assert queue.counts[State.WAITING] == 2
    engine.full = False
    queue.retry()
    queue.resume()
    ended(qtbot, window)
    assert queue.counts[State.DONE] == 3


def test_a_closed_window_leaves_the_queue_for_the_next_one(
    gated: tuple[MainWindow, Gated], make_window: MakeWindow, qtbot: QtBot
) -> None:
    window, engine = gated
    window.close()
    engine.gate.set()
    again = make_window(FakeEngine())
    again.desk.start([])
    qtbot.waitUntil(lambda: again.desk.queue.counts[State.DONE] == 3)
    ended(qtbot, again)


@pytest.mark.qt_log_ignore("propagateSizeHints", extend=True)
def test_what_is_exported_and_what_failed_comes_into_sight(
    gated: tuple[MainWindow, Gated], qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    window, engine = gated
    engine.bad = "c"
    for _ in range(12):
        window.desk.deliver([Recipe(folder="out")])
    queue = window.desk.queue
    qtbot.waitUntil(lambda: len(queue.entries) == 39)
    shown = QueueWindow(queue, window)
    shown.resize(860, 300)
    mouse_inside = False  # really it is wherever the tests before have left it
    monkeypatch.setattr(shown.table, "underMouse", lambda: mouse_inside)
    shown.show()
    engine.gate.set()
    qtbot.waitUntil(lambda: not queue.waiting and not queue.running)

    def seen(row: int) -> bool:
        return shown.table.viewport().rect().contains(shown.table.visualRect(shown.rows.index(row, 0)))

    failed = [row for row, entry in enumerate(queue.entries) if entry.state is State.FAILED]
    assert len(failed) == 13 and seen(failed[0]) and not seen(failed[-1])
    engine.gate.clear()
    engine.bad = ""
    queue.retry([queue.entries[failed[-1]].id])
    qtbot.waitUntil(lambda: queue.counts[State.RUNNING] == 1 and seen(failed[-1]))
    mouse_inside = True
    engine.gate.set()
    qtbot.waitUntil(lambda: not queue.waiting and not queue.running)
    assert seen(failed[-1]), "a person who is in the list is left alone"
    shown.close()


def test_the_dialog_says_where_files_go_and_keeps_recipes(qtbot: QtBot, tmp_path: Path) -> None:
    frames = [Frame(tmp_path / "IMG_7.jpg", captured="2026:05:01 10:00:00"), Frame(tmp_path / "IMG_8.jpg")]
    dialog = RecipesDialog(frames, BUILT_IN, ["Web 2048", "Print TIFF"])
    qtbot.addWidget(dialog)
    assert [recipe.name for recipe in dialog.chosen] == ["Web 2048", "Print TIFF"]
    assert dialog.count.text() == "2 photos, 2 recipes: 4 files"
    assert dialog.note.text().endswith("IMG_7-web.jpg")
    dialog.fields["naming"].setText("")
    qtbot.keyClicks(dialog.fields["naming"], "{date}-{seq:3}")
    assert dialog.note.text().endswith("2026-05-01-001.jpg")
    qtbot.keyClicks(dialog.fields["naming"], "{oops}")
    assert "There is no {oops}" in dialog.note.text()
    assert not dialog.export.isEnabled()
    dialog.fields["naming"].setText("")
    qtbot.keyClicks(dialog.fields["naming"], "{name}")
    assert dialog.export.isEnabled()
    dialog.fields["format"].setCurrentIndex(dialog.fields["format"].findData("layered"))
    assert dialog._current().format == "layered" and not dialog.fields["profile"].isEnabled()
    assert dialog._current().plain


def test_recipes_and_the_choice_are_remembered(make_window: MakeWindow, qtbot: QtBot, shoot: list[Path]) -> None:
    window = make_window()
    own = (*BUILT_IN, Recipe(name="Lab", format="tiff", depth=16))
    window.desk.queue.keep(own, ["Lab"])
    assert window.desk.queue.recipes() == (own, "")
    assert window.desk.queue.chosen() == ["Lab"]
    listed(qtbot, window, shoot)
    window.delivery.again()
    ended(qtbot, window)
    assert (shoot[0].parent / "retouched" / "a.tif").exists()


def test_recipes_that_cannot_be_used_are_said_in_the_windows_language(
    make_window: MakeWindow,
) -> None:
    queue = make_window().desk.queue
    recipes_file().write_bytes(b"[")
    try:
        use(Language.GERMAN)
        found, trouble = queue.recipes()
    finally:
        use(Language.ENGLISH)
    assert found == BUILT_IN
    assert trouble.startswith("Die Datei recipes.json kann nicht benutzt werden;") and trouble.endswith("werden.")


def test_a_handed_copy_is_written_in_place_and_the_window_closes(
    make_window: MakeWindow, qtbot: QtBot, tmp_path: Path
) -> None:
    first, second = tmp_path / "one.tif", write_portrait(tmp_path / "two.png")
    before = np.asarray(Image.open(second)).astype(int)
    Image.open(second).save(first, compression="tiff_adobe_deflate")
    window = make_window()
    window.desk.edit([first, second])
    qtbot.waitUntil(lambda: bool(window.photo.layers) and not window.photo.busy)
    assert window.main_button.text() == "Save and Return"
    window.photo.set_strength("light", 100)
    window.photo.set_strength("heal", 0)
    window.main_button.click()
    qtbot.waitUntil(lambda: window.photo.path == second and bool(window.photo.layers) and not window.photo.busy)
    with Image.open(first) as written:
        assert written.info["compression"] == "tiff_adobe_deflate"
        after = np.asarray(written).astype(int)
    assert np.abs((after - before)[140:160, 95:115] - 2 * BRIGHTER * 255).max() <= 1
    assert (after[:9] == before[:9]).all()
    window.main_button.click()
    qtbot.waitUntil(lambda: not window.isVisible())
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_file()) == ["one.tif", "two.png"]


def test_a_copy_that_is_not_saved_leaves_no_trace_beside_it_nor_of_where_one_was(
    make_window: MakeWindow, qtbot: QtBot, shoot: list[Path], tmp_path: Path
) -> None:
    window = make_window()
    listed(qtbot, window, shoot)
    window.close()
    before = json.loads(place_file().read_text())
    assert before["folder"] == str(shoot[0].parent)
    handed = tmp_path / "handed"
    handed.mkdir()
    copy = write_portrait(handed / "one.png")
    content = copy.read_bytes()
    editor = make_window()
    editor.desk.edit([copy])
    qtbot.waitUntil(lambda: bool(editor.photo.layers) and not editor.photo.busy)
    editor.photo.set_strength("light", 80)
    editor.photo.giving.give([write_portrait(handed / "two.png")], editor.photo.settings(), "Sync settings")
    qtbot.waitUntil(lambda: "1 photo" in editor.photo.notice)
    (handed / "two.png").unlink()
    before["current"] = str(shoot[2])
    place_file().write_text(json.dumps(before))  # the other window goes on meanwhile
    editor.desk.place.keep(page="tab_history")
    editor.close()
    assert [path.name for path in handed.iterdir()] == ["one.png"] and copy.read_bytes() == content
    after = json.loads(place_file().read_text())
    assert {name: after[name] for name in ("folder", "current", "recent", "files")} == {
        name: before[name] for name in ("folder", "current", "recent", "files")
    }
    again = make_window()
    again.desk.edit([copy])
    qtbot.waitUntil(lambda: bool(again.photo.layers) and not again.photo.busy)
    assert again.photo.strength("light") == 80, "nothing that was done is lost"


def test_a_handed_copy_that_changed_meanwhile_is_left_alone(
    make_window: MakeWindow, qtbot: QtBot, tmp_path: Path
) -> None:
    path = write_portrait(tmp_path / "one.png")
    window = make_window()
    window.desk.edit([path])
    qtbot.waitUntil(lambda: bool(window.photo.layers) and not window.photo.busy)
    other = write_portrait(tmp_path / "other.png", (150, 150)).read_bytes()
    path.write_bytes(other)
    window.main_button.click()
    qtbot.waitUntil(lambda: window.photo.problem is not None)
    assert window.photo.problem is not None and "changed by another program" in window.photo.problem.message
    assert path.read_bytes() == other
    assert window.isVisible()


def test_a_photo_that_is_written_anew_is_read_again(make_window: MakeWindow, qtbot: QtBot, shoot: list[Path]) -> None:
    window = make_window()
    listed(qtbot, window, shoot)
    window.desk.show(shoot[1])
    qtbot.waitUntil(lambda: bool(window.photo.layers) and not window.photo.busy)
    shoot[1].write_bytes(write_portrait(shoot[1].with_name("new.tmp.png"), (150, 170)).read_bytes())
    window.desk.library.rescan()
    qtbot.waitUntil(lambda: window.photo.photo is not None and window.photo.photo.size == (150, 170))
    qtbot.waitUntil(lambda: not window.photo.busy)


def test_going_to_the_next_photo_takes_the_one_read_ahead(
    make_window: MakeWindow, qtbot: QtBot, shoot: list[Path]
) -> None:
    window = make_window()
    listed(qtbot, window, shoot)
    desk = window.desk
    desk.show(shoot[0])
    opened_ = desk.opened
    qtbot.waitUntil(lambda: shoot[1] in opened_ and opened_._kept[shoot[1]].retouched is not None)
    desk.library.step(1)
    # No turn of the event loop in between: everything is there.
    assert window.photo.path == shoot[1]
    assert window.photo.layers and not window.photo.busy
    assert window.stack.currentWidget() is window.canvas
    desk.library.set_view(View.GRID)
    qtbot.waitUntil(lambda: opened_.idle)


def test_edits_made_elsewhere_meanwhile_make_it_read_again(
    make_window: MakeWindow, qtbot: QtBot, shoot: list[Path]
) -> None:
    window = make_window()
    listed(qtbot, window, shoot)
    desk = window.desk
    desk.show(shoot[0])
    qtbot.waitUntil(lambda: shoot[1] in desk.opened and desk.opened._kept[shoot[1]].retouched is not None)
    session = FakeEngine().open(shoot[1])
    session.analyse()
    session.propose(FakeEngine().policy())
    session.set_strengths(session.edits["face-0"].strengths.with_(tone=7.0))
    session.save_sidecar()
    desk.library.step(1)
    qtbot.waitUntil(lambda: bool(window.photo.layers) and not window.photo.busy)
    assert window.photo.strength("tone") == 7.0


def test_opened_photos_stay_within_their_budget(make_window: MakeWindow, qtbot: QtBot, shoot: list[Path]) -> None:
    window = make_window()
    listed(qtbot, window, shoot)
    kept = window.desk.opened
    opened(qtbot, window.photo, shoot[0])
    window.photo.open(shoot[1])
    qtbot.waitUntil(lambda: bool(window.photo.layers) and not window.photo.busy)
    one = kept._kept[shoot[0]].nbytes
    assert one > 211 * 307 * 3
    kept.budget = one + 10
    window.photo.open(shoot[2])
    qtbot.waitUntil(lambda: bool(window.photo.layers) and not window.photo.busy)
    assert kept.nbytes <= kept.budget
    assert shoot[0] not in kept and shoot[1] in kept


def test_what_a_brushed_mark_keeps_is_counted(shoot: list[Path]) -> None:
    session = FakeEngine().open(shoot[0])
    session.analyse()
    session.propose(FakeEngine().policy())
    kept = Opened(session, FakeEngine().source(session.photo, None), ())
    before, (h, w) = kept.nbytes, session.faces[0].grid.shape
    mark = OwnMark("own-1", ((100.0, 150.0),), 8.0)
    session.edits["face-0"] = replace(session.edits["face-0"], marks=(mark,))
    assert session.layers()[0][0].marks[-1].id == "own-1"
    assert kept.nbytes - before >= 2 * h * w * 3 * 4, "the grid's values as they are and with marks gone"


def test_a_job_of_a_photo_with_broken_edits_is_counted_as_failed(
    make_window: MakeWindow, qtbot: QtBot, shoot: list[Path]
) -> None:
    sidecar.beside(shoot[1]).write_text("{")
    window = make_window()
    listed(qtbot, window, shoot)
    window.desk.library.select_all()
    window.desk.deliver([Recipe(folder="out")])
    ended(qtbot, window)
    assert window.desk.queue.summary == "2 photos exported, 1 failed"
    assert sidecar.beside(shoot[1]).read_text() == "{"


def test_new_photos_of_a_watched_folder_are_exported_once_they_settle(
    make_window: MakeWindow, qtbot: QtBot, shoot: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    from engine.delivery import watch

    monkeypatch.setattr(watch, "SETTLE_SECONDS", 0.2)
    window = make_window()
    listed(qtbot, window, shoot)
    window.desk.queue.keep([Recipe(name="Fast", folder="out")], ["Fast"])
    window.delivery.watch_action.trigger()
    assert window.desk.watching
    write_portrait(shoot[0].with_name("new.png"))
    out = shoot[0].parent / "out"
    qtbot.waitUntil(lambda: (out / "new.png").exists())
    ended(qtbot, window)
    assert [path.name for path in out.iterdir()] == ["new.png"]
    qtbot.waitUntil(lambda: window.desk.library.total == 4)
    window.delivery.watch_action.trigger()
    assert not window.desk.watching

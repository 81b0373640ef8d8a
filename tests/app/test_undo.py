"""One undo for edits, stars, labels and flags, through the window's keys."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from app.viewmodels.library import Filter, View
from app.views.main_window import MainWindow
from engine import sidecar
from engine.errors import SidecarError
from engine.library import culls
from engine.library.xmp import Cull, Flag, Label
from engine.settings import FaceSettings
from engine.types import Strengths
from tests.app.conftest import MakeWindow
from tests.helpers.fake_engine import write_portrait

CTRL, SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier


@pytest.fixture
def shoot(tmp_path: Path) -> list[Path]:
    return [write_portrait(tmp_path / f"{name}.png") for name in ("a", "b", "c")]


def listed(make_window: MakeWindow, qtbot: QtBot, shoot: list[Path]) -> MainWindow:
    window = make_window()
    window.desk.open([shoot[0].parent])
    qtbot.waitUntil(lambda: window.desk.library.total == 3 and not window.desk.library.scanning)
    return window


def at_rest(qtbot: QtBot, window: MainWindow, path: Path) -> None:
    qtbot.waitUntil(lambda: window.photo.path == path and bool(window.photo.layers) and not window.photo.busy)


def undo(qtbot: QtBot, window: MainWindow) -> None:
    qtbot.keyClick(window, Qt.Key.Key_Z, CTRL)


def redo(qtbot: QtBot, window: MainWindow) -> None:
    qtbot.keyClick(window, Qt.Key.Key_Z, CTRL | SHIFT)


def test_stars_labels_and_flags_are_undone_key_by_key(make_window: MakeWindow, qtbot: QtBot, shoot: list[Path]) -> None:
    window = listed(make_window, qtbot, shoot)
    library = window.desk.library
    library.select_all()
    for key in (Qt.Key.Key_4, Qt.Key.Key_9, Qt.Key.Key_P):
        qtbot.keyClick(window, key)
    assert {library.frames[path].cull for path in shoot} == {Cull(4, Label.BLUE, Flag.PICK)}
    assert window.undo_action.toolTip().startswith("Undo Picked")
    undo(qtbot, window)
    undo(qtbot, window)
    assert library.frames[shoot[2]].cull == Cull(4)
    undo(qtbot, window)
    assert not window.undo_action.isEnabled()
    redo(qtbot, window)
    qtbot.waitUntil(lambda: not library.runner.jobs)
    assert [culls.load(path) for path in shoot] == [Cull(4)] * 3
    assert library.frames[shoot[0]].cull == Cull(4)


def test_what_was_done_last_is_undone_first(make_window: MakeWindow, qtbot: QtBot, shoot: list[Path]) -> None:
    window = listed(make_window, qtbot, shoot)
    photo, library = window.photo, window.desk.library
    window.desk.show(shoot[0])
    at_rest(qtbot, window, shoot[0])
    photo.set_strength("tone", 80)
    qtbot.keyClick(window, Qt.Key.Key_3)
    photo.set_strength("tone", 20)
    undo(qtbot, window)
    assert (photo.strength("tone"), library.frames[shoot[0]].cull.stars) == (80, 3)
    undo(qtbot, window)
    assert (photo.strength("tone"), library.frames[shoot[0]].cull.stars) == (80, 0)
    undo(qtbot, window)
    assert photo.strength("tone") == 50
    for tone, stars in ((80, 0), (80, 3), (20, 3)):
        redo(qtbot, window)
        assert (photo.strength("tone"), library.frames[shoot[0]].cull.stars) == (tone, stars)
    assert not window.redo_action.isEnabled()


def test_undo_goes_back_to_the_frame_that_its_own_key_hid(
    make_window: MakeWindow, qtbot: QtBot, shoot: list[Path]
) -> None:
    window = listed(make_window, qtbot, shoot)
    library = window.desk.library
    library.set_filter(Filter(flag=Flag.NONE))
    library.go(shoot[1])
    qtbot.keyClick(window, Qt.Key.Key_X)
    assert (library.current, library.shown) == (shoot[2], [shoot[0], shoot[2]])
    assert window.shoot.bar.count.text() == "2 of 3 photos  ·  2 / 2"
    library.select_all()
    assert window.shoot.bar.count.text() == "2 of 3 photos  ·  2 selected"
    undo(qtbot, window)
    assert (library.current, library.shown) == (shoot[1], shoot)


def toned(paths: list[Path]) -> list[float | None]:
    """The strength "tone" that each sidecar gives; None without a sidecar."""
    found = [sidecar.load(path) for path in paths]
    return [None if each is None or each.settings is None else each.settings.strengths.values["tone"] for each in found]


def toned_first(make_window: MakeWindow, qtbot: QtBot, shoot: list[Path]) -> MainWindow:
    """A window that shows the first photo, whose "tone" was changed."""
    window = listed(make_window, qtbot, shoot)
    window.desk.show(shoot[0])
    at_rest(qtbot, window, shoot[0])
    window.photo.set_strength("tone", 81)
    return window


def test_settings_given_to_selected_photos_are_undone_in_the_grid(
    make_window: MakeWindow, qtbot: QtBot, shoot: list[Path]
) -> None:
    """The open photo's own, those of a photo without a sidecar and of one that had settings before, all by one key."""
    sidecar.give(shoot[2], FaceSettings(Strengths({"tone": 30})))
    window = toned_first(make_window, qtbot, shoot)
    photo, library = window.photo, window.desk.library
    photo.copy()
    photo.set_strength("tone", 50)
    library.set_view(View.GRID)
    library.select_all()
    window.actions_made.made["paste"].trigger()
    qtbot.waitUntil(lambda: toned(shoot[1:]) == [81, 81])
    qtbot.waitUntil(lambda: not photo.runner.jobs)
    assert photo.strength("tone") == 81
    library.go(shoot[1])
    for _ in range(2):
        undo(qtbot, window)
        qtbot.waitUntil(lambda: window.redo_action.isEnabled())
        assert toned(shoot[1:]) == [None, 30]
        assert photo.strength("tone") == 50 and library.selection == set(shoot)
        assert not library.frames[shoot[1]].edited and library.frames[shoot[2]].edited
        redo(qtbot, window)
        qtbot.waitUntil(lambda: window.undo_action.isEnabled())
        assert toned(shoot[1:]) == [81, 81]
        assert photo.strength("tone") == 81 and library.frames[shoot[1]].edited


def synced(make_window: MakeWindow, qtbot: QtBot, shoot: list[Path]) -> MainWindow:
    """A window in which settings of the first photo were given to the others."""
    window = toned_first(make_window, qtbot, shoot)
    window.desk.library.choose(set(shoot))
    window.adjust.sync_action.trigger()
    qtbot.waitUntil(lambda: toned(shoot[1:]) == [81, 81] and not window.photo.runner.jobs)
    return window


def test_synced_settings_are_undone_from_the_photo_they_came_from_but_not_where_one_went_on(
    make_window: MakeWindow, qtbot: QtBot, shoot: list[Path]
) -> None:
    window = synced(make_window, qtbot, shoot)
    photo = window.photo
    sidecar.give(shoot[2], FaceSettings(Strengths({"tone": 12})))
    undo(qtbot, window)
    qtbot.waitUntil(lambda: photo.notice == "Left as changed since then: 1 photo.")
    assert toned(shoot[1:]) == [None, 12]
    assert photo.strength("tone") == 81
    undo(qtbot, window)
    assert photo.strength("tone") == 50, "what was done before it is undone next"


def test_a_photo_opened_since_is_taken_back_with_the_others_in_the_grid(
    make_window: MakeWindow, qtbot: QtBot, shoot: list[Path]
) -> None:
    window = toned_first(make_window, qtbot, shoot)
    photo, library = window.photo, window.desk.library
    photo.copy()
    library.set_view(View.GRID)
    library.choose(set(shoot[1:]))
    window.actions_made.made["paste"].trigger()
    qtbot.waitUntil(lambda: toned(shoot[1:]) == [81, 81] and not photo.runner.jobs)
    window.desk.show(shoot[1])
    at_rest(qtbot, window, shoot[1])
    assert photo.strength("tone") == 81 and photo.history.entries[-1].time, "it is known when it was changed"
    library.set_view(View.GRID)
    undo(qtbot, window)
    qtbot.waitUntil(lambda: toned(shoot[1:]) == [None, None])
    qtbot.waitUntil(lambda: photo.strength("tone") == 50)


def test_what_could_not_be_taken_back_can_be_tried_again(
    make_window: MakeWindow, qtbot: QtBot, shoot: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    window = synced(make_window, qtbot, shoot)
    photo = window.photo

    def refuse(path: Path, *rest: object, **more: object) -> bool:
        if path == shoot[2]:
            raise SidecarError("The sidecar of c.png cannot be removed: no right.", "Change the rights.")
        return exchange(path, *rest, **more)  # type: ignore[arg-type]

    exchange = sidecar.exchange
    with monkeypatch.context() as patch:
        patch.setattr(sidecar, "exchange", refuse)
        undo(qtbot, window)
        qtbot.waitUntil(lambda: photo.problem is not None)
    assert photo.problem is not None and "cannot be removed" in photo.problem.message
    assert toned(shoot[1:]) == [None, 81]
    photo.giving.undo()
    qtbot.waitUntil(lambda: toned(shoot[1:]) == [None, None])

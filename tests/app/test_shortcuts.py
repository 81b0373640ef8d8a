"""One table of actions; keys that can be changed; no key twice; the cheat sheet shows what is true."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QPushButton
from pytestqt.qtbot import QtBot

from app.settings.schema import Language
from app.viewmodels.actions import ACTIONS, GROUPS
from app.viewmodels.preferences import SECTIONS, SHORTCUTS
from app.viewmodels.settings import SettingsModel
from app.viewmodels.shortcuts import Shortcuts, normal, shown
from app.views.cheat_sheet import SERIES, CheatSheet
from app.views.settings_window import SettingsWindow
from tests.app.conftest import MakeWindow

LIGHTROOM = {
    "original": "\\", "mode_side": "Y", "mode_wipe": "Shift+Y", "mode_stacked": "Alt+Y", "copy": "Ctrl+Shift+C",
    "paste": "Ctrl+Shift+V", "sync": "Ctrl+Shift+S", "previous": "Ctrl+Alt+V", "flag_pick": "P", "flag_reject": "X",
    "flag_none": "U", "stars_0": "0", "stars_5": "5", "label_red": "6", "label_blue": "9",
    "grid": "G", "toggle_zoom": "Z",
}  # fmt: skip


@pytest.fixture
def shortcuts(qapp: object) -> Shortcuts:
    return Shortcuts(SettingsModel())


def test_defaults_are_lightroom_s_and_no_key_is_given_twice(shortcuts: Shortcuts) -> None:
    for action, key in LIGHTROOM.items():
        assert key in shortcuts.keys(action), action
    given = [key for info in ACTIONS.values() for key in map(normal, info.keys)]
    assert len(given) == len(set(given))
    assert all(given)
    assert {info.group for info in ACTIONS.values()} == set(GROUPS)


def test_a_taken_key_changes_hands_and_comes_back(shortcuts: Shortcuts) -> None:
    assert shortcuts.owner("ctrl+e") == "export"
    assert shortcuts.owner("Ctrl+E", but="export") is None
    shortcuts.set("loupe", ["Ctrl+E"])
    assert shortcuts.keys("loupe") == ("Ctrl+E",)
    assert shortcuts.keys("export") == ()
    assert Shortcuts(SettingsModel()).keys("loupe") == ("Ctrl+E",)  # kept on disk
    shortcuts.reset("export")
    assert shortcuts.keys("export") == ("Ctrl+E",)
    assert shortcuts.keys("loupe") == ()
    shortcuts.reset_all()
    assert shortcuts.keys("loupe") == ("L",)
    assert shortcuts.settings.values.keys == {}


def test_no_key_is_one_that_types_a_sign_with_altgr(shortcuts: Shortcuts) -> None:
    """Ctrl+Alt is AltGr on Windows; Shift with a digit is another digit's place on a French keyboard."""
    keys = [key for id in ACTIONS for key in shortcuts.keys(id)]
    assert [key for key in keys if "Ctrl+Alt+" in key] == ["Ctrl+Alt+V"]  # Lightroom's; no sign on it in western Europe
    assert [key for key in keys if "Shift+" in key and key[-1].isdigit()] == []


def test_a_key_that_begins_others_takes_them_along(shortcuts: Shortcuts) -> None:
    owners = tuple(map(shortcuts.owner, ("F", "F, P", "P", "F, P, 1", "F, Q")))
    assert owners == ("all", "only_flag_pick", "flag_pick", "only_flag_pick", None)
    shortcuts.set("loupe", ["F"])
    assert shortcuts.keys("only_flag_pick") == shortcuts.keys("all") == ()
    assert shortcuts.keys("loupe") == ("F",)
    shortcuts.reset("only_stars_3")
    assert (shortcuts.keys("only_stars_3"), shortcuts.keys("loupe")) == (("F, 3",), ())


def test_settings_from_elsewhere_cannot_give_a_key_twice(shortcuts: Shortcuts) -> None:
    shortcuts.settings.set(keys={"loupe": ["Q", "Q"], "grid": ["Q"], "no_such": ["W"], "undo": ["nonsense+key+"]})
    owners = [id for id in ACTIONS if "Q" in shortcuts.keys(id)]
    assert len(owners) == 1
    assert owners[0] in {"loupe", "grid"}
    shortcuts.set("redo", ["W"])
    assert shortcuts.settings.values.keys["no_such"] == ("W",)  # of another version: left alone


def test_actions_follow_at_once(make_window: MakeWindow, qtbot: QtBot) -> None:
    window = make_window()
    assert set(window.actions_made.made) == {id for id, info in ACTIONS.items() if not info.held}
    window.shortcuts.set("loupe", ["Ctrl+J"])
    action = window.actions_made.made["loupe"]
    assert [key.toString() for key in action.shortcuts()] == ["Ctrl+J"]
    assert shown("Ctrl+J") in action.toolTip()
    window.shortcuts.set("original", ["H"])
    qtbot.keyPress(window, Qt.Key.Key_H)
    assert window.compare.holding
    qtbot.keyRelease(window, Qt.Key.Key_H)
    assert not window.compare.holding
    qtbot.keyPress(window, Qt.Key.Key_Backslash)
    assert not window.compare.holding


def test_editor_asks_before_it_takes_a_key(make_window: MakeWindow, qtbot: QtBot) -> None:
    window = make_window()
    settings = SettingsWindow(window.settings, window.shortcuts, window)
    settings.sections.setCurrentRow(SECTIONS.index(SHORTCUTS))
    settings.show()
    row = settings.editor.rows["loupe"]
    row.field.setFocus()
    qtbot.keyClick(row.field, Qt.Key.Key_E, Qt.KeyboardModifier.ControlModifier)
    assert row.question.isVisible()
    assert "Export" in row.conflict.text()
    assert window.shortcuts.keys("loupe") == ("L",)
    row.leave.click()
    assert not row.question.isVisible()
    assert row.field.text() == "L"
    qtbot.keyClick(row.field, Qt.Key.Key_E, Qt.KeyboardModifier.ControlModifier)
    row.take.click()
    assert window.shortcuts.keys("loupe") == ("Ctrl+E",)
    assert settings.editor.rows["export"].field.text() == ""
    qtbot.keyClick(row.field, Qt.Key.Key_Backspace)
    assert window.shortcuts.keys("loupe") == ()
    qtbot.keyClick(row.field, Qt.Key.Key_Question, Qt.KeyboardModifier.ShiftModifier)
    assert "Keyboard Shortcuts" in row.conflict.text()
    row.leave.click()
    row.reset.click()
    assert window.shortcuts.keys("loupe") == ("L",)
    settings.close()


def test_search_finds_settings_and_shortcuts(make_window: MakeWindow) -> None:
    window = make_window()
    settings = SettingsWindow(window.settings, window.shortcuts, window)
    settings.show()
    settings.search.setText("grey")
    assert settings.rows["theme"].isVisible()
    assert not settings.rows["threads"].isVisible()
    settings.search.setText("side by side")
    assert settings.editor.rows["mode_side"].isVisible()
    assert not settings.editor.rows["undo"].isVisible()
    assert not any(row.isVisible() for row in settings.rows.values())
    settings.search.setText("xyzzy")
    assert settings.nothing.isVisible()
    settings.search.clear()
    assert settings.rows["theme"].isVisible()
    combo = settings.rows["language"].control
    assert not settings.rows["language"].reset.isVisible()
    window.settings.set(language=Language.GERMAN)
    assert combo.currentText() == "Deutsch"  # type: ignore[attr-defined]
    settings.rows["language"].reset.click()
    assert window.settings.values.language is Language.SYSTEM
    settings.close()


def test_cheat_sheet_shows_the_keys_of_now(shortcuts: Shortcuts, qtbot: QtBot) -> None:
    shortcuts.set("loupe", ["Ctrl+J"])
    sheet = CheatSheet(shortcuts, QPushButton())
    qtbot.addWidget(sheet)
    texts = [label.text() for label in sheet.findChildren(QLabel)]
    keys = texts[texts.index("Loupe") + 1]
    assert keys == shown("Ctrl+J")
    assert texts[texts.index("No stars to five") + 1] == "0 1 2 3 4 5"
    assert texts[texts.index("Filter: so many stars") + 1] == "F, 1 2 3 4 5"
    for id, info in ACTIONS.items():
        if id.rpartition("_")[0] not in SERIES:
            assert (info.title.rstrip("…") in texts) == bool(shortcuts.keys(id)), id

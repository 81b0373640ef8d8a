from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import QEvent, QMimeData, QObject, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent, QGuiApplication, QWheelEvent
from PySide6.QtWidgets import QApplication, QFileDialog, QMessageBox, QPushButton, QWidget
from pytestqt.qtbot import QtBot

from app.viewmodels.compare import Mode
from app.viewmodels.place import place_file
from app.viewmodels.state import Change, Stage
from app.views import theme
from app.views.main_window import MainWindow
from app.views.pixels import to_image
from engine.report import porelight_version
from engine.types import Decision, FaceAnalysis
from tests.app.conftest import MakeWindow
from tests.helpers import fake_engine
from tests.helpers.fake_engine import BRIGHTER, FakeEngine, endless, face_of, opened

CHECKOUT = Path(__file__).parents[2]
LEFT = Qt.MouseButton.LeftButton


def picture(window: MainWindow) -> np.ndarray:
    """(h, w, 3) int of the canvas."""
    image = window.canvas.grab().toImage().convertToFormat(window.canvas.grab().toImage().Format.Format_RGB888)
    rows = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine())
    return rows[:, : image.width() * 3].reshape(image.height(), image.width(), 3).astype(int)


def view_of(window: MainWindow, point: tuple[float, float], pane: int = 0) -> tuple[int, int]:
    """Source position to canvas position in a pane."""
    viewport, shown = window.compare.viewport, window.compare.panes[pane]
    assert viewport is not None
    x, y = viewport.to_view(point, shown.size)
    return int(x) + shown.x, int(y) + shown.y


def settle(qtbot: QtBot, window: MainWindow) -> None:
    qtbot.waitUntil(lambda: window.photo.frames.settled)


def test_arrays_become_images_unchanged() -> None:
    pixels = np.random.default_rng(3).integers(0, 256, (7, 13, 3), np.uint8)
    image = to_image(pixels)
    got = [[image.pixelColor(x, y).getRgb()[:3] for x in range(13)] for y in range(7)]
    assert np.array_equal(got, pixels)
    with pytest.raises(ValueError, match="uint8"):
        to_image(pixels.astype(np.uint16))  # type: ignore[arg-type]


def test_the_canvas_shows_the_photos_pixels_at_100_percent(window: MainWindow, qtbot: QtBot) -> None:
    assert window.photo.path is not None
    source = np.asarray(Image.open(window.photo.path)).astype(int)
    window.compare.hold(True)
    window.compare.zoom_to(1.0)
    settle(qtbot, window)
    x, y = view_of(window, (0.5, 0.5))
    got = picture(window)[y + 100 : y + 300, x : x + 211]
    assert np.array_equal(got, source[100:300])


SCALED = """
import json, os, sys, time
from pathlib import Path
from PySide6.QtWidgets import QApplication
from app.viewmodels.compare import Mode
from app.viewmodels.photo import PhotoModel
from app.views.main_window import MainWindow
from engine.delivery.recipe import Recipe
from tests.helpers.fake_engine import FakeEngine

folder = Path(sys.argv[1])
application = QApplication([])
window = MainWindow(PhotoModel(FakeEngine()))
photo, compare, canvas = window.photo, window.compare, window.canvas
window.resize(1000, 701)
window.show()

def until(true):
    end = time.monotonic() + 60
    while not true():
        application.processEvents()
        if time.monotonic() > end:
            frames = photo.frames
            sys.exit(repr((photo.stage, photo.doing, photo.problem, frames._wanted, frames.shown, photo.runner.jobs)))

until(window.windowHandle().isExposed)
photo.open(folder / "noise.png")
until(lambda: photo.layers and photo.frames.settled and not photo.busy)
photo.set_strength("light", 83)
photo.session.edits.update(photo.edits)
photo.session.export(folder / "export.png", Recipe(format="png"))
told = {"ratio": canvas.devicePixelRatioF()}
for mode in (Mode.AFTER, Mode.SIDE, Mode.STACKED):
    compare.set_mode(mode)
    compare.zoom_to(1.0)
    until(lambda: photo.frames.settled)
    canvas.grab().save(str(folder / f"{mode}.png"))
    at = [compare.viewport.to_view((0, 0), pane.size) for pane in compare.panes]
    told[mode] = [(pane.side, pane.x, pane.y, *pane.size, *xy) for pane, xy in zip(compare.panes, at)]
print(json.dumps(told), flush=True)
window.close()
os._exit(0)
"""


@pytest.mark.parametrize("ratio", ["1.5", "2"])
def test_on_a_fine_screen_100_percent_is_the_export_pixel_for_pixel(ratio: str, tmp_path: Path) -> None:
    """Within the one step of 255 that the preview is rounded by, at few pixels; nothing is scaled or shifted."""
    noise = np.random.default_rng(5).integers(0, 256, (1307, 1453, 3), np.uint8)
    Image.fromarray(noise).save(tmp_path / "noise.png")
    environment = {**os.environ, "PYTHONPATH": str(CHECKOUT), "QT_QPA_PLATFORM": "offscreen", "QT_SCALE_FACTOR": ratio}
    done = subprocess.run(
        [sys.executable, "-c", SCALED, str(tmp_path)], env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    assert told.pop("ratio") == float(ratio)
    after = np.asarray(Image.open(tmp_path / "export.png")).astype(int)
    assert (after != noise).any()
    for mode, panes in told.items():
        shot = np.asarray(Image.open(tmp_path / f"{mode}.png").convert("RGB")).astype(int)
        for side, x, y, width, height, left, top in panes:
            rows, columns = slice(round(-top) + 80, round(-top) + height), slice(round(-left), round(-left) + width)
            wanted = (after if side == "after" else noise.astype(int))[rows, columns]  # below the words on the picture
            off = np.abs(shot[y + 80 : y + height, x : x + width] - wanted)
            assert wanted.shape == off.shape and off.max() <= (side == "after"), (mode, side)
            assert (off > 0).mean() < 0.02, (mode, side)


def test_a_slider_changes_the_picture_at_once(window: MainWindow) -> None:
    window.compare.set_mode(Mode.AFTER)
    x, y = view_of(window, (105, 100))
    proposed = picture(window)[y, x]
    row = window.strengths.rows["light"]
    row.slider.setValue(100)
    # No event loop turn in between: the next paint has the new pixels.
    assert np.abs(picture(window)[y, x] - proposed - BRIGHTER * 255).max() <= 1
    row.slider.setValue(0)
    assert np.abs(picture(window)[y, x] - proposed + BRIGHTER * 255).max() <= 1


class Paints(QObject):
    """Counts how often a widget is painted."""

    def __init__(self, widget: QWidget) -> None:
        super().__init__(widget)
        self.count = 0
        widget.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        self.count += event.type() is QEvent.Type.Paint
        return False


def test_progress_does_not_paint_the_photo_anew(window: MainWindow, qtbot: QtBot) -> None:
    qtbot.wait(50)
    paints = Paints(window.canvas)
    window.photo.changed.emit(Change.JOB)
    qtbot.wait(50)
    assert paints.count == 0
    window.photo.changed.emit(Change.EDITS)
    qtbot.waitUntil(lambda: paints.count > 0)


def test_double_click_on_the_name_resets(window: MainWindow, qtbot: QtBot) -> None:
    row = window.strengths.rows["smooth"]
    row.slider.setValue(83)
    assert row.number.text() == "83"
    qtbot.mouseDClick(row.name, LEFT)
    assert row.slider.value() == 50 and window.photo.strength("smooth") == 50
    window.undo_action.trigger()
    assert row.slider.value() == 83


def test_keys_on_a_slider(window: MainWindow, qtbot: QtBot) -> None:
    slider = window.strengths.rows["tone"].slider
    slider.setFocus()
    qtbot.keyClick(slider, Qt.Key.Key_Right)
    qtbot.keyClick(slider, Qt.Key.Key_Right)
    assert window.photo.strength("tone") == 52
    qtbot.keyClick(slider, Qt.Key.Key_Left, Qt.KeyboardModifier.ShiftModifier)
    assert window.photo.strength("tone") == 42
    qtbot.keyClick(slider, Qt.Key.Key_Up, Qt.KeyboardModifier.ShiftModifier)
    assert window.photo.strength("tone") == 52


def test_a_typed_number(window: MainWindow, qtbot: QtBot) -> None:
    number = window.strengths.rows["amount"].number
    number.setFocus()
    number.selectAll()
    qtbot.keyClicks(number, "7")
    qtbot.keyClick(number, Qt.Key.Key_Return)
    assert window.photo.strength("amount") == 7
    number.selectAll()
    qtbot.keyClicks(number, "300")
    assert window.photo.strength("amount") == 7, "30 is not taken before it is finished"


def test_a_clicked_number_is_typed_over(window: MainWindow, qtbot: QtBot) -> None:
    number = window.strengths.rows["tone"].number
    for said in (82, 41):
        window.canvas.setFocus()
        number.setFocus(Qt.FocusReason.MouseFocusReason)
        qtbot.mouseClick(number, LEFT)
        qtbot.keyClicks(number, str(said))
        qtbot.keyClick(number, Qt.Key.Key_Return)
        assert window.photo.strength("tone") == said
    number.setFocus(Qt.FocusReason.MouseFocusReason)
    qtbot.mouseClick(number, LEFT)
    qtbot.mouseClick(number, LEFT, pos=QPoint(number.width() - 2, 8))
    qtbot.keyClick(number, Qt.Key.Key_Backspace)
    qtbot.keyClick(number, Qt.Key.Key_Return)
    assert window.photo.strength("tone") == 4, "a second click goes between the digits"


def test_a_mouse_drag_is_one_history_entry(window: MainWindow, qtbot: QtBot) -> None:
    slider = window.strengths.rows["light"].slider
    middle = slider.height() // 2
    qtbot.mousePress(slider, LEFT, pos=QPoint(slider.width() // 2, middle))
    for x in range(slider.width() // 2, slider.width() - 2, 5):
        qtbot.mouseMove(slider, QPoint(x, middle))
    qtbot.mouseMove(slider, QPoint(slider.width() - 1, middle))
    assert window.photo.strength("light") == 100
    assert window.photo.history.last_done is None
    qtbot.mouseRelease(slider, LEFT, pos=QPoint(slider.width() - 1, middle))
    assert window.photo.history.last_done.label == "Even light 100"
    window.photo.undo()
    assert window.photo.strength("light") == 50 and window.photo.history.last_done is None


def test_the_wipe_shows_before_to_the_left_and_after_to_the_right(window: MainWindow, qtbot: QtBot) -> None:
    window.compare.hold(True)
    before = picture(window)
    window.compare.hold(False)
    x, y = view_of(window, (105, 100))
    canvas = window.canvas
    for divider in (x - 30, x + 30):
        start = QPoint(round(window.compare.divider * canvas.width()), 400)
        qtbot.mousePress(canvas, LEFT, pos=start)
        qtbot.mouseMove(canvas, QPoint(divider, 400))
        qtbot.mouseRelease(canvas, LEFT, pos=QPoint(divider, 400))
        assert window.compare.divider == pytest.approx(divider / canvas.width())
        expected = BRIGHTER * 255 if divider < x else 0
        assert np.abs(picture(window)[y, x] - before[y, x] - expected).max() <= 1


def test_side_by_side_shows_both_at_the_same_place(window: MainWindow, qtbot: QtBot) -> None:
    qtbot.keyClick(window, Qt.Key.Key_Y)
    assert window.compare.mode is Mode.SIDE
    settle(qtbot, window)
    shown = picture(window)
    (bx, by), (ax, ay) = view_of(window, (105, 100), 0), view_of(window, (105, 100), 1)
    assert by == ay
    assert np.abs(shown[ay, ax] - shown[by, bx] - BRIGHTER * 255).max() <= 1


@pytest.mark.qt_log_ignore("does not support propagateSizeHints")
def test_about_says_version_and_licence(window: MainWindow) -> None:
    window.about_action.trigger()
    (box,) = window.findChildren(QMessageBox)
    assert f"Porelight {porelight_version()}" in box.text() and "Apache License" in box.informativeText()
    box.close()


def test_keys_choose_the_comparison(window: MainWindow, qtbot: QtBot) -> None:
    keys = Qt.KeyboardModifier
    qtbot.keyClick(window, Qt.Key.Key_Y, keys.AltModifier)
    assert window.compare.mode is Mode.STACKED
    qtbot.keyClick(window, Qt.Key.Key_Y, keys.ShiftModifier)
    assert window.compare.mode is Mode.WIPE
    qtbot.keyClick(window, Qt.Key.Key_Y, keys.ShiftModifier)
    assert window.compare.mode is Mode.AFTER
    checked = [mode for mode, action in window.mode_actions.items() if action.isChecked()]
    assert checked == [Mode.AFTER]


def test_holding_backslash_shows_before(window: MainWindow, qtbot: QtBot) -> None:
    window.compare.set_mode(Mode.AFTER)
    x, y = view_of(window, (105, 100))
    after = picture(window)[y, x]
    slider = window.strengths.rows["light"].slider
    slider.setFocus()
    qtbot.keyPress(slider, Qt.Key.Key_Backslash)
    assert np.abs(after - picture(window)[y, x] - BRIGHTER * 255).max() <= 1
    qtbot.keyRelease(slider, Qt.Key.Key_Backslash)
    assert np.array_equal(picture(window)[y, x], after)


def test_wheel_zooms_about_the_cursor_and_drag_pans(window: MainWindow, qtbot: QtBot) -> None:
    canvas, at = window.canvas, QPointF(150, 400)
    viewport = window.compare.viewport
    assert viewport is not None
    window.compare.zoom_to(2.0)
    pane = window.compare.pane_size
    source = window.compare.viewport.to_source((150, 400), pane)  # type: ignore[union-attr]
    wheel = QWheelEvent(
        at, canvas.mapToGlobal(at), QPoint(), QPoint(0, 240), Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    QApplication.sendEvent(canvas, wheel)
    zoomed = window.compare.viewport
    assert zoomed is not None and zoomed.zoom == pytest.approx(2 * 1.2**2)
    assert zoomed.to_source((150, 400), pane)[1] == pytest.approx(source[1], abs=0.5)
    centre = zoomed.centre
    qtbot.mousePress(canvas, LEFT, pos=QPoint(150, 400))
    qtbot.mouseMove(canvas, QPoint(150, 380))
    qtbot.mouseMove(canvas, QPoint(150, 350))
    qtbot.mouseRelease(canvas, LEFT, pos=QPoint(150, 350))
    moved = window.compare.viewport
    assert moved is not None and moved.centre[1] == pytest.approx(centre[1] + 50 / zoomed.zoom, abs=0.5)


def test_z_and_double_click_switch_between_fit_and_100_percent(
    make_window: MakeWindow, qtbot: QtBot, tmp_path: Path
) -> None:
    from tests.helpers.fake_engine import write_portrait

    window = make_window()
    opened(qtbot, window.photo, write_portrait(tmp_path / "large.png", (1709, 2003)))
    assert window.compare.viewport is not None and window.compare.viewport.zoom < 0.5
    qtbot.keyClick(window, Qt.Key.Key_Z)
    assert window.compare.viewport.zoom == 1
    qtbot.mouseDClick(window.canvas, LEFT, pos=QPoint(50, 50))
    assert window.compare.viewport.fitted
    qtbot.keyClick(window, Qt.Key.Key_1, Qt.KeyboardModifier.ControlModifier)
    assert window.compare.viewport.zoom == 1
    qtbot.keyClick(window, Qt.Key.Key_0, Qt.KeyboardModifier.ControlModifier)
    assert window.compare.viewport.fitted


def test_a_click_on_a_mark_flips_it(window: MainWindow, qtbot: QtBot) -> None:
    window.compare.set_mode(Mode.AFTER)
    mole = window.photo.layers["face-0"].marks[1]
    x, y = view_of(window, mole.centre)
    qtbot.mouseClick(window.canvas, LEFT, pos=QPoint(x, y))
    assert window.photo.decision("face-0", mole) is Decision.KEEP, "marks are not shown yet"
    kept = picture(window)[y, x]
    window.marks_action.trigger()
    qtbot.mouseMove(window.canvas, QPoint(x, y))
    qtbot.mouseClick(window.canvas, LEFT, pos=QPoint(x, y))
    assert window.photo.decision("face-0", mole) is Decision.REMOVE
    window.marks_action.trigger()
    assert np.abs(kept - picture(window)[y, x] - 0.2 * 255).max() <= 1


def test_a_face_can_be_switched_off(window: MainWindow) -> None:
    window.compare.set_mode(Mode.AFTER)
    x, y = view_of(window, (105, 100))
    after = picture(window)[y, x]
    window.faces.rows["face-0"].switch.click()
    assert np.abs(after - picture(window)[y, x] - BRIGHTER * 255).max() <= 1


WHY = "It is much smaller than the largest (240 and 1000 px), and more words than one line holds."


def test_a_face_in_doubt_is_off_and_says_why(
    make_window: MakeWindow, qtbot: QtBot, portrait: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def doubtful(size: tuple[int, int], index: int, count: int) -> FaceAnalysis:
        return replace(face_of(size, index, count), doubt=WHY if index else "")

    monkeypatch.setattr(fake_engine, "face_of", doubtful)
    window = make_window(FakeEngine(faces=2))
    opened(qtbot, window.photo, portrait)
    person, printed = (window.faces.rows[name] for name in ("face-0", "face-1"))
    assert person.switch.isChecked() and not printed.switch.isChecked()
    assert printed.detail.text() == WHY
    assert printed.detail.height() >= printed.detail.heightForWidth(printed.detail.width()), "all words are seen"
    printed.switch.click()
    assert window.photo.edits["face-1"].enabled
    assert printed.detail.text() == person.detail.text() == "1 mark removed, 1\N{NO-BREAK SPACE}kept"
    window.photo.reset()
    assert window.photo.edits["face-0"].enabled and not window.photo.edits["face-1"].enabled


def test_choosing_a_face(make_window: MakeWindow, qtbot: QtBot, portrait: Path) -> None:
    window = make_window(FakeEngine(faces=2))
    opened(qtbot, window.photo, portrait)
    assert list(window.faces.rows) == [None, "face-0", "face-1"]
    qtbot.mouseClick(window.faces.rows["face-1"], LEFT)
    assert window.photo.selected == "face-1"
    window.strengths.rows["light"].slider.setValue(90)
    qtbot.mouseClick(window.faces.rows[None], LEFT)
    assert window.strengths.rows["light"].number.text() == "–"


def test_empty_then_open_then_title(make_window: MakeWindow, qtbot: QtBot, portrait: Path) -> None:
    window = make_window()
    assert window.stack.currentWidget() is window.empty
    assert not window.main_button.isEnabled()
    opened(qtbot, window.photo, portrait)
    assert window.stack.currentWidget() is window.canvas
    assert window.windowTitle() == "portrait.png — Porelight"
    assert window.main_button.text() == "Export…" and window.main_button.isEnabled()


def test_open_offers_every_kind_of_photo_that_can_be_read(
    make_window: MakeWindow, monkeypatch: pytest.MonkeyPatch
) -> None:
    offered: list[str] = []
    monkeypatch.setattr(QFileDialog, "getOpenFileNames", lambda *asked: (offered.append(asked[-1]), ([], ""))[1])
    make_window().ask_open()
    assert {"*.jpg", "*.hif", "*.rwl", "*.CR3"} <= set(offered[0].replace(")", " ").replace("(", " ").split())


def test_drop_opens(make_window: MakeWindow, qtbot: QtBot, portrait: Path) -> None:
    window = make_window()
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(portrait))])
    copy, none = Qt.DropAction.CopyAction, Qt.KeyboardModifier.NoModifier
    window.dropEvent(QDropEvent(QPointF(50, 50), copy, data, LEFT, none))
    qtbot.waitUntil(lambda: window.photo.stage is Stage.PROPOSED)


def test_a_folder_without_photos_says_so_and_what_arrives_shows(
    make_window: MakeWindow, qtbot: QtBot, portrait: Path, tmp_path: Path
) -> None:
    window, folder = make_window(), tmp_path / "empty"
    folder.mkdir()
    window.desk.open([portrait])
    qtbot.waitUntil(lambda: window.photo.stage is Stage.PROPOSED)
    assert window.export_action.isEnabled()
    window.desk.open([folder])
    qtbot.waitUntil(lambda: window.desk.library.empty)
    assert window.shoot.empty.isVisible() and not window.canvas.isVisible()
    assert window.shoot.empty.grab().toImage().pixelColor(5, 5).name() == theme.CANVAS
    assert not window.export_action.isEnabled(), "the photo before is not seen any more"
    window.shoot.empty.setFocus()
    portrait.rename(folder / portrait.name)
    window.desk.library.rescan()
    qtbot.waitUntil(lambda: window.shoot.frames.isVisible() and window.export_action.isEnabled())
    assert window.focusWidget() is window.shoot.frames and not window.shoot.empty.isVisible()
    window.actions_made.made["only_stars_5"].trigger()
    show_all = window.shoot.hidden.findChild(QPushButton)
    assert window.focusWidget() is show_all and show_all.isVisible(), "the keys are not lost"
    qtbot.keyClick(show_all, Qt.Key.Key_Space)
    assert window.focusWidget() is window.shoot.frames


def test_a_photo_that_cannot_be_read_leaves_a_bare_canvas_among_the_others(
    make_window: MakeWindow, qtbot: QtBot, portrait: Path
) -> None:
    window = make_window()
    broken = portrait.with_name("a-broken.jpg")
    broken.write_bytes(b"\xff\xd8\xff\xe0nothing")
    window.desk.open([broken])
    qtbot.waitUntil(window.banner.isVisible)
    assert window.stack.currentWidget() is window.canvas
    qtbot.waitUntil(lambda: len(window.desk.library.shown) == 2)
    window.desk.library.step(1)
    qtbot.waitUntil(lambda: window.photo.stage is Stage.PROPOSED)
    assert window.stack.currentWidget() is window.canvas and not window.banner.isVisible()


def test_the_banner_says_what_is_wrong_and_copies_details(
    make_window: MakeWindow, qtbot: QtBot, tmp_path: Path
) -> None:
    window = make_window()
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"\xff\xd8\xff\xe0nothing")
    window.photo.open(broken)
    qtbot.waitUntil(window.banner.isVisible)
    assert "broken.jpg" in window.banner.message.text()
    assert window.banner.action.text() == "Open another…"
    qtbot.mouseClick(window.banner.copy, LEFT)
    assert "ImageReadError" in QGuiApplication.clipboard().text()
    assert window.stack.currentWidget() is window.empty
    qtbot.mouseClick(window.banner.close_button, LEFT)
    assert not window.banner.isVisible()


def test_the_cancel_button_stops_a_job(make_window: MakeWindow, qtbot: QtBot, portrait: Path) -> None:
    started = threading.Event()
    window = make_window(FakeEngine(step=endless(started)))
    window.photo.open(portrait)
    qtbot.waitUntil(lambda: started.is_set() and window.status.bar.value() > 0)
    assert window.status.doing.text() == "Retouching"
    assert list(window.faces.rows) == ["face-0"], "faces show before the proposal"
    qtbot.mouseClick(window.status.cancel, LEFT)
    assert not window.status.cancel.isVisible()
    qtbot.waitUntil(lambda: not window.photo.runner.jobs)
    assert window.main_button.text() == "Retouch" and window.main_button.isEnabled()


def test_closing_while_a_job_runs_leaves_no_thread(make_window: MakeWindow, qtbot: QtBot, portrait: Path) -> None:
    started = threading.Event()
    window = make_window(FakeEngine(step=endless(started)))
    window.photo.open(portrait)
    qtbot.waitUntil(started.is_set)
    window.close()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("porelight")]


def test_opening_another_photo_while_one_is_retouched(make_window: MakeWindow, qtbot: QtBot, tmp_path: Path) -> None:
    from tests.helpers.fake_engine import write_portrait

    started = threading.Event()
    engine = FakeEngine(step=endless(started))
    window = make_window(engine)
    window.photo.open(write_portrait(tmp_path / "first.png"))
    qtbot.waitUntil(started.is_set)
    engine.step = None
    opened(qtbot, window.photo, write_portrait(tmp_path / "second.png", (307, 211)))
    assert window.windowTitle().startswith("second.png")
    assert window.photo.photo is not None and window.photo.photo.size == (307, 211)


def test_showing_the_window_imports_nothing_heavy() -> None:
    code = (
        "import sys, app, app.window\n"
        "assert not any(name.startswith('PySide6') for name in sys.modules)\n"
        "from PySide6.QtCore import QTimer\n"
        "from PySide6.QtWidgets import QApplication, QMainWindow\n"
        "application = QApplication([])\n"
        "windows = lambda: [each for each in application.topLevelWidgets() if isinstance(each, QMainWindow)]\n"
        "QTimer.singleShot(300, lambda: [window.close() for window in windows() if window.isVisible()])\n"
        "app.window.run(None)\n"
        "heavy = {'torch', 'mediapipe', 'diffusers', 'transformers', 'onnxruntime', 'cv2', 'scipy'}\n"
        "print('loaded:', sorted(heavy & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=CHECKOUT, capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "loaded: []", done.stderr


def test_the_window_lies_where_it_was_left_with_its_page(make_window: MakeWindow, qtbot: QtBot) -> None:
    window = make_window()
    window.showMaximized()
    window.adjust.show_tab(2)
    qtbot.waitUntil(lambda: '"tab_variations"' in (place_file().read_text() if place_file().exists() else ""))
    qtbot.waitUntil(lambda: not window.desk.place._timer.isActive())
    again = make_window()  # as after a kill: the first one was not closed
    assert not again.isMaximized()
    again.lie_as_left()
    assert again.isMaximized()
    assert again.adjust.pages.currentIndex() == 2


def test_the_face_rows_take_no_more_room_than_they_need(window: MainWindow, qtbot: QtBot) -> None:
    row, panel = window.faces.rows["face-0"], window.strengths
    before = row.height(), panel.y()
    window.resize(1060, 1700)
    QApplication.processEvents()
    assert (row.height(), panel.y()) == before


def test_no_slider_moves_when_the_drift_is_measured(window: MainWindow, qtbot: QtBot) -> None:
    identity, clarity = window.adjust.identity, window.strengths.rows["features"]
    places = []
    for distances in ({}, {"face-0": 0.05}):
        identity.distances = distances
        identity.changed.emit()
        QApplication.processEvents()
        places.append(clarity.y())
    assert places[0] == places[1] and "0.05" in window.strengths.drift.text()

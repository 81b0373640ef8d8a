"""After a real crash everything is open again as it was, and a report is offered that names nothing by itself."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from PySide6.QtCore import Qt, qWarning
from pytestqt.qtbot import QtBot

from app import crash
from app.crash import CrashGuard, left_behind, without_names
from app.viewmodels.crashes import Crashes
from app.viewmodels.settings import SettingsModel
from app.views.report_offer import ReportDialog, report_offer
from tests.helpers.fake_engine import write_portrait

CHECKOUT = Path(__file__).parents[2]

WINDOW = """
import json, os, sys
from pathlib import Path
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication
import app.viewmodels.photo, app.window
from app.viewmodels.library import View
from app.viewmodels.state import Stage
from tests.helpers.fake_engine import FakeEngine
app.viewmodels.photo.Engine = FakeEngine
application = QApplication([])
folder, how = Path(sys.argv[1]), sys.argv[2]
kept = []
def window():
    from app.views.main_window import MainWindow
    return next(each for each in application.topLevelWidgets() if isinstance(each, MainWindow))
def at_rest():
    photo = window().photo
    return photo.stage is Stage.PROPOSED and not photo.busy
def work():
    if not at_rest():
        QTimer.singleShot(20, work)
        return
    window().desk.library.culling.set_stars(4)
    window().photo.set_strength("tone", 81.0)
    QTimer.singleShot(900, die)
def die():
    if how == "segv":
        import faulthandler
        print("dying", flush=True)
        faulthandler._sigsegv()
    QTimer.singleShot(0, lambda: os._exit(7))
    print("dying", flush=True)
    raise ZeroDivisionError(f"while at {folder / 'secret name.jpg'}")
def look():
    if not at_rest():
        QTimer.singleShot(20, look)
        return
    from app.views.report_offer import Strip
    photo, library = window().photo, window().desk.library
    strips = [each for each in window().findChildren(Strip) if each.isVisible()]
    print(json.dumps({
        "photo": str(photo.path), "tone": photo.strength("tone"), "view": library.view.value,
        "folder": str(library.folder), "undo": getattr(photo.history.last_done, "label", ""), "strips": len(strips),
    }), flush=True)
    window().close()
def start():
    if not window().desk.library.frames:
        QTimer.singleShot(20, start)
        return
    window().desk.show(sorted(folder.glob("*.png"))[1])
    work()
if how == "look":
    QTimer.singleShot(0, look)
    sys.exit(app.window.run())
QTimer.singleShot(200, start)
app.window.run([folder])
"""


def _window(folder: Path, how: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(CHECKOUT), "QT_QPA_PLATFORM": "offscreen"}
    command = [sys.executable, "-c", WINDOW, str(folder), how]
    return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=120, check=False)


@pytest.mark.parametrize("how", ["segv", "exception"])
def test_everything_is_open_again_after_a_crash(tmp_path: Path, how: str) -> None:
    folder = tmp_path / "shoot of Ann"
    folder.mkdir()
    for name in ("one", "secret name", "three"):
        write_portrait(folder / f"{name}.png")
    died = _window(folder, how)
    assert "dying" in died.stdout, died.stderr
    assert died.returncode == (-signal.SIGSEGV if how == "segv" and os.name != "nt" else died.returncode) != 0
    again = _window(folder, "look")
    assert again.returncode == 0, again.stderr
    found = json.loads(again.stdout)
    assert Path(found["photo"]).name == "secret name.png"
    assert (found["tone"], found["view"], found["folder"]) == (81.0, "single", str(folder))
    assert found["undo"]
    assert found["strips"] == 1
    report = left_behind()[0]
    open_text, scrubbed = report.text(names=True), report.text(names=False)
    assert ("Segmentation fault" if how == "segv" else "ZeroDivisionError") in scrubbed
    assert ("app/window.py" if how == "segv" else "in die") in scrubbed
    for secret in ("secret", "Ann", str(tmp_path), str(Path.home())):
        assert secret not in scrubbed
    assert how == "segv" or "secret name" in open_text


def test_a_clean_end_leaves_nothing_and_a_kill_no_report(qapp: object) -> None:
    guard = CrashGuard()
    guard.start()
    guard.note("something")
    assert left_behind() == []  # it is running
    guard.end()
    assert list(crash.crash_folder().iterdir()) == []
    code = "import os\nfrom app.crash import CrashGuard\nguard = CrashGuard()\nguard.start()\nos._exit(9)\n"
    environment = {**os.environ, "PYTHONPATH": str(CHECKOUT)}
    assert subprocess.run([sys.executable, "-c", code], env=environment, check=False).returncode == 9
    assert len(list(crash.crash_folder().iterdir())) == 2
    assert left_behind() == []
    assert list(crash.crash_folder().iterdir()) == []


def test_messages_and_foreign_paths_are_left_out() -> None:
    trace = (
        "Traceback (most recent call last):\n"
        '  File "/home/ann/porelight/app/views/canvas.py", line 12, in paintEvent\n'
        '    raise OSError(f"{path}")\n'
        '  File "/home/ann/.venv/lib/python3.11/site-packages/numpy/core.py", line 3, in f\n'
        '  File "C:\\Users\\Ann\\porelight\\engine\\imageio\\read.py", line 4, in read_photo\n'
        '  File "/home/ann/plugin.py", line 1 in <module>\n'
        "engine.errors.ImageReadError: /home/ann/Wedding of Bea/one two.jpg cannot be read.\n"
        "more of Bea's message\n"
    )
    assert without_names(trace) == (
        "Traceback (most recent call last):\n"
        '  File "app/views/canvas.py", line 12, in paintEvent\n'
        '  File "numpy/core.py", line 3, in f\n'
        '  File "engine/imageio/read.py", line 4, in read_photo\n'
        '  File "…", line 1, in <module>\n'
        "engine.errors.ImageReadError"
    )


@pytest.mark.allow_warnings_in_log
def test_what_was_not_foreseen_is_saved_told_and_survived(
    qtbot: QtBot, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved, shown = [], []
    crashes = Crashes(lambda: saved.append(1), shown.append)
    hooks = sys.excepthook, threading.excepthook
    crashes.start()
    try:
        thread = threading.Thread(target=lambda: 1 / 0, name="worker")
        thread.start()
        thread.join()
        qtbot.waitUntil(lambda: bool(shown))
        assert saved == [1]
        assert "ZeroDivisionError" in shown[0].details
        qWarning("QFile: /home/ann/one.jpg is not there")
        assert "category default" in caplog.text
        levels = {record.levelname for record in caplog.records if "ann" in record.getMessage()}
        assert levels == {"DEBUG"}
    finally:
        crashes.end()
    assert (sys.excepthook, threading.excepthook) == hooks


@pytest.mark.allow_warnings_in_log  # Qt's offscreen platform says what it does not do
def test_offer_shows_the_report_and_saves_it_as_agreed(
    qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = crash.crash_folder()
    folder.mkdir(parents=True)
    (folder / "crash-1-2.txt").write_text("Traceback (most recent call last):\nOSError: /home/ann/one.jpg\n")
    settings = SettingsModel()
    crashes = Crashes(lambda: None, lambda problem: None)
    crashes.start()
    strip = report_offer(crashes, settings)
    qtbot.addWidget(strip)
    strip.show()
    dialog = ReportDialog(crashes, settings, strip)
    try:
        assert "OSError" in dialog.view.toPlainText()
        assert "ann" not in dialog.view.toPlainText()
        dialog.names.setChecked(True)
        assert "/home/ann/one.jpg" in dialog.view.toPlainText()
        assert settings.values.report_paths
        dialog.names.setChecked(False)
        target = tmp_path / "report.txt"
        monkeypatch.setattr("app.views.report_offer.QFileDialog.getSaveFileName", lambda *_: (str(target), ""))
        qtbot.mouseClick(dialog.save, Qt.MouseButton.LeftButton)
        saved = target.read_text(encoding="utf-8")
        assert "OSError" in saved
        assert "ann" not in saved
        assert not strip.isVisible()
        assert not (folder / "crash-1-2.txt").exists()
    finally:
        crashes.end()

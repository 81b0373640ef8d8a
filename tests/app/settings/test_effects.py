"""Each setting really does something, at once or from the next start on."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from pytestqt.qtbot import QtBot

from app.viewmodels.state import Stage
from tests.app.conftest import MakeWindow
from tests.helpers.fake_engine import write_portrait

CHECKOUT = Path(__file__).parents[3]


def test_a_photo_is_only_opened_when_retouching_waits(make_window: MakeWindow, qtbot: QtBot, portrait: Path) -> None:
    window = make_window()
    window.settings.set(auto_retouch=False)
    window.desk.open([portrait])
    qtbot.waitUntil(lambda: window.photo.stage is Stage.OPEN and not window.photo.busy)
    qtbot.wait(50)
    assert window.photo.stage is Stage.OPEN
    assert window.main_button.text() == "Retouch"
    window.retouch_action.trigger()
    qtbot.waitUntil(lambda: window.photo.stage is Stage.PROPOSED)


def test_neighbours_are_read_and_retouched_only_as_wanted(
    make_window: MakeWindow, qtbot: QtBot, tmp_path: Path
) -> None:
    for name in ("a", "b", "c"):
        write_portrait(tmp_path / f"{name}.png")
    window = make_window()
    desk = window.desk
    window.settings.set(read_ahead=False)
    desk.open([tmp_path])
    qtbot.waitUntil(lambda: len(desk.library.frames) == 3)
    desk.show(tmp_path / "b.png")
    qtbot.waitUntil(lambda: window.photo.stage is Stage.PROPOSED and not window.photo.busy)
    qtbot.wait(80)
    assert desk.opened.take(tmp_path / "c.png") is None
    window.settings.set(read_ahead=True, retouch_ahead=False)
    qtbot.waitUntil(lambda: tmp_path / "c.png" in desk.opened)  # taking before it is read would stop the reading
    ready = desk.opened.take(tmp_path / "c.png")
    assert ready is not None
    assert ready.retouched is None


def test_recent_folders_and_the_cache_keep_to_their_numbers(
    make_window: MakeWindow, qtbot: QtBot, tmp_path: Path
) -> None:
    window = make_window()
    desk = window.desk
    for name in ("one", "two", "three"):
        (tmp_path / name).mkdir()
        write_portrait(tmp_path / name / "a.png")
        with qtbot.waitSignal(desk.library.listed):
            desk.open([tmp_path / name])
    assert [folder.name for folder in desk.place.recent] == ["three", "two", "one"]
    window.settings.set(recent_folders=2, cache_mb=128)
    assert [folder.name for folder in desk.place.recent] == ["three", "two"]
    assert desk.thumbnails.limit == 128 << 20
    window.settings.set(recent_folders=0)
    assert desk.place.recent == []
    with qtbot.waitSignal(desk.library.listed):
        desk.open([tmp_path / "one"])
    assert desk.place.recent == []
    window.settings.set(recent_folders=3)
    with qtbot.waitSignal(desk.library.listed):
        desk.open([tmp_path / "two"])
    assert [folder.name for folder in desk.place.recent] == ["two"]


START = """
import json, os, sys
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication
from app.viewmodels.settings import SettingsModel
SettingsModel().set(device="cpu", threads=1, theme="light")
application = QApplication([])
def look():
    from app.views import theme
    from app.views.main_window import MainWindow
    from engine.device import candidates, threads
    print(json.dumps({"device": next(candidates("auto", ("onnx",)))[0], "threads": threads(),
                      "omp": os.environ["OMP_NUM_THREADS"], "panel": theme.PANEL}))
    next(each for each in application.topLevelWidgets() if isinstance(each, MainWindow)).close()
QTimer.singleShot(200, look)
import app.window
sys.exit(app.window.run())
"""


def test_device_threads_and_theme_count_from_the_start_on() -> None:
    environment = {**os.environ, "PYTHONPATH": str(CHECKOUT), "QT_QPA_PLATFORM": "offscreen"}
    environment.pop("OMP_NUM_THREADS", None)
    done = subprocess.run(
        [sys.executable, "-c", START], capture_output=True, text=True, env=environment, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {"device": "cpu", "threads": 1, "omp": "1", "panel": "#f3f3f3"}

"""The file of the open photo changes, grows or vanishes while a person works at it."""

from __future__ import annotations

from pathlib import Path

from PIL import Image
from pytestqt.qtbot import QtBot

from app.viewmodels.library import View
from app.viewmodels.state import Stage
from app.views.main_window import MainWindow
from tests.app.conftest import MakeWindow
from tests.helpers.fake_engine import write_portrait


def _at_work(make_window: MakeWindow, qtbot: QtBot, folder: Path) -> tuple[MainWindow, Path]:
    """A folder of two, the second open, retouched and edited."""
    for name in ("one.png", "two.png"):
        write_portrait(folder / name)
    window = make_window()
    window.desk.open([folder])
    qtbot.waitUntil(lambda: len(window.desk.library.frames) == 2)
    window.desk.show(folder / "two.png")
    _settled(window, qtbot, folder / "two.png")
    window.photo.set_strength("tone", 83.0)
    window.photo.save()
    return window, folder / "two.png"


def _settled(window: MainWindow, qtbot: QtBot, path: Path) -> None:
    photo = window.photo
    qtbot.waitUntil(
        lambda: photo.path == path and photo.stage is Stage.PROPOSED and not photo.busy and photo.frames.settled
    )


def test_a_file_that_another_program_wrote_anew_is_read_again_with_its_edits(
    make_window: MakeWindow, qtbot: QtBot, tmp_path: Path
) -> None:
    window, path = _at_work(make_window, qtbot, tmp_path)
    with Image.open(path) as image:
        brighter = image.convert("RGB").point(lambda value: min(value + 40, 255))
    brighter.save(path)
    window.desk.library.rescan()
    qtbot.waitUntil(lambda: "changed by another program" in window.photo.notice)
    _settled(window, qtbot, path)
    assert window.photo.photo is not None
    assert tuple(window.photo.photo.pixels[5, 5]) == brighter.getpixel((5, 5))
    assert window.photo.strength("tone") == 83.0


def test_a_file_that_vanished_stays_on_screen_and_costs_nothing(
    make_window: MakeWindow, qtbot: QtBot, tmp_path: Path
) -> None:
    window, path = _at_work(make_window, qtbot, tmp_path)
    path.unlink()
    window.desk.library.rescan()
    qtbot.waitUntil(lambda: window.desk.library.frames[path].missing)
    assert window.photo.path == path
    assert window.photo.stage is Stage.PROPOSED
    window.photo.set_strength("tone", 20.0)  # work goes on in memory
    window.photo.save()
    qtbot.waitUntil(lambda: not window.photo.busy)
    assert not path.exists()
    window.desk.library.step(-1)
    _settled(window, qtbot, tmp_path / "one.png")
    assert window.desk.library.view is View.SINGLE
    write_portrait(path)  # it comes back, with what was edited meanwhile
    window.desk.library.rescan()
    qtbot.waitUntil(lambda: not window.desk.library.frames[path].missing)
    window.desk.show(path)
    _settled(window, qtbot, path)
    assert window.photo.strength("tone") == 20.0


def test_a_file_that_is_cut_off_while_open_is_one_sentence(
    make_window: MakeWindow, qtbot: QtBot, tmp_path: Path
) -> None:
    window, path = _at_work(make_window, qtbot, tmp_path)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    window.desk.library.rescan()
    qtbot.waitUntil(lambda: window.photo.problem is not None)
    assert window.photo.problem is not None
    assert "two.png" in window.photo.problem.message
    path.write_bytes(whole)
    window.desk.library.rescan()
    _settled(window, qtbot, path)
    assert window.photo.problem is None
    assert window.photo.strength("tone") == 83.0

"""What goes wrong with files while a person works, through the window: nothing is lost, and one sentence says it."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from app.viewmodels.state import Stage
from app.views.main_window import MainWindow
from app.views.queue_window import QueueWindow
from engine import paths, sidecar
from engine.delivery.ledger import State
from engine.delivery.recipe import Recipe
from engine.journal import Journal, journal_file
from engine.library import culls
from engine.library.xmp import Cull
from engine.settings import FaceSettings
from tests.app.conftest import MakeWindow
from tests.helpers.fake_engine import BRIGHTER, FakeEngine, FakeSession, write_portrait

CHECKOUT = Path(__file__).parents[2]
MIDDLE = np.s_[140:160, 95:115]


@pytest.fixture
def shoot(tmp_path: Path) -> list[Path]:
    folder = tmp_path / "shoot"
    folder.mkdir()
    return [write_portrait(folder / f"{name}.png") for name in ("a", "b", "c")]


def at_rest(qtbot: QtBot, window: MainWindow, path: Path) -> None:
    photo = window.photo
    qtbot.waitUntil(lambda: photo.path == path and bool(photo.layers) and not photo.busy and not photo.runner.jobs)


def showing(make_window: MakeWindow, qtbot: QtBot, path: Path) -> MainWindow:
    """A window with the photo's folder, and the photo retouched."""
    window = make_window()
    window.desk.open([path])
    at_rest(qtbot, window, path)
    return window


# --- a folder that cannot be written, a disk that is full -------------------------------------------------------------


@pytest.fixture
def refuse(monkeypatch: pytest.MonkeyPatch) -> Callable[[Path], None]:
    """Makes a folder as if it were on a medium that cannot be written; root may write to any other."""
    real = os.open

    def make(folder: Path) -> None:
        def opened(path: str | Path, flags: int, *more: int, **named: int) -> int:
            if flags & os.O_CREAT and Path(path).parent == folder:
                raise OSError(errno.EROFS, "Read-only file system", str(path))
            return real(path, flags, *more, **named)

        monkeypatch.setattr(os, "open", opened)

    return make


def test_work_in_a_folder_that_cannot_be_written_is_kept_in_the_persons_own(
    make_window: MakeWindow, qtbot: QtBot, shoot: list[Path], refuse: Callable[[Path], None]
) -> None:
    refuse(shoot[0].parent)
    window = showing(make_window, qtbot, shoot[0])
    window.strengths.rows["tone"].slider.setValue(81)
    qtbot.keyClick(window, Qt.Key.Key_4)
    window.photo.save()
    at_rest(qtbot, window, shoot[0])
    assert window.photo.problem is None
    assert sorted(path.name for path in shoot[0].parent.iterdir()) == ["a.png", "b.png", "c.png"]
    assert {path.suffix for path in paths.user_sidecars().iterdir()} == {".json", ".xmp"}
    window.close()
    again = showing(make_window, qtbot, shoot[0])
    assert again.photo.strength("tone") == 81
    assert again.desk.library.frames[shoot[0]].cull == Cull(4)
    assert again.desk.library.frames[shoot[0]].edited


def test_an_export_onto_a_full_disk_waits_for_space_and_leaves_nothing_half_written(
    make_window: MakeWindow, qtbot: QtBot, shoot: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk, real = tmp_path / "disk", os.fsync
    disk.mkdir()
    (disk / "other.bin").write_bytes(b"in the way")
    room = 2

    def fsync(descriptor: int) -> None:
        """Takes what is written, as file systems do, and finds no room for a third file when it has to be kept."""
        if len(list(disk.iterdir())) > room:
            raise OSError(errno.ENOSPC, "No space left on device")
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    window = make_window()
    window.desk.open([shoot[0].parent])
    library, queue = window.desk.library, window.desk.queue
    qtbot.waitUntil(lambda: library.total == 3 and not library.scanning)
    library.select_all()
    window.desk.deliver([Recipe(folder=str(disk), format="tiff")])
    qtbot.waitUntil(lambda: queue.paused and not queue.running)
    shown = QueueWindow(queue, window)
    qtbot.addWidget(shown)
    shown._refresh()
    assert queue.problem is not None and "the disk is full" in queue.problem.message
    assert sorted(path.name for path in disk.iterdir()) == ["a.tif", "other.bin"]
    assert queue.counts[State.DONE] == 1
    (disk / "other.bin").unlink()
    room = 3
    queue.retry()
    qtbot.mouseClick(shown.pause, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: queue.counts[State.DONE] == 3 and not queue.running)
    assert sorted(path.name for path in disk.iterdir()) == ["a.tif", "b.tif", "c.tif"]


# --- edits of a newer version -----------------------------------------------------------------------------------------


def test_edits_of_a_newer_version_are_left_alone_and_what_is_changed_here_is_exported(
    make_window: MakeWindow, qtbot: QtBot, shoot: list[Path]
) -> None:
    newer = json.dumps({"version": 99, "wonder": [1]}).encode()
    sidecar.beside(shoot[0]).write_bytes(newer)
    window = showing(make_window, qtbot, shoot[0])
    assert "newer Porelight" in window.photo.notice and window.photo.problem is None
    window.strengths.rows["light"].slider.setValue(100)
    window.strengths.rows["heal"].slider.setValue(0)
    window.desk.deliver([Recipe(folder="out")])
    qtbot.waitUntil(lambda: window.desk.queue.counts[State.DONE] == 1)
    before, after = (np.asarray(Image.open(p)).astype(int) for p in (shoot[0], shoot[0].parent / "out" / "a.png"))
    assert np.abs((after - before)[MIDDLE] - 2 * BRIGHTER * 255).max() <= 1
    window.close()
    assert sidecar.beside(shoot[0]).read_bytes() == newer


def test_settings_reach_every_photo_but_the_one_that_a_newer_version_edited(
    make_window: MakeWindow, qtbot: QtBot, shoot: list[Path]
) -> None:
    newer = json.dumps({"version": 99}).encode()
    sidecar.beside(shoot[1]).write_bytes(newer)
    window = showing(make_window, qtbot, shoot[0])
    window.strengths.rows["tone"].slider.setValue(12)
    window.desk.library.select_all()
    qtbot.keyClick(window, Qt.Key.Key_S, Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier)
    qtbot.waitUntil(window.banner.isVisible)
    assert "b.png" in window.banner.message.text() and "newer Porelight" in window.banner.message.text()
    given = sidecar.load(shoot[2])
    assert given is not None and given.settings is not None and given.settings.strengths.values["tone"] == 12
    assert sidecar.beside(shoot[1]).read_bytes() == newer
    assert isinstance(given.settings, FaceSettings)


# --- files that are still being copied --------------------------------------------------------------------------------


def test_a_photo_that_is_still_being_copied_shows_itself_when_it_is_whole(
    make_window: MakeWindow, qtbot: QtBot, shoot: list[Path]
) -> None:
    whole = shoot[1].read_bytes()
    shoot[1].write_bytes(whole[: len(whole) // 2])
    window = make_window()
    window.desk.open([shoot[1]])
    qtbot.waitUntil(lambda: window.banner.isVisible() and not window.desk.library.scanning)
    assert "b.png" in window.banner.message.text()
    shoot[1].write_bytes(whole)
    window.desk.library.rescan()
    at_rest(qtbot, window, shoot[1])
    assert not window.banner.isVisible()


# --- other processes --------------------------------------------------------------------------------------------------

OTHER = """
import sys
from pathlib import Path
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication
from app.viewmodels.photo import PhotoModel
from app.viewmodels.state import Stage
from app.viewmodels.tools import Tool
from app.views.main_window import MainWindow
from engine.delivery.recipe import Recipe
from tests.helpers.fake_engine import FakeEngine
application = QApplication([])
window = MainWindow(PhotoModel(FakeEngine()))
window.show()
photo, desk, tools = window.photo, window.desk, window.adjust.tools
path, what = Path(sys.argv[1]), sys.argv[2]
count = 0
def rest():
    return photo.path == path and photo.stage is Stage.PROPOSED and not photo.runner.jobs
def step():
    global count
    if not (rest() if what == "once" or not count else photo.stage is Stage.PROPOSED):
        return
    count += 1
    if what == "once":
        if count == 1:
            photo.set_strength("tone", 81.0)
            photo.save()
        elif not photo.runner.jobs:
            print("saved", flush=True)
            timer.stop()
        return
    if what == "edit":
        photo.set_strength("tone", float(count))
    elif what == "brush":
        tools.choose(Tool.PROTECT) if tools.tool is not Tool.PROTECT else None
        tools.begin((60.0 + count, 150.0))
        tools.end()
    elif what == "export":
        photo.set_strength("tone", float(count))
        desk.deliver([Recipe(folder="out", format="tiff", existing="rename")])
    print(count, photo.history.position, flush=True)
timer = QTimer()
timer.timeout.connect(step)
timer.start(5)
desk.open([path])
application.exec()
"""


def other(path: Path, what: str) -> subprocess.Popen[str]:
    """A second Porelight that works at a photo. what: "once", or what it does over and over until it is killed."""
    return subprocess.Popen(
        [sys.executable, "-c", OTHER, str(path), what],
        cwd=CHECKOUT,
        env={**os.environ, "PYTHONPATH": str(CHECKOUT), "QT_QPA_PLATFORM": "offscreen"},
        stdout=subprocess.PIPE,
        text=True,
    )


def test_two_processes_in_one_folder_keep_the_edits_of_both(
    make_window: MakeWindow, qtbot: QtBot, shoot: list[Path]
) -> None:
    window = showing(make_window, qtbot, shoot[0])
    assert window.desk.library.notice == ""
    process = other(shoot[0], "once")
    try:
        assert process.stdout is not None and process.stdout.readline() == "saved\n"
        window.strengths.rows["tone"].slider.setValue(19)
        window.photo.save()
        at_rest(qtbot, window, shoot[0])
    finally:
        process.kill()
        process.communicate()
    mine, theirs = (
        sidecar.load(shoot[0]),
        sidecar.read(sidecar.beside(shoot[0]).with_name("a.png.porelight.json.other-1")),
    )
    assert mine is not None
    assert [each.faces[0].strengths["tone"] for each in (mine, theirs)] == [19, 81]
    assert "a.png.porelight.json.other-1" in window.photo.notice


def test_the_second_process_in_a_folder_is_told(make_window: MakeWindow, qtbot: QtBot, shoot: list[Path]) -> None:
    process = other(shoot[0], "edit")
    try:
        assert process.stdout is not None and process.stdout.readline()
        window = make_window()
        window.desk.open([shoot[1]])
        qtbot.waitUntil(lambda: not window.desk.library.scanning)
        assert (
            window.desk.library.notice
            == "Another Porelight has shoot open. Nothing that is saved there is overwritten."
        )
        at_rest(qtbot, window, shoot[1])
        assert window.desk.library.notice in window.status.notice.text(), "a person can read it"
    finally:
        process.kill()
        process.communicate()


def test_what_is_said_of_the_folder_is_said_once_of_a_photo_without_faces(
    make_window: MakeWindow, qtbot: QtBot, shoot: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    process = other(shoot[0], "edit")
    try:
        assert process.stdout is not None and process.stdout.readline()
        scanned, analyse = threading.Event(), FakeSession.analyse

        def waiting(session: FakeSession, boxes: Any = None) -> Any:
            assert scanned.wait(20)
            return analyse(session, boxes)

        monkeypatch.setattr(FakeSession, "analyse", waiting)
        window = make_window(FakeEngine(faces=0))
        window.desk.open([shoot[1]])
        qtbot.waitUntil(lambda: window.photo.stage is Stage.OPEN and not window.desk.library.scanning)
        window.desk.library.rescan()
        qtbot.waitUntil(lambda: not window.desk.library.scanning)
        scanned.set()
        qtbot.waitUntil(lambda: window.photo.faceless and not window.photo.runner.jobs)
        assert window.photo.notice == window.desk.library.notice != ""
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize(("what", "after"), [("edit", 3), ("brush", 2), ("export", 4)])
def test_after_a_kill_in_the_middle_all_that_was_done_is_there(
    make_window: MakeWindow, qtbot: QtBot, shoot: list[Path], what: str, after: int
) -> None:
    process = other(shoot[0], what)
    assert process.stdout is not None
    count = position = 0
    try:
        while count < after:
            count, position = map(int, process.stdout.readline().split())
    finally:
        process.kill()
        process.communicate()
    if what == "edit":  # as if there had been an earlier sitting
        sidecar.give(shoot[0], FaceSettings())
        earlier = sidecar.load(shoot[0])
        assert earlier is not None
        old = earlier.model_copy(update={"saved": "2020-01-01T00:00:00.000000+00:00"})
        sidecar.beside(shoot[0]).write_text(old.model_dump_json())
    records = Journal(journal_file(shoot[0], (211, 307))).read()
    assert sum(record.kind == "push" for record in records) >= position + 1
    window = make_window()
    window.desk.start([shoot[0]])
    at_rest(qtbot, window, shoot[0])
    history = window.photo.history
    assert history.position >= position and history.state == window.photo.document
    assert window.desk.library.notice == "" and window.photo.problem is None
    if what == "brush":
        assert window.photo.edits["face-0"].brushwork["all"].values().min() == 0
    else:
        assert window.photo.strength("tone") == history.position >= after
    window.photo.save()
    at_rest(qtbot, window, shoot[0])
    saved = sidecar.load(shoot[0])  # an export from now on has it all
    assert saved is not None
    assert saved.faces[0].strengths == dict(window.photo.edits["face-0"].strengths.values)
    assert bool(saved.faces[0].brushwork) == (what == "brush")
    assert not list(shoot[0].parent.glob("*.other-*")), "nobody else has saved edits"
    queue = window.desk.queue
    qtbot.waitUntil(lambda: not queue.running and not queue.waiting)
    out = shoot[0].parent / "out"
    written = sorted(out.glob("[!.]*")) if out.exists() else []
    for path in written:
        with Image.open(path) as image:
            assert image.size == (211, 307) and image.load() is not None
    assert len(written) == queue.counts[State.DONE] and not queue.counts[State.FAILED]
    window.photo.undo()
    assert window.photo.history.position == history.position
    at_rest(qtbot, window, shoot[0])
    assert culls.load(shoot[0]) == Cull()


# --- a card that is pulled --------------------------------------------------------------------------------------------


def test_a_folder_that_vanishes_is_said_and_work_goes_on_when_it_is_back(
    make_window: MakeWindow, qtbot: QtBot, shoot: list[Path], tmp_path: Path
) -> None:
    window = showing(make_window, qtbot, shoot[0])
    library = window.desk.library
    qtbot.waitUntil(lambda: not library.scanning)
    away = tmp_path / "away"
    shoot[0].parent.rename(away)
    library.rescan()
    qtbot.waitUntil(lambda: not library.scanning and library.problem is not None)
    assert library.problem is not None and "shoot" in library.problem.message
    window.strengths.rows["tone"].slider.setValue(64)
    window.photo.save()
    at_rest(qtbot, window, shoot[0])
    assert window.photo.path == shoot[0] and not shoot[0].parent.exists(), "no folder is made in its place"
    away.rename(shoot[0].parent)
    library.rescan()
    qtbot.waitUntil(lambda: not library.scanning and set(library.frames) == set(shoot))
    window.close()
    again = showing(make_window, qtbot, shoot[0])
    assert again.photo.strength("tone") == 64

"""Filmstrip and grid show the retouched picture of a photo that was edited."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from pytestqt.qtbot import QtBot

from app.viewmodels.library import View
from app.views.main_window import MainWindow
from engine.settings import FaceSettings
from engine.sidecar import give
from engine.types import DEFAULT_STRENGTHS, Strengths
from tests.app.conftest import MakeWindow
from tests.helpers.fake_engine import BRIGHTER, write_portrait

MIDDLE = np.s_[100:120, 95:115]


def brighter(window: MainWindow, path: Path, before: np.ndarray) -> float:
    """By how much the small picture on show is brighter than before, full scale 1; −1 if there is none."""
    frame = window.desk.library.frames[path]
    shown = window.desk.thumbnails.get(path, frame.picture)
    return -1.0 if shown is None else float((shown[MIDDLE].astype(float) - before[MIDDLE]).mean() / 255)


def test_small_pictures_follow_the_edits(make_window: MakeWindow, qtbot: QtBot, tmp_path: Path) -> None:
    paths = [write_portrait(tmp_path / f"{name}.png") for name in ("a", "b")]
    window = make_window()
    desk, photo = window.desk, window.photo
    desk.open([tmp_path])
    qtbot.waitUntil(lambda: desk.library.total == 2 and not desk.library.scanning)
    qtbot.waitUntil(lambda: all(desk.thumbnails.get(p, desk.library.frames[p].picture) is not None for p in paths))
    before = desk.thumbnails.get(paths[0], desk.library.frames[paths[0]].picture)
    assert before is not None
    before = before.astype(float)
    desk.show(paths[0])
    qtbot.waitUntil(lambda: bool(photo.layers) and not photo.busy)
    for light, expected in ((100, 2 * BRIGHTER), (0, 0.0)):
        photo.set_strength("light", light)
        photo.save()
        qtbot.waitUntil(lambda value=expected: abs(brighter(window, paths[0], before) - value) < 0.01)
        assert desk.library.frames[paths[0]].edited
    assert abs(brighter(window, paths[1], before)) < 0.001, "nobody has edited it"
    # A photo that is not open, edited by what other photos were given.
    desk.library.set_view(View.GRID)
    give(paths[1], FaceSettings(Strengths({**DEFAULT_STRENGTHS, "light": 100})))
    desk.library.rescan()
    qtbot.waitUntil(lambda: abs(brighter(window, paths[1], before) - 2 * BRIGHTER) < 0.01)
    assert photo.path == paths[0]
    # Another run takes it from the disk, without retouching.
    from app.viewmodels.thumbnails import Thumbnails

    again = Thumbnails(photo.runner)
    frame = desk.library.frames[paths[1]]
    qtbot.waitUntil(lambda: again.get(paths[1], frame.picture) is not None)
    kept = again.get(paths[1], frame.picture)
    assert kept is not None and abs(float((kept[MIDDLE] - before[MIDDLE]).mean()) / 255 - 2 * BRIGHTER) < 0.02
    again.close()

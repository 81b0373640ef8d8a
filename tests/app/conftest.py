"""A window on made-up faces."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from PySide6.QtCore import QCoreApplication, QEvent
from pytestqt.qtbot import QtBot

from app.viewmodels.photo import PhotoModel
from app.views import theme
from app.views.main_window import MainWindow
from tests.helpers.fake_engine import FakeEngine, opened, write_portrait

MakeWindow = Callable[..., MainWindow]
PATIENCE = 60_000
"""Milliseconds after which what a test waits for is taken to never come, on a busy machine too."""


@pytest.fixture(autouse=True)
def _own_place(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test starts as on a new machine: no folder to go back to, no queue."""
    monkeypatch.setenv("PORELIGHT_HOME", str(tmp_path_factory.mktemp("home")))


@pytest.fixture
def qtbot(qtbot: QtBot) -> QtBot:
    """No test depends on how fast the machine is."""
    for name in ("waitUntil", "waitSignal", "waitSignals", "waitExposed"):
        setattr(qtbot, name, partial(getattr(qtbot, name), timeout=PATIENCE))
    return qtbot


@pytest.fixture
def portrait(tmp_path: Path) -> Path:
    return write_portrait(tmp_path / "portrait.png")


@pytest.fixture
def model(qapp: object) -> Iterator[PhotoModel]:
    model = PhotoModel(FakeEngine())
    yield model
    model.close()


@pytest.fixture
def make_window(qtbot: QtBot, qapp: object) -> Iterator[MakeWindow]:
    """Windows of 1000 × 700; closed at the end."""
    made: list[MainWindow] = []
    theme.apply(qapp)  # type: ignore[arg-type]

    def make(engine: FakeEngine | None = None) -> MainWindow:
        window = MainWindow(PhotoModel(engine or FakeEngine()))
        window.resize(1000, 700)
        window.show()
        qtbot.waitExposed(window)
        made.append(window)
        return window

    yield make
    for window in made:
        window.close()
        window.deleteLater()
    # Now, so that no window of an earlier test is styled or painted again.
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


@pytest.fixture
def window(make_window: MakeWindow, qtbot: QtBot, portrait: Path) -> MainWindow:
    """With the portrait open and retouched."""
    window = make_window()
    opened(qtbot, window.photo, portrait)
    qtbot.waitUntil(lambda: window.photo.frames.settled)
    return window

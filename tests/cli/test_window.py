"""`porelight app` says what is missing before Qt would end the process without a word."""

from __future__ import annotations

import sys

import pytest

from engine import doctor
from tests.cli.conftest import Run

linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="displays of Linux")


@pytest.fixture(autouse=True)
def _no_display(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(name, raising=False)


@linux
def test_no_display(porelight: Run) -> None:
    result = porelight("app")
    assert result.exit_code == 1 and "no display" in result.stderr


@linux
def test_missing_libraries_name_their_line(porelight: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISPLAY", ":77")
    monkeypatch.setattr(doctor, "library_loads", lambda file: file != "libxcb-cursor.so.0")
    result = porelight("app")
    assert result.exit_code == 1
    assert "libxcb-cursor.so.0" in result.stderr and doctor.install_line(
        [library for library in doctor.LIBRARIES if library.file == "libxcb-cursor.so.0"]
    ) in result.stderr.replace("\n", " ")


def test_missing_qt_names_its_extra(porelight: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QT_QPA_PLATFORM", "offscreen")
    for name in [name for name in sys.modules if name.startswith(("PySide6", "app.views", "app.viewmodels"))]:
        monkeypatch.delitem(sys.modules, name)
    for name in ("PySide6", "PySide6.QtCore", "PySide6.QtWidgets", "PySide6.QtGui"):
        monkeypatch.setitem(sys.modules, name, None)
    result = porelight("app")
    assert result.exit_code == 1 and "porelight[app]" in result.stderr

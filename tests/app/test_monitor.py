"""The system's profile of a screen: a real X server, and the other systems' libraries substituted."""

from __future__ import annotations

import ctypes
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from PySide6.QtCore import QRect
from PySide6.QtGui import QGuiApplication

from app.views import monitor
from engine.imageio.profiles import adobe_rgb_profile, display_p3_profile

CHECKOUT = Path(__file__).parents[2]
LOOK = """
import json, subprocess, sys
from PySide6.QtWidgets import QApplication
from app.views import monitor
application = QApplication([])
counted = monitor._head
def look(head):
    monitor._head = head
    return list(monitor.profile_of(application.primaryScreen()) or b"")
found = []
for name, value in (each.split("=") for each in ["_UNRELATED=1", *sys.argv[1:]]):
    subprocess.run(["xprop", "-root", "-f", name, "8c", "-set", name, value], check=True)
    found.append([look(counted), look(lambda *_: 1)])
print(json.dumps(found))
"""


@pytest.fixture
def x_server() -> Iterator[str]:
    if not all(map(shutil.which, ("Xvfb", "xprop"))):
        pytest.skip("Xvfb or xprop is not installed")
    reading, writing = os.pipe()
    command = ["Xvfb", "-displayfd", str(writing), "-screen", "0", "640x480x24", "-nolisten", "tcp"]
    server = subprocess.Popen(command, pass_fds=[writing], stderr=subprocess.DEVNULL)
    os.close(writing)
    with os.fdopen(reading) as answer:
        yield f":{answer.readline().strip()}"
    server.terminate()
    server.wait()


def test_x11_has_a_property_for_each_screen(x_server: str) -> None:
    first, second = list(adobe_rgb_profile()[:60]), list(display_p3_profile()[:60])  # all that xprop sets
    set_to = [f"{name}={','.join(map(str, v))}" for name, v in (("_ICC_PROFILE", first), ("_ICC_PROFILE_1", second))]
    environment = {**os.environ, "QT_QPA_PLATFORM": "xcb", "DISPLAY": x_server, "PYTHONPATH": str(CHECKOUT)}
    done = subprocess.run(
        [sys.executable, "-c", LOOK, *set_to, "_ICC_PROFILE=7"],
        capture_output=True, text=True, env=environment, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [[[], []], [first, []], [first, second], [[7], second]]


@pytest.fixture
def on(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, Any], None]:
    """Pretend to be on a platform whose libraries are all `library`."""

    def pretend(platform: str, library: Any) -> None:
        monkeypatch.setattr(QGuiApplication, "platformName", staticmethod(lambda: platform))
        monkeypatch.setattr(monitor, "_load", lambda name: library)

    return pretend


def test_x11_counts_heads_by_where_they_lie(on: Callable[[str, Any], None]) -> None:
    heads = (monitor._Head * 2)(monitor._Head(0, 0, 0, 640, 480), monitor._Head(1, 640, 0, 640, 480))

    def query(display: Any, count: Any) -> Any:
        count._obj.value = 2
        return heads

    on("xcb", SimpleNamespace(XineramaQueryScreens=_function(query), XFree=lambda _: None))
    left, right = (SimpleNamespace(geometry=lambda x=x: QRect(x, 0, 640, 480)) for x in (0, 640))
    assert [monitor._head(ctypes.c_void_p(), each) for each in (right, left)] == [1, 0]  # type: ignore[arg-type]


def test_windows_names_the_file_of_a_device(on: Callable[[str, Any], None], tmp_path: Path) -> None:
    file = tmp_path / "screen.icm"
    file.write_bytes(adobe_rgb_profile())
    closed = []

    def name_of(context: Any, size: Any, name: Any) -> int:
        name.value = str(file)
        return int(context.value == 77)

    def create(name: str, *_: object) -> int:
        return {r"\\.\DISPLAY2": 77, r"\\.\DISPLAY1": 76}[name]

    library = SimpleNamespace(CreateDCW=_function(create), GetICMProfileW=name_of, DeleteDC=closed.append)
    on("windows", library)
    second: Any = SimpleNamespace(name=lambda: r"\\.\DISPLAY2")
    assert monitor.profile_of(second) == adobe_rgb_profile()
    first: Any = SimpleNamespace(name=lambda: r"\\.\DISPLAY1")
    assert monitor.profile_of(first) is None
    assert [context.value for context in closed] == [77, 76]
    file.unlink()
    assert monitor.profile_of(second) is None


def test_macos_asks_for_the_display_under_the_screen(on: Callable[[str, Any], None]) -> None:
    profile = display_p3_profile()
    held = ctypes.create_string_buffer(profile, len(profile))
    released = []

    def displays(point: Any, most: int, display: Any, count: Any) -> int:
        display._obj.value, count._obj.value = 5, int(point.x > 1000)
        return 0

    library = SimpleNamespace(
        CGGetDisplaysWithPoint=displays,
        CGDisplayCopyColorSpace=_function(lambda display: 40 + display.value),
        CGColorSpaceCopyICCData=_function(lambda space: 50 + space.value),
        CFDataGetBytePtr=_function(lambda data: ctypes.addressof(held)),
        CFDataGetLength=_function(lambda data: len(profile)),
        CFRelease=lambda held: released.append(held.value),
    )
    on("cocoa", library)
    screen: Any = SimpleNamespace(geometry=lambda: QRect(1000, 0, 800, 600))
    assert monitor.profile_of(screen) == profile
    assert released == [95, 45]
    gone: Any = SimpleNamespace(geometry=lambda: QRect(0, 0, 800, 600))
    assert monitor.profile_of(gone) is None


def test_wayland_asks_the_colour_daemon(
    on: Callable[[str, Any], None], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    on("wayland", None)
    file = tmp_path / "edp.icc"
    file.write_bytes(adobe_rgb_profile())
    monkeypatch.setattr(monitor, "_first_profile", {"eDP-1": str(file), "DP-2": ""}.__getitem__)
    built_in: Any = SimpleNamespace(name=lambda: "eDP-1")
    other: Any = SimpleNamespace(name=lambda: "DP-2")
    assert (monitor.profile_of(built_in), monitor.profile_of(other)) == (adobe_rgb_profile(), None)


def test_without_the_daemon_or_the_libraries_there_is_no_profile(on: Callable[[str, Any], None], qapp: object) -> None:
    screen = QGuiApplication.primaryScreen()
    assert monitor.profile_of(screen) is None  # a platform that has none
    assert monitor._first_profile("no such output") == ""
    for platform in ("windows", "cocoa", "xcb"):
        on(platform, SimpleNamespace())
        assert monitor.profile_of(screen) is None


def _function(do: Callable[..., Any]) -> Any:
    """As ctypes has them, with a type of what they return."""

    class Function:
        restype: object = None

        def __call__(self, *values: Any) -> Any:
            return do(*values)

    return Function()

"""The colour profile that the system knows for a screen. Each platform's way is one function: bytes, or None."""

from __future__ import annotations

import ctypes
import ctypes.util
from pathlib import Path
from typing import Any

from PySide6.QtGui import QGuiApplication, QScreen

PATIENCE_MS = 500
"""For an answer of the colour daemon."""


def profile_of(screen: QScreen) -> bytes | None:
    """The ICC profile as it is, unchecked; None if the system has none or cannot be asked."""
    ways = {"windows": _windows, "cocoa": _macos, "xcb": _x11, "wayland": _colord}
    way = ways.get(QGuiApplication.platformName().partition("-")[0])
    try:
        return (way(screen) or None) if way else None
    except (OSError, AttributeError, ImportError):  # a library or a function of it that this system lacks
        return None


def _windows(screen: QScreen) -> bytes | None:
    """QScreen.name is the display's device name. Source: Win32 GetICMProfileW."""
    gdi = _load("gdi32")
    gdi.CreateDCW.restype = ctypes.c_void_p
    context = ctypes.c_void_p(gdi.CreateDCW(screen.name(), None, None, None))
    try:
        size = ctypes.c_uint32(1024)
        name = ctypes.create_unicode_buffer(size.value)
        found = gdi.GetICMProfileW(context, ctypes.byref(size), name)
    finally:
        gdi.DeleteDC(context)
    return Path(name.value).read_bytes() if found else None


class _Point(ctypes.Structure):
    _fields_ = (("x", ctypes.c_double), ("y", ctypes.c_double))


def _macos(screen: QScreen) -> bytes | None:
    """The colour space of the display under the screen's middle. Source: Quartz Display Services."""
    system = _load("ApplicationServices")
    for name in ("CGDisplayCopyColorSpace", "CGColorSpaceCopyICCData", "CFDataGetBytePtr"):
        getattr(system, name).restype = ctypes.c_void_p
    system.CFDataGetLength.restype = ctypes.c_long
    middle = screen.geometry().center()
    display, count = ctypes.c_uint32(), ctypes.c_uint32()
    point = _Point(middle.x(), middle.y())
    if system.CGGetDisplaysWithPoint(point, 1, ctypes.byref(display), ctypes.byref(count)) or not count.value:
        return None
    space = ctypes.c_void_p(system.CGDisplayCopyColorSpace(display))
    data = ctypes.c_void_p(system.CGColorSpaceCopyICCData(space)) if space else ctypes.c_void_p()
    try:
        return ctypes.string_at(system.CFDataGetBytePtr(data), system.CFDataGetLength(data)) if data else None
    finally:
        for held in (data, space):
            if held:
                system.CFRelease(held)


def _x11(screen: QScreen) -> bytes | None:
    """The root window's property _ICC_PROFILE, _ICC_PROFILE_1 … by the head. Source: ICC Profiles in X, 0.3."""
    x = _load("X11")
    x.XOpenDisplay.restype = x.XDefaultRootWindow.restype = ctypes.c_void_p
    display = ctypes.c_void_p(x.XOpenDisplay(None))
    if not display:
        return None
    try:
        head = _head(display, screen)
        x.XInternAtom.restype = ctypes.c_ulong
        atom = ctypes.c_ulong(x.XInternAtom(display, f"_ICC_PROFILE_{head}".removesuffix("_0").encode(), True))
        if not atom:
            return None
        kind, format, count, rest = ctypes.c_ulong(), ctypes.c_int(), ctypes.c_ulong(), ctypes.c_ulong()
        value = ctypes.c_void_p()
        x.XGetWindowProperty(
            display, ctypes.c_void_p(x.XDefaultRootWindow(display)), atom, ctypes.c_long(0), ctypes.c_long(1 << 24),
            False, ctypes.c_ulong(0), *map(ctypes.byref, (kind, format, count, rest, value)),
        )  # fmt: skip
        try:
            return ctypes.string_at(value, count.value) if value and format.value == 8 else None
        finally:
            if value:
                x.XFree(value)
    finally:
        x.XCloseDisplay(display)


class _Head(ctypes.Structure):
    _fields_ = (("number", ctypes.c_int), *((name, ctypes.c_short) for name in ("x", "y", "width", "height")))


def _head(display: ctypes.c_void_p, screen: QScreen) -> int:
    """The number of a screen as the X server counts, which Qt orders by the primary one."""
    try:
        xinerama, count = _load("Xinerama"), ctypes.c_int()
    except OSError:
        return QGuiApplication.screens().index(screen)
    xinerama.XineramaQueryScreens.restype = ctypes.POINTER(_Head)
    heads = xinerama.XineramaQueryScreens(display, ctypes.byref(count))
    corner = screen.geometry().topLeft()
    found = (head.number for head in heads[: count.value] if (head.x, head.y) == (corner.x(), corner.y()))
    number = next(found, 0)
    if heads:
        _load("X11").XFree(heads)
    return number


def _load(name: str) -> Any:
    """Raises: OSError."""
    return ctypes.CDLL(ctypes.util.find_library(name) or name)


def _colord(screen: QScreen) -> bytes | None:
    """The first profile of the device of this output. Source: org.freedesktop.ColorManager."""
    file = _first_profile(screen.name())
    return Path(file).read_bytes() if file else None


def _first_profile(output: str) -> str:
    """The file of an output's profile, empty if the daemon knows none."""
    from PySide6.QtDBus import QDBusConnection, QDBusInterface

    service, bus = "org.freedesktop.ColorManager", QDBusConnection.systemBus()

    def at(path: str, part: str = "") -> QDBusInterface:
        made = QDBusInterface(service, path, service + part, bus)
        made.setTimeout(PATIENCE_MS)
        return made

    answer = at("/org/freedesktop/ColorManager").call("FindDeviceByProperty", "XRANDR_name", output).arguments()
    profiles = at(answer[0].path(), ".Device").property("Profiles") if answer and hasattr(answer[0], "path") else None
    return str(at(profiles[0].path(), ".Profile").property("Filename") or "") if profiles else ""

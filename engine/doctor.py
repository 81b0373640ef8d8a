"""What this computer has of what Porelight needs, and the exact line that installs what is missing."""

from __future__ import annotations

import ctypes
import ctypes.util
import importlib.metadata
import os
import platform
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass

from engine import device
from engine.errors import EngineError
from engine.weights import catalogue, own

CORE = (
    "numpy", "scipy", "pillow", "pi-heif", "opencv-python", "tifffile", "psdtags", "imagecodecs", "rawpy", "mediapipe",
    "onnxruntime", "torch", "safetensors", "platformdirs", "pydantic", "typer", "rich",
)  # fmt: skip
OPTIONAL = {"PySide6_Essentials": "app", "diffusers": "generative", "transformers": "generative", "peft": "generative"}
"""Package → the extra that brings it."""


@dataclass(frozen=True)
class Check:
    """One finding. needed: without it Porelight does not work; otherwise only what `detail` says is missing.
    fix: the line to run or the thing to do, empty if all is well."""

    group: str
    name: str
    ok: bool
    detail: str = ""
    fix: str = ""
    needed: bool = True


@dataclass(frozen=True)
class SystemLibrary:
    """A Linux library that wheels expect: its file, the packages that hold it by package manager, and what needs it."""

    file: str
    apt: str
    dnf: str
    pacman: str
    used_by: str
    needed: bool


def _libraries(table: str, used_by: str, needed: bool = False) -> list[SystemLibrary]:
    rows = (line.split() for line in table.strip().splitlines())
    return [SystemLibrary(file, apt, dnf, pacman, used_by, needed) for file, apt, dnf, pacman in rows]


LIBRARIES = (
    *_libraries(
        """
        libEGL.so.1            libegl1             libglvnd-egl      libglvnd
        libGLESv2.so.2         libgles2            libglvnd-gles     libglvnd
        libGL.so.1             libgl1              libglvnd-glx      libglvnd
        libglib-2.0.so.0       libglib2.0-0        glib2             glib2
        libxcb.so.1            libxcb1             libxcb            libxcb
        """,
        "finding faces and retouching",
        needed=True,
    ),
    *_libraries(
        """
        libxkbcommon.so.0      libxkbcommon0       libxkbcommon      libxkbcommon
        libdbus-1.so.3         libdbus-1-3         dbus-libs         dbus
        libfontconfig.so.1     libfontconfig1      fontconfig        fontconfig
        """,
        "the window",
    ),
    *_libraries(
        """
        libX11-xcb.so.1         libx11-xcb1         libX11-xcb          libx11
        libxcb-cursor.so.0      libxcb-cursor0      xcb-util-cursor     xcb-util-cursor
        libxcb-icccm.so.4       libxcb-icccm4       xcb-util-wm         xcb-util-wm
        libxcb-image.so.0       libxcb-image0       xcb-util-image      xcb-util-image
        libxcb-keysyms.so.1     libxcb-keysyms1     xcb-util-keysyms    xcb-util-keysyms
        libxcb-randr.so.0       libxcb-randr0       libxcb              libxcb
        libxcb-render-util.so.0 libxcb-render-util0 xcb-util-renderutil xcb-util-renderutil
        libxcb-shape.so.0       libxcb-shape0       libxcb              libxcb
        libxcb-xkb.so.1         libxcb-xkb1         libxcb              libxcb
        libxkbcommon-x11.so.0   libxkbcommon-x11-0  libxkbcommon-x11    libxkbcommon-x11
        """,
        "the window on X11",
    ),
)
_MANAGERS = {
    "apt": ("apt-get", "apt-get install -y"),
    "dnf": ("dnf", "dnf install -y"),
    "pacman": ("pacman", "pacman -S --needed"),
}


def run() -> Iterator[Check]:
    """All checks, each as soon as it is known."""
    yield from check_python()
    yield from check_libraries()
    yield from check_devices()
    yield from check_models()
    yield from check_own()
    yield from check_computing()


def check_python() -> Iterator[Check]:
    """Python and the packages."""
    version = platform.python_version()
    fine = (3, 11) <= sys.version_info[:2] <= (3, 13)
    yield Check("packages", "Python", fine, version, "" if fine else "Use Python 3.11, 3.12 or 3.13.")
    for name in CORE:
        found = _version(name)
        yield Check("packages", name, found is not None, found or "missing", "" if found else f"pip install {name}")
    for name, extra in OPTIONAL.items():
        found = _version(name)
        fix = "" if found else f"pip install 'porelight[{extra}]'"
        yield Check("packages", name, found is not None, found or f"not installed (extra {extra})", fix, needed=False)


def check_libraries() -> Iterator[Check]:
    """System libraries on Linux; other systems bring theirs."""
    if not sys.platform.startswith("linux"):
        return
    for library in LIBRARIES:
        found = library_loads(library.file)
        detail = f"for {library.used_by}" if found else f"missing: {library.used_by} cannot work"
        yield Check("system", library.file, found, detail, "" if found else install_line([library]), library.needed)


def install_line(libraries: list[SystemLibrary]) -> str:
    """The line that installs libraries with this system's package manager; apt's if none is known."""
    manager = next((name for name, (command, _) in _MANAGERS.items() if shutil.which(command)), "apt")
    names = dict.fromkeys(str(getattr(library, manager)) for library in libraries)
    root = "" if hasattr(os, "geteuid") and os.geteuid() == 0 else "sudo "
    return f"{root}{_MANAGERS[manager][1]} {' '.join(names)}"


def library_loads(file: str) -> bool:
    """Whether the system's loader finds and opens a shared library."""
    try:
        ctypes.CDLL(file)
    except OSError:
        return False
    return True


def check_devices() -> Iterator[Check]:
    """A small self-test on each device; only the processor is needed."""
    for name in ("cuda", "mps", "cpu"):
        test = device.self_test(name)
        detail = f"{test.name}: {test.detail}" if test.available else "not available"
        fix = "" if test.ok or (name != "cpu" and not test.available) else f"Use --device cpu. {test.detail}"
        yield Check("devices", name, test.ok, detail, fix, needed=name == "cpu" or test.available)


def check_models() -> list[Check]:
    """Every shipped file against the catalogue."""
    try:
        files = catalogue.catalogue()
    except EngineError as error:
        return [Check("models", catalogue.CATALOGUE, False, error.message, error.hint)]
    checks = []
    for file in files:
        try:
            catalogue.check(file)
            checks.append(Check("models", file.path, True, f"{file.size / 1e6:.1f} MB, {file.licence}".rstrip(", ")))
        except EngineError as error:
            checks.append(Check("models", file.path, False, error.message, error.hint))
    return checks


def check_own() -> Iterator[Check]:
    """What a person may bring; nothing of it is needed."""
    name = "image encoder"
    try:
        found = own.encoder()
    except EngineError as error:
        yield Check("models", name, False, error.message, error.hint, needed=False)
        return
    if found is None:
        fix = f"Put config.json and model.safetensors of facebook/dinov2-small into {own.encoder_home()}."
        yield Check("models", name, False, "none: the reward learns from measures alone", fix, needed=False)
    else:
        yield Check("models", name, True, f"{found.title}: the reward looks through it", needed=False)


def check_computing() -> Iterator[Check]:
    """Whether faces are found and the shipped policy computes (`selftest`), if the packages can be imported at all."""
    try:
        from engine import selftest
    except (ImportError, OSError) as error:
        yield Check("self-test", "imports", False, str(error), "See the packages and system libraries above.")
        return
    for name, test in selftest.tests():
        try:
            detail = test()
            yield Check("self-test", name, True, detail)
        except EngineError as error:
            yield Check("self-test", name, False, error.message, error.hint)
        except (ImportError, OSError, RuntimeError) as error:
            first = next(iter(str(error).splitlines()), type(error).__name__)
            yield Check("self-test", name, False, first, "See the packages, libraries and devices above.")


def missing_libraries(checks: list[Check]) -> list[SystemLibrary]:
    """The libraries that failed, for one line that installs them all."""
    failed = {check.name for check in checks if check.group == "system" and not check.ok}
    return [library for library in LIBRARIES if library.file in failed]


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None

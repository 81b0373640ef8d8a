"""`porelight app`: the window. Qt is imported only here, when it is asked for."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from app.commands.common import guarded
from engine.errors import DeviceError, ExportError, ImageReadError, ModelMissingError


@guarded
def window(
    paths: Annotated[list[Path] | None, typer.Argument(metavar="[PHOTO|FOLDER]...", help="What to open.")] = None,
) -> None:
    """Open the window, with a folder or photos, or where it was left."""
    _open(paths or [], edit=False)


@guarded
def edit(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Copies that another program hands over.")],
) -> None:
    """Open copies handed over by Lightroom, Capture One or darktable; saving writes the retouch into them.

    Waits until the window is closed. A copy that is not saved stays as it was.
    """
    for file in files:
        if not file.is_file():
            raise ImageReadError(f"{file.name} is not a file.", "Hand over a TIFF, PNG or JPEG copy of a photo.")
        if not os.access(file, os.W_OK):
            raise ExportError(f"{file.name} cannot be written, so nothing could be saved.", "Change its rights.")
    _open(files, edit=True)


def _open(paths: list[Path], *, edit: bool) -> None:
    _check_display()
    try:
        from app.window import run

        code = run(paths, edit=edit)
    except ImportError as error:
        if (error.name or "").partition(".")[0] not in ("PySide6", "shiboken6") and ".so" not in str(error):
            raise
        raise ModelMissingError(
            f"The window cannot open: {error}.", "Install it with pip install 'porelight[app]'; see porelight doctor."
        ) from error
    raise typer.Exit(code)


def _check_display() -> None:
    """Qt ends the process when it finds no display or not its libraries, so look before. Raises: DeviceError."""
    if not sys.platform.startswith("linux") or os.environ.get("QT_QPA_PLATFORM"):
        return
    from engine import doctor

    wayland, x11 = os.environ.get("WAYLAND_DISPLAY"), os.environ.get("DISPLAY")
    if not wayland and not x11:
        raise DeviceError("There is no display to open a window on.", "Use porelight retouch, or log in to a desktop.")
    wanted = {"the window"} if wayland else {"the window", "the window on X11"}
    missing = [each for each in doctor.LIBRARIES if each.used_by in wanted and not doctor.library_loads(each.file)]
    if missing:
        names = ", ".join(each.file for each in missing)
        raise DeviceError(
            f"The window needs system libraries: {names}.", f"Install them: {doctor.install_line(missing)}"
        )

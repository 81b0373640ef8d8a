"""The monitor's colour profile: chosen by the person, remembered, and left out with a notice if it is broken."""

from __future__ import annotations

import json
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from app.viewmodels.photo import PhotoModel
from app.viewmodels.state import Stage
from engine import paths
from engine.errors import ColourProfileError


def display_file() -> Path:
    return paths.user_folder() / "display.json"


class DisplayModel(QObject):
    """path: the profile in use, None for sRGB. Pictures already made are made anew when it changes."""

    changed = Signal()

    def __init__(self, photo: PhotoModel, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.photo = photo
        self.path: Path | None = None
        self.title = "sRGB"
        try:
            saved = json.loads(display_file().read_bytes()).get("profile")
        except (OSError, ValueError, AttributeError, RecursionError):
            saved = None
        if isinstance(saved, str):
            self._pending: Path | None = Path(saved)
        else:
            self._pending = None
        # Reading a profile loads the colour engine, so it waits until a photo does the same.
        photo.changed.connect(lambda _: self._first())

    def choose(self, path: Path | None) -> None:
        """Use a profile, or sRGB; a file that is no monitor profile leaves sRGB and says so."""
        self._pending = None
        self._use(path)
        data = json.dumps({"version": 1, "profile": str(self.path) if self.path else None})
        try:
            display_file().parent.mkdir(parents=True, exist_ok=True)
            paths.write_atomic(display_file(), data.encode())
        except OSError as error:
            self.photo.say(f"The choice of the monitor profile cannot be kept: {error.strerror}.")

    def _first(self) -> None:
        if self._pending is not None and self.photo.stage is not Stage.EMPTY:
            path, self._pending = self._pending, None
            self._use(path)

    def _use(self, path: Path | None) -> None:
        profile = None
        if path is not None:
            try:
                profile = _read(path)
            except (OSError, ColourProfileError):
                path = None
                self.photo.say("The monitor profile cannot be used, so colours are shown as on an sRGB monitor.")
        self.path, self.title = path, path.stem if path else "sRGB"
        engine, photo = self.photo.engine, self.photo
        if profile != engine.display:
            engine.display = profile
            if photo.photo is not None and photo.stage in (Stage.OPEN, Stage.PROPOSED):
                layers = photo.layers if photo.stage is Stage.PROPOSED else None
                photo.frames.set_source(engine.source(photo.photo, layers), photo.photo.size, same_photo=True)
        self.changed.emit()


def _read(path: Path) -> bytes:
    """Raises: OSError, ColourProfileError."""
    from engine.imageio.colour import check_rgb_profile

    profile = path.read_bytes()
    check_rgb_profile(profile)
    return profile

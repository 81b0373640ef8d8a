"""The monitor's colour profile: chosen by the person, remembered, and left out with a notice if it is broken."""

from __future__ import annotations

from pathlib import Path

from pydantic import ValidationError
from PySide6.QtCore import QObject, Signal

from app.language import tr
from app.viewmodels.photo import PhotoModel
from app.viewmodels.settings import SettingsModel
from app.viewmodels.state import Stage
from engine.errors import ColourProfileError


class DisplayModel(QObject):
    """path: the profile in use, None for sRGB. Pictures already made are made anew when it changes."""

    changed = Signal()

    def __init__(self, photo: PhotoModel, settings: SettingsModel, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.photo, self.settings = photo, settings
        self.path: Path | None = None
        self.title = "sRGB"
        saved = settings.values.monitor_profile
        self._pending = Path(saved) if saved else None
        # Reading a profile loads the colour engine, so it waits until a photo does the same.
        photo.changed.connect(lambda _: self._first())
        settings.changed.connect(self._follow)

    def choose(self, path: Path | None) -> None:
        """Use a profile, or sRGB; a file that is no monitor profile leaves sRGB and says so."""
        self._pending = None
        self._use(path)
        try:
            self.settings.set(monitor_profile=str(self.path) if self.path else None)
        except ValidationError:  # a name that is no text
            self.photo.say(tr("The choice of the monitor profile cannot be kept: its name is no text."))

    def _follow(self, names: frozenset[str]) -> None:
        saved = self.settings.values.monitor_profile
        wanted = Path(saved) if saved else None
        if "monitor_profile" in names and wanted != self.path:
            self._pending = None
            self._use(wanted)

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
                self.photo.say(tr("The monitor profile cannot be used, so colours are shown as on an sRGB monitor."))
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

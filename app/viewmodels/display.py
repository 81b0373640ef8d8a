"""The monitor's colour profile: the system's, or one chosen by hand; a broken one is left out with a notice."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from pydantic import ValidationError
from PySide6.QtCore import QObject, Signal

from app.language import tr
from app.settings.schema import SRGB
from app.viewmodels.photo import PhotoModel
from app.viewmodels.settings import SettingsModel
from app.viewmodels.state import Stage
from engine.errors import ColourProfileError


class DisplayModel(QObject):
    """choice: as in the settings: None for the system's profile, `SRGB`, or a file's path. title: of what is in use.

    Pictures already made are made anew when the profile changes."""

    changed = Signal()

    def __init__(
        self,
        photo: PhotoModel,
        settings: SettingsModel,
        system: Callable[[], bytes | None] = lambda: None,
        parent: QObject | None = None,
    ) -> None:
        """system: the profile that the system knows for the window's screen."""
        super().__init__(parent)
        self.photo, self.settings, self.system = photo, settings, system
        self.choice = settings.values.monitor_profile
        self.title = SRGB
        self._known: tuple[bytes | None, bytes | None, str] = (None, None, SRGB)
        """The system's profile as it was last, what is used of it, and its name."""
        self._started = False
        # Reading a profile loads the colour engine, so it waits until a photo does the same.
        photo.changed.connect(lambda _: self._first())
        settings.changed.connect(self._follow)

    def choose(self, choice: str | None) -> None:
        """Use what `choice` says and keep it; a file that is no monitor profile leaves sRGB and says so."""
        self.choice = choice
        self.refresh()
        try:
            self.settings.set(monitor_profile=self.choice)
        except ValidationError:  # a name that is no text
            self.photo.say(tr("The choice of the monitor profile cannot be kept: its name is no text."))

    def refresh(self) -> None:
        """Read the profile again: the window may be on another screen, or the system's profile another one."""
        if self.photo.stage is Stage.EMPTY:
            return
        self._started = True
        profile, title = None, SRGB
        try:
            if self.choice is None:
                profile, title = self._of_system()
            elif self.choice != SRGB:
                profile, title = _checked(Path(self.choice).read_bytes()), Path(self.choice).stem
        except (OSError, ColourProfileError):
            self.choice = SRGB
            self.photo.say(tr("The monitor profile cannot be used, so colours are shown as on an sRGB monitor."))
        self._use(profile, title)

    def _of_system(self) -> tuple[bytes | None, str]:
        found = self.system()
        if found != self._known[0]:
            self._known = (found, None, SRGB)
            if found is not None:
                try:
                    self._known = (found, _checked(found), _name(found))
                except ColourProfileError:
                    self.photo.say(
                        tr("The system's monitor profile is damaged, so colours are shown as on an sRGB monitor.")
                    )
        return self._known[1:]

    def _follow(self, names: frozenset[str]) -> None:
        wanted = self.settings.values.monitor_profile
        if "monitor_profile" in names and wanted != self.choice:
            self.choice = wanted
            self.refresh()

    def _first(self) -> None:
        if not self._started:
            self.refresh()

    def _use(self, profile: bytes | None, title: str) -> None:
        photo, self.title = self.photo, title
        if profile != photo.engine.display:
            photo.engine.display = profile
            photo.show_layers(photo.layers if photo.stage is Stage.PROPOSED else None)
        self.changed.emit()


def _checked(profile: bytes) -> bytes:
    """Raises: ColourProfileError."""
    from engine.imageio.colour import check_rgb_profile

    check_rgb_profile(profile)
    return profile


def _name(profile: bytes) -> str:
    """What a profile calls itself."""
    from io import BytesIO

    from PIL import ImageCms

    return ImageCms.getProfileDescription(ImageCms.ImageCmsProfile(BytesIO(profile))).strip()

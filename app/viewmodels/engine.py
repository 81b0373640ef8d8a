"""The window's door to the engine. Everything heavy is imported inside, in the worker thread that needs it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from app.viewmodels.frames import Source

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine.journal import Journal
    from engine.policies.base import Policy
    from engine.session import RetouchSession
    from engine.sidecar import Sidecar
    from engine.types import Photo, RetouchLayers


class Engine:
    """Opens sessions, loads the policy once, and makes pictures. Tests replace single methods."""

    def __init__(self) -> None:
        self._policy: Policy | None = None
        self.display: bytes | None = None
        """ICC profile of the monitor, None for sRGB."""

    def open(self, path: Path) -> RetouchSession:
        """Raises: ImageReadError, ColourProfileError."""
        from engine.session import RetouchSession

        return RetouchSession.open(path)

    def policy(self) -> Policy:
        """The active policy; torch is imported here. Raises: ModelMissingError, DeviceError."""
        if self._policy is None:
            from engine.policies.registry import load_policy
            from engine.policies.versions import active

            self._policy = load_policy(active())
        return self._policy

    def saved(self, path: Path) -> Sidecar | None:
        """Raises: SidecarError."""
        from engine import sidecar

        return sidecar.load(path)

    def journal(self, path: Path, size: tuple[int, int]) -> Journal:
        """Where the history of a photo of this size is kept."""
        from engine.journal import Journal, journal_file

        return Journal(journal_file(path, size))

    def source(self, photo: Photo, layers: Mapping[str, RetouchLayers] | None) -> Source:
        """Pictures for the canvas."""
        from app.viewmodels.pictures import PhotoSource

        return PhotoSource(photo, layers, self.display)

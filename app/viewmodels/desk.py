"""What a person works at: the library, the open photo, and what is read ahead of it. No widgets."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QObject

from app.viewmodels.compare import CompareModel
from app.viewmodels.frames import Request
from app.viewmodels.library import LibraryChange, LibraryModel, View
from app.viewmodels.opened import OpenedPhotos
from app.viewmodels.photo import PhotoModel
from app.viewmodels.place import Place
from app.viewmodels.retouching import retouched
from app.viewmodels.state import Change, Stage
from app.viewmodels.thumbnails import Thumbnails
from app.viewmodels.viewport import Viewport
from app.viewmodels.working import LANE


class Desk(QObject):
    """Joins the models: the library's current frame is the photo that is open, unless the grid is shown."""

    def __init__(self, photo: PhotoModel, compare: CompareModel, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.photo, self.compare = photo, compare
        self.library = LibraryModel(photo.runner, self)
        self.thumbnails = Thumbnails(photo.runner, parent=self)
        self.place = Place(self.library, self)
        self.opened = OpenedPhotos(photo.engine, photo.runner, LANE)
        self.opened.request = self._first_request
        self.read_ahead, self.retouch_ahead = True, True
        self.library.changed.connect(self._library_changed)
        photo.changed.connect(self._photo_changed)
        photo.left.connect(self.opened.keep)
        photo.saved.connect(self._saved)

    def open(self, paths: list[Path]) -> None:
        """A folder, a photo with its neighbours, or photos. A folder of photos comes up as a grid."""
        if not paths:
            return
        self.library.set_view(View.GRID if len(paths) > 1 or paths[0].is_dir() else View.SINGLE)
        self.library.open(paths)

    def show(self, path: Path | None = None) -> None:
        """One photo on the canvas: this, or the current one."""
        if path is not None:
            self.library.go(path)
        self.library.set_view(View.SINGLE)

    def close(self) -> None:
        """Save where we are and stop. The photo is closed by whoever opened it."""
        self.place.write()
        self.opened.pause()
        self.thumbnails.close()
        self.library.close()

    def _library_changed(self, change: LibraryChange) -> None:
        library = self.library
        if change & (LibraryChange.CURRENT | LibraryChange.VIEW) and library.view is View.SINGLE:
            self._show_current()
        if change & (LibraryChange.LIST | LibraryChange.CURRENT | LibraryChange.VIEW):
            self._look_ahead()

    def _show_current(self) -> None:
        path = self.library.current
        if path is None or path == self.photo.path:
            return
        frame = self.library.frames.get(path)
        if frame is not None and frame.missing:
            return
        self.photo.open(path, self.opened.take(path))

    def _photo_changed(self, change: Change) -> None:
        photo = self.photo
        if Change.FACES in change and photo.path is not None and photo.faces:
            self.library.note_faces(photo.path, len(photo.faces))
        if change & (Change.JOB | Change.PROPOSAL | Change.PHOTO | Change.PROBLEM):
            self._look_ahead()

    def _saved(self, path: Path, faces: int) -> None:
        frame = self.library.frames.get(path)
        self.library.note_edits(path, faces or (frame.faces if frame else None) or 0)
        self.opened.restamp(path)

    def _look_ahead(self) -> None:
        """Read the neighbours while the open photo is at rest."""
        photo = self.photo
        if not self.read_ahead or photo.busy or self.library.view is not View.SINGLE:
            self.opened.pause()
            return
        if photo.stage not in (Stage.OPEN, Stage.PROPOSED):
            return
        ahead = photo.auto_retouch and self.retouch_ahead
        engine = photo.engine
        self.opened.retouch = (
            (lambda session, token, report: retouched(engine, session, token, report)) if ahead else None
        )
        self.opened.want(self.library.neighbours())

    def _first_request(self, size: tuple[int, int]) -> Request | None:
        pane = self.compare.pane_size
        return Request.of(Viewport(size).fit(pane), pane) if min(pane) > 1 else None

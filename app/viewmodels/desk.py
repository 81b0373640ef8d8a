"""What a person works at: the library, the open photo, and what is read ahead of it. No widgets."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Signal

from app.language import tr
from app.viewmodels.compare import CompareModel
from app.viewmodels.frames import U8, Request
from app.viewmodels.library import LibraryChange, LibraryModel, View
from app.viewmodels.opened import OpenedPhotos
from app.viewmodels.photo import PhotoModel
from app.viewmodels.place import Place
from app.viewmodels.queue import QueueModel
from app.viewmodels.retouching import retouched, small_of
from app.viewmodels.settings import SettingsModel
from app.viewmodels.state import Change, Stage
from app.viewmodels.thumbnails import Thumbnails
from app.viewmodels.undo import Undo
from engine.delivery.ledger import ledger_file
from engine.errors import EngineError
from engine.jobs import CancelToken
from engine.library.frames import Frame
from engine.settings import FaceSettings

if TYPE_CHECKING:
    from engine.delivery.recipe import Recipe
    from engine.delivery.watch import Arrivals

ARRIVALS = "arrivals"
"""Lane on which a watched folder is looked at."""


class Desk(QObject):
    """Joins the models: the library's current frame is the photo that is open, unless the grid is shown."""

    returned = Signal()
    """Every copy that was handed over is written."""

    def __init__(
        self, photo: PhotoModel, compare: CompareModel, settings: SettingsModel, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self.photo, self.compare, self.settings = photo, compare, settings
        self.library = LibraryModel(photo.runner, self)
        self.undo = Undo(photo, self.library)
        self.thumbnails = Thumbnails(photo.runner, self)
        self.thumbnails.retouch = self._retouched
        self.place = Place(self.library, compare, self)
        self.opened = OpenedPhotos(photo.engine, photo.runner)
        self.opened.request = self._first_request
        self.queue = QueueModel(photo.engine, photo.runner, self)
        self.queue.ended.connect(self._delivered)
        self.library.listed.connect(self._delivered)
        self.handed: set[Path] = set()
        self.round_trip = False
        self._shown: tuple[int, int] = (0, 0)
        self._news = ""
        """Said when the photo that is being opened is there."""
        self._arrivals: Arrivals | None = None
        self._looking = False
        self._arriving = QTimer(self)
        self._arriving.setInterval(1000)
        self._arriving.timeout.connect(self._look_for_arrivals)
        self.library.changed.connect(self._library_changed)
        photo.changed.connect(self._photo_changed)
        photo.left.connect(self.opened.keep)
        photo.saved.connect(self._saved)
        photo.giving.given.connect(self.library.note_edits)
        settings.changed.connect(self._settle)
        settings.noticed.connect(photo.say)
        self._settle()

    def _settle(self, names: frozenset[str] = frozenset()) -> None:
        """Do as the settings say."""
        values = self.settings.values
        self.photo.auto_retouch = values.auto_retouch
        self.thumbnails.limit = values.cache_mb << 20
        self.place.remember(values.recent_folders)
        if names & {"read_ahead", "retouch_ahead", "auto_retouch"}:
            self._look_ahead()

    def open(self, paths: list[Path]) -> None:
        """A folder, a photo with its neighbours, or photos. A folder of photos comes up as a grid."""
        if not paths:
            return
        if self.watching:
            self.watch(False)
        self.library.set_view(View.GRID if len(paths) > 1 or paths[0].is_dir() else View.SINGLE)
        self.library.open(paths)

    def show(self, path: Path | None = None) -> None:
        """One photo on the canvas: this, or the current one."""
        if path is not None:
            self.library.go(path)
        self.library.set_view(View.SINGLE)

    def start(self, paths: list[Path]) -> None:
        """After the window is there: open these, or what was open; an export that was interrupted goes on."""
        if paths:
            self.open(paths)
        else:
            self.place.restore()
        if ledger_file().exists():
            self.queue.wake()

    @property
    def chosen_frames(self) -> list[Frame]:
        """What an export is for: the selection, or the open photo if one looks at it."""
        library = self.library
        chosen = [library.frames[path] for path in library.chosen if not library.frames[path].missing]
        return chosen or ([Frame(self.photo.path)] if self.photo.path is not None and self.adjusting else [])

    @property
    def adjusting(self) -> bool:
        """Whether the open photo is what one looks at: not if the grid has gone on to another one."""
        return self.library.view is View.SINGLE or self.photo.path in (None, self.library.current)

    def paste(self, settings: FaceSettings, label: str) -> bool:
        """Give settings to the photo that one looks at, in the grid to the selected ones. Returns: whether at once."""
        if self.library.view is View.SINGLE:
            return self.photo.paste(settings, label)
        chosen = self.library.chosen
        self.photo.giving.give(chosen, settings, label)
        return self.photo.path not in chosen or self.photo.paste(settings, label)

    @property
    def can_deliver(self) -> bool:
        return bool(self.chosen_frames)

    def deliver(self, recipes: Sequence[Recipe]) -> None:
        """Queue the chosen photos with their edits as they are now."""
        photo = self.photo
        photo.save()
        unsaved = {photo.path: photo.unsaved} if photo.path is not None and photo.unsaved is not None else {}
        self.queue.add(self.chosen_frames, recipes, unsaved)

    def edit(self, paths: Sequence[Path]) -> None:
        """Open copies that another program handed over; `save_back` writes into them."""
        self.handed = {path.absolute() for path in paths}
        self.round_trip, self.place.following, self.photo.apart = True, False, True
        self.library.open_files(list(paths))
        self.library.set_view(View.SINGLE)

    def save_back(self) -> None:
        """Write the open copy, then go on with the next one; `returned` when all are written."""
        path = self.photo.path
        if path is None or path not in self.handed:
            return

        def done() -> None:
            self.handed.discard(path)
            if self.handed:
                self.show(sorted(self.handed, key=self.library.row)[0])
            else:
                self.returned.emit()

        self.photo.write_back(done)

    @property
    def watching(self) -> bool:
        """Whether new photos in the open folder are exported as they settle."""
        return self._arrivals is not None

    def watch(self, on: bool) -> None:
        """Export new photos of the open folder with the recipes chosen last, once their files have settled."""
        self._arriving.stop()
        self._arrivals = None
        folder, ledger = self.library.folder, self.queue.ledger
        if on and folder is not None and ledger is not None:
            from engine.delivery.watch import Arrivals

            names = self.queue.chosen()
            recipes = self.queue.recipes()[0]
            chosen = [recipe for recipe in recipes if recipe.name in names] or recipes[:1]
            try:
                self._arrivals = Arrivals(folder, ledger, chosen)
            except EngineError as error:
                self.photo.fail(error, tr("Watching the folder"))
                return
            self._arriving.start()
            self.photo.say(
                tr(
                    "New photos in {name} are exported: {join}.",
                    name=folder.name,
                    join=", ".join(r.name for r in chosen),
                )
            )
        elif not on:
            self.photo.say(tr("New photos are no longer exported by themselves."))

    def _look_for_arrivals(self) -> None:
        arrivals = self._arrivals
        if arrivals is None or self._looking:
            return
        self._looking = True

        def done(found: list[Path]) -> None:
            self._looking = False
            if found:
                self.library.rescan()
                self.queue.wake()

        def failed(error: Exception) -> None:
            self._looking = False
            self.watch(False)
            self.photo.fail(error, tr("Watching the folder"))

        self.photo.runner.start(ARRIVALS, lambda token, report: arrivals.look(), done, failed)

    def _delivered(self) -> None:
        self.library.note_delivery(self.queue.delivery())

    def save(self) -> None:
        """Write down at once where we are and what was edited."""
        self.place.write()
        self.photo.save()

    def close(self) -> None:
        """Save where we are and stop. The photo is closed by whoever opened it."""
        self._arriving.stop()
        self.queue.close()
        self.place.write()
        self.opened.pause()
        self.thumbnails.close()
        self.library.close()

    def _library_changed(self, change: LibraryChange) -> None:
        library = self.library
        if change & (LibraryChange.CURRENT | LibraryChange.VIEW) and library.view is View.SINGLE:
            self._show_current()
        if LibraryChange.FRAMES in change and library.current in library.touched and library.view is View.SINGLE:
            self._file_changed(library.frames[library.current])
        if change & (LibraryChange.LIST | LibraryChange.CURRENT | LibraryChange.VIEW):
            self._look_ahead()
        if LibraryChange.PROBLEM in change and library.problem is not None:
            self.photo.show(library.problem)
        if LibraryChange.NOTICE in change and library.notice:
            self.photo.say(library.notice)
            if library.view is View.SINGLE and self.photo.stage is not Stage.PROPOSED:
                self._news = library.notice

    def _show_current(self) -> None:
        path = self.library.current
        if path is None or path == self.photo.path:
            return
        frame = self.library.frames.get(path)
        if frame is not None and frame.missing:
            return
        self._shown, self._news = frame.stamp if frame is not None else (0, 0), ""
        self.photo.open(path, self.opened.take(path))

    def _file_changed(self, frame: Frame) -> None:
        """The current photo's file was written anew by another program, or has grown: read it again, edits stay."""
        photo, before = self.photo, self._shown
        self._shown = frame.stamp
        if frame.missing or before in ((0, 0), frame.stamp) or photo.stage is Stage.OPENING or self.round_trip:
            return
        was_read = photo.path == frame.path
        photo.open(frame.path)
        if was_read:
            self._news = tr("{name} was changed by another program and is read again.", name=frame.path.name)

    def _photo_changed(self, change: Change) -> None:
        photo = self.photo
        done = photo.stage is Stage.OPEN and not photo.busy and Change.JOB in change  # no faces, or not to be retouched
        if self._news and (done or (photo.stage is Stage.PROPOSED and Change.PROPOSAL in change)):
            news, self._news = self._news, ""
            photo.say(" ".join(dict.fromkeys(each for each in (news, photo.notice) if each)))
        if Change.FACES in change and photo.path is not None and photo.faces:
            self.library.note_faces(photo.path, len(photo.faces))
        if change & (Change.JOB | Change.PROPOSAL | Change.PHOTO | Change.PROBLEM):
            self.thumbnails.make_way(photo.busy)
            self._look_ahead()

    def _saved(self, path: Path) -> None:
        self.library.note_edits(path)
        self.opened.restamp(path)

    def _retouched(self, path: Path) -> Callable[[CancelToken], U8] | None:
        """How the small picture of an edited photo is made; None while the open photo needs the engine."""
        photo, engine = self.photo, self.photo.engine
        if photo.path == path and photo.photo is not None and photo.stage is Stage.PROPOSED:
            return partial(engine.small, photo.photo, photo.layers, dict(photo.edits))
        return None if photo.busy else partial(small_of, engine, path)

    def _look_ahead(self) -> None:
        """Read the neighbours while the open photo is at rest."""
        photo = self.photo
        if not self.settings.values.read_ahead or self.round_trip or photo.busy or self.library.view is not View.SINGLE:
            self.opened.pause()
            return
        if photo.stage not in (Stage.OPEN, Stage.PROPOSED):
            return
        ahead = photo.auto_retouch and self.settings.values.retouch_ahead
        self.opened.retouch = partial(retouched, photo.engine) if ahead else None
        self.opened.want(self.library.neighbours())

    def _first_request(self, size: tuple[int, int]) -> Request | None:
        pane = self.compare.pane_size
        return Request.of(self.compare.first_view(size), pane) if min(pane) > 1 else None

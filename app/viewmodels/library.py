"""The frames that a person works through: a folder or named files, filtered and sorted, with a current one. No widgets.

Listing, details and saving of stars run on the lane "library". What is listed shows at once; details (stars, time of
capture, edits) come in portions. `culling` sets stars, labels and flags.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Flag as Bits
from enum import StrEnum, auto
from pathlib import Path

from PySide6.QtCore import QFileSystemWatcher, QObject, QTimer, Signal

from app.jobs.runner import Job, JobRunner
from app.language import tr
from app.viewmodels.culling import Culling
from app.viewmodels.problem import Problem
from engine.jobs import CancelToken, Report
from engine.library import frames
from engine.library.frames import Frame
from engine.library.xmp import Cull, Flag, Label
from engine.locks import FileLock, folder_lock

LANE = "library"
RESCAN_MS = 400
"""After a change in the folder, so that a burst of changes is looked at once."""
SHOWING = 0.08
"""Seconds in which the window shows a new list, before heads are read: both take turns at the interpreter."""
GROWING_NS = 3_000_000_000
"""A file younger than this may still be growing; the folder is looked at again soon."""


WATCHED = 256
"""So many folders at most are watched for changes; all are looked at again when the window comes to the front."""


class LibraryChange(Bits):
    """What a view has to look at again."""

    LIST = auto()
    """Which frames are shown, or their order."""
    FRAMES = auto()
    """Something about some frames, see `LibraryModel.touched`."""
    CURRENT = auto()
    SELECTION = auto()
    VIEW = auto()
    FILTER = auto()
    PROBLEM = auto()
    NOTICE = auto()


class Sort(StrEnum):
    """Order of the frames."""

    NAME = "name"
    TIME = "time"
    STARS = "stars"


class View(StrEnum):
    """All frames as a grid, or one of them."""

    GRID = "grid"
    SINGLE = "single"


@dataclass(frozen=True)
class Filter:
    """Which frames are shown. stars: at least so many. flag, label: None for any. The others: only those that are."""

    stars: int = 0
    flag: Flag | None = None
    label: Label | None = None
    edited: bool = False
    exported: bool = False
    faces: bool = False

    @property
    def active(self) -> bool:
        return self != Filter()

    def passes(self, frame: Frame, exported: bool) -> bool:
        cull = frame.cull
        return (
            cull.stars >= self.stars
            and self.flag in (None, cull.flag)
            and self.label in (None, cull.label)
            and (frame.edited or not self.edited)
            and (exported or not self.exported)
            and (bool(frame.faces) or not self.faces)
        )


@dataclass(frozen=True)
class Delivered:
    """What became of photos. done: those exported. failed: those that could not be, with the reason. written: exported
    file → the photo it was made of."""

    done: frozenset[Path] = frozenset()
    failed: Mapping[Path, str] = field(default_factory=dict)
    written: Mapping[Path, Path] = field(default_factory=dict)


@dataclass(frozen=True)
class Listed:
    """What a scan finds first: frames without details, the folders they lie in, and whether those are subfolders."""

    number: int
    found: list[Frame]
    folders: list[Path]
    first: bool
    deep: bool


@dataclass(frozen=True)
class Details:
    """Frames of a scan, with details."""

    number: int
    found: list[Frame]


class LibraryModel(QObject):
    """All frames, the shown ones, the current one and the selected ones."""

    changed = Signal(object)
    """(LibraryChange)"""
    listed = Signal()
    """A folder or files were listed for the first time; details follow."""
    _handed = Signal(object)

    def __init__(self, runner: JobRunner, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.runner = runner
        self.folder: Path | None = None
        self.frames: dict[Path, Frame] = {}
        self.shown: list[Path] = []
        self.current: Path | None = None
        self.selection: set[Path] = set()
        self.filter, self.sort, self.view = Filter(), Sort.NAME, View.SINGLE
        self.exported: set[Path] = set()
        self.failed: dict[Path, str] = {}
        self._written: Mapping[Path, Path] = {}
        self.touched: frozenset[Path] = frozenset()
        self.scanning = False
        self.deep = False
        """Whether the photos of subfolders are shown too."""
        self.problem: Problem | None = None
        self.notice = ""
        self._place: dict[Path, int] = {}
        self._job: Job | None = None
        self._scan_number = 0
        self._closed = False
        self._lock: FileLock | None = None
        self.culling = Culling(self, LANE)
        self._anchor: Path | None = None
        self._end: Path | None = None
        """From where to where frames were selected last."""
        self._handed.connect(self._take)
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(RESCAN_MS)
        self._soon.timeout.connect(self.rescan)
        self._watcher = QFileSystemWatcher(self)
        self._watcher.directoryChanged.connect(lambda _: self._soon.start())

    # --- opening ------------------------------------------------------------------------------------------------------

    def open(self, paths: Sequence[Path], current: Path | None = None) -> None:
        """Open one folder, one photo with the others of its folder, or the photos named."""
        paths = [path.absolute() for path in paths]
        if len(paths) == 1:
            only = paths[0]
            folder = only if only.is_dir() else only.parent
            self._open(folder, (), current or (None if only.is_dir() else only))
        elif paths:
            self._open(None, [path for path in paths if not path.is_dir()], current or paths[0])

    def open_files(self, paths: Sequence[Path], current: Path | None = None) -> None:
        """Open only the photos named, one too."""
        if paths:
            self._open(None, [path.absolute() for path in paths], current or paths[0].absolute())

    def _open(self, folder: Path | None, files: Sequence[Path], current: Path | None) -> None:
        self._stop()
        self._soon.stop()
        same = folder is not None and folder == self.folder
        if not same:
            self.frames, self.shown, self._place = {}, [], {}
            self.selection, self.failed, self.notice, self.problem = set(), {}, "", None
            self.culling.steps.forget()
            self._hold(folder)
        self.folder = folder
        if folder is None:
            self.frames = {path: Frame(path) for path in files}
        if current is not None and current not in self.frames:
            self.frames[current] = Frame(current)
        self.current = current if current is not None else self.current if same else None
        self.selection, self._anchor = {self.current} if self.current else set(), self.current
        self._arrange(LibraryChange.CURRENT | LibraryChange.SELECTION | LibraryChange.PROBLEM | LibraryChange.NOTICE)
        self._scan(first=True)

    def rescan(self) -> None:
        """Look at the folder again: new, changed and vanished files, sidecars written by other programs."""
        if self._closed or (self.folder is None and not self.frames):
            return
        if self.scanning:
            self._soon.start()
        else:
            self._scan(first=False)

    def _scan(self, *, first: bool) -> None:
        folder, files, wanted = self.folder, [*self.frames], self.deep
        self.scanning = True
        self._scan_number += 1
        number = self._scan_number

        def work(token: CancelToken, report: Report) -> None:
            from engine.library import scan  # not when the window opens

            deep = wanted
            listings: scan.Listings = {}
            if folder is None:
                found = scan.list_files(files)
            else:
                found, listings = scan.list_folder(folder, deep=deep, token=token)
            if folder is not None and not found and not deep:  # cards in folders of their own
                found, listings = scan.list_folder(folder, deep=True, token=token)
                deep = bool(found)
            self._handed.emit(Listed(number, found, [*listings] if deep else [*listings][:1], first, deep))
            time.sleep(SHOWING if first else 0)
            scan.fill(found, listings, lambda part: self._handed.emit(Details(number, part)), token)

        def done(_: None) -> None:
            self.scanning, self._job = False, None
            self._arrange(LibraryChange.NOTICE | (LibraryChange.LIST if self.empty else LibraryChange(0)))
            newest = max((frame.mtime for frame in self.frames.values()), default=0)
            if 0 < frames.now() - newest < GROWING_NS:
                self._soon.start(1000)

        def failed(error: Exception) -> None:
            self.scanning, self._job = False, None
            if self.empty:
                self._arrange(LibraryChange.LIST)
            self.fail(error, tr("Reading the folder"))

        self._job = self.runner.start(LANE, work, done, failed)

    def _take(self, portion: Listed | Details) -> None:
        """A portion of a scan, in this thread."""
        if portion.number != self._scan_number or not self.scanning:
            return
        if isinstance(portion, Details):
            self._take_details(portion.found)
            return
        before, after = self.frames, {}
        for frame in portion.found:
            known = before.get(frame.path)
            same = known is not None and known.stamp == frame.stamp and known.known
            after[frame.path] = known if known is not None and same else frame
        after = self._without_exports(after)
        if self.current is not None and self.current not in after:
            after[self.current] = replace(before.get(self.current, Frame(self.current)), missing=True)
        self.frames = after
        self.selection &= set(after)
        if self.current is None and after:
            self.current = self._anchor = next(iter(after))
            self.selection = {self.current}
        also = LibraryChange.CURRENT | LibraryChange.SELECTION
        if portion.deep != self.deep:
            self.deep = portion.deep
            also |= LibraryChange.FILTER
        self._arrange(also)
        self._watch(portion.folders[:WATCHED])
        if portion.first:
            self.listed.emit()

    def _watch(self, folders: Sequence[Path]) -> None:
        """Look again when something changes in these, and in no other."""
        wanted, watched = {str(folder) for folder in folders if folder.is_dir()}, set(self._watcher.directories())
        if watched - wanted:
            self._watcher.removePaths(list(watched - wanted))
        if wanted - watched:
            self._watcher.addPaths(list(wanted - watched))

    def set_deep(self, deep: bool) -> None:
        """Show the photos of subfolders too, or not."""
        if deep != self.deep and self.folder is not None:
            self.deep = deep
            if not deep and self.current is not None and self.current.parent != self.folder:
                self.current = None
            self.changed.emit(LibraryChange.FILTER)
            self._stop()
            self._scan(first=False)

    def _take_details(self, found: list[Frame]) -> None:
        touched = []
        for frame in found:
            known = self.frames.get(frame.path)
            if known is None:
                continue
            if self.culling.unsaved(frame.path):  # what the person has just set counts
                frame = replace(frame, cull=known.cull)
            if frame.faces is None and frame.stamp == known.stamp:  # found here, and in no sidecar
                frame = replace(frame, faces=known.faces)
            if frame != known:
                self.frames[frame.path] = frame
                touched.append(frame.path)
        if touched:
            self._touch(touched)

    def _hold(self, folder: Path | None) -> None:
        """Take the folder's lock; a folder that another Porelight works in is opened with a notice."""
        self._watch(())
        if self._lock is not None:
            self._lock.release()
        self._lock = folder_lock(folder) if folder is not None else None
        try:
            shared = self._lock is not None and not self._lock.acquire()
        except OSError:  # no place for locks: nothing to say
            shared = False
        if shared and folder is not None:
            self.notice = tr(
                "Another Porelight has {name} open. Nothing that is saved there is overwritten.", name=folder.name
            )

    # --- order and filter ---------------------------------------------------------------------------------------------

    @property
    def total(self) -> int:
        return len(self.frames)

    def frame(self, path: Path) -> Frame:
        return self.frames[path]

    def set_filter(self, filter: Filter) -> None:
        if filter != self.filter:
            self.filter = filter
            self._arrange(LibraryChange.FILTER)

    def set_sort(self, sort: Sort) -> None:
        if sort is not self.sort:
            self.sort = sort
            self._arrange(LibraryChange.FILTER)

    def set_view(self, view: View) -> None:
        if view is not self.view:
            self.view = view
            self.changed.emit(LibraryChange.VIEW)

    def _arrange(self, also: LibraryChange) -> None:
        """Filter and sort anew. A current frame that is filtered out stays current, but is not shown."""
        passing = [f for f in self.frames.values() if self.filter.passes(f, f.path in self.exported)]
        passing.sort(key=frames.by_name)
        if self.sort is Sort.TIME:
            passing.sort(key=lambda frame: frame.captured or frames.clock(frame.mtime))
        elif self.sort is Sort.STARS:
            passing.sort(key=lambda frame: -frame.cull.stars)
        shown = [frame.path for frame in passing]
        if shown != self.shown:
            self.shown = shown
            self._place = {path: row for row, path in enumerate(shown)}
            also |= LibraryChange.LIST
        self.changed.emit(also)

    @property
    def empty(self) -> bool:
        """Whether the open folder holds no photo."""
        return self.folder is not None and not self.frames and not self.scanning

    def row(self, path: Path | None) -> int:
        """Place among the shown frames, −1 if it is not shown."""
        return -1 if path is None else self._place.get(path, -1)

    # --- going through ------------------------------------------------------------------------------------------------

    def go(self, path: Path | None) -> None:
        """Make a frame current and the only one selected."""
        if path is None or path not in self.frames:
            return
        also = LibraryChange.CURRENT if path != self.current else LibraryChange(0)
        if self.selection != {path}:
            also |= LibraryChange.SELECTION
        self.current, self.selection, self._anchor, self._end = path, {path}, path, path
        if also:
            self.changed.emit(also)

    def step(self, by: int) -> None:
        """Forwards or backwards among the shown frames, stopping at the ends."""
        if not self.shown:
            return
        row = self.row(self.current)
        self.go(self.shown[min(max(row + by, 0), len(self.shown) - 1)] if row >= 0 else self.shown[0])

    def neighbours(self) -> tuple[Path, ...]:
        """The frames that come next and before, nearest first."""
        row = self.row(self.current)
        places = [row + by for by in (1, -1)] if row >= 0 else []
        return tuple(self.shown[place] for place in places if 0 <= place < len(self.shown))

    def select(self, path: Path, *, toggle: bool = False, extend: bool = False) -> None:
        """A click: alone, with Ctrl (toggle) or with Shift (extend from the last frame clicked without).

        The current frame, whose settings are synced to the others, stays as long as it is selected.
        """
        if path not in self.frames:
            return
        if extend and self.row(self._anchor) >= 0:
            first, last = sorted((self.row(self._anchor), self.row(path)))
            chosen = set(self.shown[first : last + 1])
        elif toggle:
            chosen = self.selection ^ {path} or {path}
            self._anchor = path
        else:
            self.go(path)
            return
        self._end = path
        self._choose(self.current if self.current in chosen else min(chosen, key=self.row), chosen)

    def extend(self, by: int) -> Path | None:
        """Select so many more or fewer, as Shift with an arrow does. Returns: up to which frame."""
        if self.shown:
            row = self.row(self._end if self._end in self.selection else self.current)
            self.select(self.shown[min(max(row + by, 0), len(self.shown) - 1)], extend=True)
        return self._end

    def select_all(self) -> None:
        """All shown frames; the current one stays."""
        if self.shown:
            self._choose(self.current if self.row(self.current) >= 0 else self.shown[0], set(self.shown))

    def choose(self, paths: set[Path]) -> None:
        """Select these, as far as they are there; the current frame stays."""
        found = paths & set(self.frames)
        if found and self.current is not None:
            self._choose(self.current, found | {self.current})

    def _choose(self, current: Path | None, selection: set[Path]) -> None:
        also = LibraryChange.SELECTION
        if current != self.current:
            also |= LibraryChange.CURRENT
        self.current, self.selection = current, selection
        self.changed.emit(also)

    @property
    def chosen(self) -> list[Path]:
        """The selected frames in shown order; the current one if none is selected."""
        found = [path for path in self.shown if path in self.selection]
        return found or ([self.current] if self.current is not None else [])

    # --- stars, labels, flags, badges ---------------------------------------------------------------------------------

    def take_culls(self, culls: Mapping[Path, Cull]) -> None:
        """Show other stars, labels and flags. A current frame that they filter out makes way for the next."""
        for path, cull in culls.items():
            self.frames[path] = replace(self.frames[path], cull=cull)
        row = self.row(self.current)
        self._touch(culls)
        self._arrange(LibraryChange(0))
        if self.row(self.current) < 0 <= row and self.shown:
            self.go(self.shown[min(row, len(self.shown) - 1)])

    def go_back_to(self, paths: Collection[Path]) -> None:
        """Select these, as far as they are shown; the current frame changes only if it is none of them."""
        found = [path for path in self.shown if path in paths]
        if found:
            self._choose(self.current if self.current in found else found[0], set(found))

    def note_edits(self, path: Path) -> None:
        """The photo's edits have been saved, or taken away."""
        from engine.library import scan

        frame = self.frames.get(path)
        if frame is not None:
            edits, faces = scan.edits_of(path) or (0, 0)
            self._update(path, edits=edits, faces=faces or frame.faces or 0)

    def note_faces(self, path: Path, faces: int) -> None:
        """So many faces were found in the photo."""
        self._update(path, faces=faces)

    def note_delivery(self, delivered: Delivered) -> None:
        """Which photos were exported, which could not be, and what was written."""
        self._written = delivered.written
        left = self._without_exports(self.frames)
        if len(left) < len(self.frames):
            self.frames = left
            self.selection &= set(left)
            self._arrange(LibraryChange.SELECTION)
        exported, failed = {path for path in delivered.done if path in self.frames}, dict(delivered.failed)
        moved = (exported ^ self.exported) | set(failed) ^ set(self.failed)
        self.exported, self.failed = exported, failed
        if moved & set(self.frames):
            self._touch([path for path in moved if path in self.frames])

    def _without_exports(self, found: dict[Path, Frame]) -> dict[Path, Frame]:
        """Without files that were exported of other photos here: those are results, not photos of the shoot.

        The current one, and files that were named one by one, stay."""
        if self.folder is None:
            return found
        return {
            path: frame
            for path, frame in found.items()
            if path == self.current or self._written.get(path, path) == path or self._written[path] not in found
        }

    def _update(self, path: Path, **values: object) -> None:
        frame = self.frames.get(path)
        if frame is not None and replace(frame, **values) != frame:  # type: ignore[arg-type]
            self.frames[path] = replace(frame, **values)  # type: ignore[arg-type]
            self._touch([path])

    def _touch(self, paths: Iterable[Path]) -> None:
        self.touched = frozenset(paths)
        self.changed.emit(LibraryChange.FRAMES)

    # --- problems and the end -----------------------------------------------------------------------------------------

    def fail(self, error: Exception, doing: str) -> None:
        self.problem = Problem.of(error, doing)
        self.changed.emit(LibraryChange.PROBLEM)

    def _stop(self) -> None:
        if self._job is not None:
            self._job.token.cancel()
            self._job, self.scanning = None, False

    def close(self) -> None:
        """Stop looking; what is being saved is saved."""
        self._closed = True
        self._soon.stop()
        self._stop()
        self._hold(None)

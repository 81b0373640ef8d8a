"""Where a person was: folder, photo, selection, filter, order, view, comparison, zoom and the window itself, kept so
that even a kill −9 loses nothing.

The file is small and written whole shortly after every change. A damaged one is as good as none.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, QTimer

from app.viewmodels.compare import CompareModel, Mode
from app.viewmodels.library import Filter, LibraryChange, LibraryModel, Sort, View
from app.viewmodels.viewport import MAX_ZOOM, Viewport
from engine import paths
from engine.library.xmp import Flag, Label

WRITE_MS = 300
LANE = "place"


def place_file() -> Path:
    return paths.user_folder() / "place.json"


class Place(QObject):
    """Follows a library and how before and after are compared, and writes where they are; `restore` goes back there."""

    def __init__(self, library: LibraryModel, compare: CompareModel, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.library, self.compare = library, compare
        self._saved = _read()
        self._written = self._saved
        self._writing = threading.Lock()
        compare.set_mode(_one_of(Mode, self._saved.get("compare"), compare.mode))
        self.following = True
        """Off while copies of another program are worked on: one comes back to where one was before."""
        self.window = _words(self._saved.get("window"))
        """Geometry of the window as its view writes it; empty if none is known."""
        self.page = _words(self._saved.get("page"))
        """The page of the panel."""
        compare.changed.connect(self._compared)
        self.recent: list[Path] = [Path(each) for each in _texts(self._saved.get("recent"))]
        self._remembered = len(self.recent)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(WRITE_MS)
        self._timer.timeout.connect(self._write_aside)
        library.changed.connect(self._follow)
        library.listed.connect(self._listed)

    @property
    def known(self) -> bool:
        """Whether there is a place to go back to."""
        return bool(self._saved.get("folder") or self._saved.get("files"))

    def remember(self, count: int) -> None:
        """How many recent folders are kept, this one among them."""
        self._remembered = count
        if len(self.recent) > count:
            del self.recent[count:]
            self._timer.start()

    def keep(self, *, window: str | None = None, page: str | None = None) -> None:
        """Remember how the window lies, and which page its panel shows."""
        before = self.window, self.page
        self.window, self.page = (self.window if window is None else window), (self.page if page is None else page)
        if (self.window, self.page) != before:
            self._timer.start()

    def restore(self) -> bool:
        """Open what was open. Returns: whether there was something and it still exists."""
        saved, library = self._saved, self.library
        folder, files = saved.get("folder"), [Path(each) for each in _texts(saved.get("files"))]
        current = Path(saved["current"]) if isinstance(saved.get("current"), str) else None
        if isinstance(folder, str) and Path(folder).is_dir():
            library.deep = saved.get("subfolders") is True
            library.open([Path(folder)], current if current and current.exists() else None)
        elif files and any(path.exists() for path in files):
            library.open_files(files, current)
        else:
            return False
        self.compare.expect(_looked(saved.get("look")))
        library.set_filter(_filter(saved.get("filter")))
        library.set_sort(_one_of(Sort, saved.get("sort"), Sort.NAME))
        library.set_view(_one_of(View, saved.get("view"), View.SINGLE))
        chosen = {Path(each) for each in _texts(saved.get("selection"))}

        def select() -> None:
            library.listed.disconnect(select)
            library.choose(chosen)

        library.listed.connect(select)
        return True

    def write(self) -> None:
        """Write at once where the library is now; a place that cannot be written is no error."""
        self._timer.stop()
        self._saved = data = self._here()
        self._put(data)

    def _write_aside(self) -> None:
        """Write it in a worker thread: a busy disk does not stop the window."""
        if not self.library.runner.closed:
            self._saved = data = self._here()
            work = lambda token, report: self._put(data)  # noqa: E731
            self.library.runner.start(LANE, work, lambda _: None, lambda _: None, essential=True)

    def _here(self) -> dict[str, Any]:
        """What the file is to say; where nothing is open, the rest of it stays as any window left it."""
        library, wanted = self.library, self.library.filter
        if not self.following or (not library.frames and library.folder is None):
            same = (self._saved.get("window", ""), self._saved.get("page", "")) == (self.window, self.page)
            return self._saved if same else {"version": 1, **_read(), "window": self.window, "page": self.page}
        return {
            "version": 1,
            "folder": _text(library.folder),
            "files": [] if library.folder else [_text(path) for path in library.frames],
            "current": _text(library.current),
            "selection": [_text(path) for path in sorted(library.selection)],
            "filter": {
                "stars": wanted.stars,
                "flag": None if wanted.flag is None else wanted.flag.value,
                "label": None if wanted.label is None else wanted.label.value,
                "edited": wanted.edited,
                "exported": wanted.exported,
                "faces": wanted.faces,
            },
            "sort": library.sort.value,
            "subfolders": library.deep,
            "view": library.view.value,
            "compare": self.compare.mode.value,
            "look": self._look(),
            "window": self.window,
            "page": self.page,
            "recent": [_text(path) for path in self.recent],
        }

    def _put(self, data: dict[str, Any]) -> None:
        """Write this, unless it is written or there is something newer. In any thread."""
        with self._writing, suppress(OSError):
            if data is self._saved is not self._written:
                place_file().parent.mkdir(parents=True, exist_ok=True)
                paths.write_atomic(place_file(), json.dumps(data, indent=1).encode())
                self._written = data

    def _look(self) -> list[float] | None:
        """Zoom and the fractions of the photo's sides in the middle; None while the whole photo shows."""
        seen = self.compare.seen
        if seen is None or seen.fitted:
            return None
        return [seen.zoom, *(round(at / side, 5) for at, side in zip(seen.centre, seen.photo, strict=True))]

    def _follow(self, change: LibraryChange) -> None:
        if change & ~(LibraryChange.FRAMES | LibraryChange.NOTICE | LibraryChange.PROBLEM):
            self._timer.start()

    def _compared(self) -> None:
        if (self.compare.mode.value, self._look()) != (self._saved.get("compare"), self._saved.get("look")):
            self._timer.start()

    def _listed(self) -> None:
        """A folder was opened: it is the most recent one."""
        folder = self.library.folder
        if folder is not None:
            self.recent = [folder, *(each for each in self.recent if each != folder)][: self._remembered]
            self._timer.start()


def _read() -> dict[str, Any]:
    try:
        data = json.loads(place_file().read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    return data if isinstance(data, dict) and data.get("version") == 1 else {}


def _text(path: Path | None) -> str | None:
    return None if path is None else str(path)


def _words(value: object) -> str:
    return value if isinstance(value, str) else ""


def _looked(value: object) -> Viewport | None:
    """How a photo of 1 × 1 would have been looked at."""
    if not isinstance(value, list) or len(value) != 3 or not all(isinstance(each, int | float) for each in value):
        return None
    zoom, x, y = (float(each) for each in value)
    sane = 0 < zoom <= MAX_ZOOM and 0 <= x <= 1 and 0 <= y <= 1
    return Viewport((1, 1), zoom, (x, y), fitted=False) if sane else None


def _texts(value: object) -> list[str]:
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else []


def _one_of(kind: Any, value: object, default: Any) -> Any:
    return next((each for each in kind if each.value == value), default)


def _filter(value: object) -> Filter:
    """A filter from its saved form; what makes no sense is left out."""
    if not isinstance(value, Mapping):
        return Filter()
    stars = value.get("stars")
    return Filter(
        stars=stars if isinstance(stars, int) and 0 <= stars <= 5 else 0,
        flag=_one_of(Flag, value.get("flag"), None),
        label=_one_of(Label, value.get("label"), None),
        **{name: value.get(name) is True for name in ("edited", "exported", "faces")},
    )

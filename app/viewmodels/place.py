"""Where a person was: folder, photo, selection, filter, order, view and comparison, kept so that even a kill −9 loses
nothing.

The file is small and written whole shortly after every change. A damaged one is as good as none.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, QTimer

from app.viewmodels.compare import CompareModel, Mode
from app.viewmodels.library import Filter, LibraryChange, LibraryModel, Sort, View
from engine import paths
from engine.library.xmp import Flag, Label

WRITE_MS = 300


def place_file() -> Path:
    return paths.user_folder() / "place.json"


class Place(QObject):
    """Follows a library and how before and after are compared, and writes where they are; `restore` goes back there."""

    def __init__(self, library: LibraryModel, compare: CompareModel, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.library, self.compare = library, compare
        self._saved = _read()
        compare.set_mode(_one_of(Mode, self._saved.get("compare"), compare.mode))
        compare.changed.connect(self._compared)
        self.recent: list[Path] = [Path(each) for each in _texts(self._saved.get("recent"))]
        self._remembered = len(self.recent)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(WRITE_MS)
        self._timer.timeout.connect(self.write)
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
        """Write where the library is now; a place that cannot be written is no error."""
        self._timer.stop()
        library, wanted = self.library, self.library.filter
        if not library.frames and library.folder is None:
            return
        data = {
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
            "recent": [_text(path) for path in self.recent],
        }
        try:
            place_file().parent.mkdir(parents=True, exist_ok=True)
            paths.write_atomic(place_file(), json.dumps(data, indent=1).encode())
        except OSError:
            return
        self._saved = data

    def _follow(self, change: LibraryChange) -> None:
        if change & ~(LibraryChange.FRAMES | LibraryChange.NOTICE | LibraryChange.PROBLEM):
            self._timer.start()

    def _compared(self) -> None:
        if self.compare.mode.value != self._saved.get("compare"):
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

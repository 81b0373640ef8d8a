"""Watched folders: which new files have settled, so that a file that a camera still writes is never taken half."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from engine.delivery.ledger import Ledger
    from engine.delivery.recipe import Recipe

Stamp = tuple[int, int]
SETTLE_SECONDS: Final = 2.0
"""A file is settled when its size and time have not changed for so long."""


@dataclass
class Settling:
    """Looks at listings of one folder, one after another. seen: files taken before, or there from the beginning.

    clock: seconds, only ever going forwards.
    """

    clock: Callable[[], float]
    seen: dict[Path, Stamp] = field(default_factory=dict)
    settle: float = SETTLE_SECONDS
    _since: dict[Path, tuple[Stamp, float]] = field(default_factory=dict)

    def look(self, listing: Mapping[Path, Stamp]) -> list[tuple[Path, Stamp]]:
        """Files that have settled since the last look, oldest first, each once; they count as seen from now on.

        A file that changes after it was taken is new again. An empty file is never settled.
        """
        now, ready = self.clock(), []
        for path, stamp in listing.items():
            if self.seen.get(path) == stamp:
                continue
            known, since = self._since.get(path, (None, now))
            if known != stamp:
                self._since[path] = stamp, now
            elif stamp[0] and now - since >= self.settle:
                ready.append((path, stamp))
                self.seen[path] = stamp
        gone = set(self._since) - set(listing)
        for path in (*gone, *(path for path, _ in ready)):
            self._since.pop(path, None)
        return sorted(ready, key=lambda each: (each[1][1], each[0]))

    @property
    def waiting(self) -> int:
        """Files that have not settled yet."""
        return len(self._since)


class Arrivals:
    """Queues the photos of a folder as they settle. What was taken is in the ledger, so a restart takes none twice.

    existing: also those that are there when the folder is watched for the first time.
    """

    def __init__(
        self,
        folder: Path,
        ledger: Ledger,
        recipes: Sequence[Recipe],
        *,
        existing: bool = False,
        clock: Callable[[], float] = time.monotonic,
        settle: float | None = None,
    ) -> None:
        self.folder, self.ledger, self.recipes = folder.resolve(), ledger, tuple(recipes)
        first = not ledger.watched(self.folder)
        if first and not existing:
            ledger.note_seen(self.folder, self._listing().items())
        ledger.watch(self.folder)
        self._listed: frozenset[Path] = frozenset()
        self._settling = Settling(clock, ledger.seen(self.folder), SETTLE_SECONDS if settle is None else settle)

    @property
    def waiting(self) -> int:
        """Files that have not settled yet."""
        return self._settling.waiting

    def look(self) -> list[Path]:
        """Queue what has settled since the last look; what was renamed or removed before its turn waits no longer.

        Raises: ImageReadError if the folder is gone, ExportError.
        """
        from engine.delivery import plan
        from engine.delivery.ledger import State
        from engine.delivery.naming import Subject
        from engine.library.scan import details, of_file

        listing = self._listing()
        gone, self._listed = self._listed - listing.keys(), frozenset(listing)
        if gone:
            lost = [each for each in self.ledger.entries() if each.state is State.WAITING and each.source in gone]
            self.ledger.cancel([each.id for each in lost])
            for each in lost:  # new again, should it come back
                self._settling.seen.pop(each.source, None)
        ready = self._settling.look(listing)
        if not ready:
            return []
        own = self.ledger.written()
        new = [path for path, _ in ready if path not in own]  # none that the queue wrote there itself
        frames = [details(of_file(path)) for path in new]
        subjects = [Subject(frame.path, frame.captured, frame.cull.stars) for frame in frames]
        self.ledger.add(plan.jobs(subjects, self.recipes, self.ledger.promised()))
        self.ledger.note_seen(self.folder, ready)
        return new

    def _listing(self) -> dict[Path, Stamp]:
        from engine.library.scan import list_folder

        frames, _ = list_folder(self.folder)
        return {frame.path: frame.stamp for frame in frames}

"""The export queue on disk: every job that was ever asked for, in order, with what became of it. SQLite, one file.

A job is frozen when it is added: its edits, recipes and names are in the ledger, so a restart goes on exactly. A job
that was running when the program ended waits again. Jobs are never lost: the counts of all states add up.
"""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from collections.abc import Collection, Iterable, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from engine import paths
from engine.errors import ExportError, SidecarError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine.pipeline import RetouchRequest, RetouchResult

VERSION: Final = 1
_TABLES: Final = """
CREATE TABLE IF NOT EXISTS jobs (
  id INTEGER PRIMARY KEY, place REAL NOT NULL, source TEXT NOT NULL, state TEXT NOT NULL, files TEXT NOT NULL,
  job TEXT NOT NULL,
  reason TEXT NOT NULL DEFAULT '', hint TEXT NOT NULL DEFAULT '', code TEXT NOT NULL DEFAULT '',
  outputs TEXT NOT NULL DEFAULT '[]', seconds REAL NOT NULL DEFAULT 0, added REAL NOT NULL, ended REAL);
CREATE INDEX IF NOT EXISTS by_place ON jobs (state, place);
CREATE TABLE IF NOT EXISTS seen (folder TEXT NOT NULL, path TEXT NOT NULL, size INTEGER, mtime INTEGER,
  PRIMARY KEY (folder, path));
CREATE TABLE IF NOT EXISTS delivered (source TEXT PRIMARY KEY, ended REAL NOT NULL);
CREATE TABLE IF NOT EXISTS written (path TEXT PRIMARY KEY, source TEXT NOT NULL);
INSERT OR IGNORE INTO written SELECT value, source FROM jobs, json_each(jobs.outputs)
  WHERE NOT EXISTS (SELECT 1 FROM written);
CREATE TABLE IF NOT EXISTS settings (name TEXT PRIMARY KEY, value TEXT NOT NULL);
"""


class State(StrEnum):
    """What became of a job."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    SKIPPED = "skipped"
    FAILED = "failed"
    CANCELLED = "cancelled"


OPEN: Final = (State.WAITING, State.RUNNING)
AGAIN: Final = (State.FAILED, State.CANCELLED, State.SKIPPED)
"""States of jobs that can be tried again."""


@dataclass(frozen=True)
class Job:
    """One photo to be delivered: its frozen request as JSON. `broken`: why it cannot even begin, or empty."""

    source: Path
    data: dict[str, Any]
    broken: str = ""
    hint: str = ""


@dataclass(frozen=True)
class Entry:
    """A job in the ledger. files: (folder, stem, recipe) of what it writes. reason, hint: one sentence each for failed
    and skipped. outputs: what it wrote. data: the frozen request, only of a job that was taken."""

    id: int
    source: Path
    state: State
    files: tuple[tuple[Path, str, str], ...] = ()
    reason: str = ""
    hint: str = ""
    code: str = ""
    outputs: tuple[Path, ...] = ()
    seconds: float = 0.0
    data: dict[str, Any] = field(default_factory=dict)


def ledger_file() -> Path:
    return paths.user_folder() / "queue.sqlite"


def frozen(request: RetouchRequest) -> Job:
    """A request as a job, to be restored by `thawed`. Only what the queue uses is kept."""
    deliveries = [
        {
            "folder": str(each.target.folder),
            "stem": each.target.stem,
            "recipe": each.recipe.as_json(),
        }
        for each in request.deliveries
    ]
    edits = None if request.edits is None else request.edits.model_dump(mode="json")
    return Job(request.source, {"deliveries": deliveries, "edits": edits})


def thawed(entry: Entry) -> RetouchRequest:
    """The request of a job. Raises: ExportError if it makes no sense (it was written by another version)."""
    from engine.delivery.recipe import Recipe
    from engine.outputs import Target
    from engine.pipeline import Delivery, RetouchRequest
    from engine.sidecar import parse

    try:
        deliveries = tuple(
            Delivery(Target(Path(each["folder"]), each["stem"]), Recipe.model_validate(each["recipe"]))
            for each in entry.data["deliveries"]
        )
        edits = entry.data.get("edits")
        saved = None if edits is None else parse(edits, entry.source.name)
    except (KeyError, TypeError, ValueError, SidecarError) as error:
        message = f"The job of {entry.source.name} was written by another version of Porelight."
        raise ExportError(message, "Export the photo again.", cause=str(error)) from error
    own = bool(entry.data.get("again")) and all(each.recipe.existing == "rename" for each in deliveries)
    return RetouchRequest(entry.source, deliveries, edits=saved, inputs=frozenset({entry.source}), overwrite=own)


class Ledger:
    """The queue's file. Several threads may use it, and several programs have it open. Raises: ExportError."""

    def __init__(self, path: Path | None = None) -> None:
        self.path = path or ledger_file()
        self._guard = threading.RLock()
        with self._told():
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._base = self._opened()

    def _opened(self) -> sqlite3.Connection:
        try:
            return self._connect()
        except sqlite3.DatabaseError as error:
            if isinstance(error, sqlite3.OperationalError):
                raise
            # Kept under another name, so that nothing is lost that could be repaired.
            self.path.replace(paths.spare_name(self.path, "damaged"))
            for rest in ("-wal", "-shm"):
                with suppress(OSError):
                    self.path.with_name(self.path.name + rest).unlink()
            return self._connect()

    def _connect(self) -> sqlite3.Connection:
        base = sqlite3.connect(self.path, timeout=5, isolation_level=None, check_same_thread=False)
        try:
            base.execute("PRAGMA journal_mode=WAL")
            base.execute("PRAGMA synchronous=NORMAL")
            if base.execute("PRAGMA user_version").fetchone()[0] > VERSION:
                raise ExportError("The export queue was written by a newer Porelight.", "Update Porelight.")
            base.executescript(_TABLES)
            base.execute(f"PRAGMA user_version={VERSION}")
        except BaseException:
            base.close()
            raise
        return base

    def close(self) -> None:
        self._base.close()

    # --- adding and changing ------------------------------------------------------------------------------------------

    def add(self, jobs: Iterable[Job]) -> list[int]:
        """Append jobs, all or none. One that is broken is added as failed. Returns: their ids."""
        ids = []
        with self._change():
            place = self._one("SELECT COALESCE(MAX(place), 0) FROM jobs")
            for number, job in enumerate(jobs, 1):
                state = State.FAILED if job.broken else State.WAITING
                names = [[each["folder"], each["stem"], each["recipe"]["name"]] for each in job.data["deliveries"]]
                row = (place + number, str(job.source), state.value, json.dumps(names), json.dumps(job.data))
                done = self._base.execute(
                    "INSERT INTO jobs (place, source, state, files, job, reason, hint, added) "
                    "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                    (*row, job.broken, job.hint, time.time()),
                )
                ids.append(int(done.lastrowid or 0))
        return ids

    def take(self) -> Entry | None:
        """The first waiting job, which is running from now on."""
        with self._change():
            row = self._row("WHERE state = 'waiting' ORDER BY place LIMIT 1")
            if row is None:
                return None
            self._base.execute("UPDATE jobs SET state = 'running' WHERE id = ?", (row.id,))
            data = json.loads(self._one("SELECT job FROM jobs WHERE id = ?", row.id))
        return replace(row, state=State.RUNNING, data=data)

    def finish(self, id: int, result: RetouchResult, seconds: float) -> None:
        """What became of a running job; one that was cancelled meanwhile stays so."""
        outputs = json.dumps([str(path) for path in result.outputs])
        with self._change():
            self._base.execute(
                "UPDATE jobs SET state = ?, reason = ?, hint = ?, code = ?, outputs = ?, seconds = ?, ended = ? "
                "WHERE id = ? AND state = 'running'",
                (result.status.value, result.reason, result.hint, result.code, outputs, seconds, time.time(), id),
            )
            if result.outputs:
                row = (str(result.source), time.time())
                self._base.execute("INSERT OR REPLACE INTO delivered VALUES (?, ?)", row)
            rows = [(str(path), str(result.source)) for path in result.outputs]
            self._base.executemany("INSERT OR REPLACE INTO written VALUES (?, ?)", rows)

    def put_back(self, id: int) -> None:
        """A running job waits again, at its old place."""
        self._wait_again("AND id = ?", id)

    def recover(self) -> int:
        """All running jobs wait again: the program that ran them is gone. Returns: how many."""
        return self._wait_again("")

    def _wait_again(self, which: str, *values: object) -> int:
        """What such a job has written already, it may replace."""
        done = "UPDATE jobs SET state = 'waiting', job = json_set(job, '$.again', 1) WHERE state = 'running' "
        with self._change():
            return self._base.execute(done + which, values).rowcount

    def cancel(self, ids: Collection[int]) -> None:
        """Waiting and running jobs are cancelled; the program that runs one stops it by itself."""
        self._set(ids, State.CANCELLED, OPEN)

    def retry(self, ids: Collection[int]) -> None:
        """Failed, cancelled and skipped jobs wait again."""
        self._set(ids, State.WAITING, AGAIN)

    def remove(self, ids: Collection[int]) -> None:
        """Forget jobs that have ended."""
        with self._change():
            for id in ids:
                self._base.execute("DELETE FROM jobs WHERE id = ? AND state NOT IN ('waiting', 'running')", (id,))

    def move(self, ids: Sequence[int], before: int | None) -> None:
        """Put waiting jobs, in the order given, before another job, or at the end."""
        with self._change():
            order = [row[0] for row in self._base.execute("SELECT id FROM jobs ORDER BY place") if row[0] not in ids]
            at = order.index(before) if before in order else len(order)
            order[at:at] = ids
            self._base.executemany("UPDATE jobs SET place = ? WHERE id = ?", list(enumerate(order, 1)))

    def _set(self, ids: Collection[int], state: State, allowed: Sequence[State]) -> None:
        marks = ", ".join(f"'{each.value}'" for each in allowed)
        with self._change():
            for id in ids:
                self._base.execute(
                    f"UPDATE jobs SET state = ?, reason = '', hint = '', code = '' WHERE id = ? AND state IN ({marks})",
                    (state.value, id),
                )

    # --- asking -------------------------------------------------------------------------------------------------------

    def entries(self) -> list[Entry]:
        """All jobs in order."""
        with self._told():
            return [_entry(row) for row in self._base.execute(_SELECT + "ORDER BY place")]

    def entry(self, id: int) -> Entry | None:
        with self._told():
            return self._row("WHERE id = ?", id)

    def counts(self) -> dict[State, int]:
        """How many jobs are in which state; they add up to all jobs."""
        with self._told():
            found = dict(self._base.execute("SELECT state, COUNT(*) FROM jobs GROUP BY state").fetchall())
        return {state: found.get(state.value, 0) for state in State}

    def delivered(self) -> set[Path]:
        """Photos that were exported, whether or not their jobs are still listed."""
        with self._told():
            return {Path(row[0]) for row in self._base.execute("SELECT source FROM delivered")}

    def written(self) -> dict[Path, Path]:
        """Every file that a job wrote → the photo it was made of, whether or not the job is still listed."""
        with self._told():
            return {Path(path): Path(source) for path, source in self._base.execute("SELECT * FROM written")}

    def troubles(self) -> dict[Path, str]:
        """Photos whose last job failed, with the reason."""
        query = "SELECT source, state, reason FROM jobs WHERE ended IS NOT NULL OR state = 'failed' ORDER BY ended, id"
        with self._told():
            last = {row[0]: (row[1], row[2]) for row in self._base.execute(query)}
        return {Path(source): reason for source, (state, reason) in last.items() if state == State.FAILED.value}

    def promised(self) -> list[tuple[Path, str]]:
        """(folder, stem) of every file that open jobs will write, so that no other takes its name."""
        open_ = [entry for entry in self.entries() if entry.state in OPEN]
        return [(folder, name) for entry in open_ for folder, name, _ in entry.files]

    def seconds(self, last: int = 12) -> float | None:
        """Mean seconds of the last jobs done, None before the first."""
        query = "SELECT AVG(seconds) FROM (SELECT seconds FROM jobs WHERE state = 'done' ORDER BY ended DESC LIMIT ?)"
        with self._told():
            value = self._one(query, last)
        return None if value is None else float(value)

    @property
    def paused(self) -> bool:
        return self.setting("paused") == "1"

    @paused.setter
    def paused(self, paused: bool) -> None:
        self.remember("paused", "1" if paused else "0")

    def setting(self, name: str) -> str:
        """A remembered setting, empty if there is none."""
        with self._told():
            row = self._base.execute("SELECT value FROM settings WHERE name = ?", (name,)).fetchone()
        return "" if row is None else str(row[0])

    def remember(self, name: str, value: str) -> None:
        with self._change():
            self._base.execute("INSERT OR REPLACE INTO settings VALUES (?, ?)", (name, value))

    # --- watched folders ----------------------------------------------------------------------------------------------

    def seen(self, folder: Path) -> dict[Path, tuple[int, int]]:
        """Files of a watched folder that were taken before, with their stamps."""
        with self._told():
            rows = self._base.execute("SELECT path, size, mtime FROM seen WHERE folder = ?", (str(folder),)).fetchall()
        return {Path(path): (size, mtime) for path, size, mtime in rows}

    def watched(self, folder: Path) -> bool:
        """Whether the folder was watched before."""
        return bool(self.setting(f"watched {folder}"))

    def watch(self, folder: Path) -> None:
        """The folder is watched from now on."""
        self.remember(f"watched {folder}", "1")

    def note_seen(self, folder: Path, files: Iterable[tuple[Path, tuple[int, int]]]) -> None:
        with self._change():
            for path, (size, mtime) in files:
                row = (str(folder), str(path), size, mtime)
                self._base.execute("INSERT OR REPLACE INTO seen VALUES (?, ?, ?, ?)", row)

    # --- inside -------------------------------------------------------------------------------------------------------

    def _row(self, where: str, *values: object) -> Entry | None:
        row = self._base.execute(_SELECT + where, values).fetchone()
        return None if row is None else _entry(row)

    def _one(self, query: str, *values: object) -> Any:
        return self._base.execute(query, values).fetchone()[0]

    @contextmanager
    def _change(self) -> Iterator[None]:
        """One transaction: everything inside happens, or nothing."""
        with self._told():
            self._base.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._base.execute("ROLLBACK")
                raise
            self._base.execute("COMMIT")

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            with self._guard:
                yield
        except (sqlite3.Error, OSError) as error:
            raise ExportError(
                f"The export queue {self.path.name} cannot be used: {error}.",
                "Check that the disk is not full and that its folder can be written.",
            ) from error


_SELECT: Final = "SELECT id, source, state, files, reason, hint, code, outputs, seconds FROM jobs "


def _entry(row: Sequence[Any]) -> Entry:
    files = tuple((Path(folder), name, recipe) for folder, name, recipe in json.loads(row[3]))
    outputs = tuple(Path(each) for each in json.loads(row[7]))
    return Entry(row[0], Path(row[1]), State(row[2]), files, row[4], row[5], row[6], outputs, row[8])

"""The store of picks: one SQLite file to which rows are only ever appended.

Every row is a record of `records` as canonical JSON, with a chain value: the SHA-256 of the row before and of this row.
So a changed, lost or swapped row is found, and what was there before it can still be trusted. Taking back is a new row.
Triggers forbid UPDATE and DELETE; several processes may append at once; other computers' stores are merged by row id.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, NamedTuple, TypeVar

import numpy as np
from pydantic import ValidationError

from engine import paths
from engine.errors import EngineError
from engine.types import F32
from trainer.picks.records import (
    Candidate,
    Features,
    PhotoFile,
    Pick,
    Undo,
    Withdrawal,
    _Record,
)

VERSION: Final = 1
APPLICATION_ID: Final = 0x506F7265
"""Marks the file as a store of picks ("Pore")."""
WAIT_SECONDS: Final = 10.0

_SCHEMA: Final = """
CREATE TABLE rows (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    body TEXT NOT NULL,
    chain BLOB NOT NULL
) STRICT;
CREATE TRIGGER rows_are_not_changed BEFORE UPDATE ON rows BEGIN SELECT RAISE(ABORT, 'rows are only appended'); END;
CREATE TRIGGER rows_are_not_removed BEFORE DELETE ON rows BEGIN SELECT RAISE(ABORT, 'rows are only appended'); END;
"""
_KINDS: Final[dict[str, type[_Record]]] = {
    "photo": PhotoFile,
    "candidate": Candidate,
    "pick": Pick,
    "features": Features,
    "undo": Undo,
    "withdrawal": Withdrawal,
}
R = TypeVar("R", bound=_Record)


class PickStoreError(EngineError):
    """A store of picks cannot be read or written."""

    code = "picks"


class Row(NamedTuple):
    """One row as it lies in the file."""

    id: str
    kind: str
    body: str


class PickStore:
    """An open store. Reading never writes; `damage` says what was found wrong on opening, "" for a sound file.

    Of a damaged store everything before the damage can be read, and nothing appended (`repair` makes it sound again).
    """

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self.path = path
        self._connection = connection
        self._rows: list[Row] = []
        self._parsed: dict[str, _Record] = {}
        self._chain = b""
        self.damage = ""
        self._load()

    @classmethod
    def open(cls, path: Path, *, create: bool = False) -> PickStore:
        """Open a store to read and append; with `create` an empty one is made where none is.

        Raises: PickStoreError if there is none, it is no store of picks, or a newer version wrote it.
        """
        there = path.exists()
        if not there and not create:
            raise PickStoreError(f"There is no store of picks {path.name}.", "Name the file that holds the picks.")
        with _translated(path):
            if not there:
                path.parent.mkdir(parents=True, exist_ok=True)
                _create(path)
            _check_version(path)
            connection = sqlite3.connect(path, timeout=WAIT_SECONDS, isolation_level=None)
        try:
            with _translated(path):
                return cls(path, connection)
        except BaseException:
            connection.close()
            raise

    def close(self) -> None:
        self._connection.close()

    def __enter__(self) -> PickStore:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # --- appending ----------------------------------------------------------------------------------------------------

    def append(self, *records: _Record) -> tuple[str, ...]:
        """Append records in one step, all or none; those already there are left out.

        Returns: row ids, in order. Raises: PickStoreError (full disk, no rights, damaged store).
        """
        rows = [Row(_row_id(record), _kind(record), record.body) for record in records]
        self._insert(rows)
        return tuple(row.id for row in rows)

    def merge(self, other: PickStore) -> int:
        """Append the rows of another computer's store that are not here yet; again changes nothing.

        Returns: how many were new. Raises: PickStoreError.
        """
        return self._insert(other._rows)

    def undo(self, *picks: str) -> None:
        """Take picks back, all or none. Raises: PickStoreError if one of them does not count."""
        counted = {each.id for each in self.picks()}
        for pick in picks:
            if pick not in counted:
                raise PickStoreError(f"There is no pick {pick}.", "It was taken back already, or never made.")
        self.append(*(Undo(pick=pick) for pick in picks))

    def withdraw(self, photo: str, time: str) -> int:
        """Take all picks of a photo (its SHA-256) back for good. Returns: how many. Raises: PickStoreError."""
        count = sum(each.photo == photo for each in self.picks())
        if not count and photo not in {each.photo for each in self.candidates().values()}:
            raise PickStoreError("The store knows no such photo.", "Name a photo that was picked from.")
        self.append(Withdrawal(photo=photo, time=time))
        return count

    def _insert(self, rows: Sequence[Row]) -> int:
        self.require_sound()
        with _translated(self.path):
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                self._load_after(len(self._rows))
                known = {row.id for row in self._rows}
                new: list[tuple[int, str, str, str, bytes]] = []
                chain = self._chain
                for row in rows:
                    if row.id in known:
                        continue
                    known.add(row.id)
                    chain = _link(chain, row)
                    new.append((len(self._rows) + len(new) + 1, *row, chain))
                self._connection.executemany("INSERT INTO rows VALUES (?, ?, ?, ?, ?)", new)
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise
        self._rows += [Row(*each[1:4]) for each in new]
        self._chain = chain
        return len(new)

    # --- reading ------------------------------------------------------------------------------------------------------

    def picks(self, rows: int | None = None) -> list[Pick]:
        """All picks that count, in the order they were made: not taken back, their photo not withdrawn.

        rows: as of when the store had so many rows; a withdrawal counts whenever it came.
        """
        undone = {each.pick for each in self._records(Undo, rows)}
        withdrawn = self.withdrawn()
        return [each for each in self._records(Pick, rows) if each.id not in undone and each.photo not in withdrawn]

    def withdrawn(self) -> frozenset[str]:
        """SHA-256 of withdrawn photos."""
        return frozenset(each.photo for each in self._records(Withdrawal))

    def candidates(self) -> dict[str, Candidate]:
        """Id → candidate, those of withdrawn photos left out."""
        withdrawn = self.withdrawn()
        found = {row.id: self._parse(row, Candidate) for row in self._rows if row.kind == "candidate"}
        return {key: each for key, each in found.items() if each.photo not in withdrawn}

    def places(self, sha256: str) -> tuple[Path, ...]:
        """Where a file with these bytes was seen, the latest first."""
        return tuple(Path(each.path) for each in reversed(self._records(PhotoFile)) if each.sha256 == sha256)

    def features(self, version: int, names: Sequence[str], lacking: Collection[str] = ()) -> dict[str, F32]:
        """Candidate id → features of these names, where all of them were measured in this version; of those in
        `lacking` NaN where they were not."""
        known: dict[str, dict[str, float]] = {}
        for each in self._records(Features):
            if each.version == version:
                known.setdefault(each.candidate, {}).update(zip(each.names, each.values, strict=True))
        wanted = set(names) - set(lacking)
        found = {key: values for key, values in known.items() if wanted <= values.keys()}
        return {
            key: np.array([values.get(name, np.nan) for name in names], np.float32) for key, values in found.items()
        }

    def refresh(self) -> None:
        """Take in what other processes appended meanwhile."""
        with _translated(self.path):
            self._load_after(len(self._rows))

    def __len__(self) -> int:
        """Rows that can be trusted."""
        return len(self._rows)

    def require_sound(self) -> None:
        """Raises: PickStoreError with `damaged` in its context if something is wrong."""
        if self.damage:
            raise PickStoreError(
                f"The store of picks {self.path.name} is damaged: {self.damage}.",
                "Run `porelight picks verify --repair`; nothing was added.",
                damaged=True,
            )

    def repair(self) -> Path:
        """Write all rows that can be trusted to a fresh file in this one's place; the damaged one is kept beside it.

        Returns: the damaged file's new name. The store must be opened again. Raises: PickStoreError.
        """
        rows = list(self._rows)
        self.close()
        fresh = self.path.with_name(f".{self.path.name}.repaired")
        with _translated(self.path):
            fresh.unlink(missing_ok=True)
            with PickStore.open(fresh, create=True) as store:
                store._insert(rows)
            kept = paths.spare_name(self.path, "damaged")
            self.path.replace(kept)
            journal = self.path.with_name(self.path.name + "-journal")
            journal.unlink(missing_ok=True)
            fresh.replace(self.path)
        return kept

    # --- inside -------------------------------------------------------------------------------------------------------

    def _load(self) -> None:
        """Read and prove all rows; stop at the first that cannot be trusted."""
        try:
            self._load_after(0)
        except sqlite3.DatabaseError as error:
            if not _corrupt(error):
                raise
            self._salvage()
        if not self.damage:
            self.damage = self._integrity()

    def _salvage(self) -> None:
        """Read as far as a broken file goes. SQLite opens one that is shorter than it says only in this mode."""
        self.damage = f"it breaks off after row {len(self._rows)}"
        with suppress(sqlite3.DatabaseError):
            self._connection.execute("PRAGMA writable_schema = ON")
            self._load_after(len(self._rows))
        self.damage = f"it breaks off after row {len(self._rows)}"

    def _load_after(self, seq: int) -> None:
        cursor = self._connection.execute(
            "SELECT seq, id, kind, body, chain FROM rows WHERE seq > ? ORDER BY seq", (seq,)
        )
        for number, id, kind, body, chain in cursor:
            row = Row(id, kind, body)
            expected = _link(self._chain, row)
            if number != len(self._rows) + 1 or chain != expected:
                self.damage = f"row {len(self._rows) + 1} is not what was written"
                return
            self._rows.append(row)
            self._chain = expected

    def _integrity(self) -> str:
        """SQLite's own check of the file, as the end of a sentence; "" if all is well."""
        try:
            (found,) = self._connection.execute("PRAGMA integrity_check(1)").fetchone()
            return "" if found == "ok" else f"the file's structure is broken ({str(found).splitlines()[-1]})"
        except sqlite3.DatabaseError as error:
            return f"the file's structure is broken ({error})"

    def _records(self, kind: type[R], rows: int | None = None) -> list[R]:
        """rows: of the first so many, all if None."""
        name = next(name for name, each in _KINDS.items() if each is kind)
        return [self._parse(row, kind) for row in self._rows[:rows] if row.kind == name]

    def _parse(self, row: Row, kind: type[R]) -> R:
        known = self._parsed.get(row.id)
        if isinstance(known, kind):
            return known
        try:
            found = self._parsed[row.id] = kind.model_validate_json(row.body)
            return found
        except ValidationError as error:
            first = error.errors()[0]
            raise PickStoreError(
                f"The store of picks {self.path.name} holds a {row.kind} that cannot be read: {first['msg']}.",
                "Update Porelight.",
            ) from error


def default_store() -> Path:
    """The person's own store."""
    return paths.user_folder() / "picks.sqlite"


def repair(path: Path) -> Path:
    """Put all that can be trusted of a damaged store into a fresh one in its place: nothing, if the file is no store
    any more. The damaged file is kept beside it.

    Returns: the damaged file's new name. Raises: PickStoreError.
    """
    if is_store(path):
        with PickStore.open(path) as store:
            return store.repair()
    with _translated(path):
        kept = paths.spare_name(path, "damaged")
        path.replace(kept)
        _create(path)
    return kept


def is_store(path: Path) -> bool:
    """Whether a file is a store of picks, of whatever version."""
    try:
        with path.open("rb") as file:
            header = file.read(100)
    except OSError:
        return False
    return header.startswith(b"SQLite format 3\0") and header[68:72] == APPLICATION_ID.to_bytes(4)


def with_files(store: PickStore, files: Mapping[str, Path]) -> None:
    """Note where files were seen: SHA-256 → path. Raises: PickStoreError."""
    store.append(*(PhotoFile(sha256=key, path=str(path.resolve())) for key, path in files.items()))


def with_features(
    store: PickStore, version: int, names: Sequence[str], measured: Mapping[str, Iterable[float]]
) -> None:
    """Keep measured features: candidate id → values. Raises: PickStoreError."""
    store.append(
        *(
            Features(candidate=key, version=version, names=tuple(names), values=tuple(float(v) for v in values))
            for key, values in measured.items()
        )
    )


def _create(path: Path) -> None:
    """An empty store, whole or not at all."""
    memory = sqlite3.connect(":memory:")
    memory.executescript(f"PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {VERSION}; {_SCHEMA}")
    try:
        paths.write_atomic(path, memory.serialize(), overwrite=False)
    finally:
        memory.close()


def _check_version(path: Path) -> None:
    """Raises: PickStoreError if the file is no store or a newer one's; OSError. Nothing is changed."""
    with path.open("rb") as file:
        header = file.read(100)
    if not is_store(path):
        hint = "Name the file that holds the picks; this one is damaged, or another file."
        raise PickStoreError(f"{path.name} is not a store of picks.", hint, damaged=True)
    version = int.from_bytes(header[60:64])
    if version > VERSION:
        raise PickStoreError(
            f"The store of picks {path.name} was written by a newer Porelight (format {version}, known is {VERSION}).",
            "Update Porelight; the file is left as it is.",
        )


def _corrupt(error: sqlite3.DatabaseError) -> bool:
    return getattr(error, "sqlite_errorname", "").startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB"))


def _link(before: bytes, row: Row) -> bytes:
    """The chain value of a row after one with value `before`."""
    data = "\x00".join(map(str, row)).encode()  # a broken file may give nothing where text was
    return hashlib.sha256(before + hashlib.sha256(data).digest()).digest()


def _row_id(record: _Record) -> str:
    """Content decides the id of everything but picks, whose id is random."""
    if isinstance(record, (Pick, Candidate)):
        return record.id
    if isinstance(record, Features):
        names = hashlib.sha256(" ".join(record.names).encode()).hexdigest()[:8]
        return f"{record.candidate}-features-{record.version}-{names}"
    return hashlib.sha256(f"{_kind(record)} {record.body}".encode()).hexdigest()[:32]


def _kind(record: _Record) -> str:
    return next(name for name, kind in _KINDS.items() if type(record) is kind)


@contextmanager
def _translated(path: Path) -> Iterator[None]:
    """SQLite's and the system's errors as sentences."""
    try:
        yield
    except sqlite3.Error as error:
        name = getattr(error, "sqlite_errorname", "")
        if name == "SQLITE_FULL":
            message, hint = "cannot grow: the disk is full", "Free space; what was recorded before is safe."
        elif name.startswith("SQLITE_READONLY") or name.startswith("SQLITE_CANTOPEN"):
            message, hint = "cannot be opened or written", "Check the rights of the file and its folder."
        elif name in ("SQLITE_BUSY", "SQLITE_LOCKED"):
            message, hint = "is in use by another program", "Close that program, or try again."
        else:
            message, hint = f"cannot be used ({error})", "Run `porelight picks verify` on it."
        raise PickStoreError(f"The store of picks {path.name} {message}.", hint) from error
    except FileExistsError as error:
        raise PickStoreError(f"{path.name} was made by another program just now.", "Try again.") from error
    except OSError as error:
        reason = error.strerror or str(error)
        raise PickStoreError(
            f"The store of picks {path.name} cannot be written: {reason}.", "Free space or change the rights."
        ) from error

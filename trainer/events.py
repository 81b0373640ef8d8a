"""What a run tells: one JSON object `{v, seq, t, kind, …}` a line, read by the window and the command line alike.

A training that is killed and resumed repeats the steps after its last checkpoint: of several events of one kind and
step the last counts (`by_step`).
"""

from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Final

from engine.errors import ExportError

VERSION: Final = 1


@dataclass(frozen=True)
class Event:
    """seq: counts from 1 without gaps. t: seconds since 1970. data: everything else, plain JSON values."""

    seq: int
    t: float
    kind: str
    data: Mapping[str, Any] = field(default_factory=dict)


class EventLog:
    """Appends to one file; opening it cuts off a last line that a crash left unfinished. last: when the last event was
    written that was there before.

    Raises: ExportError where the file cannot be written, such as on a full disk.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            events, size = _scan(path.read_bytes()) if path.exists() else ([], 0)
            self._file: IO[bytes] = path.open("ab")
            self._file.truncate(size)
        except OSError as error:
            raise _unwritable(path, error) from error
        self.seq, self.last = (events[-1].seq, events[-1].t) if events else (0, 0.0)

    def write(self, kind: str, **data: Any) -> Event:
        """Append one event, flushed to the operating system. Numbers that are not finite become null."""
        event = Event(self.seq + 1, time.time(), kind, _plain(data))
        line = {"v": VERSION, "seq": event.seq, "t": round(event.t, 3), "kind": kind, **event.data}
        try:
            self._file.write((json.dumps(line, ensure_ascii=True, allow_nan=False) + "\n").encode())
            self._file.flush()
        except OSError as error:
            raise _unwritable(self.path, error) from error
        self.seq = event.seq
        return event

    def close(self) -> None:
        self._file.close()

    def __enter__(self) -> EventLog:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def read(path: Path) -> list[Event]:
    """Finished events; none if there is no file yet. An unfinished last line is left alone."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return []
    return _scan(data)[0]


class Tail:
    """Follows a file that another process appends to; `poll` gives what is new and never blocks."""

    def __init__(self, path: Path) -> None:
        self.path, self._offset, self._rest = path, 0, b""

    def poll(self) -> list[Event]:
        try:
            with self.path.open("rb") as file:
                if os.fstat(file.fileno()).st_size < self._offset:  # begun anew
                    self._offset, self._rest = 0, b""
                file.seek(self._offset)
                new = file.read()
        except FileNotFoundError:
            return []
        self._offset += len(new)
        whole, _, self._rest = (self._rest + new).rpartition(b"\n")
        return _scan(whole + b"\n")[0] if whole else []


def by_step(events: Iterable[Event], kind: str) -> dict[int, Event]:
    """Step → the last event of that kind with that `step`, in order of steps."""
    found = {int(event.data["step"]): event for event in events if event.kind == kind and "step" in event.data}
    return dict(sorted(found.items()))


def _scan(data: bytes) -> tuple[list[Event], int]:
    """All whole events, and the length of the file up to the end of the last of them."""
    events, size = [], 0
    for line in data.splitlines(keepends=True):
        try:
            values = json.loads(line)
            event = Event(values.pop("seq"), values.pop("t"), values.pop("kind"), values)
        except (ValueError, KeyError, AttributeError, TypeError):
            break
        if not line.endswith(b"\n"):
            break
        values.pop("v", None)
        events.append(event)
        size += len(line)
    return events, size


def _plain(value: Any) -> Any:
    """Plain JSON data: mappings, lists, strings, finite numbers, booleans and null."""
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(each) for each in value]
    if isinstance(value, (str, bool, int)) or value is None:
        return value
    if hasattr(value, "item"):
        return _plain(value.item())
    if isinstance(value, float):
        return float(f"{value:.6g}") if math.isfinite(value) else None
    return str(value)


def _unwritable(path: Path, error: OSError) -> ExportError:
    return ExportError(
        f"The run's events ({path.name}) cannot be written: {error.strerror}.", "Free space or choose another --out."
    )

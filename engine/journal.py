"""Journals: the history of a photo's edits, appended record by record, so that it outlives the program however it ends.

One JSON record a line in the person's own folder. A record is written in one call and needs no other: a line that was
cut off by a kill or a full disk is skipped. What is brushed is written once, and named by its checksum afterwards.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import ValidationError

from engine import paths
from engine.proposal import ProposalSpec
from engine.sidecar import FaceEntry, Strict
from engine.types import Box

VERSION: Final = 2
KNOWN: Final = (1, VERSION)
"""Version 1 knew no doubted faces."""


class Record(Strict):
    """push: a new state. at: undo or redo to entry `position`. snapshot, forget: a named state.

    key, merge: see `app.viewmodels.history`. faces, proposal, boxes: as in a sidecar.
    """

    kind: Literal["push", "at", "snapshot", "forget"]
    label: str = ""
    time: str = ""
    key: str = ""
    merge: bool = False
    position: int = 0
    faces: tuple[FaceEntry, ...] = ()
    proposal: ProposalSpec | None = None
    boxes: tuple[Box, ...] | None = None


def journal_file(photo: Path, size: tuple[int, int]) -> Path:
    """Where a photo's journal lies; another picture size under the same name is another photo."""
    return paths.user_folder() / "history" / f"{paths.own_name(photo)}-{size[0]}x{size[1]}.jsonl"


class Journal:
    """One photo's journal."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.writable = True
        """False if a newer version wrote here; then nothing is added."""
        self._blobs: set[str] = set()

    def read(self) -> list[Record]:
        """All records that are whole, oldest first. Raises: OSError, but not if there is no journal."""
        try:
            lines = self.path.read_bytes().split(b"\n")
        except FileNotFoundError:
            return []
        blobs: dict[str, str] = {}
        return list(self._records(lines, blobs))

    def _records(self, lines: list[bytes], blobs: dict[str, str]) -> Iterator[Record]:
        for line in lines:
            try:
                data = json.loads(line)
                version = data.pop("v")
            except (ValueError, KeyError, AttributeError, RecursionError):
                continue
            if version not in KNOWN:
                self.writable = False
            elif "blob" in data:
                blobs[data["blob"]] = data.get("data", "")
                self._blobs.add(data["blob"])
            else:
                with contextlib.suppress(ValidationError, KeyError, AttributeError, TypeError):
                    _fill(data, blobs)
                    yield Record.model_validate_json(json.dumps(data))

    def append(self, record: Record) -> None:
        """Add a record; nothing that runs afterwards can lose it but a failing disk. Raises: OSError."""
        if not self.writable:
            return
        data = record.model_dump(mode="json", exclude_defaults=True) | {"v": VERSION, "kind": record.kind}
        lines = [*self._new_blobs(data), data]
        text = "".join(json.dumps(line, separators=(",", ":")) + "\n" for line in lines).encode()
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("ab+", buffering=0) as file:
            if file.tell():
                file.seek(-1, 2)
                if file.read(1) != b"\n":
                    text = b"\n" + text
            file.write(text)

    def _new_blobs(self, data: dict[str, Any]) -> list[dict[str, Any]]:
        """Take what is brushed out of a record. Returns: the lines that hold what is not in the file yet."""
        new = []
        for entry in _brushed(data):
            content = entry["data"]
            name = hashlib.sha256(content.encode()).hexdigest()[:24]
            if name not in self._blobs:
                self._blobs.add(name)
                new.append({"v": VERSION, "blob": name, "data": content})
            entry["data"] = f"@{name}"
        return new


def _fill(data: dict[str, Any], blobs: dict[str, str]) -> None:
    for entry in _brushed(data):
        entry["data"] = blobs[entry["data"].removeprefix("@")]


def _brushed(data: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for face in data.get("faces", ()):
        yield from face.get("brushwork", {}).values()

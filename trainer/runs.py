"""The folder of one training: manifest, events, requests, checkpoints, and a lock against a second training.

RUN/manifest.json      what is trained from what; written once
RUN/events.jsonl       `events`
RUN/control/           `control`
RUN/checkpoints/       step-000020/…, each written whole or not at all
RUN/lock               held by the training process; the system lets go of it when the process dies, however it dies
"""

from __future__ import annotations

import hashlib
import json
import secrets
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Final

from engine import paths
from engine.clock import now
from engine.errors import EngineError
from engine.locks import FileLock
from trainer.control import Control
from trainer.events import Event, read

VERSION: Final = 1
MANIFEST: Final = "manifest.json"
EVENTS: Final = "events.jsonl"
KEPT_CHECKPOINTS: Final = 3
LOCK_SECONDS: Final = 0.5
"""How long a training tries for its lock: who looks whether it runs holds the lock for a moment too."""


class RunError(EngineError):
    """A run folder is damaged, in use, or not what is asked of it."""

    code = "run"


@dataclass(frozen=True)
class Manifest:
    """What a run trains. kind: "policy" or "reward". sources: name → what it was trained from (paths, checksums,
    versions), plain JSON. config: every setting, resolved. created: ISO time, UTC."""

    kind: str
    config: Mapping[str, Any]
    sources: Mapping[str, Any] = field(default_factory=dict)
    application: str = ""
    created: str = ""
    version: int = VERSION


class Run:
    """One run folder."""

    def __init__(self, folder: Path, manifest: Manifest) -> None:
        self.folder, self.manifest = folder, manifest
        self.control = Control(folder)

    @classmethod
    def create(cls, folder: Path, manifest: Manifest) -> Run:
        """Start a new run. Raises: RunError if the folder holds one already or cannot be written."""
        refuse_existing(folder)
        data = {**asdict(manifest), "created": now("seconds")}
        try:
            folder.mkdir(parents=True, exist_ok=True)
            paths.write_atomic(folder / "manifest.json", json.dumps(data, indent=1, default=str).encode() + b"\n")
        except OSError as error:
            raise unwritable(folder, error) from error
        return cls.open(folder, manifest.kind)

    @classmethod
    def open(cls, folder: Path, kind: str) -> Run:
        """Raises: RunError if there is no run of that kind, or it is damaged or of a newer version."""
        hint = "Name the folder that was given to --out."
        try:
            data = json.loads((folder / MANIFEST).read_bytes())
            if data["version"] > VERSION:
                raise RunError(f"The run {folder.name} was made by a newer Porelight.", "Update Porelight.")
            manifest = Manifest(**{each.name: data[each.name] for each in fields(Manifest)})
        except FileNotFoundError as error:
            raise RunError(f"There is no run in {folder.name}.", hint) from error
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise RunError(f"The manifest of the run {folder.name} cannot be read.", hint) from error
        if manifest.kind != kind:
            raise RunError(f"The run {folder.name} trains a {manifest.kind}, not a {kind}.", hint)
        return cls(folder, manifest)

    def events(self) -> list[Event]:
        return read(self.folder / EVENTS)

    # --- checkpoints --------------------------------------------------------------------------------------------------

    def save_checkpoint(self, step: int, files: Mapping[str, bytes], state: Mapping[str, Any]) -> Path:
        """Write a checkpoint whole or not at all; the oldest beyond `KEPT_CHECKPOINTS` go.

        Nothing is forced to disk: a killed process loses nothing, and after a power failure checksums tell which
        checkpoints are whole.

        files: name → content. state: plain JSON; checksums of the files are added. Raises: RunError.
        """
        home = self.folder / "checkpoints"
        final, hidden = home / f"step-{step:06d}", home / f".{secrets.token_hex(6)}.part"
        sums = {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}
        try:
            hidden.mkdir(parents=True)
            for name, data in files.items():
                (hidden / name).write_bytes(data)
            text = json.dumps({**state, "step": step, "sha256": sums}, indent=1, allow_nan=False)
            (hidden / "state.json").write_text(text + "\n", encoding="utf-8")
            if final.exists():
                shutil.rmtree(final)
            hidden.replace(final)
        except OSError as error:
            raise unwritable(self.folder, error) from error
        finally:
            shutil.rmtree(hidden, ignore_errors=True)
        for old in self.checkpoints()[:-KEPT_CHECKPOINTS]:
            shutil.rmtree(old, ignore_errors=True)
        return final

    def checkpoints(self) -> list[Path]:
        """Folders of all checkpoints, the oldest first."""
        return sorted((self.folder / "checkpoints").glob("step-*"))

    def load_checkpoint(self) -> tuple[dict[str, Any], dict[str, bytes]] | None:
        """State and files of the newest checkpoint that is whole, None without one."""
        for folder in reversed(self.checkpoints()):
            try:
                state = json.loads((folder / "state.json").read_bytes())
                files = {name: (folder / name).read_bytes() for name in state["sha256"]}
            except (OSError, ValueError, KeyError):
                continue
            if all(hashlib.sha256(data).hexdigest() == state["sha256"][name] for name, data in files.items()):
                return state, files
        return None


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the folder of a run that is there or is to be. Raises: RunError if another process does."""
    with _held(folder / "lock", LOCK_SECONDS) as got:
        if not got:
            raise RunError(
                f"Another training is at work in {folder.name}.", "Wait for it, stop it, or use another --out."
            )
        yield


def is_running(folder: Path) -> bool:
    """Whether a training holds the folder now."""
    if not (folder / "lock").exists():
        return False
    with _held(folder / "lock") as got:
        return not got


def refuse_existing(folder: Path, *, resumable: bool = False) -> None:
    """resumable: whether such a run can be gone on with. Raises: RunError if the folder holds a run."""
    if (folder / MANIFEST).exists():
        hint = "Use --resume, or choose another --out." if resumable else "Choose another --out."
        raise RunError(f"The folder {folder.name} holds a run already.", hint)


def unwritable(folder: Path, error: OSError) -> RunError:
    """The error of a run folder that cannot be written (full disk, no rights)."""
    reason = error.strerror or str(error)
    return RunError(
        f"The run {folder.name} cannot be written: {reason}.", "Free space or choose another --out; nothing is lost."
    )


@contextmanager
def _held(path: Path, wait: float = 0.0) -> Iterator[bool]:
    """Try for the system's lock on a file for some seconds; gives whether it was got."""
    lock = FileLock(path)
    try:
        got = lock.acquire(wait)
    except OSError as error:
        raise unwritable(path.parent, error) from error
    try:
        yield got
    finally:
        lock.release()

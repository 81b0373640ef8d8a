"""Who answers: random ids of this person and studio, made once and kept in the person's own folder."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from engine import paths
from engine.errors import UsageError
from trainer.picks.records import new_id


@dataclass(frozen=True)
class Identity:
    """Random ids; they say nothing about anybody."""

    person: str
    studio: str


def own_identity() -> Identity:
    """This person's ids, made at first use. Raises: UsageError if they cannot be kept."""
    path = _file()
    try:
        data = json.loads(path.read_bytes())
        return Identity(str(data["person"]), str(data["studio"]))
    except FileNotFoundError:
        made = Identity(new_id(), new_id())
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(f"The file {path} that holds your ids for picks is damaged.", "Remove it.") from error
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        paths.write_atomic(path, json.dumps({"person": made.person, "studio": made.studio}).encode() + b"\n")
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}.", "Free space or change the rights.") from error
    return made


def _file() -> Path:
    return paths.user_folder() / "picks-identity.json"

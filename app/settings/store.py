"""The settings file: written whole, with the file before it as a backup; what is damaged is kept aside, never lost.

Two windows may share the file: each writes only what it changed into what is there.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from app.language import tr
from app.settings.migrations import Data, migrated
from app.settings.schema import FIELDS, VERSION, Settings
from engine import paths


def settings_file() -> Path:
    return paths.user_folder() / "settings.json"


class SettingsStore:
    """`load` always gives settings; `notice` says what was wrong, empty if nothing was."""

    def __init__(self, file: Path | None = None) -> None:
        self.file = file or settings_file()
        self.backup = self.file.with_suffix(".backup.json")
        self.notice = ""

    def load(self) -> Settings:
        """The settings; from the backup if the file is damaged, else the defaults."""
        self.notice = ""
        try:
            return self._understood(_read(self.file))
        except FileNotFoundError:
            return Settings()
        except OSError as error:
            self.notice = tr(
                "The settings cannot be read ({strerror}), so the defaults are in use.", strerror=error.strerror
            )
            return Settings()
        except ValueError:
            aside = self._put_aside()
        try:
            found = self._understood(_read(self.backup))
            self.notice = tr("The settings file was damaged; those before it are in use. {aside}", aside=aside)
        except (OSError, ValueError):
            found = Settings()
            self.notice = tr("The settings file was damaged; the defaults are in use. {aside}", aside=aside)
        return found

    def save(self, changes: Mapping[str, Any]) -> Settings:
        """Write some settings into what is there now. Returns: all of them. Raises: OSError, ValidationError."""
        try:
            present = _read(self.file)
        except (OSError, ValueError):
            present = {}
        newer = present.get("version", VERSION) if isinstance(present.get("version", VERSION), int) else VERSION
        wanted = {**self._understood(present or {"version": VERSION}).model_dump(mode="json"), **changes}
        settings = Settings.model_validate({**wanted, "version": max(newer, VERSION)})
        self.file.parent.mkdir(parents=True, exist_ok=True)
        if present:
            with suppress(OSError):
                paths.write_atomic(self.backup, self.file.read_bytes())
        paths.write_atomic(self.file, json.dumps(settings.model_dump(mode="json"), indent=1).encode())
        return settings

    def _understood(self, data: Data) -> Settings:
        """What can be used of the data; single values that make no sense give way to their defaults.

        Raises: ValueError if nothing can be made of it.
        """
        data = migrated(data)
        try:
            return Settings.model_validate(data)
        except ValidationError as error:
            wrong = {str(each["loc"][0]) for each in error.errors() if each["loc"]}
            names = ", ".join(sorted(wrong & set(FIELDS)))
            self.notice = tr("Some settings made no sense and are as at first: {names}.", names=names)
            return Settings.model_validate({key: value for key, value in data.items() if key not in wrong})

    def _put_aside(self) -> str:
        """Keep a copy of the damaged file. Returns: a sentence on where."""
        number = 1
        while (aside := self.file.with_name(f"settings.damaged-{number}.json")).exists():
            number += 1
        try:
            shutil.move(self.file, aside)
        except OSError:
            return ""
        return tr("The damaged one is kept as {name}.", name=aside.name)


def _read(file: Path) -> Data:
    """Raises: OSError, ValueError."""
    try:
        data = json.loads(file.read_bytes())
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    if not isinstance(data, dict):
        raise ValueError("no settings")
    return data

"""Where things lie: shipped resources, the person's own folder, and files that are written whole or not at all."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

import platformdirs

HOME_VARIABLE = "PORELIGHT_HOME"
"""Environment variable that moves the person's own folder (portable installations, tests)."""


def resources() -> Path:
    """The shipped, read-only data: beside `engine` in a checkout, a wheel and a frozen bundle alike."""
    return Path(__file__).resolve().parent.parent / "resources"


def shipped_models() -> Path:
    """The folder of shipped weights and of their catalogue."""
    return resources() / "models"


def user_folder() -> Path:
    """The person's own folder; may not exist yet."""
    home = os.environ.get(HOME_VARIABLE)
    return Path(home) if home else platformdirs.user_data_path("porelight", appauthor=False)


def user_sidecars() -> Path:
    """Sidecars of photos whose own folder cannot be written."""
    return user_folder() / "sidecars"


def log_file() -> Path:
    """The rotating log of the window and the command line."""
    return user_folder() / "logs" / "porelight.log"


def write_atomic(path: Path, data: bytes) -> None:
    """Write `data` to `path` completely or not at all: a temporary file beside it replaces it at the end.

    Raises: OSError, after removing the temporary file.
    """
    temporary = path.parent / f".porelight-{secrets.token_hex(6)}.tmp"
    try:
        with temporary.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise

"""`porelight app`: the window. Qt is imported only here, when it is asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from app.commands.common import guarded


@guarded
def window(photo: Annotated[Path | None, typer.Argument(metavar="[PHOTO]", help="A photo to open.")] = None) -> None:
    """Open the window: before and after, strengths, marks, export."""
    from engine.errors import ModelMissingError

    try:
        from app.main_window import run
    except ImportError as error:
        if (error.name or "").partition(".")[0] not in ("PySide6", "shiboken6") and ".so" not in str(error):
            raise
        raise ModelMissingError(
            f"The window cannot open: {error}.", "Install it with pip install 'porelight[app]'; see porelight doctor."
        ) from error
    raise typer.Exit(run(photo))

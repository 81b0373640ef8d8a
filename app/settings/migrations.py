"""Steps from each version of the settings file to the next one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from app.settings.schema import VERSION

Data = dict[str, Any]
STEPS: Mapping[int, Callable[[Data], Data]] = {}
"""Version → the step that makes the next version of it. Version 1 is the first."""


def migrated(data: Data, steps: Mapping[int, Callable[[Data], Data]] = STEPS, target: int = VERSION) -> Data:
    """Settings of any older version as the present one's; those of a newer version as they are.

    Raises: ValueError if the file names no version.
    """
    version = data.get("version")
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise ValueError("no version")
    while version < target:
        data = {**steps[version](dict(data)), "version": version + 1}
        version += 1
    return data

"""The command line as a process of its own that outlives the window."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from engine.children import environment

ONE_THREAD: Final = {
    name: "1" for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "PORELIGHT_THREADS")
}
"""Environment of a process that leaves the other processors to retouching."""
_left: Final[list[subprocess.Popen[bytes]]] = []
"""Processes that may outlive the window; kept, so that each is waited for when it has ended."""


def command() -> list[str]:
    """How `porelight` is started; a frozen program is its own interpreter."""
    return [sys.executable] if getattr(sys, "frozen", False) else [sys.executable, "-m", "app.main"]


def start(line: Sequence[str], output: Path, variables: Mapping[str, str] = ONE_THREAD) -> subprocess.Popen[bytes]:
    """Start a process in a session of its own, without a terminal. output: gets what it prints. Raises: OSError."""
    _left[:] = [each for each in _left if each.poll() is None]
    windows = getattr(subprocess, "CREATE_NO_WINDOW", 0) | getattr(subprocess, "BELOW_NORMAL_PRIORITY_CLASS", 0)
    with output.open("ab") as file:
        process = subprocess.Popen(
            line,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
            env={**environment(), **variables},
            creationflags=windows,
            start_new_session=os.name != "nt",
        )
    _left.append(process)
    return process

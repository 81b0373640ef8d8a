"""Install the Linux system libraries that are missing, or say how: python -m installer.libraries [window]

As root on Debian or Ubuntu they are installed; otherwise the exact line is printed and the exit code is 1. Libraries
for a window on X11 are only named, because tests and servers do without.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from engine.doctor import LIBRARIES, SystemLibrary, install_line, library_loads


def missing(window: bool) -> list[SystemLibrary]:
    """Libraries that retouching (and a window, drawn anywhere) needs and that do not load."""
    if not sys.platform.startswith("linux"):
        return []
    wanted = [each for each in LIBRARIES if each.needed or (window and each.used_by == "the window")]
    return [each for each in wanted if not library_loads(each.file)]


def main(arguments: list[str]) -> int:
    """Install or name what is missing; 0 if everything is there in the end."""
    window = "window" in arguments
    found = missing(window)
    if not found:
        return 0
    if os.geteuid() == 0 and Path("/usr/bin/apt-get").exists():
        packages = sorted({each.apt for each in found})
        print(f"== installing {' '.join(packages)}", file=sys.stderr)
        subprocess.run(["apt-get", "update", "-q"], stdout=subprocess.DEVNULL)
        subprocess.run(
            ["apt-get", "install", "-y", "-q", "--no-install-recommends", *packages],
            stdout=subprocess.DEVNULL,
            env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
        )
        found = missing(window)
    if found:
        print(f"System libraries are missing. Run\n    {install_line(found)}", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""Set up the checkout (virtual environment, pinned packages, system libraries), then run a command in it.

Standard library only: this file runs before anything is installed. `installer/run` starts it; on Windows write
`py installer/bootstrap.py`. What was installed is remembered in `.venv/porelight.json`, so a second run starts at once.

PORELIGHT_VENV moves the environment. PORELIGHT_PIP_ARGS adds arguments to pip, such as
"--extra-index-url https://download.pytorch.org/whl/cpu" for the smaller PyTorch without CUDA on Linux.
"""

from __future__ import annotations

import hashlib
import json
import os
import shlex
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

CHECKOUT = Path(__file__).resolve().parents[1]
VENV = Path(os.environ.get("PORELIGHT_VENV", CHECKOUT / ".venv")).absolute()
STAMP = VENV / "porelight.json"
BIN = VENV / ("Scripts" if os.name == "nt" else "bin")
PYTHON = BIN / ("python.exe" if os.name == "nt" else "python")
EXTRA_OF = {"test": "dev", "setup": "all", "app": "app", "edit": "app"}
"""Command → the extra that it needs; all others need retouching without a window only."""
CHECKS = (
    ("ruff", "check", "."),
    ("ruff", "format", "--check", "."),
    ("mypy",),
    ("lint-imports",),
    ("pytest", "-n", "2"),
)
EXIT_SETUP = 3


class SetupError(Exception):
    """Set-up cannot go on; the message says what to do."""


def main(arguments: list[str]) -> int:
    """Set up what the command needs, then run it; returns its exit code."""
    command = arguments[0] if arguments else "--help"
    try:
        set_up(_extra(command, arguments))
    except SetupError as error:
        print(error, file=sys.stderr)
        return EXIT_SETUP
    except subprocess.CalledProcessError as error:
        print(f"Set-up stopped: {shlex.join(map(str, error.cmd))} failed.", file=sys.stderr)
        return EXIT_SETUP
    if command == "setup":
        return 0
    if command == "test":
        return test(arguments[1:])
    return subprocess.call([BIN / "porelight", *arguments], env=_environment())


def test(arguments: list[str]) -> int:
    """Style, types, boundaries, then the tests (`arguments` go to pytest); all run, the first failure's code counts."""
    worst = 0
    for name, *rest in CHECKS:
        extra = arguments if name == "pytest" else []
        _say(f"{name} {' '.join([*rest, *extra])}".rstrip())
        begun = time.monotonic()
        tool: list[str | Path] = [PYTHON, "-m", name] if name != "lint-imports" else [BIN / name]
        code = subprocess.call([*tool, *rest, *extra], cwd=CHECKOUT, env=_environment())
        _say(f"{name}: {'passed' if code == 0 else f'failed with {code}'} in {time.monotonic() - begun:.0f} s")
        worst = worst or code
    return worst


def set_up(extra: str) -> None:
    """Create the environment and install what `extra` brings, unless that was done for these very pins."""
    pins = hashlib.sha256(
        b"".join((CHECKOUT / name).read_bytes() for name in ("pyproject.toml", "constraints.txt"))
    ).hexdigest()
    done = _stamp()
    extras = set(done.get("extras", ())) if done.get("pins") == pins else set()
    if extra in extras or ("dev" in extras) or ("all" in extras and extra != "dev"):
        return
    _create_venv()
    _install(extra)
    command = [PYTHON, "-m", "installer.libraries", *(("window",) if extra in ("app", "all", "dev") else ())]
    if subprocess.call(command, cwd=CHECKOUT) != 0:
        raise SetupError("Then run the same command again.")
    STAMP.write_text(json.dumps({"pins": pins, "extras": sorted({*extras, extra})}), encoding="utf-8")


def _extra(command: str, arguments: list[str]) -> str:
    if "--policy" in arguments and "kontext" in arguments:
        return "generative"
    return EXTRA_OF.get(command, "")


def _stamp() -> dict[str, Any]:
    try:
        return dict(json.loads(STAMP.read_text(encoding="utf-8"))) if PYTHON.exists() else {}
    except (OSError, ValueError):
        return {}


def _create_venv() -> None:
    if PYTHON.exists() and subprocess.call([PYTHON, "-m", "pip", "--version"], stdout=subprocess.DEVNULL) == 0:
        return
    _say(f"creating {VENV}")
    create: list[str | Path] = [sys.executable, "-m", "venv", "--clear", VENV]
    if subprocess.call(create) == 0:
        return
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    packages = [f"python{version}-venv"]
    if not _apt(packages) or subprocess.call(create) != 0:
        raise SetupError(
            f"Python cannot create a virtual environment here. On Debian and Ubuntu run\n"
            f"    sudo apt-get install -y {' '.join(packages)}\nthen the same command again."
        )


def _apt(packages: list[str]) -> bool:
    """Install Debian packages if this is root on a system with apt."""
    if not hasattr(os, "geteuid") or os.geteuid() != 0 or not Path("/usr/bin/apt-get").exists():
        return False
    subprocess.call(["apt-get", "update", "-q"])
    return subprocess.call(["apt-get", "install", "-y", "--no-install-recommends", *packages]) == 0


def _install(extra: str) -> None:
    _say(f"installing porelight{f'[{extra}]' if extra else ''} with the pinned packages")
    target = f"{CHECKOUT}[{extra}]" if extra else str(CHECKOUT)
    more = shlex.split(os.environ.get("PORELIGHT_PIP_ARGS", ""))
    quiet = [] if sys.stderr.isatty() else ["-qq"]
    pip: list[str | Path] = [
        PYTHON,
        "-m",
        "pip",
        "install",
        *quiet,
        "--disable-pip-version-check",
        "--only-binary",
        ":all:",
    ]
    subprocess.run([*pip, "--constraint", CHECKOUT / "constraints.txt", *more, "--editable", target], check=True)
    subprocess.run([PYTHON, "-m", "pip", "check", "--disable-pip-version-check"], check=True, stdout=sys.stderr)


def _environment() -> dict[str, str]:
    """The environment with the tools of the virtual environment first, and without another one's leftovers."""
    kept = {name: value for name, value in os.environ.items() if name not in ("PYTHONHOME", "PYTHONPATH")}
    return {**kept, "VIRTUAL_ENV": str(VENV), "PATH": f"{BIN}{os.pathsep}{os.environ.get('PATH', '')}"}


def _say(line: str) -> None:
    print(f"== {line}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

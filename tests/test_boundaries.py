"""What may be imported where: Qt only in app, torch only in the modules that need it, nothing heavy for the window.

import-linter holds the same contracts statically (pyproject.toml); here the imports really happen, in a fresh process.
"""

from __future__ import annotations

import json
import pkgutil
import re
import subprocess
import sys
import tomllib
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[1]
HEAVY = ("torch", "diffusers", "transformers", "peft")

IMPORT_ALL = """
import importlib, json, sys
for name in json.loads(sys.argv[1]):
    importlib.import_module(name)
print(json.dumps(sorted(sys.modules)))
"""


def _modules(*packages: str) -> list[str]:
    """Names of all modules of the packages, found without importing anything."""
    names = list(packages)
    for package in packages:
        names += [found.name for found in _walk(CHECKOUT / package, f"{package}.")]
    return sorted(names)


def _walk(folder: Path, prefix: str) -> list[pkgutil.ModuleInfo]:
    found: list[pkgutil.ModuleInfo] = []
    for module in pkgutil.iter_modules([str(folder)], prefix):
        found.append(module)
        if module.ispkg:
            found += _walk(folder / module.name.removeprefix(prefix), f"{module.name}.")
    return found


def _allowed_torch() -> list[str]:
    """The modules that may name torch, from the import-linter contract, as patterns."""
    settings = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = settings["tool"]["importlinter"]["contracts"]
    contract = next(each for each in contracts if each["forbidden_modules"] == ["torch"])
    return [line.removesuffix(" -> torch") for line in contract["ignore_imports"]]


def _names_torch(module: str) -> bool:
    """Whether the module's source names a heavy library at module level."""
    path = CHECKOUT / Path(*module.split("."))
    source = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    return re.search(rf"^(?:import|from) (?:{'|'.join(HEAVY)})\b", source.read_text(encoding="utf-8"), re.M) is not None


def _imported_by(modules: list[str]) -> set[str]:
    """Top-level names in sys.modules of a fresh process after importing the modules."""
    done = subprocess.run(
        [sys.executable, "-c", IMPORT_ALL, json.dumps(modules)],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return {name.partition(".")[0] for name in json.loads(done.stdout.splitlines()[-1])}


def test_engine_imports_without_torch_where_it_does_not_compute_with_it() -> None:
    allowed = _allowed_torch()
    free = [name for name in _modules("engine") if not any(fnmatchcase(name, pattern) for pattern in allowed)]
    assert len(free) > 20, free
    loaded = _imported_by(free)
    assert "engine" in loaded
    assert not loaded & {*HEAVY, "PySide6", "app", "trainer"}


def test_window_imports_no_torch() -> None:
    loaded = _imported_by(_modules("app"))
    assert "app" in loaded
    assert not loaded & {*HEAVY}


def test_command_line_starts_light() -> None:
    """`porelight --help` must not wait for Qt, torch, MediaPipe or ONNX Runtime."""
    assert not _imported_by(["app", "app.main"]) & {*HEAVY, "PySide6", "mediapipe", "onnxruntime", "cv2"}


def test_engine_and_trainer_import_without_qt() -> None:
    loaded = _imported_by(_modules("engine", "trainer"))
    assert {"engine", "trainer"} <= loaded
    assert not loaded & {"PySide6", "shiboken6", "app"}


@pytest.mark.parametrize("package", ["engine", "trainer"])
def test_no_qt_named_outside_app(package: str) -> None:
    naming = [
        path.relative_to(CHECKOUT).as_posix()
        for path in (CHECKOUT / package).rglob("*.py")
        if re.search(r"\b(PySide6|PyQt[56]|shiboken6)\b", path.read_text(encoding="utf-8"))
    ]
    # doctor asks whether the window's library is installed, by name and without importing it.
    assert [name for name in naming if name != "engine/doctor.py"] == []


def test_modules_that_name_torch_are_the_allowed_ones() -> None:
    """The walk itself is worth something only if it finds modules that do name torch."""
    naming = [name for name in _modules("engine", "trainer") if _names_torch(name)]
    assert "engine.sampling.steps" in naming
    allowed = _allowed_torch()
    assert [name for name in naming if not any(fnmatchcase(name, pattern) for pattern in allowed)] == []

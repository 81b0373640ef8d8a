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


AT_ONCE = """
import sys, threading

sys.setswitchinterval(1e-6)
found = []


def load(name):
    try:
        __import__(name)
    except Exception as error:
        found.append(repr(error))


threads = [threading.Thread(target=load, args=(name,)) for name in sys.argv[1:]]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(found)
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


def _may_import_heavy(module: str) -> bool:
    """Whether ruff lets the module import heavy libraries at module level (per-file-ignores of TID253)."""
    settings = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))
    table = settings["tool"]["ruff"]["lint"]["per-file-ignores"]
    path = module.replace(".", "/")
    globs = [glob.removesuffix(".py") for glob, rules in table.items() if "TID253" in rules]
    return any(fnmatchcase(path, glob) or fnmatchcase(f"{path}/", glob) for glob in globs)


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
    free = [name for name in _modules("engine") if not _may_import_heavy(name)]
    assert {"engine.types", "engine.sampling.loop", "engine.policies.compact.policy"} <= set(free)
    assert "engine.policies.compact.nets" not in free
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


def test_no_package_loads_its_own_parts() -> None:
    """Else two threads that load different parts may wait for each other, as at the window's start."""
    loading = [
        path.relative_to(CHECKOUT).as_posix()
        for package in ("engine", "trainer", "app")
        for path in (CHECKOUT / package).rglob("__init__.py")
        if re.search(r"^(from|import) ", path.read_text(encoding="utf-8"), re.MULTILINE)
    ]
    assert loading == []


def test_a_batch_may_load_the_policy_while_it_looks_for_faces() -> None:
    """Two threads import at once; packages that load their own parts made them wait for each other."""
    names = ["engine.faces.analysis", "engine.policies.compact.policy", "engine.policies.registry"]
    done = subprocess.run([sys.executable, "-c", AT_ONCE, *names], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "[]", done.stdout + done.stderr

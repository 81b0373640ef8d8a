"""The project's own files say what is true: references, pins, notices, links and the documented command line."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from app.main import cli
from engine.types import LAYERS
from engine.weights.catalogue import WEIGHT_SUFFIXES, catalogue

CHECKOUT = Path(__file__).parents[1]
PAGES = sorted([*CHECKOUT.glob("*.md"), *(CHECKOUT / "docs").glob("*.md")])


def _read(name: str) -> str:
    return (CHECKOUT / name).read_text(encoding="utf-8")


def _requirements() -> list[Requirement]:
    project = tomllib.loads(_read("pyproject.toml"))["project"]
    lines = [*project["dependencies"], *(line for extra in project["optional-dependencies"].values() for line in extra)]
    return [Requirement(line) for line in lines if not line.startswith("porelight")]


def test_every_dependency_is_pinned_within_its_range() -> None:
    pins = dict(line.split("==") for line in _read("constraints.txt").splitlines() if not line.startswith("#"))
    versions = {canonicalize_name(name): Version(version) for name, version in pins.items()}
    for requirement in _requirements():
        assert versions[canonicalize_name(requirement.name)] in requirement.specifier, requirement


def test_both_opencv_packages_are_the_same_version() -> None:
    """MediaPipe brings the contrib package; both install the module cv2."""
    found = re.findall(r"^opencv-(?:contrib-)?python==(.+)$", _read("constraints.txt"), re.M)
    assert len(found) == 2
    assert found[0] == found[1]


def test_cited_references_exist() -> None:
    known = set(re.findall(r"^\| ([a-z0-9-]+) \|", _read("REFERENCES.md"), re.M)) - {"key"}
    cited = {
        (path.name, key)
        for package in ("app", "engine", "trainer", "installer", "tests")
        for path in (CHECKOUT / package).rglob("*.py")
        for key in re.findall(r"\bREFERENCES:? ([a-z0-9-]+)", path.read_text(encoding="utf-8"))
    }
    assert len(cited) > 5
    assert {each for each in cited if each[1] not in known} == set()


def test_every_shipped_model_has_a_notice() -> None:
    notice = _read("NOTICE")
    shipped = [f"resources/models/{file.path}" for file in catalogue()]
    assert shipped
    assert [path for path in shipped if path not in notice and f"{path.rpartition('/')[0]}/\n" not in notice] == []


def test_shipped_files_are_small_and_all_in_the_catalogue() -> None:
    """Everything under resources together, as a release holds it."""
    files = [path for path in (CHECKOUT / "resources").rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    assert sum(path.stat().st_size for path in files) <= 25_000_000
    weights = [path.relative_to(CHECKOUT / "resources/models") for path in files if path.suffix in WEIGHT_SUFFIXES]
    assert {path.as_posix() for path in weights} == {file.path for file in catalogue()}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8"))
    assert [link for link in links if "://" not in link and not (page.parent / link).exists()] == []


def _leaves(commands: dict[str, Any]) -> Iterator[Any]:
    """All commands, those of groups in place of the groups."""
    for command in commands.values():
        yield from _leaves(command.commands) if hasattr(command, "commands") else (command,)


def test_the_documented_command_line_is_the_real_one() -> None:
    text = _read("docs/command-line.md")
    commands = vars(typer.main.get_command(cli))["commands"]
    documented = set(re.findall(r"`(--[a-z0-9-]+)", text)) - {"--help"}
    documented |= set(re.findall(r"^## .*?(--[a-z]+)", text, re.M)) | set(re.findall(r"\[(--[a-z]+)\]", text))
    real = {
        name
        for command in _leaves(commands)
        for parameter in command.params
        for name in parameter.opts
        if name.startswith("--")
    }
    assert documented <= real, documented - real
    assert real - documented <= {"--count", "--json"}
    shown = {name for name, command in commands.items() if not command.hidden}
    assert {name for name in shown if f"porelight {name}" not in text} == set()
    assert [name for name in LAYERS if name not in text] == []


def test_ci_runs_the_readme_s_test_command() -> None:
    commands = re.findall(r"^```sh\n(.+?)\n```", _read("README.md"), re.M | re.S)
    assert len(commands) == 2
    assert commands[0].startswith("./installer/run retouch PHOTO")
    assert f"exec {commands[1]}" in _read(".ci/run")

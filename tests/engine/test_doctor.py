"""doctor: says truly what is there, and names the line that installs what is not."""

from __future__ import annotations

import ctypes.util
import sys

import pytest

from engine import device, doctor
from engine.doctor import LIBRARIES, Check, SystemLibrary

linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="system libraries are checked on Linux")


def test_packages_that_run_this_test_are_found() -> None:
    found = {check.name: check for check in doctor.check_python()}
    assert found["Python"].ok and found["Python"].detail == sys.version.split()[0]
    assert found["numpy"].ok and not found["numpy"].fix


def test_a_missing_package_names_its_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "CORE", ("numpy", "no-such-package"))
    monkeypatch.setattr(doctor, "OPTIONAL", {"no-such-window": "app"})
    found = {check.name: check for check in doctor.check_python()}
    assert found["no-such-package"].fix == "pip install no-such-package" and found["no-such-package"].needed
    assert "porelight[app]" in found["no-such-window"].fix and not found["no-such-window"].needed


def test_every_dependency_of_the_project_is_checked() -> None:
    import re
    import tomllib
    from pathlib import Path

    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    names = {re.split(r"[<>=!~\[ ]", line)[0].lower() for line in project["dependencies"]}
    assert {name.lower() for name in doctor.CORE} == names


@linux
def test_libraries_against_the_loaders_own_list() -> None:
    assert doctor.library_loads("libc.so.6")
    assert not doctor.library_loads("libno-such-library.so.9")
    for library in LIBRARIES:
        short = library.file.removeprefix("lib").partition(".so")[0]
        if ctypes.util.find_library(short) == library.file:
            assert doctor.library_loads(library.file), library.file


@pytest.fixture
def _not_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor.os, "geteuid", lambda: 1000, raising=False)


@linux
@pytest.mark.usefixtures("_not_root")
def test_a_missing_library_names_the_line_of_this_system(monkeypatch: pytest.MonkeyPatch) -> None:
    missing = SystemLibrary("libmissing.so.7", "libmissing7", "missing-libs", "missing", "finding faces", True)
    monkeypatch.setattr(doctor, "LIBRARIES", (missing,))
    lines = {
        "apt-get": "sudo apt-get install -y libmissing7",
        "dnf": "sudo dnf install -y missing-libs",
        "pacman": "sudo pacman -S --needed missing",
        "nothing": "sudo apt-get install -y libmissing7",
    }
    for command, line in lines.items():
        monkeypatch.setattr(doctor.shutil, "which", lambda name, only=command: name if name == only else None)
        (check,) = doctor.check_libraries()
        assert (check.ok, check.needed, check.fix) == (False, True, line)
    assert doctor.missing_libraries([check]) == [missing]


@pytest.mark.usefixtures("_not_root")
def test_one_line_for_all_missing_libraries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor.shutil, "which", lambda name: name if name == "apt-get" else None)
    line = doctor.install_line([library for library in LIBRARIES if library.needed])
    assert line == "sudo apt-get install -y libegl1 libgles2 libgl1 libglib2.0-0 libxcb1"


def test_the_processor_passes_its_self_test() -> None:
    check = device.self_test("cpu")
    assert check.available and check.ok and check.seconds > 0


def test_a_device_that_computes_wrongly_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    product = torch.Tensor.__matmul__

    def wrong(self: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
        result = product(self, other)
        if result.dtype == torch.float32:
            result[0, 0] = float("nan")
        return result

    monkeypatch.setattr(torch.Tensor, "__matmul__", wrong)
    check = device.self_test("cpu")
    assert check.available and not check.ok


def test_devices_that_are_not_there() -> None:
    from engine.errors import DeviceError, UsageError

    with pytest.raises(UsageError, match="quantum"):
        list(device.candidates("quantum"))
    for name in {"cuda", "mps"} - set(device.available()):
        with pytest.raises(DeviceError, match=name) as caught:
            list(device.candidates(name))
        assert caught.value.hint


def test_auto_tries_every_device_of_the_preferred_runtime_before_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    found = {"onnx": ("directml", "cpu"), "torch": ("cuda", "cpu")}
    monkeypatch.setattr(device, "available", found.__getitem__)
    order = [("directml", "onnx"), ("cpu", "onnx"), ("cuda", "torch"), ("cpu", "torch")]
    assert list(device.candidates("auto", ("onnx", "torch"))) == order
    assert list(device.candidates("cuda", ("onnx", "torch"))) == [("cuda", "torch")]


def test_models_damaged_or_missing_are_said(monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> None:
    from engine import paths

    monkeypatch.setattr(paths, "shipped_models", lambda: tmp_path)
    (check,) = doctor.check_models()
    assert not check.ok and check.fix and check.needed


def test_exit_code_and_json(monkeypatch: pytest.MonkeyPatch) -> None:
    import json

    from typer.testing import CliRunner

    from app.main import cli

    good = Check("packages", "numpy", True, "2")
    absent = Check("packages", "PySide6", False, "not installed", "pip install it", needed=False)
    bad = Check("models", "a.onnx", False, "missing", "Install Porelight again.")
    for checks, code in (([good, absent], 0), ([good, bad], 1)):
        monkeypatch.setattr(doctor, "run", lambda found=checks: iter(found))
        result = CliRunner().invoke(cli, ["doctor"])
        assert result.exit_code == code
        assert ("Everything needed is there." in result.stdout) == (code == 0)
        for check in checks:
            assert check.name in result.stdout and check.fix in result.stdout
        data = json.loads(CliRunner().invoke(cli, ["doctor", "--json"]).stdout)
        assert data["ok"] == (code == 0) and len(data["checks"]) == 2

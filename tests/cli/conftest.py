"""The command line in this process, with the fake policy and the painted face."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from app.main import cli
from tests.helpers import fake_policy

Run = Callable[..., Result]


@pytest.fixture
def porelight() -> Run:
    """Run `porelight ARGUMENTS…`; an exception other than an exit is a failure of the test."""

    def run(*arguments: object) -> Result:
        result = CliRunner().invoke(cli, [str(argument) for argument in arguments])
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return run


@pytest.fixture
def fakes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    fake_policy.install(monkeypatch, tmp_path / "home")

"""What every test gets: a quiet, offline, small machine, and failure on an unexpected warning, log record or thread."""

from __future__ import annotations

import os

# Before numpy, torch or Qt are imported.
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TRANSFORMERS_OFFLINE"] = "1"
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("GLOG_minloglevel", "2")

import logging
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

# A busy machine is no failure; the gate tries the same examples every time.
hypothesis.settings.register_profile("porelight", deadline=None, derandomize=os.environ.get("CI") == "true")
hypothesis.settings.load_profile("porelight")

CHECKOUT = Path(__file__).parents[1]
THREAD_GRACE_SECONDS = 3.0
EXPECTED_LOG = "requires torchvision (not installed); falling back to"
"""transformers says so once per process at the first import of an image processor; Porelight needs no torchvision."""


def _folder(variable: str, name: str) -> Path:
    folder = Path(os.environ.get(variable, CHECKOUT.parent / "shared" / name))
    if not folder.is_dir():
        pytest.skip(f"no {name} here; set {variable} to their folder")
    return folder


@pytest.fixture(scope="session")
def portraits() -> Path:
    """Folder of real portraits (never committed): $PORELIGHT_PORTRAITS or ../shared/portraits."""
    return _folder("PORELIGHT_PORTRAITS", "portraits")


@pytest.fixture(scope="session")
def anchors() -> Path:
    """Folder of the paper's own before/after pairs (never committed): $PORELIGHT_ANCHORS or ../shared/anchors."""
    return _folder("PORELIGHT_ANCHORS", "anchors")


@pytest.fixture(scope="session", autouse=True)
def _own_user_folders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Settings, caches and sidecars of the person who runs the tests stay untouched."""
    home = tmp_path_factory.mktemp("user")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PORELIGHT_HOME", str(home))
        for kind in ("CONFIG", "DATA", "CACHE", "STATE"):
            patch.setenv(f"XDG_{kind}_HOME", str(home / kind.lower()))
        yield


class _Recorder(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record not in self.records and EXPECTED_LOG not in record.getMessage():
            self.records.append(record)


@pytest.fixture(autouse=True)
def _no_unexpected_log(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fail on log records of level WARNING or above, unless the test is marked allow_warnings_in_log."""
    recorder = _Recorder()
    # The program's own loggers may stop passing records on to the root (engine.logs.configure).
    loggers = [logging.getLogger(name) for name in (None, "app", "engine", "trainer")]
    before = [(logger.handlers[:], logger.level, logger.propagate) for logger in loggers]
    for logger in loggers:
        logger.addHandler(recorder)
    try:
        yield
    finally:
        for logger, (handlers, level, propagate) in zip(loggers, before, strict=True):
            for handler in set(logger.handlers) - {*handlers, recorder}:
                handler.close()
            logger.handlers[:], logger.propagate = handlers, propagate
            logger.setLevel(level)
    if recorder.records and request.node.get_closest_marker("allow_warnings_in_log") is None:
        lines = [f"{each.levelname} {each.name}: {each.getMessage()}" for each in recorder.records]
        pytest.fail("unexpected log records:\n" + "\n".join(lines))


@pytest.fixture(autouse=True)
def _no_leaked_threads() -> Iterator[None]:
    """Fail if a test leaves a thread running that would keep the program from ending."""
    before = set(threading.enumerate())
    yield
    if models := sys.modules.get("engine.faces.models"):
        models.close_waiting()
    deadline = time.monotonic() + THREAD_GRACE_SECONDS
    leaked = _leaked(before)
    while leaked and time.monotonic() < deadline:
        time.sleep(0.02)
        leaked = _leaked(before)
    assert not leaked, f"threads still running: {[thread.name for thread in leaked]}"


def _leaked(before: set[threading.Thread]) -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread not in before and not thread.daemon]

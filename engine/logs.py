"""Logging for the command line and the window. Photo paths appear at DEBUG only."""

from __future__ import annotations

import logging
import logging.handlers
import os

from engine import paths

PACKAGES = ("engine", "trainer", "app")
_FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"


def quiet_native() -> None:
    """Keep the notes of native libraries (glog, TensorFlow Lite) off the terminal; call before they are loaded."""
    for name, value in {"GLOG_minloglevel": "2", "TF_CPP_MIN_LOG_LEVEL": "2"}.items():
        os.environ.setdefault(name, value)


def configure(level: int = logging.WARNING, *, to_file: bool = True) -> None:
    """Send the records of this program's packages to the rotating log file; without one, drop them silently.

    Errors that a person meets are shown by the caller, never through logging, so nothing goes to the terminal.
    """
    handler: logging.Handler = logging.NullHandler()
    if to_file:
        try:
            paths.log_file().parent.mkdir(parents=True, exist_ok=True)
            handler = logging.handlers.RotatingFileHandler(
                paths.log_file(), maxBytes=1_000_000, backupCount=2, encoding="utf-8", delay=True
            )
        except OSError:
            pass
    handler.setFormatter(logging.Formatter(_FORMAT))
    for package in PACKAGES:
        logger = logging.getLogger(package)
        for old in logger.handlers[:]:
            logger.removeHandler(old)
            old.close()
        logger.addHandler(handler)
        logger.setLevel(level)

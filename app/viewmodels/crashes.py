"""Things that were not foreseen, as the window sees them: the state is saved, the person is told, Qt's own messages are
kept. No widgets."""

from __future__ import annotations

import logging
from collections.abc import Callable

from PySide6.QtCore import QMessageLogContext, QObject, Qt, QtMsgType, Signal, qInstallMessageHandler

from app.crash import CrashGuard, Report, left_behind
from app.language import tr
from app.viewmodels.problem import Problem

log = logging.getLogger(__name__)
LEVELS = {
    QtMsgType.QtDebugMsg: logging.DEBUG,
    QtMsgType.QtInfoMsg: logging.INFO,
    QtMsgType.QtWarningMsg: logging.WARNING,
    QtMsgType.QtCriticalMsg: logging.ERROR,
    QtMsgType.QtFatalMsg: logging.CRITICAL,
}


class Crashes(QObject):
    """Runs from `start` to `end`; `reports` are those of earlier runs."""

    changed = Signal()
    _happened = Signal(str)

    def __init__(self, save: Callable[[], None], show: Callable[[Problem], None]) -> None:
        super().__init__()
        self.reports: list[Report] = []
        self._save, self._show = save, show
        self.guard = CrashGuard(self._happened.emit)
        # Also from other threads; the window's own one does it.
        self._happened.connect(self._unforeseen, Qt.ConnectionType.QueuedConnection)

    def start(self) -> None:
        """Look at what earlier runs left, and write down what happens in this one."""
        self.reports = left_behind()
        self.guard.start()
        qInstallMessageHandler(self._qt_says)
        if self.reports:
            self.changed.emit()

    def end(self) -> None:
        qInstallMessageHandler(None)
        self.guard.end()

    def discard(self) -> None:
        """The person is done with the reports."""
        for report in self.reports:
            report.discard()
        self.reports = []
        self.changed.emit()

    def text(self, *, names: bool) -> str:
        """The latest report, as it would be saved."""
        return self.reports[-1].text(names=names) if self.reports else ""

    def _unforeseen(self, trace: str) -> None:
        self._save()
        self._show(
            Problem(
                tr("Something went wrong in a way that was not foreseen."),
                tr("Your edits are saved and you can go on. Please copy the details and report them."),
                trace,
            )
        )

    def _qt_says(self, kind: QtMsgType, context: QMessageLogContext, message: str) -> None:
        # Qt names files in its messages; the log does not.
        log.log(LEVELS.get(kind, logging.WARNING), "Qt, category %s", context.category or "default")
        log.debug("Qt: %s", message)
        if kind is QtMsgType.QtFatalMsg:
            self.guard.note(f"Fatal Python error: Qt: {context.category or 'default'}")

"""After a crash: a strip that offers a report, and the dialog that shows it whole before it is saved anywhere."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtGui import QFontDatabase, QGuiApplication
from PySide6.QtWidgets import (
    QCheckBox,
    QDialog,
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QPlainTextEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from app.language import tr
from app.viewmodels.crashes import Crashes
from app.viewmodels.settings import SettingsModel
from app.views.parts import take_room
from app.views.strip import Strip
from engine import paths


def report_offer(crashes: Crashes, settings: SettingsModel) -> Strip:
    """The strip that offers a report, gone when the person is done with it."""
    strip = Strip(
        tr("Porelight ended unexpectedly last time."),
        tr("Everything is open again as it was. A report helps to find the cause; it is sent nowhere."),
        tr("Look at Report…"),
    )
    strip.acted.connect(lambda: ReportDialog(crashes, settings, strip.window()).open())
    strip.dismissed.connect(crashes.discard)
    crashes.changed.connect(lambda: strip.setVisible(bool(crashes.reports)))
    return strip


class ReportDialog(QDialog):
    """The report word for word; the person decides whether it names files, and where it goes."""

    def __init__(self, crashes: Crashes, settings: SettingsModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(tr("Report"))
        take_room(self, 760, 520)
        self.crashes, self.settings = crashes, settings
        lead = QLabel(tr("This is all that the report holds: no photo, nothing about a person."))
        lead.setProperty("role", "lead")
        self.view = QPlainTextEdit()
        self.view.setReadOnly(True)
        self.view.setTabChangesFocus(True)
        self.view.setFont(QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont))
        self.view.setAccessibleName(tr("Report"))
        self.names = QCheckBox(tr("With names of files and folders, and the last lines of the log"))
        self.names.setChecked(settings.values.report_paths)
        self.note = QLabel()
        self.note.setProperty("role", "muted")
        self.save = QPushButton(tr("Save…"))
        self.save.setProperty("role", "primary")
        self.copy, self.close_button = QPushButton(tr("Copy")), QPushButton(tr("Close"))
        foot = QHBoxLayout()
        foot.addWidget(self.note, 1)
        for button in (self.close_button, self.copy, self.save):
            foot.addWidget(button)
        column = QVBoxLayout(self)
        column.setContentsMargins(20, 18, 20, 16)
        column.setSpacing(12)
        for widget in (lead, self.view, self.names):
            column.addWidget(widget)
        column.addLayout(foot)
        self.names.toggled.connect(self._chosen)
        self.save.clicked.connect(self._save)
        self.copy.clicked.connect(self._copy)
        self.close_button.clicked.connect(self.reject)
        self._refresh()

    def _refresh(self) -> None:
        self.view.setPlainText(self.crashes.text(names=self.names.isChecked()))

    def _chosen(self, names: bool) -> None:
        self.settings.set(report_paths=names)
        self._refresh()

    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(self.view.toPlainText())
        self.note.setText(tr("Copied."))

    def _save(self) -> None:
        file, _ = QFileDialog.getSaveFileName(self, tr("Save report"), "porelight-report.txt", tr("Text (*.txt)"))
        if not file:
            return
        try:
            paths.write_atomic(Path(file), self.view.toPlainText().encode())
        except OSError as error:
            self.note.setText(tr("It cannot be saved there: {strerror}.", strerror=error.strerror))
            return
        self.crashes.discard()
        self.accept()

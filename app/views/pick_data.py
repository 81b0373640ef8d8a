"""All picks: what they are, photo by photo, and taking them elsewhere or back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QAbstractItemView, QDialog, QFileDialog, QHBoxLayout, QMessageBox, QVBoxLayout, QWidget

from app.language import tr
from app.viewmodels.labels import counted
from app.viewmodels.pick_data import PickData
from app.views.parts import Index, Rows, button, say, table, take_room, thin_bar, words


class _Photos(Rows):
    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        _, name, count = self.items[index.row()]
        return (name, count)[index.column()] if role == Qt.ItemDataRole.DisplayRole else None


class PickDataDialog(QDialog):
    """Over the picks window."""

    def __init__(self, model: PickData, parent: QWidget) -> None:
        super().__init__(parent)
        model.setParent(self)
        self.setWindowTitle(tr("All Picks"))
        take_room(self, 620, 520)
        self.model = model
        self.title, self.said, self.trouble = map(words, ("title", "muted", "warning"))
        self.rows = _Photos((tr("Photo"), tr("Picks")), self)
        self.table = table(self.rows, tr("Photos that were picked from"), (380,))
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.load = button(
            tr("Import…"), tr("Take over picks from JSON lines or another computer's store"), self._bring
        )
        self.export = button(tr("Export…"), tr("Write all picks as JSON lines, with their pictures"), self._write)
        self.withdraw = button(
            tr("Withdraw…"), tr("Take all picks of the selected photo back for good"), self._withdraw
        )
        self.cancel = button(tr("Cancel"), tr("Stop; picks taken over until then are kept"), model.cancel)
        self.bar = thin_bar(tr("Progress"))
        foot = QHBoxLayout()
        foot.setSpacing(8)
        foot.addWidget(self.load)
        foot.addWidget(self.export)
        foot.addStretch(1)
        foot.addWidget(self.cancel)
        foot.addWidget(self.withdraw)
        column = QVBoxLayout(self)
        column.setContentsMargins(20, 18, 20, 16)
        column.setSpacing(10)
        for each in (self.title, self.said, self.trouble):
            column.addWidget(each)
        column.addWidget(self.table, 1)
        column.addWidget(self.bar)
        column.addLayout(foot)
        self.table.selectionModel().selectionChanged.connect(lambda *_: self._enable())
        model.changed.connect(self._refresh)
        model.look()
        self._refresh()

    @property
    def _chosen(self) -> tuple[str, str, int] | None:
        rows = self.table.selectionModel().selectedRows()
        return self.rows.items[rows[0].row()] if rows else None

    def _refresh(self) -> None:
        model, found, problem = self.model, self.model.summary, self.model.picks.problem
        photos = found.photos if found is not None else ()
        if photos != self.rows.items:
            self.rows.put(photos)
        picks, of = (
            counted(sum(count for *_, count in photos), "pick", "picks"),
            counted(len(photos), "photo", "photos"),
        )
        say(self.title, tr("{picks} of {photos}", picks=picks, photos=of) if found is not None else "")
        say(self.said, f"{model.picks.doing} …" if model.picks.busy else " ".join(model.said))
        say(self.trouble, f"{problem.message} {problem.hint}" if problem else model.notice)
        self.bar.setVisible(model.long)
        self.bar.setValue(round(1000 * model.picks.progress.fraction) if model.picks.progress else 0)
        self.cancel.setVisible(model.long)
        self._enable()

    def _enable(self) -> None:
        free = not self.model.picks.busy
        self.load.setEnabled(free)
        self.export.setEnabled(free and len(self.rows.items) > 0)
        self.withdraw.setEnabled(free and self._chosen is not None)

    def _bring(self) -> None:
        kinds = tr("Picks (*.jsonl *.sqlite);;All files (*)")
        path, _ = QFileDialog.getOpenFileName(self, tr("Import picks"), "", kinds)
        if path:
            self.model.bring(Path(path))

    def _write(self) -> None:
        path, _ = QFileDialog.getSaveFileName(self, tr("Export picks"), "picks.jsonl", tr("JSON lines (*.jsonl)"))
        if path:
            self.model.write(Path(path))

    def _withdraw(self) -> None:
        if (chosen := self._chosen) is None:
            return
        photo, name, count = chosen
        picks = counted(count, "pick", "picks")
        question = tr("Withdraw {picks} of {name}? This cannot be undone.", picks=picks, name=name)
        if QMessageBox.question(self, tr("Withdraw Picks"), question) is QMessageBox.StandardButton.Yes:
            self.model.withdraw(photo)

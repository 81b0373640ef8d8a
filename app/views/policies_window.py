"""Policies: the trained versions in a table, and what may be done with them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QColor, QFont
from PySide6.QtWidgets import QAbstractItemView, QDialog, QFileDialog, QHBoxLayout, QVBoxLayout, QWidget

from app.language import tr
from app.viewmodels.policies import PoliciesModel, PolicyRow
from app.views import theme
from app.views.parts import Index, Rows, button, say, table, take_room, words
from engine.policies.versions import SUFFIX

COLUMNS = (tr("Policy"), tr("State"), tr("Preferred"), tr("Learned from"), tr("Trained from"), tr("Date"))
WIDTHS = (140, 125, 130, 210, 110)
FILES = tr("Policies (*{suffix})", suffix=SUFFIX)


class _Rows(Rows):
    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        row: PolicyRow = self.items[index.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            return (row.name, row.state, row.preferred, row.learned, row.parent, row.created)[index.column()]
        if role == Qt.ItemDataRole.ToolTipRole:
            return row.version or None
        if role == Qt.ItemDataRole.FontRole and row.active and index.column() < 2:
            font = QFont()
            font.setBold(True)
            return font
        if role == Qt.ItemDataRole.ForegroundRole and index.column() > 0 and not row.active:
            return QColor(theme.MUTED)
        return None


class PoliciesWindow(QDialog):
    """Stays open beside the main window."""

    def __init__(self, model: PoliciesModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(tr("Policies"))
        take_room(self, 940, 480)
        self.model = model
        self.title, self.said, self.trouble, self.proof = map(words, ("title", "muted", "warning", "muted"))
        self.rows = _Rows(COLUMNS, self)
        self.table = table(self.rows, tr("Trained policies"), WIDTHS)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.activate = button(
            tr("Activate"), tr("Let the selected policy retouch from now on"), self._activate, "primary"
        )
        self.rollback = button("", tr("Make the policy before the active one active again"), model.rollback)
        self.export = button(
            tr("Export…"), tr("Write the selected policy as one file, to take elsewhere"), self._ask_export
        )
        self.load = button(tr("Import…"), tr("Take in a policy that was exported"), self._ask_import)
        self._lay_out()
        self.table.selectionModel().selectionChanged.connect(lambda *_: self._enable())
        model.changed.connect(self._refresh)
        self._refresh()

    def _lay_out(self) -> None:
        layout = QVBoxLayout(self)
        layout.setContentsMargins(20, 18, 20, 16)
        layout.setSpacing(10)
        head, foot = QHBoxLayout(), QHBoxLayout()
        head.addWidget(self.title, 1)
        head.addWidget(self.rollback)
        layout.addLayout(head)
        layout.addWidget(self.said)
        layout.addWidget(self.trouble)
        layout.addWidget(self.table, 1)
        layout.addWidget(self.proof)
        foot.setSpacing(8)
        foot.addWidget(self.load)
        foot.addWidget(self.export)
        foot.addStretch(1)
        foot.addWidget(self.activate)
        layout.addLayout(foot)

    def begin(self) -> None:
        """Show the window with what there is now."""
        self.show()
        self.raise_()
        self.activateWindow()
        self.model.refresh()

    @property
    def chosen(self) -> PolicyRow | None:
        rows = self.table.selectionModel().selectedRows()
        return self.rows.items[rows[0].row()] if rows else None

    def _refresh(self) -> None:
        model, found, chosen = self.model, self.model.found, self.chosen
        rows = found.rows if found else ()
        if rows != self.rows.items:
            self.rows.put(rows)
            names = [row.name for row in self.rows.items]
            self.table.selectRow(names.index(chosen.name) if chosen and chosen.name in names else 0)
        self.title.setText(tr("{name} retouches", name=found.active) if found else tr("Policies"))
        trained = found is not None and len(found.rows) > 1
        empty = tr("Nothing is trained yet. Make picks and train, or import a policy.") if found and not trained else ""
        problem = model.problem
        say(self.said, model.notice or empty)
        say(self.trouble, f"{problem.message} {problem.hint}" if problem else "")
        self.rollback.setText(tr("Roll Back to {name}", name=found.before) if found and found.before else "")
        self.rollback.setVisible(found is not None and found.before is not None)
        self._enable()

    def _enable(self) -> None:
        row, free = self.chosen, not self.model.busy
        self.activate.setEnabled(free and row is not None and row.can_be_activated)
        self.export.setEnabled(free and row is not None and row.wins is not None)
        self.load.setEnabled(free)
        self.rollback.setEnabled(free)
        said = [] if row is None else list(row.proof)
        if row is not None and row.wins is False:
            said.append(tr("It did not win, so it is not activated."))
        say(self.proof, " ".join(said))

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() is QEvent.Type.ActivationChange and self.isActiveWindow():
            self.model.refresh()  # a training may have ended

    # --- asking -------------------------------------------------------------------------------------------------------

    def _activate(self) -> None:
        if self.chosen is not None:
            self.model.activate(self.chosen.name)

    def _ask_export(self) -> None:
        if self.chosen is None:
            return
        name = self.chosen.name
        path, _ = QFileDialog.getSaveFileName(self, tr("Export policy"), f"{name}{SUFFIX}", FILES)
        if path:
            self.model.export(name, Path(path))

    def _ask_import(self) -> None:
        path, _ = QFileDialog.getOpenFileName(
            self, tr("Import policy"), "", tr("Policies (*{suffix});;All files (*)", suffix=SUFFIX)
        )
        if path:
            self.model.import_file(Path(path))

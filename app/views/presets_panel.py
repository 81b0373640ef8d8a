"""Presets by category, shown on the canvas while the mouse or the keys rest on one, with the Amount of the applied
one."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QEvent, Qt, Signal
from PySide6.QtGui import QFocusEvent, QFont, QKeyEvent
from PySide6.QtWidgets import (
    QFileDialog,
    QHBoxLayout,
    QInputDialog,
    QLabel,
    QPushButton,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from app.language import tr
from app.viewmodels.labels import LayerLabel
from app.viewmodels.presets import SUFFIX, Preset, PresetModel, write_preset
from app.viewmodels.state import Change, Stage
from app.views import theme
from app.views.strengths import StrengthRow
from engine.errors import UsageError

ROLE = Qt.ItemDataRole.UserRole


class PresetTree(QTreeWidget):
    """Categories with their presets. One that the mouse or the keys rest on shows on the canvas; a click or Return
    chooses it."""

    chosen = Signal(object)
    """(Preset)"""

    def __init__(self, model: PresetModel) -> None:
        super().__init__()
        self.model_ = model
        self.setObjectName("states")
        self.setHeaderHidden(True)
        self.setMouseTracking(True)
        self.setIndentation(12)
        self.setAccessibleName(tr("Presets"))
        self.setRootIsDecorated(True)
        self.itemEntered.connect(lambda item, _: model.preview(item.data(0, ROLE)))
        self.itemClicked.connect(lambda item, _: self._choose(item))
        self.currentItemChanged.connect(self._moved)

    def _choose(self, item: QTreeWidgetItem | None) -> None:
        if item is not None and item.data(0, ROLE) is not None:
            self.chosen.emit(item.data(0, ROLE))

    def _moved(self, item: QTreeWidgetItem | None) -> None:
        if self.hasFocus():
            self.model_.preview(item.data(0, ROLE) if item is not None else None)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._choose(self.currentItem())
        else:
            super().keyPressEvent(event)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        self.model_.preview(None)
        super().focusOutEvent(event)

    def fill(self) -> None:
        """All presets anew; what was open stays open."""
        shut = {top.text(0) for top in self.tops if not top.isExpanded()}
        self.clear()
        bold = QFont(self.font())
        bold.setWeight(QFont.Weight.DemiBold)
        for category, presets in self.model_.by_category().items():
            top = QTreeWidgetItem([tr(category)])
            top.setFont(0, bold)
            top.setFlags(Qt.ItemFlag.ItemIsEnabled)
            self.addTopLevelItem(top)
            for preset in presets:
                item = QTreeWidgetItem([preset.title])
                item.setData(0, ROLE, preset)
                top.addChild(item)
            top.setExpanded(tr(category) not in shut)

    @property
    def tops(self) -> list[QTreeWidgetItem]:
        """The categories."""
        found = (self.topLevelItem(index) for index in range(self.topLevelItemCount()))
        return [top for top in found if top is not None]

    @property
    def presets(self) -> list[Preset]:
        """In the order of the tree."""
        items = [top.child(row) for top in self.tops for row in range(top.childCount())]
        return [item.data(0, ROLE) for item in items if item is not None]

    def leaveEvent(self, event: QEvent) -> None:
        self.model_.preview(None)
        super().leaveEvent(event)


class PresetsPanel(QWidget):
    """The tree, the Amount, and what can be done with one's own presets."""

    def __init__(self, model: PresetModel) -> None:
        super().__init__()
        self.model = model
        self.tree = PresetTree(model)
        self.title = QLabel()
        self.title.setProperty("role", "muted")
        self.title.setWordWrap(True)
        self.title.setAlignment(Qt.AlignmentFlag.AlignBottom)
        self.title.setText("\n")  # room for two lines, so that nothing moves by a choice
        self.title.ensurePolished()
        self.title.setMinimumHeight(self.title.sizeHint().height())
        self.amount = StrengthRow(
            LayerLabel("preset", tr("Amount"), tr("50 is the preset as it is, 0 nothing of it, 100 twice.")), 50
        )
        self.keep = QPushButton(tr("Save…"))
        self.keep.setToolTip(tr("Save the present settings as a preset of your own"))
        self.load = QPushButton(tr("Import…"))
        self.export = QPushButton(tr("Export…"))
        for each, tip in ((self.load, tr("Import presets")), (self.export, tr("Export preset"))):  # beside the photo's
            each.setToolTip(tip)
            each.setAccessibleName(tip)
        self.delete = QPushButton(tr("Delete"))
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 14, 16, 14)
        column.setSpacing(theme.SPACE)
        column.addWidget(self.title)
        column.addWidget(self.amount)
        column.addWidget(self.tree, 1)
        for pair in ((self.keep, self.delete), (self.load, self.export)):
            row = QHBoxLayout()
            row.setSpacing(6)
            for button in pair:
                row.addWidget(button, 1)
            column.addLayout(row)
        self.tree.chosen.connect(self._apply)
        self.tree.currentItemChanged.connect(lambda *_: self._refresh())
        self.amount.changed.connect(lambda value, _: model.set_amount(value))
        self.keep.clicked.connect(self._keep)
        self.load.clicked.connect(self._load)
        self.export.clicked.connect(self._export)
        self.delete.clicked.connect(self._delete)
        model.changed.connect(self._changed)
        model.photo.changed.connect(self._photo_changed)
        self.tree.fill()
        self._refresh()

    @property
    def chosen(self) -> Preset | None:
        """The preset that is selected in the tree."""
        item = self.tree.currentItem()
        return None if item is None else item.data(0, ROLE)

    def _apply(self, preset: Preset) -> None:
        if self.model.photo.stage is Stage.PROPOSED:
            self.model.apply(preset)

    def _keep(self) -> None:
        name, done = QInputDialog.getText(self, tr("Save preset"), tr("Name"))
        if done and name.strip():
            self._try(lambda: self.model.save(name))

    def _load(self) -> None:
        files, _ = QFileDialog.getOpenFileNames(
            self, tr("Import presets"), "", tr("Presets (*{suffix});;All files (*)", suffix=SUFFIX)
        )
        if files:
            self._try(lambda: self.model.load(Path(file) for file in files))

    def _export(self) -> None:
        preset = self.chosen
        if preset is None:
            return
        path, _ = QFileDialog.getSaveFileName(
            self, tr("Export preset"), f"{preset.name}{SUFFIX}", tr("Presets (*{suffix})", suffix=SUFFIX)
        )
        if path:
            self._try(lambda: write_preset(preset, Path(path)))

    def _delete(self) -> None:
        if self.chosen is not None:
            self.model.delete(self.chosen)

    def _try(self, do: object) -> None:
        try:
            do()  # type: ignore[operator]
        except UsageError as error:
            self.model.photo.fail(error, tr("Presets"))

    def _changed(self) -> None:
        names = [preset for presets in self.model.by_category().values() for preset in presets]
        if names != self.tree.presets:
            self.tree.fill()
        self._refresh()

    def _photo_changed(self, change: Change) -> None:
        if change & (Change.PHOTO | Change.PROPOSAL):
            self._refresh()

    def _refresh(self) -> None:
        applied, preset = self.model.applied, self.chosen
        active = self.model.photo.stage is Stage.PROPOSED
        self.title.setText(applied.title if applied else tr("Choose a preset; rest the mouse on one to see it."))
        self.amount.setEnabled(applied is not None)
        self.amount.show_value(self.model.amount if applied else 50)
        self.keep.setEnabled(active)
        self.export.setEnabled(preset is not None)
        self.delete.setEnabled(preset is not None and preset.path is not None)

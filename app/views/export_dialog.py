"""Export: where to, format, depth, quality."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QFileDialog,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QSlider,
    QVBoxLayout,
    QWidget,
)

from app.viewmodels.state import ExportRequest
from engine.types import Photo

FORMATS = {"JPEG": ("jpeg", ".jpg"), "TIFF": ("tiff", ".tif"), "PNG": ("png", ".png")}


def suggested(photo: Path, suffix: str) -> Path:
    """A name beside the photo that is free."""
    number, candidate = 2, photo.with_name(f"{photo.stem}-retouched{suffix}")
    while candidate.exists():
        candidate = photo.with_name(f"{photo.stem}-retouched-{number}{suffix}")
        number += 1
    return candidate


class ExportDialog(QDialog):
    """Asks; `request` is the answer after `accept`."""

    def __init__(self, photo: Photo, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.photo = photo
        self.request: ExportRequest | None = None
        self.setWindowTitle("Export")
        self.setMinimumWidth(520)
        self.path = QLineEdit()
        self.path.setAccessibleName("File")
        self.format_box = QComboBox()
        self.format_box.addItems(list(FORMATS))
        self.depth_box = QComboBox()
        self.quality_box = QSlider(Qt.Orientation.Horizontal)
        self.quality_box.setRange(50, 100)
        self.quality_box.setValue(95)
        self.quality_number = QLabel()
        self.note = QLabel()
        self.note.setProperty("role", "muted")
        self.note.setWordWrap(True)
        self.note.setTextFormat(Qt.TextFormat.PlainText)
        self.export = QPushButton("Export")
        self.export.setProperty("role", "primary")
        self.export.setDefault(True)
        self._lay_out()
        self.format_box.currentTextChanged.connect(self._format_changed)
        self.depth_box.currentIndexChanged.connect(self._check)
        self.quality_box.valueChanged.connect(lambda value: self.quality_number.setText(str(value)))
        self.path.textChanged.connect(self._check)
        self.export.clicked.connect(self.accept)
        self.quality_number.setText("95")
        known = {"jpeg": "JPEG", "tiff": "TIFF", "png": "PNG"}
        self.format_box.setCurrentText(known.get(photo.format.lower(), "TIFF" if photo.depth == 16 else "JPEG"))
        self.path.setText(str(suggested(photo.path, FORMATS[self.format_box.currentText()][1])))
        self._format_changed()

    def _lay_out(self) -> None:
        browse, cancel = QPushButton("Choose…"), QPushButton("Cancel")
        browse.clicked.connect(self._browse)
        cancel.clicked.connect(self.reject)
        grid = QGridLayout()
        grid.setHorizontalSpacing(14)
        grid.setVerticalSpacing(12)
        grid.setColumnStretch(1, 1)
        for row, name in enumerate(("File", "Format", "Depth", "Quality")):
            label = QLabel(name)
            label.setProperty("role", "muted")
            grid.addWidget(label, row, 0)
        grid.addWidget(self.path, 0, 1)
        grid.addWidget(browse, 0, 2)
        grid.addWidget(self.format_box, 1, 1)
        grid.addWidget(self.depth_box, 2, 1)
        grid.addWidget(self.quality_box, 3, 1)
        grid.addWidget(self.quality_number, 3, 2)
        buttons = QHBoxLayout()
        buttons.addStretch()
        buttons.addWidget(cancel)
        buttons.addWidget(self.export)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(22, 20, 22, 18)
        layout.setSpacing(16)
        layout.addLayout(grid)
        layout.addWidget(self.note)
        layout.addLayout(buttons)

    def accept(self) -> None:
        """Only with a usable place; an existing file is replaced only if the note said so and it is not the photo."""
        if not self.export.isEnabled():
            return
        name, _ = FORMATS[self.format_box.currentText()]
        depth = self.depth_box.currentData()
        self.request = ExportRequest(self._target(), name, depth, self.quality_box.value(), self._target().exists())
        super().accept()

    def _target(self) -> Path:
        return Path(self.path.text().strip()).expanduser()

    def _format_changed(self, _: str = "") -> None:
        name, suffix = FORMATS[self.format_box.currentText()]
        depths = (8,) if name == "jpeg" else (8, 16) if self.photo.depth == 8 else (16, 8)
        self.depth_box.clear()
        for depth in depths:
            self.depth_box.addItem(f"{depth} bit per channel", depth)
        self.depth_box.setEnabled(len(depths) > 1)
        for widget in (self.quality_box, self.quality_number):
            widget.setEnabled(name == "jpeg")
        if self.path.text():
            path = self._target()
            stem_kept = path.with_suffix(suffix)
            self.path.setText(str(suggested(self.photo.path, suffix) if stem_kept.exists() else stem_kept))
        self._check()

    def _check(self, _: object = None) -> None:
        target = self._target()
        same = target.exists() and target.samefile(self.photo.path) if self.photo.path.exists() else False
        usable = bool(self.path.text().strip()) and not same and target.parent.is_dir() and not target.is_dir()
        self.export.setEnabled(usable)
        if same:
            self.note.setText("The photo itself is never overwritten. Choose another name.")
        elif not usable:
            self.note.setText("Choose a file in a folder that exists.")
        elif target.exists():
            self.note.setText(f"{target.name} exists and will be replaced.")
        elif self.photo.depth == 16 and self.depth_box.currentData() == 8:
            self.note.setText("The photo has 16 bit per channel; this export has 8. Profile and metadata are kept.")
        else:
            self.note.setText("The colour profile and the metadata are kept.")

    def _browse(self) -> None:
        options = QFileDialog.Option.DontConfirmOverwrite
        path, _ = QFileDialog.getSaveFileName(self, "Export to", self.path.text(), options=options)
        if path:
            self.path.setText(path)

"""Export: which recipes, what they are, and where the files of the chosen photos will go."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError
from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QFileDialog,
    QFormLayout,
    QFrame,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from app.language import said, tr
from app.viewmodels.labels import counted
from app.views.parts import number, section
from engine.delivery import plan
from engine.delivery.naming import TOKENS, Subject
from engine.delivery.recipe import Recipe
from engine.library.frames import Frame
from engine.outputs import SUFFIXES

FORMATS = {"own": tr("Like the photo"), "jpeg": "JPEG", "tiff": "TIFF", "png": "PNG", "layered": tr("TIFF with layers")}
DEPTHS = {None: tr("Like the photo"), 8: tr("8 bit"), 16: tr("16 bit")}
PROFILES = {
    "own": tr("The photo's own"),
    "srgb": "sRGB",
    "adobe_rgb": "Adobe RGB compatible",
    "display_p3": "Display P3",
}
SIZES = {"full": tr("Full size"), "long_edge": tr("Long edge"), "megapixels": tr("Megapixels")}
SHARPEN = {"none": tr("None"), "low": tr("Low"), "standard": tr("Standard"), "high": tr("High")}
KEEP = {"all": tr("Everything"), "copyright": tr("Copyright only"), "none": tr("Nothing")}
EXISTING = {"rename": tr("Choose a new name"), "replace": tr("Replace it"), "skip": tr("Leave it")}


class RecipesDialog(QDialog):
    """Asks; after `accept`, `recipes` are all and `chosen` those to export with."""

    def __init__(
        self, frames: Sequence[Frame], recipes: Sequence[Recipe], chosen: Sequence[str], parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle(tr("Export"))
        self.setMinimumSize(840, 560)
        self.frames, self.recipes = list(frames), list(recipes)
        self._filling = False
        self.list = QListWidget()
        self.list.setAccessibleName(tr("Recipes"))
        self.list.setObjectName("recipes")
        self.list.setFixedWidth(230)
        self.fields: dict[str, Any] = {}
        self.note, self.count = QLabel(), QLabel()
        for label in (self.note, self.count):
            label.setProperty("role", "muted")
            label.setTextFormat(Qt.TextFormat.PlainText)
            label.setWordWrap(True)
        self.export = QPushButton(tr("Export"))
        self.export.setProperty("role", "primary")
        self.export.setDefault(True)
        self._make_fields()
        self._lay_out()
        known = {recipe.name for recipe in recipes}
        wanted = [name for name in chosen if name in known] or [recipes[0].name]
        for recipe in recipes:
            self._append(recipe, checked=recipe.name in wanted)
        self.list.currentRowChanged.connect(lambda _: self._show())
        self.list.itemChanged.connect(self._renamed)
        self.list.setCurrentRow(next(row for row, recipe in enumerate(recipes) if recipe.name in wanted))
        self._show()

    @property
    def chosen(self) -> tuple[Recipe, ...]:
        """The checked recipes."""
        checked = Qt.CheckState.Checked
        return tuple(r for row, r in enumerate(self.recipes) if self.list.item(row).checkState() is checked)

    # --- construction -------------------------------------------------------------------------------------------------

    def _make_fields(self) -> None:
        choices: dict[str, Mapping[Any, str]] = {
            "format": FORMATS, "depth": DEPTHS, "profile": PROFILES, "size": SIZES, "sharpen": SHARPEN,
            "metadata": KEEP, "existing": EXISTING,
        }  # fmt: skip
        for name, options in choices.items():
            box = QComboBox()
            for value, text in options.items():
                box.addItem(text, value)
            box.currentIndexChanged.connect(lambda _: self._edited())
            self.fields[name] = box
        for name in ("naming", "folder", "watermark"):
            line = QLineEdit()
            line.textEdited.connect(lambda _: self._edited())
            self.fields[name] = line
        self.fields["watermark"].setPlaceholderText(tr("None"))
        self.fields["naming"].setToolTip("\n".join(f"{{{token}}}  {what}" for token, what in TOKENS.items()))
        self.fields["folder"].setToolTip(tr("A folder beside the photo, or a whole path"))
        quality, edge, mega = number(1, 100), number(64, 65500, tr(" px")), number(0.1, 400.0, tr(" MP"))
        for name, spin in (("quality", quality), ("long_edge", edge), ("megapixels", mega)):
            spin.setFixedSize(96, 27)
            spin.valueChanged.connect(lambda _: self._edited())
            self.fields[name] = spin

    def _lay_out(self) -> None:
        add, copy, remove = QPushButton(tr("New")), QPushButton(tr("Copy")), QPushButton(tr("Remove"))
        add.clicked.connect(lambda: self._add(Recipe(name=self._free(tr("New recipe")))))
        copy.clicked.connect(self._copy)
        remove.clicked.connect(self._remove)
        under = QHBoxLayout()
        under.setSpacing(8)
        for button in (add, copy, remove):
            button.setAutoDefault(False)
            under.addWidget(button)
        under.addStretch(1)
        left = QVBoxLayout()
        left.addWidget(section(tr("Recipes")))
        left.addWidget(self.list, 1)
        left.addLayout(under)
        form = QFormLayout()
        form.setLabelAlignment(Qt.AlignmentFlag.AlignLeft)
        form.setHorizontalSpacing(18)
        form.setVerticalSpacing(9)
        f = self.fields
        rows: tuple[tuple[str, QWidget | QHBoxLayout], ...] = (
            (tr("Format"), _row(f["format"], f["depth"])),
            (tr("JPEG quality"), _row(f["quality"])),
            (tr("Colour profile"), f["profile"]),
            (tr("Size"), _row(f["size"], f["long_edge"], f["megapixels"])),
            (tr("Output sharpening"), f["sharpen"]),
            (tr("File name"), f["naming"]),
            (tr("Folder"), _row(f["folder"], self._browse())),
            (tr("If it exists"), f["existing"]),
            (tr("Metadata"), f["metadata"]),
            (tr("Watermark"), f["watermark"]),
        )
        for text, widget in rows:
            label = QLabel(text)
            label.setProperty("role", "muted")
            form.addRow(label, widget)
            for each in f.values():
                if widget is each or (isinstance(widget, QHBoxLayout) and widget.indexOf(each) >= 0):
                    each.setAccessibleName(text)
        right = QVBoxLayout()
        right.addWidget(section(tr("Recipe Settings")))
        right.addLayout(form)
        right.addStretch(1)
        right.addWidget(self.note)
        across = QHBoxLayout()
        across.setSpacing(22)
        across.addLayout(left)
        across.addLayout(right, 1)
        cancel = QPushButton(tr("Cancel"))
        cancel.clicked.connect(self.reject)
        self.export.clicked.connect(self.accept)
        foot = QHBoxLayout()
        foot.setSpacing(8)
        foot.addWidget(self.count, 1)
        foot.addWidget(cancel)
        foot.addWidget(self.export)
        line = QFrame()
        line.setObjectName("divider")
        line.setFixedHeight(1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(22, 18, 22, 16)
        layout.setSpacing(14)
        layout.addLayout(across, 1)
        layout.addWidget(line)
        layout.addLayout(foot)

    def _browse(self) -> QPushButton:
        button = QPushButton(tr("Choose…"))
        button.setAutoDefault(False)
        button.clicked.connect(self._ask_folder)
        return button

    # --- the list -----------------------------------------------------------------------------------------------------

    def _append(self, recipe: Recipe, *, checked: bool) -> None:
        item = QListWidgetItem(said(recipe.name))
        item.setFlags(item.flags() | Qt.ItemFlag.ItemIsUserCheckable | Qt.ItemFlag.ItemIsEditable)
        item.setCheckState(Qt.CheckState.Checked if checked else Qt.CheckState.Unchecked)
        self._filling = True
        self.list.addItem(item)
        self._filling = False

    def _add(self, recipe: Recipe) -> None:
        self.recipes.append(recipe)
        self._append(recipe, checked=True)
        self.list.setCurrentRow(len(self.recipes) - 1)
        self.list.editItem(self.list.currentItem())

    def _copy(self) -> None:
        recipe = self._current()
        self._add(recipe.model_copy(update={"name": self._free(recipe.name)}))

    def _remove(self) -> None:
        if len(self.recipes) > 1:
            row = self.list.currentRow()
            del self.recipes[row]
            self.list.takeItem(row)
            self._show()

    def _renamed(self, item: QListWidgetItem) -> None:
        if self._filling:
            return
        row, name = self.list.row(item), item.text().strip()[:60]
        if name != said(self.recipes[row].name):
            others = {recipe.name for place, recipe in enumerate(self.recipes) if place != row}
            fit = name if name and name not in others else self._free(name or self.recipes[row].name)
            self.recipes[row] = self.recipes[row].model_copy(update={"name": fit})
            self._filling = True
            item.setText(fit)
            self._filling = False
        self._say()

    def _free(self, name: str) -> str:
        taken, number, base = {recipe.name for recipe in self.recipes}, 2, name
        while name in taken:
            name, number = f"{base[:55]} {number}", number + 1
        return name

    def _current(self) -> Recipe:
        return self.recipes[max(self.list.currentRow(), 0)]

    # --- the fields ---------------------------------------------------------------------------------------------------

    def _show(self) -> None:
        """The current recipe in the fields."""
        recipe, f = self._current(), self.fields
        self._filling = True
        for name in ("format", "depth", "profile", "sharpen", "metadata", "existing"):
            f[name].setCurrentIndex(f[name].findData(getattr(recipe, name)))
        for name in ("naming", "folder", "watermark"):
            f[name].setText(getattr(recipe, name))
        f["quality"].setValue(recipe.quality)
        size = "long_edge" if recipe.long_edge else "megapixels" if recipe.megapixels else "full"
        f["size"].setCurrentIndex(f["size"].findData(size))
        f["long_edge"].setValue(recipe.long_edge or 2048)
        f["megapixels"].setValue(recipe.megapixels or 12.0)
        self._filling = False
        self._say()

    def _edited(self) -> None:
        """The fields into the current recipe, as far as they make sense together."""
        if self._filling:
            return
        f = self.fields
        values: dict[str, Any] = {"name": self._current().name, "quality": f["quality"].value()}
        for name in ("format", "depth", "profile", "sharpen", "metadata", "existing"):
            values[name] = f[name].currentData()
        for name in ("naming", "folder", "watermark"):
            values[name] = f[name].text()
        size = f["size"].currentData()
        if size != "full":
            values[size] = f[size].value()
        if values["format"] == "jpeg":
            values["depth"] = None
        if values["format"] == "layered":
            values |= {"profile": "own", "sharpen": "none", "watermark": "", "depth": None}
            values.pop("long_edge", None)
            values.pop("megapixels", None)
        try:
            recipe = Recipe.model_validate(values)
        except ValidationError as error:
            message = str(error.errors()[0]["msg"]).removeprefix("Value error, ")
            self._say(message[:1].upper() + message[1:] + ".")
            return
        self.recipes[max(self.list.currentRow(), 0)] = recipe
        if values["format"] == "layered":
            self._show()
        self._say()

    def _say(self, wrong: str = "") -> None:
        """What fits, an example, and how many files there will be."""
        f, recipe = self.fields, self._current()
        layered, size = f["format"].currentData() == "layered", f["size"].currentData()
        f["quality"].setEnabled(f["format"].currentData() in ("jpeg", "own"))
        f["depth"].setEnabled(f["format"].currentData() in ("own", "tiff", "png"))
        for name in ("profile", "size", "sharpen", "watermark"):
            f[name].setEnabled(not layered)
        f["long_edge"].setVisible(size == "long_edge")
        f["megapixels"].setVisible(size == "megapixels")
        chosen = self.chosen
        if wrong:
            self.note.setText(wrong)
        elif self.frames:
            frame = self.frames[0]
            target = plan.preview(recipe, Subject(frame.path, frame.captured, frame.cull.stars))
            suffix = SUFFIXES[recipe.written][0] if recipe.written else frame.path.suffix
            self.note.setText(tr("For example {with_suffix}", with_suffix=target.with_suffix(suffix)))
        photos, files = (
            counted(len(self.frames), "photo", "photos"),
            counted(len(self.frames) * len(chosen), "file", "files"),
        )
        self.count.setText(
            f"{photos}, {counted(len(chosen), 'recipe', 'recipes')}: {files}" if chosen else tr("Check a recipe.")
        )
        self.export.setText(tr("Export {photos}", photos=photos))
        self.export.setEnabled(bool(chosen) and not wrong and bool(self.frames))

    def _ask_folder(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, tr("Export to"), self.fields["folder"].text())
        if folder:
            self.fields["folder"].setText(folder)
            self._edited()


def _row(*widgets: QWidget) -> QHBoxLayout:
    row = QHBoxLayout()
    row.setSpacing(8)
    for widget in widgets:
        row.addWidget(widget, 1 if isinstance(widget, (QComboBox, QLineEdit)) else 0)
    if not any(isinstance(widget, (QComboBox, QLineEdit)) for widget in widgets):
        row.addStretch(1)
    return row

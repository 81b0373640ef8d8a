"""Parts that several windows are made of."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from PySide6.QtCore import QAbstractItemModel, QAbstractTableModel, QModelIndex, QPersistentModelIndex, QSize, Qt
from PySide6.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QDoubleSpinBox,
    QFileDialog,
    QFormLayout,
    QHeaderView,
    QLabel,
    QProgressBar,
    QPushButton,
    QScrollArea,
    QSpinBox,
    QTableView,
    QWidget,
)

from app.language import tr

Index = QModelIndex | QPersistentModelIndex
NO_INDEX = QModelIndex()
FRAME = QSize(8, 40)
"""What a window's frame may take, which is not known before it shows, in logical pixels."""
READABLE = 620
"""Width of lines of words."""


def words(role: str, text: str = "") -> QLabel:
    """A label for sentences, of any length."""
    label = QLabel(text)
    label.setProperty("role", role)
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setWordWrap(True)
    return label


def section(title: str) -> QLabel:
    """The heading of what is below it."""
    label = QLabel(title)
    label.setProperty("role", "section")
    return label


def say(label: QLabel, text: str) -> None:
    """Show a text, or nothing in its place."""
    label.setText(text)
    label.setVisible(bool(text))


def button(text: str, tip: str, do: Callable[[], object] | None = None, role: str = "") -> QPushButton:
    """A button that Return does not press by itself."""
    made = QPushButton(text)
    made.setToolTip(tip)
    made.setAutoDefault(False)
    if role:
        made.setProperty("role", role)
    if do is not None:
        made.clicked.connect(lambda: do())
    return made


def keyless(text: str, tip: str, do: Callable[[], object]) -> QPushButton:
    """A button that never takes the keys away from answers."""
    made = button(text, tip, do)
    made.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    return made


def room_of(widget: QWidget) -> QSize:
    """What a window may take of the screen, without its frame."""
    return widget.screen().availableSize() - FRAME


def take_room(window: QWidget, width: int, height: int) -> None:
    """Open a window at this size, or as large as the screen lets all of it be seen."""
    window.resize(QSize(width, height).boundedTo(room_of(window.parentWidget() or window)))


def keep_place(widget: QWidget) -> None:
    """Nothing else moves when the widget is hidden or shown."""
    policy = widget.sizePolicy()
    policy.setRetainSizeWhenHidden(True)
    widget.setSizePolicy(policy)


def hold_width(button: QPushButton, texts: Sequence[str]) -> None:
    """As wide as the widest of the texts that a button may have, so that its neighbours stay where they are."""
    before, widest = button.text(), 0
    button.ensurePolished()
    for text in texts:
        button.setText(text)
        widest = max(widest, button.sizeHint().width())
    button.setText(before)
    button.setMinimumWidth(widest)


def scrolling(inside: QWidget, *, across: bool = False) -> QScrollArea:
    """A place for more than fits. It follows the focus of what is in it. across: also from left to right."""
    inside.setObjectName("scrolled")
    made = QScrollArea()
    made.setWidget(inside)
    made.setWidgetResizable(True)
    made.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    if not across:
        made.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    return made


def thin_bar(name: str) -> QProgressBar:
    """A bar of thousandths without a text. name: for screen readers."""
    bar = QProgressBar()
    bar.setTextVisible(False)
    bar.setFixedHeight(4)
    bar.setRange(0, 1000)
    bar.setAccessibleName(name)
    return bar


class Rows(QAbstractTableModel):
    """What a table shows, a row for each item. Subclasses say what stands in a cell."""

    def __init__(self, columns: Sequence[str], parent: QWidget) -> None:
        super().__init__(parent)
        self.columns = columns
        self.items: Sequence[Any] = ()

    def put(self, items: Sequence[Any]) -> None:
        """Show other items."""
        self.beginResetModel()
        self.items = items
        self.endResetModel()

    def rowCount(self, parent: Index = NO_INDEX) -> int:
        return 0 if parent.isValid() else len(self.items)

    def columnCount(self, parent: Index = NO_INDEX) -> int:
        return 0 if parent.isValid() else len(self.columns)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if role == Qt.ItemDataRole.DisplayRole and orientation is Qt.Orientation.Horizontal:
            return self.columns[section]
        return None


def form(rows: Sequence[tuple[str, QComboBox | QLabel]]) -> QFormLayout:
    """Names with what is chosen or said of them."""
    made = QFormLayout()
    made.setHorizontalSpacing(24)
    made.setVerticalSpacing(12)
    made.setLabelAlignment(Qt.AlignmentFlag.AlignLeft)
    made.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.FieldsStayAtSizeHint)
    for name, field in rows:
        label = words("muted", name)
        label.setWordWrap(False)
        made.addRow(label, field)
        field.setAccessibleName(name)
        if isinstance(field, QComboBox):
            field.setMinimumWidth(280)
        else:
            field.setWordWrap(False)
    return made


def table(model: QAbstractItemModel, name: str, widths: Sequence[int]) -> QTableView:
    """Rows to choose from. name: for screen readers. widths: of all columns but the last, which takes the rest."""
    made = QTableView()
    made.setModel(model)
    made.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
    made.setShowGrid(False)
    made.setWordWrap(False)
    made.setTabKeyNavigation(False)  # Tab leaves, arrows move
    made.setAccessibleName(name)
    made.verticalHeader().hide()
    made.verticalHeader().setDefaultSectionSize(28)
    header = made.horizontalHeader()
    header.setHighlightSections(False)
    header.setSectionsClickable(False)
    header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
    for section, width in enumerate(widths):
        header.resizeSection(section, width)
    header.setSectionResizeMode(len(widths), QHeaderView.ResizeMode.Stretch)
    return made


def number(low: float, high: float, unit: str = "") -> Any:
    """A field for a number: QSpinBox for int limits, else QDoubleSpinBox with a decimal."""
    spin: Any = QSpinBox() if isinstance(low, int) else QDoubleSpinBox()
    if isinstance(spin, QDoubleSpinBox):
        spin.setDecimals(1)
    spin.setRange(low, high)
    spin.setSuffix(unit)
    spin.lineEdit().setTextMargins(6, 0, 0, 0)  # a style sheet's padding leaves out the text
    return spin


def ask_profile(parent: QWidget) -> str:
    """A dialog for the monitor's ICC file. Returns: its path, empty if none is chosen."""
    file, _ = QFileDialog.getOpenFileName(
        parent, tr("Monitor profile"), "", tr("ICC profiles (*.icc *.icm *.ICC *.ICM);;All files (*)")
    )
    return file


def fill(box: QComboBox, items: Sequence[tuple[str, object]], chosen: object) -> None:
    """Show other items, if they are others; none is chosen by that."""
    if [(box.itemText(i), box.itemData(i)) for i in range(box.count())] != list(items):
        box.clear()
        for text, data in items:
            box.addItem(text, data)
    box.setCurrentIndex(next((i for i, (_, data) in enumerate(items) if data == chosen), 0))


def make_way(bar: QWidget, spare: Sequence[QWidget]) -> None:
    """Show as much of what a bar can spare, named from the least needed, as leaves every word whole."""
    layout = bar.layout()
    assert layout is not None
    widths = [each.sizeHint().width() + layout.spacing() for each in spare]
    hidden = sum(width for each, width in zip(spare, widths, strict=True) if each.isHidden())
    need = bar.minimumSizeHint().width() + hidden
    for each, width in zip(spare, widths, strict=True):
        fits = need <= bar.width()
        if each.isHidden() == fits:
            each.setVisible(fits)
        need -= 0 if fits else width

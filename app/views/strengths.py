"""The strengths: a name, a slider, a number. 50 is as proposed; the notch is where a slider starts.

Habits of photographers: double-click on the name resets, arrows step by 1, Shift+arrows by 10, a typed number is taken,
a drag is one history entry.
"""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QFocusEvent,
    QIntValidator,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QWheelEvent,
)
from PySide6.QtWidgets import QComboBox, QFrame, QHBoxLayout, QLabel, QLineEdit, QSlider, QVBoxLayout, QWidget

from app.language import tr
from app.viewmodels.editing import default_strength
from app.viewmodels.identity import IdentityModel
from app.viewmodels.labels import AMOUNT, AREA_TITLES, DIMENSIONS, FEATURES, PRESERVE, Dimension, LayerLabel
from app.viewmodels.photo import PhotoModel
from app.viewmodels.state import Change, Stage
from app.views import theme
from app.views.parts import section

STEP, LARGE_STEP = 1, 10
KNOB = 6.0
NAME_WIDTH, INDENT = 92, 12


class StrengthSlider(QSlider):
    """0–100 with a notch at `origin`; a press anywhere on it takes the knob there."""

    number_wanted = Signal()
    """Return was pressed: the number is to be typed."""

    def __init__(self, origin: int) -> None:
        super().__init__(Qt.Orientation.Horizontal)
        self.origin = origin
        self.setRange(0, 100)
        self.setSingleStep(STEP)
        self.setPageStep(LARGE_STEP)
        self.setFixedHeight(22)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.mixed = False

    def minimumSizeHint(self) -> QSize:
        return QSize(60, 22)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        middle, left, right = self.height() / 2, KNOB + 1, self.width() - KNOB - 1
        knob = left + (right - left) * self.value() / 100
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(theme.GROOVE))
        painter.drawRoundedRect(QRectF(left, middle - 1.5, right - left, 3), 1.5, 1.5)
        notch = left + (right - left) * self.origin / 100
        painter.setBrush(QColor(theme.FAINT if self.isEnabled() else theme.EDGE))
        painter.drawRect(QRectF(notch - 0.5, middle - 5, 1, 10))
        if not self.isEnabled():
            painter.setBrush(QColor(theme.EDGE))
            painter.drawEllipse(QPointF(knob, middle), KNOB - 1.5, KNOB - 1.5)
            return
        painter.setBrush(QColor(theme.ACCENT))
        span = sorted((notch, knob))
        painter.drawRoundedRect(QRectF(span[0], middle - 1.5, span[1] - span[0], 3), 1.5, 1.5)
        lively = self.underMouse() or self.isSliderDown() or self.hasFocus()
        painter.setPen(QPen(QColor(0, 0, 0, 110), 1))
        painter.setBrush(QColor(theme.KNOB_HOVER if lively else theme.KNOB))
        if self.mixed:
            painter.setBrush(QColor(theme.PANEL))
            painter.setPen(QPen(QColor(theme.KNOB), 1.5))
        painter.drawEllipse(QPointF(knob, middle), KNOB, KNOB)
        if self.hasFocus():
            painter.setPen(QPen(QColor(theme.ACCENT), 1.5))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawEllipse(QPointF(knob, middle), KNOB + 2, KNOB + 2)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() is Qt.MouseButton.LeftButton:
            self.setSliderDown(True)
            self._follow(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self.isSliderDown():
            self._follow(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if self.isSliderDown():
            self.setSliderDown(False)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        steps = {Qt.Key.Key_Right: 1, Qt.Key.Key_Up: 1, Qt.Key.Key_Left: -1, Qt.Key.Key_Down: -1}
        direction = steps.get(Qt.Key(event.key()))
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.number_wanted.emit()
            return
        if direction is None:
            super().keyPressEvent(event)
            return
        large = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
        self.setValue(self.value() + direction * (LARGE_STEP if large else STEP))

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Only with focus, so that scrolling the panel changes nothing by accident."""
        if self.hasFocus():
            super().wheelEvent(event)
        else:
            event.ignore()

    def _follow(self, event: QMouseEvent) -> None:
        left, right = KNOB + 1, self.width() - KNOB - 1
        self.setValue(round((event.position().x() - left) / (right - left) * 100))


class NameLabel(QLabel):
    """A slider's name; double-click resets."""

    doubled = Signal()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        self.doubled.emit()


class Number(QLineEdit):
    """A number to be typed over: the click that enters it selects it, a further one places the cursor."""

    _entered = False

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self._entered = event.reason() is Qt.FocusReason.MouseFocusReason

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        super().mouseReleaseEvent(event)
        if self._entered and not self.hasSelectedText():
            self.selectAll()
        self._entered = False


class StrengthRow(QWidget):
    """One strength."""

    changed = Signal(float, str)
    """(value, how): "drag" while the knob is held, "step" by key or wheel, "set" at once or at the end of a drag."""

    def __init__(self, label: LayerLabel, origin: float, indent: int = 0) -> None:
        super().__init__()
        self.label = label
        self.origin = round(origin)
        self.name = NameLabel(label.title)
        self.name.setFixedWidth(NAME_WIDTH - indent)
        self.name.setToolTip(tr("{help}\nDouble-click resets to {origin}.", help=label.help, origin=self.origin))
        self.slider = StrengthSlider(self.origin)
        self.slider.setToolTip(label.help)
        self.slider.setAccessibleName(label.title)
        self.slider.setAccessibleDescription(label.help)
        self.number = Number()
        self.number.setObjectName("value")
        self.number.setFixedWidth(34)
        self.number.setAlignment(Qt.AlignmentFlag.AlignRight)
        self.number.setValidator(QIntValidator(0, 100, self))
        self.number.setAccessibleName(tr("{name}, number", name=label.title))
        layout = QHBoxLayout(self)
        layout.setContentsMargins(indent, 1, 0, 1)
        layout.setSpacing(6)
        layout.addWidget(self.name)
        layout.addWidget(self.slider, 1)
        layout.addWidget(self.number)
        self.name.doubled.connect(lambda: self.changed.emit(float(self.origin), "set"))
        self.slider.valueChanged.connect(self._slid)
        self.slider.sliderReleased.connect(lambda: self.changed.emit(float(self.slider.value()), "set"))
        self.slider.number_wanted.connect(self._type)
        self.number.returnPressed.connect(self.slider.setFocus)  # letters and digits are shortcuts again
        self.number.editingFinished.connect(self._typed)
        self.number.installEventFilter(self)

    def _type(self) -> None:
        self.number.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.number.selectAll()

    def set_origin(self, origin: float) -> None:
        """Where the slider starts, and where a double-click on the name takes it."""
        if round(origin) != self.origin:
            self.origin = self.slider.origin = round(origin)
            self.name.setToolTip(
                tr("{help}\nDouble-click resets to {origin}.", help=self.label.help, origin=self.origin)
            )
            self.slider.update()

    def show_value(self, value: float | None) -> None:
        """None: the faces differ."""
        self.slider.blockSignals(True)
        self.slider.mixed = value is None
        self.slider.setValue(self.origin if value is None else round(value))
        self.slider.blockSignals(False)
        self.slider.update()
        text = "–" if value is None else f"{value:.0f}"
        if not (self.number.hasFocus() and self.number.isModified()):
            self.number.setText(text)
        touched = value is None or round(value) != self.origin
        if self.number.property("touched") != touched:
            self.number.setProperty("touched", touched)
            self.number.style().unpolish(self.number)
            self.number.style().polish(self.number)

    def eventFilter(self, watched: object, event: QEvent) -> bool:
        """Arrows in the number step it; Escape leaves it."""
        if watched is self.number and event.type() is QEvent.Type.KeyPress and isinstance(event, QKeyEvent):
            if event.key() in (Qt.Key.Key_Up, Qt.Key.Key_Down):
                self.slider.keyPressEvent(event)
                self.number.setText(str(self.slider.value()))
                self.number.selectAll()
                return True
            if event.key() == Qt.Key.Key_Escape:
                self.number.setText(str(self.slider.value()))
                self.slider.setFocus()
                return True
        return False

    def _slid(self, value: int) -> None:
        self.changed.emit(float(value), "drag" if self.slider.isSliderDown() else "step")

    def _typed(self) -> None:
        if self.number.isModified() and self.number.hasAcceptableInput():
            self.number.setModified(False)
            self.changed.emit(float(self.number.text()), "set")


class AreaChoice(QComboBox):
    """Which part of the face the strengths are for."""

    def __init__(self, photo: PhotoModel) -> None:
        super().__init__()
        self.photo = photo
        self.addItem(tr("Whole face"), None)
        for area, title in AREA_TITLES.items():
            self.addItem(title, area)
        self.setToolTip(tr("Set strengths of one part of the face. 50 is as the rest of the face."))
        self.setAccessibleName(tr("Part of the face"))
        self.activated.connect(lambda index: photo.select_area(self.itemData(index)))

    def refresh(self) -> None:
        """Show the choice, and a dot at the parts that have strengths of their own."""
        own = {area for face in self.photo.targets for area in self.photo.edits_of(face).regions}
        for index in range(1, self.count()):
            area = self.itemData(index)
            self.setItemText(index, f"{AREA_TITLES[area]}  •" if area in own else AREA_TITLES[area])
        self.setCurrentIndex(max(self.findData(self.photo.area), 0))


class StrengthsPanel(QWidget):
    """All strengths of the faces that are selected, or of one part of them."""

    def __init__(self, photo: PhotoModel, identity: IdentityModel) -> None:
        super().__init__()
        self.photo, self.identity = photo, identity
        self.rows: dict[str, StrengthRow] = {}
        self.groups: dict[Dimension, StrengthRow] = {}
        self.area = AreaChoice(photo)
        self.drift = QLabel()
        self.drift.setProperty("role", "faint")
        self.drift.setContentsMargins(INDENT, 0, 0, 3)
        self.drift.setToolTip(
            tr("Distance of the face before and after, by a recognition network. 0.30 and more is drift.")
        )
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(0)
        self._column.addWidget(self.area)
        self._column.addSpacing(theme.SPACE)
        self._add(AMOUNT)
        self._line()
        for dimension in DIMENSIONS:
            if len(dimension.parts) > 1:
                self._add_group(dimension)
            for label in dimension.parts:
                self._add(label, INDENT if len(dimension.parts) > 1 else 0)
            if PRESERVE in dimension.parts:
                self._column.addWidget(self.drift)
        self._line()
        self._column.addWidget(section(tr("Eyes and teeth")))
        self._column.addSpacing(3)
        for label in FEATURES:
            self._add(label)
        photo.changed.connect(self._refresh)
        identity.changed.connect(self._show_drift)
        self._refresh(Change.PROPOSAL)
        self._show_drift()

    def step(self, by: int) -> None:
        """Give the arrow keys to the next slider, or to the one before; at first to the first, or the last."""
        sliders = [row.slider for row in self.findChildren(StrengthRow) if row.slider.isEnabled()]
        if not sliders:
            return
        at = next((index for index, each in enumerate(sliders) if each.hasFocus()), -1 if by > 0 else len(sliders))
        sliders[min(max(at + by, 0), len(sliders) - 1)].setFocus(Qt.FocusReason.TabFocusReason)

    def _show_drift(self) -> None:
        """The line is always there, so that no slider moves away under the mouse when the measure comes."""
        self.drift.setText(self.identity.words or " ")

    def _line(self) -> None:
        self._column.addSpacing(theme.SPACE)
        line = QFrame()
        line.setObjectName("divider")
        line.setFixedHeight(1)
        self._column.addWidget(line)
        self._column.addSpacing(theme.SPACE)

    def _add(self, label: LayerLabel, indent: int = 0) -> None:
        row = StrengthRow(label, default_strength(label.name), indent)
        row.changed.connect(lambda value, how: self._set(label.name, value, how))
        if indent:
            row.name.setProperty("role", "muted")
        self.rows[label.name] = row
        self._column.addWidget(row)

    def _add_group(self, dimension: Dimension) -> None:
        """A slider that moves its parts together."""
        names = tuple(part.name for part in dimension.parts)
        row = StrengthRow(LayerLabel("", dimension.title, dimension.help), _mean(map(default_strength, names)))
        row.changed.connect(
            lambda value, how: self.photo.set_group(
                dimension.title, names, value, commit=how != "drag", merge=how == "step"
            )
        )
        self.groups[dimension] = row
        self._column.addWidget(row)

    def _set(self, name: str, value: float, how: str) -> None:
        self.photo.set_strength(name, value, commit=how != "drag", merge=how == "step")

    def _refresh(self, change: Change) -> None:
        if not change & (Change.EDITS | Change.SELECTION | Change.PROPOSAL | Change.PHOTO):
            return
        photo = self.photo
        active = photo.stage is Stage.PROPOSED
        self.setEnabled(active)
        self.area.refresh()
        for name, row in self.rows.items():
            row.set_origin(photo.origin(name))
            row.show_value(photo.strength(name) if active else photo.origin(name))
        for dimension, row in self.groups.items():
            names = [part.name for part in dimension.parts]
            row.set_origin(_mean(map(photo.origin, names)))
            row.show_value(photo.group(names) if active else row.origin)
        self.rows["preserve"].setEnabled(active and photo.area is None)
        self._show_drift()


def _mean(values: Iterable[float]) -> float:
    found = list(values)
    return sum(found) / len(found)

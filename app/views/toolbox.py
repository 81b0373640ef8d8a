"""The tools: a row of buttons and, under it, what the tool in hand can be set to."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import (
    QComboBox,
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSizePolicy,
    QSlider,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from app.language import tr
from app.viewmodels.labels import BRUSH_TITLES
from app.viewmodels.tools import Effect, Tool, ToolModel
from app.views import theme

HELP = {
    Tool.HEAL: tr("Paint over a spot to remove it. Drag along a longer mark."),
    Tool.BRUSH: tr("Paint one layer stronger or weaker. Alt erases, Ctrl+wheel sets the size."),
    Tool.PROTECT: tr("Paint where nothing may change. Alt erases."),
    Tool.FACES: tr("Drag on the picture to mark a face, drag a box to move it, Delete removes it."),
}
EFFECTS = {Effect.MORE: tr("More"), Effect.LESS: tr("Less"), Effect.ERASE: tr("Erase")}


class Toolbox(QWidget):
    """Shows a `ToolModel`. actions: one per tool."""

    def __init__(self, tools: ToolModel, actions: dict[Tool, QAction]) -> None:
        super().__init__()
        self.tools = tools
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.SPACE)
        row = QFrame()
        row.setObjectName("tools")
        buttons = QHBoxLayout(row)
        buttons.setContentsMargins(2, 2, 2, 2)
        buttons.setSpacing(1)
        for action in actions.values():
            button = QToolButton()
            button.setDefaultAction(action)
            button.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
            buttons.addWidget(button, 1)
        column.addWidget(row)
        self.options = QWidget()
        column.addWidget(self.options)
        self._make_options()
        tools.changed.connect(self._refresh)
        tools.photo.changed.connect(lambda _: self._refresh())
        self._refresh()

    def _make_options(self) -> None:
        options = QVBoxLayout(self.options)
        options.setContentsMargins(0, 0, 0, 0)
        options.setSpacing(6)
        self.help = QLabel()
        self.help.setProperty("role", "muted")
        self.help.setWordWrap(True)
        options.addWidget(self.help)
        self.choice = QWidget()
        choice = QVBoxLayout(self.choice)
        choice.setContentsMargins(0, 0, 0, 0)
        choice.setSpacing(6)
        self.layer = QComboBox()
        self.layer.setAccessibleName(tr("Layer to brush"))
        for name, title in BRUSH_TITLES.items():
            if name != "all":
                self.layer.addItem(title, name)
        self.layer.activated.connect(lambda index: self.tools.set(layer=self.layer.itemData(index)))
        choice.addWidget(self.layer)
        segments = QFrame()
        segments.setObjectName("tools")
        inner = QHBoxLayout(segments)
        inner.setContentsMargins(2, 2, 2, 2)
        inner.setSpacing(1)
        self.effects: dict[Effect, QToolButton] = {}
        for effect, title in EFFECTS.items():
            button = QToolButton()
            button.setText(title)
            button.setCheckable(True)
            button.clicked.connect(lambda *_, effect=effect: self.tools.set(effect=effect))
            button.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
            self.effects[effect] = button
            inner.addWidget(button, 1)
        choice.addWidget(segments)
        options.addWidget(self.choice)
        self.brush, size = _slider(tr("Size"), tr("[ and ] change the size"))
        self.flow, flow = _slider(tr("Flow"), tr("How far one stroke goes"))
        self.brush.valueChanged.connect(lambda value: self.tools.set(size=float(value)))
        self.flow.valueChanged.connect(lambda value: self.tools.set(flow=float(value)))
        self.size_row, self.flow_row = size, flow
        options.addWidget(size)
        options.addWidget(flow)
        self.clear = QPushButton(tr("Clear what is painted"))
        self.clear.clicked.connect(self.tools.clear)
        options.addWidget(self.clear)

    def _refresh(self) -> None:
        tools = self.tools
        self.options.setVisible(tools.active)
        self.help.setText(HELP.get(tools.tool, ""))
        self.choice.setVisible(tools.tool is Tool.BRUSH)
        self.size_row.setVisible(tools.painting)
        self.flow_row.setVisible(tools.tool in (Tool.BRUSH, Tool.PROTECT))
        for slider, value in ((self.brush, tools.size), (self.flow, tools.flow)):
            slider.blockSignals(True)
            slider.setValue(round(value))
            slider.blockSignals(False)
        self.layer.setCurrentIndex(self.layer.findData(tools.layer))
        for effect, button in self.effects.items():
            button.setChecked(effect is tools.effect)
        photo = tools.photo
        painted = any(tools.what in photo.edits_of(face).brushwork for face in photo.targets)
        self.clear.setVisible(tools.tool in (Tool.BRUSH, Tool.PROTECT))
        self.clear.setEnabled(painted)


def _slider(title: str, tip: str) -> tuple[QSlider, QWidget]:
    """A slider with its name before it."""
    row = QWidget()
    layout = QHBoxLayout(row)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setSpacing(6)
    name = QLabel(title)
    name.setFixedWidth(40)
    slider = QSlider(Qt.Orientation.Horizontal)
    slider.setRange(0, 100)
    slider.setToolTip(tip)
    slider.setAccessibleName(title)
    layout.addWidget(name)
    layout.addWidget(slider, 1)
    return slider, row

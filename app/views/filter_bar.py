"""The bar between canvas and filmstrip: where the frames come from, how many are shown, filters and order."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QAction, QColor, QIcon, QPainter, QPixmap, QResizeEvent
from PySide6.QtWidgets import QComboBox, QFrame, QHBoxLayout, QLabel, QMenu, QToolButton, QWidget

from app.language import tr
from app.viewmodels.labels import LABEL_TITLES, counted
from app.viewmodels.library import Filter, LibraryChange, LibraryModel, Sort
from app.views.frame_painter import LABELS
from app.views.parts import make_way
from engine.library.xmp import Flag, Label

STARS = (tr("Any stars"), tr("★ or more"), tr("★★ or more"), tr("★★★ or more"), tr("★★★★ or more"), "★★★★★")
SORTS = {Sort.NAME: tr("By name"), Sort.TIME: tr("By time"), Sort.STARS: tr("By stars")}
FLAGS = {Flag.PICK: (tr("Picked"), tr("Only picked photos")), Flag.REJECT: (tr("Rejected"), tr("Only rejected photos"))}

BADGES = {
    "edited": (tr("Edited"), tr("Only photos with edits")),
    "exported": (tr("Exported"), tr("Only photos that were exported")),
    "faces": (tr("Faces"), tr("Only photos with faces")),
}


class FilterBar(QFrame):
    """Shows and sets `library.filter` and `library.sort`."""

    def __init__(self, library: LibraryModel, deep: QAction) -> None:
        super().__init__()
        self.setObjectName("filterbar")
        self.setFixedHeight(34)
        self.library = library
        self.place, self.count = QLabel(), QLabel()
        self.deep = _button("", "")
        self.deep.setDefaultAction(deep)
        self.count.setProperty("role", "muted")
        self.clear = _button(tr("Clear"), tr("Show all photos"))
        self.clear.clicked.connect(lambda: library.set_filter(Filter()))
        self.stars = QComboBox()
        self.stars.addItems(STARS)
        self.stars.setAccessibleName(tr("Stars"))
        self.stars.setToolTip(tr("Only photos with so many stars (keys 0 to 5 set them)"))
        self.stars.currentIndexChanged.connect(lambda stars: self._set(stars=stars))
        self.flags = {flag: _button(text, tip, checkable=True) for flag, (text, tip) in FLAGS.items()}
        for flag, button in self.flags.items():
            button.clicked.connect(lambda on, flag=flag: self._set(flag=flag if on else None))
        self.labels = {label: _swatch(label) for label in list(Label)[1:]}
        for label, button in self.labels.items():
            button.clicked.connect(lambda on, label=label: self._set(label=label if on else None))
        self.badges = {name: _button(text, tip, checkable=True) for name, (text, tip) in BADGES.items()}
        for name, button in self.badges.items():
            button.clicked.connect(lambda on, name=name: self._set(**{name: on}))
        self.more = _button(tr("More"), tr("Filters that this window has no place for"))
        self.more.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.more.setCheckable(True)
        menu = QMenu(self.more)
        menu.aboutToShow.connect(self._fill_more)
        self.more.setMenu(menu)
        self.sort = QComboBox()
        self.sort.setAccessibleName(tr("Order"))
        for sort, text in SORTS.items():
            self.sort.addItem(text, sort)
        self.sort.currentIndexChanged.connect(lambda _: library.set_sort(self.sort.currentData()))
        self._words = [*self.flags.values(), *self.badges.values()]
        self._spare: list[QWidget] = [self.place, *reversed(self._words)]
        self._lay_out()
        library.changed.connect(self._refresh)
        self._refresh(LibraryChange.FILTER | LibraryChange.LIST)

    def _lay_out(self) -> None:
        layout = QHBoxLayout(self)
        layout.setContentsMargins(14, 0, 10, 0)
        layout.setSpacing(4)
        layout.addWidget(self.place)
        layout.addSpacing(8)
        layout.addWidget(self.count)
        layout.addSpacing(6)
        layout.addWidget(self.deep)
        layout.addStretch(1)
        layout.addWidget(self.clear)
        layout.addSpacing(6)
        layout.addWidget(self.stars)
        layout.addSpacing(6)
        for group in (self.flags, self.labels, self.badges):
            for button in group.values():
                layout.addWidget(button)
            layout.addSpacing(6)
        layout.addWidget(self.more)
        layout.addWidget(self.sort)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._make_way()

    def _make_way(self) -> None:
        """Leave out what does not fit; filters that are left out are in the menu More."""
        self.more.hide()
        make_way(self, self._spare)
        if left_out := self._left_out():
            self.more.show()
            make_way(self, self._spare)
            self.more.setChecked(any(button.isChecked() for button in left_out))

    def _left_out(self) -> list[QToolButton]:
        return [button for button in self._words if button.isHidden()]

    def _fill_more(self) -> None:
        menu = self.more.menu()
        menu.clear()
        for button in self._left_out():
            action = menu.addAction(button.text(), button.click)
            action.setCheckable(True)
            action.setChecked(button.isChecked())

    def _set(self, **values: object) -> None:
        self.library.set_filter(replace(self.library.filter, **values))  # type: ignore[arg-type]

    def _refresh(self, change: LibraryChange) -> None:
        library, wanted = self.library, self.library.filter
        folder = library.folder
        self.place.setText(folder.name or str(folder) if folder else tr("Photos"))
        self.place.setToolTip(str(folder) if folder else "")
        self.count.setText(self._counts())
        self.stars.setCurrentIndex(wanted.stars)
        self.sort.setCurrentIndex(self.sort.findData(library.sort))
        for flag, button in self.flags.items():
            button.setChecked(wanted.flag is flag)
        for label, button in self.labels.items():
            button.setChecked(wanted.label is label)
        for name, button in self.badges.items():
            button.setChecked(getattr(wanted, name))
        self.clear.setVisible(wanted.active)
        self.deep.setVisible(folder is not None)
        self._make_way()

    def _counts(self) -> str:
        library = self.library
        shown, total, chosen = len(library.shown), library.total, len(library.chosen)
        text = (
            counted(total, "photo", "photos")
            if shown == total
            else tr("{shown} of {counted}", shown=shown, counted=counted(total, "photo", "photos"))
        )
        row = library.row(library.current)
        if chosen > 1:
            return tr("{text}  ·  {chosen} selected", text=text, chosen=chosen)
        return f"{text}  ·  {row + 1} / {shown}" if row >= 0 else text


def _button(text: str, tip: str, *, checkable: bool = False) -> QToolButton:
    button = QToolButton()
    button.setText(text)
    button.setToolTip(tip)
    button.setCheckable(checkable)
    button.setProperty("role", "flat")
    button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
    return button


def _swatch(label: Label) -> QToolButton:
    button = _button("", tr("Only photos with this label: {label}", label=LABEL_TITLES[label]), checkable=True)
    button.setAccessibleName(tr("Label {label}", label=LABEL_TITLES[label]))
    pixmap = QPixmap(QSize(22, 22))
    pixmap.setDevicePixelRatio(2)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(LABELS[label]))
    painter.drawRoundedRect(0, 0, 11, 11, 2.5, 2.5)
    painter.end()
    button.setIcon(QIcon(pixmap))
    button.setIconSize(QSize(11, 11))
    button.setProperty("swatch", True)
    return button

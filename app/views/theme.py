"""The theme in use: its colours as attributes of this module (see `tokens`), and the style sheet made of them."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from PySide6.QtGui import QColor, QPalette
from PySide6.QtWidgets import QApplication

from app.settings.schema import Theme
from app.views.tokens import THEMES, Tokens, luminance

CANVAS: str
WINDOW: str
PANEL: str
RAISED: str
HOVER: str
PRESSED: str
DISABLED: str
LINE: str
EDGE: str
TEXT: str
MUTED: str
FAINT: str
ACCENT: str
ACCENT_HOVER: str
ON_ACCENT: str
ACCENT_OFF: str
ON_ACCENT_OFF: str
WARN: str
ON_WARN: str
BANNER: str
BANNER_TEXT: str
BANNER_HINT: str
BANNER_BUTTON: str
BANNER_HOVER: str
KNOB: str
KNOB_HOVER: str
GROOVE: str
CELL: str
CELL_HOVER: str
CELL_CHOSEN: str
CELL_CURRENT: str
HOLE: str
STAR: str

KEEP, REMOVE, SIGN = "#9fd3c7", "#ffd67a", "#e3b094"
"""Drawn on the photo itself, over a dark seam: the same in every theme."""

SPACE = 8
"""The unit of all distances, in logical pixels."""

SHEET = """
* {{ font-size: 12px; }}
QMainWindow, QDialog {{ background: {WINDOW}; }}
QToolTip {{ background: {RAISED}; color: {TEXT}; border: 1px solid {EDGE}; padding: 5px 7px; }}
QLabel {{ color: {TEXT}; background: transparent; padding: 2px 0; qproperty-indent: 0; }}
QLabel:disabled {{ color: {FAINT}; }}
QLabel[role="muted"] {{ color: {MUTED}; }}
QLabel[role="faint"] {{ color: {MUTED}; font-size: 11px; }}
QLabel[role="muted"]:disabled, QLabel[role="faint"]:disabled {{ color: {FAINT}; }}
QLabel[role="section"] {{ color: {MUTED}; font-weight: 600; }}
QLabel[role="section"]:disabled {{ color: {FAINT}; }}
QLabel[role="title"] {{ font-size: 20px; font-weight: 500; color: {TEXT}; }}
QLabel[role="lead"] {{ font-size: 13px; color: {MUTED}; }}
QLabel[role="key"] {{ background: {RAISED}; color: {TEXT}; border-radius: 4px; padding: 2px 10px; }}
#preference {{ border-bottom: 1px solid {LINE}; }}
#sections {{ background: transparent; border: none; }}
#sections::item {{ padding: 7px 10px; }}
QMenuBar {{ background: {WINDOW}; color: {MUTED}; padding: 2px 6px; }}
QMenuBar::item {{ padding: 4px 8px; background: transparent; border-radius: 4px; }}
QMenuBar::item:selected {{ background: {RAISED}; color: {TEXT}; }}
QMenu {{ background: {PANEL}; color: {TEXT}; border: 1px solid {EDGE}; padding: 4px; }}
QMenu::item {{ padding: 5px 28px 5px 22px; border-radius: 4px; }}
QMenu::item:selected {{ background: {HOVER}; }}
QMenu::item:disabled {{ color: {FAINT}; }}
QMenu::separator {{ height: 1px; background: {EDGE}; margin: 4px 8px; }}
#toolbar, #panel, #status {{ background: {PANEL}; }}
#toolbar {{ border-bottom: 1px solid {LINE}; border-top: 1px solid {LINE}; }}
#panel {{ border-left: 1px solid {LINE}; }}
#status {{ border-top: 1px solid {LINE}; }}
#filterbar {{ background: {PANEL}; border-top: 1px solid {LINE}; }}
#filterbar QToolButton {{ padding: 3px 7px; }}
#filterbar QToolButton[swatch="true"] {{ padding: 4px; }}
#filterbar QToolButton[swatch="true"]:checked {{ border-color: {TEXT}; }}
#filterbar QComboBox {{ background: transparent; border-color: transparent; color: {MUTED}; padding: 2px 6px; }}
#filterbar QComboBox:hover {{ background: {RAISED}; color: {TEXT}; }}
#filterbar QToolButton::menu-indicator {{
  image: url("{ARROW}"); width: 10px; height: 10px; subcontrol-position: right center; right: 5px; }}
#filterbar QToolButton[popupMode="2"] {{ padding-right: 20px; }}
#filmstrip, #grid, #nothing {{ background: {CANVAS}; border: none; }}
#filmstrip {{ border-top: 1px solid {LINE}; }}
QComboBox {{
  background: {RAISED}; color: {TEXT}; border: 1px solid transparent; border-radius: 5px; padding: 4px 8px; }}
QComboBox:hover {{ background: {HOVER}; }}
QComboBox::drop-down {{ border: none; width: 24px; }}
QComboBox::down-arrow {{ image: url("{ARROW}"); width: 10px; height: 10px; }}
QPushButton[role="folder"] {{ background: transparent; text-align: left; padding: 5px 8px; margin-left: -8px; }}
QPushButton[role="folder"]:hover {{ background: {RAISED}; }}
QComboBox:focus {{ border-color: {MUTED}; }}
QScrollBar:horizontal {{ background: transparent; height: 8px; margin: 0; }}
QScrollBar::handle:horizontal {{ background: {EDGE}; border-radius: 3px; min-width: 32px; margin: 1px; }}
QLabel[role="warning"] {{ color: {WARN}; font-weight: 600; }}
QTableView, QListWidget {{ background: {PANEL}; color: {TEXT}; border: 1px solid {LINE}; border-radius: 5px;
  selection-background-color: {CELL_CHOSEN}; selection-color: {TEXT}; outline: none; }}
QTableView::item {{ padding: 0 8px; }}
QListWidget::item {{ padding: 6px 6px; border-radius: 4px; }}
QListWidget::item:selected {{ background: {CELL_CHOSEN}; color: {TEXT}; }}
QHeaderView::section {{ background: {PANEL}; color: {MUTED}; border: none; padding: 6px 11px; }}
QComboBox:disabled, QLineEdit:disabled {{ color: {FAINT}; }}
QListWidget::indicator, QCheckBox::indicator {{
  width: 13px; height: 13px; border: 1px solid {FAINT}; border-radius: 3px; background: transparent; }}
QListWidget::indicator {{ margin-right: 4px; }}
QListWidget::indicator:checked, QCheckBox::indicator:checked {{
  background: {ACCENT}; border-color: {ACCENT}; image: url("{TICK}"); }}
QCheckBox::indicator:focus, QCheckBox::indicator:hover {{ border-color: {TEXT}; }}
QCheckBox::indicator:checked:disabled {{ background: {EDGE}; border-color: {EDGE}; }}
#divider {{ background: {LINE}; }}
#tabs {{ background: {WINDOW}; border-bottom: 1px solid {LINE}; min-height: 43px; max-height: 43px; }}
#tabs QToolButton {{ background: transparent; color: {MUTED}; padding: 5px 2px; border-radius: 5px; }}
#tabs QToolButton:hover {{ color: {TEXT}; }}
#tabs QToolButton:checked {{ background: {RAISED}; color: {TEXT}; }}
#states {{ background: {WINDOW}; border: 1px solid {LINE}; border-radius: 5px; outline: none; color: {TEXT}; }}
#states::item {{ padding: 4px 8px; border: none; }}
#states::item:hover {{ background: {RAISED}; }}
#states::item:selected {{ background: {HOVER}; color: {TEXT}; }}
#states::item:disabled {{ color: {FAINT}; }}
QAbstractSpinBox {{
  background: {WINDOW}; color: {TEXT}; border: 1px solid {EDGE}; border-radius: 4px; padding: 4px 7px; }}
QAbstractSpinBox:focus {{ border-color: {ACCENT}; }}
QAbstractSpinBox:disabled {{ color: {FAINT}; }}
QAbstractSpinBox QLineEdit {{ border: none; background: transparent; padding: 0; }}
QAbstractSpinBox::up-button, QAbstractSpinBox::down-button {{ width: 0; }}
QScrollArea, #scrolled {{ background: {PANEL}; border: none; }}
QScrollBar:vertical {{ background: transparent; width: 8px; margin: 0; }}
QScrollBar::handle:vertical {{ background: {EDGE}; border-radius: 3px; min-height: 32px; margin: 1px; }}
QScrollBar::handle:disabled {{ background: transparent; }}
QScrollBar::add-line, QScrollBar::sub-line {{ height: 0; }}
QScrollBar::add-page, QScrollBar::sub-page {{ background: transparent; }}
QPushButton, QToolButton {{
  background: {RAISED}; color: {TEXT}; border: 1px solid transparent; border-radius: 5px; padding: 5px 12px;
  outline: none; }}
QFileDialog QToolButton {{ padding: 3px; }}
QDialogButtonBox {{ dialogbuttonbox-buttons-have-icons: 0; }}
QPushButton:hover, QToolButton:hover {{ background: {HOVER}; }}
QPushButton:pressed, QToolButton:pressed {{ background: {PRESSED}; }}
QPushButton:focus, QToolButton:focus {{ border-color: {MUTED}; }}
QPushButton:disabled, QToolButton:disabled {{ color: {FAINT}; background: {DISABLED}; }}
QPushButton[role="primary"] {{ background: {ACCENT}; color: {ON_ACCENT}; font-weight: 600; padding: 7px 14px; }}
QPushButton[role="primary"]:hover {{ background: {ACCENT_HOVER}; }}
QPushButton[role="primary"]:focus {{ border-color: {TEXT}; }}
QPushButton[role="primary"]:disabled {{ background: {ACCENT_OFF}; color: {ON_ACCENT_OFF}; }}
QPushButton[role="flat"], QToolButton[role="flat"] {{ background: transparent; color: {MUTED}; padding: 5px 8px; }}
QPushButton[role="flat"]:hover, QToolButton[role="flat"]:hover {{ background: {RAISED}; color: {TEXT}; }}
QToolButton[role="flat"]:checked {{ background: {RAISED}; color: {ACCENT}; }}
QPushButton[role="flat"]:disabled, QToolButton[role="flat"]:disabled {{ color: {FAINT}; background: transparent; }}
#tools {{ background: {WINDOW}; border-radius: 6px; }}
#tools QToolButton {{ background: transparent; color: {MUTED}; padding: 4px 2px; border-radius: 5px; }}
#tools QToolButton:hover {{ color: {TEXT}; }}
#tools QToolButton:checked {{ background: {HOVER}; color: {TEXT}; }}
#tools QToolButton:disabled {{ color: {FAINT}; }}
QPushButton:checked {{ background: {HOVER}; border-color: {ACCENT}; }}
#segments {{ background: {WINDOW}; border-radius: 6px; }}
#segments QToolButton {{ background: transparent; color: {MUTED}; padding: 4px 11px; border-radius: 5px; }}
#segments QToolButton:hover {{ color: {TEXT}; }}
#segments QToolButton:checked {{ background: {HOVER}; color: {TEXT}; }}
#segments QToolButton:disabled {{ color: {FAINT}; }}
QLineEdit {{
  background: {WINDOW}; color: {TEXT}; border: 1px solid {EDGE}; border-radius: 4px; padding: 4px 7px;
  selection-background-color: {ACCENT}; selection-color: {ON_ACCENT}; }}
QLineEdit:focus {{ border-color: {ACCENT}; }}
QLineEdit#value {{ background: transparent; border: 1px solid transparent; padding: 1px 3px; color: {MUTED}; }}
QLineEdit#value[touched="true"] {{ color: {ACCENT}; }}
QLineEdit#value:hover {{ border-color: {EDGE}; }}
QLineEdit#value:focus {{ background: {WINDOW}; border-color: {ACCENT}; color: {TEXT}; }}
QLineEdit#value:disabled {{ color: {FAINT}; }}
QSlider::groove:horizontal {{ height: 3px; background: {LINE}; border-radius: 1px; }}
QSlider::sub-page:horizontal {{ height: 3px; background: {MUTED}; border-radius: 1px; }}
QSlider::handle:horizontal {{ width: 12px; height: 12px; margin: -5px 0; border-radius: 6px; background: {KNOB}; }}
QSlider::sub-page:horizontal:disabled, QSlider::handle:horizontal:disabled {{ background: {EDGE}; }}
QCheckBox {{ color: {TEXT}; spacing: 7px; }}
QProgressBar {{ background: {WINDOW}; border: none; border-radius: 2px; }}
QProgressBar::chunk {{ background: {ACCENT}; border-radius: 2px; }}
#banner {{ background: {BANNER}; border-bottom: 1px solid {LINE}; }}
#banner QLabel[role="message"] {{ color: {BANNER_TEXT}; font-weight: 600; }}
#banner QLabel[role="hint"] {{ color: {BANNER_HINT}; }}
#banner QPushButton {{ background: {BANNER_BUTTON}; color: {BANNER_TEXT}; }}
#banner QPushButton:hover {{ background: {BANNER_HOVER}; }}
#strip {{ background: {RAISED}; border-bottom: 1px solid {LINE}; }}
#strip QLabel[role="message"] {{ color: {TEXT}; font-weight: 600; }}
#strip QLabel[role="hint"] {{ color: {MUTED}; }}
#strip QPushButton {{ background: {HOVER}; }}
#strip QPushButton:hover {{ background: {EDGE}; }}
#face {{ border-radius: 6px; background: transparent; }}
#face:hover {{ background: {DISABLED}; }}
#face[chosen="true"] {{ background: {RAISED}; }}
#face:focus {{ border: 1px solid {MUTED}; }}
"""


def use(theme: Theme) -> Tokens:
    """Make a theme's tokens the attributes of this module."""
    globals().update({name.upper(): colour for name, colour in asdict(THEMES[theme]).items()})
    return THEMES[theme]


def apply(application: QApplication, theme: Theme = Theme.DARK) -> None:
    """Set palette and style sheet; the same on every platform. Everything that is open follows at once."""
    tokens = use(theme)
    if application.style().name() != "fusion":
        application.setStyle("Fusion")
    palette = QPalette()
    roles = {
        QPalette.ColorRole.Window: tokens.window,
        QPalette.ColorRole.WindowText: tokens.text,
        QPalette.ColorRole.Base: tokens.window,
        QPalette.ColorRole.AlternateBase: tokens.panel,
        QPalette.ColorRole.Text: tokens.text,
        QPalette.ColorRole.Button: tokens.raised,
        QPalette.ColorRole.ButtonText: tokens.text,
        QPalette.ColorRole.Highlight: tokens.accent,
        QPalette.ColorRole.HighlightedText: tokens.on_accent,
        QPalette.ColorRole.PlaceholderText: tokens.muted,
        QPalette.ColorRole.ToolTipBase: tokens.raised,
        QPalette.ColorRole.ToolTipText: tokens.text,
        QPalette.ColorRole.Link: tokens.accent,
    }
    for role, colour in roles.items():
        palette.setColor(role, QColor(colour))
    for role in (QPalette.ColorRole.WindowText, QPalette.ColorRole.Text, QPalette.ColorRole.ButtonText):
        palette.setColor(QPalette.ColorGroup.Disabled, role, QColor(tokens.faint))
    dark = luminance(tokens.text) > luminance(tokens.panel)
    images = Path(__file__).parent / "images"
    arrow, tick = ("light", "dark") if dark else ("dark", "light")
    names = {name.upper(): colour for name, colour in asdict(tokens).items()}
    sheet = SHEET.format_map(
        {**names, "ARROW": (images / f"arrow-{arrow}.png").as_posix(), "TICK": (images / f"tick-{tick}.png").as_posix()}
    )
    if application.styleSheet() != sheet:  # every widget is polished anew
        application.setPalette(palette)
        application.setStyleSheet(sheet)


use(Theme.DARK)

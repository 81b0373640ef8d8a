"""Themes: contrast by WCAG 2.2 AA, neutral greys, and everything follows a switch at once."""

from __future__ import annotations

import re
from dataclasses import asdict

import pytest
from PySide6.QtGui import QPalette
from PySide6.QtWidgets import QLabel

from app.settings.schema import Theme
from app.views import theme
from app.views.tokens import THEMES, contrast
from tests.app.conftest import MakeWindow

SURFACES = ("canvas", "window", "panel", "raised", "hover")
WORDS = [
    *((word, ground) for word in ("text", "muted") for ground in SURFACES),
    *(("accent", ground) for ground in ("canvas", "window", "panel", "raised")),
    *(("warn", ground) for ground in ("canvas", "window", "panel", "cell", "hole")),
    *((word, ground) for word in ("text", "muted") for ground in ("cell", "cell_hover", "cell_chosen")),
    *(("text", "cell_current"), ("on_accent", "accent"), ("on_accent", "accent_hover"), ("on_warn", "warn")),
    *((word, ground) for word in ("banner_text",) for ground in ("banner", "banner_button", "banner_hover")),
    ("banner_hint", "banner"),
]
SHAPES = [("knob", "groove"), ("star", "cell"), ("accent", "groove"), ("accent", "cell_current"), ("faint", "window")]
TINTED = {"accent", "warn", "banner"}


def test_contrast_of_known_pairs() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.005)  # the usual example that just fails
    assert contrast("#0000ff", "#ffffff") == pytest.approx(8.59, abs=0.005)


@pytest.mark.parametrize("name", Theme)
def test_words_reach_double_a(name: Theme) -> None:
    tokens = asdict(THEMES[name])
    poor = {pair: round(contrast(tokens[pair[0]], tokens[pair[1]]), 2) for pair in WORDS}
    assert {pair: ratio for pair, ratio in poor.items() if ratio < 4.5} == {}


@pytest.mark.parametrize("name", Theme)
def test_shapes_that_mean_something_reach_three(name: Theme) -> None:
    tokens = asdict(THEMES[name])
    ratios = {pair: round(contrast(tokens[pair[0]], tokens[pair[1]]), 2) for pair in SHAPES}
    if name is Theme.LIGHT:  # the white knob is seen by its dark rim
        ratios.pop(("knob", "groove"))
    assert {pair: ratio for pair, ratio in ratios.items() if ratio < 3} == {}


@pytest.mark.parametrize("name", Theme)
def test_greys_are_neutral(name: Theme) -> None:
    for token, colour in asdict(THEMES[name]).items():
        if not TINTED & set(token.split("_")):
            assert colour[1:3] == colour[3:5] == colour[5:7], token


def test_style_sheet_names_no_colour_of_its_own() -> None:
    assert re.findall(r"#[0-9a-fA-F]{6}\b", theme.SHEET) == []


def test_switch_is_live(make_window: MakeWindow) -> None:
    window = make_window()
    for name in (Theme.LIGHT, Theme.DARK):
        window.settings.set(theme=name)
        tokens = THEMES[name]
        assert tokens.panel == theme.PANEL
        assert window.palette().color(QPalette.ColorRole.Window).name() == tokens.window
        image = window.status.grab().toImage()
        assert image.pixelColor(2, image.height() // 2).name() == tokens.panel


@pytest.mark.parametrize("role", ["", "muted", "faint", "section"])
def test_words_of_what_is_disabled_are_faint(make_window: MakeWindow, role: str) -> None:
    label = QLabel("\u2588" * 4, make_window())  # full blocks: the colour of the words alone
    label.setProperty("role", role)
    label.resize(label.sizeHint())
    seen = []
    for enabled in (True, False):
        label.setEnabled(enabled)
        seen.append(label.grab().toImage().pixelColor(label.width() // 2, label.height() // 2).name())
    assert seen == [theme.TEXT if not role else theme.MUTED, theme.FAINT]


def test_dots_of_capital_letters_are_not_cut_off(make_window: MakeWindow) -> None:
    """A line of some fonts is lower than Ä, Ö and Ü. And words begin where a label begins."""
    label = QLabel("\u00c4\u00d6\u00dc", make_window())
    label.ensurePolished()
    assert label.sizeHint().width() <= label.fontMetrics().horizontalAdvance(label.text()) + 1
    inked = []
    for height in (label.sizeHint().height(), label.sizeHint().height() + 20):
        label.resize(label.sizeHint().width(), height)
        image = label.grab().toImage()
        rows = range(image.height())
        inked.append([y for y in rows if any(image.pixelColor(x, y).alpha() for x in range(image.width()))])
    assert len(inked[0]) == len(inked[1]) > 0
    assert inked[1] == [y + 10 for y in inked[0]], "in the middle, beside a button's words"

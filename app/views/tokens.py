"""The colours of each theme by what they are for. Neutral greys, so that nothing tints the eye beside a portrait; one
warm accent. tests/app/test_theme.py computes the contrasts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from app.settings.schema import Theme


@dataclass(frozen=True)
class Tokens:
    """Fields are sRGB, "#rrggbb". canvas: around the photo. window, panel: surfaces. raised, hover: buttons.
    line, edge: separators and frames. text, muted, faint: words, less important ones, and disabled ones."""

    canvas: str
    window: str
    panel: str
    raised: str
    hover: str
    pressed: str
    disabled: str
    line: str
    edge: str
    text: str
    muted: str
    faint: str
    accent: str
    accent_hover: str
    on_accent: str
    accent_off: str
    on_accent_off: str
    warn: str
    on_warn: str
    banner: str
    banner_text: str
    banner_hint: str
    banner_button: str
    banner_hover: str
    knob: str
    knob_hover: str
    groove: str
    cell: str
    cell_hover: str
    cell_chosen: str
    cell_current: str
    hole: str
    star: str


DARK = Tokens(
    canvas="#1b1b1b", window="#262626", panel="#2b2b2b", raised="#383838", hover="#424242", pressed="#1f1f1f",
    disabled="#303030", line="#1f1f1f", edge="#4a4a4a", text="#e2e2e2", muted="#b4b4b4", faint="#7d7d7d",
    accent="#e3b094", accent_hover="#efc0a6", on_accent="#2a1b13", accent_off="#4a423d", on_accent_off="#8c8079",
    warn="#f0a08c", on_warn="#2a120b", banner="#3d2b27", banner_text="#ffe3d8", banner_hint="#dcb8ab",
    banner_button="#55403a", banner_hover="#674e47", knob="#c9c9c9", knob_hover="#f2f2f2", groove="#1e1e1e",
    cell="#2f2f2f", cell_hover="#363636", cell_chosen="#424242", cell_current="#4a4a4a", hole="#262626",
    star="#ececec",
)  # fmt: skip
GREY = Tokens(
    canvas="#636363", window="#474747", panel="#4d4d4d", raised="#5c5c5c", hover="#646464", pressed="#404040",
    disabled="#535353", line="#3f3f3f", edge="#757575", text="#ffffff", muted="#e6e6e6", faint="#a6a6a6",
    accent="#ffdcc6", accent_hover="#ffe9dc", on_accent="#2a1b13", accent_off="#6b625d", on_accent_off="#aca09a",
    warn="#ffdad0", on_warn="#2a120b", banner="#5b423b", banner_text="#ffeee8", banner_hint="#f3d8ce",
    banner_button="#725751", banner_hover="#82655e", knob="#dedede", knob_hover="#ffffff", groove="#383838",
    cell="#565656", cell_hover="#5c5c5c", cell_chosen="#646464", cell_current="#5c5c5c", hole="#4d4d4d",
    star="#ffffff",
)  # fmt: skip
LIGHT = Tokens(
    canvas="#d6d6d6", window="#ececec", panel="#f3f3f3", raised="#e0e0e0", hover="#d6d6d6", pressed="#c6c6c6",
    disabled="#eaeaea", line="#cfcfcf", edge="#b0b0b0", text="#1c1c1c", muted="#4f4f4f", faint="#858585",
    accent="#93471f", accent_hover="#7d3a17", on_accent="#ffffff", accent_off="#e0d6d0", on_accent_off="#94877f",
    warn="#a32c12", on_warn="#ffffff", banner="#fbe6de", banner_text="#4a1809", banner_hint="#6b2f1d",
    banner_button="#f0cfc2", banner_hover="#e8bdac", knob="#ffffff", knob_hover="#ffffff", groove="#c4c4c4",
    cell="#e4e4e4", cell_hover="#ececec", cell_chosen="#c4c4c4", cell_current="#f6f6f6", hole="#cdcdcd",
    star="#2b2b2b",
)  # fmt: skip

THEMES: Mapping[Theme, Tokens] = {Theme.DARK: DARK, Theme.GREY: GREY, Theme.LIGHT: LIGHT}


def luminance(colour: str) -> float:
    """Relative luminance of "#rrggbb", 0–1. Source: REFERENCES wcag22."""
    parts = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(first: str, second: str) -> float:
    """Contrast ratio, 1–21. Source: REFERENCES wcag22."""
    light, dark = sorted((luminance(first), luminance(second)), reverse=True)
    return (light + 0.05) / (dark + 0.05)

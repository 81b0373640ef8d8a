"""Skin colour of a face by its individual typology angle."""

from __future__ import annotations

from typing import Final

import numpy as np

from engine.types import F32

ITA_GROUPS: Final = (
    ("very light", 55.0),
    ("light", 41.0),
    ("intermediate", 28.0),
    ("tan", 10.0),
    ("brown", -30.0),
    ("dark", -90.0),
)
"""Groups by the least angle in degrees that belongs to each (REFERENCES: ita)."""


def typology_angle(lab: F32, skin_mask: F32) -> float:
    """ITA = arctan((L* − 50) / b*) in degrees, of the median colour of the skin; NaN where there is no skin.

    Photographs are not calibrated: the angle of one person moves by some degrees with the light and the camera.
    """
    where = skin_mask > 0.5
    if not where.any():
        return float("nan")
    lightness, _, b = np.median(lab[where], axis=0).astype(np.float64)
    return float(np.degrees(np.arctan2(lightness - 50, max(b, 1e-6))))


def ita_group(angle: float) -> str:
    """The group's name, "unknown" for NaN."""
    return next((name for name, least in ITA_GROUPS if angle > least), "unknown")

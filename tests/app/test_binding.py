from __future__ import annotations

import sys

from PySide6.QtGui import QColor, QImage, QPainter

CALLS = 300


def test_the_qt_binding_counts_references_of_none_right() -> None:
    """PySide6 6.12.0 lets go of None once too often in each call without a result. Python 3.11, where None can be
    freed, ends after some thousands of calls; the pins in pyproject.toml and constraints.txt keep that version out."""
    image = QImage(9, 9, QImage.Format.Format_RGB32)
    painter = QPainter(image)
    before = sys.getrefcount(None)
    for _ in range(CALLS):
        painter.setBrush(QColor(0, 0, 0))
    lost = before - sys.getrefcount(None)
    painter.end()
    assert abs(lost) < CALLS / 3

"""Seconds from the start of the process to the first paint of the window, and from a slider change to pixels.

Milliseconds of a slider are given as wall clock and as processor time of the GUI thread, which a busy machine does not
stretch as much.

    PYTHONPATH=. python tests/bench/bench_window.py [PHOTO]

Offscreen by default; set QT_QPA_PLATFORM for a real screen. Each line is a median of several processes or changes.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

START = """
import sys, time
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication
import app.window
from app.views.main_window import MainWindow
application = QApplication([])
paint = MainWindow.paintEvent
def painted(self, event):
    paint(self, event)
    print("painted", time.time(), flush=True)
    QTimer.singleShot(0, self.close)
MainWindow.paintEvent = painted
app.window.run(None)
print("heavy", sorted({"torch", "mediapipe", "diffusers", "cv2"} & set(sys.modules)))
"""
RUNS = 5


def opening() -> float:
    """Median seconds to the first paint."""
    seconds = []
    for _ in range(RUNS):
        start = time.time()
        done = subprocess.run([sys.executable, "-c", START], capture_output=True, text=True, check=True)
        lines = dict(line.split(" ", 1) for line in done.stdout.splitlines())
        assert lines["heavy"] == "[]", lines["heavy"]
        seconds.append(float(lines["painted"]) - start)
    return statistics.median(seconds)


def sliding(photo: Path) -> dict[str, tuple[float, float, float]]:
    """view → (median, worst, median of the processor) milliseconds from a changed strength to a painted 1920 × 1200."""
    from PySide6.QtTest import QTest
    from PySide6.QtWidgets import QApplication

    from app.viewmodels.photo import PhotoModel
    from app.views import theme
    from app.views.main_window import PANEL_WIDTH, MainWindow
    from tests.helpers.fake_engine import FakeEngine

    application = QApplication.instance() or QApplication([])
    assert isinstance(application, QApplication)
    theme.apply(application)
    window = MainWindow(PhotoModel(FakeEngine()))
    window.resize(1920 + PANEL_WIDTH, 1300)
    window.show()
    window.photo.open(photo)
    while not window.photo.layers or window.photo.busy:
        QTest.qWait(20)
    found = {}
    for name, zoom in (("fit", None), ("100%", 1.0)):
        if zoom:
            window.compare.zoom_to(zoom)
        while not window.photo.frames.settled:
            QTest.qWait(20)
        window.canvas.repaint()
        times, processor = [], []
        for step in range(200):
            start, start_cpu = time.perf_counter(), time.thread_time()
            window.strengths.rows["light"].slider.setValue(step % 101)
            window.canvas.repaint()
            times.append((time.perf_counter() - start) * 1000)
            processor.append((time.thread_time() - start_cpu) * 1000)
        found[name] = statistics.median(times), max(times), statistics.median(processor)
    window.close()
    return found


def main() -> None:
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    print(f"window open: {opening():.2f} s")
    if len(sys.argv) > 1:
        for view, (median, worst, processor) in sliding(Path(sys.argv[1])).items():
            print(f"slider, {view}: median {median:.1f} ms, worst {worst:.1f} ms, processor {processor:.1f} ms")


if __name__ == "__main__":
    main()

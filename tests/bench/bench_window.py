"""Seconds from the start of the process to the first paint of the window, and from a slider or brush to pixels.

Milliseconds are given as wall clock and as processor time of the GUI thread, which a busy machine does not
stretch as much. With PORTRAIT, also the longest gaps of the event loop while it is read, retouched with the real engine
and exported, beside those of an idle window, which are the machine's own.

    python -m tests.bench.bench_window [PHOTO [PORTRAIT]]

Offscreen by default; set QT_QPA_PLATFORM for a real screen. Each line is a median of several processes or changes.
"""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
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


def sliding(photo: Path) -> dict[str, tuple[float, float, float, float]]:
    """What, view → milliseconds from a changed strength, or a stroke's next point, to a painted 1920 × 1200: median and
    worst, and of the processor."""
    from PySide6.QtTest import QTest
    from PySide6.QtWidgets import QApplication

    from app.viewmodels.photo import PhotoModel
    from app.viewmodels.tools import Tool
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
    tools, (x0, y0, x1, y1) = window.adjust.tools, window.photo.faces[0].box
    slide = lambda step: window.strengths.rows["light"].slider.setValue(step % 101)  # noqa: E731
    brush = lambda step: tools.extend((x0 + (x1 - x0) * (step + 1) / 200, (y0 + y1) / 2))  # noqa: E731
    found = {}
    for name, zoom in (("fit", None), ("100%", 1.0)):
        if zoom:
            window.compare.zoom_to(zoom)
        while not window.photo.frames.settled:
            QTest.qWait(20)
        window.canvas.repaint()
        for what, do in (("slider", slide), ("brush", brush)):
            if what == "brush":
                tools.choose(Tool.BRUSH)
                tools.begin((float(x0), (y0 + y1) / 2))
            times, processor = [], []
            for step in range(200):
                start, start_cpu = time.perf_counter(), time.thread_time()
                do(step)
                window.canvas.repaint()
                times.append((time.perf_counter() - start) * 1000)
                processor.append((time.thread_time() - start_cpu) * 1000)
                QTest.qWait(0)
            found[f"{what}, {name}"] = (
                statistics.median(times),
                max(times),
                statistics.median(processor),
                max(processor),
            )
        tools.choose(Tool.POINTER)
    window.close()
    return found


def _delay() -> float:
    """Seconds that this thread has been ready without running; 0 where the system does not say."""
    try:
        return int(Path("/proc/thread-self/schedstat").read_text().split()[1]) / 1e9
    except OSError:
        return 0.0


def gaps(portrait: Path) -> dict[str, tuple[float, float]]:
    """stage → longest milliseconds between two turns of the event loop, and longest without the time that the GUI
    thread was ready and waited for a processor, which is the machine's doing (Linux)."""
    from PySide6.QtWidgets import QApplication

    from app.viewmodels.photo import PhotoModel
    from app.viewmodels.state import Stage
    from app.views.main_window import MainWindow
    from engine.delivery.ledger import State
    from engine.delivery.recipe import Recipe

    application = QApplication.instance() or QApplication([])
    found: dict[str, tuple[float, float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        os.environ["PORELIGHT_HOME"] = folder
        copy = Path(shutil.copy(portrait, folder))
        window = MainWindow(PhotoModel())
        window.resize(1600, 1000)
        window.show()
        photo = window.photo

        def watch(stage: str, going_on: Callable[[], bool]) -> None:
            end, longest, most = time.perf_counter() + 120, 0.0, 0.0
            last, delay = time.perf_counter(), _delay()
            while going_on() and last < end:
                application.processEvents()
                time.sleep(0.001)
                now, waited = time.perf_counter(), _delay()
                longest, most = max(longest, now - last), max(most, now - last - (waited - delay))
                last, delay = now, waited
            found[stage] = longest * 1000, most * 1000

        def until(seconds: float) -> Callable[[], bool]:
            end = time.perf_counter() + seconds
            return lambda: time.perf_counter() < end

        photo.warm_up()
        watch("starting the engine", lambda: bool(photo.runner.jobs))
        watch("idle", until(5))
        window.desk.open([copy])
        watch("reading", lambda: photo.stage in (Stage.EMPTY, Stage.OPENING))
        watch("retouching", lambda: photo.busy)
        watch("showing", until(1))
        window.adjust.variations.draw()
        watch("variations", lambda: photo.busy)
        photo.set_strength("smooth", 70)
        queue = window.desk.queue
        window.desk.deliver([Recipe(folder="out")])
        watch("exporting", lambda: queue.planning or queue.running or queue.counts[State.WAITING] > 0)
        window.close()
    return found


def main() -> None:
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    print(f"window open: {opening():.2f} s")
    if len(sys.argv) > 1:
        for view, (median, worst, processor, most) in sliding(Path(sys.argv[1])).items():
            print(
                f"{view}: median {median:.1f} ms, worst {worst:.1f} ms; "
                f"processor {processor:.1f} ms, worst {most:.1f} ms"
            )
    if len(sys.argv) > 2:
        for stage, (gap, busy) in gaps(Path(sys.argv[2])).items():
            print(f"longest gap, {stage}: {gap:.0f} ms, without waiting for a processor {busy:.0f} ms")


if __name__ == "__main__":
    main()

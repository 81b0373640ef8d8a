"""A folder of many 24 MP photos: the longest stop of the event loop while it is scanned, seconds to the next photo when
it was read ahead, and memory.

    PYTHONPATH=. python -m tests.bench.bench_library [--frames 800] [--real]

Makes a folder of copies of one drawn 24 MP JPEG (hard links, each with a time of its own). Without --real, faces and
proposals are made up, so that the library is measured and not the retouching. Offscreen by default.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

SIZE = (6000, 4000)
GAP_TICK_MS = 1
STEPS = 12


def make_folder(folder: Path, frames: int) -> None:
    """One picture with some texture, and links to it; every third with an XMP sidecar."""
    from engine.library.xmp import Cull, edited

    rng = np.random.default_rng(5)
    coarse = Image.fromarray(rng.integers(60, 200, (80, 120, 3), np.uint8)).resize(SIZE, Image.Resampling.BICUBIC)
    grain = rng.integers(-6, 7, (SIZE[1], SIZE[0], 1), np.int16)
    pixels = np.clip(np.asarray(coarse, np.int16) + grain, 0, 255).astype(np.uint8)
    first = folder / "IMG_0001.jpg"
    Image.fromarray(pixels).save(first, quality=92)
    data = first.read_bytes()
    for number in range(2, frames + 1):
        path = folder / f"IMG_{number:04d}.jpg"
        path.hardlink_to(first) if number % 40 else path.write_bytes(data)
        if number % 3 == 0:
            path.with_suffix(".xmp").write_bytes(edited(None, Cull(number % 6)))


class Gaps:
    """Milliseconds between turns of the event loop, by the clock and as processor time of the GUI thread."""

    def __init__(self) -> None:
        from PySide6.QtCore import QTimer

        self.found: list[float] = []
        self.processor: list[float] = []
        self._last = self._busy = 0.0
        self._timer = QTimer()
        self._timer.timeout.connect(self._tick)

    def start(self) -> None:
        self._last, self._busy = time.perf_counter(), time.thread_time()
        self._timer.start(GAP_TICK_MS)

    def stop(self) -> None:
        self._timer.stop()

    def __str__(self) -> str:
        return f"{max(self.found):.0f} ms (processor {max(self.processor):.0f} ms)"

    def _tick(self) -> None:
        now, busy = time.perf_counter(), time.thread_time()
        self.found.append((now - self._last) * 1000)
        self.processor.append((busy - self._busy) * 1000)
        self._last, self._busy = now, busy


def memory() -> float:
    """Resident memory now, in GB (Linux), else the peak."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        return pages * resource.getpagesize() / 1e9
    except OSError:
        return peak()


def peak() -> float:
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e9


def main() -> None:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--frames", type=int, default=800)
    arguments.add_argument("--real", action="store_true")
    chosen = arguments.parse_args()
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as home:
        os.environ["PORELIGHT_HOME"] = home
        make_folder(Path(folder), chosen.frames)
        measure(Path(folder), chosen.frames, chosen.real)


def measure(folder: Path, frames: int, real: bool) -> None:
    from PySide6.QtTest import QTest
    from PySide6.QtWidgets import QApplication

    from app.viewmodels.engine import Engine
    from app.viewmodels.photo import PhotoModel
    from app.views import theme
    from app.views.main_window import MainWindow
    from tests.helpers.fake_engine import FakeEngine

    application = QApplication([])
    theme.apply(application)
    window = MainWindow(PhotoModel(Engine() if real else FakeEngine()))
    window.resize(1920, 1200)
    window.show()
    QTest.qWait(300)
    desk, gaps = window.desk, Gaps()
    gaps.start()
    begun = time.perf_counter()
    desk.open([folder])
    while desk.library.scanning or desk.library.total < frames:
        application.processEvents()
    scanned = time.perf_counter() - begun
    print(f"scan of {frames} frames: {scanned:.2f} s, longest gap {gaps}")
    while not desk.thumbnails.idle and time.perf_counter() - begun < 120:
        application.processEvents()
    gaps.stop()
    print(f"longest gap until the visible thumbnails are there: {gaps}")

    desk.show(desk.library.shown[0])
    times, processor, cold = [], [], 0
    for _ in range(STEPS):
        ahead = desk.library.neighbours()[0]
        limit = time.perf_counter() + 60
        while time.perf_counter() < limit:
            application.processEvents()
            kept = desk.opened._kept.get(ahead)
            if kept is not None and kept.retouched is not None:
                break
        else:
            cold += 1
        start, busy = time.perf_counter(), time.thread_time()
        desk.library.step(1)
        while not (window.photo.path == ahead and window.photo.frames.settled and window.photo.frames.shown):
            application.processEvents()
        window.canvas.repaint()
        times.append((time.perf_counter() - start) * 1000)
        processor.append((time.thread_time() - busy) * 1000)
    median, worst, own = statistics.median(times), max(times), statistics.median(processor)
    print(f"next photo: median {median:.0f} ms, worst {worst:.0f} ms, processor {own:.0f} ms; {cold} were not ready")
    kept = desk.opened.nbytes / 1e9
    print(f"memory after {STEPS + 1} photos: {memory():.2f} GB, peak {peak():.2f} GB; photos kept open {kept:.2f} GB")
    window.close()


if __name__ == "__main__":
    main()

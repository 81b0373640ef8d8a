"""The aims of speed: a 24 MP frame with one face 1,500 px wide, warm, and six variations after the first result.

    python -m tests.bench.bench_retouch [--runs 3]

Prints for each stage the median of wall-clock and processor seconds (all threads), and the process's peak memory. A
warm process has retouched one photo before. The photo is made from a real portrait and never kept.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
from PIL import Image

from engine.device import share_memory
from engine.policies.registry import load_policy
from engine.session import RetouchSession

SIZE = (6000, 4000)
FACE = 1500
VARIATIONS = 6
PORTRAITS = Path(os.environ.get("PORELIGHT_PORTRAITS", Path(__file__).parents[3] / "shared" / "portraits"))
PORTRAIT = "test/large/pexels-simon-robben-614810.jpg"


def frame(portraits: Path, path: Path) -> Path:
    """Write a portrait scaled until its face is `FACE` wide, on a blurred canvas of `SIZE`."""
    session = RetouchSession.open(portraits / PORTRAIT)
    (face,) = session.analyse()
    scale = FACE / face.width
    pixels = cv2.resize(session.photo.pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    canvas = cv2.resize(cv2.GaussianBlur(pixels, (0, 0), 200), SIZE)
    height, width = (min(a, b) for a, b in zip(pixels.shape, SIZE[::-1], strict=False))
    top, left = (SIZE[1] - height) // 2, (SIZE[0] - width) // 2
    canvas[top : top + height, left : left + width] = pixels[:height, :width]
    Image.fromarray(canvas).save(path, quality=95)
    return path


class Stopwatch:
    """stage → wall-clock and processor seconds of each run."""

    def __init__(self) -> None:
        self.taken: dict[str, list[tuple[float, float]]] = defaultdict(list)

    @contextmanager
    def __call__(self, stage: str) -> Iterator[None]:
        wall, busy = time.perf_counter(), time.process_time()
        yield
        self.taken[stage].append((time.perf_counter() - wall, time.process_time() - busy))

    def median(self, stage: str) -> tuple[float, float]:
        wall, busy = zip(*self.taken[stage], strict=True)
        return statistics.median(wall), statistics.median(busy)


def measure(path: Path, runs: int, device: str) -> Stopwatch:
    """Retouch the photo once to warm up, then `runs` times."""
    policy, watch = load_policy("compact", device=device), Stopwatch()
    for run in range(runs + 1):
        session = RetouchSession.open(path)
        watch.taken = watch.taken if run > 1 else defaultdict(list)
        with watch("result"):
            with watch("analyse"):
                session.analyse()
            with watch("propose"):
                session.propose(policy)
            with watch("render"):
                session.render()
        for stage in ("encode", "sample", "decode"):
            watch.taken[stage].append((session.seconds[stage], float("nan")))
        with watch("variations"):
            assert len(list(session.vary(policy, VARIATIONS))) == VARIATIONS
    return watch


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--photo", type=Path, help="the frame, if it was made before")
    options = parser.parse_args()
    cv2.setNumThreads(2)
    share_memory()
    with tempfile.TemporaryDirectory() as folder:
        if options.photo is None:
            if (child := os.fork()) == 0:  # a process of its own: the frame's making must not count as peak memory
                frame(PORTRAITS, Path(folder) / "24mp.jpg")
                os._exit(0)
            assert os.waitpid(child, 0)[1] == 0
        watch = measure(options.photo or Path(folder) / "24mp.jpg", options.runs, options.device)
    for stage in ("analyse", "propose", "encode", "sample", "decode", "render", "result", "variations"):
        wall, busy = watch.median(stage)
        print(f"{stage:10}  {wall:6.2f} s   processor {busy:6.2f} s")
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6:.2f} GB")


if __name__ == "__main__":
    main()

"""The whole command on a 24 MP JPEG with one face 1,500 px wide: seconds, seconds per stage, peak memory.

Run with `pytest tests/bench -m bench -s`; the photo is made from a real portrait and never kept.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from tests.bench.bench_retouch import frame

pytestmark = pytest.mark.bench


@pytest.fixture(scope="module")
def photo(portraits: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return frame(portraits, tmp_path_factory.mktemp("bench") / "24mp.jpg")


def test_retouch_24_megapixels(photo: Path, tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    command = [sys.executable, "-m", "app.main", "retouch", str(photo), "--out", str(tmp_path / "out")]
    runs = []
    for _ in range(3):
        start = time.perf_counter()
        pid = os.posix_spawn(sys.executable, [*command, "--report", str(report), "--overwrite"], os.environ)
        _, status, usage = os.wait4(pid, 0)
        runs.append((time.perf_counter() - start, usage.ru_maxrss / 1e6, usage.ru_utime + usage.ru_stime))
        assert status == 0
    data = json.loads(report.read_text())["photos"][0]
    width = data["faces"][0]["width"]
    seconds, memory, busy = np.median([run[0] for run in runs]), max(run[1] for run in runs), runs[-1][2]
    stages = ", ".join(f"{name} {value:.2f}" for name, value in data["seconds"].items())
    print(f"\n24 MP, face {width:.0f} px: {seconds:.2f} s whole process, peak {memory:.2f} GB, processor {busy:.1f} s")
    print(f"seconds per stage: {stages}")

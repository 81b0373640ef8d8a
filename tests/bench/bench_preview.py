"""Slider to pixels: a 1920×1200 view of a 60-megapixel photo with one face 3,000 px wide, at fit and at 1:1.

Run from the checkout: `python -m tests.bench.bench_preview`. Prints milliseconds, no assertion.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from engine.imageio.profiles import adobe_rgb_profile
from engine.layers.preview import PreviewRenderer
from engine.layers.render import render
from engine.types import LAYERS, FaceEdits, Photo, RetouchLayers, Strengths
from tests.helpers.scenes import layers_on, scene

FRAME = (9504, 6336)
FACE_WIDTH = 3000.0
FACE_BOX = (2600, 800, 6900, 5600)
VIEW = (1920, 1200)
ONE_TO_ONE = (3800, 2400, 5720, 3600)


def main() -> None:
    photo, face = scene(FRAME, FACE_BOX, FACE_WIDTH)
    layers = layers_on(photo, face, marks=60)
    scale = min(VIEW[0] / FRAME[0], VIEW[1] / FRAME[1])
    fit = (int(FRAME[0] * scale), int(FRAME[1] * scale))
    for name, profile in (("sRGB", None), ("AdobeRGB", adobe_rgb_profile())):
        for zoom, box, size in (("fit", (0, 0, *FRAME), fit), ("1:1", ONE_TO_ONE, VIEW)):
            _measure(f"{name} {zoom}", replace(photo, icc=profile), layers, box, size)
    _, seconds = _timed(lambda: render(photo, [(layers, FaceEdits())]))
    print(f"render whole photo: {seconds * 1e3:.0f} ms")


def _measure(
    name: str, photo: Photo, layers: RetouchLayers, box: tuple[int, int, int, int], size: tuple[int, int]
) -> None:
    view, build = _timed(lambda: PreviewRenderer(photo, [layers], box, size))
    _, first = _timed(lambda: view.update([FaceEdits()]))
    print(f"{name}: view {size[0]}×{size[1]}, build {build * 1e3:.0f} ms, first picture {first * 1e3:.0f} ms")
    drags: dict[str, list[float]] = {"drag": [], "first of a drag": [], "amount": []}
    for slider in (*LAYERS, "amount"):
        for i, value in enumerate(np.linspace(49, 5, 12)):
            strengths = Strengths().with_(**{slider: float(value)})
            kind = "first of a drag" if i == 0 else "amount" if slider == "amount" else "drag"
            drags[kind].append(_timed(lambda: view.update([FaceEdits(strengths)]))[1] * 1e3)  # noqa: B023
    for kind, times in drags.items():
        print(f"  {kind}: median {np.median(times):.1f} ms, p95 {np.percentile(times, 95):.1f} ms")


def _timed(call: Callable[[], Any]) -> tuple[Any, float]:
    start = time.perf_counter()
    return call(), time.perf_counter() - start


if __name__ == "__main__":
    main()

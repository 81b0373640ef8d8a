"""Comparing pictures: a failure leaves both and their difference in tests/output/."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from tests.tolerances import GOLDEN_MAX, GOLDEN_MEAN

OUTPUT = Path(__file__).parents[1] / "output"


def assert_pictures_close(
    actual: npt.NDArray[Any],
    expected: npt.NDArray[Any],
    name: str,
    *,
    mean: float = GOLDEN_MEAN,
    peak: float = GOLDEN_MAX,
) -> None:
    """Compare two (H, W, 3) pictures of one integer type; tolerances at full scale 1."""
    assert actual.shape == expected.shape, f"{name}: {actual.shape} is not {expected.shape}"
    assert actual.dtype == expected.dtype, f"{name}: {actual.dtype} is not {expected.dtype}"
    full = float(np.iinfo(actual.dtype).max)
    difference = np.abs(actual.astype(np.float64) - expected.astype(np.float64)) / full
    if difference.mean() <= mean and difference.max() <= peak:
        return
    OUTPUT.mkdir(exist_ok=True)
    stem = re.sub(r"[^\w.-]+", "_", name)
    stretched = difference / difference.max()
    for kind, picture in (("actual", actual / full), ("expected", expected / full), ("difference", stretched)):
        Image.fromarray(np.round(picture * 255).astype(np.uint8)).save(OUTPUT / f"{stem}.{kind}.png")
    raise AssertionError(
        f"{name}: mean {difference.mean() * 255:.3f}/255 (allowed {mean * 255:.3f}), greatest "
        f"{difference.max() * 255:.2f}/255 (allowed {peak * 255:.2f}); pictures in {OUTPUT}"
    )

"""By which layers two retouches of one face differ most."""

from __future__ import annotations

from typing import Final

import numpy as np

from engine.types import F32, FaceEdits, RetouchLayers

LEAST: Final = 0.4 / 255
"""Mean difference where a layer acts, full scale 1, from which two retouches count as different in it."""
PORES: Final = 4 / 255
"""Mean magnitude of the pore band, nearly: what a gain of 1 adds."""
STRIDE: Final = 4
"""Every fourth row and column tells as much."""


def differences(layers: RetouchLayers, than: RetouchLayers, edits: FaceEdits) -> tuple[tuple[str, bool], ...]:
    """Layers that change the face more (True) or less (False) than in another retouch of it, the clearest first.

    Layers that the edits switch off are left out, as is healing.
    """
    now, before = _sizes(layers), _sizes(than)
    found = {name: (now[name] - before[name]) * edits.strengths.factor(name) for name in now if name in before}
    clear = sorted((name for name in found if abs(found[name]) >= LEAST), key=lambda name: -abs(found[name]))
    return tuple((name, found[name] > 0) for name in clear)


def _sizes(layers: RetouchLayers) -> dict[str, float]:
    """Mean magnitude of each layer where it acts, full scale 1."""
    planes = {name: delta[::STRIDE, ::STRIDE] for name, delta in layers.deltas.items()}
    if layers.texture_gain is not None:
        planes["texture"] = PORES * layers.texture_gain[::STRIDE, ::STRIDE, None]
    return {name: _mean(np.abs(plane).max(-1)) for name, plane in planes.items()}


def _mean(size: F32) -> float:
    acts = size > 0
    return float(size[acts].mean()) if acts.any() else 0.0

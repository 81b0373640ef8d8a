"""By which layers two retouches of one face differ most."""

from __future__ import annotations

from typing import Final

from engine.layers.areas import factor_of
from engine.types import FaceEdits, RetouchLayers

LEAST: Final = 0.4 / 255
"""Mean difference where a layer acts, full scale 1, from which two retouches count as different in it."""
PORES: Final = 4 / 255
"""Mean magnitude of the pore band, nearly: what a gain of 1 adds."""


def differences(layers: RetouchLayers, than: RetouchLayers, edits: FaceEdits) -> tuple[tuple[str, bool], ...]:
    """Layers that change the face more (True) or less (False) than in another retouch of it, the clearest first.

    Layers that the edits switch off are left out, as is healing.
    """
    found = {name: _shown(layers, edits, name) - _shown(than, edits, name) for name in layers.sizes}
    clear = sorted((name for name in found if abs(found[name]) >= LEAST), key=lambda name: -abs(found[name]))
    return tuple((name, found[name] > 0) for name in clear)


def _shown(layers: RetouchLayers, edits: FaceEdits, name: str) -> float:
    """Mean change by a layer where it acts, full scale 1."""
    size = layers.sizes.get(name, 0.0) * (PORES if name == "texture" else 1)
    return size * factor_of(layers, edits, name)

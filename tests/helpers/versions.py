"""Trained policies that were never trained: stored versions with made-up results."""

from __future__ import annotations

import hashlib
from typing import Any

from engine.clock import now
from engine.policies import versions
from engine.policies.versions import Parent, Version

RESULTS: dict[str, Any] = {
    "wins": True,
    "faces": 12,
    "win_rate": 0.81,
    "interval": [0.64, 0.92],
    "held_out_picks": {"value": 0.75, "low": 0.5, "high": 0.9, "count": 8},
}


def stored(name: str, wins: bool = True, *, weights: bytes | None = None, number: str = "", **fields: Any) -> Version:
    """A version in the person's own folder. weights: made up without; number: its version."""
    data = weights or f"weights of {name}".encode()
    sha256 = hashlib.sha256(data).hexdigest()
    described = {
        "parent": Parent(name="compact", version="1-0"),
        "created": now("seconds"),
        "results": RESULTS,
        "sources": {"photos": 14, "picks": 40},
        **fields,
    }
    return versions.add(
        Version(name=name, version=number or f"1-{sha256[:8]}", sha256=sha256, wins=wins, **described), data
    )

"""Progress of parts as progress of the whole."""

from __future__ import annotations

import pytest

from engine.jobs import Progress, share, within


def test_parts_of_parts_add_up_to_the_whole() -> None:
    """Two photos of two faces each; the second face of the second one is half sampled: 0.75 + 0.25 · 0.55."""
    said: list[Progress] = []
    face = share(share(said.append, 1, 2, detail="b.jpg"), 1, 2)
    within(face, 0.4, 0.7)(Progress("sample", 0.5, "face-1"))
    face(Progress("decode", 1.0))
    within(said.append, 0.3, 0.8, stage="propose")(Progress("sample", 0.2, "d"))
    assert [(each.stage, each.detail) for each in said] == [("sample", "b.jpg"), ("decode", "b.jpg"), ("propose", "d")]
    assert [each.fraction for each in said] == pytest.approx([0.8875, 1.0, 0.4])

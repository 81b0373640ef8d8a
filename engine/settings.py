"""Settings that go from face to face: copied, pasted, given to other photos, kept as presets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import ClassVar

from engine.types import AREAS, DEFAULT_STRENGTHS, LAYERS, PROPOSED, FaceEdits, Strengths


@dataclass(frozen=True)
class FaceSettings:
    """Strengths, by region too, and how far features are preserved; nothing that belongs to one face only."""

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}

    strengths: Strengths = field(default_factory=Strengths)
    preserve: float = PROPOSED
    regions: Mapping[str, Mapping[str, float]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        FaceEdits(regions=self.regions)  # names are checked there
        numbers = [self.preserve, *(value for values in self.regions.values() for value in values.values())]
        if not all(0 <= number <= 100 for number in numbers):
            raise ValueError("A setting is outside 0–100.")

    @classmethod
    def of(cls, edits: FaceEdits) -> FaceSettings:
        return cls(edits.strengths, edits.preserve, edits.regions)

    def on(self, edits: FaceEdits) -> FaceEdits:
        """`edits` with these settings; marks, brushwork and whether the face is on stay."""
        return replace(edits, strengths=self.strengths, preserve=self.preserve, regions=self.regions)

    def scaled(self, amount: float) -> FaceSettings:
        """As they are at amount 50, the defaults at 0, twice as far from these at 100; always within 0–100."""
        share = amount / PROPOSED

        def far(value: float, origin: float = PROPOSED) -> float:
            return min(max(origin + (value - origin) * share, 0.0), 100.0)

        values = {name: far(self.strengths.values[name], DEFAULT_STRENGTHS[name]) for name in LAYERS}
        regions = {a: {k: far(v) for k, v in self.regions[a].items()} for a in AREAS if a in self.regions}
        return FaceSettings(Strengths(values, far(self.strengths.amount)), far(self.preserve), regions)

"""Names for people: layers, marks, stages."""

from __future__ import annotations

from dataclasses import dataclass

from engine.types import Decision, MarkKind


@dataclass(frozen=True)
class LayerLabel:
    """name: as in `engine.types.LAYERS`, or "amount"."""

    name: str
    title: str
    help: str


AMOUNT = LayerLabel("amount", "Amount", "Everything at once. 50 is the retouch as set below, 0 is the original.")

GROUPS: tuple[tuple[str, tuple[LayerLabel, ...]], ...] = (
    (
        "Skin",
        (
            LayerLabel("heal", "Blemishes", "Heals the marks that are to be removed. Moles and freckles stay."),
            LayerLabel("smooth", "Smoothness", "Calms fine lines and bumps. Pores stay as they are."),
            LayerLabel("tone", "Even colour", "Evens redness and patches towards the skin's own colour."),
            LayerLabel("light", "Even light", "Fine dodge and burn: evens light and dark patches, keeps the form."),
            LayerLabel("shine", "Shine", "Takes down shiny spots."),
            LayerLabel("texture", "Texture", "Strengthens the pores that are there. None are invented."),
        ),
    ),
    (
        "Features",
        (
            LayerLabel("under_eye", "Under eyes", "Lifts dark circles."),
            LayerLabel("features", "Clarity", "Crisper eyes, lips, brows and hair."),
            LayerLabel("teeth", "Teeth", "Brightens teeth and takes out yellow."),
            LayerLabel("eye_whites", "Eye whites", "Brightens the whites of the eyes. Iris colour stays."),
        ),
    ),
)

TITLES = {label.name: label.title for label in (AMOUNT, *(label for _, group in GROUPS for label in group))}

MARKS = {
    MarkKind.BLEMISH: "Blemish",
    MarkKind.DARK_SPOT: "Dark spot",
    MarkKind.MOLE: "Mole",
    MarkKind.FRECKLE: "Freckle",
    MarkKind.SCAR: "Scar",
    MarkKind.UNKNOWN: "Mark",
}

DECISIONS = {Decision.KEEP: "kept", Decision.REMOVE: "removed"}

STAGES = {
    "read": "Reading",
    "analyse": "Finding faces",
    "load": "Loading the retouching model",
    "sample": "Retouching",
    "render": "Rendering",
    "write": "Writing",
}


def counted(count: int, one: str, many: str = "") -> str:
    """A number with its noun: 1 face, 3 faces."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"

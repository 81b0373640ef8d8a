"""Names for people: layers, marks, stages."""

from __future__ import annotations

from dataclasses import dataclass

from engine.types import LAYERS, Decision, MarkKind


@dataclass(frozen=True)
class LayerLabel:
    """name: as in `engine.types.LAYERS`, "amount" or "preserve"."""

    name: str
    title: str
    help: str


AMOUNT = LayerLabel("amount", "Amount", "Everything at once. 50 is the retouch as set below, 0 is the original.")
PRESERVE = LayerLabel(
    "preserve",
    "Identity",
    "Holds back what touches features and the form of the face: 100 leaves eyes, lips, brows and teeth as they are, "
    "0 sets no bound.",
)


@dataclass(frozen=True)
class Dimension:
    """One of the things that retouchers judge, with its parts. A dimension of one part is that part."""

    title: str
    help: str
    parts: tuple[LayerLabel, ...]


DIMENSIONS: tuple[Dimension, ...] = (
    Dimension(
        "Blemishes",
        "Removing what comes and goes.",
        (LayerLabel("heal", "Blemishes", "Heals the marks that are to be removed. Moles and freckles stay."),),
    ),
    Dimension(
        "Smoothing",
        "Fine lines and bumps.",
        (LayerLabel("smooth", "Smoothing", "Calms fine lines and bumps. Pores stay as they are."),),
    ),
    Dimension(
        "Skin tone",
        "Colour, light and texture of the skin together.",
        (
            LayerLabel("tone", "Even colour", "Evens redness and patches towards the skin's own colour."),
            LayerLabel("light", "Even light", "Fine dodge and burn: evens light and dark patches, keeps the form."),
            LayerLabel("shine", "Shine", "Takes down shiny spots."),
            LayerLabel("texture", "Texture", "Strengthens the pores that are there. None are invented."),
        ),
    ),
    Dimension("Identity", "Preservation of personal features.", (PRESERVE,)),
    Dimension(
        "Clarity",
        "Definition of the features.",
        (LayerLabel("features", "Clarity", "Crisper eyes, lips, brows and hair."),),
    ),
)

FEATURES: tuple[LayerLabel, ...] = (
    LayerLabel("under_eye", "Under eyes", "Lifts dark circles."),
    LayerLabel("eye_whites", "Eye whites", "Brightens the whites of the eyes. Iris colour stays."),
    LayerLabel("teeth", "Teeth", "Brightens teeth and takes out yellow."),
)

_LABELS = (AMOUNT, *(part for dimension in DIMENSIONS for part in dimension.parts), *FEATURES)
TITLES = {label.name: label.title for label in _LABELS}
BRUSH_TITLES = {"all": "Protect", **{label.name: label.title for label in _LABELS if label.name in LAYERS}}

AREA_TITLES = {
    "forehead": "Forehead",
    "under_eyes": "Under eyes",
    "cheeks": "Cheeks",
    "nose": "Nose",
    "upper_lip": "Upper lip",
    "chin": "Chin",
    "jaw": "Jaw",
    "neck": "Neck",
    "ears": "Ears",
    "eyes": "Eyes",
    "brows": "Brows",
    "lips": "Lips",
}

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

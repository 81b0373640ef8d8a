"""Names for people: layers, marks, stages."""

from __future__ import annotations

from dataclasses import dataclass

from app.language import tr, trn
from engine.library.xmp import Flag, Label
from engine.types import LAYERS, Decision, MarkKind


@dataclass(frozen=True)
class LayerLabel:
    """name: as in `engine.types.LAYERS`, "amount" or "preserve"."""

    name: str
    title: str
    help: str


AMOUNT = LayerLabel(
    "amount", tr("Amount"), tr("Everything at once. 50 is the retouch as set below, 0 is the original.")
)
PRESERVE = LayerLabel(
    "preserve",
    tr("Identity"),
    tr(
        "Holds back what touches features and the form of the face: 100 leaves eyes, lips, brows and teeth as they "
        "are, 0 sets no bound."
    ),
)


@dataclass(frozen=True)
class Dimension:
    """One of the things that retouchers judge, with its parts. A dimension of one part is that part."""

    title: str
    help: str
    parts: tuple[LayerLabel, ...]


DIMENSIONS: tuple[Dimension, ...] = (
    Dimension(
        tr("Blemishes"),
        tr("Removing what comes and goes."),
        (LayerLabel("heal", tr("Blemishes"), tr("Heals the marks that are to be removed. Moles and freckles stay.")),),
    ),
    Dimension(
        tr("Smoothing"),
        tr("Fine lines and bumps."),
        (LayerLabel("smooth", tr("Smoothing"), tr("Calms fine lines and bumps. Pores stay as they are.")),),
    ),
    Dimension(
        tr("Skin tone"),
        tr("Colour, light and texture of the skin together."),
        (
            LayerLabel("tone", tr("Even colour"), tr("Evens redness and patches towards the skin's own colour.")),
            LayerLabel(
                "light", tr("Even light"), tr("Fine dodge and burn: evens light and dark patches, keeps the form.")
            ),
            LayerLabel("shine", tr("Shine"), tr("Takes down shiny spots.")),
            LayerLabel("texture", tr("Texture"), tr("Strengthens the pores that are there. None are invented.")),
        ),
    ),
    Dimension(tr("Identity"), tr("Preservation of personal features."), (PRESERVE,)),
    Dimension(
        tr("Clarity"),
        tr("Definition of the features."),
        (LayerLabel("features", tr("Clarity"), tr("Crisper eyes, lips, brows and hair.")),),
    ),
)

FEATURES: tuple[LayerLabel, ...] = (
    LayerLabel("under_eye", tr("Under eyes"), tr("Lifts dark circles.")),
    LayerLabel("eye_whites", tr("Eye whites"), tr("Brightens the whites of the eyes. Iris colour stays.")),
    LayerLabel("teeth", tr("Teeth"), tr("Brightens teeth and takes out yellow.")),
)

_LABELS = (AMOUNT, *(part for dimension in DIMENSIONS for part in dimension.parts), *FEATURES)
TITLES = {label.name: label.title for label in _LABELS}
BRUSH_TITLES = {"all": tr("Protect"), **{label.name: label.title for label in _LABELS if label.name in LAYERS}}

DIFFERS = {
    "smooth": (tr("smoother"), tr("less smooth")),
    "tone": (tr("evener colour"), tr("less even colour")),
    "light": (tr("evener light"), tr("less even light")),
    "shine": (tr("less shine"), tr("more shine")),
    "under_eye": (tr("brighter under eyes"), tr("darker under eyes")),
    "texture": (tr("crisper pores"), tr("softer pores")),
    "features": (tr("clearer eyes and lips"), tr("softer eyes and lips")),
    "teeth": (tr("whiter teeth"), tr("yellower teeth")),
    "eye_whites": (tr("whiter eyes"), tr("redder eyes")),
}
"""What a retouch looks like that has more of a layer than another, or less."""

AREA_TITLES = {
    "forehead": tr("Forehead"),
    "under_eyes": tr("Under eyes"),
    "cheeks": tr("Cheeks"),
    "nose": tr("Nose"),
    "upper_lip": tr("Upper lip"),
    "chin": tr("Chin"),
    "jaw": tr("Jaw"),
    "neck": tr("Neck"),
    "ears": tr("Ears"),
    "eyes": tr("Eyes"),
    "brows": tr("Brows"),
    "lips": tr("Lips"),
}

MARKS = {
    MarkKind.BLEMISH: tr("Blemish"),
    MarkKind.DARK_SPOT: tr("Dark spot"),
    MarkKind.MOLE: tr("Mole"),
    MarkKind.FRECKLE: tr("Freckle"),
    MarkKind.SCAR: tr("Scar"),
    MarkKind.UNKNOWN: tr("Mark"),
}

DECISIONS = {Decision.KEEP: tr("kept"), Decision.REMOVE: tr("removed")}

LABEL_TITLES = {
    Label.RED: tr("Red"),
    Label.YELLOW: tr("Yellow"),
    Label.GREEN: tr("Green"),
    Label.BLUE: tr("Blue"),
    Label.PURPLE: tr("Purple"),
}
FLAG_TITLES = {Flag.PICK: tr("Picked"), Flag.REJECT: tr("Rejected")}

STAGES = {
    "read": tr("Reading"),
    "analyse": tr("Finding faces"),
    "load": tr("Loading the retouching model"),
    "sample": tr("Retouching"),
    "render": tr("Rendering"),
    "write": tr("Writing"),
}


def counted(count: int, one: str, many: str) -> str:
    """A number with its noun, in the window's language: 1 face, 3 faces."""
    return trn(f"{{count}} {one}", f"{{count}} {many}", count)


def about(seconds: float) -> str:
    """A time that is only roughly known."""
    if seconds < 90:
        return tr("about {max} s", max=max(round(seconds / 5) * 5, 5))
    if seconds < 5400:
        return tr("about {round} min", round=round(seconds / 60))
    return tr("about {value:.1f} h", value=seconds / 3600)

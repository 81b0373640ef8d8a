"""Export recipes: what a file is to be like, and the set of recipes that a person keeps."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from engine import paths
from engine.delivery.naming import check_template
from engine.errors import ExportError

Format = Literal["own", "jpeg", "png", "tiff", "layered"]
Profile = Literal["own", "srgb", "adobe_rgb", "display_p3"]
Sharpening = Literal["none", "low", "standard", "high"]
Keep = Literal["all", "copyright", "none"]
Existing = Literal["rename", "replace", "skip"]


class Recipe(BaseModel):
    """How one file is made of a retouched photo. The default changes nothing but the retouch.

    format: "own" is the photo's, or the nearest that can be written; "layered" is a TIFF with one masked layer per
    retouch layer, always 16 bit at full size in the photo's profile. depth: bits per channel, None for the photo's.
    long_edge (pixels) and megapixels reduce, never enlarge; at most one is set. naming: see `engine.delivery.naming`.
    folder: relative to the photo's own folder, or absolute. metadata: what is kept of EXIF, IPTC and XMP. watermark: a
    line of text in the lower right corner; empty for none. existing: what happens where a file of that name is.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    name: Annotated[str, Field(min_length=1, max_length=60)] = "Export"
    format: Format = "own"
    depth: Literal[8, 16] | None = None
    quality: Annotated[int, Field(ge=1, le=100)] = 95
    profile: Profile = "own"
    long_edge: Annotated[int, Field(ge=64, le=65500)] | None = None
    megapixels: Annotated[float, Field(gt=0.01, le=400)] | None = None
    sharpen: Sharpening = "none"
    naming: str = "{name}"
    folder: str = "retouched"
    metadata: Keep = "all"
    watermark: Annotated[str, Field(max_length=120)] = ""
    existing: Existing = "rename"

    @model_validator(mode="after")
    def _possible(self) -> Recipe:
        if self.long_edge is not None and self.megapixels is not None:
            raise ValueError("give a long edge or megapixels, not both")
        if self.format == "jpeg" and self.depth == 16:
            raise ValueError("JPEG holds 8 bits per channel")
        if self.format == "layered" and not self.plain:
            raise ValueError("a layered file has the photo's own size and profile")
        check_template(self.naming)
        return self

    @property
    def plain(self) -> bool:
        """Whether the pixels stay exactly those of the retouched photo."""
        resized = self.long_edge is not None or self.megapixels is not None
        return self.profile == "own" and not resized and self.sharpen == "none" and not self.watermark

    @property
    def written(self) -> str | None:
        """The format as files know it; None for the photo's own."""
        return {"own": None, "layered": "tiff"}.get(self.format, self.format)

    def as_json(self) -> dict[str, Any]:
        """Its name and what differs from the default; `model_validate` makes it again."""
        return self.model_dump(mode="json", exclude_defaults=True) | {"name": self.name}


BUILT_IN: Final = (
    Recipe(name="Like the photo"),
    Recipe(name="Delivery JPEG", format="jpeg", profile="srgb", naming="{name}"),
    Recipe(
        name="Web 2048", format="jpeg", quality=88, profile="srgb", long_edge=2048, sharpen="standard",
        naming="{name}-web", metadata="copyright",
    ),
    Recipe(name="Print TIFF", format="tiff", depth=16, profile="adobe_rgb", naming="{name}-print"),
    Recipe(name="Layered TIFF", format="layered", naming="{name}-layers"),
)  # fmt: skip


_KEPT: Final = "The file is kept under another name when recipes are saved."


def recipes_file() -> Path:
    return paths.user_folder() / "recipes.json"


def load() -> tuple[tuple[Recipe, ...], ExportError | None]:
    """The person's recipes, or the built-in ones. Returns: (recipes, what was wrong with the file).

    A recipe that makes no sense is left out; a damaged file is left as it is and the built-in ones are used.
    """
    try:
        data = json.loads(recipes_file().read_bytes())
        if not isinstance(data, dict) or data.get("version") != 1 or not isinstance(data.get("recipes"), list):
            raise ValueError("it is not a list of recipes")
    except FileNotFoundError:
        return BUILT_IN, None
    except (OSError, ValueError, RecursionError) as error:
        message = f"The file {recipes_file().name} cannot be used; the built-in recipes are shown."
        return BUILT_IN, ExportError(message, _KEPT, cause=str(error))
    found, bad = [], []
    for each in data["recipes"]:
        try:
            found.append(Recipe.model_validate(each))
        except ValidationError:
            bad.append(str(each.get("name", "without a name")) if isinstance(each, dict) else "damaged")
    wrong = ExportError(f"Recipes that make no sense were left out: {', '.join(bad)}.", _KEPT) if bad else None
    return tuple(found) or BUILT_IN, wrong


def save(recipes: Sequence[Recipe]) -> None:
    """Keep these recipes; a file that could not be used before is kept under another name. Raises: ExportError."""
    place = recipes_file()
    data = {"version": 1, "recipes": [recipe.as_json() for recipe in recipes]}
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        if load()[1]:
            place.replace(place.with_name(place.name + ".damaged"))
        paths.write_atomic(place, json.dumps(data, indent=1, ensure_ascii=False).encode() + b"\n")
    except OSError as error:
        raise ExportError(
            f"The recipes cannot be saved: {error.strerror}.", "Free space or change the rights."
        ) from error

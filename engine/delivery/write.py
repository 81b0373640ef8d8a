"""One retouched photo to one file, as a recipe says."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

from engine.delivery.finish import finished
from engine.delivery.layered import Done, sheets, source_data
from engine.delivery.recipe import Recipe
from engine.imageio.write import to_depth, write_photo
from engine.outputs import format_of
from engine.types import Photo, Pixels


def write(
    photo: Photo,
    pixels: Pixels,
    done: Done,
    path: Path,
    recipe: Recipe | None = None,
    *,
    overwrite: bool = False,
    inputs: Collection[Path] = (),
) -> tuple[str, ...]:
    """Finish and write. pixels: the photo's after retouching. done: layers and edits of each face, for a layered file.

    Returns: notes on what the file could not hold. Raises: ExportError, ColourProfileError.
    """
    recipe = recipe or Recipe()
    result = replace(photo, pixels=pixels)
    format = format_of(photo, recipe.written)
    if recipe.format == "layered":
        layers = sheets(photo, done, pixels)
        result = finished(replace(result, pixels=to_depth(pixels, 16)), recipe)
        return write_photo(
            result,
            path,
            format="tiff",
            depth=16,
            overwrite=overwrite,
            inputs=inputs,
            layers=lambda order: source_data(layers, order),
        )
    depth = recipe.depth if recipe.plain else 8 if format == "jpeg" else recipe.depth or photo.depth
    return write_photo(
        finished(result, recipe),
        path,
        format=format,
        depth=depth,
        quality=recipe.quality,
        overwrite=overwrite,
        inputs=inputs,
    )

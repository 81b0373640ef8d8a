"""From photos and recipes to frozen jobs, with a name for every file before anything runs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from engine import sidecar
from engine.delivery.ledger import Job, frozen
from engine.delivery.naming import Subject, stem
from engine.delivery.recipe import Recipe
from engine.errors import EngineError
from engine.outputs import SUFFIXES, Names, Target
from engine.pipeline import Delivery, RetouchRequest
from engine.sidecar import Sidecar


def folder_of(recipe: Recipe, photo: Path) -> Path:
    """Where a recipe's files of a photo go."""
    folder = Path(recipe.folder).expanduser()
    return folder if folder.is_absolute() else photo.parent / folder


def jobs(
    subjects: Sequence[Subject],
    recipes: Sequence[Recipe],
    promised: Iterable[tuple[Path, str]] = (),
    unsaved: Mapping[Path, Sidecar] | None = None,
) -> list[Job]:
    """One job per photo, with a file for each recipe and the photo's edits as they are now.

    promised: (folder, stem) of files that other jobs will write. unsaved: edits that count instead of the saved ones.
    A photo whose edits cannot be read becomes a broken job, so that as many come out as went in.
    """
    photos = [subject.path for subject in subjects]
    suffixes = [suffix for group in SUFFIXES.values() for suffix in group]
    taken = [folder / (name + suffix) for folder, name in promised for suffix in suffixes]
    fresh = Names(photos, taken=taken, fresh=True)
    fixed = Names(photos)
    made = []
    for number, subject in enumerate(subjects, 1):
        deliveries = []
        for recipe in recipes:
            names = fresh if recipe.existing == "rename" else fixed
            target = names.take(
                folder_of(recipe, subject.path),
                stem(recipe.naming, subject, number, recipe.name),
                subject.path,
                recipe.written,
            )
            deliveries.append(Delivery(target, recipe))
        try:
            edits, trouble = (unsaved or {}).get(subject.path) or sidecar.load(subject.path), None
        except EngineError as error:
            edits, trouble = None, error
        job = frozen(RetouchRequest(subject.path, tuple(deliveries), edits=edits))
        made.append(Job(job.source, job.data, trouble.message, trouble.hint) if trouble else job)
    return made


def preview(recipe: Recipe, subject: Subject) -> Target:
    """Where the file of a photo would go, before other names are looked at."""
    return Target(folder_of(recipe, subject.path), stem(recipe.naming, subject, 1, recipe.name))

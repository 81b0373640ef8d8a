"""Which files belong together: photos before, and results of one or more retouchers by name."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from engine.errors import UsageError
from engine.outputs import gather

BEFORE_WORDS = frozenset({"input", "before", "base", "original", "orig", "source", "src"})
"""Last words of a file's name that mark the photo before, as in 3_input.png beside 3_result.png."""
_LAST_WORD = re.compile(r"^(?P<stem>.+?)[-_. ](?P<word>[A-Za-z]\w*)$")


@dataclass(frozen=True)
class Case:
    """One photo and what retouchers made of it. name: for people; results: retoucher → file."""

    name: str
    before: Path
    results: Mapping[str, Path] = field(default_factory=dict)


def find_cases(folder: Path, against: Sequence[Path] = ()) -> list[Case]:
    """Cases of a folder of photos, each with the results of the same name in the folders `against`.

    A result has the photo's own name, or one that differs only in a last word (face.jpg, face-retouched.png). A folder
    may also hold both: then the photo's last word is one of `BEFORE_WORDS` and the others name their retouchers.
    Raises: UsageError if a folder is missing, holds nothing, or has no result for any photo.
    """
    for each in (folder, *against):
        if not each.is_dir():
            raise UsageError(f"There is no folder {each.name!r}.", "Name a folder of photos.")
    groups = _groups(_photos(folder))
    names = _names(folder, against)
    others = {name: _photos(path) for name, path in names.items()}
    cases = []
    for key, files in sorted(groups.items()):
        befores = [path for path in files if word_of(path) in BEFORE_WORDS]
        if len(befores) == 1:
            own = {word_of(path): path for path in files if path != befores[0]}
            cases.append(Case(key.relative_to(folder).as_posix(), befores[0], own | _results(befores[0], others)))
        else:
            cases += [Case(_relative(path, folder), path, _results(path, others)) for path in files]
    for name in names:
        if not any(name in case.results for case in cases):
            raise UsageError(
                f"No result in {name!r} has the name of a photo in {folder.name!r}.",
                "Give results the name of their photo; a last word such as -retouched may differ.",
            )
    return cases


def word_of(path: Path) -> str:
    """The last word of a file's name in lower case, "" if it has none."""
    found = _LAST_WORD.match(path.stem)
    return found["word"].lower() if found else ""


def stem_of(path: Path) -> str:
    """The file's name without suffix and last word."""
    found = _LAST_WORD.match(path.stem)
    return found["stem"] if found else path.stem


def _photos(folder: Path) -> list[Path]:
    return [source.path for source in gather([str(folder)])]


def _relative(path: Path, folder: Path) -> str:
    return path.relative_to(folder).with_suffix("").as_posix()


def _groups(files: Iterable[Path]) -> dict[Path, list[Path]]:
    """Files by folder and stem, where one of a stem is marked as the photo before; else each by itself."""
    files = list(files)
    marked = {(path.parent, stem_of(path)) for path in files if word_of(path) in BEFORE_WORDS}
    groups: dict[Path, list[Path]] = {}
    for path in files:
        together = (path.parent, stem_of(path)) in marked
        groups.setdefault(path.parent / stem_of(path) if together else path, []).append(path)
    return groups


def _names(folder: Path, against: Sequence[Path]) -> dict[str, Path]:
    """Names of the folders to compare with, each its own."""
    names: dict[str, Path] = {}
    for path in against:
        name = path.resolve().name or "results"
        if name in names or path.resolve() == folder.resolve():
            name = f"{path.resolve().parent.name}/{name}"
        if name in names:
            raise UsageError(f"The folder {path.name!r} is named twice.", "Name each folder of results once.")
        names[name] = path
    return names


def _results(before: Path, others: Mapping[str, Sequence[Path]]) -> dict[str, Path]:
    """The result of each retoucher for a photo: the same stem, else one that a last word leads to."""
    found = {}
    for name, files in others.items():
        ranked = [
            next((path for path in files if path.stem == before.stem and path != before), None),
            next((path for path in files if stem_of(path) == before.stem and path != before), None),
            next((path for path in files if stem_of(path) == stem_of(before) and path != before), None),
        ]
        best = next((path for path in ranked if path is not None), None)
        if best is not None:
            found[name] = best
    return found

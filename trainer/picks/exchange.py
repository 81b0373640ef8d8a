"""Picks as JSON lines (REFERENCES: beautygrpo, FRPref) and as a folder that Hugging Face `datasets` reads.

A line is {"input", "image1", "image2", "preference": "image1"|"image2"|"tie", "scores": {dimension: [s1, s2]},
"reasoning"}, paths relative to the file. Lines written here also hold what else a pick is (`KEPT`), so that reading
them back gives the same picks. A dataset folder holds `train` and `test` (random test picks and all picks of their
photos) in the layout "imagefolder": pictures beside a metadata.jsonl whose columns `…_file_name` name them.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from engine import paths
from engine.clock import now
from engine.errors import EngineError, ExportError, SidecarError, UsageError
from engine.jobs import CancelToken, Progress, Report, share, silent
from trainer.picks.files import candidate_of, relative, sha256_of
from trainer.picks.identity import Identity
from trainer.picks.records import DIMENSIONS, Candidate, Pick, Preference
from trainer.picks.store import PickStore, is_store, with_files

KEPT: Final = ("id", "time", "person", "studio", "session", "level", "purpose", "subject", "repeats", "dimensions")
IMAGES: Final = ("input", "image1", "image2")
METADATA: Final = "metadata.jsonl"
ALIASES: Final = {
    **{name: name for name in DIMENSIONS},
    **dict.fromkeys(("smooth", "skin_smoothing", "skin_smoothness", "smoothness"), "smoothing"),
    **dict.fromkeys(("blemish", "blemish_removal"), "blemishes"),
    **dict.fromkeys(("texture", "skin_tone", "tone_texture", "skin_tone_and_texture", "skin_tone_texture"), "tone"),
    **dict.fromkeys(
        ("identity", "personal_features", "preservation", "preservation_of_personal_features", "feature_preservation"),
        "features",
    ),
    **dict.fromkeys(("overall_clarity", "sharpness"), "clarity"),
}
"""Names under which others write the five dimensions → ours."""
Draw = Callable[[Candidate, Path], None]
"""Writes the picture that a candidate stands for; raises EngineError if it cannot."""


@dataclass
class Count:
    """done: picks taken over. failed: what could not be, one sentence each."""

    done: int = 0
    failed: list[str] = field(default_factory=list)


# --- in ---------------------------------------------------------------------------------------------------------------


def add_pick(
    store: PickStore, photo: Path, images: tuple[Path, Path], fields: dict[str, Any], identity: Identity
) -> Pick:
    """Record one answer about two finished pictures of a photo, with what renders them again where a sheet says so.

    fields: of `Pick`; what is not given is filled in. Raises: UsageError for a file that is not there or a field that
    has no meaning, SidecarError for a damaged sheet, PickStoreError.
    """
    digests = [_digest(path) for path in (photo, *images)]
    candidates = [candidate_of(path, digests[0]) for path in images]
    if candidates[0].id == candidates[1].id:
        raise UsageError(f"{images[0].name} and {images[1].name} are the same picture.", "Compare two different ones.")
    made = now("seconds")
    defaults = {"time": made, "person": identity.person, "studio": identity.studio, "session": identity.studio}
    try:
        pick = Pick.model_validate(
            {
                **defaults,
                **fields,
                "dimensions": {**_from_scores(fields.get("scores") or {}), **(fields.get("dimensions") or {})},
                "image1": candidates[0].id,
                "image2": candidates[1].id,
                "photo": digests[0],
            }
        )
    except ValidationError as error:
        first = error.errors()[0]
        where, why = ".".join(str(part) for part in first["loc"]), first["msg"].removeprefix("Value error, ")
        raise UsageError(f"The pick has no meaning: {where}: {why}.", "Correct it.") from error
    store.append(*candidates)
    with_files(store, dict(zip(digests, (photo, *images), strict=True)))
    store.append(pick)
    return pick


def take_over(
    store: PickStore, source: Path, identity: Identity, token: CancelToken | None = None, report: Report = silent
) -> Count:
    """Take over the picks of JSON lines, of a dataset folder or of another computer's store; again changes nothing.

    Returns: how many are new, and what could not be taken. Raises: UsageError, PickStoreError, Cancelled.
    """
    count, before = Count(), {each.id for each in store.picks()}
    if is_store(source):
        with PickStore.open(source) as other:
            if other.damage:
                count.failed.append(f"{source.name} is damaged: {other.damage}; the rest is taken.")
            store.merge(other)
    else:
        files = sorted(source.rglob(METADATA)) if source.is_dir() else [source]
        if not files:
            raise UsageError(f"The folder {source.name} holds no {METADATA}.", "Name a dataset folder.")
        for number, file in enumerate(files):
            count.failed += import_lines(store, file, identity, token, share(report, number, len(files))).failed
    count.done = sum(each.id not in before for each in store.picks())
    return count


def import_lines(
    store: PickStore, path: Path, identity: Identity, token: CancelToken | None = None, report: Report = silent
) -> Count:
    """Take over all picks of a JSON lines file; a line that cannot be is said and the rest goes on; lines that were
    taken over before change nothing. Raises: UsageError if the file cannot be read, PickStoreError, Cancelled."""
    try:
        lines = path.read_text(encoding="utf-8-sig").split("\n")  # within a line, JSON may hold other line breaks
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise UsageError(f"{path.name} cannot be read: {reason}.", "Name a file of JSON lines.") from error
    count, seen = Count(), Counter[str]()
    for number, line in enumerate(lines, 1):
        if token is not None:
            token.check()
        report(Progress("import", (number - 1) / len(lines)))
        if not line.strip():
            continue
        try:
            _import_line(store, path.parent, line, identity, seen)
            count.done += 1
        except (UsageError, SidecarError) as error:
            count.failed.append(f"{path.name} line {number}: {error.message}")
    return count


def _import_line(store: PickStore, folder: Path, line: str, identity: Identity, seen: Counter[str]) -> None:
    hint = "See docs/learning.md for the form."
    try:
        data = json.loads(line)
    except (ValueError, RecursionError):
        data = None
    if not isinstance(data, dict):
        raise UsageError("it is no JSON object.", hint)
    for name in (*IMAGES, "preference"):
        if data.get(name, data.get(f"{name}_file_name")) is None:
            raise UsageError(f"{name!r} is missing.", hint)
    photo, first, second = (folder / str(data.get(name, data.get(f"{name}_file_name"))) for name in IMAGES)
    preference = data["preference"]
    own = {name: data[name] for name in KEPT if data.get(name) is not None}
    if "id" not in own:
        key = hashlib.sha256(json.dumps([_digest(p) for p in (photo, first, second)] + [line]).encode()).hexdigest()
        seen[key] += 1
        own["id"] = hashlib.sha256(f"{key} {seen[key]}".encode()).hexdigest()[:16]
    fields = {"preference": preference, "reasoning": data.get("reasoning") or "", **own}
    fields["scores"] = _by_dimension(data.get("scores"))
    fields["dimensions"] = _by_dimension(data.get("dimensions"))
    add_pick(store, photo, (first, second), fields, identity)


def _by_dimension(data: Any) -> dict[str, Any]:
    """Values by our names of the dimensions; a dimension of another name is refused, null says nothing.

    Raises: UsageError."""
    if data is None:
        return {}
    if not isinstance(data, dict):
        raise UsageError("scores and dimensions are no objects.", "Give {dimension: [score, score]}.")
    found = {}
    for name, value in data.items():
        key = ALIASES.get(name.lower().replace(" ", "_").replace("-", "_"))
        if key is None:
            raise UsageError(f"There is no dimension {name!r}.", f"Known are {', '.join(DIMENSIONS)}.")
        if value is not None:
            found[key] = value
    return found


def _digest(path: Path) -> str:
    digest = sha256_of(path)
    if digest is None:
        raise UsageError(f"The picture {path.name} is not there.", "Paths are relative to the file that names them.")
    return digest


def _from_scores(scores: dict[str, Any]) -> dict[str, Preference]:
    """What scores say of each dimension."""
    try:
        return {
            name: "tie" if one == two else "image1" if one > two else "image2" for name, (one, two) in scores.items()
        }
    except (TypeError, ValueError):
        return {}  # the scores themselves are refused with a sentence


# --- out --------------------------------------------------------------------------------------------------------------


def export_lines(
    store: PickStore,
    picks: Sequence[Pick],
    path: Path,
    draw: Draw,
    token: CancelToken | None = None,
    report: Report = silent,
) -> Count:
    """Write JSON lines; pictures that have no file any more are drawn into PATH-pictures beside it.

    Raises: ExportError; Cancelled, and then only pictures are written.
    """
    pictures = _Pictures(store, path.with_name(f"{path.stem}-pictures"), draw, copy=False)
    count = Count()
    lines: list[dict[str, Any]] = []
    for pick, files in _with_files(store, picks, pictures, count):
        if token is not None:
            token.check()
        report(Progress("export", (len(lines) + len(count.failed)) / len(picks)))
        named = {name: relative(file, path.parent) for name, file in zip(IMAGES, files, strict=True)}
        lines.append({**named, **_answer(pick), **_kept(pick)})
    _write(path, lines)
    return count


def export_dataset(store: PickStore, picks: Sequence[Pick], folder: Path, draw: Draw) -> Count:
    """Write a dataset folder with all pictures in it. Raises: ExportError if it is there or cannot be written."""
    if folder.exists() and any(folder.iterdir()):
        raise ExportError(f"The folder {folder.name} is not empty.", "Name a new one.")
    tests = {each.photo for each in picks if each.purpose == "random"}
    count = Count()
    for split in ("train", "test"):
        chosen = [each for each in picks if (each.photo in tests) == (split == "test")]
        if not chosen:
            continue
        home = folder / split
        pictures, lines = _Pictures(store, home, draw, copy=True), []
        for pick, files in _with_files(store, chosen, pictures, count):
            named = {f"{name}_file_name": file.name for name, file in zip(IMAGES, files, strict=True)}
            lines.append({**named, **_answer(pick, whole=True), **_kept(pick, whole=True)})
        _write(home / METADATA, lines)
    splits = [split for split in ("train", "test") if (folder / split).exists()]
    listed = "".join(f"  - split: {split}\n    path: {split}/**\n" for split in splits)
    _write_bytes(folder / "README.md", _CARD.format(files=listed).encode())
    return count


class _Pictures:
    """Files of photos and candidates: where they lie, copied or drawn into `folder` where that is needed."""

    def __init__(self, store: PickStore, folder: Path, draw: Draw, *, copy: bool) -> None:
        self.store, self.folder, self.draw, self.copy = store, folder, draw, copy
        self._done: dict[str, Path] = {}

    def photo(self, sha256: str) -> Path:
        from trainer.reward.measuring import whole_file

        if sha256 not in self._done:
            self._done[sha256] = self._kept(whole_file(self.store, sha256), sha256[:16])
        return self._done[sha256]

    def candidate(self, key: str, candidate: Candidate) -> Path:
        from trainer.reward.measuring import MissingFileError, whole_file

        if key not in self._done:
            try:
                if candidate.picture is None:
                    raise MissingFileError("It has no file.", "")
                self._done[key] = self._kept(whole_file(self.store, candidate.picture), key[:16])
            except MissingFileError:
                if candidate.retouch is None:
                    raise
                target = self.folder / f"{key[:16]}.png"
                _make_folder(self.folder)
                if not target.exists():
                    self.draw(candidate, target)
                self._done[key] = target
        return self._done[key]

    def _kept(self, path: Path, name: str) -> Path:
        if not self.copy:
            return path
        _make_folder(self.folder)
        target = self.folder / f"{name}{path.suffix.lower()}"
        try:
            shutil.copyfile(path, target)
        except OSError as error:
            raise _unwritable(target, error) from error
        return target


def _with_files(
    store: PickStore, picks: Sequence[Pick], pictures: _Pictures, count: Count
) -> Iterator[tuple[Pick, tuple[Path, Path, Path]]]:
    """Each pick with its three files; one whose pictures are gone is counted as failed."""
    candidates = store.candidates()
    for pick in picks:
        try:
            photo = pictures.photo(pick.photo)
            first, second = (pictures.candidate(key, candidates[key]) for key in (pick.image1, pick.image2))
        except ExportError:
            raise
        except EngineError as error:
            count.failed.append(f"Pick {pick.id}: {error.message}")
            continue
        count.done += 1
        yield pick, (photo, first, second)


def _answer(pick: Pick, *, whole: bool = False) -> dict[str, Any]:
    """whole: every dimension is named, null where nothing was said, so that all lines have one form."""
    scores: dict[str, Any] = {name: list(pair) for name, pair in pick.scores.items()}
    if whole:
        scores = {name: scores.get(name) for name in DIMENSIONS}
    return {"preference": pick.preference, "scores": scores, "reasoning": pick.reasoning}


def _kept(pick: Pick, *, whole: bool = False) -> dict[str, Any]:
    data = pick.model_dump(mode="json")
    kept = {name: data[name] for name in KEPT if whole or data[name]}
    if whole:
        kept["dimensions"] = {name: data["dimensions"].get(name) for name in DIMENSIONS}
    return kept


def _write(path: Path, lines: Sequence[dict[str, Any]]) -> None:
    _write_bytes(path, "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines).encode())


def _write_bytes(path: Path, data: bytes) -> None:
    _make_folder(path.parent)
    try:
        paths.write_atomic(path, data)
    except OSError as error:
        raise _unwritable(path, error) from error


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _unwritable(folder, error) from error


def _unwritable(path: Path, error: OSError) -> ExportError:
    return ExportError(f"{path.name} cannot be written: {error.strerror}.", "Free space, or choose another place.")


_CARD: Final = """---
configs:
- config_name: default
  data_files:
{files}---
# Picks between retouches

Each row: `input`, the photo; `image1` and `image2`, two retouches as they were shown; `preference`; `scores` and
`dimensions` where given. The people shown have not been asked by this file: share it only with their consent.
"""

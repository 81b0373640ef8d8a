"""Presets: settings under a name and a category, shipped and the person's own, applied with an Amount. No widgets."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Signal

from app.language import later, tr
from app.viewmodels.photo import PhotoModel
from app.viewmodels.state import Change, Document, Edits
from engine import paths
from engine.errors import UsageError
from engine.settings import FaceSettings
from engine.types import PROPOSED, Strengths

CATEGORIES = (
    later("Natural headshot"),
    later("Editorial"),
    later("Beauty"),
    later("Men"),
    later("Children"),
    later("Group"),
    later("My presets"),
)
OWN = CATEGORIES[-1]
SUFFIX = ".porelight-preset.json"
VERSION = 1


@dataclass(frozen=True)
class Preset:
    """Settings that can be chosen by name. path: of one's own, None for shipped ones."""

    name: str
    category: str
    settings: FaceSettings
    path: Path | None = None

    @property
    def title(self) -> str:
        """The name in the window's language."""
        return self.name if self.path else tr(self.name)


def _shipped(name: str, category: str, preserve: float = PROPOSED, **values: float) -> Preset:
    return Preset(name, category, FaceSettings(Strengths(values), preserve))


SHIPPED = (
    _shipped(later("As proposed"), CATEGORIES[0]),
    _shipped(later("Barely there"), CATEGORIES[0], smooth=20, tone=35, light=30, shine=40, under_eye=25, preserve=70),
    _shipped(
        later("Clean and rested"), CATEGORIES[0], smooth=45, tone=55, light=50, shine=60, under_eye=65, eye_whites=15
    ),
    _shipped(
        later("Even light, all pores"), CATEGORIES[1], smooth=20, tone=55, light=75, shine=65, texture=60, preserve=65
    ),
    _shipped(later("Matte"), CATEGORIES[1], smooth=35, tone=60, light=55, shine=90, texture=50),
    _shipped(
        later("Soft close-up"), CATEGORIES[2], smooth=70, tone=70, light=70, shine=65, under_eye=65, eye_whites=20
    ),
    _shipped(later("Bright eyes"), CATEGORIES[2], smooth=55, tone=60, light=60, features=30, eye_whites=35, teeth=30),
    _shipped(later("Keep the lines"), CATEGORIES[3], smooth=10, tone=40, light=30, shine=65, under_eye=25, texture=55),
    _shipped(later("Clear skin"), CATEGORIES[3], smooth=30, tone=50, light=40, shine=60, under_eye=40),
    _shipped(
        later("Only what passes"),
        CATEGORIES[4],
        smooth=0,
        tone=25,
        light=10,
        shine=20,
        under_eye=0,
        texture=0,
        preserve=90,
    ),
    _shipped(
        later("Redness only"), CATEGORIES[4], heal=0, smooth=0, tone=40, light=0, shine=0, under_eye=0, preserve=90
    ),
    _shipped(
        later("Alike and light"), CATEGORIES[5], smooth=25, tone=45, light=35, shine=60, under_eye=30, preserve=60
    ),
)


def preset_folder() -> Path:
    """Where the person's own presets lie."""
    return paths.user_folder() / "presets"


def read_preset(path: Path) -> Preset:
    """Raises: UsageError if the file is no preset of this version."""
    try:
        data: Any = json.loads(path.read_bytes())
        if data["version"] != VERSION:
            raise UsageError(
                tr("The preset {name} is of another version of Porelight.", name=path.name), tr("Update Porelight.")
            )
        values = data["settings"]
        strengths = Strengths(dict(values["strengths"]), float(values["amount"]))
        settings = FaceSettings(strengths, float(values["preserve"]), dict(values["regions"]))
        category = data["category"] if data["category"] in CATEGORIES else OWN
        return Preset(str(data["name"]), category, settings, path)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise UsageError(
            tr("{name} is not a preset.", name=path.name), tr("Choose a file that Porelight exported.")
        ) from error


def write_preset(preset: Preset, path: Path) -> None:
    """Raises: UsageError if it cannot be written."""
    settings = preset.settings
    data = {
        "version": VERSION,
        "name": preset.name,
        "category": preset.category,
        "settings": {
            "amount": settings.strengths.amount,
            "strengths": dict(settings.strengths.values),
            "preserve": settings.preserve,
            "regions": {area: dict(values) for area, values in settings.regions.items()},
        },
    }
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        paths.write_atomic(path, json.dumps(data, indent=1, ensure_ascii=False).encode() + b"\n")
    except OSError as error:
        raise UsageError(
            tr("The preset {name} cannot be written: {strerror}.", name=preset.name, strerror=error.strerror),
            tr("Choose another place."),
        ) from error


class PresetModel(QObject):
    """All presets, and the one that was applied last with its Amount."""

    changed = Signal()

    def __init__(self, photo: PhotoModel, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.photo = photo
        self.applied: Preset | None = None
        self.amount = PROPOSED
        self._before: Edits = {}
        self._after: Document | None = None
        self._own: tuple[Preset, ...] | None = None
        photo.changed.connect(self._photo_changed)

    @property
    def own(self) -> tuple[Preset, ...]:
        """The person's own, by name; files that are none are left out."""
        if self._own is None:
            found = []
            for path in sorted(preset_folder().glob(f"*{SUFFIX}")):
                try:
                    found.append(read_preset(path))
                except UsageError:
                    continue
            self._own = tuple(sorted(found, key=lambda preset: preset.name.casefold()))
        return self._own

    def by_category(self) -> Mapping[str, tuple[Preset, ...]]:
        """Category → presets; empty categories are left out."""
        every = (*SHIPPED, *self.own)
        found = {name: tuple(preset for preset in every if preset.category == name) for name in CATEGORIES}
        return {name: presets for name, presets in found.items() if presets}

    def apply(self, preset: Preset) -> None:
        """Give the targets a preset's settings, at Amount 50."""
        self._before, self.amount, self.applied = dict(self.photo.edits), PROPOSED, preset
        self._give()

    def set_amount(self, amount: float) -> None:
        """How far the applied preset goes: 50 as it is, 0 not at all, 100 twice."""
        if self.applied is not None:
            self.amount = min(max(amount, 0.0), 100.0)
            self._give()

    def _give(self) -> None:
        preset, photo = self.applied, self.photo
        assert preset is not None
        applied, self._after = preset, None
        label = tr("Preset {name}", name=preset.title) + ("" if self.amount == PROPOSED else f" {self.amount:.0f}")
        key = ("preset", preset.name, preset.category)
        photo.apply(preset.settings.scaled(self.amount), label, key=key, onto=self._before)
        self.applied, self._after = applied, photo.document
        self.changed.emit()

    def preview(self, preset: Preset | None) -> None:
        """Show the picture with a preset, without applying it; None shows it as it is."""
        photo = self.photo
        if preset is None:
            photo.preview(None)
            return
        edits = {face: preset.settings.on(photo.edits_of(face)) for face in photo.targets}
        photo.preview(Document({**photo.edits, **edits}))

    def save(self, name: str, category: str = OWN) -> Preset:
        """Keep the present settings under a name; one's own preset of that name is replaced. Raises: UsageError."""
        name = name.strip()
        if not name:
            raise UsageError(tr("A preset needs a name."), tr("Type one."))
        preset = Preset(name, category, self.photo.settings(), preset_folder() / f"{_file_name(name)}{SUFFIX}")
        assert preset.path is not None
        write_preset(preset, preset.path)
        self._forget()
        return preset

    def delete(self, preset: Preset) -> None:
        """Delete one's own preset."""
        if preset.path is not None:
            preset.path.unlink(missing_ok=True)
            self._forget()

    def load(self, files: Iterable[Path]) -> int:
        """Import presets. Returns: how many. Raises: UsageError for the first file that is none."""
        count = 0
        for file in files:
            preset = read_preset(file)
            write_preset(preset, preset_folder() / f"{_file_name(preset.name)}{SUFFIX}")
            count += 1
        self._forget()
        return count

    def _forget(self) -> None:
        self._own = None
        self.changed.emit()

    def _photo_changed(self, change: Change) -> None:
        """Any other edit ends the Amount of the applied preset."""
        other = self._after is not None and self.photo.document is not self._after
        if self.applied is not None and other and change & (Change.EDITS | Change.PHOTO | Change.SELECTION):
            self.applied, self._after = None, None
            self.changed.emit()


def _file_name(name: str) -> str:
    return re.sub(r"[^\w\- ]", "_", name)[:60].strip() or "preset"

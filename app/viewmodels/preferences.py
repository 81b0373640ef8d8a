"""What the settings window offers: one line per setting, in sections, found by words. No widgets."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass

from app.language import tr
from app.settings.schema import Device, Language, Recording, Settings, Theme
from app.viewmodels.settings import SettingsModel


@dataclass(frozen=True)
class Choice:
    """options: (value, title)."""

    options: tuple[tuple[object, str], ...]


@dataclass(frozen=True)
class Number:
    """zero: what 0 is called, empty for a number as any other."""

    low: int
    high: int
    unit: str = ""
    zero: str = ""
    step: int = 1


@dataclass(frozen=True)
class Switch:
    """On or off."""


@dataclass(frozen=True)
class Profile:
    """The system's ICC profile, sRGB, or a file."""


Control = Choice | Number | Switch | Profile


@dataclass(frozen=True)
class Preference:
    """One setting. restart: it counts from the next start on. words: more that it is found by."""

    name: str
    section: str
    title: str
    help: str
    control: Control
    restart: bool = False
    words: str = ""


LOOKS, RETOUCHING, LIBRARY, MACHINE, PRIVACY = (
    tr("Appearance"),
    tr("Retouching"),
    tr("Library"),
    tr("This Computer"),
    tr("Privacy"),
)
SHORTCUTS = tr("Shortcuts")
SECTIONS = (LOOKS, RETOUCHING, LIBRARY, MACHINE, PRIVACY, SHORTCUTS)

_THEMES = ((Theme.DARK, tr("Dark")), (Theme.GREY, tr("Neutral Grey")), (Theme.LIGHT, tr("Light")))
_LANGUAGES = ((Language.SYSTEM, tr("As the system")), (Language.ENGLISH, "English"), (Language.GERMAN, "Deutsch"))
_RECORDING = ((Recording.ASK, tr("Ask once")), (Recording.YES, tr("Yes")), (Recording.NO, tr("No")))
_DEVICES = {
    Device.AUTO: tr("The fastest there is"),
    Device.CUDA: "NVIDIA GPU (CUDA)",
    Device.DIRECTML: "GPU (DirectML)",
    Device.MPS: tr("Apple GPU"),
    Device.CPU: tr("Processor"),
}


def devices(platform: str = sys.platform) -> tuple[Device, ...]:
    """Those that may exist on a platform."""
    own = {"darwin": (Device.MPS,), "win32": (Device.CUDA, Device.DIRECTML)}.get(platform, (Device.CUDA,))
    return (Device.AUTO, *own, Device.CPU)


PREFERENCES: tuple[Preference, ...] = (
    Preference(
        "theme", LOOKS, tr("Theme"), tr("The surroundings of the photo. All of them are neutral."), Choice(_THEMES),
        words="colour color bright",
    ),
    Preference(
        "language", LOOKS, tr("Language"), tr("Of menus, buttons and messages."), Choice(_LANGUAGES), True,
        words="sprache deutsch german english translation",
    ),
    Preference(
        "monitor_profile", LOOKS, tr("Monitor profile"),
        tr("The ICC profile of this screen, so that colours are shown as they are."), Profile(),
        words="icc colour color management display screen calibration",
    ),
    Preference(
        "auto_retouch", RETOUCHING, tr("Retouch a photo as soon as it is open"),
        tr("Otherwise press Retouch. Saved edits always come back."), Switch(), words="automatic",
    ),
    Preference(
        "read_ahead", RETOUCHING, tr("Read the next and the previous photo ahead"),
        tr("They show at once then. Takes memory for two more photos."), Switch(), words="preload neighbours memory",
    ),
    Preference(
        "retouch_ahead", RETOUCHING, tr("Retouch them ahead, too"),
        tr("In the background, while the open photo is at rest."), Switch(), words="automatic neighbours background",
    ),
    Preference(
        "recent_folders", LIBRARY, tr("Recent folders"), tr("How many the menu Open Recent remembers."),
        Number(0, 50, zero=tr("None")), words="history privacy",
    ),
    Preference(
        "cache_mb", LIBRARY, tr("Small pictures on disk"),
        tr("What was not looked at for longest goes when there are more."), Number(64, 65536, tr(" MB"), step=64),
        words="cache thumbnails size space",
    ),
    Preference(
        "device", MACHINE, tr("Compute on"), tr("Where faces are found and a retouch is proposed."),
        Choice(tuple((device, _DEVICES[device]) for device in devices())), True, words="gpu cuda cpu device graphics",
    ),
    Preference(
        "threads", MACHINE, tr("Processor threads at most"), tr("Fewer leave more to other programs."),
        Number(0, 256, zero=tr("All")), True, words="cpu cores limit",
    ),
    Preference(
        "record_picks", PRIVACY, tr("Variations that I take become picks"),
        tr("Porelight can learn your taste from them. They stay on this computer."), Choice(_RECORDING),
        words="record learn taste training",
    ),
    Preference(
        "picks_shown", RETOUCHING, tr("Retouches shown at a time for picks"),
        tr("Of more than two you choose the best; tests and repeats stay pairs."),
        Choice(((2, tr("Two")), (4, tr("Four")))), words="picks grid learn taste pair",
    ),
    Preference(
        "report_paths", PRIVACY, tr("Reports may name files and folders"),
        tr("A report after a crash is only ever saved by you, and never holds a photo."), Switch(),
        words="crash names paths",
    ),
)  # fmt: skip


def found(query: str, preferences: Sequence[Preference] = PREFERENCES) -> tuple[Preference, ...]:
    """Preferences in which every word of the query occurs."""
    return tuple(
        each
        for each in preferences
        if matches(query, each.section, each.title, each.help, each.words, *_titles(each.control))
    )


def matches(query: str, *texts: str) -> bool:
    """Whether every word of a query occurs in one of the texts."""
    whole = " ".join(texts).casefold()
    return all(word in whole for word in query.casefold().split())


def waiting(settings: SettingsModel) -> bool:
    """Whether something was changed that counts from the next start on."""
    return any(getattr(settings.values, p.name) != getattr(settings.started, p.name) for p in PREFERENCES if p.restart)


def default(name: str) -> object:
    return getattr(Settings(), name)


def _titles(control: Control) -> tuple[str, ...]:
    return tuple(title for _, title in control.options) if isinstance(control, Choice) else ()

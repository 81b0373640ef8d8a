"""Every setting, its meaning and its default. Each of them really does something; where is said beside it."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

VERSION = 1
SRGB = "sRGB"
"""As a monitor profile: an sRGB monitor, whatever the system says."""


class Theme(StrEnum):
    """Surroundings of the photo; neutral greys all of them."""

    DARK = "dark"
    GREY = "grey"
    LIGHT = "light"


class Language(StrEnum):
    """Of the window. The command line speaks English."""

    SYSTEM = "system"
    ENGLISH = "en"
    GERMAN = "de"


class Device(StrEnum):
    """Where a retouch is computed."""

    AUTO = "auto"
    CUDA = "cuda"
    DIRECTML = "directml"
    MPS = "mps"
    CPU = "cpu"


class Recording(StrEnum):
    """Whether variations that are taken become picks."""

    ASK = "ask"
    YES = "yes"
    NO = "no"


class Settings(BaseModel):
    """All settings at one moment. Fields that this version does not know are carried along untouched."""

    model_config = ConfigDict(frozen=True, extra="allow")

    version: int = VERSION
    theme: Theme = Theme.DARK
    """views.theme"""
    language: Language = Language.SYSTEM
    """app.language, from the next start on"""
    monitor_profile: Annotated[str | None, Field(min_length=1)] = None
    """Path of an ICC profile, `SRGB`, or None for the one that the system knows. viewmodels.display"""
    auto_retouch: bool = True
    """Retouch a photo as soon as it is open. viewmodels.photo"""
    read_ahead: bool = True
    """Read the next and the previous photo in the background. viewmodels.desk"""
    retouch_ahead: bool = True
    """Retouch them too. viewmodels.desk"""
    device: Device = Device.AUTO
    """viewmodels.engine, from the next start on"""
    threads: Annotated[int, Field(ge=0, le=256)] = 0
    """Processor threads at most, 0 for all. app.window, from the next start on"""
    cache_mb: Annotated[int, Field(ge=64, le=65536)] = 512
    """Small pictures kept on disk, in MiB. viewmodels.thumbnails"""
    recent_folders: Annotated[int, Field(ge=0, le=50)] = 12
    """How many folders the menu Open Recent remembers. viewmodels.place"""
    record_picks: Recording = Recording.ASK
    """Whether variations that are taken over others become picks. viewmodels.free_picks"""
    picks_shown: Literal[2, 4] = 2
    """Retouches of a face that are shown at a time when picks are made. viewmodels.picks"""
    report_paths: bool = False
    """Whether reports after a crash may name files and folders. viewmodels.crashes"""
    keys: Mapping[str, tuple[str, ...]] = Field(default_factory=dict)
    """Action → key sequences that differ from the default, as Qt's portable text. viewmodels.shortcuts"""


FIELDS = tuple(name for name in Settings.model_fields if name != "version")

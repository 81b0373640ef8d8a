"""Trained policies as versions in the person's own folder: what they came from, how they did, which one is active.

POLICIES/NAME/policy.json   `Version`; written once, never changed
POLICIES/NAME/weights.safetensors
POLICIES/active.json        the policy that retouches when none is named, and those before it

A version's `version` is made of the checksums of all weights that decide its pixels, so a sidecar that names it draws
the same again wherever the same version is installed, under whatever name.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from engine import paths, sidecar
from engine.errors import EngineError, ExportError, ModelCorruptError, ModelMissingError, SidecarError, UsageError

SHIPPED: Final = "compact"
SUFFIX: Final = ".porelight-policy"
MANIFEST, WEIGHTS, ACTIVE = "policy.json", "weights.safetensors", "active.json"
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,47}")
_MOST_BYTES = 2**31


class NotBetterError(EngineError):
    """A policy that did not win may be used by name, but does not become the one that retouches by itself."""

    code = "not_better"


class Parent(BaseModel):
    """What a version was trained from."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    version: str


class Version(BaseModel):
    """What is known of a trained policy.

    base: the registry's entry whose weights it replaces. sources: what it learned from (picks, reward, photos), counts
    and checksums only. results: as proved by the trainer; wins: whether it won there. sha256: of the weights' file.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    format: Literal[1] = 1
    name: str
    version: str
    base: str = SHIPPED
    parent: Parent
    created: str
    sha256: str
    wins: bool
    results: dict[str, Any] = {}
    sources: dict[str, Any] = {}
    config: dict[str, Any] = {}


def folder() -> Path:
    """Where the versions lie; may not exist yet."""
    return paths.user_folder() / "policies"


def weights_of(version: Version) -> Path:
    """The proved weights of a version. Raises: ModelMissingError, ModelCorruptError."""
    path = folder() / version.name / WEIGHTS
    hint = "Import the policy again (`porelight policies import FILE`)."
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ModelMissingError(f"The weights of the policy {version.name!r} are missing.", hint) from error
    if hashlib.sha256(data).hexdigest() != version.sha256:
        raise ModelCorruptError(f"The weights of the policy {version.name!r} are damaged.", hint)
    return path


def versions() -> tuple[Version, ...]:
    """All trained policies that can be read, the oldest first."""
    found = [version for path in folder().glob(f"*/{MANIFEST}") if (version := _read(path)) is not None]
    return tuple(sorted(found, key=lambda version: (version.created, version.name)))


def find(name: str, version: str | None = None) -> Version | None:
    """The trained policy called `name`; if there is none, or of another version, one of that very version."""
    known = versions()
    exact = [each for each in known if each.name == name and version in (None, each.version)]
    same = [each for each in known if version is not None and each.version == version]
    named = [each for each in known if each.name == name]
    return next(iter([*exact, *same, *named]), None)


def get(name: str) -> Version:
    """Raises: UsageError if there is no trained policy of that name."""
    found = next((each for each in versions() if each.name == name), None)
    if found is None:
        known = ", ".join(each.name for each in versions()) or "none yet"
        raise UsageError(f"There is no trained policy {name!r}.", f"There are: {known}.")
    return found


def add(version: Version, weights: bytes) -> Version:
    """Store a new version whole or not at all. Raises: UsageError for a name that is taken or unfit, ExportError."""
    check_name(version.name)
    if hashlib.sha256(weights).hexdigest() != version.sha256:
        raise ModelCorruptError(f"The weights of the policy {version.name!r} do not match their checksum.", "")
    home = folder() / version.name
    try:
        home.mkdir(parents=True)
        try:
            paths.write_atomic(home / WEIGHTS, weights)
            paths.write_atomic(home / MANIFEST, version.model_dump_json(indent=1).encode() + b"\n")
        except BaseException:
            shutil.rmtree(home, ignore_errors=True)
            raise
    except FileExistsError as error:
        raise UsageError(f"There is a policy {version.name!r} already.", "Choose another name.") from error
    except OSError as error:
        raise _unwritable(error) from error
    return version


def remove(name: str) -> None:
    """Take a version away that is not active. Raises: UsageError, ExportError."""
    if active() == get(name).name:
        raise UsageError(f"The policy {name!r} is active.", "Activate another one first.")
    try:
        shutil.rmtree(folder() / name)
    except OSError as error:
        raise _unwritable(error) from error


def needed_by(version: Version, folders: Iterable[Path]) -> list[Path]:
    """Sidecars below the folders, and in the person's own, that only this version can draw; those that cannot be read
    are left out. Empty if the same version is here under another name."""
    if any(each.version == version.version and each.name != version.name for each in versions()):
        return []
    homes, found = (*folders, paths.user_sidecars()), []
    for path in sorted({path for home in homes for path in home.rglob(f"*{sidecar.SUFFIX}")}):
        try:
            proposal = sidecar.read(path).proposal
        except SidecarError:
            continue
        while proposal is not None and proposal.policy_version != version.version:
            proposal = proposal.anchor
        if proposal is not None:
            found.append(path)
    return found


def check_name(name: str) -> None:
    """Raises: UsageError unless `name` can name a new version."""
    from engine.policies.registry import POLICIES

    if not _NAME.fullmatch(name):
        raise UsageError(f"A policy cannot be called {name!r}.", "Use small letters, digits, '-', '_' and '.'.")
    if name in {entry.name for entry in POLICIES} or (folder() / name).exists():
        raise UsageError(f"There is a policy {name!r} already.", "Choose another name.", taken=name)


def free_name(stem: str = "taste") -> str:
    """stem-1, stem-2 …: the first that is free."""
    number = 1
    while (folder() / f"{stem}-{number}").exists():
        number += 1
    return f"{stem}-{number}"


# --- which one is active ----------------------------------------------------------------------------------------------


def active() -> str:
    """The policy that retouches when none is named: the shipped one unless a trained one was activated."""
    return [SHIPPED, *_history()][-1]


def activate(name: str) -> str:
    """Let a policy retouch by itself. Returns: the one before.

    Raises: UsageError for an unknown name, NotBetterError for one that did not win, ModelMissingError,
    ModelCorruptError, ExportError.
    """
    before = active()
    if name != SHIPPED:
        version = get(name)
        if not version.wins:
            raise NotBetterError(
                f"The policy {name!r} did not win on what it had not seen, so it is not activated.",
                f"Use it by name (--policy {name}), or train with more picks.",
            )
        weights_of(version)
    if name != before:
        _remember([*_history(), name])
    return before


def before_active() -> str | None:
    """The policy that a rollback makes active, None if no policy was activated yet."""
    history = [SHIPPED, *_history()]
    return history[-2] if len(history) > 1 else None


def rollback() -> str:
    """Make the policy before the active one active again. Returns: its name. Raises: UsageError, ExportError."""
    before = before_active()
    if before is None:
        raise UsageError("No policy was activated yet.", "The shipped one is active.")
    _remember(_history()[:-1])
    return before


def _history() -> list[str]:
    """Names in the order of their activation, the active one last; begins after the shipped policy, and leaves out
    those that are gone."""
    try:
        names = json.loads((folder() / ACTIVE).read_bytes())["history"]
        return [name for name in names if name == SHIPPED or (isinstance(name, str) and (folder() / name).is_dir())]
    except (OSError, ValueError, KeyError, TypeError):
        return []


def _remember(history: list[str]) -> None:
    try:
        folder().mkdir(parents=True, exist_ok=True)
        paths.write_atomic(folder() / ACTIVE, json.dumps({"history": history[-50:]}, indent=1).encode() + b"\n")
    except OSError as error:
        raise _unwritable(error) from error


# --- one file ---------------------------------------------------------------------------------------------------------


def export(name: str, path: Path) -> str:
    """Write a version as one file. Returns: the file's SHA-256. Raises: UsageError, ExportError, Model…Error."""
    import io

    version = get(name)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for member, data in (
            (MANIFEST, version.model_dump_json(indent=1).encode()),
            (WEIGHTS, weights_of(version).read_bytes()),
        ):
            archive.writestr(zipfile.ZipInfo(member, (1980, 1, 1, 0, 0, 0)), data)
    data = buffer.getvalue()
    try:
        paths.write_atomic(path, data, overwrite=False)
    except FileExistsError as error:
        raise ExportError(f"There is a file {path.name} already.", "Choose another name.") from error
    except OSError as error:
        raise ExportError(f"{path.name} cannot be written: {error.strerror}.", "Choose another place.") from error
    return hashlib.sha256(data).hexdigest()


def import_file(path: Path, name: str | None = None, sha256: str | None = None) -> Version:
    """Take in a version that was exported, under its own or another name; its weights are loaded once to prove them.

    Raises: ModelCorruptError if the file is damaged or is none, UsageError if the name is taken or the same version is
    here already.
    """
    from engine.policies.registry import load_policy

    version, weights = _unpack(path, sha256)
    same = next((each for each in versions() if each.version == version.version), None)
    if same is not None:
        raise UsageError(f"{path.name} holds a policy that is here already, as {same.name!r}.", "Nothing was changed.")
    added = add(version.model_copy(update={"name": name or version.name}), weights)
    try:
        load_policy(added.name, device="cpu")
    except EngineError:
        shutil.rmtree(folder() / added.name, ignore_errors=True)
        raise
    return added


def _unpack(path: Path, sha256: str | None) -> tuple[Version, bytes]:
    hint = "Ask for the file again; nothing was changed."
    try:
        if sha256 is not None:
            with path.open("rb") as file:
                if hashlib.file_digest(file, "sha256").hexdigest() != sha256.lower():
                    raise ModelCorruptError(f"{path.name} does not have the checksum that was given.", hint)
        with zipfile.ZipFile(path) as archive:
            if sorted(archive.namelist()) != [MANIFEST, WEIGHTS]:
                raise ModelCorruptError(f"{path.name} is no exported policy.", hint)
            if any(info.file_size > _MOST_BYTES for info in archive.infolist()):
                raise ModelCorruptError(f"{path.name} is too large for a policy.", hint)
            version = Version.model_validate_json(archive.read(MANIFEST))
            weights = archive.read(WEIGHTS)
    except ValidationError as error:
        raise ModelCorruptError(f"{path.name} was written by a newer Porelight or is damaged.", hint) from error
    except (zipfile.BadZipFile, zipfile.LargeZipFile, EOFError, ValueError) as error:
        raise ModelCorruptError(f"{path.name} is damaged, or is no exported policy.", hint) from error
    except OSError as error:
        raise UsageError(f"{path.name} cannot be read: {error.strerror}.", "Is it there?") from error
    if hashlib.sha256(weights).hexdigest() != version.sha256:
        raise ModelCorruptError(f"The weights in {path.name} do not match their checksum.", hint)
    return version, weights


def summary(version: Version) -> Mapping[str, Any]:
    """Plain data for lists: name, version, parent, date, whether it won, whether it is active."""
    return {
        "name": version.name,
        "version": version.version,
        "parent": version.parent.name,
        "created": version.created,
        "wins": version.wins,
        "active": version.name == active(),
        "results": version.results,
    }


def _read(path: Path) -> Version | None:
    try:
        version = Version.model_validate_json(path.read_bytes())
    except (OSError, ValueError):
        return None
    return version if version.name == path.parent.name else None


def _unwritable(error: OSError) -> ExportError:
    return ExportError(f"The folder of policies cannot be written: {error.strerror}.", "Free space.")

"""The catalogue of shipped weights: `catalogue.json` beside the files names each with size, SHA-256 and licence."""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from engine import paths
from engine.errors import EngineError, ModelCorruptError, ModelMissingError

CATALOGUE = "catalogue.json"
WEIGHT_SUFFIXES = frozenset({".safetensors", ".onnx", ".tflite"})
_REINSTALL = "Install Porelight again, or restore the file from the release."


@dataclass(frozen=True)
class ModelFile:
    """One shipped file. path: relative to the models folder, with "/". size: bytes. sha256: lower-case hexadecimal."""

    path: str
    size: int
    sha256: str
    purpose: str = ""
    licence: str = ""

    @property
    def name(self) -> str:
        return self.path.rsplit("/", 1)[-1]


def catalogue(folder: Path | None = None) -> tuple[ModelFile, ...]:
    """All shipped files, in the catalogue's order.

    Raises: ModelMissingError if there is no catalogue, ModelCorruptError if it cannot be understood.
    """
    path = (folder or paths.shipped_models()) / CATALOGUE
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))["files"]
        return tuple(ModelFile(**entry) for entry in entries)
    except OSError as error:
        raise ModelMissingError(f"The catalogue of shipped models ({path.name}) is missing.", _REINSTALL) from error
    except (ValueError, KeyError, TypeError) as error:
        raise ModelCorruptError(f"The catalogue of shipped models ({path.name}) is damaged.", _REINSTALL) from error


def check(file: ModelFile, folder: Path | None = None) -> Path:
    """The file's full path, once its size and checksum are proved.

    Raises: ModelMissingError, ModelCorruptError.
    """
    path = (folder or paths.shipped_models()) / file.path
    try:
        status = path.stat()
    except OSError as error:
        raise ModelMissingError(f"The model file {file.name} is missing.", _REINSTALL, path=str(path)) from error
    if status.st_size != file.size or sha256_of(path) != file.sha256:
        detail = "has the wrong size" if status.st_size != file.size else "does not match its checksum"
        raise ModelCorruptError(f"The model file {file.name} is damaged: it {detail}.", _REINSTALL, path=str(path))
    return path


def locate(name: str, folder: Path | None = None) -> Path:
    """The proved path of the shipped file `name` (relative path, such as "faces/selfie_segmentation.tflite").

    Raises: ModelMissingError (also for a name that the catalogue does not hold), ModelCorruptError.
    """
    for file in catalogue(folder):
        if file.path == name:
            return check(file, folder)
    raise ModelMissingError(f"The model {name} is not among the shipped models.", _REINSTALL)


def refresh(folder: Path, descriptions: Mapping[str, tuple[str, str]] | None = None) -> tuple[ModelFile, ...]:
    """Write the catalogue anew from the weights in `folder`; purpose and licence of known files are kept.

    descriptions: path → (purpose, licence) of files that are new.

    For those who build weights (`installer/update_catalogue.py`), never called while retouching.
    """
    try:
        known = {file.path: file for file in catalogue(folder)}
    except EngineError:
        known = {}
    files = []
    for path in sorted(p for p in folder.rglob("*") if p.suffix in WEIGHT_SUFFIXES):
        relative = path.relative_to(folder).as_posix()
        digest = sha256_of(path)
        old = known.get(relative, ModelFile(relative, 0, "", *(descriptions or {}).get(relative, ())))
        files.append(replace(old, size=path.stat().st_size, sha256=digest))
    text = json.dumps({"version": 1, "files": [asdict(file) for file in files]}, indent=2, ensure_ascii=False)
    paths.write_atomic(folder / CATALOGUE, (text + "\n").encode())
    return tuple(files)


def sha256_of(path: Path) -> str:
    """SHA-256 of a file; remembered while its size and time of change stay the same. Raises: OSError."""
    status = path.stat()
    return _digest(path, status.st_size, status.st_mtime_ns)


@functools.lru_cache(maxsize=64)
def _digest(path: Path, _size: int, _mtime_ns: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

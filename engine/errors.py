"""Every error that a person can meet: one sentence, one action.

`EngineError.message` says what is wrong, `hint` what to do; `code` is stable for reports and tests. Third-party
exceptions are translated into these at the adapter edges (imageio, faces, policies, weights).
"""

from __future__ import annotations


class EngineError(Exception):
    """Base of all errors shown to people.

    Args:
        message: one sentence that names the file or thing and says what is wrong.
        hint: one sentence that says what to do.
        context: details for "Copy details" and reports.
    """

    code = "engine"

    def __init__(self, message: str, hint: str = "", **context: object) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.context = context

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()


class ImageReadError(EngineError):
    """A file cannot be read as a photograph."""

    code = "read"


class ColourProfileError(EngineError):
    """A colour profile or colour model cannot be used."""

    code = "colour"


class NoFaceError(EngineError):
    """No face in the photo can be retouched."""

    code = "no_face"


class ModelMissingError(EngineError):
    """Weights or an optional package that a policy needs are not there."""

    code = "model_missing"


class ModelCorruptError(EngineError):
    """Weights are damaged, of another version, or produce non-finite values."""

    code = "model_corrupt"


class DeviceError(EngineError):
    """A device is not available or ran out of memory."""

    code = "device"


class ExportError(EngineError):
    """A result cannot be written."""

    code = "export"


class DiskFullError(ExportError):
    """There is no room for a result; whatever comes next would fail as well."""

    code = "disk_full"


class SidecarError(EngineError):
    """A sidecar is damaged or was written by a newer version."""

    code = "sidecar"


class UsageError(EngineError):
    """A setting or argument has no meaning."""

    code = "usage"


class Cancelled(Exception):
    """The person cancelled; never shown as an error."""

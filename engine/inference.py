"""Opening ONNX files with ONNX Runtime on a chosen device."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from engine.device import PROVIDERS, THREADS_VARIABLE, threads
from engine.errors import DeviceError, ModelCorruptError
from engine.types import F32

OPTIONS: Final = {"mps": {"ModelFormat": "MLProgram", "MLComputeUnits": "CPUAndGPU"}}
"""Device → options of its provider. Apple's neural engine is left out: it knows only half precision."""


def open_model(path: Path, device: str = "cpu", weights: Mapping[str, F32] | None = None) -> Any:
    """An `onnxruntime.InferenceSession` of a file. What a device cannot compute, the processor does.

    weights: of a graph without its own, by name; one that it does not have is no error here.

    Raises: ModelCorruptError if the file cannot be loaded, DeviceError if the device cannot be used.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    if os.environ.get(THREADS_VARIABLE):
        options.intra_op_num_threads = threads()
    # Threads that wait must sleep: spinning makes small networks many times slower on a busy machine.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    provider = PROVIDERS[device]
    providers: list[Any] = [provider] if device == "cpu" else [(provider, OPTIONS.get(device, {})), PROVIDERS["cpu"]]
    if device == "directml":
        options.enable_mem_pattern = False  # as this provider demands
    if weights is not None:
        values = [onnxruntime.OrtValue.ortvalue_from_numpy(value) for value in weights.values()]
        options.add_external_initializers(list(weights), values)
    try:
        session = onnxruntime.InferenceSession(str(path), options, providers=providers)
    except Exception as error:  # onnxruntime's own exceptions share no public base class
        raise ModelCorruptError(f"The model {path.name} cannot be loaded.", "Install the program again.") from error
    if session.get_providers()[0] != provider:
        raise DeviceError(f"ONNX Runtime cannot use the device {device!r} here.", "Use --device cpu.")
    return session

"""Compute devices: choosing one and what computes there, and proving that it does.

Two runtimes compute: ONNX Runtime and torch. Each is imported only when asked for.
"""

from __future__ import annotations

import ctypes
import importlib.util
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, Literal, TypeVar

from engine.errors import DeviceError, UsageError

Runtime = Literal["onnx", "torch"]
Item = TypeVar("Item")
Result = TypeVar("Result")

DEVICES = ("auto", "cuda", "directml", "mps", "cpu")
PROVIDERS: Final = {
    "cuda": "CUDAExecutionProvider",
    "directml": "DmlExecutionProvider",
    "mps": "CoreMLExecutionProvider",
    "cpu": "CPUExecutionProvider",
}
"""Device → ONNX Runtime's provider, fastest first."""
_HINTS = {
    "cuda": "Install an NVIDIA driver with onnxruntime-gpu or a CUDA build of PyTorch, or use --device cpu.",
    "directml": "DirectML needs Windows and the package onnxruntime-directml; use --device cpu here.",
    "mps": "Apple GPUs need macOS on Apple silicon; use --device cpu here.",
    "cpu": "Install PyTorch: pip install torch==2.13.0",
}
DEVICE_VARIABLE, THREADS_VARIABLE = "PORELIGHT_DEVICE", "PORELIGHT_THREADS"
"""Environment variables: what "auto" stands for, and the processor threads at most; children of a process get them."""
_TOLERANCE = 2e-2
"""Greatest relative error of the self-test's product: TF32 and Metal's fast path stay below it, broken drivers do
not."""


MOST_THREADS: Final = 8
"""Of one computation on pixels: more gain nothing."""

M_ARENA_MAX: Final = -8
"""From glibc's malloc.h."""


def threads() -> int:
    """Processor threads to use at most."""
    limit = os.environ.get(THREADS_VARIABLE, "")
    found = os.cpu_count() or 1
    return min(int(limit), found) if limit.isdecimal() and int(limit) else found


def side_by_side(work: Callable[[Item], Result], items: Iterable[Item]) -> list[Result]:
    """`work` of each item, in threads: for what numpy, OpenCV and littlecms compute, which release the interpreter
    lock. Raises: what the first item raised that failed."""
    with ThreadPoolExecutor(min(threads(), MOST_THREADS)) as pool:
        return list(pool.map(work, items))


def beside(first: Callable[[], Item], second: Callable[[], Result]) -> tuple[Item, Result]:
    """What two computations give, the second in a thread of its own. Raises: what one of them raised."""
    with ThreadPoolExecutor(1) as pool:
        other = pool.submit(second)
        return first(), other.result()


def share_memory() -> None:
    """Let this process's threads share two stores of freed memory; to be called before there are any.

    glibc gives each thread its own, so that what one has freed no other can use: a warm 24 MP photo then takes 1.6 GB
    instead of 1.0, and no less time.
    """
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):  # another C library
            ctypes.CDLL(None).mallopt(M_ARENA_MAX, 2)


def prefer(device: str, limit: int) -> None:
    """What "auto" stands for and the processor threads at most (0: all), here and in children that start later. To be
    called before torch is imported."""
    if device != "auto":
        os.environ[DEVICE_VARIABLE] = device
    if limit:
        os.environ[THREADS_VARIABLE] = os.environ["OMP_NUM_THREADS"] = str(limit)


@dataclass(frozen=True)
class DeviceCheck:
    """One device's self-test. `name` is the device's own name; `seconds` the time of the test when it passed."""

    device: str
    name: str
    available: bool
    ok: bool
    detail: str
    seconds: float = 0.0


def available(runtime: Runtime = "torch") -> tuple[str, ...]:
    """Devices that a runtime can use here, fastest first; none if it is not installed."""
    if importlib.util.find_spec("torch" if runtime == "torch" else "onnxruntime") is None:
        return ()
    if runtime == "onnx":
        import onnxruntime

        providers = onnxruntime.get_available_providers()
        return tuple(device for device, provider in PROVIDERS.items() if provider in providers)
    # Threads that wait must sleep: spinning makes small networks 10 to 20 times slower on a busy machine. OpenMP reads
    # this once, when torch is first imported.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    import torch

    found = ["cuda"] if torch.cuda.is_available() else []
    if torch.backends.mps.is_available():
        found.append("mps")
    return (*found, "cpu")


def candidates(name: str, runtimes: Sequence[Runtime] = ("torch",)) -> Iterator[tuple[str, Runtime]]:
    """What `name` stands for, best first: a device and the runtime that computes there. "auto" is every device of the
    first runtime, fastest first, then those of the next. A runtime is only imported when the one before has failed.

    Raises: UsageError for an unknown name, DeviceError at the end if there was no such device at all.
    """
    if name == "auto":
        name = os.environ.get(DEVICE_VARIABLE, name)
    if name not in DEVICES:
        raise UsageError(f"Unknown device {name!r}.", f"Use one of {', '.join(DEVICES)}.")
    none = True
    for runtime in runtimes:
        for device in available(runtime):
            if name in ("auto", device):
                none = False
                yield device, runtime
    if none:
        wanted = "cpu" if name == "auto" else name
        raise DeviceError(f"The device {name!r} is not available here.", _HINTS[wanted])


def full_name(device: str) -> str:
    """A device's name for people, such as "NVIDIA H100" or the processor's architecture."""
    import platform

    if device == "cuda":
        import torch

        return str(torch.cuda.get_device_name())
    return f"Apple GPU ({platform.machine()})" if device == "mps" else platform.processor() or platform.machine()


def self_test(device: str) -> DeviceCheck:
    """Multiply two matrices there and compare with the processor's answer; every value must be finite."""
    if device not in available():
        return DeviceCheck(device, "", False, False, _HINTS[device])
    import torch

    start = time.perf_counter()
    generator = torch.Generator().manual_seed(0)
    left, right = torch.randn(2, 192, 192, generator=generator)
    try:
        product = (left.to(device) @ right.to(device)).cpu()
    except RuntimeError as error:
        return DeviceCheck(device, full_name(device), True, False, f"The self-test failed: {error}")
    wanted = left.double() @ right.double()
    error_size = float((product.double() - wanted).abs().max() / wanted.abs().max())
    ok = bool(torch.isfinite(product).all()) and error_size < _TOLERANCE
    detail = f"matrix product correct to {error_size:.0e}" if ok else f"wrong results (error {error_size:.1e})"
    return DeviceCheck(device, full_name(device), True, ok, detail, time.perf_counter() - start)

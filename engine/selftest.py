"""Small computations that prove an installation: faces are looked for, and the shipped policy retouches a face."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from engine import device
from engine.device import Runtime
from engine.errors import ModelCorruptError
from engine.policies.registry import DEFAULT, load_policy
from engine.proposal import Drawer, ProposalSpec, SamplerSettings
from engine.types import REGIONS, FaceAnalysis, FaceGrid, Metadata, Photo

SIZE = 128
RUNTIMES: dict[Runtime, str] = {"onnx": "ONNX Runtime", "torch": "PyTorch"}


def tests() -> Iterator[tuple[str, Callable[[], str]]]:
    """(name, test) pairs; a test returns what it found, and raises EngineError, ImportError, OSError, RuntimeError."""
    yield "finding faces", find_no_face
    for runtime, title in RUNTIMES.items():
        for name in device.available(runtime):
            yield f"policy {DEFAULT} on {name} ({title})", functools.partial(retouch_plain_face, name, runtime)


def find_no_face() -> str:
    """Analyse a grey picture; a face there means that the detector is broken."""
    from engine.faces.analysis import analyse

    if analyse(_grey())[0]:
        raise ModelCorruptError("The face detector sees a face in a grey picture.", "Install Porelight again.")
    return "runs"


def retouch_plain_face(name: str, runtime: Runtime) -> str:
    """Draw a sample of two steps for a plain face on a device, and decode it; every layer must be finite."""
    policy = load_policy(DEFAULT, device=name, runtime=runtime)
    photo, face = _grey(), _plain_face()
    sampler = SamplerSettings("ode", steps=2).resolved(policy.info)
    drawer = Drawer(policy, policy.encode(photo, face))
    latent = drawer.latent(ProposalSpec(policy.info.name, policy.info.version, 0, sampler))
    layers = policy.decode(latent, photo, drawer.condition)
    if not all(bool(np.isfinite(delta).all()) for delta in layers.deltas.values()):
        raise ModelCorruptError(f"The policy computes values that are not numbers on {name}.", "Use --device cpu.")
    return f"version {policy.info.version} computes"


def _grey() -> Photo:
    return Photo(np.full((SIZE, SIZE, 3), 150, np.uint8), None, Metadata(), Path("grey.png"), "png")


def _plain_face() -> FaceAnalysis:
    """A face that is evenly coloured skin all over; its landmarks lie on a ring."""
    turn = np.linspace(0, 2 * np.pi, 478, endpoint=False)
    landmarks = (SIZE / 2 * (1 + 0.8 * np.stack([np.cos(turn), np.sin(turn)], axis=1))).astype(np.float32)
    lab = np.full((SIZE, SIZE, 3), (60, 12, 15), np.float32)
    regions = {name: np.zeros((SIZE, SIZE), np.float32) for name in REGIONS}
    regions["skin"] = np.ones((SIZE, SIZE), np.float32)
    box = (0, 0, SIZE, SIZE)
    grid = FaceGrid(box, (SIZE, SIZE))
    return FaceAnalysis("face-1", box, landmarks, 0.8 * SIZE, (0.0, 0.0, 0.0), 1.0, grid, lab, regions)

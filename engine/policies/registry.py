"""Policies by name: those that Porelight knows, and versions of them that were trained here (`versions`).

Their modules, and what computes them, are imported only when one is loaded.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from engine import device as devices
from engine.device import Runtime
from engine.errors import DeviceError, ModelMissingError, UsageError
from engine.policies import versions
from engine.policies.base import Policy

DEFAULT = versions.SHIPPED


@dataclass(frozen=True)
class PolicyEntry:
    """What is known of a policy without loading it. weights: where its weights come from, as a sentence for people.
    runtimes: what can compute it, the preferred one first."""

    name: str
    summary: str
    licence: str
    module: str
    loader: str
    shipped: bool
    weights: str
    runtimes: tuple[Runtime, ...] = ("torch",)


POLICIES = (
    PolicyEntry(
        "compact",
        "Marks and a flow over the retouch field; runs on any computer.",
        "Apache-2.0",
        "engine.policies.compact.policy",
        "load_compact",
        shipped=True,
        weights="It is part of Porelight.",
        runtimes=("onnx", "torch"),
    ),
    PolicyEntry(
        "kontext",
        "FLUX.1 Kontext through diffusers; needs a large GPU.",
        "FLUX.1 [dev] non-commercial",
        "engine.policies.kontext",
        "load_kontext",
        shipped=False,
        weights="Download the folder of black-forest-labs/FLUX.1-Kontext-dev (non-commercial licence) in diffusers' "
        "layout and name it with --model FOLDER.",
    ),
)


def entry(name: str) -> PolicyEntry:
    """What is known of a policy; for a trained one that of its base, under its own name.

    Raises: UsageError for an unknown name.
    """
    trained = versions.find(name)
    wanted = trained.base if trained else name
    for candidate in POLICIES:
        if candidate.name == wanted:
            return replace(candidate, name=name)
    known = ", ".join([policy.name for policy in POLICIES] + [each.name for each in versions.versions()])
    raise UsageError(f"There is no policy {name!r}.", f"Use one of: {known}.")


def remembered(name: str, version: str) -> str:
    """The policy that draws what a sidecar remembers: that name, or the same version under another name.

    Raises: ModelMissingError if there is none.
    """
    if any(policy.name == name for policy in POLICIES):
        return name
    found = versions.find(name, version)
    if found is None:
        raise ModelMissingError(
            f"These edits were made with the policy {name!r} ({version}), which is not on this computer.",
            "Import it (`porelight policies import FILE`), or name another one with --policy.",
        )
    return found.name


def load_policy(
    name: str, *, model: Path | None = None, device: str = "auto", runtime: Runtime | None = None
) -> Policy:
    """Load a policy, or a trained version, onto a device; `model` is the local folder of weights that are not shipped.

    runtime: the only one to try, instead of the policy's own order.

    Raises: UsageError, DeviceError, ModelMissingError (weights or an optional package), ModelCorruptError.
    """
    policy = entry(name)
    trained = versions.find(name)
    if not policy.shipped and model is None:
        raise ModelMissingError(f"The policy {name!r} needs weights that are not shipped.", policy.weights)
    if not policy.shipped and model is not None and not model.is_dir():
        raise ModelMissingError(f"There is no model folder {model.name!r}.", policy.weights, path=str(model))
    if policy.shipped and model is not None:
        raise UsageError(f"The policy {name!r} has its own weights.", "Leave out --model.")
    problem: DeviceError | None = None
    for chosen, by in devices.candidates(device, policy.runtimes if runtime is None else (runtime,)):
        try:
            loader: Callable[..., Policy] = getattr(importlib.import_module(policy.module), policy.loader)
            return loader(chosen, by, trained) if policy.shipped else loader(model, chosen)
        except DeviceError as error:
            problem = problem or error
        except ImportError as error:
            missing = error.name or "a package"
            raise ModelMissingError(
                f"The policy {name!r} needs the package {missing!r}.", "Install it: pip install 'porelight[generative]'"
            ) from error
    assert problem is not None
    raise problem

"""Policies by name: what is missing is said before anything heavy is imported."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from engine.errors import DeviceError, ModelMissingError, UsageError
from engine.policies import registry
from engine.policies.base import Policy
from tests.helpers import fake_policy


@pytest.fixture(autouse=True)
def _fakes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    fake_policy.install(monkeypatch, tmp_path)


def test_a_policy_is_loaded_onto_a_device() -> None:
    policy = registry.load_policy("fake", device="cpu")
    assert isinstance(policy, Policy) and policy.info.name == "fake"


def test_unknown_names_list_the_known() -> None:
    with pytest.raises(UsageError, match="nobody") as caught:
        registry.load_policy("nobody")
    assert "compact, kontext" in caught.value.hint


def test_weights_that_are_not_shipped_must_be_named(tmp_path: Path) -> None:
    with pytest.raises(ModelMissingError) as caught:
        registry.load_policy("kontext")
    assert "--model" in caught.value.hint and "non-commercial" in caught.value.hint
    with pytest.raises(ModelMissingError, match="nowhere"):
        registry.load_policy("kontext", model=tmp_path / "nowhere")
    with pytest.raises(UsageError, match="own weights"):
        registry.load_policy("compact", model=tmp_path)


def test_a_missing_package_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "engine.policies.kontext", None)
    with pytest.raises(ModelMissingError) as caught:
        registry.load_policy("kontext", model=tmp_path, device="cpu")
    assert "porelight[generative]" in caught.value.hint


def test_a_device_that_is_not_there() -> None:
    from engine.device import available

    for name in {"cuda", "mps"} - set(available()):
        with pytest.raises(DeviceError):
            registry.load_policy("fake", device=name)


def test_auto_goes_on_to_the_next_device_where_one_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    """A driver may be listed and yet not work; what a person named is not replaced."""
    tried: list[str] = []

    def load(device: str, runtime: str, trained: object) -> Policy:
        tried.append(f"{device} {runtime}")
        if device != "cpu":
            raise DeviceError(f"{device} is broken.", "Use --device cpu.")
        return fake_policy.FakePolicy()

    monkeypatch.setattr(fake_policy, "load_fake", load)
    monkeypatch.setattr("engine.device.available", {"onnx": ("mps", "cpu"), "torch": ("cuda", "cpu")}.__getitem__)
    both = replace(fake_policy.ENTRY, runtimes=("onnx", "torch"))
    monkeypatch.setattr("engine.policies.registry.POLICIES", (*registry.POLICIES[:2], both))
    registry.load_policy("fake", device="auto")
    assert tried == ["mps onnx", "cpu onnx"]
    with pytest.raises(DeviceError, match="cuda is broken"):
        registry.load_policy("fake", device="cuda")
    assert tried[2:] == ["cuda torch"]


def test_every_policy_names_a_loader_that_exists() -> None:
    import importlib

    for entry in registry.POLICIES:
        assert callable(getattr(importlib.import_module(entry.module), entry.loader)), entry.name

"""Trained policies: stored whole, activated only if they won, carried as one file, found again by a sidecar."""

from __future__ import annotations

import hashlib
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch

from engine.clock import now
from engine.errors import ModelCorruptError, ModelMissingError, UsageError
from engine.policies import registry, versions
from engine.policies.compact.learner import learner
from engine.policies.compact.policy import load_compact, version_of
from engine.policies.versions import NotBetterError, Parent, Version
from engine.session import RetouchSession
from tests.helpers.faces import synthetic_face


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("PORELIGHT_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture(scope="module")
def weights() -> bytes:
    """The shipped flow with another last bias: it proposes something visibly different."""
    changed = learner(load_compact("cpu"))
    with torch.no_grad():
        changed.field.module.head.bias += 0.5
    return changed.weights()


def stored(weights: bytes, name: str, wins: bool = True) -> Version:
    return versions.add(
        Version(
            name=name,
            version=version_of(weights),
            parent=Parent(name="compact", version="1-0"),
            created=now("seconds"),
            sha256=hashlib.sha256(weights).hexdigest(),
            wins=wins,
            results={"win_rate": 0.8, "interval": [0.6, 0.9]},
        ),
        weights,
    )


def test_a_version_is_a_policy_of_its_own_name_and_weights(weights):
    version = stored(weights, "taste-1")
    policy, shipped = registry.load_policy("taste-1", device="cpu"), registry.load_policy("compact", device="cpu")
    assert (policy.info.name, policy.info.version) == ("taste-1", version.version)
    assert policy.info.version != shipped.info.version
    assert registry.entry("taste-1").licence == "Apache-2.0"
    assert versions.free_name() == "taste-2"
    with pytest.raises(UsageError, match="already"):
        stored(weights, "taste-1")
    for bad in ("compact", "../x", "A b", ""):
        with pytest.raises(UsageError):
            versions.check_name(bad)


def test_only_winners_are_activated_and_rollback_goes_back_step_by_step(weights):
    stored(weights, "good")
    stored(weights + b"", "bad", wins=False)
    assert versions.active() == "compact"
    with pytest.raises(NotBetterError, match="did not win"):
        versions.activate("bad")
    assert versions.activate("good") == "compact"
    assert versions.active() == "good"
    with pytest.raises(UsageError, match="is active"):
        versions.remove("good")
    assert versions.activate("compact") == "good"
    assert versions.rollback() == "good"
    assert versions.rollback() == "compact"
    with pytest.raises(UsageError, match="No policy was activated"):
        versions.rollback()
    versions.remove("bad")
    assert [each.name for each in versions.versions()] == ["good"]


def test_a_lost_active_version_leaves_the_one_before(weights, home):
    stored(weights, "good")
    versions.activate("good")
    (home / "policies/good").rename(home / "elsewhere")
    assert versions.active() == "compact"
    (home / "policies/active.json").write_text("{")
    assert versions.active() == "compact"


def test_damaged_weights_are_refused(weights, home):
    stored(weights, "good")
    (home / "policies/good/weights.safetensors").write_bytes(weights[:-4] + b"1234")
    with pytest.raises(ModelCorruptError, match="damaged"):
        registry.load_policy("good", device="cpu")


def test_export_and_import_carry_a_version_elsewhere(weights, tmp_path, monkeypatch):
    version = stored(weights, "good")
    file = tmp_path / "good.porelight-policy"
    checksum = versions.export("good", file)
    assert hashlib.sha256(file.read_bytes()).hexdigest() == checksum
    with pytest.raises(UsageError, match="here already, as 'good'"):
        versions.import_file(file)
    monkeypatch.setenv("PORELIGHT_HOME", str(tmp_path / "other"))
    with pytest.raises(ModelCorruptError, match="checksum"):
        versions.import_file(file, sha256="0" * 64)
    imported = versions.import_file(file, "mine", checksum)
    assert imported == version.model_copy(update={"name": "mine"})
    assert registry.remembered("good", version.version) == "mine"


@pytest.mark.parametrize("spoil", ["cut", "other", "bytes"])
def test_a_damaged_file_is_not_imported(weights, tmp_path, monkeypatch, spoil):
    stored(weights, "good")
    file = tmp_path / "f"
    versions.export("good", file)
    data = bytearray(file.read_bytes())
    if spoil == "cut":
        file.write_bytes(data[: len(data) // 2])
    elif spoil == "bytes":
        data[len(data) // 2] ^= 255
        file.write_bytes(data)
    else:
        with zipfile.ZipFile(file, "w") as archive:
            archive.writestr("../evil", b"x")
    monkeypatch.setenv("PORELIGHT_HOME", str(tmp_path / "other"))
    with pytest.raises(ModelCorruptError):
        versions.import_file(file)
    assert versions.versions() == ()


def test_a_sidecar_draws_the_same_with_the_version_it_names_whichever_is_active(weights, tmp_path, monkeypatch):
    stored(weights, "good")
    photo, face = synthetic_face(size=(300, 240), width=140.0)
    monkeypatch.setattr("engine.faces.analysis.analyse", lambda *_a, **_k: ((face,), ()), raising=False)
    monkeypatch.setattr("engine.session.sidecars.identify", lambda *_a: _identity(photo))
    session = RetouchSession(photo)
    session.analyse()
    session.propose(registry.load_policy("good", device="cpu"))
    first, saved = session.render(), session.to_sidecar()
    assert saved.proposal is not None and saved.proposal.policy == "good"
    versions.activate("good")
    versions.activate("compact")
    again = RetouchSession(photo)
    name = registry.remembered(saved.proposal.policy, saved.proposal.policy_version)
    again.restore(saved, registry.load_policy(name, device="cpu"))
    assert np.array_equal(again.render(), first) and again.notes == []
    again.propose(registry.load_policy("compact", device="cpu"))
    assert not np.array_equal(again.render(), first)
    with pytest.raises(ModelMissingError, match="not on this computer"):
        registry.remembered("gone", "1-00000000")


def _identity(photo):
    from engine.sidecar import PhotoId

    return PhotoId(name=Path(photo.path).name, sha256="0", width=photo.size[0], height=photo.size[1])

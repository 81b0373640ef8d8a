"""`porelight policies` from activation to import."""

from __future__ import annotations

import hashlib
import json

import pytest

from engine.clock import now
from engine.policies import versions
from engine.policies.compact.learner import learner
from engine.policies.compact.policy import load_compact, version_of
from engine.policies.versions import Parent, Version
from engine.proposal import ProposalSpec, SamplerSettings
from engine.sidecar import PhotoId, Sidecar, save


@pytest.fixture
def trained(tmp_path, monkeypatch):
    monkeypatch.setenv("PORELIGHT_HOME", str(tmp_path / "home"))
    weights = learner(load_compact("cpu")).weights()
    for name, wins in (("good", True), ("bad", False)):
        parent = Parent(name="compact", version="1-0")
        sha256 = hashlib.sha256(weights).hexdigest()
        results = {"win_rate": 0.81, "interval": [0.6, 0.92]}
        versions.add(
            Version(
                name=name,
                version=version_of(weights),
                parent=parent,
                created=now("seconds"),
                sha256=sha256,
                wins=wins,
                results=results,
            ),
            weights,
        )


def test_list_activate_and_roll_back(trained, porelight):
    shown = porelight("policies", "list")
    assert "* compact" in shown.stdout and "preferred in 81% (60%–92%)" in shown.stdout
    refused = porelight("policies", "activate", "bad")
    assert refused.exit_code == 1 and "did not win" in refused.stderr
    assert porelight("policies", "activate", "nobody").exit_code == 2
    assert porelight("policies", "activate", "good").exit_code == 0
    data = json.loads(porelight("policies", "list", "--json").stdout)
    assert data["active"] == "good" and {each["name"]: each["active"] for each in data["policies"]} == {
        "good": True,
        "bad": False,
    }
    assert "compact is active again" in porelight("policies", "rollback").stdout


def test_export_and_import(trained, porelight, tmp_path, monkeypatch):
    file = tmp_path / "mine.porelight-policy"
    checksum = porelight("policies", "export", "good", "--out", file).stdout.split()[-1]
    assert hashlib.sha256(file.read_bytes()).hexdigest() == checksum
    assert porelight("policies", "export", "good", "--out", file).exit_code == 1
    monkeypatch.setenv("PORELIGHT_HOME", str(tmp_path / "elsewhere"))
    done = porelight("policies", "import", file, "--name", "theirs", "--sha256", checksum)
    assert done.exit_code == 0 and versions.get("theirs").wins
    assert porelight("policies", "import", tmp_path / "nothing").exit_code == 2


def test_remove_refuses_what_is_active_shipped_or_needed_by_a_sidecar(trained, porelight, tmp_path):
    shoot = tmp_path / "shoot"
    shoot.mkdir()
    version = versions.get("good").version
    anchor = ProposalSpec("good", version, 1, SamplerSettings(steps=16, shift=3.0))
    proposal = ProposalSpec("compact", "1-0", 2, SamplerSettings(steps=16, shift=3.0), anchor=anchor)
    photo = PhotoId(name="a.jpg", sha256="0" * 64, width=10, height=10)
    save(Sidecar(photo=photo, proposal=proposal), shoot / "a.jpg")

    assert porelight("policies", "remove", "compact").exit_code == 2
    assert porelight("policies", "remove", "good", tmp_path / "nowhere").exit_code == 2
    assert porelight("policies", "remove", "bad", shoot).exit_code == 0  # "good" is the same version
    refused = porelight("policies", "remove", "good", tmp_path)
    assert refused.exit_code == 2 and "'good': 1, the first is a.jpg" in refused.stderr
    porelight("policies", "activate", "good")
    active = porelight("policies", "remove", "good", tmp_path, "--anyway")
    assert active.exit_code == 2 and "is active" in active.stderr
    porelight("policies", "rollback")
    assert [each.name for each in versions.versions()] == ["good"]
    assert porelight("policies", "remove", "good", tmp_path, "--anyway").exit_code == 0
    assert versions.versions() == ()

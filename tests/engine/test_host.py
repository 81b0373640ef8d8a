"""The engine in its own process: the same results as here, errors and cancellation as here, and deaths survived."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from engine.errors import Cancelled, DeviceError, NoFaceError
from engine.host import KEPT_SESSIONS, EngineHost, HostedSession, pack, unpack
from engine.jobs import CancelToken, Progress
from engine.proposal import ProposalSpec, SamplerSettings
from engine.session import RetouchSession
from tests.helpers.faces import synthetic_face


@pytest.fixture(scope="module")
def host() -> Iterator[EngineHost]:
    host = EngineHost()
    yield host
    host.close()


def test_values_and_arrays_come_through(tmp_path: object) -> None:
    arrays = [np.random.default_rng(1).standard_normal((7, 11, 3)).astype(np.float32), np.arange(5, dtype=np.uint16)]
    value = {"arrays": arrays, "empty": np.zeros((0, 3)), "text": "写真"}
    packed = pack(value)
    again = unpack(packed)
    assert again["text"] == "写真" and again["empty"].shape == (0, 3)
    for one, two in zip(arrays, again["arrays"], strict=True):
        assert np.array_equal(one, two) and one.dtype == two.dtype
    again["arrays"][0][0] = 5  # its own memory, and the file is gone
    assert not os.path.exists(packed[1])  # noqa: PTH110


@pytest.mark.slow
def test_the_childs_proposal_is_the_one_made_here(host: EngineHost) -> None:
    from engine.host import HostedPolicy
    from engine.policies.registry import load_policy

    photo, face = synthetic_face()
    policy = load_policy("compact")
    spec = ProposalSpec("compact", policy.info.version, 3, SamplerSettings().resolved(policy.info))
    here, there = RetouchSession(photo), HostedSession(photo, host)
    here.faces = there.faces = (face,)
    steps: list[Progress] = []
    info = host.call("policy", "compact")
    assert info == policy.info
    one = here.draw(policy, spec)
    two = there.draw(HostedPolicy("compact", info), spec, report=steps.append)
    assert steps and steps[-1].fraction == 1
    a, b = one.layers[face.id], two.layers[face.id]
    assert a.deltas.keys() == b.deltas.keys() and a.marks == b.marks and a.regions.keys() == b.regions.keys()
    for name in a.deltas:
        assert np.allclose(a.deltas[name], b.deltas[name], atol=1e-3)
    assert two.spec == spec
    token = CancelToken()
    token.cancel()
    with pytest.raises(Cancelled):
        there.draw(HostedPolicy("compact", info), spec, token=token)
    there.faces = ()
    with pytest.raises(NoFaceError):
        there.draw(HostedPolicy("compact", info), spec)


@pytest.mark.slow
def test_the_child_finds_the_same_faces(host: EngineHost, portraits: Path) -> None:
    path = next((portraits / "train" / "london").glob("*.jpg"))
    here = RetouchSession.open(path)
    there = HostedSession(here.photo, host)
    here.analyse()
    there.analyse()
    assert [face.id for face in there.faces] == [face.id for face in here.faces]
    one, two = here.faces[0], there.faces[0]
    assert np.abs(one.landmarks - two.landmarks).max() < 0.01 and one.grid == two.grid
    assert np.array_equal(one.lab, two.lab) and one.regions.keys() == two.regions.keys()
    assert one.embedding is not None and two.embedding is not None
    assert np.allclose(one.embedding, two.embedding, atol=1e-4)
    assert there.edits.keys() == {"face-1"} and there.proposal is None


@pytest.mark.slow
def test_masks_that_the_policy_made_finer_come_back(host: EngineHost, portraits: Path) -> None:
    from engine.host import HostedPolicy
    from engine.policies.registry import load_policy

    photo = RetouchSession.open(portraits / "train" / "london" / "neutral_002.jpg").photo
    policy, info = load_policy("compact"), host.call("policy", "compact")
    here, there = RetouchSession(photo), HostedSession(photo, host)
    here.analyse()
    there.analyse()
    before = here.faces[0]
    spec = ProposalSpec("compact", policy.info.version, 3, SamplerSettings().resolved(policy.info))
    layers = there.draw(HostedPolicy("compact", info), spec).layers["face-1"]
    here.draw(policy, spec)
    finer = here.faces[0].regions["skin"]
    assert not np.array_equal(finer, before.regions["skin"])
    assert np.allclose(there.faces[0].regions["skin"], finer, atol=1e-3)
    assert np.array_equal(layers.regions["cheeks"], there.faces[0].regions["cheeks"])
    kept = there.faces
    there.draw(HostedPolicy("compact", info), spec)
    assert there.faces is kept  # they travel once


def _child(code: str) -> list[str]:
    return [sys.executable, "-c", f"import os, sys, threading; from engine.host import receive, send; {code}"]


def test_a_dead_child_is_one_sentence_and_replaced() -> None:
    host = EngineHost(_child("receive(sys.stdin.buffer); os._exit(9)"))
    try:
        for generation in (1, 2):
            with pytest.raises(DeviceError, match="ended unexpectedly"):
                host.call("policy", "compact")
            assert host.generation == generation
    finally:
        host.close()


def test_cancelling_is_heard_while_the_child_works() -> None:
    code = "pipe = sys.stdin.buffer; receive(pipe); send(sys.stdout.buffer, (receive(pipe)[0] + 'led',)); receive(pipe)"
    host, token = EngineHost(_child(code)), CancelToken()
    try:
        threading.Timer(0.2, token.cancel).start()
        start = time.monotonic()
        with pytest.raises(Cancelled):
            host.call("policy", "compact", token=token)
        assert time.monotonic() - start < 30
    finally:
        host.close()


def test_an_unforeseen_error_keeps_the_childs_words(host: EngineHost) -> None:
    with pytest.raises(RuntimeError, match="TypeError") as caught:
        host.call("analyse", -1)
    assert "_do_analyse" in str(caught.value)


NAMES = """
import os
from types import SimpleNamespace
from engine.host import main
from engine.session import RetouchSession
def analyse(self, boxes=None):
    self.faces = (SimpleNamespace(id=self.photo.path.name, pid=os.getpid(), doubt="", told=self.faces),)
RetouchSession.analyse = analyse
main()
"""
"""A child whose faces say of which photo they are, which child found them, and what it was told of faces before."""


def test_a_photo_that_the_child_has_lost_is_sent_again(tmp_path: Path) -> None:
    photo, face = synthetic_face()
    host = EngineHost([sys.executable, "-c", NAMES])
    try:
        sessions = [HostedSession(replace(photo, path=tmp_path / f"{n}.jpg"), host) for n in range(KEPT_SESSIONS + 1)]
        sessions[0].faces = (face,)
        first = sessions[0].analyse()[0]
        assert first.id == "0.jpg" and [each.id for each in first.told] == [face.id]  # type: ignore[attr-defined]
        for session in sessions[1:]:  # each makes room for itself
            session.analyse()
        assert sessions[0].analyse()[0].id == "0.jpg"
        os.kill(first.pid, signal.SIGTERM)  # type: ignore[attr-defined]
        assert host._process is not None
        host._process.wait()
        again = sessions[0].analyse()[0]
        assert again.id == "0.jpg" and again.pid != first.pid and host.generation == 2  # type: ignore[attr-defined]
    finally:
        host.close()

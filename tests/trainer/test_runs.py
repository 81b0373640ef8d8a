"""Run folders: events that survive a crash, requests by file, one training at a time, checkpoints that are whole."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from trainer.control import Control
from trainer.events import EventLog, Tail, by_step, read
from trainer.runs import Manifest, Run, RunError, is_running, locked


@pytest.fixture
def run(tmp_path):
    return Run.create(tmp_path / "run", Manifest("policy", {"seed": 1}))


def test_events_count_on_and_lose_only_an_unfinished_line(tmp_path):
    path = tmp_path / "events.jsonl"
    with EventLog(path) as log:
        log.write("step", step=1, reward=0.5)
        log.write("step", step=2, reward=float("nan"))
    with path.open("ab") as file:
        file.write(b'{"v": 1, "seq": 3, "t": 0, "ki')
    assert [event.seq for event in read(path)] == [1, 2]
    assert read(path)[1].data == {"step": 2, "reward": None}
    with EventLog(path) as log:
        assert log.write("resumed").seq == 3
    lines = path.read_text().splitlines()
    assert [json.loads(line)["seq"] for line in lines] == [1, 2, 3]
    assert set(json.loads(lines[0])) == {"v", "seq", "t", "kind", "step", "reward"}


def test_repeated_steps_count_once(tmp_path):
    with EventLog(tmp_path / "e") as log:
        for step, reward in ((1, 0.1), (2, 0.2), (2, 0.3), (3, 0.4)):
            log.write("step", step=step, reward=reward)
        log.write("eval", step=2, reward=9)
    found = by_step(read(tmp_path / "e"), "step")
    assert {step: event.data["reward"] for step, event in found.items()} == {1: 0.1, 2: 0.3, 3: 0.4}


def test_a_tail_gives_each_event_once_and_waits_for_whole_lines(tmp_path):
    path = tmp_path / "e"
    tail = Tail(path)
    assert tail.poll() == []
    with EventLog(path) as log:
        log.write("a")
        log.write("b")
    assert [event.kind for event in tail.poll()] == ["a", "b"]
    line = b'{"v": 1, "seq": 3, "t": 0, "kind": "c"}\n'
    with path.open("ab") as file:
        file.write(line[:20])
        file.flush()
        assert tail.poll() == []
        file.write(line[20:])
    assert [event.kind for event in tail.poll()] == ["c"]


def test_a_pause_holds_until_withdrawn_and_a_stop_ends_it(tmp_path):
    control = Control(tmp_path)
    told = []
    control.wait_while_paused(told.append, lambda: False)
    assert told == []
    control.request("pause")
    threading.Timer(0.1, control.withdraw, ("pause",)).start()
    start = time.monotonic()
    control.wait_while_paused(told.append, lambda: False)
    assert told == [True, False]
    assert time.monotonic() - start >= 0.1
    control.request("pause")
    control.request("stop")
    control.wait_while_paused(told.append, lambda: False)
    assert control.asked("stop")
    control.clear(time.time() + 60)
    assert not control.asked("stop") and not control.asked("pause")


def test_a_run_is_created_once_and_opened_as_what_it_is(run, tmp_path):
    with pytest.raises(RunError, match="already"):
        Run.create(run.folder, Manifest("policy", {}))
    assert Run.open(run.folder, "policy").manifest.config == {"seed": 1}
    with pytest.raises(RunError, match="trains a policy, not a reward"):
        Run.open(run.folder, "reward")
    with pytest.raises(RunError, match="no run"):
        Run.open(tmp_path / "nowhere", "policy")
    (run.folder / "manifest.json").write_text("{")
    with pytest.raises(RunError, match="cannot be read"):
        Run.open(run.folder, "policy")


HOLD = """
import sys, time
from pathlib import Path
from trainer.runs import locked
with locked(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_second_training_is_refused_and_a_killed_one_lets_go(run):
    assert not is_running(run.folder)
    other = subprocess.Popen([sys.executable, "-c", HOLD, str(run.folder)], stdout=subprocess.PIPE, text=True)
    try:
        assert other.stdout is not None and other.stdout.readline() == "held\n"
        assert is_running(run.folder)
        with pytest.raises(RunError, match="Another training is at work"), locked(run.folder):
            pass
    finally:
        other.kill()
        other.communicate()
    assert not is_running(run.folder)
    with locked(run.folder):
        assert is_running(run.folder)


def test_the_newest_whole_checkpoint_is_loaded_and_few_are_kept(run):
    assert run.load_checkpoint() is None
    for step in range(1, 6):
        run.save_checkpoint(step, {"w.bin": bytes([step])}, {"note": step})
    assert [folder.name for folder in run.checkpoints()] == ["step-000003", "step-000004", "step-000005"]
    state, files = run.load_checkpoint()
    assert (state["step"], state["note"], files) == (5, 5, {"w.bin": b"\5"})
    (run.folder / "checkpoints/step-000005/w.bin").write_bytes(b"other")
    (run.folder / "checkpoints/step-000004/state.json").write_bytes(b"{")
    assert run.load_checkpoint()[0]["step"] == 3


def test_a_full_disk_is_said_and_the_last_checkpoint_stays(run, monkeypatch):
    run.save_checkpoint(1, {"w.bin": b"one"}, {})

    def full(*_args, **_kwargs):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(RunError, match="No space left"):
        run.save_checkpoint(2, {"w.bin": b"two"}, {})
    monkeypatch.undo()
    assert run.load_checkpoint()[1] == {"w.bin": b"one"}
    assert [each.name for each in (run.folder / "checkpoints").iterdir()] == ["step-000001"]

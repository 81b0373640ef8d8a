from __future__ import annotations

import errno
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from engine import paths, pipeline, sidecar
from engine.delivery import plan
from engine.delivery.ledger import Ledger, State
from engine.delivery.naming import Subject
from engine.delivery.queue import Queue
from engine.delivery.recipe import Recipe
from engine.errors import ExportError
from engine.jobs import CancelToken, Report
from engine.pipeline import PolicyPool, RetouchRequest, RetouchResult, Status
from engine.session import RetouchSession
from engine.types import Strengths
from tests.helpers import fake_policy
from tests.helpers.fake_policy import FakePolicy, landscape, portrait

CHECKOUT = Path(__file__).parents[3]


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    made = Ledger(tmp_path / "queue.sqlite")
    yield made
    made.close()


def quick(request: RetouchRequest, token: CancelToken, report: Report) -> RetouchResult:
    return RetouchResult(request.source, Status.DONE, outputs=(request.deliveries[0].target.with_suffix(".jpg"),))


def add(ledger: Ledger, *names: str) -> list[int]:
    subjects = [Subject(Path(f"/shoot/{name}.jpg")) for name in names]
    return ledger.add(plan.jobs(subjects, [Recipe(format="jpeg")], ledger.promised()))


def sources(ledger: Ledger, *states: State) -> list[str]:
    return [entry.source.stem for entry in ledger.entries() if not states or entry.state in states]


def test_jobs_run_in_order_and_counts_add_up(ledger: Ledger) -> None:
    add(ledger, "a", "b", "c")
    done: list[str] = []
    counts = Queue(ledger, quick).drain(CancelToken(), lambda entry: done.append(entry.source.stem))
    assert done == ["a", "b", "c"]
    assert counts[State.DONE] == 3 == sum(counts.values())
    assert ledger.delivered() == {Path(f"/shoot/{name}.jpg") for name in "abc"}


def test_reorder_cancel_retry_and_remove(ledger: Ledger) -> None:
    a, b, c, d = add(ledger, "a", "b", "c", "d")
    ledger.move([d, b], before=a)
    assert sources(ledger) == ["d", "b", "a", "c"]
    ledger.move([d], before=None)
    assert sources(ledger) == ["b", "a", "c", "d"]
    ledger.cancel([a, c])
    assert Queue(ledger, quick).drain(CancelToken())[State.CANCELLED] == 2
    assert sources(ledger, State.DONE) == ["b", "d"]
    ledger.retry([a, b])  # a job that is done stays done
    assert sources(ledger, State.WAITING) == ["a"]
    ledger.remove([a, b, d])  # a waiting job is not forgotten
    assert sources(ledger) == ["a", "c"]


def test_failures_are_listed_and_can_be_tried_again(ledger: Ledger) -> None:
    ids = add(ledger, "a", "b")
    broken = True

    def attempt(request: RetouchRequest, token: CancelToken, report: Report) -> RetouchResult:
        if broken and request.source.stem == "a":
            return RetouchResult(request.source, Status.FAILED, "a.jpg is damaged.", "Copy it again.", "read")
        return quick(request, token, report)

    queue = Queue(ledger, attempt)
    assert queue.drain(CancelToken()) | {} == {**dict.fromkeys(State, 0), State.FAILED: 1, State.DONE: 1}
    failed = ledger.entry(ids[0])
    assert failed is not None and (failed.reason, failed.hint) == ("a.jpg is damaged.", "Copy it again.")
    assert ledger.troubles() == {Path("/shoot/a.jpg"): "a.jpg is damaged."}
    broken = False
    ledger.retry([ids[0]])
    assert queue.drain(CancelToken())[State.DONE] == 2
    assert ledger.troubles() == {}


def test_pausing_puts_the_running_job_back(ledger: Ledger) -> None:
    add(ledger, "a", "b")
    token = CancelToken()

    def attempt(request: RetouchRequest, token: CancelToken, report: Report) -> RetouchResult:
        token.cancel()
        return RetouchResult(request.source, Status.CANCELLED)

    Queue(ledger, attempt).step(token)
    assert sources(ledger, State.WAITING) == ["a", "b"]
    ledger.paused = True
    assert Queue(ledger, quick).step(CancelToken()) is None
    ledger.paused = False
    assert Queue(ledger, quick).drain(CancelToken())[State.DONE] == 2


def test_a_full_disk_pauses_the_queue_with_one_sentence_and_leaves_nothing_behind(
    ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_policy.install(monkeypatch, tmp_path / "home")
    photos = [portrait(tmp_path / f"{name}.png") for name in "ab"]
    ledger.add(plan.jobs([Subject(path) for path in photos], [Recipe(folder="out")]))
    replace = paths._publish

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(paths, "_publish", full)
    queue = Queue(ledger, partial(pipeline.attempt, pool=PolicyPool(lambda *_, **__: FakePolicy())))
    counts = queue.drain(CancelToken())
    assert (counts[State.FAILED], counts[State.WAITING]) == (1, 1)
    assert ledger.paused
    assert ledger.entries()[0].reason == "a.png cannot be written: the disk is full."
    assert list((tmp_path / "out").iterdir()) == []
    monkeypatch.setattr(paths, "_publish", replace)
    ledger.retry([ledger.entries()[0].id])
    ledger.paused = False
    assert queue.drain(CancelToken())[State.DONE] == 2
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a.png", "b.png"]
    queue.close()


def test_as_many_come_out_as_went_in(ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_policy.install(monkeypatch, tmp_path / "home")
    good = portrait(tmp_path / "good.png")
    bad = tmp_path / "bad.png"
    bad.write_bytes(b"\x89PNG nothing")
    newer = portrait(tmp_path / "newer.png")
    sidecar.beside(newer).write_text('{"version": 99}')
    photos = [good, landscape(tmp_path / "hills.png"), bad, tmp_path / "gone.png", newer]
    ledger.add(plan.jobs([Subject(path) for path in photos], [Recipe(folder="out"), Recipe(name="web", format="jpeg")]))
    queue = Queue(ledger, partial(pipeline.attempt, pool=PolicyPool(lambda *_, **__: FakePolicy())))
    counts = queue.drain(CancelToken())
    assert sum(counts.values()) == len(photos)
    assert (counts[State.DONE], counts[State.SKIPPED], counts[State.FAILED]) == (1, 1, 3)
    assert all(entry.reason for entry in ledger.entries() if entry.state is not State.DONE)
    assert sidecar.beside(newer).read_text() == '{"version": 99}'
    assert [path.name for path in ledger.entries()[0].outputs] == ["good.png", "good.jpg"]
    queue.close()


def test_a_job_is_frozen_when_it_is_added(ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Edits made after that do not change it, and it writes no sidecar."""
    import numpy as np
    from PIL import Image

    fake_policy.install(monkeypatch, tmp_path / "home")
    photo = portrait(tmp_path / "a.png")
    session = RetouchSession.open(photo)
    session.analyse()
    session.propose(FakePolicy())
    session.set_strengths(Strengths({"tone": 90}))
    session.save_sidecar()
    wanted = session.render()
    ledger.add(plan.jobs([Subject(photo)], [Recipe(folder="out")]))
    session.set_strengths(Strengths({"tone": 0}))
    session.save_sidecar()
    saved = sidecar.beside(photo).read_bytes()
    queue = Queue(ledger, partial(pipeline.attempt, pool=PolicyPool(lambda *_, **__: FakePolicy())))
    assert queue.drain(CancelToken())[State.DONE] == 1
    assert np.array_equal(np.asarray(Image.open(tmp_path / "out" / "a.png")), wanted)
    assert sidecar.beside(photo).read_bytes() == saved
    queue.close()


def test_names_of_waiting_jobs_are_not_given_twice(ledger: Ledger, tmp_path: Path) -> None:
    add(ledger, "a")
    add(ledger, "a")
    names = [files[1] for entry in ledger.entries() for files in entry.files]
    assert names == ["a", "a-2"]


def test_only_one_program_works_through_the_queue(ledger: Ledger) -> None:
    add(ledger, "a")
    first, second = Queue(ledger, quick), Queue(Ledger(ledger.path), quick)
    assert first.own()
    assert second.step(CancelToken()) is None
    first.close()
    assert second.step(CancelToken()) is not None
    second.ledger.close()
    second.close()


def test_a_killed_program_loses_nothing(ledger: Ledger) -> None:
    add(ledger, "a", "b", "c")
    code = (
        "import os, signal, sys\nfrom pathlib import Path\n"
        "from engine.delivery.ledger import Ledger\nfrom engine.delivery.queue import Queue\n"
        "from engine.pipeline import RetouchResult, Status\nfrom engine.jobs import CancelToken\n"
        "def attempt(request, token, report):\n"
        "    if request.source.stem == 'b':\n"
        "        os.kill(os.getpid(), signal.SIGKILL)\n"
        "    return RetouchResult(request.source, Status.DONE)\n"
        "Queue(Ledger(Path(sys.argv[1])), attempt).drain(CancelToken())\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(ledger.path)], cwd=CHECKOUT, timeout=60)
    assert done.returncode != 0
    assert [entry.state for entry in ledger.entries()] == [State.DONE, State.RUNNING, State.WAITING]
    queue = Queue(ledger, quick)
    assert queue.drain(CancelToken())[State.DONE] == 3
    queue.close()


def test_remaining_time_comes_from_the_last_jobs(ledger: Ledger) -> None:
    add(ledger, "a", "b", "c")
    queue = Queue(ledger, quick)
    assert queue.remaining() is None
    entry = ledger.take()
    assert entry is not None
    ledger.finish(entry.id, RetouchResult(entry.source, Status.DONE), 4.0)
    assert queue.remaining() == pytest.approx(8.0)
    ledger.take()
    assert queue.remaining(0.5) == pytest.approx(6.0)


def test_a_damaged_ledger_is_kept_and_a_new_one_begun(tmp_path: Path) -> None:
    path = tmp_path / "queue.sqlite"
    path.write_bytes(b"this is no database, whatever it is named" * 40)
    ledger = Ledger(path)
    assert ledger.entries() == []
    ledger.close()
    assert (tmp_path / "queue.sqlite.damaged-1").read_bytes().startswith(b"this is no database")


def test_a_newer_ledger_is_refused_and_left(tmp_path: Path) -> None:
    path = tmp_path / "queue.sqlite"
    base = sqlite3.connect(path)
    base.execute("PRAGMA user_version=99")
    base.close()
    with pytest.raises(ExportError, match="newer Porelight"):
        Ledger(path)


def test_two_threads_share_a_ledger(ledger: Ledger) -> None:
    stop = time.monotonic() + 0.5
    troubles: list[Exception] = []

    def look() -> None:
        try:
            while time.monotonic() < stop:
                ledger.counts()
                ledger.paused = not ledger.paused
        except Exception as error:  # noqa: BLE001
            troubles.append(error)

    thread = threading.Thread(target=look)
    thread.start()
    while time.monotonic() < stop:
        add(ledger, "x")
    thread.join()
    assert troubles == []

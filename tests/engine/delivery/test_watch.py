from __future__ import annotations

from pathlib import Path

from engine.delivery.ledger import Ledger, State
from engine.delivery.queue import Queue
from engine.delivery.recipe import Recipe
from engine.delivery.watch import Arrivals, Settling
from engine.jobs import CancelToken, Report
from engine.pipeline import RetouchRequest, RetouchResult, Status


def test_only_settled_files_are_taken_and_each_once() -> None:
    now = 100.0
    there = Path("/in/old.jpg")
    watch = Settling(lambda: now, seen={there: (5, 5)}, settle=2)
    a, b = Path("/in/a.jpg"), Path("/in/b.jpg")
    assert watch.look({there: (5, 5), a: (10, 1)}) == []
    now += 1.5
    assert watch.look({there: (5, 5), a: (20, 2), b: (7, 1)}) == []  # a has grown
    now += 1.5
    assert watch.look({a: (20, 2), b: (7, 1)}) == []
    now += 1.0
    assert watch.look({a: (20, 2), b: (7, 1)}) == [(b, (7, 1)), (a, (20, 2))]
    now += 10
    assert watch.look({a: (20, 2), b: (7, 1)}) == []
    assert watch.look({a: (30, 9)}) == []  # written anew by the camera's program
    now += 3
    assert watch.look({a: (30, 9)}) == [(a, (30, 9))]


def test_empty_and_vanished_files_are_never_taken() -> None:
    now = 0.0
    watch = Settling(lambda: now, settle=1)
    empty, gone = Path("/in/empty.jpg"), Path("/in/gone.jpg")
    watch.look({empty: (0, 1), gone: (4, 1)})
    now += 5
    assert watch.look({empty: (0, 1)}) == []
    assert watch.waiting == 1
    assert watch.look({empty: (0, 1), gone: (4, 1)}) == []  # begins anew
    now += 2
    assert watch.look({empty: (0, 1), gone: (4, 1)}) == [(gone, (4, 1))]


def test_what_was_seen_survives_a_restart(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "queue.sqlite")
    ledger.note_seen(tmp_path, [(tmp_path / "a.jpg", (3, 4))])
    ledger.close()
    again = Ledger(tmp_path / "queue.sqlite")
    assert again.seen(tmp_path) == {tmp_path / "a.jpg": (3, 4)}
    again.close()


def test_results_in_the_watched_folder_are_no_arrivals_even_when_their_jobs_are_forgotten(tmp_path: Path) -> None:
    folder, now = (tmp_path / "in").resolve(), 0.0
    folder.mkdir()
    result = folder / "a-2.jpg"

    def attempt(request: RetouchRequest, token: CancelToken, report: Report) -> RetouchResult:
        result.write_bytes(b"result")
        return RetouchResult(request.source, Status.DONE, outputs=(result,))

    ledger = Ledger(tmp_path / "queue.sqlite")
    arrivals = Arrivals(folder, ledger, [Recipe(format="jpeg", folder=".")], clock=lambda: now, settle=1)
    (folder / "a.jpg").write_bytes(b"photo")
    assert arrivals.look() == []
    now += 2
    assert arrivals.look() == [folder / "a.jpg"]
    queue = Queue(ledger, attempt)
    queue.drain(CancelToken())
    queue.close()
    for _ in range(3):
        now += 2
        assert arrivals.look() == []
    ledger.remove([entry.id for entry in ledger.entries()])
    assert ledger.written() == {result: folder / "a.jpg"}
    for _ in range(3):
        now += 2
        assert arrivals.look() == []
    ledger.close()


def test_a_photo_that_is_renamed_before_its_turn_is_retouched_once_under_its_new_name(tmp_path: Path) -> None:
    folder, now, done = (tmp_path / "in").resolve(), 0.0, []

    def attempt(request: RetouchRequest, token: CancelToken, report: Report) -> RetouchResult:
        done.append(request.source.name)
        return RetouchResult(request.source, Status.DONE)

    folder.mkdir()
    ledger = Ledger(tmp_path / "queue.sqlite")
    arrivals = Arrivals(folder, ledger, [Recipe(folder=str(tmp_path))], clock=lambda: now, settle=1)
    for name in ("capture-1.jpg", "capture-2.jpg"):
        (folder / name).write_bytes(b"photo")
    arrivals.look()
    now += 2
    assert len(arrivals.look()) == 2
    queue = Queue(ledger, attempt)
    queue.step(CancelToken())
    (folder / "capture-2.jpg").rename(folder / "shoot-2.jpg")  # as cameras' programs do with what they took in
    arrivals.look()
    now += 2
    assert arrivals.look() == [folder / "shoot-2.jpg"]
    queue.drain(CancelToken())
    assert done == ["capture-1.jpg", "shoot-2.jpg"]
    assert ledger.counts() == {**dict.fromkeys(State, 0), State.DONE: 2, State.CANCELLED: 1}
    for path, out in ((folder / "capture-1.jpg", []), (folder / "capture-3.jpg", [folder / "capture-3.jpg"])):
        if not path.exists():
            path.write_bytes(b"photo")
            arrivals.look()
            now += 2
            assert arrivals.look() == [path]  # it waits
        path.rename(tmp_path / path.name)  # as a share that is out of reach for a moment
        arrivals.look()
        (tmp_path / path.name).rename(path)
        arrivals.look()
        now += 2
        assert arrivals.look() == out, "what was exported is not exported again"
    queue.close()
    ledger.close()

"""The store of picks: append-only, proved, merged, and honest about damage."""

from __future__ import annotations

import os
import shutil
import sqlite3
import threading
from pathlib import Path

import pytest

from engine.proposal import ProposalSpec
from tests.helpers.picks import TIME, candidate, digest, filled, pick
from trainer.picks.records import Candidate, PhotoFile
from trainer.picks.store import VERSION, PickStore, PickStoreError, repair, with_features, with_files


def test_picks_and_candidates_come_back_equal_and_in_order(tmp_path: Path) -> None:
    one, two = candidate(seed=1), candidate(seed=2, heal=20)
    given = pick(one, two, "tie", dimensions={"smoothing": "image2"}, scores={"clarity": (3, 4.5)}, reasoning="Ränder")
    with PickStore.open(tmp_path / "p.sqlite", create=True) as store:
        store.append(one, two, given)
    with PickStore.open(tmp_path / "p.sqlite") as store:
        assert store.picks() == [given]
        assert store.candidates() == {one.id: one, two.id: two}
        found = store.candidates()[two.id].retouch
        assert found is not None and isinstance(found.proposal, ProposalSpec)
        assert found.faces[0].strengths["heal"] == 20
        assert store.damage == ""


def test_the_same_retouch_has_one_id_and_another_has_another() -> None:
    assert candidate(seed=3).id == candidate(seed=3).id
    other = [candidate(seed=4), candidate(seed=3, heal=10), candidate("two", 3)]
    assert len({each.id for each in [candidate(seed=3), *other]}) == 4
    seen = candidate(seed=3).model_copy(update={"picture": digest("its file")})
    assert seen.id == candidate(seed=3).id, "the file's encoding does not count where it can be rendered again"
    files = [Candidate(photo=digest("one"), picture=digest(name)) for name in ("x", "y")]
    assert files[0].id != files[1].id


def test_rows_cannot_be_changed_or_removed(tmp_path: Path) -> None:
    filled(tmp_path / "p.sqlite")
    with sqlite3.connect(tmp_path / "p.sqlite") as connection:
        for statement in ("UPDATE rows SET kind = 'x'", "DELETE FROM rows"):
            with pytest.raises(sqlite3.IntegrityError, match="only appended"):
                connection.execute(statement)
    connection.close()


def test_a_changed_row_is_found_and_what_was_before_it_is_kept(tmp_path: Path) -> None:
    """Someone who knows SQLite drops the trigger and turns the third pick round."""
    path = tmp_path / "p.sqlite"
    picks = filled(path, 5)
    connection = sqlite3.connect(path)
    connection.execute("DROP TRIGGER rows_are_not_changed")
    body = picks[2].model_copy(update={"preference": "image2"}).body
    connection.execute("UPDATE rows SET body = ? WHERE id = ?", (body, picks[2].id))
    connection.commit()
    connection.close()
    with PickStore.open(path) as store:
        assert "row 9" in store.damage
        assert store.picks() == picks[:2]
        with pytest.raises(PickStoreError, match=r"damaged.*verify --repair"):
            store.append(candidate(seed=99))
        kept = store.repair()
    assert kept.exists()
    with PickStore.open(path) as store:
        assert store.damage == "" and store.picks() == picks[:2]
        store.append(candidate(seed=99))


@pytest.mark.parametrize("share", [0.35, 0.6, 0.9, 0.99])
def test_a_store_cut_in_the_middle_is_usable_up_to_there(tmp_path: Path, share: float) -> None:
    path = tmp_path / "p.sqlite"
    picks = filled(path, 60)
    os.truncate(path, int(path.stat().st_size * share))
    with PickStore.open(path) as store:
        found = store.picks()
        assert store.damage
        assert found == picks[: len(found)] and len(found) < 60
        rows = len(store)
        if share > 0.5:
            assert rows > 20
        store.repair()
    with PickStore.open(path) as store:
        assert store.damage == "" and store.picks() == found and len(store) == rows


def test_repair_starts_anew_where_nothing_is_left(tmp_path: Path) -> None:
    path = tmp_path / "p.sqlite"
    path.write_bytes(b"no store")
    with pytest.raises(PickStoreError, match="not a store") as caught:
        PickStore.open(path)
    assert caught.value.context["damaged"]
    assert repair(path) == tmp_path / "p.sqlite.damaged-1"
    assert (tmp_path / "p.sqlite.damaged-1").read_bytes() == b"no store"
    picks = filled(path, 5)
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size // 2)
    assert repair(path) == tmp_path / "p.sqlite.damaged-2"
    with PickStore.open(path) as store:
        assert store.damage == "" and store.picks() == picks[: len(store.picks())]


def test_a_crash_in_the_middle_of_a_write_loses_only_that_write(tmp_path: Path) -> None:
    """The journal of an unfinished write lies beside the store, as after a kill; it is rolled back."""
    path = tmp_path / "p.sqlite"
    picks = filled(path, 5)
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA cache_size = 1")
    connection.execute("PRAGMA cache_spill = 1")
    connection.execute("BEGIN IMMEDIATE")
    rows = [(100 + i, f"x{i}", "pick", "{}" * 4000, b"") for i in range(50)]
    connection.executemany("INSERT INTO rows VALUES (?, ?, ?, ?, ?)", rows)
    assert (tmp_path / "p.sqlite-journal").exists()
    for name in ("p.sqlite", "p.sqlite-journal"):
        (tmp_path / "copy").mkdir(exist_ok=True)
        shutil.copy(tmp_path / name, tmp_path / "copy" / name)
    connection.execute("ROLLBACK")
    connection.close()
    assert (tmp_path / "copy" / "p.sqlite").stat().st_size > path.stat().st_size, "the write had reached the file"
    with PickStore.open(tmp_path / "copy" / "p.sqlite") as store:
        assert store.damage == "" and store.picks() == picks
        store.append(candidate(seed=99))


def test_a_newer_store_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "p.sqlite"
    filled(path)
    connection = sqlite3.connect(path)
    connection.execute(f"PRAGMA user_version = {VERSION + 1}")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(PickStoreError, match=r"newer Porelight.*left as it is"):
        PickStore.open(path)
    assert path.read_bytes() == before


@pytest.mark.parametrize("content", [b"", b"hello, this is no database at all" * 9])
def test_other_files_are_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "p.sqlite"
    path.write_bytes(content)
    with pytest.raises(PickStoreError, match="not a store of picks"):
        PickStore.open(path, create=True)
    assert path.read_bytes() == content


def test_a_missing_store_is_named(tmp_path: Path) -> None:
    with pytest.raises(PickStoreError, match=r"no store of picks gone\.sqlite"):
        PickStore.open(tmp_path / "gone.sqlite")
    assert not (tmp_path / "gone.sqlite").exists()


def test_a_full_disk_loses_nothing_that_was_recorded(tmp_path: Path) -> None:
    path = tmp_path / "p.sqlite"
    picks = filled(path, 3)
    with PickStore.open(path) as store:
        store._connection.execute(f"PRAGMA max_page_count = {path.stat().st_size // 4096}")
        with pytest.raises(PickStoreError, match="disk is full"):
            store.append(*(candidate(f"photo {n}", n) for n in range(50)))
        assert store.picks() == picks
        rows = len(store)
    with PickStore.open(path) as store:
        assert store.damage == "" and len(store) == rows
        store.append(candidate(seed=99))


def test_undo_takes_a_pick_back_and_keeps_it(tmp_path: Path) -> None:
    picks = filled(tmp_path / "p.sqlite", 3)
    with PickStore.open(tmp_path / "p.sqlite") as store:
        store.undo(picks[1].id)
        assert store.picks() == [picks[0], picks[2]]
        with pytest.raises(PickStoreError, match="taken back already"):
            store.undo(picks[1].id)
    with PickStore.open(tmp_path / "p.sqlite") as store:
        assert store.picks() == [picks[0], picks[2]]


def test_withdrawal_takes_a_photo_out_of_everything_read(tmp_path: Path) -> None:
    filled(tmp_path / "p.sqlite", 3, "one")
    others = filled(tmp_path / "p.sqlite", 2, "two")
    with PickStore.open(tmp_path / "p.sqlite") as store:
        assert store.withdraw(digest("one"), TIME) == 3
        assert store.picks() == others
        assert {each.photo for each in store.candidates().values()} == {digest("two")}
        with pytest.raises(PickStoreError, match="knows no such photo"):
            store.withdraw(digest("three"), TIME)


def test_merging_is_idempotent_and_carries_undo_and_withdrawal(tmp_path: Path) -> None:
    mine, yours = filled(tmp_path / "a.sqlite", 3), filled(tmp_path / "b.sqlite", 2, "two")
    gone = filled(tmp_path / "b.sqlite", 2, "three")
    with PickStore.open(tmp_path / "a.sqlite") as a, PickStore.open(tmp_path / "b.sqlite") as b:
        b.undo(yours[0].id)
        b.withdraw(digest("three"), TIME)
        assert a.merge(b) == len(b)
        assert a.merge(b) == 0
        assert a.picks() == [*mine, yours[1]]
        assert b.merge(a) > 0 and b.merge(a) == 0
        assert {each.id for each in b.picks()} == {each.id for each in a.picks()}
        assert not {each.id for each in gone} & {each.id for each in a.picks()}
    with PickStore.open(tmp_path / "a.sqlite") as a:
        assert a.damage == ""


def test_two_programs_append_at_once(tmp_path: Path) -> None:
    path = tmp_path / "p.sqlite"
    filled(path, 1)

    def add(name: str) -> None:
        with PickStore.open(path) as store:
            for seed in range(15):
                store.append(candidate(name, seed))

    threads = [threading.Thread(target=add, args=(name,)) for name in ("left", "right")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with PickStore.open(path) as store:
        assert store.damage == "" and len(store.candidates()) == 2 + 30


def test_places_and_features(tmp_path: Path) -> None:
    with PickStore.open(tmp_path / "p.sqlite", create=True) as store:
        with_files(store, {digest("one"): tmp_path / "old" / "one.jpg"})
        with_files(store, {digest("one"): tmp_path / "new" / "one.jpg"})
        assert store.places(digest("one")) == (tmp_path / "new" / "one.jpg", tmp_path / "old" / "one.jpg")
        assert store.places(digest("two")) == ()
        one = candidate()
        with_features(store, 1, ("a", "b"), {one.id: [0.5, -2]})
        with_features(store, 2, ("a", "b"), {one.id: [1.5, -2]})
        assert store.features(1, ["a", "b"])[one.id].tolist() == [0.5, -2]
        assert store.features(3, ["a", "b"]) == store.features(1, ["a", "b", "c"]) == {}
        with_features(store, 1, ("a", "b", "c"), {one.id: [0.5, -2, 7]})
        assert store.features(1, ["c", "a"])[one.id].tolist() == [7, 0.5]
        assert store.append(PhotoFile(sha256=digest("one"), path="x")) == store.append(
            PhotoFile(sha256=digest("one"), path="x")
        )

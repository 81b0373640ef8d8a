"""A sitting: what is asked, what is recorded, and what is never trained on. Features are made up, the store is real."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from engine.errors import UsageError
from tests.helpers.picks import TIME, candidate, digest
from trainer.picks.identity import Identity
from trainer.picks.session import PickSession, Question
from trainer.picks.store import PickStore, PickStoreError, with_features
from trainer.reward.features import NAMES, VERSION
from trainer.reward.prior import Prior

NAMED = NAMES[:6]
PRIOR = Prior.plain(NAMED)
PHOTOS, EACH = 12, 5
ME = Identity("c" * 16, "d" * 16)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[PickStore]:
    with PickStore.open(tmp_path / "p.sqlite", create=True) as opened:
        yield opened


def sitting(store: PickStore, seed: int = 0, **options: object) -> PickSession:
    rng = np.random.default_rng(3)
    groups, features = [], {}
    for number in range(PHOTOS):
        candidates = [candidate(f"photo {number}", each) for each in range(EACH)]
        store.append(*candidates)
        groups.append((digest(f"photo {number}"), [each.id for each in candidates]))
        features |= {each.id: rng.standard_normal(len(NAMED)).astype(np.float32) for each in candidates}
    session = "e" * 16
    return PickSession(store, groups, features, PRIOR, ME, seed, session=session, **options)  # type: ignore[arg-type]


def liked(session: PickSession, key: str) -> float:
    return float(session.features[key][0])


def right(session: PickSession) -> float:
    """Share of unseen pairs that what the head has learnt orders as the taste does."""
    ask = np.random.default_rng(9).standard_normal((400, len(NAMED)))
    return float((np.sign(ask @ session.head().mean) == np.sign(ask[:, 0])).mean())


def answer_all(session: PickSession, count: int) -> None:
    for _ in range(count):
        question = session.next()
        assert question is not None
        better = liked(session, question.image1) > liked(session, question.image2)
        session.answer("image1" if better else "image2")


def test_the_same_seed_asks_the_same_questions(tmp_path: Path) -> None:
    asked = []
    for name in ("a", "b"):
        with PickStore.open(tmp_path / name, create=True) as store:
            session = sitting(store, seed=5)
            answer_all(session, 12)
            asked.append([(each.image1, each.image2, each.purpose) for each in store.picks()])
    assert asked[0] == asked[1]


def test_a_question_stays_until_it_is_answered_or_skipped(store: PickStore) -> None:
    session = sitting(store)
    first = session.next()
    assert session.next() is first and store.picks() == []
    session.skip()
    second = session.next()
    assert second is not None and first is not None
    assert {second.image1, second.image2} != {first.image1, first.image2}
    assert store.picks() == [] and session.progress().skipped == 1


def test_no_pair_twice_sides_random_and_one_in_ten_repeated_turned(store: PickStore) -> None:
    session = sitting(store, seed=1)
    answer_all(session, 70)
    picks = store.picks()
    new = [each for each in picks if each.repeats is None]
    repeats = [each for each in picks if each.repeats]
    assert len({each.pair for each in new}) == len(new)
    assert 3 <= len(repeats) <= 14
    by_id = {each.id: each for each in picks}
    for each in repeats:
        before = by_id[str(each.repeats)]
        assert (each.image1, each.image2) == (before.image2, before.image1), "sides are turned"
        assert each.purpose == "repeat" and before.repeats is None
        assert picks.index(each) - picks.index(before) > 4
    assert session.progress().consistency.agreement.value == 1
    left = sum(each.image1 < each.image2 for each in new)
    assert 0.3 < left / len(new) < 0.7


def test_test_photos_are_asked_at_random_and_teach_the_head_nothing(store: PickStore) -> None:
    session = sitting(store, seed=2)
    answer_all(session, 60)
    kinds: dict[str, set[str]] = {}
    for each in store.picks():
        kinds.setdefault(each.photo, set()).add(each.purpose)
    tests = {photo for photo, purposes in kinds.items() if "random" in purposes}
    assert tests and all("active" not in kinds[photo] for photo in tests)
    counted = Counter(each.purpose for each in store.picks())
    assert 4 <= counted["random"] <= 25 and counted["active"] > 25
    before = session.head()
    photo = next(iter(tests))
    own = [key for group, keys in session.groups if group == photo for key in keys]
    session.take(own[0], own)
    assert session.head() is before


def test_active_questions_teach_more_than_random_ones(tmp_path: Path) -> None:
    """After twelve answers the head that chose its questions orders unseen pairs at least as well."""
    found = {}
    for mode in ("active", "random"):
        hits = []
        for seed in range(4):
            with PickStore.open(tmp_path / f"{mode}{seed}", create=True) as store:
                session = sitting(store, seed, mode=mode)
                answer_all(session, 12)
                hits.append(right(session))
        found[mode] = np.mean(hits)
    assert found["active"] >= found["random"] and found["active"] > 0.85


def test_undo_asks_the_same_again(store: PickStore) -> None:
    session = sitting(store)
    answer_all(session, 2)
    question = session.next()
    session.answer("tie", {"smoothing": "image2"})
    assert store.picks()[-1].dimensions == {"smoothing": "image2"} and session.progress().ties == 1
    assert session.undo() and session.next() == question
    assert len(store.picks()) == 2 and session.progress().ties == 0
    assert session.undo() and session.undo() and not session.undo()
    assert store.picks() == []


def test_an_answer_that_was_taken_back_teaches_nothing(store: PickStore) -> None:
    session = sitting(store)
    session.next()
    session.answer("image1")
    first = session.head().mean
    session.undo()
    session.answer("image2")
    np.testing.assert_allclose(session.head().mean, -first, atol=1e-9)


@pytest.mark.parametrize("mode", ["active", "random"])
def test_what_is_drawn_ahead_is_what_is_asked_next(store: PickStore, mode: str) -> None:
    session = sitting(store, seed=2, mode=mode)
    for number in range(30):
        ahead = session.ahead()
        assert len(ahead) <= 6
        session.answer(("image1", "image2", "tie")[number % 3])
        question = session.next()
        assert question is not None and {question.image1, question.image2} <= set(ahead)
    assert len(store.picks()) == 30


def test_a_full_disk_keeps_the_question(store: PickStore) -> None:
    session = sitting(store)
    question = session.next()
    pages = store.path.stat().st_size // 4096
    store._connection.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(PickStoreError, match="full"):
        for _ in range(200):
            question = session.next()
            session.answer("image1")
    count = len(store.picks())
    assert session.next() == question and session.progress().answered == count


def test_taking_one_of_several_records_it_against_the_others(store: PickStore) -> None:
    session = sitting(store)
    shown = session.groups[0][1][:4]
    picks = session.take(shown[2], shown)
    assert {each.better for each in picks} == {shown[2]} and len(picks) == 3
    assert {each.purpose for each in store.picks()} == {"free"}
    with pytest.raises(UsageError, match="Only one of the pictures shown"):
        session.take("0" * 32, shown)


def grids(session: PickSession, count: int) -> list[Question]:
    """Answer that many questions by taste; all of them."""
    asked = []
    for _ in range(count):
        question = session.next()
        assert question is not None
        asked.append(question)
        likes = [liked(session, key) for key in question.images]
        session.choose(likes.index(max(likes)))
    return asked


def test_the_best_of_a_grid_beats_each_of_the_others_as_one_answer(store: PickStore) -> None:
    session = sitting(store, seed=3, together=4)
    while (question := session.next()) is not None and len(question.images) == 2:  # a test
        session.choose(0)
    assert question is not None
    before, answered = store.picks(), session.progress().answered
    assert len(set(question.images)) == 4 and question.purpose == "active"
    session.choose(2)
    made = store.picks()[len(before) :]
    assert [each.better for each in made] == [question.images[2]] * 3
    assert [(each.image1, each.image2) for each in made] == [
        (question.images[0], question.images[2]),
        (question.images[1], question.images[2]),
        (question.images[2], question.images[3]),
    ]
    assert session.progress().answered == answered + 1
    assert session.undo() and store.picks() == before and session.next() == question
    session.choose(None)
    assert {each.preference for each in store.picks()[len(before) :]} == {"tie"}
    assert session.progress().ties == 1
    with pytest.raises(UsageError, match="no picture 9"):
        session.choose(8)


def test_tests_and_repeats_are_pairs_and_no_pair_of_a_grid_comes_twice(store: PickStore) -> None:
    session = sitting(store, seed=1, together=4)
    asked = grids(session, 30)
    sizes = {purpose: {len(each.images) for each in asked if each.purpose == purpose} for purpose in Counter(
        each.purpose for each in asked
    )}  # fmt: skip
    assert sizes["random"] == {2} and sizes.get("repeat", {2}) == {2} and 4 in sizes["active"]
    new = [each for each in store.picks() if each.repeats is None]
    assert len({each.pair for each in new}) == len(new)
    places = Counter(each.images.index(max(each.images, key=lambda k: liked(session, k))) for each in asked)
    assert len(places) == 4, "the best stands anywhere"


def test_skipping_a_grid_passes_over_all_that_it_showed_together(store: PickStore) -> None:
    session = sitting(store, seed=3, together=4)
    first = session.next()
    assert first is not None
    session.skip()
    for each in grids(session, 20):
        assert not set(each.pairs()) & set(first.pairs())


def test_grids_teach_as_much_in_fewer_answers(tmp_path: Path) -> None:
    hits = {}
    for together in (2, 4):
        found = []
        for seed in range(4):
            with PickStore.open(tmp_path / f"{together}{seed}", create=True) as store:
                session = sitting(store, seed, together=together)
                grids(session, 8)
                found.append(right(session))
        hits[together] = np.mean(found)
    assert hits[4] >= hits[2]


def test_the_number_shown_can_change_and_candidates_can_come_during_a_sitting(store: PickStore) -> None:
    made = sitting(store, seed=3)
    with_features(store, VERSION, NAMED, {key: values for key, values in made.features.items()})
    session = PickSession.of_store(store, PRIOR, ME, seed=3, session="e" * 16)
    answer_all(session, 3)
    session.show(4)
    assert max(len(each.images) for each in grids(session, 4)) == 4
    fresh = [candidate("photo new", number) for number in range(3)]
    store.append(*fresh)
    with_features(store, VERSION, NAMED, {each.id: np.full(len(NAMED), 3.0 * n) for n, each in enumerate(fresh)})
    left = session.progress().left
    session.refresh()
    assert session.progress().left == left + 3 and session.progress().answered == 7
    assert session.undo()


def test_another_sitting_goes_on_where_the_last_one_ended(store: PickStore) -> None:
    answer_all(sitting(store), 6)
    again = sitting(store)
    assert again.progress().total == 6 and again.progress().answered == 0
    before = {each.pair for each in store.picks()}
    question = again.next()
    assert question is not None
    assert question.repeats or tuple(sorted((question.image1, question.image2))) not in before


def test_a_sitting_is_made_of_what_the_store_holds(store: PickStore) -> None:
    made = sitting(store)
    with_features(store, VERSION, NAMED, {key: values for key, values in made.features.items()})
    again = PickSession.of_store(store, PRIOR, ME, seed=0, session="e" * 16)
    assert [(photo, list(keys)) for photo, keys in made.groups] == [(p, list(k)) for p, k in again.groups]
    assert again.next() == made.next()
    store.withdraw(made.groups[0][0], TIME)
    assert len(PickSession.of_store(store, PRIOR, ME).groups) == PHOTOS - 1


def test_everything_asked_ends(store: PickStore) -> None:
    session = sitting(store)
    session._groups = session._groups[:1]
    answer_all(session, EACH * (EACH - 1) // 2)
    assert session.progress().left == 0
    while (question := session.next()) is not None:
        assert question.purpose == "repeat"
        session.answer("image1")
    with pytest.raises(UsageError, match="nothing to answer"):
        session.answer("image1")


def test_candidates_measured_before_a_feature_came_are_asked_about_beside_newer_ones(store: PickStore) -> None:
    made = sitting(store, seed=2)
    names = (*NAMED, "shadow_lightness")
    newest = made.groups[0][1][0]
    with_features(store, VERSION, NAMED, {key: values for key, values in made.features.items() if key != newest})
    with_features(store, VERSION, names, {newest: [*made.features[newest], 50.0]})
    session = PickSession.of_store(store, Prior.plain(names), ME, seed=2, session="e" * 16)
    assert [list(keys) for _, keys in session.groups] == [list(keys) for _, keys in made.groups]
    answer_all(session, 12)
    assert np.isfinite(session.head().mean).all() and session.head().mean[-1] == 0

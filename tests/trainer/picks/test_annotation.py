"""Model, person, expert."""

from __future__ import annotations

from tests.helpers.picks import candidate, pick
from trainer.picks.annotation import settle

ONE, TWO, THREE = (candidate(seed=n) for n in range(3))
OTHER = "f" * 16


def test_agreement_settles_and_the_person_s_answer_counts() -> None:
    model, person = pick(ONE, TWO, "image1", level="model"), pick(TWO, ONE, "image2")
    assert settle([model, person]).picks == (person,)


def test_disagreement_waits_for_an_expert_whose_word_is_final() -> None:
    model, person = pick(ONE, TWO, "image1", level="model"), pick(TWO, ONE, "image1")
    found = settle([model, person])
    assert found.picks == () and found.disputed == (person.pair,)
    expert = pick(ONE, TWO, "image1", level="expert", person=OTHER)
    found = settle([model, person, expert])
    assert found.picks == (expert,) and found.disputed == ()


def test_two_people_who_disagree_wait_too_but_a_tie_disputes_nothing() -> None:
    mine, yours = pick(ONE, TWO, "image1"), pick(ONE, TWO, "image2", person=OTHER)
    assert settle([mine, yours]).disputed == (mine.pair,)
    tie = pick(ONE, TWO, "tie", person=OTHER)
    assert settle([mine, tie]).picks == (mine, tie)


def test_a_repeat_that_contradicts_measures_the_person_and_disputes_nothing() -> None:
    first = pick(ONE, TWO, "image1")
    again = pick(TWO, ONE, "image1", repeats=first.id, purpose="repeat")
    assert settle([first, again]).picks == (first, again)


def test_who_contradicts_himself_disputes_nothing_but_has_no_verdict() -> None:
    one, other = pick(ONE, TWO, "image1"), pick(ONE, TWO, "image2")
    assert settle([one, other]).picks == (one, other)
    yours = pick(ONE, TWO, "image2", person=OTHER)
    assert settle([one, other, yours]).disputed == ()
    assert settle([one, other, pick(ONE, TWO, "image1"), yours]).disputed == (one.pair,)


def test_a_model_alone_settles_nothing_unless_it_is_trusted() -> None:
    model, person = pick(ONE, TWO, level="model"), pick(TWO, THREE)
    found = settle([model, person])
    assert found.picks == (person,) and found.unread == (model,)
    assert settle([model, person], trust_model=True).picks == (model, person)

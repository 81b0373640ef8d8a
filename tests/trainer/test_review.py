"""A blind review: sides are random, answers count from the right side, and nothing gives them away."""

from __future__ import annotations

import json

import pytest
from PIL import Image

from engine.errors import NoFaceError, UsageError
from tests.helpers import fake_policy
from tests.helpers.fake_policy import FakePolicy, landscape, portrait
from trainer.review import Review, ReviewError, make_review
from trainer.statistics import Share, sign_test


@pytest.fixture
def photos(tmp_path, monkeypatch):
    fake_policy.install(monkeypatch, tmp_path / "home")
    return [portrait(tmp_path / f"p{n}.png", seed=n) for n in range(8)] + [landscape(tmp_path / "none.png")]


@pytest.fixture
def made(photos, tmp_path):
    review, left_out = make_review(photos, FakePolicy("2"), FakePolicy("1"), tmp_path / "review", seed=3)
    assert len(left_out) == 1 and "none.png" in left_out[0]
    return review


def test_pairs_are_on_random_sides_and_some_come_again_turned(made):
    fresh = [pair for pair in made.pairs if pair.repeats is None]
    assert len(fresh) == 8 and {pair.first for pair in fresh} == {"A", "B"}
    (again,) = [pair for pair in made.pairs if pair.repeats]
    before = next(pair for pair in made.pairs if pair.id == again.repeats)
    assert again.first != before.first
    assert made.picture(again.id, "A").read_bytes() == made.picture(before.id, "B").read_bytes()
    for pair in made.pairs:
        for side in ("A", "B", "original"):
            assert not Image.open(made.picture(pair.id, side)).getexif()
    names = {path.name for path in made.folder.iterdir()}
    assert names == {"key.json", "answers.csv"} | {
        f"{p.id}-{s}.png" for p in made.pairs for s in ("A", "B", "original")
    }


def test_answers_count_from_the_side_of_the_policy_under_review(made):
    fresh = [pair for pair in made.pairs if pair.repeats is None]
    other = {"A": "b", "B": "a"}
    for pair, answer in zip(fresh, [*(p.first for p in fresh[:6]), other[fresh[6].first], "tie"], strict=True):
        made.answer(pair.id, answer)
    found = Review.open(made.folder).statistics()
    assert (found.answered, found.wins, found.losses, found.ties) == (8, 6, 1, 1)
    assert found.win_rate == Share.of(6.5, 8)
    assert found.chance == pytest.approx(16 / 128)
    assert found.consistency.count == 0
    (again,) = [pair for pair in made.pairs if pair.repeats]
    before = made.answers()[again.repeats]
    made.answer(again.id, {"A": "B", "B": "A", "tie": "tie"}[before])
    assert made.statistics().consistency == Share.of(1, 1)
    assert made.statistics().answered == 8


def test_answers_written_by_a_spreadsheet_are_read_and_nonsense_is_refused(made):
    (made.folder / "answers.csv").write_text("\ufeffpair;answer\r\n1; a \r\n002;TIE\r\n003;\r\n")
    assert made.answers() == {"001": "A", "002": "tie"}
    (made.folder / "answers.csv").write_text("pair,answer\n001,C\n")
    with pytest.raises(ReviewError, match="'c' to pair 001"):
        made.answers()
    (made.folder / "answers.csv").write_text("pair,answer\n099,A\n")
    with pytest.raises(ReviewError, match="'099'"):
        made.statistics()
    (made.folder / "answers.csv").write_text("001,A\n002,B\n")
    with pytest.raises(ReviewError, match="line pair,answer"):
        made.answers()
    (made.folder / "answers.csv").write_bytes("pair,answer\n001,é\n".encode("utf-16"))
    with pytest.raises(ReviewError, match="not UTF-8"):
        made.answers()


def test_changed_pictures_and_damaged_keys_are_noticed(made):
    made.picture("002", "A").write_bytes(made.picture("002", "B").read_bytes() + b"\0")
    with pytest.raises(ReviewError, match=r"002-A\.png"):
        Review.open(made.folder)
    (made.folder / "key.json").write_text(json.dumps({"version": 1}))
    with pytest.raises(ReviewError, match="damaged"):
        Review.open(made.folder)
    with pytest.raises(ReviewError, match="no review"):
        Review.open(made.folder / "elsewhere")


def test_what_cannot_be_compared_is_said(photos, tmp_path):
    with pytest.raises(UsageError, match="against itself"):
        make_review(photos, FakePolicy("1"), FakePolicy("1"), tmp_path / "r")
    with pytest.raises(NoFaceError):
        make_review(photos[-1:], FakePolicy("2"), FakePolicy("1"), tmp_path / "r")


def test_intervals_and_exact_probabilities():
    """Wilson's interval for 8 of 10 as published tables give it; the sign test by hand."""
    share = Share.of(8, 10)
    assert (share.low, share.high) == (pytest.approx(0.4902, abs=1e-4), pytest.approx(0.9433, abs=1e-4))
    assert Share.of(0, 0).low == 0 and Share.of(0, 0).high == 1
    assert Share.of(5, 5).low == pytest.approx(0.5655, abs=1e-4)
    assert sign_test(5, 0) == pytest.approx(2 / 32)
    assert sign_test(3, 3) == 1 and sign_test(0, 0) == 1

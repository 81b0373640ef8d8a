"""The blind review screen: keys are answers, the command line counts the same, and zoom is shared."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel
from pytestqt.qtbot import QtBot
from typer.testing import CliRunner

from app.main import cli
from app.viewmodels import review, watching
from app.views.board import Picture
from app.views.main_window import MainWindow
from app.views.review_window import ReviewWindow
from tests.app.conftest import MakeWindow
from tests.helpers import fake_policy
from tests.helpers.fake_policy import FakePolicy, portrait
from tests.helpers.reviewee import REVIEWEE
from tests.helpers.versions import stored
from trainer.review import Review, make_review

pytestmark = pytest.mark.qt_log_ignore("This plugin does not support")


@pytest.fixture
def photos(tmp_path: Path) -> list[Path]:
    return [portrait(tmp_path / f"p{number}.png", seed=number) for number in range(5)]


@pytest.fixture
def made(photos: list[Path], monkeypatch: pytest.MonkeyPatch) -> Review:
    """Five pairs and one that comes again, where the window's lie."""
    monkeypatch.setattr("engine.faces.analysis.analyse", fake_policy.fake_analyse, raising=False)
    folder = watching.new_folder(review.home())
    return make_review(photos, FakePolicy("2"), FakePolicy("1"), folder, seed=3)[0]


def shown(window: MainWindow, qtbot: QtBot) -> ReviewWindow:
    window.learn.show_review()
    found = window.learn._review
    assert found is not None
    qtbot.waitUntil(lambda: not found.model.busy and bool(found.model.policies))
    assert found.model.problem is None, found.model.problem.details
    return found


def press(found: ReviewWindow, qtbot: QtBot, key: Qt.Key) -> None:
    qtbot.keyPress(found, key)
    qtbot.waitUntil(lambda: not found.model.busy)


def test_keys_answer_and_the_command_line_counts_the_same(make_window: MakeWindow, qtbot: QtBot, made: Review) -> None:
    found = shown(make_window(), qtbot)
    assert found.title.text() == "Which is better? 1 of 6"
    assert "fake" not in " ".join(label.text() for label in found.findChildren(QLabel) if label.isVisible())
    keys = {"A": Qt.Key.Key_Left, "B": Qt.Key.Key_2}
    for place, pair in enumerate(made.pairs[:5]):
        wins = place < 4  # the policy under review is better in four of five
        press(found, qtbot, keys[pair.first if wins else {"A": "B", "B": "A"}[pair.first]])
    assert found.title.text() == "Which is better? 6 of 6" and not found.model.said
    press(found, qtbot, Qt.Key.Key_U)
    assert found.title.text() == "Which is better? 5 of 6"
    press(found, qtbot, Qt.Key.Key_Space)  # the one that lost is a tie now
    again = made.pairs[5]
    before = made.answers()[str(again.repeats)]
    press(found, qtbot, Qt.Key.Key_T if before == "tie" else keys[{"A": "B", "B": "A"}[before]])
    assert found.pages.currentWidget() is found.outcome
    done = CliRunner().invoke(cli, ["review", "--out", str(made.folder), "--json"])
    told = json.loads(done.stdout)
    assert (told["answered"], told["wins"], told["losses"], told["ties"]) == (5, 4, 0, 1)
    rate = told["win_rate"]
    assert found.model.said == [
        f"fake 2 was preferred to fake 1 in {rate['value']:.0%} of 5 pairs "
        f"(95%: {rate['low']:.0%}–{rate['high']:.0%}).",
        "It was better in 4, worse in 0, alike in 1.",
        "Between equals so uneven a count comes about with probability 0.125.",
        "1 pair came again with sides turned: 100% were answered alike.",
    ]
    assert found.title.text() == ("fake is better than fake" if rate["low"] > 0.5 else "No difference is proved")


def test_answers_outlive_the_window(make_window: MakeWindow, qtbot: QtBot, made: Review) -> None:
    press(shown(make_window(), qtbot), qtbot, Qt.Key.Key_1)
    assert made.answers() == {made.pairs[0].id: "A"}
    assert shown(make_window(), qtbot).title.text() == "Which is better? 2 of 6"


def test_both_sides_show_the_same_place_at_100_percent(
    make_window: MakeWindow, qtbot: QtBot, made: Review, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Picture, "underMouse", lambda _: False)  # wherever other tests have left the cursor
    found = shown(make_window(), qtbot)
    left, right = found.board.places[:2]
    for each in (left, right):
        each.setFixedSize(120, 100)
    qtbot.waitUntil(lambda: left.width() == right.width() == 120)
    width, height = fake_policy.SIZE[1], fake_policy.SIZE[0]
    qtbot.keyPress(found, Qt.Key.Key_Z)
    assert left.centre == right.centre == (width / 2, height / 2)
    assert left.area().size().toTuple() == (width, height)
    before = left.area()
    qtbot.keyPress(found, Qt.Key.Key_Left, Qt.KeyboardModifier.ShiftModifier)
    assert left.area().left() > before.left() and left.area() == right.area()
    assert made.answers() == {}
    for key in (Qt.Key.Key_Backslash, Qt.Key.Key_B):
        qtbot.keyPress(found, key)
        held = left.image
        assert held is right.image
        qtbot.keyRelease(found, key)
        assert left.image is not right.image and left.image != held
    qtbot.keyPress(found, Qt.Key.Key_Z)
    assert left.centre is None


def test_a_set_is_drawn_by_the_command_line(
    make_window: MakeWindow, qtbot: QtBot, photos: list[Path], tmp_path: Path
) -> None:
    stored("taste-1")
    window = make_window()
    window.learn.review._command = REVIEWEE
    window.desk.open([tmp_path])
    qtbot.waitUntil(lambda: window.desk.library.total == 5 and not window.desk.library.scanning)
    window.desk.library.select_all()
    found = shown(window, qtbot)
    assert (found.policy.currentText(), found.against.currentText()) == ("taste-1", "compact")
    assert found.chosen.text() == "The selected ones: 5 photos"
    found.start.click()
    qtbot.waitUntil(lambda: found.model.drawing)
    qtbot.waitUntil(lambda: found.model.asked is not None, timeout=60_000)
    assert found.title.text() == "Which is better? 1 of 6"
    assert found.model.asked is not None and found.model.asked.review.against == "fake 1"
    found.model.put_away()
    found.model._command = [sys.executable, "-c", "print('The disk is full. Free space.')"]
    found.start.click()
    qtbot.waitUntil(lambda: found.model.problem is not None, timeout=20_000)
    assert found.trouble.text() == "The pairs could not be drawn. The disk is full. Free space."

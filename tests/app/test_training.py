"""The training screen, over a real child process on painted faces, and over planted events."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from app.jobs import process
from app.jobs.runner import JobRunner
from app.main import cli
from app.viewmodels import account, watching
from app.viewmodels.training import TrainingModel
from app.viewmodels.watching import Phase
from app.views import theme
from app.views.curves import CurvePlot, Strips
from app.views.training_window import TrainingWindow
from engine.policies import versions
from engine.weights.own import encoder_home, inspect
from tests.app.conftest import MakeWindow
from tests.helpers import fake_policy, tiny_dinov2
from tests.helpers.picks import candidate, pick
from tests.helpers.trainee import TRAINEE
from tests.helpers.versions import RESULTS, stored
from trainer.events import EventLog
from trainer.grpo.config import GrpoConfig, load_config
from trainer.picks.files import sha256_of
from trainer.picks.records import Preference
from trainer.picks.store import PickStore, default_store, with_features, with_files
from trainer.reward.features import NAMES, VERSION
from trainer.runs import EVENTS, Manifest, Run, locked

pytestmark = pytest.mark.qt_log_ignore("This plugin does not support")


def store_of(folder: Path, preferences: list[Preference], photos: int = 4) -> list[Path]:
    """Picks between made-up candidates of painted portraits, in turn; who is preferred has evener skin."""
    paths = [fake_policy.portrait(folder / f"p{number}.png", seed=number) for number in range(photos)]
    evener = {"image1": -0.2, "image2": 0.2, "tie": 0.0}
    places = {str(sha256_of(path)): path for path in paths}
    features: dict[str, np.ndarray] = {}
    records: list[Any] = []
    for number, preference in enumerate(preferences):
        photo = list(places)[number % photos]
        pair = [candidate(str(number), seed).model_copy(update={"photo": photo}) for seed in (0, 1)]
        for each, sign in zip(pair, (1, -1), strict=True):
            features[each.id] = np.zeros(len(NAMES), np.float32)
            features[each.id][NAMES.index("blotch_retention")] = 0.7 + sign * evener[preference]
        records += [*pair, pick(*pair, preference)]
    with PickStore.open(default_store(), create=True) as store:
        with_files(store, {photo: path for photo, path in places.items() if preferences})
        store.append(*records)
        with_features(store, VERSION, NAMES, features)
    return paths


@pytest.fixture
def runner(qapp: object) -> Iterator[JobRunner]:
    runner = JobRunner()
    yield runner
    runner.close()
    for each in process._left:  # of a test that failed
        each.kill()
        each.wait()


def model_on(qtbot: QtBot, runner: JobRunner, **options: Any) -> TrainingModel:
    model = TrainingModel(runner, **options)
    model.refresh()
    qtbot.waitUntil(lambda: not model.busy)
    assert model.problem is None, model.problem.details
    return model


def run_of(*events: tuple[str, dict[str, Any]], begun: bool = True) -> Path:
    """A run's folder with these events, in which nothing is at work."""
    folder = watching.new_folder()
    if begun:
        sources = {"parent": {"name": "compact", "version": "1"}, "photos": []}
        Run.create(folder, Manifest("policy", GrpoConfig().plain(), sources))
    with EventLog(folder / EVENTS) as log:
        for kind, data in events:
            log.write(kind, **data)
    return folder


def test_it_trains_in_a_process_that_outlives_the_window_and_a_kill(
    qtbot: QtBot, runner: JobRunner, tmp_path: Path
) -> None:
    store_of(tmp_path, ["image1", "image2"] * 6)
    model = model_on(qtbot, runner, command=TRAINEE)
    assert model.can_train and model.setting_up and model.estimate
    model.start()
    qtbot.waitUntil(lambda: model.at_work, timeout=20_000)
    model.pause()  # before it has begun, perhaps: a request waits for it
    qtbot.waitUntil(lambda: model.seen is not None and model.seen.phase is Phase.PAUSED, timeout=60_000)
    assert model.said == [
        "The reward predicts 80% (60%–90%) of the picks that it has not seen.",
    ]
    model.close()

    other = model_on(qtbot, runner, command=TRAINEE)  # as after a restart: it knows nothing but the folder
    assert other.seen is not None and other.seen.phase is Phase.PAUSED
    assert not other.setting_up and not other.can_train
    assert model._process is not None
    os.kill(model._process.pid, signal.SIGKILL)
    model._process.wait()
    qtbot.waitUntil(lambda: not other.at_work)
    assert other.seen.phase is Phase.BROKEN and other.seen.resumable
    assert other.title == "The training broke off"
    assert other.said[-1] == "Nothing is lost: it can be resumed where it was."

    with qtbot.waitSignal(other.ended, timeout=60_000):
        other.resume()
    assert other.seen.phase is Phase.FINISHED and other.title == "Nothing better was found"
    assert other.report is not None and other.seen.step == 2
    assert list(other.figures()["reward"].curves["samples"]) == [(1, 1.0), (2, 2.0)]


def test_what_the_window_starts_is_the_command_line(
    qtbot: QtBot, runner: JobRunner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    photos = store_of(tmp_path, ["image1", "image2"] * 6)
    lines = []

    def start(line: list[str], output: Path) -> Any:
        lines.append(line)
        ended = subprocess.Popen([sys.executable, "-c", "pass"])
        ended.wait()
        return ended

    monkeypatch.setattr(process, "start", start)
    model = TrainingModel(runner)
    model.refresh([photos[0], tmp_path / "more.png"])
    qtbot.waitUntil(lambda: not model.busy)
    model.choose(mode="nft", iterations=24, base="compact", extra=True)
    model.start()
    qtbot.waitUntil(lambda: bool(lines) and not model.busy and not model.at_work)
    line, folder = lines[0], watching.folders()[0]
    assert line[:3] == [sys.executable, "-m", "app.main"]
    with pytest.raises(SystemExit) as ended:  # every option is known to it, and the settings have a meaning
        cli([*line[3:], "--show-config"])
    assert ended.value.code == 0
    values = dict(zip(line[5::2], line[6::2], strict=True))
    assert values["--out"] == str(folder) and values["--picks"] == str(default_store())
    assert values["--mode"] == "nft" and values["--policy"] == "compact"
    assert load_config(Path(values["--config"])).iterations == 24
    named = [each for option, each in zip(line[5::2], line[6::2], strict=True) if option == "--photos"]
    assert named == [str(path) for path in (*photos, tmp_path / "more.png")]


@pytest.mark.parametrize(
    ("preferences", "obstacle", "advice"),
    [
        ([], "There are no picks yet. Make about 40 first.", ""),
        (["tie"] * 5, "All answers are “alike”, so they say nothing.", ""),
        (["image1"], "", "1 answer with a preference says almost nothing. Make about 40"),
        (["image1"] * 13 + ["tie"] * 20, "", "Most answers are “alike”."),
    ],
)
def test_what_speaks_against_the_picks_is_said(
    qtbot: QtBot, runner: JobRunner, tmp_path: Path, preferences: list[Preference], obstacle: str, advice: str
) -> None:
    if preferences:
        store_of(tmp_path, preferences)
    model = model_on(qtbot, runner)
    assert model.plan is not None
    assert model.plan.obstacle().startswith(obstacle) and bool(model.plan.obstacle()) == bool(obstacle)
    assert model.can_train == (not obstacle)
    assert any(each.startswith(advice) for each in model.plan.advice()) == bool(advice) or not advice


def test_an_encoder_of_ones_own_is_named_before_and_while_it_trains(
    qtbot: QtBot, runner: JobRunner, tmp_path: Path
) -> None:
    store_of(tmp_path, ["image1", "image2"] * 10)
    plain = model_on(qtbot, runner)
    assert plain.plan is not None and "encoder" not in plain.plan.source()
    tiny_dinov2.save(encoder_home())
    model, title = model_on(qtbot, runner), inspect(encoder_home()).title
    assert model.plan is not None and model.can_train
    assert model.plan.source() == f"{plain.plan.source()}, also seen through {title}"
    learned = {"accuracy": {"count": 20, "value": 0.8, "low": 0.6, "high": 0.9}, "encoder": {"title": title}}
    run_of(("begun", {}), ("reward", learned))
    seen = watching.Watch(watching.folders()[0]).look(True)
    assert f"It looks through {title} too." in account.sentences(seen)
    (encoder_home() / "model.safetensors").write_bytes(b"broken")
    broken = model_on(qtbot, runner)
    assert broken.plan is not None and not broken.can_train
    assert broken.plan.obstacle().startswith("The model.safetensors of the encoder 'encoder' is damaged.")


def test_contradictory_picks_and_photos_that_are_gone_are_said(qtbot: QtBot, runner: JobRunner, tmp_path: Path) -> None:
    photos = store_of(tmp_path, ["image1"] * 20)
    with PickStore.open(default_store()) as store:
        for each in store.picks()[:4]:
            store.append(each.model_copy(update={"id": each.id[::-1], "preference": "image2", "purpose": "repeat"}))
    photos[0].unlink()
    plan = model_on(qtbot, runner).plan
    assert plan is not None
    said = " ".join(plan.advice())
    assert "of 4 questions that were asked again, 0% were answered alike" in said
    assert "1 photo of the picks is not where it was" in said
    assert plan.source() == "24 picks of 4 photos"
    for path in photos[1:]:
        path.unlink()
    gone = model_on(qtbot, runner).plan
    assert gone is not None and gone.obstacle().startswith("None of the photos of the picks is where it was.")


GUARDS = {"pore_retention": 1.0, "noise": 1.0}
PROOF = {**RESULTS, "wins": True}
EVALUATED = [
    ("evaluation", {"step": 0, "reward": 0.0, "win_rate": 0.5, "guards": GUARDS}),
    ("evaluation", {"step": 3, "reward": 1.0, "win_rate": 0.8, "guards": {**GUARDS, "pore_retention": 0.7}}),
]


@pytest.mark.parametrize(
    ("events", "title", "sentence", "resumable"),
    [
        (
            [*EVALUATED, ("finished", {"status": "guarded", "version": None})],
            "Nothing better was found",
            "A guard is broken: pores kept 0.70, before 1.00, at least 0.90 is wanted.",
            False,
        ),
        (
            [("finished", {"status": "done", "version": "taste-1", "proof": PROOF})],
            "taste-1 won",
            "So it can be activated.",
            False,
        ),
        (
            [("finished", {"status": "done", "version": "taste-1", "proof": {**PROOF, "wins": False}})],
            "taste-1 did not win",
            "So it is not activated.",
            False,
        ),
        (
            [("failed", {"code": "training", "words": "no number", "hint": "Use a smaller learning_rate."})],
            "The training failed",
            "Its numbers grew beyond all bounds. Train again, shorter or in another mode.",
            False,
        ),
        (
            [
                (
                    "failed",
                    {"code": "run", "words": "1 of 5 photos of this run are gone: a.png.", "hint": "Put them back."},
                )
            ],
            "The training failed",
            "1 of 5 photos of this run are gone: a.png. Put them back.",
            True,
        ),
        ([("update", {"step": 2}), ("stopped", {"step": 2})], "Stopped after 2 rounds", "Nothing is lost", True),
        ([("failed", {}), ("loading", {"photos": 4})], "The training broke off", "Its process ended", True),
    ],
)
def test_how_a_training_ended_is_told_in_words(
    qtbot: QtBot, runner: JobRunner, events: list[Any], title: str, sentence: str, resumable: bool
) -> None:
    run_of(*events)
    model = model_on(qtbot, runner)
    assert model.seen is not None and model.title == title
    assert any(each.startswith(sentence) for each in model.said), model.said
    assert model.seen.resumable == resumable
    assert not model.setting_up


def test_a_full_disk_and_a_last_word_are_found_where_no_event_could_be_written(
    qtbot: QtBot, runner: JobRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = run_of(("loading", {"photos": 4}))
    (folder / watching.OUTPUT).write_text("Traceback …\nMemoryError: no more\n\n")
    assert model_on(qtbot, runner).said[0] == "MemoryError: no more"
    usage = shutil.disk_usage(folder)
    monkeypatch.setattr("shutil.disk_usage", lambda _: usage._replace(free=1000))
    assert model_on(qtbot, runner).said[0] == "The disk is full. Free some space."


def test_a_training_that_anybody_began_is_found_and_no_second_one_begins(
    qtbot: QtBot, runner: JobRunner, tmp_path: Path
) -> None:
    store_of(tmp_path, ["image1", "image2"] * 10)
    folder = run_of(("loading", {"photos": 4}), ("update", {"step": 1}))
    model = model_on(qtbot, runner)
    model.set_up(True)
    assert model.can_train
    with locked(folder):
        model.start()  # between the look and the click another window began
        qtbot.waitUntil(lambda: not model.busy)
        assert model.at_work and not model.can_train and not model.setting_up
        assert watching.folders() == [folder]
        model.stop()
        assert (folder / "control" / "stop").exists()
        qtbot.waitUntil(lambda: model.title == "Stopping after this step")
    qtbot.waitUntil(lambda: not model.at_work)


def test_the_window_shows_setting_up_running_and_what_came_of_it(
    make_window: MakeWindow, qtbot: QtBot, tmp_path: Path
) -> None:
    store_of(tmp_path, ["image1", "image2"] * 10)
    window = make_window()
    window.learn.show_training()
    shown = window.learn._training
    assert isinstance(shown, TrainingWindow)
    qtbot.waitUntil(lambda: not shown.model.busy and shown.model.plan is not None)
    assert shown.title.text() == "Train compact on your picks" and shown.train.isEnabled()
    assert shown.source.text() == "20 picks of 4 photos" and shown.time.text().startswith("about ")
    shown.length.setCurrentIndex(2)
    shown.length.activated.emit(2)
    assert shown.model.wanted.iterations == 24
    assert not shown.report.isVisible() and not shown.resume.isVisible() and not shown.last.isVisible()

    stored("taste-1")
    folder = run_of(*EVALUATED, ("finished", {"status": "done", "version": "taste-1", "proof": PROOF}))
    (folder / watching.REPORT).write_text("<p>Report</p>")
    window.learn.training.plan = None
    window.learn.show_training()
    qtbot.waitUntil(lambda: shown.title.text() == "taste-1 won")
    qtbot.waitUntil(lambda: not window.learn.policies.busy)
    assert shown.activate.isVisible() and shown.activate.text() == "Activate taste-1" and shown.report.isVisible()
    assert not shown.pause.isVisible() and shown.again.isVisible()
    assert shown.plots["preferred"].figure is not None
    assert list(shown.plots["preferred"].figure.curves["share"]) == [(0, 0.5), (3, 0.8)]
    shown.activate.click()
    qtbot.waitUntil(lambda: versions.active() == "taste-1" and not window.learn.policies.busy)
    assert not shown.activate.isVisible() and shown.said.text().endswith("It retouches now.")
    shown.again.click()
    assert shown.pages.currentWidget() is shown.setup
    shown.last.click()
    assert shown.pages.currentWidget() is shown.run


@pytest.mark.parametrize(("width", "seen"), [(380, [0, 2, 5]), (800, [0, 1, 2, 3, 4, 5])])
def test_a_narrow_strip_shows_fewer_samples_and_not_smaller_ones(
    qtbot: QtBot, tmp_path: Path, width: int, seen: list[int]
) -> None:
    row = []
    for number in range(6):
        Image.new("RGB", (64, 64), (40 * number, 90, 30)).save(tmp_path / f"{number}.png")
        row.append((3 * number, tmp_path / f"{number}.png"))
    strips = Strips()
    qtbot.addWidget(strips)
    strips.resize(width, 400)
    strips.show_rows([row])
    shown = strips.grab().toImage()
    line = [shown.pixelColor(x, 60) for x in range(shown.width())]
    colours = [colour.red() // 40 for colour in line if colour.green() == 90]
    assert list(dict.fromkeys(colours)) == seen
    assert all(colours.count(number) >= 115 for number in seen)


@pytest.mark.parametrize("made", [lambda: CurvePlot("Reward", {}), Strips])
def test_where_nothing_is_drawn_yet_it_is_said_when(qtbot: QtBot, made: Callable[[], QWidget]) -> None:
    empty = made()
    qtbot.addWidget(empty)
    empty.resize(400, 300)
    shown = empty.grab().toImage()
    middle = {shown.pixelColor(x, y).name() for x in range(150, 330) for y in range(130, 180)}
    assert {theme.PANEL, theme.MUTED} <= middle

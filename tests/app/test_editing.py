"""Editing by part and region, marks, brushwork, history that survives, presets: the view model without a window."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from app.viewmodels.photo import PhotoModel
from app.viewmodels.presets import SHIPPED, PresetModel, preset_folder, read_preset
from app.viewmodels.state import Change
from app.viewmodels.tools import Effect, Tool, ToolModel
from app.viewmodels.variations import Anchor, VariationsModel, root
from app.viewmodels.working import LANE
from engine import sidecar
from engine.errors import UsageError
from engine.journal import Journal, journal_file
from engine.settings import FaceSettings
from engine.types import DEFAULT_STRENGTHS, Brushwork, Decision, Strengths
from tests.helpers.fake_engine import FakeEngine, FakeSession, opened, write_portrait


@pytest.fixture
def open_model(model: PhotoModel, portrait: Path, qtbot: QtBot) -> PhotoModel:
    opened(qtbot, model, portrait)
    return model


@pytest.fixture
def pair(qtbot: QtBot, portrait: Path) -> Iterator[PhotoModel]:
    model = PhotoModel(FakeEngine(faces=2))
    opened(qtbot, model, portrait)
    yield model
    model.close()


# --- strengths --------------------------------------------------------------------------------------------------------


def test_a_group_moves_its_parts_by_the_same_amount(open_model: PhotoModel) -> None:
    open_model.set_strength("tone", 30)
    open_model.set_strength("light", 70)
    assert open_model.group(("tone", "light")) == 50
    for value in (55, 60, 90):
        open_model.set_group("Skin tone", ("tone", "light"), value, commit=False)
    open_model.set_group("Skin tone", ("tone", "light"), 70)
    assert (open_model.strength("tone"), open_model.strength("light")) == (50, 90)
    assert open_model.history.last_done.label == "Skin tone 70"
    open_model.undo()
    assert (open_model.strength("tone"), open_model.strength("light")) == (30, 70)


def test_a_region_has_its_own_strengths_and_50_leaves_no_trace(open_model: PhotoModel) -> None:
    open_model.set_strength("tone", 80)
    open_model.select_area("cheeks")
    assert open_model.strength("tone") == 50 and open_model.origin("teeth") == 50
    open_model.set_strength("tone", 20)
    assert open_model.edits["face-0"].regions == {"cheeks": {"tone": 20}}
    assert open_model.history.last_done.label == "Cheeks: Even colour 20"
    open_model.set_strength("tone", 50)
    assert open_model.edits["face-0"].regions == {}
    open_model.set_strength("tone", 10)
    open_model.reset()
    assert open_model.edits["face-0"].regions == {}
    open_model.select_area(None)
    assert open_model.strength("tone") == 80


def test_identity_is_a_setting_of_the_face(open_model: PhotoModel) -> None:
    open_model.set_strength("preserve", 90)
    assert open_model.edits["face-0"].preserve == 90 and open_model.history.last_done.label == "Identity 90"


# --- settings and presets ---------------------------------------------------------------------------------------------


def test_copied_settings_carry_strengths_and_no_marks(pair: PhotoModel) -> None:
    pair.select("face-0")
    pair.set_strength("smooth", 77)
    pair.flip("face-0", pair.layers["face-0"].marks[0])
    pair.copy()
    pair.select("face-1")
    assert pair.copied is not None
    pair.apply(pair.copied, "Paste settings")
    assert pair.edits["face-1"].strengths.values["smooth"] == 77
    assert not pair.edits["face-1"].decisions and pair.edits["face-0"].decisions
    assert pair.history.last_done.label == "Paste settings"


def test_settings_given_to_another_photo_meet_its_faces(
    open_model: PhotoModel, portrait: Path, tmp_path: Path, qtbot: QtBot
) -> None:
    other = tmp_path / "other.png"
    other.write_bytes(portrait.read_bytes())
    open_model.set_strength("shine", 88)
    open_model.giving.give([other, portrait], open_model.settings(), "Sync settings")
    qtbot.waitUntil(lambda: open_model.notice == "Settings given to 1 photo.")
    opened(qtbot, open_model, other)
    assert open_model.strength("shine") == 88
    assert open_model.previous is not None and open_model.previous.strengths.values["shine"] == 88
    open_model.undo()
    assert open_model.strength("shine") == 50, "what was given to a photo that had no history is undone, too"
    open_model.redo()
    open_model.set_strength("smooth", 12)
    open_model.save()
    qtbot.waitUntil(lambda: not open_model.runner.jobs)
    again = PhotoModel(FakeEngine())
    try:
        opened(qtbot, again, other)
        assert [entry.label for entry in again.history.entries] == ["", "Changed elsewhere", "Smoothing 12"]
        again.go(1)
        assert (again.strength("shine"), again.strength("smooth")) == (88, 50)
        again.go(0)
        assert again.strength("shine") == 50
    finally:
        again.close()


def test_a_preset_goes_half_way_at_25_and_its_amount_is_one_history_entry(open_model: PhotoModel) -> None:
    presets = PresetModel(open_model)
    open_model.set_strength("smooth", 10)
    preset = next(each for each in SHIPPED if each.name == "Matte")
    presets.apply(preset)
    assert open_model.strength("shine") == 90
    count = len(open_model.history.entries)
    presets.set_amount(40)
    presets.set_amount(25)
    assert open_model.strength("shine") == 70 and open_model.strength("features") == DEFAULT_STRENGTHS["features"]
    assert len(open_model.history.entries) == count and open_model.history.last_done.label == "Preset Matte 25"
    open_model.undo()
    assert open_model.strength("smooth") == 10 and presets.applied is None


def test_looking_at_a_preset_changes_nothing(open_model: PhotoModel) -> None:
    presets, before = PresetModel(open_model), open_model.document
    presets.preview(SHIPPED[4])
    assert open_model.document is before
    assert open_model.frames.shown == () or open_model.frames.shown[-1].edits != before.edits
    presets.preview(None)
    assert open_model.history.last_done is None


def test_own_presets_are_files_that_travel(open_model: PhotoModel, tmp_path: Path) -> None:
    presets = PresetModel(open_model)
    open_model.select_area("chin")
    open_model.set_strength("amount", 20)
    open_model.select_area(None)
    saved = presets.save("Ünder/kinn")
    assert [preset.name for preset in presets.own] == ["Ünder/kinn"] and saved.path is not None
    assert saved.path.parent == preset_folder()
    away = tmp_path / "away.json"
    away.write_bytes(saved.path.read_bytes())
    presets.delete(saved)
    assert presets.own == ()
    assert presets.load([away]) == 1
    assert presets.own[0].settings == open_model.settings()
    for damage in ("[]", "{", json.dumps({"version": 2})):
        away.write_text(damage)
        with pytest.raises(UsageError):
            read_preset(away)


@pytest.mark.parametrize("preset", SHIPPED, ids=lambda preset: preset.name)
def test_shipped_presets_can_be_doubled(preset: object) -> None:
    twice = preset.settings.scaled(100)  # type: ignore[attr-defined]
    assert all(0 <= value <= 100 for value in twice.strengths.values.values())
    assert preset.settings.scaled(0) == FaceSettings()  # type: ignore[attr-defined]


# --- tools ------------------------------------------------------------------------------------------------------------


def test_a_stroke_over_a_spot_adds_a_mark_that_heals(open_model: PhotoModel, qtbot: QtBot) -> None:
    tools = ToolModel(open_model)
    tools.choose(Tool.HEAL)
    tools.begin((100.0, 150.0))
    tools.extend((110.0, 150.0))
    tools.end()
    assert open_model.history.last_done.label == "Mark added"
    qtbot.waitUntil(lambda: len(open_model.layers["face-0"].marks) == 3)
    mark = open_model.layers["face-0"].marks[-1]
    assert mark.id == "own-1" and open_model.decision("face-0", mark) is Decision.REMOVE
    open_model.undo()
    qtbot.waitUntil(lambda: len(open_model.layers["face-0"].marks) == 2)


def test_what_is_brushed_while_the_lane_is_busy_is_known_at_once(open_model: PhotoModel, qtbot: QtBot) -> None:
    tools, gate = ToolModel(open_model), threading.Event()
    open_model.runner.start(LANE, lambda token, report: gate.wait(), lambda _: None, lambda _: None)
    tools.choose(Tool.HEAL)
    for x in (100.0, 120.0):
        tools.begin((x, 150.0))
        tools.end()
    assert [mark.points for mark in open_model.healing] == [((100.0, 150.0),), ((120.0, 150.0),)]
    assert open_model.doing == "Healing the mark" and not open_model.busy
    open_model.undo()
    assert [mark.id for mark in open_model.healing] == ["own-1"]
    gate.set()
    qtbot.waitUntil(lambda: not open_model.healing)
    assert [mark.id for mark in open_model.layers["face-0"].marks] == ["blemish", "mole", "own-1"]
    assert open_model.doing == ""


def test_a_photo_left_before_its_mark_is_healed_comes_back_healed(
    open_model: PhotoModel, portrait: Path, tmp_path: Path, qtbot: QtBot
) -> None:
    gate, left = threading.Event(), []
    open_model.left.connect(left.append)
    open_model.runner.start(LANE, lambda token, report: gate.wait(), lambda _: None, lambda _: None)
    open_model.add_mark("face-0", [(100.0, 150.0)], 6.0)
    open_model.open(write_portrait(tmp_path / "other.png"))
    gate.set()
    qtbot.waitUntil(lambda: bool(open_model.layers) and not open_model.busy)
    open_model.open(portrait, left[0])
    qtbot.waitUntil(lambda: bool(open_model.layers) and not open_model.busy)
    assert open_model.layers["face-0"].marks[-1].id == "own-1" and not open_model.healing


def test_where_nothing_can_be_painted_it_is_said(pair: PhotoModel) -> None:
    tools = ToolModel(pair)
    tools.choose(Tool.HEAL)
    before, inside = pair.document, (50.0, 150.0)  # on the first of two faces
    pair.select("face-1")
    tools.begin(inside)
    tools.end()
    assert pair.document == before and pair.notice.startswith("Only a face and the skin around it")
    pair.select(None)
    tools.begin((50.0, 1.0))
    assert tools.points == []
    pair.enable("face-0", False)
    tools.begin(inside)
    assert tools.points == [] and pair.notice == "The retouch of this face is off."
    pair.enable("face-0", True)
    tools.begin(inside)
    tools.end()
    assert len(pair.edits["face-0"].marks) == 1 and "face-1" not in {k for k, v in pair.edits.items() if v.marks}


def test_the_brush_paints_erases_and_protects(open_model: PhotoModel) -> None:
    tools = ToolModel(open_model)
    tools.choose(Tool.BRUSH)
    tools.set(layer="tone", size=60.0, effect=Effect.LESS)
    tools.begin((105.0, 150.0))
    tools.end()
    grid = open_model.faces[0].grid
    x, y = grid.to_grid(np.array([[105.0, 150.0]], np.float32))[0].astype(int)
    work = open_model.edits["face-0"].brushwork["tone"].values()
    assert work[y, x] == 0 and work[0, 0] == Brushwork.NEUTRAL
    tools.begin((105.0, 150.0), erase=True)
    tools.end()
    assert open_model.edits["face-0"].brushwork == {}
    tools.choose(Tool.PROTECT)
    tools.begin((105.0, 150.0))
    tools.end()
    assert open_model.edits["face-0"].brushwork["all"].values()[y, x] == 0
    tools.clear()
    assert open_model.edits["face-0"].brushwork == {}
    for _ in range(4):
        open_model.undo()
    assert open_model.document == open_model.history.entries[0].state


def test_face_boxes_are_added_moved_and_removed(open_model: PhotoModel, qtbot: QtBot) -> None:
    tools = ToolModel(open_model)
    tools.choose(Tool.FACES)
    open_model.set_strength("tone", 5)
    first = open_model.faces[0].box
    tools.grab((first[0] + 40.0, first[1] + 40.0))
    tools.drag((first[0] + 45.0, first[1] + 40.0))
    tools.drop()
    qtbot.waitUntil(lambda: not open_model.busy)
    assert open_model.document.boxes is not None and open_model.document.boxes[0][0] > first[0]
    assert open_model.history.last_done.label == "Face box moved" and open_model.strength("tone") == 5
    open_model.undo()
    qtbot.waitUntil(lambda: not open_model.busy)
    assert open_model.document.boxes is None and open_model.session is not None and open_model.session.boxes is None
    assert open_model.strength("tone") == 5


def test_a_face_that_was_not_found_is_marked_by_hand(qtbot: QtBot, portrait: Path) -> None:
    model = PhotoModel(FakeEngine(faces=0))
    tools = ToolModel(model)
    try:
        model.open(portrait)
        qtbot.waitUntil(lambda: model.problem is not None)
        assert tools.usable(Tool.FACES) and not tools.usable(Tool.HEAL)
        tools.choose(Tool.FACES)
        assert isinstance(model.session, FakeSession)
        model.session.count = 1  # what is found in the box
        tools.grab((20.0, 30.0))
        tools.drag((150.0, 220.0))
        tools.drop()
        qtbot.waitUntil(lambda: bool(model.layers) and not model.busy)
        assert model.problem is None and model.document.boxes == ((20, 30, 150, 220),) and not model.faceless
        model.save()
        qtbot.waitUntil(lambda: not model.runner.jobs)
        saved = sidecar.load(portrait)
        assert saved is not None and saved.boxes == ((20, 30, 150, 220),)
    finally:
        model.close()


def test_faces_with_saved_edits_are_not_replaced_by_a_box_before_they_are_looked_for(
    qtbot: QtBot, portrait: Path
) -> None:
    first = PhotoModel(FakeEngine(faces=2))
    opened(qtbot, first, portrait)
    first.set_strength("tone", 5)
    first.close()
    saved = sidecar.load(portrait)
    assert saved is not None and len(saved.faces) == 2
    model = PhotoModel(FakeEngine(faces=2))
    model.auto_retouch = False
    tools = ToolModel(model)
    try:
        model.open(portrait)
        qtbot.waitUntil(lambda: model.photo is not None and not model.busy)
        assert not tools.usable(Tool.FACES)
        model.set_boxes(((20, 30, 150, 220),), "")
        assert not model.busy and sidecar.load(portrait) == saved
    finally:
        model.close()


def test_a_face_marked_by_hand_is_not_saved_over_edits_of_a_newer_version(qtbot: QtBot, portrait: Path) -> None:
    content = json.dumps({"version": 99}).encode()
    sidecar.beside(portrait).write_bytes(content)
    model = PhotoModel(FakeEngine(faces=0))
    try:
        model.open(portrait)
        qtbot.waitUntil(lambda: model.problem is not None)
        assert isinstance(model.session, FakeSession)
        model.session.count = 1
        model.set_boxes(((20, 30, 150, 220),), "")
        qtbot.waitUntil(lambda: bool(model.layers) and not model.busy)
        model.save()
        qtbot.waitUntil(lambda: not model.runner.jobs)
        assert model.read_only and model.problem is None
        assert sidecar.beside(portrait).read_bytes() == content
    finally:
        model.close()


# --- variations -------------------------------------------------------------------------------------------------------


def test_a_variation_is_taken_and_taken_back(open_model: PhotoModel, qtbot: QtBot) -> None:
    model = VariationsModel(open_model)
    model.set(seed=40, exploration=30)
    plain = open_model.document.proposal
    model.draw()
    qtbot.waitUntil(lambda: len(model.found) == 6)
    assert [each.spec.seed for each in model.found] == [40, 41, 42, 43, 44, 45]
    assert all(each.spec.anchor == plain and each.spec.exploration == 0.3 for each in model.found)
    model.pick(1)
    model.pick(2)
    model.pick(4)
    assert model.picked == (2, 4)
    model.take(4)
    qtbot.waitUntil(lambda: not open_model.busy)
    assert open_model.document.proposal == model.found[3].spec and open_model.history.last_done.label == "Variation 4"
    model.set(anchor=Anchor.FIRST)
    assert model.anchor_spec() == plain and root(model.found[3].spec) == plain
    model.set(anchor=Anchor.PICK)
    assert model.anchor_spec() == model.found[3].spec
    picked = model.found[3].spec
    model.draw()
    qtbot.waitUntil(lambda: len(model.found) == 6)
    assert model.picked == () and all(each.spec.anchor == picked for each in model.found)
    assert model.anchor_spec() == picked, "drawing again stays around it"
    open_model.undo()
    qtbot.waitUntil(lambda: not open_model.busy)
    assert open_model.session is not None and open_model.session.proposal is not None
    assert open_model.session.proposal.spec == plain == open_model.document.proposal


# --- keeping ----------------------------------------------------------------------------------------------------------


def _killed(model: PhotoModel) -> None:
    """As after kill −9: nothing that is only in memory is written."""
    model._saving.stop()
    model._unsaved = False
    model._session = None
    model.close()


def test_a_kill_loses_neither_edits_nor_history(portrait: Path, qtbot: QtBot) -> None:
    model = PhotoModel(FakeEngine())
    opened(qtbot, model, portrait)
    model.set_strength("smooth", 12)
    tools = ToolModel(model)
    tools.choose(Tool.PROTECT)
    tools.begin((105.0, 150.0))
    tools.end()
    model.snapshot("first look")
    model.set_strength("tone", 99)
    model.undo()
    labels = [entry.label for entry in model.history.entries]
    document = model.document
    _killed(model)
    assert sidecar.load(portrait) is None, "nothing was saved yet"
    journal = journal_file(portrait, (211, 307))
    with journal.open("ab") as file:
        file.write(b'{"v":1,"kind":"push","lab')  # cut off by the kill
    again = PhotoModel(FakeEngine())
    try:
        opened(qtbot, again, portrait)
        assert again.document == document
        assert [entry.label for entry in again.history.entries] == labels and again.history.position == 2
        assert again.history.snapshots == {"first look": document}
        again.redo()
        assert again.strength("tone") == 99
        again.set_strength("shine", 1)
        again.save()
        qtbot.waitUntil(lambda: not again.runner.jobs)
    finally:
        again.close()
    assert [record.kind for record in Journal(journal).read()].count("push") == 5


def test_what_was_changed_elsewhere_is_one_more_entry(open_model: PhotoModel, portrait: Path, qtbot: QtBot) -> None:
    open_model.set_strength("smooth", 12)
    open_model.save()
    qtbot.waitUntil(lambda: not open_model.runner.jobs)
    saved = sidecar.load(portrait)
    assert saved is not None
    face = saved.faces[0].model_copy(update={"amount": 7.0})
    sidecar.save(saved.model_copy(update={"faces": (face,)}), portrait)
    opened(qtbot, open_model, portrait)
    assert open_model.strength("amount") == 7
    assert [entry.label for entry in open_model.history.entries] == ["", "Smoothing 12", "Changed elsewhere"]


def test_a_newer_sidecar_is_shown_as_read_only_and_never_touched(
    model: PhotoModel, portrait: Path, qtbot: QtBot
) -> None:
    path = sidecar.beside(portrait)
    content = json.dumps({"version": 99, "surprise": [1, 2]}).encode()
    path.write_bytes(content)
    opened(qtbot, model, portrait)
    assert model.read_only and model.problem is None and "newer Porelight" in model.notice
    model.set_strength("light", 90)
    model.undo()
    model.redo()
    assert model.strength("light") == 90
    model.save()
    qtbot.waitUntil(lambda: not model.runner.jobs)
    assert path.read_bytes() == content and not journal_file(portrait, (211, 307)).exists()


def test_a_journal_of_a_newer_version_is_left_alone(open_model: PhotoModel, portrait: Path) -> None:
    path = journal_file(portrait, (211, 307))
    path.parent.mkdir(parents=True)
    path.write_bytes(b'{"v":1,"kind":"push","label":"old"}\n{"v":3,"kind":"dance"}\n')
    journal = Journal(path)
    assert [record.label for record in journal.read()] == ["old"] and not journal.writable


def test_a_full_disk_is_said_once_and_work_goes_on(
    open_model: PhotoModel, monkeypatch: pytest.MonkeyPatch, qtbot: QtBot
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Journal, "append", full)
    open_model.set_strength("tone", 1)
    assert "No space left" in open_model.notice
    open_model.set_strength("tone", 2)
    assert open_model.strength("tone") == 2


def test_history_can_be_entered_anywhere_and_looked_at(open_model: PhotoModel) -> None:
    seen: list[Change] = []
    open_model.changed.connect(seen.append)
    for value in (10, 20, 30):
        open_model.set_strength("tone", value)
    open_model.preview(open_model.history.entries[1].state)
    assert open_model.strength("tone") == 30
    open_model.go(1)
    assert open_model.strength("tone") == 10 and open_model.history.last_undone.label == "Even colour 20"
    open_model.snapshot("ten")
    open_model.redo()
    open_model.restore("ten")
    assert open_model.strength("tone") == 10 and open_model.history.last_done.label == "Snapshot “ten”"
    open_model.forget("ten")
    assert open_model.history.snapshots == {} and any(Change.HISTORY in change for change in seen)


def test_scaled_settings_have_closed_form() -> None:
    settings = FaceSettings(Strengths({"tone": 70, "teeth": 10}, 40), 80, {"chin": {"tone": 30.0}})
    half = settings.scaled(25)
    assert (half.strengths.values["tone"], half.strengths.values["teeth"], half.strengths.amount) == (60, 5, 45)
    assert (half.preserve, half.regions) == (65, {"chin": {"tone": 40}})
    assert settings.scaled(50) == settings

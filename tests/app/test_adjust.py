"""The adjusting part of the window: keys, mouse, overlays, monitor profile, and a real kill."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image, ImageCms
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QColor, QEnterEvent
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.jobs.runner import Job
from app.settings.schema import SRGB
from app.viewmodels.compare import Mode
from app.viewmodels.display import DisplayModel
from app.viewmodels.engine import Engine
from app.viewmodels.frames import Request
from app.viewmodels.identity import DRIFT, Small
from app.viewmodels.library import View
from app.viewmodels.overlays import HIGH, LOW, Overlay, clipping, difference
from app.viewmodels.photo import PhotoModel
from app.viewmodels.pictures import PhotoSource
from app.viewmodels.settings import SettingsModel
from app.viewmodels.state import Change, Stage
from app.viewmodels.tools import Tool
from app.viewmodels.variations import Variation
from app.viewmodels.working import LANE
from app.views import theme
from app.views.main_window import MainWindow
from app.views.tokens import contrast
from app.views.tool_overlay import WASH
from app.views.variations_panel import Tile, Tiles, VariationsPanel, most_seen
from engine import sidecar
from engine.imageio.colour import to_lab
from engine.imageio.profiles import adobe_rgb_profile, display_p3_profile
from engine.jobs import CancelToken
from engine.proposal import Proposal, ProposalSpec
from engine.session import RetouchSession
from engine.types import FaceEdits
from tests.app.conftest import MakeWindow
from tests.app.test_window import picture, settle, view_of
from tests.helpers.fake_engine import BRIGHTER, FakeEngine, FakeSession, layers_of, opened, write_portrait

LEFT = Qt.MouseButton.LeftButton
CHECKOUT = Path(__file__).parents[2]


def test_painting_protection_with_the_mouse_keeps_the_original(window: MainWindow, qtbot: QtBot) -> None:
    window.compare.set_mode(Mode.AFTER)
    window.compare.zoom_to(2.0)
    settle(qtbot, window)
    point = (105.0, 110.0)
    x, y = view_of(window, point)
    before = picture(window)[y, x]
    qtbot.keyClick(window, Qt.Key.Key_K, Qt.KeyboardModifier.ShiftModifier)
    tools = window.adjust.tools
    assert tools.tool is Tool.PROTECT
    tools.set(size=80.0)
    qtbot.mousePress(window.canvas, LEFT, pos=QPoint(x, y))
    qtbot.mouseMove(window.canvas, QPoint(x + 30, y))
    qtbot.mouseRelease(window.canvas, LEFT, pos=QPoint(x + 30, y))
    assert window.photo.history.last_done.label == "Brush, Protect"
    tools.choose(Tool.POINTER)
    qtbot.mouseMove(window.canvas, QPoint(2, 2))
    settle(qtbot, window)
    assert np.abs(before - picture(window)[y, x] - BRIGHTER * 255).max() <= 1
    window.undo_action.trigger()
    settle(qtbot, window)
    assert np.array_equal(picture(window)[y, x], before)


def test_words_of_a_face_push_nothing_out_of_the_panel(window: MainWindow, qtbot: QtBot) -> None:
    (row,) = window.faces.rows.values()
    row.detail.setText("114 Hautstellen entfernt, 117 behalten")
    page = window.adjust.pages.widget(0)
    qtbot.waitUntil(lambda: page.widget().width() == page.viewport().width())
    # In two lines, both in sight.
    qtbot.waitUntil(lambda: row.detail.height() >= row.detail.heightForWidth(row.detail.width()))


def test_settings_that_wait_when_a_photo_is_left_come_to_it_all_the_same(
    make_window: MakeWindow, qtbot: QtBot, portrait: Path, tmp_path: Path
) -> None:
    window, gate = copied_and_gated(make_window, qtbot, portrait)
    others = [write_portrait(tmp_path / f"other{number}.png", (223, 311)) for number in range(2)]
    photo, made = window.photo, window.actions_made.made
    for other, go_on in zip(others, (lambda: photo.open(portrait), window.close), strict=True):
        photo.open(other)
        qtbot.waitUntil(lambda: photo.stage is Stage.OPEN and photo.busy)
        made["paste"].trigger()
        if other is others[1]:
            gate.set()
        go_on()
    for other in others:
        saved = sidecar.load(other)
        assert saved is not None and saved.settings is not None and saved.settings.strengths.values["light"] == 80


def test_a_variation_that_is_drawn_anew_does_not_come_onto_another_photo(
    make_window: MakeWindow, qtbot: QtBot, portrait: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.viewmodels.variations.KEPT_BYTES", 1)
    window = make_window()
    opened(qtbot, window.photo, portrait)
    model, photo = window.adjust.variations, window.photo
    model.draw()
    qtbot.waitUntil(lambda: len(model.found) == 6 and model.ready)
    drawing: list[Job] = []
    photo.runner.started.connect(drawing.append)
    model.preview(2)
    photo.open(write_portrait(tmp_path / "other.png", (223, 311)))
    assert drawing[0].token.cancelled and model.previewed is None


def test_brush_size_follows_the_brackets(window: MainWindow, qtbot: QtBot) -> None:
    qtbot.keyClick(window, Qt.Key.Key_Q)
    size = window.adjust.tools.size
    qtbot.keyClick(window, Qt.Key.Key_BracketRight)
    assert window.adjust.tools.size == size + 5
    qtbot.keyClick(window, Qt.Key.Key_BracketLeft)
    qtbot.keyClick(window, Qt.Key.Key_BracketLeft)
    assert window.adjust.tools.size == size - 5
    qtbot.keyClick(window, Qt.Key.Key_Q)
    assert window.adjust.tools.tool is Tool.POINTER


def test_copy_paste_and_snapshot_keys(window: MainWindow, qtbot: QtBot) -> None:
    both = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier
    window.photo.set_strength("tone", 80)
    qtbot.keyClick(window, Qt.Key.Key_C, both)
    window.photo.reset()
    qtbot.keyClick(window, Qt.Key.Key_V, both)
    assert window.photo.strength("tone") == 80 and window.photo.history.last_done.label == "Paste settings"
    assert window.photo.notice == "Settings pasted."
    name, snapshots = window.adjust.history.name, window.photo.history.snapshots
    for typed in ("", "Soft", ""):
        qtbot.keyClick(window, Qt.Key.Key_N, Qt.KeyboardModifier.ControlModifier)
        assert window.focusWidget() is name
        qtbot.keyClicks(name, typed)
        qtbot.keyClick(name, Qt.Key.Key_Return)
        assert window.focusWidget() is window.canvas, "the next keys are for the photo"
    assert list(snapshots) == ["Snapshot 1", "Soft", "Snapshot 2"]
    window.photo.forget("Snapshot 1")
    window.photo.snapshot()  # takes no name that is there
    assert list(snapshots) == ["Soft", "Snapshot 2", "Snapshot 1"]
    qtbot.keyClick(window, Qt.Key.Key_S, both)
    assert "Select other photos" in window.photo.notice


def test_sync_gives_the_settings_to_the_selected_photos(window: MainWindow, portrait: Path, qtbot: QtBot) -> None:
    others = [portrait.with_name(f"{name}.png") for name in "ab"]
    for path in others:
        path.write_bytes(portrait.read_bytes())
    window.desk.open([portrait, *others])
    qtbot.waitUntil(lambda: len(window.desk.library.shown) == 3)
    window.desk.show(others[0])  # it was looked at before, and is kept as it was left
    qtbot.waitUntil(lambda: window.photo.path == others[0] and window.photo.stage is Stage.PROPOSED)
    window.desk.show(portrait)
    qtbot.waitUntil(lambda: window.photo.path == portrait and window.photo.stage is Stage.PROPOSED)
    window.desk.library.choose({portrait, *others})
    window.photo.set_strength("tone", 81)
    window.adjust.sync_action.trigger()
    qtbot.waitUntil(lambda: "2 photos" in window.photo.notice)
    for path in others:
        saved = sidecar.load(path)
        assert saved is not None and saved.settings is not None and saved.settings.strengths.values["tone"] == 81
    window.desk.show(others[0])
    qtbot.waitUntil(lambda: window.photo.path == others[0] and window.photo.stage is Stage.PROPOSED)
    assert window.photo.strength("tone") == 81


def test_a_history_row_goes_there_and_resting_on_it_only_shows_it(window: MainWindow, qtbot: QtBot) -> None:
    panel = window.adjust.pages.widget(3)
    window.photo.set_strength("light", 100)
    window.photo.set_strength("light", 0)
    rows = panel.entries  # type: ignore[union-attr]
    assert [rows.item(i).text() for i in range(rows.count())] == ["Even light 0", "Even light 100", "As proposed"]
    window.compare.set_mode(Mode.AFTER)
    x, y = view_of(window, (105, 100))
    dark = picture(window)[y, x]
    rows.itemEntered.emit(rows.item(1))
    assert np.abs(picture(window)[y, x] - dark - 2 * BRIGHTER * 255).max() <= 1
    window.photo.preview(None)
    assert np.array_equal(picture(window)[y, x], dark) and window.photo.strength("light") == 0
    rows.itemClicked.emit(rows.item(2))
    assert window.photo.strength("light") == 50 and window.photo.history.last_undone.label == "Even light 100"


def test_overlays_have_closed_forms() -> None:
    pixels = np.array([[[255, 10, 10], [0, 0, 0], [9, 9, 9]]], np.uint8)
    assert np.array_equal(clipping(pixels), [[HIGH, LOW, [9, 9, 9]]])
    after = pixels + np.array([0, 1, 0], np.uint8)
    assert np.array_equal(difference(pixels, after)[0, 2], [128, 136, 128])


def test_the_layer_overlay_marks_where_the_layer_is(window: MainWindow, qtbot: QtBot) -> None:
    window.compare.set_mode(Mode.AFTER)
    inside, outside = view_of(window, (105, 100)), view_of(window, (105, 12))
    window.compare.show_overlay(Overlay.LAYER, "light")
    red, grey = picture(window)[inside[1], inside[0]], picture(window)[outside[1], outside[0]]
    assert red[0] - red[1] > 40 and grey.max() - grey.min() == 0
    window.compare.show_overlay(Overlay.LAYER, "tone")
    assert np.ptp(picture(window)[inside[1], inside[0]]) == 0, "this layer changes nothing"
    qtbot.keyClick(window, Qt.Key.Key_J)
    assert window.compare.overlay is Overlay.CLIPPING
    qtbot.keyClick(window, Qt.Key.Key_J)
    assert window.compare.overlay is Overlay.NONE


def test_the_loupe_shows_the_pixels_twice_as_large(window: MainWindow, qtbot: QtBot) -> None:
    window.compare.set_mode(Mode.AFTER)
    x, y = view_of(window, (105.5, 150.5))
    at = picture(window)[y, x]
    window.compare.look((float(x), float(y)))
    qtbot.waitUntil(lambda: bool(window.canvas.loupe.frames.shown))
    assert np.abs(picture(window)[y, x] - at).max() <= 1
    window.compare.look(None)
    assert np.array_equal(picture(window)[y, x], at)


def test_fill_and_to_face(window: MainWindow, qtbot: QtBot) -> None:
    window.adjust.fill_action.trigger()
    viewport, pane = window.compare.viewport, window.compare.pane_size
    assert viewport is not None and viewport.zoom == max(pane[0] / 211, pane[1] / 307)
    window.adjust.face_action.trigger()
    box = window.photo.faces[0].box
    viewport = window.compare.viewport
    assert viewport is not None
    assert viewport.centre == pytest.approx(((box[0] + box[2]) / 2, (box[1] + box[3]) / 2), abs=2)


# --- monitor profile --------------------------------------------------------------------------------------------------


def test_a_monitor_profile_is_used_and_remembered(
    model: PhotoModel, portrait: Path, tmp_path: Path, qtbot: QtBot
) -> None:
    opened(qtbot, model, portrait)
    profile = tmp_path / "monitor.icc"
    profile.write_bytes(adobe_rgb_profile())
    display = DisplayModel(model, SettingsModel())
    display.choose(str(profile))
    assert model.engine.display == adobe_rgb_profile() and display.title == "monitor"
    assert model.photo is not None
    source = model.engine.source(model.photo, model.layers)
    stack = source.prepare(Request((50, 50, 90, 90), (40, 40)), model.edits, CancelToken())
    shown = to_lab(np.ascontiguousarray(stack.before), adobe_rgb_profile())
    meant = to_lab(np.ascontiguousarray(model.photo.pixels[50:90, 50:90]), None)
    assert np.abs(shown - meant).max() < 0.8  # ΔE of 8-bit steps
    again = DisplayModel(model, SettingsModel())
    model.changed.emit(Change.JOB)
    assert again.choice == str(profile) and again.title == "monitor"


@pytest.mark.parametrize("content", [b"", b"no profile", adobe_rgb_profile()[:200]])
def test_a_broken_monitor_profile_is_a_notice_and_srgb(
    model: PhotoModel, portrait: Path, tmp_path: Path, qtbot: QtBot, content: bytes
) -> None:
    opened(qtbot, model, portrait)
    profile = tmp_path / "broken.icc"
    profile.write_bytes(content)
    display = DisplayModel(model, SettingsModel())
    display.choose(str(profile))
    assert model.engine.display is None and display.choice == SRGB
    assert "monitor profile" in model.notice and model.problem is None
    SettingsModel().set(monitor_profile=str(profile))  # broken since it was chosen
    again = DisplayModel(model, SettingsModel())
    model.changed.emit(Change.JOB)
    assert model.engine.display is None and again.choice == SRGB


def test_the_profile_of_the_system_is_used_unless_one_is_chosen(
    model: PhotoModel, portrait: Path, tmp_path: Path, qtbot: QtBot
) -> None:
    system: list[bytes | None] = [display_p3_profile()]
    display = DisplayModel(model, SettingsModel(), lambda: system[0])
    assert model.engine.display is None  # nothing is read before a photo is
    opened(qtbot, model, portrait)
    assert model.engine.display == display_p3_profile()
    assert display.title == ImageCms.getProfileDescription(BytesIO(display_p3_profile())).strip()  # type: ignore[arg-type]
    system[0] = adobe_rgb_profile()  # another screen, or another profile
    display.refresh()
    assert model.engine.display == adobe_rgb_profile()
    display.choose(SRGB)
    assert (model.engine.display, display.title) == (None, SRGB)
    (tmp_path / "mine.icc").write_bytes(display_p3_profile())
    display.choose(str(tmp_path / "mine.icc"))
    display.refresh()
    assert (model.engine.display, display.title) == (display_p3_profile(), "mine")
    display.choose(None)
    assert model.engine.display == adobe_rgb_profile()
    system[0] = None
    display.refresh()
    assert (model.engine.display, display.title, model.notice) == (None, SRGB, "")
    system[0] = adobe_rgb_profile()[:200]
    display.refresh()
    assert (model.engine.display, display.title, display.choice) == (None, SRGB, None)
    assert "damaged" in model.notice
    model.say("")
    display.refresh()
    assert model.notice == ""  # said once


# --- identity ---------------------------------------------------------------------------------------------------------


def test_the_same_pixels_are_the_same_person_and_a_repainted_face_is_not(portraits: Path) -> None:
    session = RetouchSession.open(next((portraits / "train" / "london").glob("*.jpg")))
    face = session.analyse()[0]
    engine = Engine()
    layers = replace(layers_of(face), deltas={}, marks=(), patches=())
    source = PhotoSource(session.photo, {face.id: layers})
    assert Small(source, engine.distance).distance(face, {}, CancelToken()) == 0
    noise = np.random.default_rng(0).standard_normal((*face.grid.shape, 3)).astype(np.float32)
    blobs = np.asarray(cv2.GaussianBlur(noise, (0, 0), 12), np.float32)
    painted = replace(
        layers,
        grid=face.grid,
        deltas={"light": blobs / np.abs(blobs).max()},
        mask=np.ones(face.grid.shape, np.float32),
    )
    edits = {face.id: FaceEdits(preserve=0)}
    assert (
        Small(PhotoSource(session.photo, {face.id: painted}), engine.distance).distance(face, edits, CancelToken())
        > DRIFT
    )
    engine.close()


# --- kill −9 ----------------------------------------------------------------------------------------------------------

VICTIM = """
import sys
import threading
from pathlib import Path
from PySide6.QtCore import QCoreApplication
from app.viewmodels.photo import PhotoModel
from app.viewmodels.state import Stage
from tests.helpers.fake_engine import FakeEngine
application = QCoreApplication([])
model = PhotoModel(FakeEngine())
model.open(Path(sys.argv[1]))
while model.stage is not Stage.PROPOSED or model.busy:
    application.processEvents()
value = 0
while True:
    value = value % 100 + 1
    model.set_strength("tone", value)
    print(value, flush=True)
    application.processEvents()
"""


def test_kill_nine_in_the_middle_of_work_loses_nothing(portrait: Path, qtbot: QtBot) -> None:
    environment = {**os.environ, "PYTHONPATH": str(CHECKOUT), "QT_QPA_PLATFORM": "offscreen"}
    victim = subprocess.Popen(
        [sys.executable, "-c", VICTIM, str(portrait)], stdout=subprocess.PIPE, env=environment, text=True
    )
    assert victim.stdout is not None
    seen = [victim.stdout.readline() for _ in range(37)]
    victim.send_signal(signal.SIGKILL if hasattr(signal, "SIGKILL") else signal.SIGTERM)
    seen += victim.communicate()[0].splitlines(keepends=True)
    last = int([line for line in seen if line.endswith("\n")][-1])
    model = PhotoModel(FakeEngine())
    try:
        opened(qtbot, model, portrait)
        # What was said to be done is there; the one after it may be too.
        assert model.strength("tone") in (last, last % 100 + 1)
        assert len(model.history.entries) >= 37 and model.problem is None
        assert np.asarray(Image.open(portrait)).shape == (307, 211, 3)
    finally:
        model.close()


def test_the_keys_of_variations_never_come_to_export(make_window: MakeWindow, portrait: Path, qtbot: QtBot) -> None:
    window = make_window()
    opened(qtbot, window.photo, portrait)
    model = window.adjust.variations
    window.adjust.show_tab(2)
    panel = window.adjust.pages.currentWidget()
    assert isinstance(panel, VariationsPanel)
    last = panel.anchor.model().index(1, 0)
    assert not last.flags() & Qt.ItemFlag.ItemIsEnabled, "nothing was picked"
    panel.draw.setFocus()
    qtbot.keyClick(panel.draw, Qt.Key.Key_Space)
    assert window.photo.busy and window.focusWidget() is panel
    qtbot.waitUntil(lambda: len(panel.board.tiles) == 6 and window.focusWidget() is panel.board.tiles[0])
    qtbot.keyClick(panel.board.tiles[0], Qt.Key.Key_Space)
    assert model.picked == (1,) and last.flags() & Qt.ItemFlag.ItemIsEnabled
    panel.take.setFocus()
    qtbot.keyClick(panel.take, Qt.Key.Key_Space)
    assert window.photo.busy and window.focusWidget() is panel
    qtbot.waitUntil(lambda: window.photo.history.last_done is not None)
    assert window.photo.history.last_done.label == "Variation 1"
    window.canvas.setFocus()
    qtbot.mouseClick(panel.take, Qt.MouseButton.LeftButton)
    assert window.focusWidget() is window.canvas


def seeded(session: FakeSession, policy: object, spec: ProposalSpec, **_: object) -> Proposal:
    """As `FakeSession.draw`, brighter by the seed."""
    session.drawn = getattr(session, "drawn", 0) + 1  # type: ignore[attr-defined]
    layers = {face.id: layers_of(face) for face in session.faces}
    for each in layers.values():
        each.deltas["light"][...] *= spec.seed / 10
    return Proposal(spec, layers)


def brighter(window: MainWindow) -> float:
    """How much brighter the middle of the photo shows, in seeds."""
    shown = window.photo.frames.shown[-1]
    y, x = (side // 2 for side in shown.before.shape[:2])
    return float(shown.after[y, x].mean() - shown.before[y, x].mean()) / (BRIGHTER * 25.5)


@pytest.mark.parametrize("kept", [1 << 30, 1])
def test_a_variation_shows_while_mouse_or_keys_rest_on_it(
    make_window: MakeWindow, portrait: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch, kept: int
) -> None:
    monkeypatch.setattr(FakeSession, "draw", seeded)
    monkeypatch.setattr("app.viewmodels.variations.KEPT_BYTES", kept)
    window = make_window()
    opened(qtbot, window.photo, portrait)
    model, photo = window.adjust.variations, window.photo
    window.adjust.show_tab(2)
    panel = window.adjust.pages.currentWidget()
    assert isinstance(panel, VariationsPanel)
    model.draw()
    qtbot.waitUntil(lambda: len(model.found) == 6 and model.ready)
    assert isinstance(photo.session, FakeSession)
    drawn, tiles = photo.session.drawn, panel.board.tiles  # type: ignore[attr-defined]

    def shows(seed: int) -> None:
        qtbot.waitUntil(lambda: photo.frames.settled and abs(brighter(window) - seed) < 0.4)

    def hover(tile: Tile) -> None:
        QApplication.sendEvent(tile, QEnterEvent(QPointF(5, 5), QPointF(5, 5), QPointF(5, 5)))

    shows(0)  # the result itself, of seed 0
    hover(tiles[1])
    shows(2)
    assert window.compare.names == ("Before", "Variation 2") and photo.history.position == 0
    hover(tiles[2])
    shows(3)
    QApplication.sendEvent(panel.board, QEvent(QEvent.Type.Leave))
    shows(0)
    assert window.compare.names == ("Before", "After")
    assert photo.session.drawn == drawn if kept > 1 else photo.session.drawn > drawn  # type: ignore[attr-defined]
    tiles[0].setFocus()
    shows(1)
    qtbot.keyClick(tiles[0], Qt.Key.Key_Right)
    shows(2)
    assert window.focusWidget() is tiles[1]
    qtbot.keyClick(tiles[1], Qt.Key.Key_Down)
    shows(2 + panel.board.columns)
    window.canvas.setFocus()
    shows(0)
    tiles[3].setFocus()
    shows(4)
    qtbot.keyClick(tiles[3], Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: photo.history.last_done is not None)
    assert photo.history.last_done.label == "Variation 4"
    window.canvas.setFocus()
    shows(4)


def test_a_variation_says_how_it_differs(qtbot: QtBot, window: MainWindow) -> None:
    spec = window.photo.document.proposal
    assert spec is not None
    differs = (("shine", True), ("tone", False), ("texture", True))
    tile = Tile(Variation(1, spec, np.full((80, 60, 3), 90, np.uint8), {}, differs), window)
    assert tile.accessibleDescription() == "less shine, less even colour", "the two that show most"


@pytest.mark.parametrize("grey", [0, 235, 255])
def test_the_variation_that_has_the_keys_is_seen_on_any_photo(qtbot: QtBot, window: MainWindow, grey: int) -> None:
    spec = window.photo.document.proposal
    assert spec is not None
    tile = Tile(Variation(1, spec, np.full((80, 60, 3), grey, np.uint8), {}), window)
    tile.setGeometry(0, 0, 60, 80)
    tile.show()
    QApplication.sendEvent(tile, QEvent(QEvent.Type.Leave))

    def differs() -> int:
        """How far the left edge is from the photo, at most."""
        image = tile.grab().toImage()
        return max(abs(image.pixelColor(x, 40).lightness() - grey) for x in range(3))

    assert differs() == 0
    tile.setFocus()
    assert differs() > 150
    window.canvas.setFocus()
    QApplication.sendEvent(tile, QEnterEvent(QPointF(5, 5), QPointF(5, 5), QPointF(5, 5)))
    assert differs() > 150


@pytest.mark.parametrize(
    ("space", "columns", "wide"),
    [((600, 800), 2, 253), ((600, 300), 3, 142), ((300, 800), 2, 148), ((60, 2000), 1, 60)],
)
def test_variations_are_as_large_as_lets_all_be_seen(space: tuple[int, int], columns: int, wide: int) -> None:
    assert most_seen(6, 0.96, *space) == (columns, wide)


@pytest.mark.parametrize(("width", "columns"), [(458, 3), (276, 2)])
def test_where_not_all_fit_variations_are_rows_to_scroll(window: MainWindow, width: int, columns: int) -> None:
    board = Tiles(window.adjust.variations)
    picture = np.zeros((104, 100, 3), np.uint8)
    spec = window.photo.document.proposal
    assert spec is not None
    window.adjust.variations.found = tuple(Variation(number, spec, picture, {}) for number in range(1, 7))
    board.resize(width, 200)
    board.refresh()
    rows = [[tile.geometry() for tile in board.tiles[i : i + columns]] for i in range(0, 6, columns)]
    assert board.columns == columns and all(len({each.y() for each in row}) == 1 for row in rows)
    assert rows[0][-1].right() < width and rows[0][0].width() >= min(140, (width - 30) // 2)
    board.deleteLater()


def test_the_page_of_variations_is_wide_and_the_others_are_not(window: MainWindow) -> None:
    window.resize(1500, 900)
    widths = []
    for page in (0, 2, 3):
        window.adjust.show_tab(page)
        widths.append(window.panel.width())
    assert widths == [308, 540, 308]
    window.adjust.show_tab(2)
    for view, width in ((View.GRID, 308), (View.SINGLE, 540)):
        window.desk.library.set_view(view)
        assert window.panel.width() == width


def test_variations_side_by_side_have_their_own_names(make_window: MakeWindow, portrait: Path, qtbot: QtBot) -> None:
    window = make_window()
    opened(qtbot, window.photo, portrait)
    model = window.adjust.variations
    model.draw()
    qtbot.waitUntil(lambda: len(model.found) == 6)
    model.pick(1)
    model.pick(2)
    model.compare(True)
    qtbot.waitUntil(lambda: not window.photo.busy)
    assert window.compare.names == ("Variation A", "Variation B") and window.compare.mode is Mode.SIDE
    window.compare.show_overlay(Overlay.DIFFERENCE)
    assert window.compare.signs == ("Variation A", "Variation B · Difference")
    model.compare(False)
    window.compare.show_overlay(Overlay.LAYER, "tone")
    assert window.compare.names == ("Before", "After") and window.compare.mode is Mode.WIPE
    assert window.compare.viewport is not None and window.compare.viewport.fitted, "the whole photo again, as before"
    assert window.compare.signs == ("Before", "After · Even colour")


# --- the brush --------------------------------------------------------------------------------------------------------


def test_a_stroke_shows_its_effect_while_it_is_drawn(window: MainWindow, qtbot: QtBot) -> None:
    photo, tools = window.photo, window.adjust.tools
    box = photo.faces[0].box
    start = ((box[0] + box[2]) / 2, (box[1] + box[3]) / 2)
    shown = lambda: photo.frames.shown[-1].after.astype(int)  # noqa: E731
    before, entries = shown().copy(), photo.history.position
    tools.choose(Tool.PROTECT)
    tools.begin(start)
    for step in range(1, 5):
        tools.extend((start[0], start[1] + step * tools.radius(start) / 2))
    qtbot.waitUntil(lambda: photo.frames.settled and tools._previewed == len(tools.points))
    during = shown().copy()
    original = photo.frames.shown[-1].before.astype(int)
    painted = np.abs(during - before).max(-1) > 1
    assert painted.any() and np.abs(during - original)[painted].mean() < np.abs(before - original)[painted].mean()
    assert photo.history.position == entries and photo.edits == photo.document.edits  # nothing is done yet
    tools.end()
    qtbot.waitUntil(lambda: photo.frames.settled)
    assert np.array_equal(shown(), during)
    assert photo.history.position == entries + 1
    photo.undo()
    qtbot.waitUntil(lambda: photo.frames.settled and np.array_equal(shown(), before))


def test_a_stroke_that_is_given_up_leaves_no_trace(window: MainWindow, qtbot: QtBot) -> None:
    photo, tools = window.photo, window.adjust.tools
    before = photo.frames.shown[-1].after.copy()
    box = photo.faces[0].box
    tools.choose(Tool.PROTECT)
    tools.begin(((box[0] + box[2]) / 2, (box[1] + box[3]) / 2))
    qtbot.waitUntil(lambda: photo.frames.settled)
    assert not np.array_equal(photo.frames.shown[-1].after, before)
    tools.choose(Tool.POINTER)
    qtbot.waitUntil(lambda: photo.frames.settled and np.array_equal(photo.frames.shown[-1].after, before))


def test_sliders_by_keys_alone(window: MainWindow, qtbot: QtBot) -> None:
    window.activateWindow()
    window.canvas.setFocus()
    rows, photo = window.strengths.rows, window.photo
    qtbot.keyClick(window, Qt.Key.Key_Period)
    assert window.focusWidget() is rows["amount"].slider
    for _ in range(2):
        qtbot.keyClick(window, Qt.Key.Key_Period)
    assert window.focusWidget() is rows["smooth"].slider
    qtbot.keyClick(rows["smooth"].slider, Qt.Key.Key_Down)
    assert photo.strength("smooth") == 49
    qtbot.keyClick(window, Qt.Key.Key_Comma)
    assert window.focusWidget() is rows["heal"].slider
    qtbot.keyClick(rows["heal"].slider, Qt.Key.Key_Return)
    qtbot.keyClicks(rows["heal"].number, "73")
    qtbot.keyClick(rows["heal"].number, Qt.Key.Key_Return)
    assert photo.strength("heal") == 73 and window.focusWidget() is rows["heal"].slider
    for _ in range(20):
        qtbot.keyClick(window, Qt.Key.Key_Period)
    assert window.focusWidget() is rows["teeth"].slider and not rows["teeth"].slider.visibleRegion().isEmpty()
    qtbot.keyClick(rows["teeth"].slider, Qt.Key.Key_Escape)
    assert window.focusWidget() is window.canvas


def test_presets_and_history_by_keys_alone(window: MainWindow, qtbot: QtBot) -> None:
    photo, frames = window.photo, window.photo.frames
    window.activateWindow()
    photo.set_strength("light", 100)

    def shows(light: float) -> None:
        settle(qtbot, window)
        assert abs(brighter(window) / 10 - light / 50) < 0.02 and frames.shown[-1].edits is not None

    shows(100)
    window.actions_made.made["tab_history"].trigger()
    entries = window.adjust.history.entries
    assert window.focusWidget() is entries
    qtbot.keyClick(entries, Qt.Key.Key_Down)
    shows(50)
    assert photo.strength("light") == 100, "only looked at"
    qtbot.keyClick(entries, Qt.Key.Key_Escape)
    assert window.focusWidget() is window.canvas and entries.currentRow() == 0, "the present state"
    shows(100)
    entries.setFocus()
    entries.setCurrentRow(1)
    qtbot.keyClick(entries, Qt.Key.Key_Return)
    assert photo.strength("light") == 50 and photo.history.position == 0
    assert entries.item(0).font().italic() and not entries.item(1).font().italic(), "what is undone"
    assert contrast(entries.item(0).foreground().color().name(), theme.WINDOW) >= 4.5
    window.actions_made.made["tab_presets"].trigger()
    tree = window.adjust.preset_page.tree
    assert window.focusWidget() is tree
    while tree.currentItem() is None or tree.presets[1] is not tree.currentItem().data(0, Qt.ItemDataRole.UserRole):
        qtbot.keyClick(tree, Qt.Key.Key_Down)
    wanted = tree.presets[1].settings.strengths
    shows(wanted.values["light"] * wanted.amount / 50)
    assert photo.history.position == 0
    qtbot.keyClick(tree, Qt.Key.Key_Return)
    assert photo.history.last_done.label == f"Preset {tree.presets[1].title}"


def test_the_key_of_variations_waits_for_the_retouch(make_window: MakeWindow, qtbot: QtBot, portrait: Path) -> None:
    gate = threading.Event()
    window = make_window(FakeEngine(step=lambda token, report: assert_opened(gate)))
    window.photo.open(portrait)
    qtbot.waitUntil(lambda: window.photo.stage is Stage.OPEN and window.photo.busy)
    window.actions_made.made["tab_variations"].trigger()
    panel = window.adjust.variation_page
    assert window.focusWidget() is panel
    gate.set()
    qtbot.waitUntil(lambda: window.focusWidget() is panel.draw)
    qtbot.keyClick(panel.draw, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: bool(panel.board.tiles) and window.focusWidget() is panel.board.tiles[0])


def assert_opened(gate: threading.Event) -> None:
    assert gate.wait(20)


def copied_and_gated(make_window: MakeWindow, qtbot: QtBot, portrait: Path) -> tuple[MainWindow, threading.Event]:
    """A window with settings copied from a photo (light 80), whose next retouches wait for the event."""
    gate = threading.Event()
    gate.set()
    window = make_window(FakeEngine(step=lambda token, report: assert_opened(gate)))
    opened(qtbot, window.photo, portrait)
    window.photo.set_strength("light", 80)
    window.actions_made.made["copy"].trigger()
    gate.clear()
    return window, gate


def test_escape_goes_from_the_inside_out(make_window: MakeWindow, qtbot: QtBot, portrait: Path, tmp_path: Path) -> None:
    """The keys are the photo's again, and what runs goes on; then it is cancelled; then the tool is put away."""
    window, gate = copied_and_gated(make_window, qtbot, portrait)
    window.activateWindow()
    photo, tools = window.photo, window.adjust.tools
    photo.open(write_portrait(tmp_path / "other.png", (223, 311)))
    qtbot.waitUntil(lambda: photo.stage is Stage.OPEN and photo.busy)
    tools.choose(Tool.FACES)
    window.actions_made.made["tab_presets"].trigger()
    presets = window.focusWidget()
    assert window.panel.isAncestorOf(presets)
    qtbot.keyClick(presets, Qt.Key.Key_Escape)
    assert window.focusWidget() is window.canvas and photo.busy and tools.tool is Tool.FACES
    qtbot.keyClick(window.canvas, Qt.Key.Key_Escape)
    assert not photo.busy and tools.tool is Tool.FACES
    qtbot.keyClick(window.canvas, Qt.Key.Key_Escape)
    assert tools.tool is Tool.POINTER
    gate.set()


def test_settings_that_are_pasted_too_early_wait_for_the_retouch(
    make_window: MakeWindow, qtbot: QtBot, portrait: Path, tmp_path: Path
) -> None:
    window, gate = copied_and_gated(make_window, qtbot, portrait)
    other = write_portrait(tmp_path / "other.png", (223, 311))
    photo, made = window.photo, window.actions_made.made
    photo.open(other)
    qtbot.waitUntil(lambda: photo.stage is Stage.OPEN and photo.busy)
    made["copy"].trigger()
    assert photo.notice == "There are no settings to copy until the photo is retouched."
    assert made["paste"].isEnabled() and made["previous"].isEnabled()
    made["paste"].trigger()
    assert photo.notice == "The settings are pasted as soon as the photo is retouched."
    gate.set()
    qtbot.waitUntil(lambda: photo.stage is Stage.PROPOSED)
    assert photo.strength("light") == 80 and photo.history.last_done.label == "Paste settings"
    gate.clear()
    photo.open(portrait)
    qtbot.waitUntil(lambda: photo.stage is Stage.OPEN and photo.busy)
    made["previous"].trigger()
    photo.cancel()
    gate.set()
    photo.retouch()
    qtbot.waitUntil(lambda: photo.stage is Stage.PROPOSED and not photo.busy)
    assert photo.history.position == 1 and photo.history.last_done.label == "Even light 80", (
        "what was cancelled comes no more"
    )


def test_what_is_being_healed_stays_painted_on_the_picture(window: MainWindow, qtbot: QtBot) -> None:
    photo, gate = window.photo, threading.Event()
    window.compare.set_mode(Mode.AFTER)
    settle(qtbot, window)
    photo.runner.start(LANE, lambda token, report: gate.wait(), lambda _: None, lambda _: None)
    x, y = view_of(window, (100.0, 150.0))
    was = picture(window)[y, x]
    photo.add_mark("face-0", [(100.0, 150.0)], 12.0)
    ink = np.array(QColor(theme.REMOVE).getRgb()[:3])
    assert np.abs(picture(window)[y, x] - (was + (ink - was) * WASH / 255)).max() < 2
    assert window.status.doing.isVisible() and not window.status.cancel.isVisible()
    gate.set()
    qtbot.waitUntil(lambda: not photo.healing and photo.frames.settled)
    assert not window.status.doing.isVisible()

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from app.jobs.runner import JobRunner
from app.viewmodels.compare import CompareModel, Mode
from app.viewmodels.library import Delivered, Filter, LibraryModel, Sort, View
from app.viewmodels.place import Place, place_file
from app.viewmodels.thumbnails import Thumbnails
from app.views.main_window import MainWindow
from engine import paths, sidecar
from engine.library import culls, scan
from engine.library.frames import Frame, natural
from engine.library.xmp import Cull, Flag, Label
from tests.app.conftest import MakeWindow
from tests.app.test_window import Paints
from tests.engine.library.packets import LIGHTROOM

CHECKOUT = Path(__file__).parents[2]


def fill(folder: Path, count: int = 6) -> list[Path]:
    paths = [folder / f"IMG_{number}.jpg" for number in range(1, count + 1)]
    for number, path in enumerate(paths):
        Image.new("RGB", (60, 40), (40 * number, 90, 120)).save(path)
    return paths


@pytest.fixture
def library(qapp: object) -> Iterator[LibraryModel]:
    runner = JobRunner()
    model = LibraryModel(runner)
    yield model
    model.close()
    runner.close()


def settle(qtbot: QtBot, library: LibraryModel) -> None:
    qtbot.waitUntil(lambda: not library.scanning and not library.runner.jobs)


def opened(qtbot: QtBot, library: LibraryModel, folder: Path) -> list[str]:
    library.open([folder])
    settle(qtbot, library)
    return names(library)


def names(library: LibraryModel) -> list[str]:
    return [path.name for path in library.shown]


def test_numbers_in_names_count_as_numbers() -> None:
    assert sorted(["IMG_10", "img_9", "IMG_2b", "IMG_2"], key=natural) == ["IMG_2", "IMG_2b", "img_9", "IMG_10"]


def test_a_folder_is_listed_and_a_photo_brings_its_neighbours(
    library: LibraryModel, tmp_path: Path, qtbot: QtBot
) -> None:
    fill(tmp_path, 11)
    (tmp_path / "notes.txt").write_text("no photo")
    (tmp_path / ".hidden.jpg").write_bytes(b"")
    assert opened(qtbot, library, tmp_path) == [f"IMG_{number}.jpg" for number in range(1, 12)]
    library.open([tmp_path / "IMG_3.jpg"])
    settle(qtbot, library)
    assert library.current == tmp_path / "IMG_3.jpg"
    assert [path.name for path in library.neighbours()] == ["IMG_4.jpg", "IMG_2.jpg"]


def test_keys_go_through_the_shown_frames_and_stop_at_the_ends(
    library: LibraryModel, tmp_path: Path, qtbot: QtBot
) -> None:
    paths = fill(tmp_path)
    opened(qtbot, library, tmp_path)
    library.step(1)
    assert library.current == paths[1]
    library.step(100)
    assert library.current == paths[-1]
    library.step(-100)
    assert library.current == paths[0]


def test_stars_labels_and_flags_are_set_for_the_selection_and_saved(
    library: LibraryModel, tmp_path: Path, qtbot: QtBot
) -> None:
    paths = fill(tmp_path)
    (tmp_path / "IMG_2.xmp").write_bytes(LIGHTROOM)
    opened(qtbot, library, tmp_path)
    assert library.frames[paths[1]].cull == Cull(3, Label.RED)
    library.go(paths[1])
    library.select(paths[3], extend=True)
    library.culling.set_stars(4)
    library.culling.set_label(Label.RED)
    library.culling.set_flag(Flag.PICK)
    settle(qtbot, library)
    assert [culls.load(path).stars for path in paths] == [0, 4, 4, 4, 0, 0]
    assert culls.load(paths[2]) == Cull(4, Label.RED, Flag.PICK)
    assert b"Ton" in (tmp_path / "IMG_2.xmp").read_bytes()
    library.culling.set_label(Label.RED)  # the same again takes it away
    settle(qtbot, library)
    assert culls.load(paths[2]).label is Label.NONE


def test_the_current_frame_stays_while_others_are_selected(library: LibraryModel, tmp_path: Path, qtbot: QtBot) -> None:
    paths = fill(tmp_path)
    opened(qtbot, library, tmp_path)
    library.go(paths[2])
    library.select(paths[4], toggle=True)
    assert (library.current, library.selection) == (paths[2], {paths[2], paths[4]})
    library.select(paths[5], extend=True)
    assert library.selection == {paths[4], paths[5]} and library.current == paths[4], "it is none of them"
    library.go(paths[2])
    for by, last in ((1, 3), (1, 4), (-1, 3), (-2, 1)):
        library.extend(by)
        low, high = sorted((2, last))
        assert (library.current, library.selection) == (paths[2], set(paths[low : high + 1]))
    library.select(paths[2], toggle=True)
    assert (library.current, library.selection) == (paths[1], {paths[1]})


def test_filters_hide_and_sorting_orders(library: LibraryModel, tmp_path: Path, qtbot: QtBot) -> None:
    paths = fill(tmp_path)
    for path, stars in zip(paths, (0, 5, 3, 1, 3, 0), strict=True):
        culls.save(path, Cull(stars, flag=Flag.PICK if stars == 3 else Flag.NONE))
    sidecar.beside(paths[2]).write_text('{"version": 1, "faces": [{}, {}]}')
    opened(qtbot, library, tmp_path)
    library.set_filter(Filter(stars=3))
    assert names(library) == ["IMG_2.jpg", "IMG_3.jpg", "IMG_5.jpg"]
    library.set_sort(Sort.STARS)
    assert names(library) == ["IMG_2.jpg", "IMG_3.jpg", "IMG_5.jpg"]
    library.set_filter(Filter(flag=Flag.PICK))
    assert names(library) == ["IMG_3.jpg", "IMG_5.jpg"]
    library.set_filter(Filter(edited=True, faces=True))
    assert names(library) == ["IMG_3.jpg"]
    assert library.frames[paths[2]].faces == 2
    library.note_delivery(Delivered(frozenset({paths[4]}), {paths[0]: "The disk is full."}))
    library.set_filter(Filter(exported=True))
    assert names(library) == ["IMG_5.jpg"]
    library.set_filter(Filter())
    assert names(library)[:3] == ["IMG_2.jpg", "IMG_3.jpg", "IMG_5.jpg"]


def test_exported_files_are_no_photos_of_the_shoot(library: LibraryModel, tmp_path: Path, qtbot: QtBot) -> None:
    photo, other = fill(tmp_path, 2)
    results = tmp_path / "retouched"
    results.mkdir()
    exported, beside = results / photo.name, tmp_path / "IMG_1-2.jpg"
    for path in (exported, beside, results / "own.jpg"):
        path.write_bytes(photo.read_bytes())
    library.set_deep(True)
    opened(qtbot, library, tmp_path)
    library.set_deep(True)
    qtbot.waitUntil(lambda: len(library.shown) == 5)
    library.go(photo)
    library.note_delivery(Delivered(frozenset({photo}), written={exported: photo, beside: photo}))
    assert set(library.shown) == {photo, other, results / "own.jpg"}
    assert library.total == 3
    opened(qtbot, library, tmp_path)
    assert set(library.shown) == {photo, other, results / "own.jpg"}
    opened(qtbot, library, results)  # looked at by itself
    assert set(library.shown) == {exported, results / "own.jpg"}
    library.open([beside])  # asked for by name
    settle(qtbot, library)
    assert set(library.shown) == {photo, other, beside, results / "own.jpg"}


def test_a_frame_that_its_own_key_filters_out_makes_way_for_the_next(
    library: LibraryModel, tmp_path: Path, qtbot: QtBot
) -> None:
    paths = fill(tmp_path)
    opened(qtbot, library, tmp_path)
    library.set_filter(Filter(flag=Flag.NONE))
    library.go(paths[2])
    library.culling.set_flag(Flag.REJECT)
    assert library.current == paths[3]
    settle(qtbot, library)


def test_sorting_by_time_takes_the_cameras_clock(library: LibraryModel, tmp_path: Path, qtbot: QtBot) -> None:
    for name, clock in (("a", "2026:05:01 12:00:00"), ("b", "2026:05:01 09:00:00"), ("c", "2026:05:01 10:30:00")):
        exif = Image.Exif()
        exif[306] = clock
        Image.new("RGB", (40, 30)).save(tmp_path / f"{name}.jpg", exif=exif)
    opened(qtbot, library, tmp_path)
    library.set_sort(Sort.TIME)
    assert names(library) == ["b.jpg", "c.jpg", "a.jpg"]


def test_files_that_come_change_and_vanish_are_noticed(library: LibraryModel, tmp_path: Path, qtbot: QtBot) -> None:
    paths = fill(tmp_path, 4)
    opened(qtbot, library, tmp_path)
    library.go(paths[1])
    before = library.frames[paths[2]].stamp
    shutil.copy(paths[0], tmp_path / "IMG_9.jpg")
    paths[1].unlink()  # the current one
    paths[3].unlink()
    Image.new("RGB", (600, 400)).save(paths[2])
    qtbot.waitUntil(lambda: names(library) == ["IMG_1.jpg", "IMG_2.jpg", "IMG_3.jpg", "IMG_9.jpg"])
    assert library.current == paths[1]
    assert library.frames[paths[1]].missing
    assert library.frames[paths[2]].stamp != before
    library.step(1)
    assert library.current == paths[2]


def test_a_file_that_grows_is_looked_at_again(library: LibraryModel, tmp_path: Path, qtbot: QtBot) -> None:
    path = fill(tmp_path, 1)[0]
    whole = path.read_bytes()
    path.write_bytes(whole[:100])
    opened(qtbot, library, tmp_path)
    path.write_bytes(whole)
    qtbot.waitUntil(lambda: library.frames[path].size == len(whole))


def test_what_other_programs_write_is_taken_up(library: LibraryModel, tmp_path: Path, qtbot: QtBot) -> None:
    path = fill(tmp_path, 2)[0]
    opened(qtbot, library, tmp_path)
    library.note_faces(path, 2)
    (tmp_path / "IMG_1.xmp").write_bytes(LIGHTROOM)
    library.rescan()
    settle(qtbot, library)
    assert library.frames[path].cull == Cull(3, Label.RED)
    assert library.frames[path].faces == 2  # known here only


def test_a_broken_sidecar_is_told_and_left_alone(library: LibraryModel, tmp_path: Path, qtbot: QtBot) -> None:
    path = fill(tmp_path, 2)[0]
    (tmp_path / "IMG_1.xmp").write_bytes(LIGHTROOM[:200])
    opened(qtbot, library, tmp_path)
    assert "damaged" in library.frames[path].problem
    library.go(path)
    library.culling.set_stars(5)
    settle(qtbot, library)
    assert library.problem is not None
    assert "IMG_1.xmp" in library.problem.message
    assert library.frames[path].cull == Cull()
    assert (tmp_path / "IMG_1.xmp").read_bytes() == LIGHTROOM[:200]


def test_a_folder_that_is_open_elsewhere_says_so(library: LibraryModel, tmp_path: Path, qtbot: QtBot) -> None:
    fill(tmp_path, 2)
    other = LibraryModel(library.runner)
    opened(qtbot, other, tmp_path)
    assert other.notice == ""
    opened(qtbot, library, tmp_path)
    assert "Another Porelight has" in library.notice
    other.close()
    third = LibraryModel(library.runner)
    opened(qtbot, third, tmp_path)
    assert third.notice == ""
    third.close()


def test_a_folder_that_is_gone_is_one_sentence(library: LibraryModel, tmp_path: Path, qtbot: QtBot) -> None:
    folder = tmp_path / "gone"
    folder.mkdir()
    library.open([folder])
    folder.rmdir()
    qtbot.waitUntil(lambda: not library.scanning)
    library.rescan()
    settle(qtbot, library)
    assert library.problem is not None
    assert library.problem.message == "The folder gone does not exist."


def test_subfolders_are_shown_when_wanted_and_when_there_is_nothing_else(
    library: LibraryModel, tmp_path: Path, qtbot: QtBot
) -> None:
    cards = [tmp_path / name for name in ("card 2", "card 10")]
    for card in (*cards, tmp_path / ".hidden"):
        card.mkdir()
        fill(card, 2)
    (tmp_path / "loop").symlink_to(tmp_path)
    culls.save(cards[1] / "IMG_1.jpg", Cull(3))
    opened(qtbot, library, tmp_path)
    assert library.deep, "no photo lies in the folder itself"
    inner = [card / f"IMG_{n}.jpg" for card in cards for n in (1, 2)]
    assert library.shown == inner
    assert library.frames[inner[2]].cull.stars == 3
    top = fill(tmp_path, 1)
    qtbot.waitUntil(lambda: library.shown == [*top, *inner])
    library.go(inner[3])
    library.set_deep(False)
    settle(qtbot, library)
    assert (library.shown, library.current) == (top, top[0])
    library.set_deep(True)
    settle(qtbot, library)
    assert library.shown == [*top, *inner]
    new = fill(cards[0], 3)[2]  # subfolders are watched too
    qtbot.waitUntil(lambda: new in library.shown)


def test_the_place_is_kept_and_found_again(library: LibraryModel, tmp_path: Path, qtbot: QtBot) -> None:
    paths, compare = fill(tmp_path), CompareModel()
    Place(library, compare, parent=library)
    opened(qtbot, library, tmp_path)
    library.go(paths[3])
    library.select(paths[5], toggle=True)
    library.set_filter(Filter(stars=0, flag=Flag.NONE))
    library.set_view(View.GRID)
    compare.set_mode(Mode.SIDE)
    compare.set_canvas((400, 300))
    compare.set_photo((4000, 3000))
    compare.zoom_to(1.0)
    compare.pan(-1000, 500)

    def written() -> bool:
        saved = json.loads(place_file().read_text()) if place_file().exists() else {}
        kept = (saved["view"], len(saved["selection"]), saved["compare"]) if saved else None
        return kept == ("grid", 2, "side") and saved["look"] is not None

    qtbot.waitUntil(written)
    library.close()

    again = LibraryModel(library.runner)
    compared = CompareModel()
    assert Place(again, compared).restore()
    settle(qtbot, again)
    assert (again.folder, again.current) == (tmp_path, paths[3])
    assert again.selection == {paths[3], paths[5]}
    assert (again.filter, again.view) == (Filter(flag=Flag.NONE), View.GRID)
    assert compared.mode is Mode.SIDE
    compared.set_canvas((400, 300))
    compared.set_photo((2000, 1500))
    assert compared.viewport is not None and compared.viewport.zoom == 1
    assert compared.viewport.centre == pytest.approx((1500, 500), abs=1), "the same place of a smaller photo"
    again.close()


def test_a_busy_disk_that_takes_the_place_does_not_stop_the_window(
    library: LibraryModel, tmp_path: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(tmp_path)
    place, free, writing = Place(library, CompareModel(), parent=library), threading.Event(), threading.Event()
    write_atomic = paths.write_atomic

    def slow(path: Path, data: bytes) -> None:
        writing.set()
        assert free.wait(30)
        write_atomic(path, data)

    monkeypatch.setattr(paths, "write_atomic", slow)
    opened(qtbot, library, tmp_path)
    qtbot.waitUntil(writing.is_set)  # the event loop goes on
    library.set_view(View.SINGLE if library.view is View.GRID else View.GRID)
    free.set()
    place.write()
    qtbot.waitUntil(lambda: not library.runner.jobs)
    assert json.loads(place_file().read_text())["view"] == library.view.value, "what is newer stays"


@pytest.mark.parametrize(
    "content", [b"", b"[]", b'{"version": 2}', b'{"version": 1, "folder": 3, "filter": "x", "window": 3, "look": [0]}']
)
def test_a_damaged_place_is_as_good_as_none(library: LibraryModel, content: bytes) -> None:
    place_file().parent.mkdir(parents=True, exist_ok=True)
    place_file().write_bytes(content)
    assert not Place(library, CompareModel()).restore()


def test_visible_thumbnails_come_first_and_memory_is_bounded(
    qapp: object, tmp_path: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    from app.viewmodels import thumbnails

    monkeypatch.setattr(thumbnails, "MEMORY_BYTES", 3 * 60 * 40 * 3)
    runner = JobRunner()
    model, seen = Thumbnails(runner), []
    model.ready.connect(seen.append)
    paths = fill(tmp_path, 8)
    keys = [(path, (path.stat().st_size, 1)) for path in paths]
    model.look_at(keys[4:6], keys[6:])
    qtbot.waitUntil(lambda: model.idle)
    assert seen == paths[4:6]
    picture = model.get(*keys[4])
    assert picture is not None
    assert picture.shape == (40, 60, 3)
    model.look_at(keys[:4])
    qtbot.waitUntil(lambda: model.idle)
    assert model.get(*keys[4]) is None  # made way, and is wanted again
    qtbot.waitUntil(lambda: model.idle)
    (tmp_path / "bad.jpg").write_bytes(b"\xff\xd8\xff\xe0nothing")
    model.get(tmp_path / "bad.jpg", (1, 1))
    qtbot.waitUntil(lambda: model.idle)
    assert "bad.jpg" in model.failed(tmp_path / "bad.jpg", (1, 1))
    runner.close()


KILLED = """
import sys
from pathlib import Path
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication
from app.viewmodels.library import Filter, View
from app.viewmodels.photo import PhotoModel
from app.views.main_window import MainWindow
from engine.library.xmp import Flag
from tests.helpers.fake_engine import FakeEngine
application = QApplication([])
window = MainWindow(PhotoModel(FakeEngine()))
window.show()
desk = window.desk
desk.open([Path(sys.argv[1])])
def work():
    library = desk.library
    library.go(library.shown[3])
    library.culling.set_stars(4)
    library.select(library.shown[1], toggle=True)
    library.set_filter(Filter(flag=Flag.NONE))
    desk.show(library.shown[3])
desk.library.listed.connect(lambda: QTimer.singleShot(50, work))
application.exec()
"""


def test_a_photo_whose_edits_were_all_taken_back_is_not_edited(
    make_window: MakeWindow, qtbot: QtBot, tmp_path: Path
) -> None:
    path = fill(tmp_path)[0]
    window = make_window()
    window.desk.open([path])
    photo, library = window.photo, window.desk.library
    qtbot.waitUntil(lambda: photo.path == path and bool(photo.layers) and not photo.busy and not library.scanning)

    def saved(edited: bool) -> None:
        photo.save()
        qtbot.waitUntil(lambda: library.frames[path].edited is edited and not photo.runner.jobs)
        assert scan.details(Frame(path)).edited is edited and scan.details(Frame(path)).faces == 1

    photo.set_strength("tone", 80)
    saved(True)
    photo.undo()
    saved(False)
    photo.flip("face-0", photo.layers["face-0"].marks[0])
    saved(True)
    photo.undo()
    photo.enable("face-0", False)
    saved(True)
    photo.undo()
    saved(False)
    photo.select_area("cheeks")
    photo.set_strength("tone", 20)
    saved(True)


def test_after_a_kill_everything_is_where_it_was(make_window: MakeWindow, tmp_path: Path, qtbot: QtBot) -> None:
    paths = fill(tmp_path)
    process = subprocess.Popen([sys.executable, "-c", KILLED, str(tmp_path)], cwd=CHECKOUT)
    try:

        def there() -> bool:
            saved = json.loads(place_file().read_text()) if place_file().exists() else {}
            seen = bool(saved) and (saved["view"], saved["filter"]["flag"]) == ("single", "")
            return seen and saved["current"] == str(paths[3]) and (tmp_path / "IMG_4.xmp").exists()

        qtbot.waitUntil(there)
    finally:
        process.kill()
        process.wait()
    window = make_window()
    window.desk.start([])
    library = window.desk.library
    settle(qtbot, library)
    assert (library.folder, library.current, library.view) == (tmp_path, paths[3], View.SINGLE)
    assert library.filter == Filter(flag=Flag.NONE)
    assert library.notice == ""  # the lock of the killed one is free
    assert library.frames[paths[3]].cull.stars == 4
    qtbot.waitUntil(lambda: window.photo.path == paths[3] and not window.photo.busy)


def test_only_frames_in_sight_are_painted_anew(make_window: MakeWindow, qtbot: QtBot, tmp_path: Path) -> None:
    shown = fill(tmp_path, 60)
    window = make_window()
    window.desk.open([tmp_path])
    library, grid = window.desk.library, window.shoot.frames
    settle(qtbot, library)
    qtbot.waitUntil(lambda: window.desk.thumbnails.idle)
    assert 60 not in grid.visible_rows() and library.shown == shown
    qtbot.wait(100)
    paints = Paints(grid.viewport())
    library.note_faces(shown[-1], 2)
    qtbot.wait(100)
    assert paints.count == 0
    library.note_faces(shown[1], 2)
    qtbot.waitUntil(lambda: paints.count > 0)


def test_the_keys_that_mark_filter_after_f(make_window: MakeWindow, qtbot: QtBot, tmp_path: Path) -> None:
    paths = fill(tmp_path)
    window = make_window()
    window.desk.open([tmp_path])
    library, actions = window.desk.library, window.actions_made.made
    qtbot.waitUntil(lambda: library.total == len(paths) and not library.scanning)
    for path, stars, flag in zip(paths, (1, 3, 5), (Flag.PICK, Flag.REJECT, Flag.PICK), strict=False):
        library.go(path)
        library.culling.set_stars(stars)
        library.culling.set_flag(flag)

    def press(keys: str) -> list[Path]:
        for key in keys:
            qtbot.keyClick(window, key)
        return library.shown

    press("f")
    assert window.status.notice.text() == "F, then one of these: 0 1 2 3 4 5 6 7 8 9 P X U"
    assert press("p") == [paths[0], paths[2]] and actions["only_flag_pick"].isChecked()
    assert window.status.notice.text() == ""
    assert press("f3") == [paths[2]]
    assert press("fp") == paths[1:3] and not actions["only_flag_pick"].isChecked()
    assert press("f0") == paths
    assert [library.frames[path].cull.stars for path in paths[:3]] == [1, 3, 5]


def at_the_second(make_window: MakeWindow, qtbot: QtBot, folder: Path) -> tuple[MainWindow, list[Path]]:
    """A window on a filled folder with its second photo retouched, and the photos."""
    paths = fill(folder)
    window = make_window()
    window.desk.open([folder])
    library, photo = window.desk.library, window.photo
    qtbot.waitUntil(lambda: library.total == len(paths) and not library.scanning)
    window.desk.show(paths[1])
    qtbot.waitUntil(lambda: photo.path == paths[1] and bool(photo.layers) and not photo.busy)
    return window, paths


def test_shift_and_arrows_select_beside_the_photo_that_is_open(
    make_window: MakeWindow, qtbot: QtBot, tmp_path: Path
) -> None:
    window, paths = at_the_second(make_window, qtbot, tmp_path)
    library, photo = window.desk.library, window.photo
    window.canvas.setFocus()
    for _ in range(2):
        qtbot.keyClick(window.canvas, Qt.Key.Key_Right, Qt.KeyboardModifier.ShiftModifier)
    assert library.chosen == paths[1:4] and photo.path == paths[1]
    qtbot.keyClick(window.canvas, Qt.Key.Key_End)
    assert library.current == paths[-1]


def test_in_the_grid_nothing_is_done_to_a_photo_that_one_does_not_look_at(
    make_window: MakeWindow, qtbot: QtBot, tmp_path: Path
) -> None:
    window, paths = at_the_second(make_window, qtbot, tmp_path)
    library, photo, made = window.desk.library, window.photo, window.actions_made.made
    photo.set_strength("tone", 12)
    made["copy"].trigger()
    made["grid"].trigger()
    assert window.adjust.pages.isEnabled() and made["reset"].isEnabled()
    library.go(paths[3])
    assert not window.adjust.pages.isEnabled()
    assert not any(made[id].isEnabled() for id in ("copy", "sync", "reset", "snapshot", "tool_brush", "next_slider"))
    library.select(paths[4], toggle=True)
    photo.run_job("Something else", lambda token, report: None, lambda _: None, lambda _: None)
    assert photo.busy
    made["paste"].trigger()
    qtbot.waitUntil(lambda: all(library.frames[path].edited for path in paths[3:5]) and not photo.runner.jobs)
    assert photo.history.last_done.label == "Even colour 12", "the open photo was not selected"
    library.go(paths[1])
    assert window.adjust.pages.isEnabled()
    window.desk.show(paths[4])
    qtbot.waitUntil(lambda: photo.path == paths[4] and bool(photo.layers) and not photo.busy)
    assert photo.strength("tone") == 12

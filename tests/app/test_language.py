"""Every string is translated, with the same values in it; none escapes the mechanism; the window speaks German."""

from __future__ import annotations

import ast
import json
import os
import re
import string
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtWidgets import QLabel
from pytestqt.qtbot import QtBot

from app import language, sentences
from app.language import Catalogue, language_file, read, said, strings, tr, trn, update, use, written
from app.settings.schema import Language
from app.viewmodels.problem import Problem
from engine.errors import EngineError
from engine.imageio.read import read_photo
from engine.session import RetouchSession
from engine.types import SkippedFace
from tests.app.conftest import MakeWindow
from tests.helpers.fake_engine import FakeEngine, opened, write_portrait

CHECKOUT = Path(__file__).parents[2]
TRANSLATED = [each.value for each in Language if each not in (Language.SYSTEM, Language.ENGLISH)]
WORDS = re.compile(r"[A-Za-z]{2,}[ ,][A-Za-z]{2,}|^[A-Z][a-z]+(?:…|\.)?$")
NAMES = {
    "Porelight", "Esc", "Del", "Value error, ", "Fatal Python error: Qt: ", "English", "Deutsch", "Display P3",
    "A job failed while the window was closing: %s", "Adobe RGB compatible", "NVIDIA GPU (CUDA)",
}  # fmt: skip
"""Shown as they are in every language, or names of keys."""
INSIDE = {"tr", "later", "trn", "counted", "cast", "Signal", "TypeVar", "AssertionError", "ValueError", "RuntimeError"}
METHODS = {"setObjectName", "setProperty", "debug", "log", "warning", "compile", "match", "exception"}
OPTION = re.compile(r"--[a-z]|`porelight")
WITHOUT = (
    "app/commands",
    "app/crash.py",
    "app/views/monitor.py",
    "app/views/theme.py",
    "app/views/tokens.py",
    "app/language.py",
    "app/sentences.py",
    "app/main.py",
)
"""The command line, what is written for developers, names that systems use, colours, and the mechanism itself."""


@pytest.fixture(autouse=True)
def _english_afterwards() -> Iterator[None]:
    yield
    use(Language.ENGLISH)


def _fields(text: str) -> list[tuple[str | None, str | None]]:
    return sorted((name, spec) for _, name, spec, _ in string.Formatter().parse(text) if name is not None)


@pytest.mark.parametrize("name", TRANSLATED)
def test_every_string_is_translated(name: str) -> None:
    texts, wanted = read(language_file(name)).texts, strings(CHECKOUT)
    assert len(wanted) > 400
    assert [entry for entry in wanted if not all(texts.get(entry, ("",)))] == []
    assert [entry for entry in texts if entry not in wanted] == []  # python -m app.language drops them


@pytest.mark.parametrize("name", TRANSLATED)
def test_translations_hold_the_same_values_and_marks(name: str) -> None:
    for (one, many), forms in read(language_file(name)).texts.items():
        for form in forms:
            assert _fields(form) == _fields(many or one), one
            assert form.endswith("…") == one.endswith("…"), one
            assert (form[-1] in ".?") == (one[-1] in ".?"), one
            assert form.count("&") == one.count("&"), one


def test_a_pick_is_a_vergleich_and_only_an_answer_an_antwort() -> None:
    for (one, many), forms in read(language_file("de")).texts.items():
        if "pick" in (one + (many or "")).lower() and "answer" not in one:
            assert not any("ntwort" in form for form in forms), one


def _escaping(tree: ast.AST) -> Iterator[str]:
    """Words in a syntax tree that do not go through the mechanism."""
    passed: set[ast.AST] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            passed.add(node.value)
        if isinstance(node, ast.Call):
            name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
            if name in INSIDE or name in METHODS:
                passed |= {each for argument in node.args for each in ast.walk(argument)}
        if isinstance(node, (ast.AnnAssign, ast.arg)) and node.annotation is not None:
            passed |= set(ast.walk(node.annotation))
        if isinstance(node, ast.keyword) and node.arg == "words":
            passed |= set(ast.walk(node.value))  # what a search finds
    for node in ast.walk(tree):
        text = node.value if isinstance(node, ast.Constant) and node not in passed else None
        if isinstance(text, str) and WORDS.search(text) and text not in NAMES:
            yield text


def test_no_words_escape() -> None:
    assert list(_escaping(ast.parse('button = QPushButton("Open folder")\nlabel.setText(f"{n} photos left")'))) == [
        "Open folder",
        " photos left",
    ]
    found = {
        (file.relative_to(CHECKOUT).as_posix(), words)
        for file in (CHECKOUT / "app").rglob("*.py")
        if not file.relative_to(CHECKOUT).as_posix().startswith(WITHOUT)
        for words in _escaping(ast.parse(file.read_text(encoding="utf-8")))
    }
    assert found == set()


def test_every_sentence_of_the_engine_is_known() -> None:
    found = sentences.collect(CHECKOUT)
    assert found.unknown == []  # write the sentence where the error is raised, or where it can be followed to
    assert len(found.texts) > 300
    noted = {"Only the first picture of the file is kept.", "The EXIF block is damaged and was left out."}
    reasons = {"Most of the face lies outside the photo.", "It is much smaller than the largest ({0} and {1} px)."}
    assert noted | reasons <= set(found.texts)
    raised = {"{0} is empty.", "The export queue {0} cannot be used: {1}.", "a bracket is open", "Layered TIFF"}
    assert raised <= set(found.texts)


def test_hints_for_the_command_line_are_the_windows_own() -> None:
    """Each says what to do there, and the window what to do here."""
    found = sentences.collect(CHECKOUT).texts
    assert [text for text in found if OPTION.search(sentences.in_window(text))] == []
    assert {sentences.in_window(text) for text in found} >= set(sentences.HINTS.values())  # none is left over
    assert said("Use --device cpu.") == "Choose the processor under File ▸ Settings… ▸ This Computer."
    assert said("Use it by name (--policy tender), or train with more picks.") == "Train with more picks."
    assert said("Check its rights.") == "Check its rights."
    use(Language.GERMAN)
    assert said("Use --device cpu.") == "Wählen Sie den Prozessor unter Datei ▸ Voreinstellungen… ▸ Dieser Rechner."


def test_notes_and_why_a_face_is_left_out_are_said_in_the_windows_language(
    make_window: MakeWindow, qtbot: QtBot, portrait: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(Language.GERMAN)
    small = "The face is too small (20 px wide; at least 64 px are needed)."
    read = FakeEngine.open

    def noting(engine: FakeEngine, path: Path) -> RetouchSession:
        session = read(engine, path)
        session.notes.append("Faces of the saved edits that were not found again: 3.")
        session.skipped = (SkippedFace((0, 0, 9, 9), small),)
        return session

    monkeypatch.setattr(FakeEngine, "open", noting)
    window = make_window()
    opened(qtbot, window.photo, portrait)
    assert window.photo.notice == "Nicht wiedergefundene Gesichter der gespeicherten Bearbeitungen: 3."
    words = [label.text() for label in window.findChildren(QLabel)]
    assert any("Das Gesicht ist zu klein (20 px breit; nötig sind mindestens 64 px)." in each for each in words)


def test_followed_texts(tmp_path: Path) -> None:
    (tmp_path / "engine").mkdir()
    (tmp_path / "trainer").mkdir()
    (tmp_path / "engine/x.py").write_text(
        "HINT = 'Use ' + 'it.'\n"
        "class PicksError(EngineError): ...\n"
        "def f(name, error):\n"
        "    message, hint = 'is {full}', f'Free {name}.'\n"
        "    if error: message = f'fails ({error})'\n"
        "    raise PicksError(f'{name.x} {message}.', hint)\n"
        "def g(why): return PicksError('Bad' if why else 'Worse', HINT)\n"
        "def h(why): return PicksError(why)\n"
        "h('Passed.')\n"
        "raise OtherError('no text of ours')\n"
        "raise EngineError(unknown.thing)\n"
    )
    found = sentences.collect(tmp_path)
    assert set(found.texts) == {
        "{0} is {{full}}.", "{0} fails ({1}).", "Free {0}.", "Bad", "Worse", "Use it.", "Passed.",
    }  # fmt: skip
    assert found.unknown == ["engine/x.py:11: unknown.thing"]


@pytest.mark.parametrize("error", [(b"", "ist leer."), (b"no photo", "ist kein Foto"), (None, "gibt es nicht.")])
def test_errors_are_said_in_the_language_of_the_window(error: tuple[bytes | None, str], tmp_path: Path) -> None:
    content, german = error
    path = tmp_path / "a (b) {c} is.jpg"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(EngineError) as raised:
        read_photo(path)
    assert Problem.of(raised.value, "").message == raised.value.message  # English is as it was
    use(Language.GERMAN)
    problem = Problem.of(raised.value, "")
    assert problem.message.startswith(path.name) and german in problem.message
    assert problem.hint != raised.value.hint != ""
    assert raised.value.message in problem.details  # a report stays English


def test_a_reason_within_a_sentence_is_said_too() -> None:
    use(Language.GERMAN)
    text = "The recipes cannot be saved: No space left on device."
    assert said(text) == "Die Rezepte können nicht gespeichert werden: der Datenträger ist voll."
    assert said("there is no {colour}; known are {name}") == "{colour} gibt es nicht; bekannt sind {name}"
    assert said("Something else.") == "Something else."


def test_values_and_numbers() -> None:
    assert tr("Opening {name}", name="a {odd} name.jpg") == "Opening a {odd} name.jpg"
    assert trn("{count} face", "{count} faces", 1) == "1 face"
    assert trn("{count} face", "{count} faces", 1200) == "1,200 faces"
    assert use(Language.GERMAN) == "de"
    assert tr("Opening {name}", name="x") == "Öffnen von x"
    assert [trn("{count} face", "{count} faces", n) for n in (0, 1, 2)] == ["0 Gesichter", "1 Gesicht", "2 Gesichter"]
    assert tr("no such string") == "no such string"
    assert trn("{count} face", "{count} faces", 1200) == "1.200 Gesichter"
    drift = "Measured drift {worst:.2f}, the same person"
    assert tr(drift, worst=0.054).startswith("Gemessene Abweichung 0,05") and written(1234.5, ",.1f") == "1.234,5"
    assert tr("Opening {name}", name="1,5.jpg") == "Öffnen von 1,5.jpg"
    assert tr("The left one was better in {share:.0%}.", share=0.625) == "In 62\u00a0% war das linke besser."
    use(Language.ENGLISH)
    assert tr(drift, worst=0.054).startswith("Measured drift 0.05") and written(1234.5, ",.1f") == "1,234.5"


@pytest.mark.parametrize(
    ("system", "spoken"), [(["de-AT", "en"], "de"), (["fr-FR", "de"], "de"), (["fr"], "en"), ([], "en")]
)
def test_language_of_the_system(system: list[str], spoken: str) -> None:
    assert use(Language.SYSTEM, system) == spoken


def test_plural_rules_and_escapes_are_read(tmp_path: Path) -> None:
    file = tmp_path / "pl.po"
    file.write_text(
        'msgid ""\nmsgstr ""\n'
        '"Plural-Forms: nplurals=3; plural=(n==1 ? 0 : n%10>=2 && n%10<=4 && (n%100<10 || n%100>=20) ? 1 : 2);\\n"\n\n'
        '#: app/x.py\nmsgid "{count} face"\nmsgid_plural "{count} faces"\n'
        'msgstr[0] "{count} twarz"\nmsgstr[1] "{count} twarze"\nmsgstr[2] "{count} twarzy"\n\n'
        'msgid "a \\"b\\"\\nc"\nmsgstr ""\n"x "\n"y"\n',
        encoding="utf-8",
    )
    found = read(file)
    assert found.texts[('a "b"\nc', "")] == ("x y",)
    language._current = found
    assert [trn("{count} face", "{count} faces", n) for n in (1, 3, 5, 22)] == [
        "1 twarz", "3 twarze", "5 twarzy", "22 twarze",
    ]  # fmt: skip


def test_update_keeps_what_is_translated(tmp_path: Path) -> None:
    for source in ("app", "engine", "trainer"):
        (tmp_path / source).mkdir()
    (tmp_path / "app/x.py").write_text('tr("One")\ntr("Two", n=1)\ncounted(3, "dog", "dogs")\n')
    file = tmp_path / "de.po"
    update(tmp_path, file)
    assert read(file).texts == {("One", ""): ("",), ("Two", ""): ("",), ("{count} dog", "{count} dogs"): ("", "")}
    file.write_text(file.read_text().replace('msgid "Two"\nmsgstr ""', 'msgid "Two"\nmsgstr "Zwei"'))
    (tmp_path / "app/x.py").write_text('tr("Two")\ntr("Three")\n')
    update(tmp_path, file)
    assert read(file).texts == {("Two", ""): ("Zwei",), ("Three", ""): ("",)}
    assert isinstance(Catalogue().form(2), int)


RESTART = """
import json, sys
from pathlib import Path
from PySide6.QtCore import QProcess, QTimer
from PySide6.QtWidgets import QApplication
from app.viewmodels.settings import SettingsModel
SettingsModel().set(language="en", auto_retouch=False)
application = QApplication([])
started = []
QProcess.startDetached = lambda program, arguments: started.append([program, arguments])
def window():
    from app.views.main_window import MainWindow
    return next((w for w in application.topLevelWidgets() if isinstance(w, MainWindow)), None)
def look():
    if window() is None or window().photo.photo is None:
        return QTimer.singleShot(50, look)
    w = window()
    w.ask_settings()
    shown = w._settings_window
    seen = [shown.strip.isVisible()]
    for language in ("de", "en", "de"):
        shown.rows["language"]._change(language)
        seen.append(shown.strip.isVisible())
    print(json.dumps(seen))
    shown.strip.action.click()
QTimer.singleShot(0, look)
import app.window
code = app.window.run([Path(sys.argv[1])])
print(json.dumps(started))
sys.exit(code)
"""


def test_another_language_is_one_click_and_the_same_photo_away(tmp_path: Path) -> None:
    """The second start is made for real, too: it speaks German and shows the photo."""
    photo = write_portrait(tmp_path / "portrait.png")
    environment = {**os.environ, "PYTHONPATH": str(CHECKOUT), "QT_QPA_PLATFORM": "offscreen"}

    def run(script: str, *arguments: str) -> list[str]:
        command = [sys.executable, "-c", script, *arguments]
        done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=120, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()

    seen, started = map(json.loads, run(RESTART, str(photo)))
    assert seen == [False, True, False, True]
    assert started == [[sys.executable, ["-m", "app.main", "app"]]]
    assert json.loads(run(AGAIN)[0]) == ["portrait.png — Porelight", "Öffnen…"]


AGAIN = """
import json, sys
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication
application = QApplication([])
def look():
    from app.views.main_window import MainWindow
    window = next((w for w in application.topLevelWidgets() if isinstance(w, MainWindow)), None)
    if window is None or window.photo.photo is None:
        return QTimer.singleShot(50, look)
    print(json.dumps([window.windowTitle(), window.open_action.text()]))
    window.close()
QTimer.singleShot(0, look)
sys.argv = ["porelight", "app"]
from app.main import main
main()
"""

GERMAN = """
import json, sys
from PySide6.QtCore import QTimer
from PySide6.QtGui import QAction, QColorSpace
from PySide6.QtWidgets import QAbstractButton, QApplication, QDialogButtonBox, QLabel, QScrollArea, QToolButton
from app.viewmodels.settings import SettingsModel
SettingsModel().set(language="de")
application = QApplication([])
def look():
    from app.views.main_window import MainWindow
    window = next(each for each in application.topLevelWidgets() if isinstance(each, MainWindow))
    window.ask_settings()
    texts = [w.text() for kind in (QLabel, QAbstractButton, QAction) for w in window.findChildren(kind)]
    texts += [w.toolTip() for w in window.findChildren(QAbstractButton)]
    box = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
    labels = [w for w in window.findChildren(QLabel) if not w.wordWrap()]
    cut = [w.text() for w in labels if w.maximumWidth() < w.sizeHint().width()]
    pages = window.adjust.pages
    inside = [pages.widget(i).minimumSizeHint().width() for i in range(pages.count())]
    inside.append(pages.widget(0).widget().minimumSizeHint().width())
    wide = [width for width in inside if width > pages.width()]
    settings = window._settings_window
    for row in range(settings.sections.count()):
        settings.sections.setCurrentRow(row)
        application.processEvents()
        area = settings.findChild(QScrollArea)
        wide += [row] * (area.widget().minimumSizeHint().width() > area.viewport().width())
    window.resize(window.minimumWidth(), 700)
    application.processEvents()
    shown = [b for b in window.toolbar.findChildren(QToolButton) if b.isVisible()]
    cut += [b.text() for b in shown if b.width() < b.sizeHint().width()]
    QColorSpace.fromIccProfile(b"damaged")
    print(json.dumps({"texts": texts, "cancel": box.buttons()[0].text(), "cut": cut, "wide": wide}))
    window.close()
QTimer.singleShot(300, look)
import app.window
sys.exit(app.window.run())
"""


def test_window_speaks_german() -> None:
    environment = {**os.environ, "PYTHONPATH": str(CHECKOUT), "QT_QPA_PLATFORM": "offscreen"}
    done = subprocess.run(
        [sys.executable, "-c", GERMAN], capture_output=True, text=True, env=environment, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "fromIccProfile" not in done.stderr  # the window says it itself
    found = json.loads(done.stdout)
    assert (found["cut"], found["wide"]) == ([], [])  # no word is cut off, nothing runs out of the panel
    assert found["cancel"] == "Abbrechen"  # Qt's own words
    texts = set(found["texts"])
    assert {"Fotos öffnen…", "Unreinheiten", "&Datei", "Neutralgrau", "Rückgängig"} & texts >= {"Fotos öffnen…"}
    german = read(language_file("de")).texts
    english = {one for (one, _), (form, *_) in german.items() if form != one}
    assert {text for text in texts if text in english and text not in {f[0] for f in german.values()}} == set()

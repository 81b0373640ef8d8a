"""The language of the window: every string that a person sees goes through `tr`.

A string stands in the code in English and is its own key, the engine's sentences too (`said`);
`resources/languages/*.po` has the translations, in gettext's format, read as they are: nothing has to be compiled. The
language is chosen once, before the modules with strings are imported, so that their tables may be translated where they
stand. No Qt but in `install`.

`python -m app.language` writes new strings into the translations and drops those that are gone.
"""

from __future__ import annotations

import ast
import gettext
import re
import string
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app import sentences
from app.settings.schema import Language
from engine import paths

if TYPE_CHECKING:
    from PySide6.QtWidgets import QApplication

Entry = tuple[str, str]
"""(singular, plural), plural empty for a string without one."""
HEADER = 'msgid ""\nmsgstr ""\n"Language: {language}\\n"\n"Content-Type: text/plain; charset=UTF-8\\n"\n'
SOURCES = ("app",)
WITHOUT = ("app/commands",)
"""The command line speaks English."""


@dataclass
class Catalogue:
    """texts: entry → its forms, one without a plural. form: number → index of the form."""

    texts: dict[Entry, tuple[str, ...]] = field(default_factory=dict)
    form: Callable[[int], int] = lambda count: int(count != 1)
    plural: str = "nplurals=2; plural=(n != 1);"
    marks: Mapping[int, str] = field(default_factory=dict)
    """Of thousands, decimals and percent: what stands in place of the English ones."""

    @cached_property
    def templates(self) -> list[tuple[re.Pattern[str], str]]:
        """What the engine's sentences with values look like, those with the most words of their own first."""
        found = [one for one, _ in self.texts if "{0}" in one]
        return [
            (sentences.pattern(each), each) for each in sorted(found, key=lambda each: -len(re.sub(r"{\d}", "", each)))
        ]


_current = Catalogue()
MARKS = {Language.GERMAN: str.maketrans({",": ".", ".": ",", "%": "\u00a0%"})}


def written(value: float, form: str) -> str:
    """A number as the window's language writes it. form: as `format` takes it."""
    return format(value, form).translate(_current.marks)


class _Words(string.Formatter):
    def format_field(self, value: Any, form: str) -> str:
        return written(value, form) if form and isinstance(value, (int, float)) else format(value, form)


_words = _Words()


def tr(text: str, /, **values: object) -> str:
    """The text in the window's language, with values in its braces."""
    found = _current.texts.get((text, ""), ("",))[0] or text
    return _words.vformat(found, (), values) if values else found


def trn(one: str, many: str, count: int, /, **values: object) -> str:
    """A text that depends on a number; `{count}` is the number."""
    forms = _current.texts.get((one, many), ())
    found = forms[_current.form(count)] if forms and all(forms) else one if count == 1 else many
    return _words.vformat(found, (), {"count": written(count, ","), **values})


def said(text: str) -> str:
    """A finished English sentence of the engine (`app.sentences`) in the window's language, with its values; a hint for
    the command line as the window's own."""
    text = sentences.in_window(text)
    if (text, "") in _current.texts:
        return tr(text)
    for pattern, template in _current.templates:
        if match := pattern.fullmatch(text):
            return tr(template).format(*map(said, match.groups()))
    return text


def later(text: str) -> str:
    """The text as it is; `tr` translates it where it is shown."""
    return text


def language_file(language: str) -> Path:
    return paths.resources() / "languages" / f"{language}.po"


def use(language: Language, system: Sequence[str] = ()) -> str:
    """Speak a language from now on. system: those that the system prefers, such as "de-AT". Returns: which it is."""
    global _current
    known = {each.value for each in Language} - {Language.SYSTEM}
    wanted: Sequence[str] = [language] if language is not Language.SYSTEM else [each[:2] for each in system]
    chosen = next((each for each in wanted if each in known), Language.ENGLISH)
    _current = Catalogue() if chosen == Language.ENGLISH else read(language_file(chosen))
    _current.marks = MARKS.get(Language(chosen), {})
    return str(chosen)


def install(application: QApplication, language: str) -> None:
    """Qt's own words, such as those of its dialogs, in the same language."""
    from PySide6.QtCore import QLibraryInfo, QLocale, QTranslator

    QLocale.setDefault(QLocale(language))
    translator = QTranslator(application)
    folder = QLibraryInfo.path(QLibraryInfo.LibraryPath.TranslationsPath)
    if translator.load(f"qtbase_{language}", folder):
        application.installTranslator(translator)


def read(file: Path) -> Catalogue:
    """A translation file. Raises: OSError."""
    found = Catalogue()
    for block in re.split(r"\n\s*\n", file.read_text(encoding="utf-8")):
        parts: dict[str, str] = {}
        key = ""
        for line in block.splitlines():
            if match := re.match(r'(msgid|msgid_plural|msgstr(?:\[\d\])?)\s+(".*")$', line):
                key = match[1]
                parts[key] = ast.literal_eval(match[2])
            elif line.startswith('"') and key:
                parts[key] += ast.literal_eval(line)
        if parts.get("msgid") == "":
            if match := re.search(r"Plural-Forms: (.*?plural=(.*?);?)\s*$", parts["msgstr"], re.M):
                found.plural, found.form = match[1], gettext.c2py(match[2])
        elif parts:
            forms = [value for name, value in sorted(parts.items()) if name.startswith("msgstr")]
            found.texts[(parts["msgid"], parts.get("msgid_plural", ""))] = tuple(forms)
    return found


def strings(root: Path) -> dict[Entry, str]:
    """Every string that is to be translated, with the first place where it stands."""
    found: dict[Entry, str] = {}
    for file in sorted(file for source in SOURCES for file in (root / source).rglob("*.py")):
        name = file.relative_to(root).as_posix()
        if not name.startswith(WITHOUT):
            for entry in _strings_of(ast.parse(file.read_text(encoding="utf-8"))):
                found.setdefault(entry, name)
    for text, name in sentences.collect(root).texts.items():
        found.setdefault((sentences.in_window(text), ""), name)
    return found


def _strings_of(tree: ast.AST) -> Iterator[Entry]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            texts = [each.value for each in node.args if isinstance(each, ast.Constant) and isinstance(each.value, str)]
            if node.func.id in ("tr", "later") and texts:
                yield texts[0], ""
            elif node.func.id == "trn" and len(texts) == 2:
                yield texts[0], texts[1]
            elif node.func.id == "counted" and len(texts) == 2:
                yield f"{{count}} {texts[0]}", f"{{count}} {texts[1]}"


def update(root: Path, file: Path) -> None:
    """Give the file every string of the code, with the translations that it has already. Raises: OSError."""
    known = read(file) if file.exists() else Catalogue()
    lines = [HEADER.format(language=file.stem) + f'"Plural-Forms: {known.plural}\\n"\n']
    for entry, place in sorted(strings(root).items(), key=lambda each: (each[1], each[0])):
        one, many = entry
        forms = known.texts.get(entry, ("", "") if many else ("",))
        lines.append(f"#: {place}\nmsgid {_quoted(one)}")
        if many:
            lines[-1] += f"\nmsgid_plural {_quoted(many)}"
            lines[-1] += "".join(f"\nmsgstr[{number}] {_quoted(form)}" for number, form in enumerate(forms))
        else:
            lines[-1] += f"\nmsgstr {_quoted(forms[0])}"
        lines[-1] += "\n"
    paths.write_atomic(file, "\n".join(lines).encode())


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


if __name__ == "__main__":
    for each in sys.argv[1:] or [language.value for language in Language if language not in ("system", "en")]:
        update(Path(__file__).resolve().parents[1], language_file(each))

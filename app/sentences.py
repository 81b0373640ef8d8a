"""The engine's sentences, which are English wherever they arise, as templates by which the window knows them again.

An error's text is finished where it is raised; it crosses processes and waits in the export queue as text. So the
window finds its template, the text with numbers in braces for what changes, and says the translation with the same
values (`app.language.said`). Here the templates are read from the code. No Qt.
"""

from __future__ import annotations

import ast
import re
import string
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path

SOURCES = ("engine", "trainer")
_PROCESSOR = "Choose the processor under File ▸ Settings… ▸ This Computer"
HINTS = {
    "Use --device cpu.": f"{_PROCESSOR}.",
    "Try again with --device cpu, or install the model's weights again.": (
        f"{_PROCESSOR}, or install the model's weights again."
    ),
    "Apple GPUs need macOS on Apple silicon; use --device cpu here.": f"{_PROCESSOR}; Apple GPUs need Apple silicon.",
    "DirectML needs Windows and the package onnxruntime-directml; use --device cpu here.": (
        f"{_PROCESSOR}; DirectML needs Windows and the package onnxruntime-directml."
    ),
    "Install an NVIDIA driver with onnxruntime-gpu or a CUDA build of PyTorch, or use --device cpu.": (
        f"{_PROCESSOR}, or install an NVIDIA driver with onnxruntime-gpu or a CUDA build of PyTorch."
    ),
    "Choose another --out.": "Choose another folder.",
    "Free space or choose another --out.": "Free space or choose another folder.",
    "Free space or choose another --out; nothing is lost.": "Free space; nothing is lost.",
    "Close other programs or use --jobs 1.": "Close other programs.",
    "Close other programs that use it, or use --policy compact.": (
        "Close other programs that use it, or roll back to another policy under Learn ▸ Policies."
    ),
    "Import it (`porelight policies import FILE`), or name another one with --policy.": (
        "Import it under Learn ▸ Policies, or choose another one there."
    ),
    "Import the policy again (`porelight policies import FILE`).": "Import the policy again under Learn ▸ Policies.",
    "Download the folder of black-forest-labs/FLUX.1-Kontext-dev ({0}) in diffusers' layout and name it with "
    "--model FOLDER.": "Weights of one's own are for the command line; choose another policy under Learn ▸ Policies.",
    "Leave out --model.": "Choose the policy without a model of its own.",
    "Use it by name (--policy {0}), or train with more picks.": "Train with more picks.",
    "Run `porelight picks verify --repair`; nothing was added.": "Nothing was added; repair it under Learn ▸ Picks.",
    "Name the file that holds the picks; this one is damaged, or another file.": "Repair it under Learn ▸ Picks.",
    "Run `porelight picks verify` on it.": "The file is damaged; import another copy of it.",
    "Name another one with --against.": "Choose two different policies.",
    "Train it again with `porelight train reward`.": "Train again under Learn ▸ Training.",
    "They are a model's; let a person look at them, or use --trust-model.": (
        "They are a model's; let a person look at them."
    ),
    "Use --resume, or choose another --out.": "Resume it under Learn ▸ Training.",
    "Name the folder that was given to --out.": "Begin another training under Learn ▸ Training.",
    "Wait for it, stop it, or use another --out.": "Wait for it, or end it under Learn ▸ Training.",
}
"""Hints that name what the command line can do → what the window says instead."""
WITHOUT = ("engine/evaluation", "engine/outputs.py", "engine/selftest.py", "engine/doctor.py", "trainer/pretrain")
"""What only the command line runs."""
RULES = ("engine/delivery/naming.py", "engine/delivery/recipe.py")
"""Their ValueErrors say what is wrong with a recipe; the names of the built-in recipes stand there, too."""
NOTES = "notes"
"""Name of the lists of what is noted about a photo."""
REASONS = ("doubt",)
"""Names of arguments that are sentences."""
PARTS = ("message", "what")
"""Names of parts of a sentence that stand in the code, too."""
VALUE = "\0"
"""Stands for what is not known before the program runs."""
DEPTH = 4
"""How far a text is followed through names and functions."""


@dataclass
class Found:
    """texts: template → the file where it stands. unknown: places whose text cannot be read from the code."""

    texts: dict[str, str] = field(default_factory=dict)
    unknown: list[str] = field(default_factory=list)


def collect(root: Path) -> Found:
    """Messages and hints of EngineErrors, notes, why a face is left out, and the names of built-in recipes."""
    trees = {
        file.relative_to(root).as_posix(): ast.parse(file.read_text(encoding="utf-8"))
        for source in SOURCES
        for file in sorted((root / source).rglob("*.py"))
    }
    kinds, found = _kinds(list(trees.values())), Found()
    shared = [node for tree in trees.values() for node in tree.body if isinstance(node, (ast.Assign, ast.AnnAssign))]
    for name, tree in trees.items():
        if name.startswith(WITHOUT):
            continue
        scope = [*ast.walk(tree), *shared]
        for each in ast.walk(tree):
            for node in _shown(each, kinds | {"ValueError"} if name in RULES else kinds, name in RULES):
                texts = list(_texts(node, scope, DEPTH))
                if not texts:
                    found.unknown.append(f"{name}:{node.lineno}: {ast.unparse(node)}")
                for text in texts:
                    if text.strip(VALUE + " .:"):
                        found.texts.setdefault(_template(text), name)
    return found


def pattern(template: str) -> re.Pattern[str]:
    """What a finished sentence of the template looks like."""
    parts = string.Formatter().parse(template)
    return re.compile("".join(re.escape(text) + ("(.+)" if name else "") for text, name, *_ in parts), re.DOTALL)


def in_window(text: str) -> str:
    """The hint that the window gives instead of this one, or the text itself."""
    return next((words for each, words in _HINTS if each.fullmatch(text)), text)


_HINTS = [(pattern(template), words) for template, words in HINTS.items()]


def _kinds(trees: list[ast.Module]) -> set[str]:
    """EngineError and everything that is derived from it."""
    classes = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    kinds, before = {"EngineError"}, 0
    while len(kinds) > before:
        before = len(kinds)
        kinds |= {each.name for each in classes if {getattr(base, "id", "") for base in each.bases} & kinds}
    return kinds


def _shown(node: ast.AST, kinds: set[str], rules: bool) -> Iterator[ast.expr]:
    """The arguments of a call that a person will read, and the notes that a list begins with."""
    if isinstance(node, ast.Assign) and isinstance(node.value, ast.List) and _named(node.targets[0]) == NOTES:
        yield from node.value.elts
    if isinstance(node, ast.Call):
        yield from _said(node, kinds, rules)


def _said(call: ast.Call, kinds: set[str], rules: bool) -> Iterator[ast.expr]:
    name = _named(call.func)
    yield from (each.value for each in call.keywords if each.arg in REASONS)
    if name in ("append", "insert") and isinstance(call.func, ast.Attribute) and _named(call.func.value) == NOTES:
        yield call.args[-1]
    elif name == "SkippedFace":
        yield call.args[1]
    elif name in kinds:
        yield from (each for each in call.args[:2] if not isinstance(each, ast.Starred))
    elif rules and name == "Recipe":
        yield from (each.value for each in call.keywords if each.arg == "name")


def _named(node: ast.AST) -> str:
    """The name of a variable, attribute or function; empty of anything else."""
    return str(getattr(node, "id", getattr(node, "attr", "")))


def _texts(node: ast.expr | None, scope: list[ast.AST], depth: int) -> Iterator[str]:
    """Every text that an expression may be. scope: nodes in which names, functions and arguments are looked up."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, (ast.JoinedStr, ast.BinOp)):
        yield from _joined(node, scope, depth)
    elif isinstance(node, ast.IfExp):
        yield from (text for each in (node.body, node.orelse) for text in _texts(each, scope, depth))
    elif isinstance(node, ast.Dict):
        yield from (text for each in node.values for text in _texts(each, scope, depth))
    elif isinstance(node, ast.Subscript):
        yield from _texts(node.value, scope, depth)
    elif depth > 0 and isinstance(node, (ast.Name, ast.Call, ast.Attribute)):
        name = getattr(node, "id", getattr(node, "attr", ""))
        if isinstance(node, ast.Call):
            name = getattr(node.func, "id", getattr(node.func, "attr", ""))
        for value in _values(name, scope, isinstance(node, ast.Call)):
            yield from _texts(value, scope, depth - 1)


def _values(name: str, scope: list[ast.AST], call: bool) -> Iterator[ast.expr | None]:
    """What a name is assigned or passed, or what a function of that name returns."""
    for node in scope:
        if call and isinstance(node, ast.FunctionDef) and node.name == name:
            yield from (each.value for each in ast.walk(node) if isinstance(each, ast.Return))
        elif not call and isinstance(node, ast.Assign):
            yield from (value for target, value in _assigned(node) if getattr(target, "id", "") == name)
        elif not call and isinstance(node, ast.FunctionDef) and name in (names := [a.arg for a in node.args.args]):
            yield from _passed(node.name, names.index(name), scope)
        elif not call and isinstance(node, (ast.AnnAssign, ast.keyword)) and _target(node) == name:
            yield node.value


def _target(node: ast.AnnAssign | ast.keyword) -> str | None:
    return node.arg if isinstance(node, ast.keyword) else getattr(node.target, "id", "")


def _assigned(node: ast.Assign) -> Iterator[tuple[ast.expr, ast.expr]]:
    for target in node.targets:
        if isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
            yield from zip(target.elts, node.value.elts, strict=False)
        else:
            yield target, node.value


def _passed(function: str, position: int, scope: list[ast.AST]) -> Iterator[ast.expr]:
    """What calls of a function give at a position."""
    for node in scope:
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == function and len(node.args) > position:
            yield node.args[position]


def _joined(node: ast.expr, scope: list[ast.AST], depth: int) -> Iterator[str]:
    """A text of parts; a part that is one of a few texts makes one text of each."""
    parts: list[list[str]] = []
    for each in _parts(node):
        value = each.value if isinstance(each, ast.FormattedValue) else each
        branches = (value.body, value.orelse) if isinstance(value, ast.IfExp) else (value,)
        found: list[str] = []
        for branch in branches:
            name = getattr(branch, "id", "")
            if isinstance(branch, (ast.Constant, ast.JoinedStr)) or name.isupper() or (name in PARTS and depth > 0):
                found += _texts(branch, scope, depth - 1)
            if not found or name in PARTS or isinstance(branch, (ast.Subscript, ast.Call)):
                found.append(VALUE)
        parts.append(list(dict.fromkeys(found)))
    yield from map("".join, product(*parts))


def _template(text: str) -> str:
    """With the values as numbers in braces."""
    if VALUE not in text:
        return text
    first, *rest = text.replace("{", "{{").replace("}", "}}").split(VALUE)
    return first + "".join(f"{{{number}}}{piece}" for number, piece in enumerate(rest))


def _parts(node: ast.expr) -> Iterator[ast.expr]:
    if isinstance(node, ast.JoinedStr):
        for each in node.values:
            yield from _parts(each)
    elif isinstance(node, ast.BinOp):
        yield from _parts(node.left)
        yield from _parts(node.right)
    else:
        yield node

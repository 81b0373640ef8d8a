"""The adjusting part of the window: tools, strengths, presets, variations, history, and their actions and keys."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from PySide6.QtCore import QObject, QPointF, Qt
from PySide6.QtGui import QAction, QActionGroup, QCursor
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QMainWindow,
    QMenu,
    QScrollArea,
    QSizePolicy,
    QStackedWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from app.language import tr
from app.settings.schema import SRGB
from app.viewmodels.compare import CompareModel, Mode
from app.viewmodels.desk import Desk
from app.viewmodels.display import DisplayModel
from app.viewmodels.identity import IdentityModel
from app.viewmodels.labels import BRUSH_TITLES
from app.viewmodels.library import LibraryChange, View
from app.viewmodels.overlays import Overlay
from app.viewmodels.presets import PresetModel
from app.viewmodels.state import Change, Stage
from app.viewmodels.tools import Tool, ToolModel
from app.viewmodels.variations import VariationsModel
from app.views.actions import Actions
from app.views.faces import FaceList
from app.views.history_panel import HistoryPanel
from app.views.monitor import profile_of
from app.views.parts import ask_profile, scrolling, section
from app.views.presets_panel import PresetsPanel
from app.views.strengths import StrengthsPanel
from app.views.toolbox import Toolbox
from app.views.variations_panel import VariationsPanel

TABS = (tr("Adjust"), tr("Presets"), tr("Variations"), tr("History"))
TAB_ACTIONS = ("tab_adjust", "tab_presets", "tab_variations", "tab_history")
LATER = tr("The settings are pasted as soon as the photo is retouched.")
TOOL_ACTIONS = {
    Tool.HEAL: "tool_heal",
    Tool.BRUSH: "tool_brush",
    Tool.PROTECT: "tool_protect",
    Tool.FACES: "tool_faces",
}
OVERLAY_ACTIONS = {
    Overlay.CLIPPING: "overlay_clipping",
    Overlay.MASK: "overlay_mask",
    Overlay.DIFFERENCE: "overlay_difference",
    Overlay.LAYER: "overlay_layer",
}


class Adjust(QObject):
    """Makes the panel, the models it shows, and the actions; the window places them."""

    def __init__(self, desk: Desk, compare: CompareModel, actions: Actions, window: QMainWindow) -> None:
        super().__init__(window)
        self.desk, self.photo, self.compare, self.window = desk, desk.photo, compare, window
        self.actions = actions
        photo = desk.photo
        self.tools = ToolModel(photo, self)
        self.presets = PresetModel(photo, self)
        self.variations = VariationsModel(photo, self)
        self.display = DisplayModel(photo, desk.settings, lambda: profile_of(window.screen()), self)
        self.identity = IdentityModel(photo, self)
        self._before = (compare.mode, True)
        """How before and after were compared until variations took their place, and whether the whole photo showed."""
        self._make_actions()
        self.strengths = StrengthsPanel(photo, self.identity)
        self.faces = FaceList(photo)
        self.toolbox = Toolbox(self.tools, self.tool_actions)
        self.pages = QStackedWidget()
        self.pages.addWidget(self._adjust_page())
        self.preset_page, self.variation_page = PresetsPanel(self.presets), VariationsPanel(self.variations)
        self.pages.addWidget(self.preset_page)
        self.pages.addWidget(self.variation_page)
        self.history = HistoryPanel(photo)
        self.pages.addWidget(self.history)
        self.tabs = self._make_tabs()
        self._make_menus()
        photo.changed.connect(self._refresh)
        desk.library.changed.connect(self._gone_on)
        self.tools.changed.connect(self._refresh_checks)
        compare.changed.connect(self._refresh_checks)
        self.variations.changed.connect(self._variations_changed)
        self.display.changed.connect(self._refresh_checks)
        self._refresh(Change.PHOTO)

    # --- construction -------------------------------------------------------------------------------------------------

    def _make_actions(self) -> None:
        photo, compare, tools, make = self.photo, self.compare, self.tools, self.actions.make
        self.copy_action = make("copy", self._copy)
        self.paste_action = make("paste", self._paste)
        self.sync_action = make("sync", self._sync)
        self.previous_action = make("previous", self._previous)
        self.snapshot_action = make("snapshot", self._snapshot)
        self.tool_actions = {
            tool: make(id, partial(tools.choose, tool), checkable=True) for tool, id in TOOL_ACTIONS.items()
        }
        self.slider_actions = [
            make(id, partial(self._step_slider, by)) for id, by in (("next_slider", 1), ("previous_slider", -1))
        ]
        self.smaller_action = make("smaller", lambda: tools.set(size=tools.size - 5))
        self.larger_action = make("larger", lambda: tools.set(size=tools.size + 5))
        self.delete_action = make("delete", tools.delete)
        self.overlay_actions = {
            overlay: make(id, partial(compare.show_overlay, overlay), checkable=True)
            for overlay, id in OVERLAY_ACTIONS.items()
        }
        self.layer_actions = {
            name: self._choice(title, partial(self._show_layer, name))
            for name, title in BRUSH_TITLES.items()
            if name != "all"
        }
        self.fill_action = make("fill", compare.fill)
        self.face_action = make("to_face", self._to_face)
        self.loupe_action = make("loupe", self._loupe, checkable=True)
        self.tab_actions = [make(id, partial(self._go_to_tab, index)) for index, id in enumerate(TAB_ACTIONS)]
        self.system_action = self._choice(tr("As the system"), lambda: self.display.choose(None))
        self.srgb_action = self._choice(SRGB, lambda: self.display.choose(SRGB))
        self.profile_action = self._choice(tr("Choose Profile…"), self.ask_profile)
        self._editing = [
            *(self.sync_action, self.snapshot_action, self.face_action),
            *self.slider_actions,
            *self.overlay_actions.values(),
            *self.layer_actions.values(),
        ]
        photo.changed.connect(self._face_shown)
        self._face_index = -1

    def _choice(self, text: str, do: Callable[[], object]) -> QAction:
        """A checkable line of a menu without a key of its own."""
        action = QAction(text, self.window)
        action.setCheckable(True)
        action.triggered.connect(lambda *_: do())
        return action

    def _make_menus(self) -> None:
        self.settings_menu = QMenu(tr("&Settings"), self.window)
        self.settings_menu.addActions([self.copy_action, self.paste_action, self.previous_action])
        self.settings_menu.addSeparator()
        self.settings_menu.addAction(self.sync_action)
        self.settings_menu.addSeparator()
        self.settings_menu.addAction(self.snapshot_action)
        self.tools_menu = QMenu(tr("&Tools"), self.window)
        self.tools_menu.addActions(list(self.tool_actions.values()))
        self.tools_menu.addSeparator()
        self.tools_menu.addActions([self.smaller_action, self.larger_action, self.delete_action])
        self.tools_menu.addSeparator()
        self.tools_menu.addActions(self.slider_actions)
        self.tools_menu.addSeparator()
        self.tools_menu.addActions(self.tab_actions)
        self.overlay_menu = QMenu(tr("Overlay"), self.window)
        self.overlay_menu.addActions(list(self.overlay_actions.values()))
        layers = self.overlay_menu.addMenu(tr("Layer"))
        layers.addActions(list(self.layer_actions.values()))
        self.display_menu = QMenu(tr("Monitor Profile"), self.window)
        group = QActionGroup(self)
        for action in (self.system_action, self.srgb_action, self.profile_action):
            group.addAction(action)
        self.display_menu.addActions(group.actions())

    def _make_tabs(self) -> QFrame:
        bar = QFrame()
        bar.setObjectName("tabs")
        row = QHBoxLayout(bar)
        row.setContentsMargins(10, 0, 10, 0)
        row.setSpacing(2)
        self._tab_buttons: list[QToolButton] = []
        for index, title in enumerate(TABS):
            button = QToolButton()
            button.setText(title)
            button.setCheckable(True)
            button.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
            button.setToolTip(self.tab_actions[index].toolTip())
            button.clicked.connect(lambda *_, index=index: self.show_tab(index))
            row.addWidget(button, 1)
            self._tab_buttons.append(button)
        page = self.desk.place.page
        self.show_tab(TAB_ACTIONS.index(page) if page in TAB_ACTIONS else 0)
        return bar

    def _adjust_page(self) -> QScrollArea:
        inside = QWidget()
        content = QVBoxLayout(inside)
        content.setContentsMargins(16, 14, 16, 14)
        content.setSpacing(6)
        content.addWidget(self.toolbox)
        content.addSpacing(10)
        content.addWidget(section(tr("Faces")))
        content.addWidget(self.faces)
        content.addSpacing(10)
        content.addWidget(section(tr("Retouch")))
        content.addWidget(self.strengths)
        content.addStretch(1)  # all of what is left: the face rows would share in a stretch of 0
        return scrolling(inside)

    @property
    def shows_pictures(self) -> bool:
        """Whether the page has pictures to choose from, which want room: not beside the grid."""
        return self.pages.currentWidget() is self.variation_page and self.desk.library.view is View.SINGLE

    # --- showing ------------------------------------------------------------------------------------------------------

    def show_tab(self, index: int) -> None:
        """Bring up one page of the panel."""
        self.pages.setCurrentIndex(index)
        for number, button in enumerate(self._tab_buttons):
            button.setChecked(number == index)
        self.desk.place.keep(page=TAB_ACTIONS[index])

    def _go_to_tab(self, index: int) -> None:
        """Bring up a page by its key, and give the keys to what there is to choose from."""
        self.show_tab(index)
        lists = (None, self.preset_page.tree, self.variation_page.first, self.history.entries)
        if (found := lists[index]) is not None:
            found.setFocus(Qt.FocusReason.ShortcutFocusReason)

    def _refresh(self, change: Change) -> None:
        photo = self.photo
        proposed = photo.stage is Stage.PROPOSED and self.desk.adjusting
        self.pages.setEnabled(self.desk.adjusting)
        for action in self._editing:
            action.setEnabled(proposed)
        for tool, action in self.tool_actions.items():
            action.setEnabled(self.tools.usable(tool) and self.desk.adjusting)
        loaded = photo.stage in (Stage.OPEN, Stage.PROPOSED)
        self.fill_action.setEnabled(loaded)
        self.loupe_action.setEnabled(loaded)
        some = photo.path is not None or bool(self.desk.library.chosen)
        self.copy_action.setEnabled(photo.path is not None and self.desk.adjusting)
        self.paste_action.setEnabled(some and photo.copied is not None)
        self.previous_action.setEnabled(some and photo.previous is not None)
        self._refresh_checks()

    def _gone_on(self, change: LibraryChange) -> None:
        if change & (LibraryChange.VIEW | LibraryChange.CURRENT | LibraryChange.SELECTION | LibraryChange.LIST):
            self._refresh(Change.SELECTION)

    def _refresh_checks(self) -> None:
        tools, compare = self.tools, self.compare
        for tool, action in self.tool_actions.items():
            action.setChecked(tool is tools.tool)
        for action in (self.smaller_action, self.larger_action):
            action.setEnabled(tools.painting)
        self.delete_action.setEnabled(tools.tool is Tool.FACES and tools.chosen is not None)
        for overlay, action in self.overlay_actions.items():
            action.setChecked(overlay is compare.overlay)
        for name, action in self.layer_actions.items():
            action.setChecked(compare.overlay is Overlay.LAYER and name == compare.layer)
        self.loupe_action.setChecked(compare.loupe is not None)
        display, own = self.display, self.display.choice not in (None, SRGB)
        self.system_action.setChecked(display.choice is None)
        self.srgb_action.setChecked(display.choice == SRGB)
        self.profile_action.setChecked(own)
        self.system_action.setText(
            tr("As the system: {title}", title=display.title) if display.choice is None else tr("As the system")
        )
        self.profile_action.setText(f"{display.title}…" if own else tr("Choose Profile…"))

    def _variations_changed(self) -> None:
        """Two picked variations stand side by side at 100%; one that is previewed bears its name."""
        model, compare, pair = self.variations, self.compare, (tr("Variation A"), tr("Variation B"))
        number = model.previewed
        after = tr("After") if number is None else tr("Variation {number}", number=number)
        wanted, before = pair if model.comparing else (tr("Before"), after), compare.names
        if wanted == before:
            return
        compare.set_names(*wanted)
        if model.comparing:
            self._before = (compare.mode, compare.viewport is not None and compare.viewport.fitted)
            compare.set_mode(Mode.SIDE)
            face = next((f for f in self.photo.faces if self.photo.selected in (None, f.id)), None)
            if face is not None:
                compare.to_box(face.box)
                compare.zoom_to(1.0)
        elif before == pair:
            mode, fitted = self._before
            compare.set_mode(mode)
            if fitted:
                compare.fit()

    # --- doing --------------------------------------------------------------------------------------------------------

    def _step_slider(self, by: int) -> None:
        self.show_tab(0)
        self.strengths.step(by)
        page, focused = self.pages.currentWidget(), self.window.focusWidget()
        if isinstance(page, QScrollArea) and focused is not None:
            page.ensureWidgetVisible(focused)

    def _copy(self) -> None:
        if self.photo.stage is not Stage.PROPOSED:
            self.photo.say(tr("There are no settings to copy until the photo is retouched."))
            return
        self.photo.copy()
        self.photo.say(tr("Settings copied."))
        self._refresh(Change.SELECTION)

    def _paste(self) -> None:
        if self.photo.copied is not None:
            now = self.desk.paste(self.photo.copied, tr("Paste settings"))
            self.photo.say(tr("Settings pasted.") if now else LATER)

    def _previous(self) -> None:
        if self.photo.previous is not None:
            now = self.desk.paste(self.photo.previous, tr("Previous settings"))
            self.photo.say(tr("Settings of the previous photo pasted.") if now else LATER)

    def _sync(self) -> None:
        paths = [path for path in self.desk.library.chosen if path != self.photo.path]
        if paths:
            self.photo.giving.give(paths, self.photo.settings(), tr("Sync settings"))
        else:
            self.photo.say(tr("Select other photos first: Shift with an arrow, or Ctrl+click in the filmstrip."))

    def _snapshot(self) -> None:
        """Ask for a name; Return alone keeps it under a number."""
        self.show_tab(TAB_ACTIONS.index("tab_history"))
        self.history.name.setFocus(Qt.FocusReason.ShortcutFocusReason)

    def _show_layer(self, name: str) -> None:
        self.compare.show_overlay(Overlay.LAYER, name)

    def _to_face(self) -> None:
        faces = self.photo.faces
        if not faces:
            return
        chosen = next((i for i, face in enumerate(faces) if face.id == self.photo.selected), None)
        self._face_index = chosen if chosen is not None else (self._face_index + 1) % len(faces)
        self.compare.to_box(faces[self._face_index].box)

    def _face_shown(self, change: Change) -> None:
        if Change.FACES in change:
            self._face_index = -1

    def _loupe(self) -> None:
        if self.compare.loupe is not None:
            self.compare.look(None)
            return
        canvas = self.window.canvas  # type: ignore[attr-defined]
        at = QPointF(canvas.mapFromGlobal(QCursor.pos())) * canvas.devicePixelRatioF()
        width, height = self.compare.canvas
        inside = 0 <= at.x() < width and 0 <= at.y() < height
        self.compare.look((at.x(), at.y()) if inside else (width / 2, height / 2))

    def ask_profile(self) -> None:
        if file := ask_profile(self.window):
            self.display.choose(file)
        self._refresh_checks()

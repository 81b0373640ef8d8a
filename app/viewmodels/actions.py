"""Everything the window can do by a key or a menu: one table, from which actions, settings and cheat sheet are made.

Keys are Qt's portable text; several of one action are separated by a space. Where Lightroom has the action, the key is
Lightroom's.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class ActionInfo:
    """held: works while the key is down, and is no menu entry."""

    id: str
    group: str
    title: str
    keys: tuple[str, ...] = ()
    help: str = ""
    held: bool = False


FILE, EDIT, PHOTO, COMPARE, TOOLS, VIEW, WINDOW = (
    "File", "Edit", "Photos", "Before and After", "Tools", "View", "Window",
)  # fmt: skip
GROUPS = (FILE, EDIT, COMPARE, PHOTO, TOOLS, WINDOW, VIEW)

_TABLE: tuple[tuple[str, str, str, str, str], ...] = (
    ("open", FILE, "Open…", "Ctrl+O", "Open photos"),
    ("open_folder", FILE, "Open Folder…", "Ctrl+Shift+O", ""),
    ("save_back", FILE, "Save and Return", "Ctrl+S", "Save into the copy that another program handed over"),
    ("export", FILE, "Export…", "Ctrl+E", "Export the chosen photos"),
    ("export_again", FILE, "Export Again", "Ctrl+Shift+E", "Export with the last recipes"),
    ("export_new", FILE, "Export New Photos", "", "Export what arrives in the open folder, once it has settled"),
    ("export_queue", FILE, "Export Queue", "Ctrl+Shift+J", "What is being exported"),
    ("settings", FILE, "Settings…", "Ctrl+,", ""),
    ("quit", FILE, "Quit", "Ctrl+Q", ""),
    ("undo", EDIT, "Undo", "Ctrl+Z", ""),
    ("redo", EDIT, "Redo", "Ctrl+Shift+Z Ctrl+Y", ""),
    ("reset", EDIT, "Reset Strengths and Marks", "Ctrl+Shift+R", ""),
    ("retouch", EDIT, "Retouch", "Ctrl+R", "Find faces and propose a retouch"),
    ("cancel", EDIT, "Cancel", "Esc", "Stop what runs"),
    ("copy", EDIT, "Copy Settings", "Ctrl+Shift+C", ""),
    ("paste", EDIT, "Paste Settings", "Ctrl+Shift+V", ""),
    ("previous", EDIT, "Previous Settings", "Ctrl+Alt+V", "Those of the photo edited before"),
    ("sync", EDIT, "Sync to Selected Photos", "Ctrl+Shift+S", ""),
    ("snapshot", EDIT, "New Snapshot", "Ctrl+N", ""),
    ("next_photo", PHOTO, "Next Photo", "Ctrl+Right", ""),
    ("previous_photo", PHOTO, "Previous Photo", "Ctrl+Left", ""),
    ("grid", PHOTO, "Grid", "G", ""),
    ("single", PHOTO, "Single Photo", "E D", ""),
    ("select_all", PHOTO, "Select All", "Ctrl+A", ""),
    ("stars_0", PHOTO, "No Stars", "0", ""),
    ("stars_1", PHOTO, "★", "1", ""),
    ("stars_2", PHOTO, "★★", "2", ""),
    ("stars_3", PHOTO, "★★★", "3", ""),
    ("stars_4", PHOTO, "★★★★", "4", ""),
    ("stars_5", PHOTO, "★★★★★", "5", ""),
    ("label_red", PHOTO, "Red", "6", ""),
    ("label_yellow", PHOTO, "Yellow", "7", ""),
    ("label_green", PHOTO, "Green", "8", ""),
    ("label_blue", PHOTO, "Blue", "9", ""),
    ("label_purple", PHOTO, "Purple", "", ""),
    ("flag_pick", PHOTO, "Pick", "P", ""),
    ("flag_reject", PHOTO, "Reject", "X", ""),
    ("flag_none", PHOTO, "No Flag", "U", ""),
    ("original", COMPARE, "Original While Held", "\\", "Shows the original as long as the key is down"),
    ("mode_after", COMPARE, "After", "", "Only the result"),
    ("mode_side", COMPARE, "Side by Side", "Y", ""),
    ("mode_wipe", COMPARE, "Wipe", "Shift+Y", ""),
    ("mode_stacked", COMPARE, "Stacked", "Alt+Y", ""),
    ("tool_heal", TOOLS, "Heal", "Q", "Remove a spot that you paint over"),
    ("tool_brush", TOOLS, "Brush", "K", "Paint one layer stronger or weaker"),
    ("tool_protect", TOOLS, "Protect", "Shift+K", "Paint where nothing may change"),
    ("tool_faces", TOOLS, "Faces", "Shift+F", "Add, move and remove face boxes"),
    ("smaller", TOOLS, "Smaller Brush", "[", ""),
    ("larger", TOOLS, "Larger Brush", "]", ""),
    ("delete", TOOLS, "Remove Face Box", "Del", ""),
    ("marks", VIEW, "Marks", "O", "Outline marks; a click keeps or removes one"),
    ("overlay_clipping", VIEW, "Clipping", "J", ""),
    ("overlay_mask", VIEW, "What Changes", "Shift+O", ""),
    ("overlay_difference", VIEW, "Difference", "Shift+D", ""),
    ("overlay_layer", VIEW, "One Layer", "Shift+L", ""),
    ("loupe", VIEW, "Loupe", "L", "Magnify what is under the cursor"),
    ("fit", VIEW, "Fit", "Ctrl+0", "Show the whole photo"),
    ("full", VIEW, "100%", "Ctrl+1", "One photo pixel per screen pixel"),
    ("fill", VIEW, "Fill", "Ctrl+2", ""),
    ("to_face", VIEW, "To Face", "Ctrl+3", "The selected face, or the next one"),
    ("toggle_zoom", VIEW, "Toggle Zoom", "Z", ""),
    ("zoom_in", VIEW, "Zoom In", "Ctrl++ Ctrl+=", ""),
    ("zoom_out", VIEW, "Zoom Out", "Ctrl+-", ""),
    ("tab_adjust", WINDOW, "Show Adjust", "Alt+1", ""),
    ("tab_presets", WINDOW, "Show Presets", "Alt+2", ""),
    ("tab_variations", WINDOW, "Show Variations", "Alt+3", ""),
    ("tab_history", WINDOW, "Show History", "Alt+4", ""),
    ("filmstrip", WINDOW, "Filmstrip", "F6", ""),
    ("shortcuts", WINDOW, "Keyboard Shortcuts", "F1 ?", ""),
)

ACTIONS: dict[str, ActionInfo] = {
    id: ActionInfo(id, group, title, tuple(keys.split()), help, held=id == "original")
    for id, group, title, keys, help in _TABLE
}

FIXED: tuple[tuple[str, str], ...] = (
    ("← →", "Previous or next photo"),
    ("↑ ↓", "A slider by 1, with Shift by 10"),
    ("0 … 9", "Type a strength after a click on its number"),
    ("Double-click", "A slider's name: back to its default"),
    ("Wheel", "Zoom about the cursor; on a slider, its value"),
    ("Drag", "Pan the photo, or the divider of the wipe"),
    ("Click", "A mark: keep it or remove it"),
)
"""Keys and gestures that belong to what they are used on, for the cheat sheet."""


def grouped() -> Iterator[tuple[str, list[ActionInfo]]]:
    """(group, its actions), in the table's order."""
    for group in GROUPS:
        yield group, [info for info in ACTIONS.values() if info.group == group]

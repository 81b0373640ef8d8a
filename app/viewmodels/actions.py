"""Everything the window can do by a key or a menu: one table, from which actions, settings and cheat sheet are made.

Keys are Qt's portable text; several of one action are separated by a space, those pressed one after the other by a
comma. Where Lightroom has the action, the key is Lightroom's. A key works on every keyboard: Ctrl+Alt is AltGr on
Windows, which types signs, and Shift gives the digits on a French keyboard.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from app.language import tr, written


@dataclass(frozen=True)
class ActionInfo:
    """held: works while the key is down, and is no menu entry."""

    id: str
    group: str
    title: str
    keys: tuple[str, ...] = ()
    help: str = ""
    held: bool = False


FILE, EDIT, PHOTO, COMPARE, TOOLS, VIEW, WINDOW, LEARN = (
    tr("File"), tr("Edit"), tr("Photos"), tr("Before and After"), tr("Tools"), tr("View"), tr("Window"),
    tr("Learn"),
)  # fmt: skip
GROUPS = (FILE, EDIT, COMPARE, PHOTO, TOOLS, WINDOW, VIEW, LEARN)

_TABLE: tuple[tuple[str, str, str, str, str], ...] = (
    ("open", FILE, tr("Open…"), "Ctrl+O", tr("Open photos")),
    ("open_folder", FILE, tr("Open Folder…"), "Ctrl+Shift+O", ""),
    ("save_back", FILE, tr("Save and Return"), "Ctrl+S", tr("Save into the copy that another program handed over")),
    ("export", FILE, tr("Export…"), "Ctrl+E", tr("Export the chosen photos")),
    ("export_again", FILE, tr("Export Again"), "Ctrl+Shift+E", tr("Export with the last recipes")),
    (
        "export_new",
        FILE,
        tr("Export New Photos"),
        "",
        tr("Export what arrives in the open folder, once it has settled"),
    ),
    ("export_queue", FILE, tr("Export Queue"), "Ctrl+Shift+J", tr("What is being exported")),
    ("settings", FILE, tr("Settings…"), "Ctrl+,", ""),
    ("quit", FILE, tr("Quit"), "Ctrl+Q", ""),
    ("undo", EDIT, tr("Undo"), "Ctrl+Z", ""),
    ("redo", EDIT, tr("Redo"), "Ctrl+Shift+Z Ctrl+Y", ""),
    ("reset", EDIT, tr("Reset Strengths and Marks"), "Ctrl+Shift+R", ""),
    ("retouch", EDIT, tr("Retouch"), "Ctrl+R", tr("Find faces and propose a retouch")),
    ("cancel", EDIT, tr("Cancel"), "Esc", tr("Stop what runs")),
    ("copy", EDIT, tr("Copy Settings"), "Ctrl+Shift+C", ""),
    ("paste", EDIT, tr("Paste Settings"), "Ctrl+Shift+V", ""),
    ("previous", EDIT, tr("Previous Settings"), "Ctrl+Alt+V", tr("Those of the photo edited before")),
    ("sync", EDIT, tr("Sync to Selected Photos"), "Ctrl+Shift+S", ""),
    ("snapshot", EDIT, tr("New Snapshot"), "Ctrl+N", ""),
    ("next_photo", PHOTO, tr("Next Photo"), "Ctrl+Right", ""),
    ("previous_photo", PHOTO, tr("Previous Photo"), "Ctrl+Left", ""),
    ("grid", PHOTO, tr("Grid"), "G", ""),
    ("single", PHOTO, tr("Single Photo"), "E D", ""),
    ("subfolders", PHOTO, tr("Photos in Subfolders"), "", tr("Show the photos of subfolders too")),
    ("select_all", PHOTO, tr("Select All"), "Ctrl+A", ""),
    ("stars_0", PHOTO, tr("No Stars"), "0", ""),
    ("stars_1", PHOTO, "★", "1", ""),
    ("stars_2", PHOTO, "★★", "2", ""),
    ("stars_3", PHOTO, "★★★", "3", ""),
    ("stars_4", PHOTO, "★★★★", "4", ""),
    ("stars_5", PHOTO, "★★★★★", "5", ""),
    ("label_red", PHOTO, tr("Red"), "6", ""),
    ("label_yellow", PHOTO, tr("Yellow"), "7", ""),
    ("label_green", PHOTO, tr("Green"), "8", ""),
    ("label_blue", PHOTO, tr("Blue"), "9", ""),
    ("label_purple", PHOTO, tr("Purple"), "", ""),
    ("flag_pick", PHOTO, tr("Pick"), "P", ""),
    ("flag_reject", PHOTO, tr("Reject"), "X", ""),
    ("flag_none", PHOTO, tr("No Flag"), "U", ""),
    ("all", PHOTO, tr("All Photos"), "F,0", tr("Take the filter away")),
    ("only_stars_1", PHOTO, tr("★ and More"), "F,1", ""),
    ("only_stars_2", PHOTO, tr("★★ and More"), "F,2", ""),
    ("only_stars_3", PHOTO, tr("★★★ and More"), "F,3", ""),
    ("only_stars_4", PHOTO, tr("★★★★ and More"), "F,4", ""),
    ("only_stars_5", PHOTO, tr("Only ★★★★★"), "F,5", ""),
    ("only_label_red", PHOTO, tr("Only Red"), "F,6", ""),
    ("only_label_yellow", PHOTO, tr("Only Yellow"), "F,7", ""),
    ("only_label_green", PHOTO, tr("Only Green"), "F,8", ""),
    ("only_label_blue", PHOTO, tr("Only Blue"), "F,9", ""),
    ("only_label_purple", PHOTO, tr("Only Purple"), "", ""),
    ("only_flag_pick", PHOTO, tr("Only Picked"), "F,P", ""),
    ("only_flag_reject", PHOTO, tr("Only Rejected"), "F,X", ""),
    ("only_flag_none", PHOTO, tr("Only without a Flag"), "F,U", ""),
    ("original", COMPARE, tr("Original While Held"), "\\ B", tr("Shows the original as long as the key is down")),
    ("mode_after", COMPARE, tr("After"), "", tr("Only the result")),
    ("mode_side", COMPARE, tr("Side by Side"), "Y", ""),
    ("mode_wipe", COMPARE, tr("Wipe"), "Shift+Y", ""),
    ("mode_stacked", COMPARE, tr("Stacked"), "Alt+Y", ""),
    ("tool_heal", TOOLS, tr("Heal"), "Q", tr("Remove a spot that you paint over")),
    ("tool_brush", TOOLS, tr("Brush"), "K", tr("Paint one layer stronger or weaker")),
    ("tool_protect", TOOLS, tr("Protect"), "Shift+K", tr("Paint where nothing may change")),
    ("tool_faces", TOOLS, tr("Faces"), "Shift+F", tr("Add, move and remove face boxes")),
    ("next_slider", TOOLS, tr("Next Slider"), ".", tr("Give the next slider the arrow keys")),
    ("previous_slider", TOOLS, tr("Previous Slider"), ",", tr("Give the slider before the arrow keys")),
    ("smaller", TOOLS, tr("Smaller Brush"), "[", ""),
    ("larger", TOOLS, tr("Larger Brush"), "]", ""),
    ("delete", TOOLS, tr("Remove Face Box"), "Del", ""),
    ("marks", VIEW, tr("Marks"), "O", tr("Outline marks; a click keeps or removes one")),
    ("overlay_clipping", VIEW, tr("Clipping"), "J", ""),
    ("overlay_mask", VIEW, tr("What Changes"), "Shift+O", ""),
    ("overlay_difference", VIEW, tr("Difference"), "Shift+D", ""),
    ("overlay_layer", VIEW, tr("One Layer"), "Shift+L", ""),
    ("loupe", VIEW, tr("Loupe"), "L", tr("Magnify what is under the cursor")),
    ("fit", VIEW, tr("Fit"), "Ctrl+0", tr("Show the whole photo")),
    ("full", VIEW, written(1, ".0%"), "Ctrl+1", tr("One photo pixel per screen pixel")),
    ("fill", VIEW, tr("Fill"), "Ctrl+2", ""),
    ("to_face", VIEW, tr("To Face"), "Ctrl+3", tr("The selected face, or the next one")),
    ("toggle_zoom", VIEW, tr("Toggle Zoom"), "Z", ""),
    ("zoom_in", VIEW, tr("Zoom In"), "Ctrl++ Ctrl+=", ""),
    ("zoom_out", VIEW, tr("Zoom Out"), "Ctrl+-", ""),
    ("tab_adjust", WINDOW, tr("Show Adjust"), "Alt+1", ""),
    ("tab_presets", WINDOW, tr("Show Presets"), "Alt+2", ""),
    ("tab_variations", WINDOW, tr("Show Variations"), "Alt+3", ""),
    ("tab_history", WINDOW, tr("Show History"), "Alt+4", ""),
    ("filmstrip", WINDOW, tr("Filmstrip"), "F6", ""),
    ("shortcuts", WINDOW, tr("Keyboard Shortcuts"), "F1 ?", ""),
    ("about", WINDOW, tr("About Porelight"), "", tr("Version and licence")),
    ("learn_picks", LEARN, tr("Picks…"), "Ctrl+Shift+P", tr("Say which of two retouches is better")),
    ("learn_training", LEARN, tr("Training…"), "Ctrl+Shift+T", tr("Train on your picks, and see how it goes")),
    ("learn_policies", LEARN, tr("Policies…"), "", tr("Trained policies: which one retouches, and how each did")),
    ("learn_review", LEARN, tr("Blind Review…"), "", tr("Compare two policies without knowing which is which")),
)

ACTIONS: dict[str, ActionInfo] = {
    id: ActionInfo(id, group, title, tuple(keys.split()), help, held=id == "original")
    for id, group, title, keys, help in _TABLE
}

FIXED: tuple[tuple[str, str], ...] = (
    ("← →", tr("Previous or next photo")),
    ("↑ ↓", tr("A slider by 1, with Shift by 10")),
    (tr("Return"), tr("Type a slider's strength; once more keeps it")),
    ("Esc", tr("From a slider back to the photo; puts a tool away")),
    (tr("Double-click"), tr("A slider's name: back to its default")),
    (tr("Wheel"), tr("Zoom about the cursor; on a slider, its value")),
    (tr("Drag"), tr("Pan the photo, or the divider of the wipe")),
    (tr("Click"), tr("A mark: keep it or remove it")),
)
"""Keys and gestures that belong to what they are used on, for the cheat sheet."""


def grouped() -> Iterator[tuple[str, list[ActionInfo]]]:
    """(group, its actions), in the table's order."""
    for group in GROUPS:
        yield group, [info for info in ACTIONS.values() if info.group == group]

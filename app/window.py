"""Opens the window. Importing this module imports no Qt; opening the window imports no torch."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from app.language import tr

WARM_UP_MS = 400
"""After this the engine is started, whether or not a photo is opened: the window is there by then."""


def run(paths: Sequence[Path] = (), *, edit: bool = False) -> int:
    """Show the window until it is closed, with a folder or photos if any are named, else where it was left.

    edit: the photos are copies that another program handed over; saving writes into them and closes the window.
    Returns: the exit code.
    """
    # WORKAROUND opencv-python 4.x: points Qt at its own plugins when it is imported.
    for variable in ("QT_QPA_PLATFORM_PLUGIN_PATH", "QT_QPA_FONTDIR"):
        if "cv2" in os.environ.get(variable, ""):
            del os.environ[variable]
    from PySide6.QtCore import QLocale, QLoggingCategory, QProcess, QTimer
    from PySide6.QtWidgets import QApplication

    from app import language
    from app.settings.schema import Language
    from app.viewmodels.settings import SettingsModel

    # Qt reads the screen's profile on X11 for itself; that it is damaged is said by the window (`DisplayModel`).
    QLoggingCategory.setFilterRules("qt.gui.icc=false")
    preferred = QLocale.system().uiLanguages()
    language.use(Language.SYSTEM, preferred)  # for what may be wrong with the settings
    settings = SettingsModel()
    # Before the modules with words in them are imported.
    spoken = language.use(settings.values.language, preferred)

    from app.viewmodels.crashes import Crashes
    from app.viewmodels.photo import PhotoModel
    from app.views import theme
    from app.views.main_window import MainWindow
    from app.views.report_offer import report_offer
    from app.views.strip import Strip
    from engine.device import prefer

    application = QApplication.instance() or QApplication(sys.argv[:1])
    assert isinstance(application, QApplication)
    application.setApplicationName("Porelight")
    application.setDesktopFileName("porelight")
    language.install(application, spoken)
    prefer(settings.values.device, settings.values.threads)
    theme.apply(application, settings.values.theme)
    model = PhotoModel()
    window = MainWindow(model, settings)
    window.lie_as_left()
    crashes = Crashes(window.desk.save, model.show)
    crashes.start()
    if crashes.reports:
        window.add_strip(report_offer(crashes, settings))
    if settings.notice:
        window.add_strip(Strip(settings.notice, tr("Nothing else is touched by it.")))
    window.show()
    # After the first paint, so that the window is there at once.
    desk = window.desk
    QTimer.singleShot(0, lambda: desk.edit(list(paths)) if edit else desk.start(list(paths or ())))
    QTimer.singleShot(WARM_UP_MS, model.warm_up)
    code = application.exec()
    crashes.end()
    if window.restarting:  # without the paths of this start: the window opens where it was left
        QProcess.startDetached(sys.executable, ["-m", "app.main", "app"])
    return code

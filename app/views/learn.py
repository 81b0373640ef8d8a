"""The menu Learn: its windows are made when they are first wanted."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QMainWindow, QMenu

from app.language import tr
from app.viewmodels.desk import Desk
from app.viewmodels.free_picks import FreePicks
from app.viewmodels.picks import PicksModel
from app.viewmodels.policies import PoliciesModel
from app.viewmodels.review import ReviewModel
from app.viewmodels.settings import SettingsModel
from app.viewmodels.training import TrainingModel
from app.viewmodels.variations import VariationsModel
from app.views.actions import Actions
from app.views.strip import Strip

if TYPE_CHECKING:
    from app.views.picks_window import PicksWindow
    from app.views.policies_window import PoliciesWindow
    from app.views.review_window import ReviewWindow
    from app.views.training_window import TrainingWindow


class Learn(QObject):
    """Makes the actions and windows; the main window places the menu."""

    def __init__(self, desk: Desk, actions: Actions, settings: SettingsModel, window: QMainWindow) -> None:
        super().__init__(window)
        self.desk, self.settings, self.window = desk, settings, window
        self.picks = PicksModel(desk.photo.engine, desk.photo.runner, settings, self)
        self.policies = PoliciesModel(desk.photo.runner, self)
        self.policies.switched.connect(self._switched)
        self.training = TrainingModel(desk.photo.runner, self)
        self.training.ended.connect(self._trained)
        self.review = ReviewModel(desk.photo.runner, self)
        self.menu = QMenu(tr("&Learn"), window)
        shown = {
            "learn_picks": self.show_picks,
            "learn_training": self.show_training,
            "learn_policies": self.show_policies,
            "learn_review": self.show_review,
        }
        self.menu.addActions([actions.make(id, show) for id, show in shown.items()])
        self._picks: PicksWindow | None = None
        self._policies: PoliciesWindow | None = None
        self._training: TrainingWindow | None = None
        self._review: ReviewWindow | None = None

    def watch(self, variations: VariationsModel) -> None:
        """Variations that are taken may become picks; the person is asked once."""
        free = FreePicks(variations, self.picks, self.settings, self.desk.photo, self)
        strip = Strip(
            tr("Shall Porelight learn from the variations that you take?"),
            tr("What you take over the others is kept as picks, on this computer only. The settings can change that."),
            tr("Record Picks"),
            tr("Don't Record"),
        )
        strip.hide()
        strip.acted.connect(lambda: free.answer(True))
        strip.dismissed.connect(lambda: free.answer(False))
        free.changed.connect(lambda: strip.setVisible(free.waiting is not None))
        self.free, self.strip = free, strip

    def show_picks(self) -> None:
        """Ask which retouch is best."""
        if self._picks is None:
            from app.views.picks_window import PicksWindow

            self._picks = PicksWindow(self.picks, self._chosen, self.window)
        self._picks.begin()

    def show_training(self) -> None:
        """Train on the picks, or see how it goes."""
        if self._training is None:
            from app.views.training_window import TrainingWindow

            self._training = TrainingWindow(
                self.training, self.policies, self._chosen, self.show_picks, self.show_review, self.window
            )
        self.policies.refresh()
        self._training.begin()

    def show_policies(self) -> None:
        """What was trained, and which of it retouches."""
        if self._policies is None:
            from app.views.policies_window import PoliciesWindow

            self._policies = PoliciesWindow(self.policies, self.window)
        self._policies.begin()

    def show_review(self, policy: str = "") -> None:
        """Compare two policies blindly. policy: the one under review."""
        if self._review is None:
            from app.views.review_window import ReviewWindow

            self._review = ReviewWindow(self.review, self._chosen, self.window)
        self._review.begin(policy)

    def _switched(self) -> None:
        """Another policy retouches: what was retouched ahead by the one before is not shown as its own."""
        self.desk.opened.forget_proposals()
        self.desk.photo.say(self.policies.notice)

    def _trained(self) -> None:
        self.desk.photo.say(tr("Training: {title}.", title=self.training.title))
        self.policies.refresh()

    def _chosen(self) -> list[Path]:
        """The selected photos, else the open one."""
        chosen = self.desk.library.chosen
        return chosen or ([self.desk.photo.path] if self.desk.photo.path else [])

    def close(self) -> None:
        """Before the window's jobs end. A training goes on by itself."""
        self.training.close()
        self.review.close()
        self.picks.close()

"""Training: what is to be trained, how it goes, and what came of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from PySide6.QtCore import QEvent, QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QGridLayout,
    QHBoxLayout,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from app.language import tr, trn
from app.viewmodels.labels import counted
from app.viewmodels.policies import PoliciesModel
from app.viewmodels.training import CURVES, FIGURES, LENGTHS, MODES, TrainingModel
from app.viewmodels.watching import Phase
from app.views.curves import CurvePlot, Strips
from app.views.parts import READABLE, button, fill, form, say, take_room, thin_bar, words

FORMS = {"preferred": ".0%"}


class TrainingWindow(QDialog):
    """Stays open beside the main window. photos: those that could be trained on besides the picks'. show_picks: the way
    out if there are none. show_review: compares a policy blindly."""

    def __init__(
        self,
        model: TrainingModel,
        policies: PoliciesModel,
        photos: Callable[[], Sequence[Path]],
        show_picks: Callable[[], None],
        show_review: Callable[[str], None],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle(tr("Training"))
        take_room(self, 1060, 720)
        self.model, self.policies, self.photos = model, policies, photos
        self.title, self.said, self.trouble = words("title"), words("muted"), words("warning")
        self.bar = thin_bar(tr("Progress of the training"))
        self.pause = button("", "")
        self.pause.clicked.connect(lambda: model.go_on() if self._pausing else model.pause())
        self.stop = button(tr("End"), tr("Stop at the next step; the training can be resumed"), model.stop)
        self.resume = button(tr("Resume"), tr("Go on where the training was"), model.resume, "primary")
        self.again = button(tr("New Training"), tr("Train from the picks as they are now"), partial(model.set_up, True))
        self.last = button(tr("Last Training"), tr("Show the training before"), partial(model.set_up, False))
        self.report = button(tr("Open Report"), tr("Everything about this training on one page"), self._open_report)
        self.review = button(
            tr("Blind Review…"), tr("Compare it without knowing which is which"), lambda: show_review(model.version)
        )
        self.activate = button("", tr("Let it retouch from now on"), self._activate, "primary")
        self.train = button(tr("Train"), tr("Fit the reward and train the policy on it"), model.start, "primary")
        self.picks = button(tr("Picks…"), tr("Say which of two retouches is better"), show_picks)
        self.setup, self.run = self._make_setup(), self._make_run()
        self.pages = QStackedWidget()
        self.pages.addWidget(self.setup)
        self.pages.addWidget(self.run)
        self._lay_out()
        model.changed.connect(self._refresh)
        policies.changed.connect(self._refresh)
        self._refresh()

    def _make_setup(self) -> QWidget:
        page = QWidget()
        self.source, self.time, self.advice = words("", ""), words(""), words("warning")
        self.base, self.place, self.mode, self.length = (QComboBox() for _ in range(4))
        for mode, name in MODES.items():
            self.mode.addItem(name, mode)
        for count, name in LENGTHS.items():
            self.length.addItem(trn("{name}: {count} round", "{name}: {count} rounds", count, name=name), count)
        self.mode.setCurrentIndex(self.mode.findData(self.model.wanted.mode))
        self.length.setCurrentIndex(self.length.findData(self.model.wanted.iterations))
        rows = form(
            [
                (tr("Learns from"), self.source),
                (tr("Begins with"), self.base),
                (tr("Practises on"), self.place),
                (tr("Length"), self.length),
                (tr("Method"), self.mode),
                (tr("Takes"), self.time),
            ]
        )
        self.base.activated.connect(lambda: self.model.choose(base=self.base.currentData()))
        self.place.activated.connect(lambda: self.model.choose(extra=self.place.currentData()))
        self.mode.activated.connect(lambda: self.model.choose(mode=self.mode.currentData()))
        self.length.activated.connect(lambda: self.model.choose(iterations=self.length.currentData()))
        promise = words(
            "muted",
            tr(
                "Some photos are held out. On these the result has to be better beyond chance, and must keep pores, "
                "marks and skin tone; otherwise it is not activated. Training gives way to your own work."
            ),
        )
        for each in (self.advice, promise):
            each.setMaximumWidth(READABLE)
        column = QVBoxLayout(page)
        column.setContentsMargins(0, 8, 0, 0)
        column.setSpacing(18)
        column.addLayout(rows)
        column.addWidget(self.advice)
        column.addWidget(promise)
        column.addStretch(1)
        return page

    def _make_run(self) -> QWidget:
        page = QWidget()
        self.plots = {name: CurvePlot(title, CURVES, FORMS.get(name, "g")) for name, title in FIGURES.items()}
        self.strips = Strips()
        grid = QGridLayout()
        grid.setSpacing(16)
        for number, plot in enumerate(self.plots.values()):
            grid.addWidget(plot, number // 2, number % 2)
        row = QHBoxLayout(page)
        row.setContentsMargins(0, 8, 0, 0)
        row.setSpacing(24)
        row.addLayout(grid, 3)
        row.addWidget(self.strips, 2)
        return page

    def _lay_out(self) -> None:
        head, foot = QHBoxLayout(), QHBoxLayout()
        head.setSpacing(8)
        head.addWidget(self.title, 1)
        for each in (self.pause, self.stop, self.resume):
            head.addWidget(each)
        foot.setSpacing(8)
        for each in (self.again, self.last, self.report, self.review):
            foot.addWidget(each)
        foot.addStretch(1)
        for each in (self.picks, self.train, self.activate):
            foot.addWidget(each)
        column = QVBoxLayout(self)
        column.setContentsMargins(20, 18, 20, 16)
        column.setSpacing(10)
        column.addLayout(head)
        column.addWidget(self.said)
        column.addWidget(self.trouble)
        column.addWidget(self.bar)
        column.addWidget(self.pages, 1)
        column.addLayout(foot)

    def begin(self) -> None:
        """Show the window with the picks and the training as they are now."""
        self.show()
        self.raise_()
        self.activateWindow()
        self.model.refresh(self.photos())

    # --- showing ------------------------------------------------------------------------------------------------------

    @property
    def _pausing(self) -> bool:
        return self.model.seen is not None and self.model.seen.phase in (Phase.PAUSING, Phase.PAUSED)

    def _refresh(self) -> None:
        model = self.model
        if model.plan is None:
            say(self.title, tr("Training"))
        problem = model.problem
        say(self.trouble, f"{problem.message} {problem.hint}" if problem else "")
        self.pages.setCurrentWidget(self.setup if model.setting_up else self.run)
        self.bar.setVisible(model.at_work)
        self.bar.setValue(round(1000 * model.fraction))
        self.last.setVisible(model.setting_up and model.seen is not None)
        self.train.setVisible(model.setting_up)
        self.train.setEnabled(model.can_train and not model.busy)
        self._show_setup()
        self._show_run()

    def _show_setup(self) -> None:
        model, plan = self.model, self.model.plan
        obstacle = plan.obstacle() if plan is not None else ""
        self.picks.setProperty("role", "primary" if obstacle else "")
        self.picks.style().polish(self.picks)
        self.picks.setVisible(model.setting_up and plan is not None and not plan.trouble)
        if plan is None or not model.setting_up:
            return
        base = model.wanted.base or plan.policies[0]
        say(self.title, tr("Train {name} on your picks", name=base))
        say(self.said, obstacle)
        say(self.advice, "\n".join(plan.advice()))
        self.source.setText(plan.source())
        self.time.setText(model.estimate or "–")
        fill(self.base, [(name, name) for name in plan.policies], base)
        own = counted(len(plan.photos), "photo", "photos")
        places = [(tr("The photos of the picks: {photos}", photos=own), False)]
        if plan.extra:
            more = counted(len(plan.extra), "photo", "photos")
            places.append((tr("These and the selected ones: {photos}", photos=more), True))
        fill(self.place, places, model.wanted.extra and bool(plan.extra))

    def _show_run(self) -> None:
        model, seen = self.model, self.model.seen
        shown = seen is not None and not model.setting_up
        free = shown and not model.busy
        for each in (self.pause, self.stop):
            each.setVisible(shown and model.at_work)
        self.again.setVisible(shown and not model.at_work)
        self.report.setVisible(shown and model.report is not None)
        self.review.setVisible(shown and bool(model.version))
        self.resume.setVisible(shown and seen is not None and seen.resumable)
        self.resume.setEnabled(free)
        able = shown and model.won and self._active != model.version
        self.activate.setVisible(able)
        self.activate.setEnabled(able and not self.policies.busy)
        if seen is None or not shown:
            return
        say(self.title, model.title)
        said = list(model.said)
        if model.won and self._active == model.version:
            said[-1] = tr("It retouches now.")
        say(self.said, " ".join(said))
        self.pause.setText(tr("Go On") if self._pausing else tr("Pause"))
        self.pause.setToolTip(tr("Go on training") if self._pausing else tr("Wait after this round"))
        self.stop.setEnabled(seen.phase is not Phase.STOPPING)
        self.activate.setText(tr("Activate {name}", name=model.version))
        for name, figure in model.figures().items():
            self.plots[name].show_figure(figure)
        self.strips.show_rows(model.strips())

    @property
    def _active(self) -> str:
        return self.policies.found.active if self.policies.found is not None else ""

    # --- doing --------------------------------------------------------------------------------------------------------

    def _activate(self) -> None:
        self.policies.activate(self.model.version)

    def _open_report(self) -> None:
        if self.model.report is not None:
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(self.model.report)))

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() is QEvent.Type.ActivationChange and self.isActiveWindow():
            self.model.refresh(self.photos())  # picks may have been made, photos selected

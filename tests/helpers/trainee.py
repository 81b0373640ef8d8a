"""A process that behaves like `porelight train policy` from outside, without learning anything: it takes the same
arguments, holds the same lock, obeys the same requests and writes the same events."""

from __future__ import annotations

import sys
from pathlib import Path

from trainer.control import Control
from trainer.events import EventLog, by_step
from trainer.grpo.config import GrpoConfig
from trainer.runs import EVENTS, Manifest, Run, locked

TRAINEE = [sys.executable, "-m", "tests.helpers.trainee"]
ROUNDS = 2
GUARDS = {"pore_retention": 1.0}
ACCURACY = {"value": 0.8, "low": 0.6, "high": 0.9, "count": 20}


def train(out: Path, *, resume: bool) -> int:
    control = Control(out)
    with locked(out), EventLog(out / EVENTS) as log:
        control.clear(log.last)
        if not resume:
            log.write("begun")
            log.write("reward", accuracy=ACCURACY)
            Run.create(out, Manifest("policy", GrpoConfig(iterations=ROUNDS).plain()))
        run = Run.open(out, "policy")
        done = len(by_step(run.events(), "update"))
        log.write("loading", photos=4)
        log.write("faces", training=3, held_out=1)
        log.write("started", step=done)
        for step in range(done + 1, ROUNDS + 1):
            control.wait_while_paused(lambda on: log.write("paused" if on else "continued"), lambda: False)
            if control.asked("stop"):
                log.write("stopped", step=step - 1)
                return 130
            log.write("samples", step=step, reward=float(step))
            log.write("update", step=step, kl=0.0)
            log.write("evaluation", step=step, reward=float(step), win_rate=0.5, guards=GUARDS)
        log.write("finished", status="done", version=None)
        (out / "report.html").write_text("<p>Report</p>")
    return 0


if __name__ == "__main__":
    assert sys.argv[1:3] == ["train", "policy"]
    sys.exit(train(Path(sys.argv[sys.argv.index("--out") + 1]), resume="--resume" in sys.argv))

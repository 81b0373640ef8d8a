"""`porelight review` in a process of its own, on painted faces with two made-up policies."""

from __future__ import annotations

import os
import sys
from pathlib import Path

REVIEWEE = [sys.executable, "-m", "tests.helpers.reviewee"]

if __name__ == "__main__":
    import pytest

    from app.main import cli
    from engine.policies import registry
    from tests.helpers import fake_policy
    from tests.helpers.fake_policy import FakePolicy

    patch = pytest.MonkeyPatch()
    fake_policy.install(patch, Path(os.environ["PORELIGHT_HOME"]))
    patch.setattr(registry, "load_policy", lambda name, device: FakePolicy("1" if name == "compact" else "2"))
    cli()

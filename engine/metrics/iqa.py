"""The paper's no-reference metrics through pyiqa, a separate package that a user may install.

NIQE, NIMA, MUSIQ, MANIQA, TOPIQ, NRQM and FID need trained weights, and pyiqa and its weights come under licences of
their own (pyiqa from 0.1.16: PolyForm Noncommercial; parts of older versions: S-Lab, non-commercial). Neither is a part
of Porelight. Nothing is ever downloaded: weights are taken from a folder, by pyiqa's own file names.
"""

from __future__ import annotations

import importlib
import importlib.util
import io
import os
from collections.abc import Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

PACKAGE = "pyiqa"
LICENCE = "pyiqa and its weights have licences of their own, most for non-commercial use only."
_INSTALL = "Install pyiqa (its licence allows non-commercial use only) and give its weights with --iqa-weights FOLDER."


@dataclass(frozen=True)
class Metric:
    """title: as in the paper's table. name: pyiqa's, of the variant whose range the paper's numbers have. file: its
    weights. best: "low" or "high". pairs: compares two sets of pictures (FID) instead of judging single ones."""

    title: str
    name: str
    file: str
    best: str
    pairs: bool = False


METRICS: Final = (
    Metric("NIQE", "niqe", "niqe_modelparameters.mat", "low"),
    Metric("NIMA", "nima", "NIMA_InceptionV2_ava-b0c77c00.pth", "high"),
    Metric("MUSIQ", "musiq-ava", "musiq_ava_ckpt-e8d3f067.pth", "high"),
    Metric("MANIQA", "maniqa-pipal", "MANIQA_PIPAL-ae6d356b.pth", "high"),
    Metric("TOPIQ", "topiq_nr", "cfanet_nr_koniq_res50-9a73138b.pth", "high"),
    Metric("NRQM", "nrqm", "NRQM_model.mat", "high"),
    Metric("FID", "fid", "pt_inception-2015-12-05-6726825d.pth", "low", pairs=True),
)


def pyiqa_folder() -> Path:
    """Where pyiqa keeps its own weights: the folder "pyiqa" of torch's hub."""
    home = os.environ.get("TORCH_HOME") or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "torch"
    return Path(home) / "hub" / "pyiqa"


class Backend:
    """The metrics that this machine can measure. reasons: title → why it is not measured, one sentence.

    Args:
        weights: folder of weights; None: pyiqa's own.
        device: a torch device name.
    """

    def __init__(self, weights: Path | None = None, device: str = "cpu") -> None:
        self.reasons: dict[str, str] = {}
        self.version = ""
        self._device, self._weights = device, weights
        self._models: dict[str, Any] = {}
        module = _package()
        if module is None:
            self.reasons = {metric.title: f"The package pyiqa is not installed. {_INSTALL}" for metric in METRICS}
            return
        self.version = str(getattr(module, "__version__", "unknown version"))
        for metric in METRICS:
            reason = self._load(module, metric)
            if reason:
                self.reasons[metric.title] = reason

    @property
    def available(self) -> tuple[Metric, ...]:
        """Metrics that can be measured, in the table's order."""
        return tuple(metric for metric in METRICS if metric.title in self._models)

    def judge(self, picture: Path) -> dict[str, float]:
        """Title → score of one picture file, for those metrics that judge single pictures; failures say nan."""
        return {m.title: self._score(m, str(picture)) for m in self.available if not m.pairs}

    def compare(self, folder: Path, reference: Path) -> dict[str, float]:
        """Title → distance of two folders of pictures."""
        options = {"num_workers": 0, "verbose": False}
        return {m.title: self._score(m, str(folder), str(reference), **options) for m in self.available if m.pairs}

    def _load(self, module: Any, metric: Metric) -> str:
        """Make the metric ready. Returns: why not, or ""."""
        own = pyiqa_folder() / metric.file
        given = self._weights / metric.file if self._weights is not None else own
        if metric.pairs:
            given = own  # FID knows no other place
        if not given.is_file():
            return f"Its weights {metric.file} are not in {given.parent.name}. {LICENCE}"
        options: dict[str, Any] = {} if metric.pairs else {"pretrained_model_path": str(given)}
        try:
            with redirect_stdout(io.StringIO()):  # pyiqa prints what it loads
                self._models[metric.title] = module.create_metric(metric.name, device=self._device, **options)
        except Exception as error:  # noqa: BLE001 - pyiqa's nets raise whatever their libraries do
            return f"pyiqa cannot load it: {_first_line(error)}."
        return ""

    def _score(self, metric: Metric, *pictures: str, **options: Any) -> float:
        try:
            with redirect_stdout(io.StringIO()):
                return float(self._models[metric.title](*pictures, **options))
        except Exception as error:  # noqa: BLE001 - one picture that a metric cannot take is no end
            self.reasons[metric.title] = f"pyiqa failed on a picture: {_first_line(error)}."
            return float("nan")


def _package() -> Any | None:
    """pyiqa, told to stay off the network; None if it or something it needs is not installed."""
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    if importlib.util.find_spec(PACKAGE) is None:
        return None
    try:
        return importlib.import_module(PACKAGE)
    except ImportError:
        return None


def _first_line(error: BaseException) -> str:
    lines: Sequence[str] = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0].rstrip(".")[:200]

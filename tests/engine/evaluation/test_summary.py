"""Means, worst deciles and groups in closed form; numbers and axes as people read them."""

from __future__ import annotations

import math
from xml.etree import ElementTree

import numpy as np
import pytest

from engine.evaluation.plots import strip
from engine.evaluation.summary import Row, groups, paper_means, spread, summarise
from engine.evaluation.tables import number
from engine.metrics.dimensions import PairMeasures


@pytest.mark.parametrize(
    ("best", "worst"), [("high", 1.9), ("low", 9.1), ("one", 10.0), ("zero", 10.0)], ids=["high", "low", "one", "zero"]
)
def test_the_worst_decile_is_on_the_worse_side(best: str, worst: float) -> None:
    found = spread([*range(1, 11), math.nan], best)
    assert (found.mean, found.count) == (5.5, 10)
    assert found.worst == pytest.approx(worst)


def test_the_worst_of_a_target_in_the_middle_may_lie_on_either_side() -> None:
    values = [1.0] * 17 + [0.2, 0.3, 1.1]
    assert spread(values, "one").worst == pytest.approx(0.3)
    assert math.isnan(spread(values, "").worst) and spread([math.nan], "high").count == 0


def _row(method: str, angle: float, retention: float, **paper: float) -> Row:
    return Row("p", f"f{angle}", method, PairMeasures(pore_retention=retention, typology_angle=angle), paper)


def test_groups_of_two_faces_and_more_have_a_gap() -> None:
    rows = [_row("a", 60, 1.0), _row("a", 58, 0.8), _row("a", 0, 0.6), _row("a", -5, 0.8), _row("a", -40, 0.1)]
    found = groups(rows, "pore_retention")
    assert list(found.means) == ["very light", "brown", "dark"]
    assert found.means["brown"] == (pytest.approx(0.7), 2) and found.gap == pytest.approx(0.2)
    assert math.isnan(groups(rows[:2], "pore_retention").gap)


def test_retouchers_are_summarised_apart() -> None:
    rows = [_row("a", 60, 1.0, NIQE=4.0), _row("a", 50, 0.5, NIQE=6.0), _row("b", 60, 0.2)]
    assert summarise(rows)["a"]["pore_retention"].mean == pytest.approx(0.75)
    assert summarise(rows)["b"]["pore_retention"].count == 1
    assert paper_means(rows) == {"a": {"NIQE": 5.0}, "b": {}}


def test_numbers_for_people() -> None:
    assert [number(v, 2) for v in (1.005, -0.25, -0.001, math.nan)] == ["1.00", "−0.25", "0.00", "–"]


def test_a_plot_is_svg_with_a_dot_per_face_within_its_frame() -> None:
    rng = np.random.default_rng(0)
    values = {"one": list(rng.normal(1, 0.2, 9)), "a & b": [math.nan, 0.5], "none": [math.nan]}
    tree = ElementTree.fromstring(strip(values, (0.9, 1.05)))
    dots = [e for e in tree.iter() if e.tag.endswith("circle")]
    assert len(dots) == 10
    width = float(tree.get("width", "0"))
    assert all(100 < float(dot.get("cx", "0")) < width for dot in dots)
    assert "a & b" in [e.text for e in tree.iter()]

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.viewmodels.compare import CompareModel, Mode
from app.viewmodels.frames import Request
from app.viewmodels.viewport import MARGIN, MAX_ZOOM, Viewport

SIZES = st.tuples(st.integers(1, 9000), st.integers(1, 9000))
PANES = st.tuples(st.integers(100, 3000), st.integers(100, 3000))
PARTS = st.floats(0, 1)


def test_fit_shows_the_whole_photo_inside_the_margin() -> None:
    viewport = Viewport((4000, 3000)).fit((1000, 800))
    assert viewport.zoom == pytest.approx((1000 - 2 * MARGIN) / 4000)
    assert viewport.to_view((0, 0), (1000, 800))[0] == pytest.approx(MARGIN)
    assert viewport.visible((1000, 800)) == (0, 0, 4000, 3000)


def test_fit_does_not_enlarge() -> None:
    assert Viewport((300, 200)).fit((1000, 800)).zoom == 1


def test_a_resize_keeps_a_fitted_view_fitted_and_another_view_as_it_is() -> None:
    fitted = Viewport((4000, 3000)).fit((1000, 800))
    assert fitted.resized((500, 400)).zoom < fitted.zoom
    close = fitted.zoomed(2.0, (500, 400), (1000, 800))
    assert close.resized((500, 400)).zoom == 2.0


@given(SIZES, PANES, PARTS, PARTS, st.floats(0.001, 50))
def test_zoom_stays_in_bounds_and_view_and_source_are_inverse(
    photo: tuple[int, int], pane: tuple[int, int], fx: float, fy: float, zoom: float
) -> None:
    at = (fx * pane[0], fy * pane[1])
    viewport = Viewport(photo).fit(pane).zoomed(zoom, at, pane)
    assert viewport.zoom <= MAX_ZOOM
    assert viewport.to_view(viewport.to_source(at, pane), pane) == pytest.approx(at, abs=1e-6 * max(photo) + 1e-6)
    x0, y0, x1, y1 = viewport.visible(pane)
    assert 0 <= x0 < x1 <= photo[0] and 0 <= y0 < y1 <= photo[1]
    request = Request.of(viewport, pane)
    assert 1 <= request.size[0] <= x1 - x0 and 1 <= request.size[1] <= y1 - y0


def test_zoom_keeps_the_point_under_the_cursor() -> None:
    pane, at = (1001, 799), (700.0, 300.0)
    viewport = Viewport((6000, 4000)).fit(pane).zoomed(0.5, (500, 400), pane)
    before = viewport.to_source(at, pane)
    after = viewport.zoomed(1.7, at, pane).to_source(at, pane)
    assert after == pytest.approx(before, abs=0.5 / 1.7)


@pytest.mark.parametrize("pane", [(1001, 799), (1000, 800)])
def test_at_100_percent_pixels_fall_on_pixels(pane: tuple[int, int]) -> None:
    viewport = Viewport((6000, 4000)).fit(pane).zoomed(1.0, (321.3, 123.4), pane).panned(10.4, -3.3, pane)
    x, y = viewport.to_view((0, 0), pane)
    assert x == pytest.approx(round(x)) and y == pytest.approx(round(y))


def test_pan_stops_at_the_edge() -> None:
    pane = (500, 400)
    viewport = Viewport((2000, 1000)).fit(pane).zoomed(1.0, (250, 200), pane).panned(99999, 99999, pane)
    assert viewport.to_view((0, 0), pane) == pytest.approx((MARGIN, MARGIN))


def test_both_panes_show_the_same_source_position_at_the_same_place() -> None:
    compare = CompareModel()
    compare.set_canvas((1001, 701))
    compare.set_photo((4000, 3000))
    compare.set_mode(Mode.SIDE)
    compare.zoom(9.0, (800, 200))
    left, right = compare.panes
    assert left.size == right.size
    assert compare.viewport is not None
    # The cursor's place in the right pane is the zoom's fixed point, and the left pane shows the same position there.
    local = right.local((800, 200))
    source = compare.viewport.to_source(local, right.size)
    assert compare.viewport.to_view(source, left.size) == pytest.approx(local)
    compare.pan(40, 10)
    moved = compare.viewport.to_view(source, left.size)
    assert (moved[0] - local[0], moved[1] - local[1]) == pytest.approx((40, 10), abs=0.01)


def test_panes_cover_the_canvas_without_overlap() -> None:
    compare = CompareModel()
    compare.set_canvas((1001, 701))
    for mode, width, height in ((Mode.SIDE, 499, 701), (Mode.STACKED, 1001, 349)):
        compare.set_mode(mode)
        first, second = compare.panes
        assert first.size == second.size == (width, height)
        assert not second.holds((first.x + width - 1, first.y + height - 1))
    compare.set_mode(Mode.WIPE)
    assert compare.pane_size == (1001, 701)


def test_another_photo_is_looked_at_as_the_one_before() -> None:
    compare = CompareModel()
    compare.set_canvas((800, 600))
    compare.set_photo((4000, 3000))
    compare.zoom_to(1.0)
    compare.pan(-200, 100)
    assert compare.viewport is not None and compare.viewport.centre == (2200, 1400)
    expected = compare.first_view((3000, 4000))
    compare.set_photo(None)
    compare.set_photo((3000, 4000))
    assert compare.viewport == expected
    assert (compare.viewport.zoom, compare.viewport.centre) == (1, (1650, pytest.approx(1400 / 3000 * 4000, abs=0.5)))
    compare.fit()
    compare.set_photo((4000, 3000))
    assert compare.viewport == Viewport((4000, 3000)).fit((800, 600))


def test_toggling_a_mode_twice_comes_back_to_the_result() -> None:
    compare = CompareModel()
    compare.toggle(Mode.SIDE)
    assert compare.mode is Mode.SIDE
    compare.toggle(Mode.SIDE)
    assert compare.mode is Mode.AFTER

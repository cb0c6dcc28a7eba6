"""Inputs and outputs of a .tflite file, as an interpreter without signatures has them: by number."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from vae_export.errors import ConversionError
from vae_export.formats.tflite.passes.graph import KINDS
from vae_export.private.litert import read_model

__all__ = ["Interface", "interface_of"]


@dataclass(frozen=True)
class Interface:
    """What is behind the numbers.

    Attributes:
        inputs, outputs: names.
        steps: output -> what one step of its integers is worth; None where it is computed in float.
    """

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    steps: Mapping[str, float | None]


def interface_of(file: str, data: bytes) -> Interface:
    """Read it from a file.

    Args:
        file: its name, for the message.
        data: a .tflite file of one signature.

    Raises:
        ConversionError: it has several signatures, for all of which an arena would have to have room.
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
    """The scale of a tensor, or of the integers that it is made of."""
    for operator in graph.operators:
        if tensor in operator.outputs:
            kind = KINDS[model.operatorCodes[operator.opcodeIndex].builtinCode]
            tensor = int(operator.inputs[0]) if kind == "DEQUANTIZE" else tensor
            break
    described = graph.tensors[tensor].quantization
    return None if described is None or described.scale is None else float(described.scale[0])

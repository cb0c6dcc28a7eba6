"""TFLite files as objects: their tensors named, and back to bytes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import flatbuffers
import numpy as np
from tensorflow.lite.python import schema_py_generated as schema

__all__ = ["name_tensors", "to_bytes"]

# Runtimes read weights where they lie, with vector instructions.
_ALIGNMENT = 16
_IDENTIFIER = b"TFL3"
_OPERATORS = {code: name for name, code in vars(schema.BuiltinOperator).items() if isinstance(code, int)}


def name_tensors(model: Any, inputs: Mapping[str, str]) -> None:
    """Name inputs and outputs as the signatures have them, and all other tensors by their place.

    The converter calls tensors after its own functions, in names that are longer than the graph.

    Args:
        model: a `schema.ModelT`; changed in place.
        inputs: what the converter was told to call the inputs -> their names.
    """
    for signature in model.signatureDefs:
        graph = model.subgraphs[signature.subgraphIndex]
        graph.name = signature.signatureKey
        names = dict(_places(model, graph))
        for entry in signature.inputs:
            name = entry.name.decode()
            entry.name = inputs.get(name, name).encode()
        names.update((entry.tensorIndex, entry.name) for entry in (*signature.inputs, *signature.outputs))
        for index, tensor in enumerate(graph.tensors):
            tensor.name = names.get(index, b"unused_%d" % index)


def _places(model: Any, graph: Any) -> Iterator[tuple[int, bytes]]:
    """(tensor, name): what an operator makes after the operator, weights where they are first used."""
    seen = set()
    for number, operator in enumerate(graph.operators):
        kind = _OPERATORS[model.operatorCodes[operator.opcodeIndex].builtinCode].lower()
        for index in operator.inputs:
            if index >= 0 and index not in seen:
                seen.add(index)
                yield index, b"weight_%d" % index
        for index in operator.outputs:
            seen.add(index)
            yield index, f"{kind}_{number}".encode()


def to_bytes(model: Any) -> bytes:
    """The file of a `schema.ModelT`."""
    for buffer in model.buffers:
        # The generated code would put the bytes anywhere.
        buffer.__class__ = _AlignedBuffer
    size = sum(0 if buffer.data is None else len(buffer.data) + _ALIGNMENT for buffer in model.buffers)
    builder = flatbuffers.Builder(size + 65536)
    builder.Finish(model.Pack(builder), _IDENTIFIER)
    return bytes(builder.Output())


class _AlignedBuffer(schema.BufferT):  # type: ignore[misc]  # tensorflow has no type stubs
    def Pack(self, builder: Any) -> Any:  # noqa: N802  as the generated code has it
        """Write it; the bytes begin at a multiple of `_ALIGNMENT`."""
        data = None
        if self.data is not None and len(self.data):
            content = np.asarray(self.data, np.uint8).tobytes()
            builder.StartVector(1, len(content), _ALIGNMENT)
            builder.head -= len(content)
            builder.Bytes[builder.head : builder.head + len(content)] = content
            data = builder.EndVector()
        schema.BufferStart(builder)
        if data is not None:
            schema.BufferAddData(builder, data)
        return schema.BufferEnd(builder)

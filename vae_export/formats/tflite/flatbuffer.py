"""Write TFLite files: tensor names, clean-up, serialisation."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import flatbuffers
import numpy as np

from vae_export.formats.tflite.passes.graph import drop_unused, kind_of
from vae_export.private.litert import schema

__all__ = ["name_tensors", "strip", "to_bytes"]

# Runtimes read weights in place, with vector instructions.
_ALIGNMENT = 16
_IDENTIFIER = b"TFL3"


def name_tensors(model: Any, inputs: Mapping[str, str]) -> None:
    """Name inputs and outputs as in the signatures, and all other tensors by their position.

    The converter's own names are those of its functions, and take more bytes than the graph.

    Args:
        model: a `schema.ModelT`; changed in place.
        inputs: the converter's name of each input -> its name in the signatures.
    """
    for signature in model.signatureDefs:
        graph = model.subgraphs[signature.subgraphIndex]
        graph.name = signature.signatureKey
        names = dict(_names_by_position(model, graph))
        for entry in signature.inputs:
            name = entry.name.decode()
            entry.name = inputs.get(name, name).encode()
        names.update((entry.tensorIndex, entry.name) for entry in (*signature.inputs, *signature.outputs))
        for index, tensor in enumerate(graph.tensors):
            tensor.name = names.get(index, b"unused_%d" % index)


def _names_by_position(model: Any, graph: Any) -> Iterator[tuple[int, bytes]]:
    """(tensor, name): outputs have the kind and number of their operator, weights their index."""
    seen = set()
    for number, operator in enumerate(graph.operators):
        kind = kind_of(model, operator).lower()
        for index in operator.inputs:
            if index >= 0 and index not in seen:
                seen.add(index)
                yield index, b"w%d" % index
        for index in operator.outputs:
            seen.add(index)
            yield index, f"{kind}_{number}".encode()


def strip(model: Any) -> None:
    """Remove what no runtime reads: unused objects, and the converter's notes on itself.

    Args:
        model: a `schema.ModelT`; changed in place.
    """
    model.description = None
    model.metadata = [entry for entry in model.metadata if entry.name == b"min_runtime_version"]
    for subgraph in model.subgraphs:
        for tensor in subgraph.tensors:
            if tensor.quantization is not None and tensor.quantization.scale is None:
                tensor.quantization = None
            # Tells scalars from tensors of unknown rank; not needed where there is a shape.
            tensor.hasRank = tensor.hasRank and not len(tensor.shape)
    drop_unused(model)


def to_bytes(model: Any) -> bytes:
    """Serialise a `schema.ModelT`, with each string, vector and options object written once.

    Args:
        model: changed in place: it can be serialised once.
    """
    for buffer in model.buffers:
        # The generated code does not align the bytes.
        buffer.__class__ = _AlignedBuffer
    for subgraph in model.subgraphs:
        for operator in subgraph.operators:
            if operator.builtinOptions is not None:
                operator.builtinOptions = _SharedOptions(operator.builtinOptions)
    size = sum(0 if buffer.data is None else len(buffer.data) + _ALIGNMENT for buffer in model.buffers)
    builder = _SharingBuilder(size + 65536)
    builder.Finish(model.Pack(builder), _IDENTIFIER)
    return bytes(builder.Output())


class _SharingBuilder(flatbuffers.Builder):  # type: ignore[misc]  # flatbuffers has no type stubs
    """Writes equal strings, vectors and options once: signatures differ by little more than a batch size."""

    def __init__(self, size: int) -> None:
        super().__init__(size)
        self._written: dict[Any, int] = {}

    def once(self, key: Any, write: Callable[[], int]) -> int:
        """Offset of `key`; calls `write()` on first use."""
        if key not in self._written:
            self._written[key] = write()
        return self._written[key]

    def CreateString(self, text: Any, *options: Any) -> int:  # noqa: N802  as flatbuffers has it
        return self.once(text, lambda: super(_SharingBuilder, self).CreateString(text, *options))

    def CreateNumpyVector(self, values: Any) -> int:  # noqa: N802
        key = (values.dtype.str, values.tobytes())
        return self.once(key, lambda: super(_SharingBuilder, self).CreateNumpyVector(values))


class _SharedOptions:
    """The options of an operator, written once."""

    def __init__(self, options: Any) -> None:
        self._options = options

    def Pack(self, builder: _SharingBuilder) -> int:  # noqa: N802  as the generated code has it
        """Offset of the options; equal options share one."""
        key = (type(self._options), repr(vars(self._options)))
        return builder.once(key, lambda: int(self._options.Pack(builder)))


class _AlignedBuffer(schema.BufferT):  # type: ignore[misc]  # tensorflow has no type stubs
    def Pack(self, builder: Any) -> Any:  # noqa: N802  as the generated code has it
        """Write the buffer, its bytes aligned to `_ALIGNMENT`."""
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

"""Subgraphs of TFLite files that lowering rules read and rewrite."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from vae_export.private.litert import schema

__all__ = ["KINDS", "MOST_CONCATENATED", "TfliteGraph", "drop_unused", "kind_of"]

Array = np.ndarray[Any, Any]

# The code of a kind of operator -> its name in the schema.

KINDS = {code: name for name, code in vars(schema.BuiltinOperator).items() if isinstance(code, int)}
_CODES = {name: code for code, name in KINDS.items()}
_DTYPES = {schema.TensorType.FLOAT32: np.dtype("<f4"), schema.TensorType.INT32: np.dtype("<i4")}
_TYPES = {dtype: code for code, dtype in _DTYPES.items()}
MOST_CONCATENATED = 5
# The largest code of the schema's one-byte field, which old readers use.
_LARGEST_OLD_CODE = 127


def kind_of(model: Any, operator: Any) -> str:
    """The schema's name of an operator's kind."""
    return str(KINDS[model.operatorCodes[operator.opcodeIndex].builtinCode])


class TfliteGraph:
    """One subgraph of a model.

    Tensors are indices, as in operators; shapes are static.

    Args:
        model: a `schema.ModelT`.
        subgraph: one of its subgraphs; additions go there.
    """

    def __init__(self, model: Any, subgraph: Any) -> None:
        self._model = model
        self.subgraph = subgraph

    def kind(self, operator: Any) -> str:
        """The schema's name of an operator's kind."""
        return kind_of(self._model, operator)

    def shape(self, tensor: int) -> tuple[int, ...]:
        """The shape of a tensor."""
        return tuple(int(size) for size in self.subgraph.tensors[tensor].shape)

    def is_float(self, tensor: int) -> bool:
        """Whether a tensor is float32."""
        return bool(self.subgraph.tensors[tensor].type == schema.TensorType.FLOAT32)

    def constant(self, tensor: int) -> Array | None:
        """The values of a float32 or int32 constant; None for other tensors."""
        described = self.subgraph.tensors[tensor]
        data = self._model.buffers[described.buffer].data
        if data is None or not len(data) or described.type not in _DTYPES:
            return None
        return np.frombuffer(bytes(data), _DTYPES[described.type]).reshape(described.shape)

    def add_constant(self, values: Array) -> int:
        """Add a float32 or int32 constant; returns its index. Equal bytes share one buffer."""
        type = _TYPES[values.dtype.newbyteorder("<")]
        for index, tensor in enumerate(self.subgraph.tensors):
            if tensor.type == type and tuple(tensor.shape) == values.shape:
                present = self.constant(index)
                if present is not None and np.array_equal(present, values):
                    return index
        return self._add(values.shape, type, self._buffer(values.tobytes()))

    def add_tensor(self, shape: Sequence[int]) -> int:
        """Add a float32 tensor for the output of an operator; returns its index."""
        return self._add(shape, schema.TensorType.FLOAT32, 0)

    def _buffer(self, content: bytes) -> int:
        for index, buffer in enumerate(self._model.buffers):
            if buffer.data is not None and len(buffer.data) == len(content) and bytes(buffer.data) == content:
                return index
        self._model.buffers.append(schema.BufferT())
        self._model.buffers[-1].data = np.frombuffer(content, np.uint8)
        return len(self._model.buffers) - 1

    def _add(self, shape: Sequence[int], type: int, buffer: int) -> int:
        tensor = schema.TensorT()
        tensor.shape, tensor.type, tensor.buffer = np.array(shape, np.int32), type, buffer
        self.subgraph.tensors.append(tensor)
        return len(self.subgraph.tensors) - 1

    def operator(self, kind: str, inputs: Sequence[int], output: int, options: Any) -> Any:
        """Make an operator of version 1, not yet part of the graph.

        Args:
            kind: the schema's name.
            inputs, output: indices of tensors.
            options: the schema's options object for this kind.
        """
        operator = schema.OperatorT()
        operator.opcodeIndex = self._code(kind)
        operator.inputs, operator.outputs = np.array(inputs, np.int32), np.array([output], np.int32)
        operator.builtinOptionsType = getattr(schema.BuiltinOptions, type(options).__name__.removesuffix("T"))
        operator.builtinOptions = options
        return operator

    def concatenation(self, parts: Sequence[int], axis: int, output: int) -> list[Any]:
        """Operators that concatenate tensors; several for more than five, the limit of XNNPACK."""
        if len(parts) > MOST_CONCATENATED:
            head = parts[:MOST_CONCATENATED]
            shape = list(self.shape(output))
            shape[axis] = sum(self.shape(part)[axis] for part in head)
            joined = self.add_tensor(shape)
            rest = [joined, *parts[MOST_CONCATENATED:]]
            return [*self.concatenation(head, axis, joined), *self.concatenation(rest, axis, output)]
        options = schema.ConcatenationOptionsT()
        options.axis = axis
        return [self.operator("CONCATENATION", parts, output, options)]

    def _code(self, kind: str) -> int:
        for index, code in enumerate(self._model.operatorCodes):
            if code.builtinCode == _CODES[kind] and code.version == 1:
                return index
        code = schema.OperatorCodeT()
        code.builtinCode, code.version = _CODES[kind], 1
        code.deprecatedBuiltinCode = min(_CODES[kind], _LARGEST_OLD_CODE)
        self._model.operatorCodes.append(code)
        return len(self._model.operatorCodes) - 1


def drop_unused(model: Any) -> None:
    """Remove unused tensors, buffers and operator codes.

    Args:
        model: a `schema.ModelT`; changed in place.
    """
    for subgraph in model.subgraphs:
        ends = {int(tensor) for tensor in (*subgraph.inputs, *subgraph.outputs)}
        between = {int(t) for o in subgraph.operators for t in (*o.inputs, *o.outputs) if t >= 0}
        moved = _keep(subgraph.tensors, ends | between)
        for owner in (subgraph, *subgraph.operators):
            for field in ("inputs", "outputs"):
                kept = [moved[int(t)] if t >= 0 else -1 for t in getattr(owner, field)]
                setattr(owner, field, np.array(kept, np.int32))
        for signature in model.signatureDefs:
            if model.subgraphs[signature.subgraphIndex] is subgraph:
                for entry in (*signature.inputs, *signature.outputs):
                    entry.tensorIndex = moved[entry.tensorIndex]
    owners = [*(tensor for subgraph in model.subgraphs for tensor in subgraph.tensors), *model.metadata]
    # Buffer 0 is empty, and that of all computed tensors.
    moved = _keep(model.buffers, {0, *(owner.buffer for owner in owners)})
    for owner in owners:
        owner.buffer = moved[owner.buffer]
    operators = [operator for subgraph in model.subgraphs for operator in subgraph.operators]
    moved = _keep(model.operatorCodes, {operator.opcodeIndex for operator in operators})
    for operator in operators:
        operator.opcodeIndex = moved[operator.opcodeIndex]


def _keep(items: list[Any], wanted: set[int]) -> dict[int, int]:
    """Remove unwanted items; returns old index -> new index of the others."""
    order = sorted(wanted)
    items[:] = [items[index] for index in order]
    return {before: now for now, before in enumerate(order)}

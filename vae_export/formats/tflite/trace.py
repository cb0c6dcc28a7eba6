"""Run a .tflite file operator by operator, and parts of it alone."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType

from vae_export.core.trace import INPUT, Key, Layer, Outline, Steps, Values
from vae_export.formats.tflite.operators import CASTS, MOVING, SAME_VALUES, VALUE_PRESERVING
from vae_export.formats.tflite.passes.graph import kind_of
from vae_export.io.quiet import quiet
from vae_export.private.litert import read_model, schema

__all__ = ["TfliteTrace"]

Array = np.ndarray[Any, Any]

_TYPES = {value: name for name, value in vars(schema.TensorType).items() if not name.startswith("_")}
_INTEGERS: dict[int, Any] = {schema.TensorType.INT8: np.int8, schema.TensorType.INT16: np.int16}


class TfliteTrace:
    """A .tflite file, by its signature of the smallest batch.

    Run without delegates, which do not keep intermediate tensors: XNNPACK's integers may be one step off
    those seen here.

    Args:
        data: the file.
    """

    def __init__(self, data: bytes) -> None:
        self._model = read_model(data)
        signature = min(self._model.signatureDefs, key=self._rows)
        self._subgraph = signature.subgraphIndex
        self._graph = self._model.subgraphs[self._subgraph]
        rows = self._rows(signature)
        self.batch = None if rows == math.inf else int(rows)
        self._names = {entry.tensorIndex: entry.name.decode() for entry in signature.inputs}
        self._same = self._aliases()
        self._steps = {
            index: steps for index in range(len(self._graph.tensors)) if (steps := self._own(index))
        }
        outputs = {entry.name.decode(): self._source(entry.tensorIndex) for entry in signature.outputs}
        self._called = {index: name for name, index in outputs.items()}
        self.outline = Outline(tuple(self._layers()), outputs)
        self._interpreter = _interpreter(data)
        self._runner = self._interpreter.get_signature_runner(signature.signatureKey.decode())

    def run(self, inputs: Mapping[str, Array]) -> dict[Key, Array]:
        """Run on inputs ``[n, ...]``; returns dequantised values by tensor."""
        given = {}
        for index, name in self._names.items():
            steps, dtype = self._steps.get(index), _INTEGERS.get(self._graph.tensors[index].type)
            given[name] = inputs[name] if steps is None else steps.integers(inputs[name]).astype(dtype)
        self._runner(**given)
        found: dict[Key, Array] = {}
        for layer in self.outline.layers:
            values = self._interpreter.get_tensor(layer.key, self._subgraph)
            if layer.steps is not None:
                values = layer.steps.floats(
                    values if layer.key in self._steps else layer.steps.integers(values)
                )
            found[layer.key] = values
        return found

    def part(self, output: Key, known: Iterable[Key]) -> _TflitePart:
        """The subgraph that computes a tensor from known ones."""
        makers = {int(i): operator for operator in self._graph.operators for i in operator.outputs}
        limits, inputs, chosen, waiting = set(known), [], [], [output]
        while waiting:
            index: Any = waiting.pop()
            if (index in limits and index != output) or index not in makers:
                inputs += [index] if index in makers or index in self._names else []
            elif makers[index] not in chosen:
                chosen.append(makers[index])
                waiting.extend(int(i) for i in makers[index].inputs if i >= 0)
        inputs = list(dict.fromkeys(inputs))
        order = [operator for operator in self._graph.operators if operator in chosen]
        return _TflitePart(self._extracted(order, inputs, output), inputs)

    def _extracted(self, operators: list[Any], inputs: list[int], output: Any) -> bytes:
        model, graph, signature = copy.copy(self._model), copy.copy(self._graph), schema.SignatureDefT()
        graph.operators, graph.inputs, graph.outputs = operators, inputs, [output]
        # Loops and branches refer to subgraphs by number.
        model.subgraphs = [*self._model.subgraphs]
        model.subgraphs[self._subgraph] = graph
        signature.subgraphIndex, signature.signatureKey = self._subgraph, b"part"
        signature.inputs = [_entry(f"x{index}", index) for index in inputs]
        signature.outputs = [_entry("y", output)]
        model.signatureDefs = [signature]
        builder = flatbuffers.Builder(1024)
        builder.Finish(model.Pack(builder), b"TFL3")
        return bytes(builder.Output())

    def _rows(self, signature: Any) -> float:
        tensor = self._model.subgraphs[signature.subgraphIndex].tensors[signature.inputs[0].tensorIndex]
        rows = (tensor.shape if tensor.shapeSignature is None else tensor.shapeSignature)[0]
        return math.inf if rows < 0 else float(rows)

    def _own(self, index: int) -> Steps | None:
        tensor = self._graph.tensors[index]
        described, dtype = tensor.quantization, _INTEGERS.get(tensor.type)
        if dtype is None or described is None or described.scale is None or len(described.scale) != 1:
            return None
        limits = np.iinfo(dtype)
        return Steps(float(described.scale[0]), int(described.zeroPoint[0]), int(limits.min), int(limits.max))

    def _aliases(self) -> dict[int, int]:
        """Tensor -> an earlier tensor with the same values, in another shape or type."""
        made = {int(index) for operator in self._graph.operators for index in operator.outputs}
        same: dict[int, int] = {}
        self._constants = {
            i for i in range(len(self._graph.tensors)) if i not in made and i not in self._names
        }
        for operator in self._graph.operators:
            if all(index in self._constants or index < 0 for index in map(int, operator.inputs)):
                self._constants.update(map(int, operator.outputs))
            elif self._kind(operator) in CASTS:
                source = int(operator.inputs[0])
                same[int(operator.outputs[0])] = same.get(source, source)
        return same

    def _source(self, index: int) -> int:
        return self._same.get(index, index)

    def _kind(self, operator: Any) -> str:
        return kind_of(self._model, operator)

    def _users(self, index: int) -> list[Any]:
        return [operator for operator in self._graph.operators if index in operator.inputs]

    def _taken_as(self, index: int) -> Steps | None:
        """The quantisation steps by which all consumers read a tensor; None if they read floats."""
        if index in self._steps:
            return self._steps[index]
        users = self._users(index)
        if not users or index in map(int, self._graph.outputs):
            return None
        found = set()
        for user in users:
            output, kind = int(user.outputs[0]), self._kind(user)
            if kind == "QUANTIZE":
                found.add(self._steps.get(output))
            else:
                found.add(self._taken_as(output) if kind in VALUE_PRESERVING else None)
        return found.pop() if len(found) == 1 else None

    def _layers(self) -> Iterator[Layer]:
        for index, name in self._names.items():
            yield self._layer(index, name, INPUT, (), (), ())
        for operator in self._graph.operators:
            taken = [int(index) for index in operator.inputs if index >= 0]
            sources = tuple(self._source(index) for index in taken if index not in self._constants)
            if not sources or self._kind(operator) in CASTS:
                continue
            stored = tuple(self._shape(index) for index in taken if index in self._constants)
            for number, output in enumerate(map(int, operator.outputs)):
                kind = self._kind(operator) + (f" {number}" if number else "")
                name = self._called.get(output) or self._graph.tensors[output].name.decode()
                yield self._layer(output, name, kind, sources, stored, taken)

    def _layer(
        self, index: int, name: str, kind: str, sources: Any, stored: Any, taken: Iterable[int]
    ) -> Layer:
        return Layer(
            index,
            name,
            kind,
            sources,
            self._shape(index),
            stored,
            self._taken_as(index),
            not any(self._is_narrow(other) for other in (index, *taken)) and self._taken_as(index) is None,
            self._ends_in_sigmoid(index),
            kind.split()[0] in MOVING,
        )

    def _ends_in_sigmoid(self, index: int) -> bool:
        """Whether a sigmoid is the only consumer of a tensor's values, possibly after concatenation."""
        users = self._users(index)
        return bool(users) and all(
            kind == "LOGISTIC"
            or (kind in SAME_VALUES | CASTS and self._ends_in_sigmoid(int(user.outputs[0])))
            for user in users
            if (kind := self._kind(user))
        )

    def _shape(self, index: int) -> tuple[int, ...]:
        shape = self._graph.tensors[index].shape
        return () if shape is None else tuple(map(int, shape))

    def _is_narrow(self, index: int) -> bool:
        """Whether a tensor has fewer bits than float32, or is computed from one that has."""
        makers = (o for o in self._graph.operators if index in o.outputs and self._kind(o) in CASTS)
        indices = (index, *(int(operator.inputs[0]) for operator in makers))
        types = {_TYPES[self._graph.tensors[other].type] for other in indices}
        return not types.isdisjoint(("INT8", "INT16", "FLOAT16", "INT4", "UINT8"))


class _TflitePart:
    """See `Part`."""

    def __init__(self, data: bytes, inputs: list[int]) -> None:
        self._inputs = inputs
        self._runner = _interpreter(data).get_signature_runner("part")

    def run(self, values: Values) -> Array:
        """The tensor that the part computes."""
        result: Array = self._runner(**{f"x{index}": values[index] for index in self._inputs})["y"]
        return result


def _interpreter(data: bytes) -> Any:
    with quiet():
        return Interpreter(
            model_content=data,
            num_threads=1,
            experimental_preserve_all_tensors=True,
            experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
        )


def _entry(name: str, index: Any) -> Any:
    entry = schema.TensorMapT()
    entry.name, entry.tensorIndex = name.encode(), index
    return entry

"""Run an .onnx file node by node, and parts of it alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import onnx
import onnxruntime
from onnx import helper

from vae_export.core.trace import INPUT, Key, Layer, Outline, Steps, Values
from vae_export.formats.onnx.operators import MOVING, VALUE_PRESERVING
from vae_export.formats.onnx.passes.canonical import outer_inputs
from vae_export.formats.onnx.passes.graph import OnnxGraph
from vae_export.io.quiet import quiet

__all__ = ["OnnxTrace"]

Array = np.ndarray[Any, Any]

_NARROW = {np.dtype(name) for name in ("int8", "uint8", "int16", "uint16", "float16")}


class OnnxTrace:
    """An .onnx file, run without fusion, so that all of its tensors can be read.

    Args:
        data: the file.
    """

    def __init__(self, data: bytes) -> None:
        self._model = onnx.load_from_string(data)
        self._graph = OnnxGraph.of(self._model)
        proto = self._model.graph
        self._outputs = [value.name for value in proto.output]
        self._inputs = [value.name for value in proto.input if value.name not in self._graph.constants]
        axis = proto.input[0].type.tensor_type.shape.dim[0]
        self.batch = axis.dim_value if axis.HasField("dim_value") else None
        self._read()
        layers = tuple(self._layers())
        self.outline = Outline(layers, {name: self._source(name) for name in self._outputs})
        self._watched = [str(layer.key) for layer in layers if layer.kind != INPUT]
        model = onnx.ModelProto.FromString(self._model.SerializeToString())
        model.graph.output.extend(
            onnx.ValueInfoProto(name=name) for name in self._watched if name not in self._outputs
        )
        self._session = _session(model)

    def run(self, inputs: Mapping[str, Array]) -> dict[Key, Array]:
        """Run on inputs ``[n, ...]``; returns dequantised values by tensor."""
        computed = self._session.run(self._watched, dict(inputs))
        values: dict[Key, Array] = dict(zip(self._watched, computed, strict=True))
        values.update(inputs)
        return {
            layer.key: values[layer.key]
            if layer.steps is None
            else layer.steps.floats(layer.steps.integers(values[layer.key]))
            for layer in self.outline.layers
        }

    def part(self, output: Key, known: Iterable[Key]) -> _OnnxPart:
        """The subgraph that computes a tensor from known ones."""
        limits, inputs, chosen, waiting = set(known), [], set(), [str(output)]
        while waiting:
            name = waiting.pop()
            if name in self._inputs or (name in limits and name != output):
                inputs.append(name)
                continue
            maker = self._graph.made_by(name)
            if maker is not None and id(maker) not in chosen:
                chosen.add(id(maker))
                waiting.extend(outer_inputs(maker))
        nodes = [node for node in self._model.graph.node if id(node) in chosen]
        return _OnnxPart(self._model, nodes, list(dict.fromkeys(inputs)), str(output))

    def _source(self, name: str) -> str:
        return self._same.get(name, name)

    def _read(self) -> None:
        """Find constants, tensors with equal values, and the parts of integer products."""
        self._constants = {*self._graph.constants, ""}
        self._same: dict[str, str] = {}
        # Integer product -> its factors and their scales.
        self._products: dict[str, str] = {}
        self._scales: set[str] = set()
        for node in self._model.graph.node:
            taken, outputs = outer_inputs(node), list(node.output)
            if self._constants.issuperset(taken):
                self._constants.update(outputs)
            elif node.op_type in ("QuantizeLinear", "DequantizeLinear", "DynamicQuantizeLinear"):
                self._same[outputs[0]] = self._source(taken[0])
                self._scales.update(outputs[1:])
            elif node.op_type == "MatMulInteger" or (node.op_type == "Cast" and taken[0] in self._products):
                self._products[outputs[0]] = self._products.get(taken[0], self._source(taken[0]))
            elif node.op_type == "Mul" and self._constants.union(self._scales).issuperset(taken):
                self._scales.update(outputs)

    def _dense(self, node: Any) -> tuple[str, ...] | None:
        """The inputs of a node that multiplies a constant matrix; None for other nodes."""
        if node.op_type == "Mul":
            products = [self._products[name] for name in node.input if name in self._products]
            return tuple(products) or None
        if node.op_type not in ("Gemm", "MatMul"):
            return None
        sources = self._sources(node)
        return sources if len(sources) == 1 else None

    def _sources(self, node: Any) -> tuple[str, ...]:
        return tuple(self._source(name) for name in outer_inputs(node) if name not in self._constants)

    def _bias(self, output: str) -> Any | None:
        """The Add of a constant that is the only consumer of a tensor; None if there is none."""
        users = self._graph.all_users(output)
        if output in self._outputs or len(users) != 1 or users[0].op_type != "Add":
            return None
        return users[0] if all(name == output or name in self._constants for name in users[0].input) else None

    def _layers(self) -> Iterator[Layer]:
        for name in self._inputs:
            yield self._layer(name, INPUT, (), ())
        done: set[int] = set()
        inner = {*self._constants, *self._same, *self._products, *self._scales}
        for node in self._model.graph.node:
            if id(node) in done or inner.intersection(node.output):
                continue
            sources, output, kind = self._sources(node), str(node.output[0]), node.op_type
            dense = self._dense(node)
            if dense is not None:
                bias = self._bias(output) if node.op_type != "Gemm" else None
                kind = "MatMulInteger" if node.op_type == "Mul" else kind
                sources = dense
                if bias is not None:
                    done.add(id(bias))
                    output = str(bias.output[0])
                yield self._layer(output, kind, sources, outer_inputs(node))
                continue
            for number, name in enumerate(node.output):
                if name:
                    yield self._layer(
                        name, kind + (f" {number}" if number else ""), sources, outer_inputs(node)
                    )

    def _layer(self, name: str, kind: str, sources: tuple[str, ...], taken: Iterable[str]) -> Layer:
        steps = self._taken_as(name)
        in_float = steps is None and not any(map(self._is_narrow, taken))
        sigmoid = [user.op_type for user in self._graph.all_users(name)] == ["Sigmoid"]
        shape, moving = self._graph.shape(name), kind in MOVING
        return Layer(name, name, kind, sources, shape, (), steps, in_float, sigmoid, moving)

    def _taken_as(self, name: str) -> Steps | None:
        """The quantisation steps by which all consumers read a tensor; None if they read floats."""
        users = self._graph.all_users(name)
        if not users or name in self._outputs:
            return None
        found = set()
        for user in users:
            if user.op_type == "QuantizeLinear":
                found.add(self._steps(user))
            else:
                found.add(self._taken_as(user.output[0]) if user.op_type in VALUE_PRESERVING else None)
        return found.pop() if len(found) == 1 else None

    def _steps(self, node: Any) -> Steps | None:
        if len(node.input) < 3:
            return None
        scale, zero_point = map(self._graph.constant, node.input[1:3])
        if scale is None or zero_point is None or scale.size != 1:
            return None
        limits = np.iinfo(zero_point.dtype)
        return Steps(float(scale.reshape(())), int(zero_point.reshape(())), int(limits.min), int(limits.max))

    def _is_narrow(self, name: str) -> bool:
        """Whether a tensor has fewer bits than float32, or is computed from constants that have."""
        if name in self._same or name in self._products or name in self._scales:
            return True
        values, maker = self._graph.constant(name), self._graph.made_by(name)
        if values is not None:
            return values.dtype in _NARROW
        return (
            name in self._constants and maker is not None and any(map(self._is_narrow, outer_inputs(maker)))
        )


class _OnnxPart:
    """See `Part`."""

    def __init__(self, model: Any, nodes: list[Any], inputs: list[str], output: str) -> None:
        self._model, self._nodes, self._inputs, self._output = model, nodes, inputs, output
        self._session: Any = None

    def run(self, values: Values) -> Array:
        """The tensor that the part computes."""
        given = {name: values[name] for name in self._inputs}
        # The types of its inputs are known only now.
        if self._session is None:
            self._session = _session(self._extracted(given))
        (result,) = self._session.run([self._output], given)
        array: Array = result
        return array

    def _extracted(self, given: Mapping[str, Array]) -> Any:
        taken = {name for node in self._nodes for name in outer_inputs(node)}
        graph = helper.make_graph(
            self._nodes,
            "part",
            [
                helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(array.dtype), None)
                for name, array in given.items()
            ],
            [onnx.ValueInfoProto(name=self._output)],
            [initializer for initializer in self._model.graph.initializer if initializer.name in taken],
        )
        return helper.make_model(
            graph, opset_imports=self._model.opset_import, ir_version=self._model.ir_version
        )


def _session(model: Any) -> Any:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    # For equal figures on all machines.
    options.intra_op_num_threads = 1
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    with quiet():
        return onnxruntime.InferenceSession(
            model.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )

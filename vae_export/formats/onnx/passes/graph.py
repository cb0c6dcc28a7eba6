"""ONNX graphs with look-up of producers, consumers, constants and shapes, for rules and traces."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

import numpy as np
import onnx
from onnx import numpy_helper

from vae_export.formats.onnx.passes.canonical import all_nodes, outer_inputs

__all__ = ["OnnxGraph"]

Array = np.ndarray[Any, Any]


class OnnxGraph:
    """A graph with look-up of producers, consumers, constants and shapes.

    Args:
        graph: an `onnx.GraphProto`; changed in place.
        shapes: name -> shape of its tensors, None for free sizes.
    """

    def __init__(self, graph: Any, shapes: Mapping[str, tuple[int | None, ...]]) -> None:
        self.graph = graph
        self._shapes = dict(shapes)
        self._fresh = 0
        self.refresh()

    @classmethod
    def of(cls, model: Any) -> OnnxGraph:
        """The graph of an `onnx.ModelProto`, with inferred shapes."""
        inferred = onnx.shape_inference.infer_shapes(model).graph
        shapes = {
            value.name: tuple(
                axis.dim_value if axis.HasField("dim_value") else None
                for axis in value.type.tensor_type.shape.dim
            )
            for value in (*inferred.input, *inferred.value_info, *inferred.output)
        }
        return cls(model.graph, shapes)

    def refresh(self) -> None:
        """Update the look-up after a change of the graph."""
        self._constants = {initializer.name: initializer for initializer in self.graph.initializer}
        self._makers = {name: node for node in self.graph.node for name in node.output if name}
        self._users: dict[str, list[Any]] = defaultdict(list)
        for node in self.graph.node:
            for name in dict.fromkeys(outer_inputs(node)):
                self._users[name].append(node)
        # Rules change neither outputs of the graph nor tensors that bodies of loops take.
        top = {id(node) for node in self.graph.node}
        self._kept = {output.name for output in self.graph.output}
        self._kept.update(
            name for node in all_nodes(self.graph) if id(node) not in top for name in node.input
        )

    @property
    def constants(self) -> frozenset[str]:
        """Names of the constants."""
        return frozenset(self._constants)

    def constant(self, name: str) -> Array | None:
        """The values of a constant; None for computed tensors."""
        if name not in self._constants:
            return None
        values: Array = numpy_helper.to_array(self._constants[name])
        return values

    def add_constant(self, values: Array) -> str:
        """Add a constant; returns its name."""
        self._fresh += 1
        name = f"lowered_{self._fresh}"
        self.graph.initializer.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name

    def shape(self, name: str) -> tuple[int | None, ...]:
        """The shape of a tensor; () if unknown."""
        return self._shapes.get(name, ())

    def maker(self, name: str) -> Any | None:
        """The producer of a tensor with a single consumer; else None."""
        return self._makers.get(name) if len(self.users(name)) == 1 else None

    def made_by(self, name: str) -> Any | None:
        """The producer of a tensor; None for inputs and constants."""
        return self._makers.get(name)

    def all_users(self, name: str) -> list[Any]:
        """The consumers of a tensor, including loops and branches whose bodies read it."""
        return self._users[name]

    def users(self, name: str) -> list[Any]:
        """The consumers of a tensor; [] if the graph's outputs or the bodies of loops need it too."""
        return [] if name in self._kept else self._users[name]

    def only_user(self, name: str) -> Any | None:
        """The only consumer of a tensor; None if there are none or several."""
        users = self.users(name)
        return users[0] if len(users) == 1 else None

    def replace(self, node: Any, name: str) -> None:
        """Remove a node, and let the producer of its input compute its output.

        Args:
            node: a node with one output.
            name: the input of the node, computed by another node and used by no other.
        """
        maker = self._makers[name]
        maker.output[list(maker.output).index(name)] = node.output[0]
        self.graph.node.remove(node)

    def drop_unused(self) -> None:
        """Remove constants without consumers."""
        taken = {name for node in all_nodes(self.graph) for name in node.input}
        taken.update(output.name for output in self.graph.output)
        kept = [initializer for initializer in self.graph.initializer if initializer.name in taken]
        del self.graph.initializer[:]
        self.graph.initializer.extend(kept)

"""Graphs of ONNX files as something that rules can read and rewrite."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

import numpy as np
import onnx
from onnx import numpy_helper

from vae_export.formats.onnx.passes.canonical import all_nodes

__all__ = ["OnnxGraph"]

Array = np.ndarray[Any, Any]


class OnnxGraph:
    """A graph whose nodes and constants are read by rules, and changed.

    Args:
        graph: an `onnx.GraphProto`; changed in place.
        shapes: of its tensors by name, with None where a size is free.
    """

    def __init__(self, graph: Any, shapes: Mapping[str, tuple[int | None, ...]]) -> None:
        self.graph = graph
        self._shapes = dict(shapes)
        self._fresh = 0
        self.refresh()

    @classmethod
    def of(cls, model: Any) -> OnnxGraph:
        """The graph of an `onnx.ModelProto`, with the shapes that can be inferred."""
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
        """Look at the graph again, after a change."""
        self._constants = {initializer.name: initializer for initializer in self.graph.initializer}
        self._makers = {name: node for node in self.graph.node for name in node.output}
        self._users: dict[str, list[Any]] = defaultdict(list)
        for node in self.graph.node:
            for name in dict.fromkeys(node.input):
                self._users[name].append(node)
        # Outputs of the graph, and what bodies of loops take, are not for rules.
        top = {id(node) for node in self.graph.node}
        self._kept = {output.name for output in self.graph.output}
        self._kept.update(
            name for node in all_nodes(self.graph) if id(node) not in top for name in node.input
        )

    def constant(self, name: str) -> Array | None:
        """The values of a tensor that is in the file, else None."""
        if name not in self._constants:
            return None
        values: Array = numpy_helper.to_array(self._constants[name])
        return values

    def add_constant(self, values: Array) -> str:
        """The name of a new tensor in the file."""
        self._fresh += 1
        name = f"lowered_{self._fresh}"
        self.graph.initializer.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name

    def shape(self, name: str) -> tuple[int | None, ...]:
        """The shape of a tensor, () if it is not known."""
        return self._shapes.get(name, ())

    def maker(self, name: str) -> Any | None:
        """The node that makes a tensor, if that is for one other node alone."""
        return self._makers.get(name) if len(self.users(name)) == 1 else None

    def made_by(self, name: str) -> Any | None:
        """The node that makes a tensor, whoever takes it."""
        return self._makers.get(name)

    def users(self, name: str) -> list[Any]:
        """The nodes that take a tensor; none if others need it too."""
        return [] if name in self._kept else self._users[name]

    def only_user(self, name: str) -> Any | None:
        """The node that alone takes a tensor."""
        users = self.users(name)
        return users[0] if len(users) == 1 else None

    def replace(self, node: Any, name: str) -> None:
        """Remove a node; a tensor that it alone takes gets the name of its output.

        Args:
            node: with one output.
            name: what it takes, made by another node.
        """
        maker = self._makers[name]
        maker.output[list(maker.output).index(name)] = node.output[0]
        self.graph.node.remove(node)

    def drop_unused(self) -> None:
        """Leave out the constants that nothing takes."""
        taken = {name for node in all_nodes(self.graph) for name in node.input}
        taken.update(output.name for output in self.graph.output)
        kept = [initializer for initializer in self.graph.initializer if initializer.name in taken]
        del self.graph.initializer[:]
        self.graph.initializer.extend(kept)

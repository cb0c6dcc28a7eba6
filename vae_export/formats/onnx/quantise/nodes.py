"""New nodes and constants of a graph, without duplicates."""

from __future__ import annotations

from typing import Any

import numpy as np
from onnx import helper

from vae_export.formats.onnx.passes.graph import OnnxGraph

__all__ = ["NewNodes"]

Array = np.ndarray[Any, Any]


class NewNodes:
    """Adds nodes and constants to a graph; equal ones are added once.

    Nodes are appended; `canonicalise` sorts them later.
    """

    def __init__(self, graph: OnnxGraph) -> None:
        self._graph = graph
        self._constants: dict[tuple[str, tuple[int, ...], bytes], str] = {}
        self._nodes: dict[tuple[Any, ...], list[str]] = {}

    def constant(self, values: Array) -> str:
        """Add a constant; returns its name."""
        key = (values.dtype.str, values.shape, values.tobytes())
        if key not in self._constants:
            self._constants[key] = self._graph.add_constant(values)
        return self._constants[key]

    def add(self, kind: str, *inputs: str, **attributes: int) -> str:
        """Add a node with a single output; returns the output's name."""
        (output,) = self.add_all(kind, *inputs, outputs=1, **attributes)
        return output

    def add_all(self, kind: str, *inputs: str, outputs: int, **attributes: int) -> list[str]:
        """Add a node; returns the names of its outputs."""
        key = (kind, inputs, tuple(sorted(attributes.items())))
        if key not in self._nodes:
            names = [f"quantised_{len(self._nodes)}_{number}" for number in range(outputs)]
            node = helper.make_node(kind, inputs, names)
            node.attribute.extend(helper.make_attribute(*entry) for entry in sorted(attributes.items()))
            self._graph.graph.node.append(node)
            self._nodes[key] = names
        return self._nodes[key]

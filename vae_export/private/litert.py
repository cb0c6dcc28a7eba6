"""Private names of LiteRT: the generated classes of .tflite files. Seen in ai-edge-litert 2.3.0."""

from __future__ import annotations

from typing import Any

from ai_edge_litert import schema_py_generated as schema

__all__ = ["read_model", "schema"]


def read_model(data: bytes) -> Any:
    """A file as a `schema.ModelT`."""
    return schema.ModelT.InitFromObj(schema.Model.GetRootAs(data, 0))

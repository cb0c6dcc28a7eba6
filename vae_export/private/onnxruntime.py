"""Private names of ONNX Runtime: the flatbuffers of .ort files. Seen in onnxruntime 1.32.0."""

from __future__ import annotations

from typing import Any

from onnxruntime.tools.ort_format_model.ort_flatbuffers_py.fbs import (
    ArgTypeAndIndex,
    AttributeType,
    InferenceSession,
    KernelTypeStrArgsEntry,
    KernelTypeStrResolver,
    OpIdKernelTypeStrArgsEntry,
)

__all__ = [
    "ArgTypeAndIndex",
    "AttributeType",
    "InferenceSession",
    "KernelTypeStrArgsEntry",
    "KernelTypeStrResolver",
    "OpIdKernelTypeStrArgsEntry",
    "read_session",
    "table_of",
]


def read_session(data: bytes) -> Any:
    """The root of an .ort file."""
    return InferenceSession.InferenceSession.GetRootAs(data, 0)


def table_of(entry: Any) -> Any:
    """The flatbuffer table of a generated object: its position and fields."""
    return entry._tab

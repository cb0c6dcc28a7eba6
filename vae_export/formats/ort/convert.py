"""Convert .onnx files to ONNX Runtime's own format, for reduced builds of it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import flatbuffers
import onnxruntime

from vae_export.core.artifact import Artifact, artifact_file
from vae_export.errors import ConversionError, one_line
from vae_export.formats.oldest_runtimes import oldest_for_ort
from vae_export.private.onnxruntime import (
    ArgTypeAndIndex,
    AttributeType,
    InferenceSession,
    KernelTypeStrArgsEntry,
    KernelTypeStrResolver,
    OpIdKernelTypeStrArgsEntry,
    read_session,
    table_of,
)

__all__ = ["OPERATORS_FILE", "convert_to_ort", "required_operators"]

OPERATORS_FILE = "required_operators.config"

_IDENTIFIER = b"ORTM"
_ALIGNMENT = 16


def convert_to_ort(artifact: Artifact) -> Artifact:
    """Convert an .onnx file as ONNX Runtime's own converter does in its style "Fixed".

    The graph is optimised and operators are fused, but not for the machine of the conversion.

    Raises:
        ConversionError: ONNX Runtime refuses the file.
    """
    file = artifact_file(artifact.role, artifact.precision, ".ort")
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.add_session_config_entry("session.save_model_format", "ORT")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, file)
        options.optimized_model_filepath = str(path)
        try:
            # Its blocked layouts depend on the machine.
            onnxruntime.InferenceSession(
                artifact.data,
                options,
                providers=["CPUExecutionProvider"],
                disabled_optimizers=["NchwcTransformer"],
            )
        # ONNX Runtime has a type of its own for each code.
        except Exception as error:
            raise ConversionError(f"{file}: ONNX Runtime cannot convert it ({one_line(error)})") from error
        data = path.read_bytes()
    root = read_session(data)
    return replace(
        artifact,
        format="ort",
        files={file: _repeatable(data, root)},
        operators=tuple(sorted({name for _, _, name in _operators(root.Model().Graph())})),
        oldest_runtime=oldest_for_ort(root.OrtVersion()),
    )


def required_operators(artifacts: Sequence[Artifact]) -> bytes:
    """The operators of .ort files, in the form of ONNX Runtime's ``build.py --include_ops_by_config``.

    A line for each domain and opset: ``ai.onnx;13;Gemm,Sigmoid``.
    """
    operators: dict[tuple[str, int], set[str]] = {}
    for artifact in artifacts:
        root = read_session(artifact.data)
        for domain, opset, name in _operators(root.Model().Graph()):
            operators.setdefault((domain, opset), set()).add(name)
    lines = [
        f"{domain};{opset};{','.join(sorted(names))}" for (domain, opset), names in sorted(operators.items())
    ]
    return "\n".join([f"# {' and '.join(entry.file for entry in artifacts)}", *lines, ""]).encode()


def _operators(graph: Any) -> Iterator[tuple[str, int, str]]:
    """(domain, opset, name) of every node of a graph and of the graphs in it."""
    for node in map(graph.Nodes, range(graph.NodesLength())):
        yield node.Domain().decode() or "ai.onnx", node.SinceVersion(), node.OpType().decode()
        for attribute in map(node.Attributes, range(node.AttributesLength())):
            if attribute.Type() == AttributeType.AttributeType.GRAPH:
                yield from _operators(attribute.G())


def _repeatable(data: bytes, root: Any) -> bytes:
    """Sort the kernel types of a file, which are written in the order of a hash table.

    A flatbuffer is written from its end, the root and the kernel types last. They come first in the file, and
    the rest of it is kept.
    """
    model = table_of(root.Model())
    # A table's vtable may lie before it.
    low = min(model.Pos, model.Pos - model.Get(flatbuffers.number_types.SOffsetTFlags, model.Pos))
    kept = data[low:]
    builder = flatbuffers.Builder(len(kept) + 65536)
    builder.minalign = _ALIGNMENT
    builder.head -= len(kept)
    builder.Bytes[builder.head : builder.head + len(kept)] = kept
    version = builder.CreateString(root.OrtVersion())
    types = _copy_types(builder, root.KernelTypeStrResolver())
    InferenceSession.Start(builder)
    InferenceSession.AddOrtVersion(builder, version)
    InferenceSession.AddModel(builder, len(data) - model.Pos)
    InferenceSession.AddKernelTypeStrResolver(builder, types)
    builder.Finish(InferenceSession.End(builder), _IDENTIFIER)
    return bytes(builder.Output())


def _copy_types(builder: Any, resolver: Any) -> int:
    operators = []
    for number in range(resolver.OpKernelTypeStrArgsLength()):
        operator, entries = resolver.OpKernelTypeStrArgs(number), []
        for entry in map(operator.KernelTypeStrArgs, range(operator.KernelTypeStrArgsLength())):
            arguments = []
            for argument in map(entry.Args, range(entry.ArgsLength())):
                ArgTypeAndIndex.Start(builder)
                ArgTypeAndIndex.AddArgType(builder, argument.ArgType())
                ArgTypeAndIndex.AddIndex(builder, argument.Index())
                arguments.append(ArgTypeAndIndex.End(builder))
            name, vector = builder.CreateString(entry.KernelTypeStr()), _vector(builder, arguments)
            KernelTypeStrArgsEntry.Start(builder)
            KernelTypeStrArgsEntry.AddKernelTypeStr(builder, name)
            KernelTypeStrArgsEntry.AddArgs(builder, vector)
            entries.append((entry.KernelTypeStr(), KernelTypeStrArgsEntry.End(builder)))
        name = builder.CreateString(operator.OpId())
        vector = _vector(builder, [table for _, table in sorted(entries)])
        OpIdKernelTypeStrArgsEntry.Start(builder)
        OpIdKernelTypeStrArgsEntry.AddOpId(builder, name)
        OpIdKernelTypeStrArgsEntry.AddKernelTypeStrArgs(builder, vector)
        operators.append(OpIdKernelTypeStrArgsEntry.End(builder))
    vector = _vector(builder, operators)
    KernelTypeStrResolver.Start(builder)
    KernelTypeStrResolver.AddOpKernelTypeStrArgs(builder, vector)
    return int(KernelTypeStrResolver.End(builder))


def _vector(builder: Any, tables: list[int]) -> int:
    builder.StartVector(4, len(tables), 4)
    for table in reversed(tables):
        builder.PrependUOffsetTRelative(table)
    return int(builder.EndVector())

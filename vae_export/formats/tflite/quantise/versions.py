"""Set the versions of operators, and the oldest runtime that has them, after litert-quantizer.

litert-quantizer leaves both as they were in the float file. A runtime without the kernels that the quantised
operators need then loads the file all the same, and may compute something else silently: tflite-runtime 2.14
takes per-channel weights for per-tensor ones (PSNR of a decoder 9 dB instead of 49).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from vae_export.errors import ConversionError
from vae_export.formats.tflite.description import minimum_runtime
from vae_export.formats.tflite.flatbuffer import to_bytes
from vae_export.formats.tflite.passes.graph import kind_of
from vae_export.io.quiet import quiet
from vae_export.private.litert import read_model, schema
from vae_export.private.tensorflow import rewrite_file

__all__ = ["state_versions"]

_WEIGHTS = {schema.TensorType.FLOAT16, schema.TensorType.FLOAT32, schema.TensorType.INT8}
_METADATA = b"min_runtime_version"
# (kind, version) that TensorFlow writes for 16-bit activations -> the version that they need. It takes the
# default type of biases, 64 bits, for an explicit choice, which only newer kernels know.
_CHOSEN_BIASES = {("CONV_2D", 8): 4, ("FULLY_CONNECTED", 11): 7, ("TRANSPOSE_CONV", 5): 4}
# The runtime that TensorFlow then writes -> the oldest runtime that was seen to run such files correctly.
_WITHOUT_CHOICE = {"2.15.0": "2.14.0"}


def state_versions(model: Any, data: bytes, file: str) -> None:
    """Set the versions that TensorFlow would write for the operators of a model.

    Args:
        model: a `schema.ModelT`; changed in place.
        data: the same model, serialised.
        file: for messages.

    Raises:
        ConversionError: TensorFlow would write other operators.
    """
    with quiet():
        written = read_model(rewrite_file(_stand_in(data)))
    runtime = minimum_runtime(written)
    codes: dict[tuple[int, int, bytes | None], int] = {}
    for graph, twin in zip(model.subgraphs, written.subgraphs, strict=True):
        kinds, twins = ([kind_of(m, o) for o in g.operators] for m, g in ((model, graph), (written, twin)))
        if kinds != twins:
            raise ConversionError(
                f"{file}: TensorFlow reads the operators {', '.join(twins)}, expected {', '.join(kinds)}: "
                "their versions are unknown; use a tested TensorFlow version"
            )
        for kind, operator, other in zip(kinds, graph.operators, twin.operators, strict=True):
            code = model.operatorCodes[operator.opcodeIndex]
            version = written.operatorCodes[other.opcodeIndex].version
            if (kind, version) in _CHOSEN_BIASES:
                version = _CHOSEN_BIASES[kind, version]
                runtime = _WITHOUT_CHOICE.get(runtime, runtime)
            key = (code.builtinCode, version, code.customCode)
            operator.opcodeIndex = codes.setdefault(key, len(codes))
    model.operatorCodes = [_code(*key) for key in codes]
    _state_runtime(model, runtime)


def _stand_in(data: bytes) -> bytes:
    """The file with all weights 1: TensorFlow would make weights with many zeros sparse."""
    model = read_model(data)
    for graph in model.subgraphs:
        for tensor in graph.tensors:
            content = model.buffers[tensor.buffer].data
            if tensor.type in _WEIGHTS and content is not None:
                model.buffers[tensor.buffer].data = np.ones(len(content), np.uint8)
    return to_bytes(model)


def _code(builtin: int, version: int, custom: bytes | None) -> Any:
    code = schema.OperatorCodeT()
    code.builtinCode, code.version, code.customCode = builtin, version, custom
    # The schema's one-byte field for codes, for old readers.
    code.deprecatedBuiltinCode = min(builtin, schema.BuiltinOperator.PLACEHOLDER_FOR_GREATER_OP_CODES)
    return code


def _state_runtime(model: Any, version: str) -> None:
    buffer, entry = schema.BufferT(), schema.MetadataT()
    # As TensorFlow writes it: 16 bytes.
    buffer.data = np.frombuffer(version.encode().ljust(16, b"\0"), np.uint8)
    entry.name, entry.buffer = _METADATA, len(model.buffers)
    model.buffers.append(buffer)
    model.metadata = [*(other for other in model.metadata or [] if other.name != _METADATA), entry]

"""The oldest runtime of a file, for its manifest: package and version, such as "onnxruntime 1.15.1".

tests/old_runtimes runs the reference models in every precision in these runtimes, and compares them with the
newest. Older runtimes may have the operators too, but were not tried. For a file that needs a newer runtime
than those, it is the runtime that verified it.
"""

from __future__ import annotations

from importlib.metadata import version

__all__ = ["OLDEST_FOR_ONNX", "oldest_for_ort", "oldest_for_tflite"]

# It has all opsets of `onnx.opsets`; 1.14 was the first that does.
OLDEST_FOR_ONNX = "onnxruntime 1.15.1"
# Version of the format -> the oldest ONNX Runtime that loads it.
_OLDEST_FOR_ORT = {b"6": "1.17.0"}
# TensorFlow version -> the oldest runtime with all of its operators, in ascending order. TensorFlow names
# versions down to 1.5 for the oldest operators; those runtimes cannot run signatures.
_OLDEST_FOR_TFLITE = {(2, 14, 0): "tflite-runtime 2.14.0", (2, 17, 0): "ai-edge-litert 1.0.1"}


def oldest_for_ort(format_version: bytes) -> str:
    """The oldest runtime of a version of the .ort format."""
    return f"onnxruntime {_OLDEST_FOR_ORT.get(format_version) or version('onnxruntime')}"


def oldest_for_tflite(minimum: str) -> str:
    """The oldest runtime of a .tflite file.

    Args:
        minimum: the TensorFlow version whose operators the file needs, see `minimum_runtime`; empty if
            TensorFlow does not know it.
    """
    for known, runtime in _OLDEST_FOR_TFLITE.items():
        if minimum and tuple(map(int, minimum.split("."))) <= known:
            return runtime
    return f"ai-edge-litert {version('ai-edge-litert')}"
